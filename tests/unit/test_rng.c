#include "common/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The constant that the state grows by: a state of -GAMMA draws from 0. */
#define GAMMA 0x9e3779b97f4a7c15

/* z ^= z >> shift, undone. */
static uint64_t unshift(uint64_t z, unsigned shift)
{
    uint64_t found = z;

    for (unsigned known = shift; known < 64; known += shift)
        found = z ^ (found >> shift);
    return found;
}

/* The state whose next number is the given one: the steps backwards, by inverses modulo 2^64. */
static struct rng about_to_draw(uint64_t number)
{
    uint64_t z = unshift(number, 31) * 0x319642b2d24d8ec3;

    z = unshift(z, 27) * 0x96de1b173f119089;
    return (struct rng){unshift(z, 30) - GAMMA};
}

/* Of the reference implementation (Vigna: splitmix64.c). */
static void draws_the_known_numbers(void **state)
{
    static const uint64_t from_0[] = {
        0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f,
        0xf88bb8a8724c81ec, 0x1b39896a51a8749b,
    };
    static const uint64_t from_1234567[] = {
        0x599ed017fb08fc85, 0x2c73f08458540fa5, 0x883ebce5a3f27c77,
        0x3fbef740e9177b3f, 0xe3b8346708cb5ecd,
    };
    struct rng a = {0}, b = {1234567};

    (void)state;
    for (size_t i = 0; i < sizeof from_0 / sizeof from_0[0]; i++) {
        assert_true(rng_next(&a) == from_0[i]);
        assert_true(rng_next(&b) == from_1234567[i]);
    }
}

static void goes_back_to_any_number(void **state)
{
    static const uint64_t numbers[] = {0, 1, 4711, UINT64_MAX / 3, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct rng r = about_to_draw(numbers[i]);

        assert_true(rng_next(&r) == numbers[i]);
    }
}

static void unit_is_never_zero_and_at_most_one(void **state)
{
    struct rng least = about_to_draw(0), most = about_to_draw(UINT64_MAX), r = {1};
    double sum = 0;

    (void)state;
    assert_true(rng_unit(&least) == 0x1p-53);
    assert_true(rng_unit(&most) == 1);
    for (int i = 0; i < 1000000; i++) {
        double drawn = rng_unit(&r);

        assert_true(drawn > 0 && drawn <= 1);
        sum += drawn;
    }
    /* 5 standard deviations of the mean of a million. */
    assert_true(fabs(sum / 1e6 - 0.5) < 5 * sqrt(1.0 / 12 / 1e6));
}

static void below_stays_below(void **state)
{
    static const uint64_t bounds[] = {1, 2, 3, 1000, 1ULL << 63, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct rng least = about_to_draw(0), most = about_to_draw(UINT64_MAX), r = {i};

        assert_true(rng_below(&least, bounds[i]) == 0);
        assert_true(rng_below(&most, bounds[i]) == bounds[i] - 1);
        for (int n = 0; n < 1000; n++)
            assert_true(rng_below(&r, bounds[i]) < bounds[i]);
    }
}

/* Chi-squared: with 9 degrees of freedom 33.7 is exceeded once in 10,000 seeds; this one is fixed.
 */
static void below_is_uniform(void **state)
{
    enum { VALUES = 10, DRAWS = 100000 };
    unsigned counts[VALUES] = {0};
    struct rng r = {42};
    double expected = (double)DRAWS / VALUES, chi_squared = 0;

    (void)state;
    for (int i = 0; i < DRAWS; i++)
        counts[rng_below(&r, VALUES)]++;
    for (int i = 0; i < VALUES; i++)
        chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(chi_squared < 33.7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_the_known_numbers),
        cmocka_unit_test(goes_back_to_any_number),
        cmocka_unit_test(unit_is_never_zero_and_at_most_one),
        cmocka_unit_test(below_stays_below),
        cmocka_unit_test(below_is_uniform),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
