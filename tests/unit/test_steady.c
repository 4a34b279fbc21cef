#include "common/measure/steady.h"

#include "common/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 1000, FEW = 100, LONGEST = 2000 };

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
}

static void assert_between(int value, int least, int most)
{
    if (value < least || value > most)
        fail_msg("%d is not in %d to %d", value, least, most);
}

/* Normally distributed, by the method of Box and Muller. */
static double normal(struct rng *r)
{
    double radius = sqrt(-2 * log(rng_unit(r)));

    return radius * cos(6.283185307179586 * rng_unit(r));
}

/* A level of 1000 with so much noise. */
static void make_noise(double *rates, size_t count, uint64_t seed, double percent)
{
    struct rng r = {seed};

    for (size_t i = 0; i < count; i++)
        rates[i] = 1000 * (1 + percent / 100 * normal(&r));
}

/* Rises from 0 to height with the last value. */
static double ramp(size_t i, size_t count, double height)
{
    return height * (double)i / (double)(count - 1);
}

/* Each value keeps phi of the one before; the variation of the whole is percent. */
static void make_ar1(double *rates, size_t count, uint64_t seed, double phi, double percent)
{
    struct rng r = {seed};
    double state = normal(&r);

    for (size_t i = 0; i < count; i++) {
        state = phi * state + sqrt(1 - phi * phi) * normal(&r);
        rates[i] = 1000 * (1 + percent / 100 * state);
    }
}

static bool has(const struct steady *s, const char *text)
{
    return strstr(s->reason, text) != NULL;
}

/* ---- Figures, against those of scipy 1.10: theilslopes, and kendalltau's score and variance */

static const double distinct[] = {103, 98, 101, 107, 95, 110, 104, 99, 112, 108, 105, 111};
static const double ties[] = {100, 100, 102, 101, 100, 103, 102, 104, 102, 105, 104, 104, 106, 105};
static const double step[] = {100, 101, 99,  100, 102, 98,  100, 101,
                              130, 129, 131, 130, 128, 131, 132, 130};
static const double fall[] = {200, 196, 197, 190, 188, 189, 181, 180, 176, 177};

static const struct {
    const double *rates;
    size_t count;
    double p, percent, autocorrelation, cv_percent;
    bool steady;
} references[] = {
    {distinct, LENGTH(distinct), 0.08647112777407255, 9.35672514619883, -0.19314781567923392,
     5.204989132029665, true},
    {ties, LENGTH(ties), 0.0005463978261786882, 5.073170731707317, 0.511969111969112,
     1.9631311555300106, false},
    {step, LENGTH(step), 0.0012497627877605328, 31.103678929765884, 0.814173914544074,
     13.49720865234653, false},
    {fall, LENGTH(fall), 0.0006767641801210457, -13.641530882910194, 0.6858767205266308,
     4.598618470454322, false},
};

static void figures_are_those_of_the_literature(void **state)
{
    struct steady s;

    (void)state;
    for (size_t i = 0; i < LENGTH(references); i++) {
        steady_test(references[i].rates, references[i].count, &s);
        assert_true(s.enough);
        assert_near(s.trend_p, references[i].p, 1e-9);
        assert_near(s.trend_percent, references[i].percent, 1e-9);
        assert_near(s.autocorrelation, references[i].autocorrelation, 1e-9);
        assert_near(s.cv_percent, references[i].cv_percent, 1e-9);
        assert_int_equal(s.steady, references[i].steady);
    }
}

static void the_scale_does_not_matter(void **state)
{
    double scaled[LENGTH(ties)];
    struct steady s, t;

    (void)state;
    for (size_t i = 0; i < LENGTH(ties); i++)
        scaled[i] = ties[i] * 0x1p30;
    steady_test(ties, LENGTH(ties), &s);
    steady_test(scaled, LENGTH(ties), &t);
    assert_near(t.trend_p, s.trend_p, 0);
    assert_near(t.trend_percent, s.trend_percent, 1e-9);
    assert_near(t.autocorrelation, s.autocorrelation, 1e-9);
    assert_string_equal(t.reason, s.reason);
}

/* ---- False alarms */

struct alarms {
    int trend, autocorrelation, verdict;
};

static struct alarms alarms_in_noise(size_t count, double percent)
{
    double rates[LONGEST], n = (double)count;
    double limit = (-1 + 1.645 * sqrt(n - 2)) / (n - 1);
    struct alarms found = {0};
    struct steady s;

    for (uint64_t seed = 1; seed <= MANY; seed++) {
        make_noise(rates, count, seed, percent);
        steady_test(rates, count, &s);
        found.trend += s.trend_p < STEADY_ALPHA;
        found.autocorrelation += s.autocorrelation > limit;
        found.verdict += !s.steady;
    }
    return found;
}

