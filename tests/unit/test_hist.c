#include "common/base/base64.h"
#include "common/base/hist.h"
#include "tests/hdr_unpack.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One allocation for the histograms of a test; they are too large for comfort on a stack. */
struct fixture {
    struct hist a, b, c;
};

static int set_up(void **state)
{
    struct fixture *f = malloc(sizeof(*f));

    if (!f)
        return -1;
    hist_reset(&f->a);
    hist_reset(&f->b);
    hist_reset(&f->c);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* xorshift64* (S. Vigna, 2014): the same values on every machine and in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 2685821657736338717ULL;
}

/* Every magnitude from nanoseconds to the hour is as likely as any other. */
static uint64_t random_latency_ns(uint64_t *seed)
{
    uint64_t bits = next_random(seed) % 42;
    uint64_t value_ns = next_random(seed) >> (63 - bits);

    return value_ns > HIST_MAX_NS ? HIST_MAX_NS : value_ns;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void assert_same(const struct hist *a, const struct hist *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->over_range, b->over_range);
    assert_int_equal(a->min_ns, b->min_ns);
    assert_int_equal(a->max_ns, b->max_ns);
    assert_true(a->sum_ns == b->sum_ns);
    assert_memory_equal(a->slots, b->slots, sizeof(a->slots));
}

/* ---- slots ---- */

static void slots_follow_each_other(void **state)
{
    uint64_t expected_low_ns = 0;

    (void)state;
    for (unsigned slot = 0; slot < HIST_SLOTS; slot++) {
        uint64_t low_ns = hist_slot_low_ns(slot);
        uint64_t high_ns = hist_slot_high_ns(slot);

        assert_int_equal(low_ns, expected_low_ns);
        assert_int_equal(hist_slot(low_ns), slot);
        assert_int_equal(hist_slot(high_ns), slot);
        assert_true(high_ns == low_ns || (double)(high_ns - low_ns) <= (double)low_ns * 0.008);
        expected_low_ns = high_ns + 1;
    }
    assert_true(expected_low_ns > HIST_MAX_NS);
}

/* ---- recording ---- */

enum { VALUES = 200000 };

static void percentiles_are_within_the_bound(void **state)
{
    static const double percents[] = {0.001, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};
    struct fixture *f = *state;
    uint64_t *values = malloc(VALUES * sizeof(*values));
    uint64_t seed = 88172645463325252;

    assert_non_null(values);
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = random_latency_ns(&seed);
        hist_record(&f->a, values[i]);
    }
    qsort(values, VALUES, sizeof(*values), by_value);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        uint64_t rank = (uint64_t)llround(percents[i] * VALUES / 100); /* whole for all of them */
        uint64_t exact_ns = values[rank - 1];
        uint64_t told_ns = hist_percentile_ns(&f->a, percents[i]);

        assert_true(told_ns >= exact_ns);
        assert_true((double)(told_ns - exact_ns) <= (double)exact_ns * 0.008);
    }
    free(values);
}

static void totals_are_exact(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 1, min_ns = UINT64_MAX, max_ns = 0;
    hist_sum sum_ns = 0;

    for (size_t i = 0; i < VALUES; i++) {
        uint64_t value_ns = random_latency_ns(&seed) + 3;

        hist_record(&f->a, value_ns);
        sum_ns += value_ns;
        min_ns = value_ns < min_ns ? value_ns : min_ns;
        max_ns = value_ns > max_ns ? value_ns : max_ns;
    }
    assert_int_equal(f->a.count, VALUES);
    assert_int_equal(f->a.min_ns, min_ns);
    assert_int_equal(f->a.max_ns, max_ns);
    assert_true(f->a.sum_ns == sum_ns);
    assert_true(hist_mean_ns(&f->a) == (double)sum_ns / VALUES);
}

static void sum_exceeds_64_bits(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++)
        hist_record(&f->a, UINT64_MAX);
    assert_true(f->a.sum_ns == (hist_sum)UINT64_MAX * 4);
    assert_true(hist_mean_ns(&f->a) == (double)UINT64_MAX);
}

