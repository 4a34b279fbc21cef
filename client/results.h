/*
 * results: what the threads measured, as one.
 */
#ifndef IOBENCH_CLIENT_RESULTS_H
#define IOBENCH_CLIENT_RESULTS_H

#include "client/flight.h"
#include "common/host/calibrate.h"
#include "common/host/host.h"
#include "common/measure/steady.h"

/* What the figures were taken in. */
struct conditions {
    struct host host;
    struct host_pressure before, after;
    struct calibration calibration;
};

struct search;

struct results {
    struct conditions conditions;
    struct stats window;           /* counted in the measuring window; errors: in the whole run */
    struct hist service, response; /* response: open loop only */
    struct hist lateness, queued;  /* of an open loop's sends: see struct flight */
    struct hist connects;          /* churn: how long a connect took, in the window */
    struct fairness fairness;
    struct os_cpu_time cpu; /* of the threads, in the window */
    double duration_s;      /* the window's exact length */
    double drain_s;
    double busiest_thread; /* share of the window that it was on a CPU, 0 to 1 */
    uint64_t errors, unfinished;
    uint64_t scheduled;                  /* open loop: requests due in the window ... */
    uint64_t never_sent, never_answered; /* ... and those of them that came to nothing */
    uint64_t sent;                       /* requests handed over in the window */
    uint64_t queue_peak;                 /* of a thread, at most */
    uint32_t opened, reopened, failed, lost;
    bool interrupted;
    struct steady steady;
};

/* After crew_join(). */
void results_collect(struct results *r, const struct run *run, const struct conditions *conditions,
                     bool interrupted);

/* Per second of the window; 0 for a window of no length. */
double results_rate(const struct results *r, uint64_t count);

/*
 * Why the client, rather than the server, may have set the pace, as text in buf; NULL when nothing
 * says so. An open loop is limited when its own lateness (a connection was free) is more than
 * CLIENT_LATE_NS at P99; either loop when a thread worked all the time (looking for events in vain
 * is no work).
 */
const char *results_client_limited(const struct results *r, char *buf, size_t cap);

/* What to do about connects that found no local port; NULL when all did. */
const char *results_port_advice(const struct results *r);

/* A request came back wrong, or something failed on the way: the run's exit status is 1. */
bool results_failed(const struct results *r);

/*
 * Builds and writes the JSON report. search may be NULL. exit_status is what the process will
 * return. 0 or -errno.
 */
int results_write(const struct results *r, const struct run *run, const struct search *search,
                  const struct opt_table *table, int argc, char *const *argv, int exit_status);

#endif