/* Of 1000 series about 50 must look like a trend, and as many autocorrelated: else p is wrong. */
static void noise_raises_as_many_alarms_as_stated(void **state)
{
    static const size_t counts[] = {STEADY_LEAST, 50, 150};

    (void)state;
    for (size_t i = 0; i < LENGTH(counts); i++) {
        struct alarms found = alarms_in_noise(counts[i], 20);

        assert_between(found.trend, 30, 70);
        assert_between(found.autocorrelation, 30, 70);
        assert_between(found.verdict, 50, 130);
    }
}

static void little_noise_raises_no_alarm(void **state)
{
    (void)state;
    assert_int_equal(alarms_in_noise(50, 1).verdict, 0);
}

/* ---- What is not steady */

static void a_ramp_is_a_trend_of_its_size(void **state)
{
    double rates[60];
    struct steady s;

    (void)state;
    for (uint64_t seed = 1; seed <= FEW; seed++) {
        make_noise(rates, LENGTH(rates), seed, 3);
        for (size_t i = 0; i < LENGTH(rates); i++)
            rates[i] += ramp(i, LENGTH(rates), 200);
        steady_test(rates, LENGTH(rates), &s);
        assert_false(s.steady);
        assert_true(has(&s, "trend of +"));
        assert_near(s.trend_percent, 200 / 1100.0 * 100, 6);
    }
}

static void a_fall_is_a_negative_trend(void **state)
{
    struct steady s;

    (void)state;
    steady_test(fall, LENGTH(fall), &s);
    assert_string_equal(s.reason, "a trend of -13.6 % over the window (p = 0.00068)");
}

static void a_significant_trend_of_nothing_is_steady(void **state)
{
    double rates[60];
    struct steady s;

    (void)state;
    for (size_t i = 0; i < LENGTH(rates); i++)
        rates[i] = 1000 + ramp(i, LENGTH(rates), 20);
    steady_test(rates, LENGTH(rates), &s);
    assert_true(s.trend_p < 1e-6);
    assert_near(s.trend_percent, 20 / 1010.0 * 100, 1e-9);
    assert_true(s.steady);
}

/* Sen's slope is the median of all pairs, most of which lie on one side of so late a step. */
static void a_late_step_shows_in_the_autocorrelation(void **state)
{
    double rates[50];
    struct steady s;

    (void)state;
    make_noise(rates, LENGTH(rates), 1, 1);
    for (size_t i = 42; i < LENGTH(rates); i++)
        rates[i] += 300;
    steady_test(rates, LENGTH(rates), &s);
    assert_true(fabs(s.trend_percent) < STEADY_TREND_PERCENT);
    assert_false(s.steady);
    assert_true(has(&s, "alike"));
    assert_false(has(&s, "trend"));
}

static void a_sine_wanders_without_a_trend(void **state)
{
    double rates[100];
    struct steady s;

    (void)state;
    make_noise(rates, LENGTH(rates), 1, 2);
    for (size_t i = 0; i < LENGTH(rates); i++)
        rates[i] += 150 * cos(6.283185307179586 * (double)i / 20);
    steady_test(rates, LENGTH(rates), &s);
    assert_true(s.trend_p > STEADY_ALPHA);
    assert_true(s.autocorrelation > 0.8);
    assert_false(s.steady);
}

static void values_that_follow_each_other_wander(void **state)
{
    double rates[200], sum = 0;
    struct steady s;

    (void)state;
    for (uint64_t seed = 1; seed <= FEW; seed++) {
        make_ar1(rates, LENGTH(rates), seed, 0.8, 10);
        steady_test(rates, LENGTH(rates), &s);
        assert_false(s.steady);
        sum += s.autocorrelation;
    }
    assert_near(sum / FEW, 0.8, 0.05);
}

static void slight_wandering_is_steady(void **state)
{
    double rates[200];
    struct steady s;

    (void)state;
    for (uint64_t seed = 1; seed <= FEW; seed++) {
        make_ar1(rates, LENGTH(rates), seed, 0.8, 1);
        steady_test(rates, LENGTH(rates), &s);
        assert_true(s.steady);
    }
}

/* Requests that one interval lacks are in the next: the mean is all the better for it. */
static void intervals_that_take_turns_are_steady(void **state)
{
    double rates[50];
    struct steady s;

    (void)state;
    for (size_t i = 0; i < LENGTH(rates); i++)
        rates[i] = i % 2 ? 1200 : 800;
    steady_test(rates, LENGTH(rates), &s);
    assert_true(s.autocorrelation < -0.9);
    assert_true(s.cv_percent > 20);
    assert_true(s.steady);
}

static void one_stalled_interval_is_no_trend(void **state)
{
    double rates[50];
    struct steady s;

    (void)state;
    make_noise(rates, LENGTH(rates), 1, 1);
    rates[3] = 0;
    steady_test(rates, LENGTH(rates), &s);
    assert_true(s.cv_percent > 10);
    assert_true(s.steady);
}

/* ---- The edges */

