/*
 * drive: what the main thread does while the crew measures.
 *
 * It starts the threads, sleeps, and wakes up for news: ticks become interval lines and a live
 * line, a signal stops the run, --until-steady lengthens the window, and where another process says
 * when to begin (gate.h), it is this thread that listens and opens the gate. It never measures; but
 * it wakes the threads now and then, so that they look at the clock even when nothing arrives,
 * which is cheaper than a timer in each of their waits.
 */
#ifndef IOBENCH_DRIVE_H
#define IOBENCH_DRIVE_H

#include "common/host/calibrate.h"
#include "common/host/host.h"
#include "common/measure/crew.h"
#include "common/measure/extend.h"
#include "common/measure/gate.h"
#include "common/measure/window.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What the figures were taken in. */
struct conditions {
    struct host host;
    struct host_pressure before, after;
    struct calibration calibration;
    struct host_pressure *cpu_start, *cpu_end; /* by worker: of its CPU, at the window's edges */
};

struct drive {
    const char *program; /* its name, for complaints */
    struct crew crew;
    struct window window;
    struct gate gate;     /* connected, or all zero, before drive_init() */
    struct served served; /* who answers: known before drive_run(), or all zero */
    struct extension extension;
    struct conditions conditions;
    uint64_t interval_ns; /* of a line, and of a point of the series */
    bool interrupted;     /* by a signal */
    bool ran;             /* the threads were started: there are results */
    bool never_begun;     /* the run was to wait for its gate, and that was never opened */

    /* What only the workload can say. owner is passed on to these. */
    void *owner;
    int (*body)(struct meter *m); /* until the thread is done: 0 or -errno, which stops the run */
    void (*print_header)(FILE *out, const void *owner);
    void (*print_point)(FILE *out, const void *owner, const struct ticks_point *p);
    /* Why body() failed, in one line on stderr; returns the exit status. NULL: drive says it. */
    int (*complain)(const void *owner, int err);
};

/* The length of a tick: what a live line moves by, and short enough to test for a steady state. */
uint64_t drive_tick_ns(uint64_t interval_ns, uint64_t duration_ns);

/*
 * Prepares `threads` workers and the window; the workload then calls meter_init() for each. 0 or
 * -errno. drive_free() is to be called in either case, before the workload frees its meters.
 */
int drive_init(struct drive *d, unsigned threads, const struct opt_cpus *cpus,
               const struct window_plan *plan, const struct window_hooks *hooks);
void drive_free(struct drive *d);

/*
 * Runs the crew to its end. Header, interval lines and live line go to out; NULL prints none of
 * them. 0; EXIT_USAGE when the threads could not be started; EXIT_FAILED, or what complain() says,
 * when one of them failed, or the gate could not be opened: all after one line on stderr. An
 * interrupt before the gate is open is EXIT_FAILED without a line. If threads ran there are results
 * all the same (d->ran).
 */
int drive_run(struct drive *d, uint64_t until_steady_ns, FILE *out);

#endif