static void percentile_takes_the_right_rank(void **state)
{
    struct fixture *f = *state;

    for (uint64_t value_ns = 1; value_ns <= 200; value_ns++)
        hist_record(&f->a, value_ns);
    assert_int_equal(hist_percentile_ns(&f->a, 0), 1);
    assert_int_equal(hist_percentile_ns(&f->a, 0.5), 1);
    assert_int_equal(hist_percentile_ns(&f->a, 0.50001), 2);
    assert_int_equal(hist_percentile_ns(&f->a, 50), 100);
    assert_int_equal(hist_percentile_ns(&f->a, 99), 198);
    assert_int_equal(hist_percentile_ns(&f->a, 99.99), 200);
    assert_int_equal(hist_percentile_ns(&f->a, 100), 200);
    assert_int_equal(hist_percentile_ns(&f->a, -1), 1);
    assert_int_equal(hist_percentile_ns(&f->a, 101), 200);
}

/* 99.9 percent of 41000 is 40959, in floating point a little more. */
static void percentile_survives_rounding(void **state)
{
    struct fixture *f = *state;

    for (int i = 1; i <= 41000; i++)
        hist_record(&f->a, i <= 40959 ? 10 : 1000);
    assert_int_equal(hist_percentile_ns(&f->a, 99.9), 10);
    assert_int_equal(hist_percentile_ns(&f->a, 99.91), 1000);
}

static void percentile_never_exceeds_the_maximum(void **state)
{
    struct fixture *f = *state;

    hist_record(&f->a, 1000000);
    assert_true(hist_slot_high_ns(hist_slot(1000000)) > 1000000);
    assert_int_equal(hist_percentile_ns(&f->a, 50), 1000000);
    assert_int_equal(hist_percentile_ns(&f->a, 100), 1000000);
}

static void standard_deviation_is_close(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1000; i++) {
        hist_record(&f->a, 100);
        hist_record(&f->a, 200);
        hist_record(&f->b, 1000000);
        hist_record(&f->b, 2000000);
    }
    assert_true(hist_stddev_ns(&f->a) == 50);
    assert_true(fabs(hist_stddev_ns(&f->b) - 500000) < 500000 * 0.016);
}

static void empty_histogram_is_all_zero(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->a.count, 0);
    assert_int_equal(f->a.min_ns, UINT64_MAX);
    assert_int_equal(f->a.max_ns, 0);
    assert_true(hist_mean_ns(&f->a) == 0);
    assert_true(hist_stddev_ns(&f->a) == 0);
    assert_int_equal(hist_percentile_ns(&f->a, 0), 0);
    assert_int_equal(hist_percentile_ns(&f->a, 50), 0);
    assert_int_equal(hist_percentile_ns(&f->a, 100), 0);
}

static void over_range_is_counted(void **state)
{
    struct fixture *f = *state;

    hist_record(&f->a, HIST_MAX_NS);
    assert_int_equal(f->a.over_range, 0);
    hist_record(&f->a, HIST_MAX_NS + 1);
    hist_record(&f->a, UINT64_MAX);
    assert_int_equal(f->a.count, 3);
    assert_int_equal(f->a.over_range, 2);
    assert_int_equal(f->a.max_ns, UINT64_MAX);
    assert_int_equal(f->a.slots[hist_slot(HIST_MAX_NS)], 3);
    assert_int_equal(hist_percentile_ns(&f->a, 100), hist_slot_high_ns(hist_slot(HIST_MAX_NS)));
}

static void merge_equals_recording_into_one(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 42;

    for (int i = 0; i < VALUES; i++) {
        uint64_t value_ns = random_latency_ns(&seed) + (i % 1000 == 0 ? HIST_MAX_NS : 0);

        hist_record(i % 3 ? &f->a : &f->b, value_ns);
        hist_record(&f->c, value_ns);
    }
    hist_merge(&f->a, &f->b);
    assert_same(&f->a, &f->c);

    hist_reset(&f->b);
    hist_merge(&f->a, &f->b); /* an empty one changes nothing, its minimum least of all */
    assert_same(&f->a, &f->c);
    hist_merge(&f->b, &f->a);
    assert_same(&f->b, &f->c);
}

/* ---- base64 ---- */

