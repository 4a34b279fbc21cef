/*
 * account: what a thread had counted and used up at a moment, read at both edges of the window.
 *
 * All figures of an account only grow, so those of the window are the differences of two accounts.
 * They also tell whether the thread was the limit of the run: a thread has no room for more when it
 * worked all the time, and no less when it was ready to work but had no CPU.
 */
#ifndef IOBENCH_ACCOUNT_H
#define IOBENCH_ACCOUNT_H

#include "common/base/stats.h"
#include "common/host/host.h"
#include "common/host/os.h"

#include <stdbool.h>
#include <stdint.h>

struct account {
    struct stats stats;
    struct os_cpu_time cpu;         /* of the thread */
    struct os_cpu_time process_cpu; /* of all threads, those of the kernel's helpers included */
    struct os_run_time run_time;
    uint64_t read_ns; /* the moment that run_time is of */
};

/* Of the calling thread, whose counters are s. Takes some 10 us. */
void account_read(struct account *a, const struct stats *s);

struct os_cpu_time account_cpu_between(struct os_cpu_time start, struct os_cpu_time end);

/* What kept a thread busy, as shares of the window, 0 to 1. */
struct limit {
    double busy;   /* at work on a CPU; looking for events in vain is no work */
    double waited; /* ready to work, while others had its CPU; NaN: the system does not say */
    double stolen; /* its part of the time that the host took from its CPU; NaN: not known */
};

/*
 * Shares of the window, or of the time between the two readings where that is longer: a reading
 * comes a little after its edge, and takes longer than the shortest windows. A window of no length
 * has none.
 * cpu_start and cpu_end: of the CPU that the thread is bound to, or of the whole machine.
 */
struct limit limit_between(const struct account *start, const struct account *end,
                           uint64_t window_ns, const struct host_pressure *cpu_start,
                           const struct host_pressure *cpu_end);

/* The three shares together: busy, waited and stolen; 1 is a thread that had no room for more. */
double limit_total(const struct limit *l);

/* Whether the thread may have set the pace: it had no room for more, or waited for long. */
bool limit_reached(const struct limit *l);

#endif
