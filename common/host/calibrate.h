/*
 * calibrate: what measuring itself costs on this machine, measured anew before each run.
 *
 * Time stamps and histograms cost little per request, and the figures say how little. A timer that
 * fires late, or a thread that takes long to wake, is in every latency that has to wait for one:
 * no request of a thread that sleeps can be quicker than its wake-up.
 */
#ifndef IOBENCH_CALIBRATE_H
#define IOBENCH_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Costs are medians of several short batches, so with warm caches. Latenesses and wake-ups are
 * those of threads that slept for some hundred microseconds in an otherwise idle program: what a
 * request meets that comes after a pause.
 */
struct calibration {
    double clock_ns;            /* one clock_now_ns() */
    double hist_record_ns;      /* one hist_record() */
    uint64_t timer_late_p50_ns; /* from the moment asked for until the sleeper runs */
    uint64_t timer_late_p99_ns;
    uint64_t wake_p50_ns; /* one way: from before the write to a pipe until the reader has it */
    uint64_t wake_p99_ns;
    unsigned samples; /* of timer and wake-up each: 100, on a slow machine fewer; 1 at least */
    bool apart;       /* whether the two threads of a wake-up were bound to different CPUs */
};

/* Takes about 50 ms, and 150 ms at most unless a single sleep lasts longer. 0 or -errno. */
int calibrate_run(struct calibration *c);

#endif
