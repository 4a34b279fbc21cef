/*
 * quality: the blocks that say how far the figures of a run can be trusted.
 */
#ifndef IOBENCH_QUALITY_H
#define IOBENCH_QUALITY_H

#include "common/host/calibrate.h"
#include "common/measure/steady.h"
#include "common/report/report.h"

/*
 * calibration.{clock_ns,hist_record_ns,timer_lateness_p50_ns,timer_lateness_p99_ns,wake_p50_ns,
 * wake_p99_ns,samples,apart}; lateness and wake-up are null without samples.
 */
void report_calibration(struct report *r, const struct calibration *c);

/* steady.{steady,enough,trend_p,trend_percent,autocorrelation,cv_percent,reason} */
void report_steady(struct report *r, const struct steady *s);

#endif
