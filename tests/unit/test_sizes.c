#include "client/sizes.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_BYTES = 16 << 20 };

static struct sizes parsed(const char *text)
{
    struct sizes s;

    if (sizes_parse(&s, text, MOST_BYTES) != 0)
        fail_msg("'%s' was refused", text);
    return s;
}

static void parses_a_list(void **state)
{
    struct sizes s = parsed("64:0.7,1k:0.2,64k:0.1");

    (void)state;
    assert_int_equal(s.count, 3);
    assert_int_equal(s.bytes[0], 64);
    assert_int_equal(s.bytes[1], 1024);
    assert_int_equal(s.bytes[2], 65536);
    assert_int_equal(s.longest_bytes, 65536);
    assert_true(fabs(s.mean_bytes - (64 * 0.7 + 1024 * 0.2 + 65536 * 0.1)) < 1e-6);
    assert_true(s.upto[2] == UINT64_MAX);
}

static void parses_one_size(void **state)
{
    struct sizes s = parsed("300:4711");

    (void)state;
    assert_int_equal(s.count, 1);
    assert_int_equal(s.bytes[0], 300);
    assert_true(s.mean_bytes == 300);
}

/* Shares matter, not their sum. */
static void scales_the_weights(void **state)
{
    static const char *const texts[] = {"1:7,2:2,3:1", "1:0.7,2:0.2,3:0.1",
                                        "1:7e-300,2:2e-300,3:1e-300", "1:7e300,2:2e300,3:1e300"};
    struct sizes expected = parsed("1:70,2:20,3:10");

    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        struct sizes s = parsed(texts[t]);

        for (unsigned i = 0; i < 3; i++)
            assert_true(fabs((double)s.upto[i] - (double)expected.upto[i]) < 0x1p64 * 1e-12);
        assert_true(fabs(s.mean_bytes - expected.mean_bytes) < 1e-9);
    }
}

static void takes_the_ends_of_the_range(void **state)
{
    struct sizes s = parsed("16M:1,1:1");

    (void)state;
    assert_int_equal(s.bytes[0], MOST_BYTES);
    assert_int_equal(s.bytes[1], 1);
    assert_int_equal(s.longest_bytes, MOST_BYTES);
}

/* So many pairs as text. */
static const char *list_of(unsigned count)
{
    static char text[16 * (SIZES_MAX + 1)];
    size_t at = 0;

    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u:1", i ? "," : "", i + 1);
    return text;
}

static void takes_so_many_and_no_more(void **state)
{
    struct sizes s = parsed(list_of(SIZES_MAX));

    (void)state;
    assert_int_equal(s.count, SIZES_MAX);
    assert_int_equal(s.longest_bytes, SIZES_MAX);
    assert_int_equal(sizes_parse(&s, list_of(SIZES_MAX + 1), MOST_BYTES), -EINVAL);
}

static void refuses_what_is_no_list(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        ",",
        ":",
        "64",
        "64:",
        ":1",
        "64:1,",
        ",64:1",
        "64:1,,1k:1",
        "64:1 ,1k:1",
        "64:1;1k:1",
        "64:1:1",
        "64:one",
        "64:0",
        "64:-1",
        "64:-0",
        "64:0.0",
        "64:nan",
        "64:inf",
        "64:1e999",
        "64:1e-999",
        "64:1x",
        "64:1%",
        "0:1",
        "-64:1",
        "0.5:1",
        "1.5:1",
        "64s:1",
        "six:1",
        "17M:1",
        "16777217:1",
        "99999999999999999999:1",
        "64 :1",
        " 64:1",
        "64:1,1k",
        "64:1,0:1",
        "64:1,1k:0",
        "64:1.0.0",
        "64:1e308,1k:1e308",
        "64: 0.5",
        "64:0x1",
        "64:+",
        "64:\n1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sizes s;

        if (sizes_parse(&s, texts[i], MOST_BYTES) != -EINVAL)
            fail_msg("'%s' was not refused", texts[i]);
    }
}

static void refuses_endless_text(void **state)
{
    static char text[5000];
    struct sizes s;

    (void)state;
    memset(text, '0', sizeof text - 1);
    memcpy(text, "64:1.", 5);
    assert_int_equal(sizes_parse(&s, text, MOST_BYTES), -EINVAL);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void fixed_size_is_always_drawn(void **state)
{
    struct sizes s;
    struct rng rng = {1};

    (void)state;
    sizes_fixed(&s, 777);
    assert_true(s.mean_bytes == 777);
    assert_int_equal(s.longest_bytes, 777);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sizes_draw(&s, &rng), 777);
}

/* Each share within 5 standard deviations of its binomial distribution. */
static void draws_match_the_weights(void **state)
{
    enum { DRAWS = 1000000 };
    static const double shares[] = {0.7, 0.2, 0.099, 0.001};
    struct sizes s = parsed("1:70,2:20,3:9.9,4:0.1");
    unsigned counts[4] = {0};
    struct rng rng = {1};
    double sum = 0;

    (void)state;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t drawn = sizes_draw(&s, &rng);

        assert_in_range(drawn, 1, 4);
        counts[drawn - 1]++;
        sum += drawn;
    }
    for (int i = 0; i < 4; i++)
        assert_true(fabs(counts[i] - shares[i] * DRAWS) <
                    5 * sqrt(DRAWS * shares[i] * (1 - shares[i])));
    assert_true(fabs(sum / DRAWS - s.mean_bytes) < 5 * 0.7 / sqrt(DRAWS));
}

static void draws_the_same_for_the_same_seed(void **state)
{
    struct sizes s = parsed("1:1,2:1,3:1");
    struct rng a = {9}, b = {9}, other = {10};
    unsigned differences = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint32_t drawn = sizes_draw(&s, &a);

        assert_int_equal(sizes_draw(&s, &b), drawn);
        differences += sizes_draw(&s, &other) != drawn;
    }
    assert_in_range(differences, 500, 850); /* two of three, give or take */
}

/* A weight that is nothing beside the others is drawn next to never, but breaks nothing. */
static void survives_vanishing_weights(void **state)
{
    struct sizes s = parsed("1:1e-300,2:1e300,3:1e-300");
    struct rng rng = {1};

    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(sizes_draw(&s, &rng), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_list),
        cmocka_unit_test(parses_one_size),
        cmocka_unit_test(scales_the_weights),
        cmocka_unit_test(takes_the_ends_of_the_range),
        cmocka_unit_test(takes_so_many_and_no_more),
        cmocka_unit_test(refuses_what_is_no_list),
        cmocka_unit_test(refuses_endless_text),
        cmocka_unit_test(fixed_size_is_always_drawn),
        cmocka_unit_test(draws_match_the_weights),
        cmocka_unit_test(draws_the_same_for_the_same_seed),
        cmocka_unit_test(survives_vanishing_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