static void equal_values_are_steady(void **state)
{
    static const double levels[] = {1, 0.1, 1e9, 200000.0 / 3};
    double rates[30];
    struct steady s;

    (void)state;
    for (size_t level = 0; level < LENGTH(levels); level++) {
        for (size_t i = 0; i < LENGTH(rates); i++)
            rates[i] = levels[level];
        steady_test(rates, LENGTH(rates), &s);
        assert_true(s.steady && s.enough);
        assert_near(s.trend_p, 1, 0);
        assert_near(s.trend_percent, 0, 0);
        assert_near(s.cv_percent, 0, 0);
        assert_true(isnan(s.autocorrelation));
        assert_string_equal(s.reason, "no trend and no wandering that matters in 30 intervals");
    }
}

static void too_few_intervals_are_told(void **state)
{
    struct steady s;

    (void)state;
    for (size_t count = 0; count < STEADY_LEAST; count++) {
        steady_test(distinct, count, &s);
        assert_false(s.enough || s.steady);
        assert_true(isnan(s.trend_p) && isnan(s.trend_percent));
        assert_true(isnan(s.autocorrelation) && isnan(s.cv_percent));
    }
    assert_string_equal(s.reason, "too few intervals (9 of at least 10)");
    steady_test(distinct, STEADY_LEAST, &s);
    assert_true(s.enough);
}

static void nothing_completed_is_not_steady(void **state)
{
    double rates[20] = {0};
    struct steady s;

    (void)state;
    steady_test(rates, LENGTH(rates), &s);
    assert_true(s.enough);
    assert_false(s.steady);
    assert_true(isnan(s.trend_p) && isnan(s.cv_percent));
    assert_string_equal(s.reason, "nothing was completed in 20 intervals");
}

/* The median is 0 then, and nothing can be a per cent of it. */
static void a_run_that_begins_late_has_finite_figures(void **state)
{
    double rates[20] = {0};
    struct steady s;

    (void)state;
    for (size_t i = 11; i < LENGTH(rates); i++)
        rates[i] = 1000;
    steady_test(rates, LENGTH(rates), &s);
    assert_true(isfinite(s.trend_percent) && isfinite(s.autocorrelation));
    assert_false(s.steady);
}

static void many_values_are_averaged_in_blocks(void **state)
{
    double rates[LONGEST];
    struct steady s;

    (void)state;
    for (size_t i = 0; i < LENGTH(rates); i++)
        rates[i] = i % 4 < 2 ? 1300 : 700;
    steady_test(rates, STEADY_MOST, &s);
    assert_true(has(&s, "in 500 intervals"));
    assert_true(s.cv_percent > 30);
    steady_test(rates, LENGTH(rates), &s); /* each block has two of either */
    assert_true(has(&s, "in 500 intervals"));
    assert_near(s.cv_percent, 0, 0);
    steady_test(rates, STEADY_MOST + 1, &s);
    assert_true(has(&s, "in 250 intervals"));
}

static void a_trend_outlives_the_averaging(void **state)
{
    double rates[LONGEST - 3];
    struct steady s;

    (void)state;
    make_noise(rates, LENGTH(rates), 1, 3);
    for (size_t i = 0; i < LENGTH(rates); i++)
        rates[i] += ramp(i, LENGTH(rates), 200);
    steady_test(rates, LENGTH(rates), &s);
    assert_false(s.steady);
    assert_near(s.trend_percent, 200 / 1100.0 * 100, 1);
}

static void both_reasons_fit(void **state)
{
    double rates[STEADY_MOST];
    struct steady s;

    (void)state;
    for (size_t i = 0; i < LENGTH(rates); i++)
        rates[i] = pow(10, (double)i / 50);
    steady_test(rates, LENGTH(rates), &s);
    assert_true(has(&s, "trend of +") && has(&s, "alike"));
    assert_int_equal(s.reason[strlen(s.reason) - 1], ')');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_literature),
        cmocka_unit_test(the_scale_does_not_matter),
        cmocka_unit_test(noise_raises_as_many_alarms_as_stated),
        cmocka_unit_test(little_noise_raises_no_alarm),
        cmocka_unit_test(a_ramp_is_a_trend_of_its_size),
        cmocka_unit_test(a_fall_is_a_negative_trend),
        cmocka_unit_test(a_significant_trend_of_nothing_is_steady),
        cmocka_unit_test(a_late_step_shows_in_the_autocorrelation),
        cmocka_unit_test(a_sine_wanders_without_a_trend),
        cmocka_unit_test(values_that_follow_each_other_wander),
        cmocka_unit_test(slight_wandering_is_steady),
        cmocka_unit_test(intervals_that_take_turns_are_steady),
        cmocka_unit_test(one_stalled_interval_is_no_trend),
        cmocka_unit_test(equal_values_are_steady),
        cmocka_unit_test(too_few_intervals_are_told),
        cmocka_unit_test(nothing_completed_is_not_steady),
        cmocka_unit_test(a_run_that_begins_late_has_finite_figures),
        cmocka_unit_test(many_values_are_averaged_in_blocks),
        cmocka_unit_test(a_trend_outlives_the_averaging),
        cmocka_unit_test(both_reasons_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
