/*
 * steady: whether the rate of a run stayed at one level.
 *
 * A mean describes a window only if the window has one level. Two questions are asked of the
 * rates of equally long intervals:
 *
 *  - Is there a trend? Mann-Kendall's test (H. B. Mann, Nonparametric tests against trend,
 *    Econometrica 13, 1945; M. G. Kendall, Rank correlation methods, 4th ed. 1975), with its
 *    correction for ties, and Sen's slope as its size (P. K. Sen, Estimates of the regression
 *    coefficient based on Kendall's tau, JASA 63, 1968). Both look at ranks and medians, so that
 *    one stalled interval neither makes nor hides a trend.
 *  - Does the rate wander or change level? The autocorrelation of neighbouring intervals against
 *    its limit for independent values (R. L. Anderson, Distribution of the serial correlation
 *    coefficient, Annals of Mathematical Statistics 13, 1942).
 *
 * With enough intervals a trend of nothing is significant too. A finding therefore counts only if
 * it is significant and so large that it matters; the constants say how large. What remains is
 * called steady, however noisy it is: the noise is cv_percent.
 */
#ifndef IOBENCH_STEADY_H
#define IOBENCH_STEADY_H

#include <stdbool.h>
#include <stddef.h>

/* Mann-Kendall's normal approximation is good from ten values on (Kendall 1975, p. 55). */
#define STEADY_LEAST 10

/* More values are averaged in blocks first: the work grows with their square. */
#define STEADY_MOST 500

/* Chance of finding a trend in independent values, before asking whether it matters. */
#define STEADY_ALPHA 0.05

/* The same chance for the autocorrelation, as a quantile of the normal distribution: one-sided. */
#define STEADY_AUTOCORRELATION_Z 1.645

/*
 * Sizes that matter. The Solid State Storage Performance Test Specification (SNIA) calls a device
 * steady while, over the window, a fitted line moves by at most 10 % of the average and the values
 * by at most 20 %. Half of that slope is asked here, because the mean is then within 2.5 % of
 * either end of the window; and 20 % are +-2 standard deviations of 5 %.
 */
#define STEADY_TREND_PERCENT 5.0
#define STEADY_CV_PERCENT    5.0

/* Figures that are undefined (too few values, nothing but zeros, no variation) are NaN. */
struct steady {
    bool steady;
    bool enough;            /* there were STEADY_LEAST values at least */
    double trend_p;         /* two-sided: chance of as much trend in independent values */
    double trend_percent;   /* Sen's slope over the whole window, in per cent of the median */
    double autocorrelation; /* at lag 1, -1 to 1 */
    double cv_percent;      /* standard deviation in per cent of the mean */
    char reason[160];       /* one line, also when steady */
};

/* rates: finite, not negative, of equally long intervals in their order. */
void steady_test(const double *rates, size_t count, struct steady *s);

#endif
