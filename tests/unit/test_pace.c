#include "common/measure/pace.h"

#include "common/base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Such as CLOCK_MONOTONIC reads after ten days. */
#define START_NS 864000123456789U

static struct pace begin(enum pace_arrivals arrivals, uint64_t rate, uint64_t seed, unsigned index,
                         unsigned count)
{
    struct pace p;

    pace_start(&p, arrivals, rate, seed, index, count, START_NS);
    return p;
}

/* When the next request is due, counted from the start; the schedule must not go backwards. */
static uint64_t take(struct pace *p)
{
    uint64_t due_ns = pace_take(p);

    assert_true(due_ns >= START_NS);
    assert_true(p->due_ns >= due_ns);
    return due_ns - START_NS;
}

/* As if so many had been taken. */
static void pass_over(struct pace *p, uint64_t requests)
{
    p->taken += requests - 1;
    pace_take(p);
}

static void names_the_arrivals(void **state)
{
    (void)state;
    assert_int_equal(pace_arrivals_named("constant"), PACE_CONSTANT);
    assert_int_equal(pace_arrivals_named("poisson"), PACE_POISSON);
    for (int i = 0; pace_arrivals_names[i]; i++)
        assert_int_equal(pace_arrivals_named(pace_arrivals_names[i]), i);
}

/* ---- constant -------------------------------------------------------------------------------- */

static void lies_on_the_grid(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 1000, 20000, 300007, 1000000000};

    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        struct pace p = begin(PACE_CONSTANT, rates[r], 1, 0, 1);

        for (uint64_t i = 0; i < 10000; i++)
            assert_true(take(&p) == i * NS_PER_S / rates[r]);
    }
}

/* After each `rate` requests exactly one second has gone by, also when 10^9 / rate is no integer.
 */
static void does_not_drift(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 999, 44100, 299993, 999999937, 1000000000};

    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        struct pace p = begin(PACE_CONSTANT, rates[r], 1, 0, 1);
        uint64_t seconds = 1000000000 / rates[r] + 1; /* at least 10^9 requests */

        assert_true(p.due_ns == START_NS);
        pass_over(&p, rates[r] * seconds);
        assert_true(take(&p) == seconds * NS_PER_S);
        pass_over(&p, rates[r] * seconds * 7 - 1);
        assert_true(take(&p) == seconds * 8 * NS_PER_S);
    }
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Several threads' requests are those of one thread: each once, whoever takes it. */
static void threads_share_the_grid(void **state)
{
    enum { EACH = 700, THREADS_MAX = 16 };
    static const unsigned threads[] = {1, 2, 3, 7, THREADS_MAX};
    static uint64_t shared[EACH * THREADS_MAX];

    (void)state;
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        struct pace whole = begin(PACE_CONSTANT, 12345, 1, 0, 1);
        size_t total = 0;

        for (unsigned index = 0; index < threads[t]; index++) {
            struct pace p = begin(PACE_CONSTANT, 12345, 1, index, threads[t]);

            for (int i = 0; i < EACH; i++)
                shared[total++] = take(&p);
        }
        qsort(shared, total, sizeof shared[0], by_size);
        for (size_t i = 0; i < total; i++)
            assert_true(shared[i] == take(&whole));
    }
}

static void constant_ignores_the_seed(void **state)
{
    struct pace a = begin(PACE_CONSTANT, 777, 1, 1, 2), b = begin(PACE_CONSTANT, 777, 99, 1, 2);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(take(&a) == take(&b));
}

/* ---- Poisson --------------------------------------------------------------------------------- */

static void repeats_for_the_same_seed(void **state)
{
    struct pace a = begin(PACE_POISSON, 5000, 42, 1, 3), b = a, other = a;

    (void)state;
    b = begin(PACE_POISSON, 5000, 42, 1, 3);
    other = begin(PACE_POISSON, 5000, 43, 1, 3);
    for (int i = 0; i < 1000; i++) {
        uint64_t due = take(&a);

        assert_true(take(&b) == due);
        assert_true(take(&other) != due);
    }
}

/* Gaps have the mean and the standard deviation 1 / rate of each thread, at any rate. */
static void has_the_rate(void **state)
{
    enum { GAPS = 100000 };
    static const uint64_t rates[] = {1, 1000, 1000000, 1000000000};

    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        for (unsigned threads = 1; threads <= 3; threads++) {
            struct pace p = begin(PACE_POISSON, rates[r], 7, threads - 1, threads);
            double mean = (double)threads * 1e9 / (double)rates[r], sum_of_squares = 0;
            uint64_t before = 0, due = 0;

            for (int i = 0; i < GAPS; i++, before = due) {
                due = take(&p);
                sum_of_squares += (double)(due - before) * (double)(due - before);
            }
            assert_true(isfinite(p.offset_ns));
            /* 5 standard errors: 1 / sqrt(n) of a mean, sqrt(5 / n) of a mean square, which is 2.
             */
            assert_true(fabs((double)due / GAPS / mean - 1) < 5 / sqrt(GAPS));
            /* Whole nanoseconds add what rounding does to gaps of 1 ns each. */
            if (mean >= 1000)
                assert_true(fabs(sum_of_squares / GAPS / mean / mean - 2) < 5 * sqrt(20.0 / GAPS));
        }
    }
}