static void base64_agrees_with_the_rfc(void **state)
{
    static const char *const texts[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

    (void)state;
    for (size_t len = 0; len <= 6; len++) {
        char *text = base64_encode((const uint8_t *)"foobar", len);

        assert_string_equal(text, texts[len]);
        free(text);
    }
}

/* ---- HdrHistogram text ---- */

/* What comes back: the same slots. */
static void assert_round_trip(const struct hist *h, struct hist *decoded)
{
    char *text = hist_encode_base64(h);

    assert_non_null(text);
    assert_null(strpbrk(text, " \r\n"));
    hdr_slots(text, decoded->slots);
    free(text);
    assert_memory_equal(decoded->slots, h->slots, sizeof(h->slots));
}

static void round_trip_keeps_the_slots(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 7;

    for (int i = 0; i < VALUES; i++) {
        hist_record(&f->a, random_latency_ns(&seed));
        if (i < 3 || i == 10 || i == 1000)
            assert_round_trip(&f->a, &f->b);
    }
    assert_round_trip(&f->a, &f->b);
}

static void round_trip_of_extremes(void **state)
{
    struct fixture *f = *state;

    assert_round_trip(&f->a, &f->b); /* empty */

    f->a.slots[0] = f->a.count = INT64_MAX; /* as many as the format can say */
    assert_round_trip(&f->a, &f->b);

    hist_reset(&f->a);
    hist_record(&f->a, HIST_MAX_NS);
    hist_record(&f->a, UINT64_MAX);
    assert_round_trip(&f->a, &f->b);

    hist_reset(&f->a);
    for (unsigned slot = 0; slot < HIST_SLOTS; slot++) /* no zeros, counts of every length */
        f->a.count += f->a.slots[slot] = UINT64_C(1) << slot % 50;
    assert_round_trip(&f->a, &f->b);
}

/* The plain form is the header below, with the payload's length, and these slots. */
static void assert_plain(const struct hist *h, const char *slots, size_t slots_len)
{
    uint8_t expected[100] = {
        0x1c, 0x84, 0x93, 0x13, 0,    0,    0,    0, /* cookie, payload length */
        0,    0,    0,    0,    0,    0,    0,    2, /* normalizing offset, significant digits */
        0,    0,    0,    0,    0,    0,    0,    1, /* lowest value to tell from 0 */
        0,    0,    3,    0x46, 0x30, 0xb8, 0xa0, 0, /* highest value: one hour */
        0x3f, 0xf0, 0,    0,    0,    0,    0,    0, /* conversion ratio 1.0 */
    };
    uint8_t *plain = malloc(HDR_PLAIN_MAX);
    char *text = hist_encode_base64(h);

    assert_true(plain && text);
    expected[7] = (uint8_t)slots_len;
    memcpy(expected + HDR_HEADER, slots, slots_len);
    assert_int_equal(hdr_plain(text, plain), HDR_HEADER + slots_len);
    assert_memory_equal(plain, expected, HDR_HEADER + slots_len);
    free(plain);
    free(text);
}

#define ASSERT_PLAIN(h, slots) assert_plain(h, slots, sizeof(slots) - 1)

/* A count of n is ZigZag 2 n, a run of n zeros 2 n - 1. */
static void format_is_that_of_the_specification(void **state)
{
    struct fixture *f = *state;

    ASSERT_PLAIN(&f->b, "\x00");
    hist_record(&f->a, 0);
    hist_record(&f->a, 0);
    hist_record(&f->a, 2);
    for (int i = 0; i < 3; i++)
        hist_record(&f->a, 8);
    ASSERT_PLAIN(&f->a, "\x04\x00\x02\x09\x06"); /* a single 0 is no run */

    f->b.slots[0] = INT64_MAX;
    ASSERT_PLAIN(&f->b, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff");
    f->b.slots[0] = 0;
    hist_record(&f->b, HIST_MAX_NS);
    f->b.slots[HIST_SLOTS - 1] = 1;
    f->b.slots[hist_slot(HIST_MAX_NS)] = 0;
    ASSERT_PLAIN(&f->b, "\xfd\x47\x02"); /* 4607 zeros */
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_follow_each_other),
        TEST(percentiles_are_within_the_bound),
        TEST(totals_are_exact),
        TEST(sum_exceeds_64_bits),
        TEST(percentile_takes_the_right_rank),
        TEST(percentile_survives_rounding),
        TEST(percentile_never_exceeds_the_maximum),
        TEST(standard_deviation_is_close),
        TEST(empty_histogram_is_all_zero),
        TEST(over_range_is_counted),
        TEST(merge_equals_recording_into_one),
        cmocka_unit_test(base64_agrees_with_the_rfc),
        TEST(round_trip_keeps_the_slots),
        TEST(round_trip_of_extremes),
        TEST(format_is_that_of_the_specification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
