#include "common/measure/steady.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The values under test, and room for the slopes of all pairs of them. */
struct sample {
    size_t count;
    double *values; /* in order of time */
    double *sorted;
    double *slopes;
};

static size_t pairs_of(size_t count)
{
    return count * (count - 1) / 2;
}

/* Averages neighbours, in blocks whose sizes differ by one at most. */
static void fill_blocks(struct sample *x, const double *rates, size_t count)
{
    for (size_t i = 0; i < x->count; i++) {
        size_t from = i * count / x->count, to = (i + 1) * count / x->count;
        double sum = 0;

        for (size_t j = from; j < to; j++)
            sum += rates[j];
        x->values[i] = sum / (double)(to - from);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool sample_make(struct sample *x, const double *rates, size_t count)
{
    size_t per_block = (count + STEADY_MOST - 1) / STEADY_MOST;

    x->count = count / per_block;
    x->values = malloc((2 * x->count + pairs_of(x->count)) * sizeof *x->values);
    if (!x->values)
        return false;
    x->sorted = x->values + x->count;
    x->slopes = x->sorted + x->count;
    fill_blocks(x, rates, count);
    memcpy(x->sorted, x->values, x->count * sizeof *x->values);
    qsort(x->sorted, x->count, sizeof *x->sorted, compare);
    return true;
}

static double median(const double *sorted, size_t count)
{
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static double mean(const struct sample *x)
{
    double sum = 0;

    for (size_t i = 0; i < x->count; i++)
        sum += x->values[i];
    return sum / (double)x->count;
}

/* ---- Trend */

/* Pairs that rise less pairs that fall. */
static double kendall_score(const struct sample *x)
{
    long score = 0;

    for (size_t j = 1; j < x->count; j++)
        for (size_t i = 0; i < j; i++)
            score += compare(&x->values[j], &x->values[i]);
    return (double)score;
}

static double kendall_term(size_t count)
{
    double n = (double)count;

    return n * (n - 1) * (2 * n + 5);
}

/* Of the score, if the order of the values were chance; each group of equal values lessens it. */
static double kendall_variance(const struct sample *x)
{
    double terms = kendall_term(x->count);

    for (size_t from = 0, to; from < x->count; from = to) {
        for (to = from + 1; to < x->count && !(x->sorted[to] > x->sorted[from]); to++)
            ;
        terms -= kendall_term(to - from);
    }
    return terms / 18;
}

static double trend_p(const struct sample *x)
{
    double score = kendall_score(x), variance = kendall_variance(x);

    /* The score moves in steps of two: one is taken off for continuity, which leaves 0 of 1. */
    if (fabs(score) <= 1)
        return 1;
    return erfc((fabs(score) - 1) / sqrt(2 * variance));
}

/* Sen's slope, as the change from the first value to the last. */
static double trend_size(const struct sample *x)
{
    size_t pairs = 0;

    for (size_t j = 1; j < x->count; j++)
        for (size_t i = 0; i < j; i++)
            x->slopes[pairs++] = (x->values[j] - x->values[i]) / (double)(j - i);
    qsort(x->slopes, pairs, sizeof *x->slopes, compare);
    return median(x->slopes, pairs) * (double)(x->count - 1);
}

/* ---- Variation and autocorrelation */

static double sum_of_squares(const struct sample *x, double about)
{
    double sum = 0;

    for (size_t i = 0; i < x->count; i++)
        sum += (x->values[i] - about) * (x->values[i] - about);
    return sum;
}

static double autocorrelation(const struct sample *x, double about)
{
    double sum = 0;

    for (size_t i = 1; i < x->count; i++)
        sum += (x->values[i] - about) * (x->values[i - 1] - about);
    return sum / sum_of_squares(x, about);
}

/*
 * What independent values exceed once in twenty. One-sided: intervals that take turns (a late tick
 * gives its requests to the next) make the mean of the window better, not worse.
 */
static double autocorrelation_limit(size_t count)
{
    double n = (double)count;

    return (-1 + STEADY_AUTOCORRELATION_Z * sqrt(n - 2)) / (n - 1);
}

static void measure(const struct sample *x, struct steady *s)
{
    double average = mean(x), middle = median(x->sorted, x->count);

    s->trend_p = trend_p(x);
    /* More than half of the intervals without a completion: the mean is all there is to go by. */
    s->trend_percent = 100 * trend_size(x) / (middle > 0 ? middle : average);
    s->autocorrelation = NAN;
    s->cv_percent = 0;
    /* Equal values are compared, not subtracted: their mean may be a rounding error off. */
    if (x->sorted[x->count - 1] > x->sorted[0]) {
        s->autocorrelation = autocorrelation(x, average);
        s->cv_percent = 100 * sqrt(sum_of_squares(x, average) / (double)(x->count - 1)) / average;
    }
}

/* ---- Verdict */

__attribute__((format(printf, 2, 3))) static void because(struct steady *s, const char *format, ...)
{
    size_t used = strlen(s->reason);
    va_list args;

    va_start(args, format);
    vsnprintf(s->reason + used, sizeof s->reason - used, format, args);
    va_end(args);
}

static void judge(struct steady *s, size_t count)
{
    double limit = autocorrelation_limit(count);
    bool trend = s->trend_p < STEADY_ALPHA && fabs(s->trend_percent) >= STEADY_TREND_PERCENT;
    bool wanders = s->autocorrelation > limit && s->cv_percent >= STEADY_CV_PERCENT;

    s->steady = !trend && !wanders;
    if (trend)
        because(s, "a trend of %+.1f %% over the window (p = %.2g)", s->trend_percent, s->trend_p);
    if (wanders)
        because(
            s,
            "%sneighbouring intervals are alike (autocorrelation %.2f > %.2f, variation %.1f %%)",
            trend ? "; " : "", s->autocorrelation, limit, s->cv_percent);
    if (s->steady)
        because(s, "no trend and no wandering that matters in %zu intervals", count);
}

void steady_test(const double *rates, size_t count, struct steady *s)
{
    struct sample x;

    *s = (struct steady){
        .enough = count >= STEADY_LEAST,
        .trend_p = NAN,
        .trend_percent = NAN,
        .autocorrelation = NAN,
        .cv_percent = NAN,
    };
    if (!s->enough) {
        because(s, "too few intervals (%zu of at least %d)", count, STEADY_LEAST);
        return;
    }
    if (!sample_make(&x, rates, count)) {
        because(s, "memory ran out");
        return;
    }
    if (x.sorted[x.count - 1] > 0) {
        measure(&x, s);
        judge(s, x.count);
    } else {
        because(s, "nothing was completed in %zu intervals", count);
    }
    free(x.values);
}
