#include "common/base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef int parser(const char *text, uint64_t *value);

static void expect(parser *parse, const char *text, uint64_t expected)
{
    uint64_t value = 0;

    if (parse(text, &value) != 0)
        fail_msg("'%s' was refused", text);
    assert_int_equal(value, expected);
}

/* A value that was refused is not written either. */
static void expect_error(parser *parse, const char *text, int expected)
{
    uint64_t value = 4711;
    int err = parse(text, &value);

    if (err != expected)
        fail_msg("'%s' gave %d instead of %d", text, err, expected);
    assert_int_equal(value, 4711);
}

static void parses_counts(void **state)
{
    (void)state;
    expect(units_parse_count, "0", 0);
    expect(units_parse_count, "007", 7);
    expect(units_parse_count, "200k", 200000);
    expect(units_parse_count, "1.5k", 1500);
    expect(units_parse_count, "1.000", 1);
    expect(units_parse_count, "0.000001M", 1);
    expect(units_parse_count, "3G", 3000000000);
    expect(units_parse_count, "18446744073709551615", UINT64_MAX);
    expect(units_parse_count, "18446744073709551.615k", UINT64_MAX);
}

static void parses_bytes(void **state)
{
    static const char *const kilos[] = {"64k", "64K", "64kB", "64KB", "64KiB", "64kib", "65536B"};

    (void)state;
    for (size_t i = 0; i < sizeof(kilos) / sizeof(kilos[0]); i++)
        expect(units_parse_bytes, kilos[i], 65536);
    expect(units_parse_bytes, "0.5k", 512);
    expect(units_parse_bytes, "1.5M", 1572864);
    expect(units_parse_bytes, "16m", 16777216);
    expect(units_parse_bytes, "2GiB", 2147483648);
}

static void parses_durations(void **state)
{
    (void)state;
    expect(units_parse_duration_ns, "10", 10000000000);
    expect(units_parse_duration_ns, "0.25", 250000000);
    expect(units_parse_duration_ns, "7ns", 7);
    expect(units_parse_duration_ns, "250us", 250000);
    expect(units_parse_duration_ns, "500ms", 500000000);
    expect(units_parse_duration_ns, "1.5s", 1500000000);
    expect(units_parse_duration_ns, "1m", 60000000000);
    expect(units_parse_duration_ns, "0.5h", 1800000000000);
    expect(units_parse_duration_ns, "0.0000000005h", 1800);
}

static void refuses_what_is_no_quantity(void **state)
{
    static parser *const parsers[] = {
        units_parse_count,
        units_parse_bytes,
        units_parse_duration_ns,
    };
    static const char *const texts[] = {
        "",
        " ",
        "-1",
        "+1",
        ".5",
        ".",
        "1.",
        "1.k",
        "1..5",
        "1.5.5",
        "1,000",
        "0x10",
        "1e3",
        "1 k",
        " 1",
        "1 ",
        "1kk",
        "k",
        "nan",
        "inf",
        "1q",
        "1ki",
        "\xc2\xb5s",
        "12three",
        "0.0000000001",
        "1\n",
        "1.0000000000000000001",
    };

    (void)state;
    for (size_t p = 0; p < sizeof(parsers) / sizeof(parsers[0]); p++)
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
            expect_error(parsers[p], texts[i], -EINVAL);
}

static void keeps_the_units_apart(void **state)
{
    (void)state;
    expect_error(units_parse_count, "1s", -EINVAL);
    expect_error(units_parse_count, "1m", -EINVAL);
    expect_error(units_parse_count, "1kB", -EINVAL);
    expect_error(units_parse_bytes, "1ms", -EINVAL);
    expect_error(units_parse_duration_ns, "1k", -EINVAL);
    expect_error(units_parse_duration_ns, "1M", -EINVAL);
}

static void refuses_parts_of_a_unit(void **state)
{
    (void)state;
    expect_error(units_parse_bytes, "0.3", -EINVAL);
    expect_error(units_parse_bytes, "0.3k", -EINVAL);
    expect_error(units_parse_count, "1.0005k", -EINVAL);
    expect_error(units_parse_duration_ns, "1.5ns", -EINVAL);
    /* 10 to the power of so many digits is 0 in 64 bits. */
    expect_error(units_parse_bytes,
                 "0.00000000000000000000000000000000000000000000000000000000000000000001", -EINVAL);
    expect(units_parse_bytes,
           "1.00000000000000000000000000000000000000000000000000000000000000000000", 1);
}

static void says_what_does_not_fit(void **state)
{
    (void)state;
    expect_error(units_parse_count, "18446744073709551616", -ERANGE);
    expect_error(units_parse_count, "18446744073709551.616k", -ERANGE);
    expect_error(units_parse_count, "99999999999999999999999999999999999999999999", -ERANGE);
    expect_error(units_parse_bytes, "17179869184G", -ERANGE);
    expect_error(units_parse_duration_ns, "5124096h", -ERANGE);
}

typedef struct text writer(uint64_t value);

static void expect_text(writer *write, uint64_t value, const char *expected)
{
    assert_string_equal(write(value).s, expected);
}

static void writes_counts(void **state)
{
    (void)state;
    expect_text(text_count, 0, "0");
    expect_text(text_count, 999, "999");
    expect_text(text_count, 1000, "1,000");
    expect_text(text_count, 310190, "310,190");
    expect_text(text_count, UINT64_MAX, "18,446,744,073,709,551,615");
}

static void writes_bytes(void **state)
{
    (void)state;
    expect_text(text_bytes, 0, "0 B");
    expect_text(text_bytes, 300, "300 B");
    expect_text(text_bytes, 1023, "1023 B");
    expect_text(text_bytes, 65536, "64 KiB");
    expect_text(text_bytes, 1572864, "1.5 MiB");
    expect_text(text_bytes, 1310720, "1.25 MiB");
    expect_text(text_bytes, 1075, "1.05 KiB");
    expect_text(text_bytes, 1048575, "1 MiB"); /* not 1024 KiB */
    expect_text(text_bytes, UINT64_MAX, "17179869184 GiB");
}

static void writes_durations(void **state)
{
    (void)state;
    expect_text(text_time, 0, "0 ns");
    expect_text(text_time, 950, "950 ns");
    expect_text(text_time, 1000, "1.00 us");
    expect_text(text_time, 8420, "8.42 us");
    expect_text(text_time, 999994, "999.99 us");
    expect_text(text_time, 999995, "1.00 ms"); /* not 1000.00 us */
    expect_text(text_time, 1200000000, "1.20 s");
    expect_text(text_time, 3600000000000, "3600.00 s");
    expect_text(text_time, UINT64_MAX, "18446744073.71 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_counts),          cmocka_unit_test(parses_bytes),
        cmocka_unit_test(parses_durations),       cmocka_unit_test(refuses_what_is_no_quantity),
        cmocka_unit_test(keeps_the_units_apart),  cmocka_unit_test(refuses_parts_of_a_unit),
        cmocka_unit_test(says_what_does_not_fit), cmocka_unit_test(writes_counts),
        cmocka_unit_test(writes_bytes),           cmocka_unit_test(writes_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
