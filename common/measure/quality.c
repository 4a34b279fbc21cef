#include "common/measure/quality.h"

#include <math.h>

void report_calibration(struct report *r, const struct calibration *c)
{
    const struct {
        const char *path;
        uint64_t value_ns;
    } rows[] = {
        {"calibration.timer_lateness_p50_ns", c->timer_late_p50_ns},
        {"calibration.timer_lateness_p99_ns", c->timer_late_p99_ns},
        {"calibration.wake_p50_ns", c->wake_p50_ns},
        {"calibration.wake_p99_ns", c->wake_p99_ns},
    };

    report_number(r, "calibration.clock_ns", c->clock_ns > 0 ? c->clock_ns : NAN);
    report_number(r, "calibration.hist_record_ns", c->clock_ns > 0 ? c->hist_record_ns : NAN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        report_number(r, rows[i].path, c->samples ? (double)rows[i].value_ns : NAN);
    report_integer(r, "calibration.samples", c->samples);
    report_flag(r, "calibration.apart", c->apart);
}

void report_steady(struct report *r, const struct steady *s)
{
    report_flag(r, "steady.steady", s->steady);
    report_flag(r, "steady.enough", s->enough);
    report_number(r, "steady.trend_p", s->trend_p);
    report_number(r, "steady.trend_percent", s->trend_percent);
    report_number(r, "steady.autocorrelation", s->autocorrelation);
    report_number(r, "steady.cv_percent", s->cv_percent);
    report_text(r, "steady.reason", s->reason);
}