/* The gaps of two threads, side by side, have nothing to do with each other. */
static void threads_are_independent(void **state)
{
    enum { GAPS = 100000 };

    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct pace a = begin(PACE_POISSON, 2000, seed, 0, 2);
        struct pace b = begin(PACE_POISSON, 2000, seed, 1, 2);
        struct pace next_seed = begin(PACE_POISSON, 2000, seed + 1, 0, 2);
        uint64_t a_before = 0, b_before = 0;
        double product = 0;

        for (int i = 0; i < GAPS; i++) {
            uint64_t a_due = take(&a), b_due = take(&b);

            assert_true(a_due != b_due);
            assert_true(b_due != take(&next_seed));
            product +=
                ((double)(a_due - a_before) / 1e6 - 1) * ((double)(b_due - b_before) / 1e6 - 1);
            a_before = a_due;
            b_before = b_due;
        }
        /* A correlation of n independent pairs has the standard deviation 1 / sqrt(n). */
        assert_true(fabs(product / GAPS) < 5 / sqrt(GAPS));
    }
}

static void poisson_starts_with_a_gap(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct pace p = begin(PACE_POISSON, 10, seed, 0, 1);

        assert_true(take(&p) > 0);
    }
}

/* The longest gap that can be drawn: the logarithm of 2^-53, 37 times the mean. */
static void longest_gap_is_finite(void **state)
{
    struct pace p = begin(PACE_POISSON, 1, 1, 1023, 1024);
    double offset_ns = p.offset_ns;

    (void)state;
    p.rng.state = -0x9e3779b97f4a7c15U; /* draws 0 next, see test_rng.c */
    pace_take(&p);
    assert_true(isfinite(p.offset_ns));
    assert_true(fabs((p.offset_ns - offset_ns) / (53 * log(2) * 1024e9) - 1) < 1e-9);
    assert_true(p.due_ns == START_NS + (uint64_t)p.offset_ns);
}

/* ---- skipping -------------------------------------------------------------------------------- */

/* Skipping until a moment is the same as taking one by one until then. */
static void assert_skips(struct pace p, uint64_t before_ns, uint64_t most)
{
    struct pace one_by_one = p;
    uint64_t skipped = pace_skip(&p, before_ns, most), taken = 0;

    for (; one_by_one.due_ns < before_ns && taken < most; taken++)
        pace_take(&one_by_one);
    assert_int_equal(skipped, taken);
    assert_int_equal(p.taken, one_by_one.taken);
    assert_int_equal(p.due_ns, one_by_one.due_ns);
}

static void skips_as_if_taken(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 1000, 300007, 1000000000};

    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++)
        for (unsigned index = 0; index < 3; index++)
            for (int i = 0; i < 200; i++) {
                enum pace_arrivals arrivals = i % 2 ? PACE_POISSON : PACE_CONSTANT;
                struct pace p = begin(arrivals, rates[r], 1, index, 3);
                uint64_t gap_ns = NS_PER_S / rates[r], near_ns = START_NS + (uint64_t)i * gap_ns;

                for (int before = i % 5; before > 0; before--)
                    pace_take(&p);
                assert_skips(p, near_ns - 1, UINT64_MAX);
                assert_skips(p, near_ns, UINT64_MAX);
                assert_skips(p, near_ns + 1, UINT64_MAX);
                assert_skips(p, near_ns, (uint64_t)i / 4);
            }
}

static void skips_no_further_than_asked(void **state)
{
    struct pace p = begin(PACE_CONSTANT, 1000000000, 1, 0, 1);

    (void)state;
    assert_int_equal(pace_skip(&p, CLOCK_NEVER_NS, 5), 5);
    assert_int_equal(p.due_ns, START_NS + 5);
    assert_int_equal(pace_skip(&p, START_NS + 5, UINT64_MAX), 0);
    assert_int_equal(pace_skip(&p, START_NS + 3600 * NS_PER_S, UINT64_MAX), 3600 * NS_PER_S - 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_arrivals),
        cmocka_unit_test(lies_on_the_grid),
        cmocka_unit_test(does_not_drift),
        cmocka_unit_test(threads_share_the_grid),
        cmocka_unit_test(constant_ignores_the_seed),
        cmocka_unit_test(repeats_for_the_same_seed),
        cmocka_unit_test(has_the_rate),
        cmocka_unit_test(threads_are_independent),
        cmocka_unit_test(poisson_starts_with_a_gap),
        cmocka_unit_test(longest_gap_is_finite),
        cmocka_unit_test(skips_as_if_taken),
        cmocka_unit_test(skips_no_further_than_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
