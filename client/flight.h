/*
 * flight: the client's side of the hooks in common/loop.h: requests in flight on one thread.
 *
 * A thread goes through phases. All threads first make their connections; the last one that is
 * ready sets the common start, and from there on each moves by its own clock:
 *
 *     CONNECT -> READY -> WARM_UP -> WINDOW -> DRAIN -> done
 *
 * A completion belongs to the phase that its time stamp falls into, however late a thread notices
 * that a phase is over. Only completions in [window start, window end) are recorded.
 */
#ifndef IOBENCH_CLIENT_FLIGHT_H
#define IOBENCH_CLIENT_FLIGHT_H

#include "client/config.h"
#include "client/pattern.h"
#include "common/hist.h"
#include "common/loop.h"
#include "common/worker.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_CONNECT, PHASE_READY, PHASE_WARM_UP, PHASE_WINDOW, PHASE_DRAIN };

/* What was completed in one tick of the window: the grain of the series. */
struct tick {
    uint64_t requests, errors;
};

enum { TICKS_MAX = 1 << 16 };

/* Requests per connection in the window, folded up. */
struct fairness {
    uint64_t connections, starved, min_requests, max_requests;
    double sum, sum_of_squares;
};

/* Shared by the threads of a run; constant but for the atomics. */
struct run {
    const struct client_config *config;
    struct loop_config loop;
    struct crew crew;
    struct pattern pattern;
    struct flight *flights; /* one per thread */
    uint64_t tick_ns;
    bool verify_full;
    atomic_uint ready;             /* threads that have their connections */
    atomic_uint_fast64_t start_ns; /* 0 until all are ready */
    atomic_bool stop;              /* end early, keep what was measured */
};

/* One thread's part; its worker's program. Results are read after the thread was joined. */
struct flight {
    struct run *run;
    struct worker *worker;
    enum phase phase;
    uint64_t now_ns;      /* last reading of the clock */
    bool now_is_fresh;    /* taken since next_due() was last asked */
    uint64_t deadline_ns; /* of the current tick or phase, whichever is sooner */

    uint32_t to_open, asked, connecting, opened, failed, lost;
    struct conn *kick; /* the last connection whose first request was sent */
    bool kicked;
    uint64_t in_flight;     /* requests without their whole reply */
    uint64_t quota;         /* with --requests: this thread's part of them */
    uint64_t budget;        /* requests that may still be begun */
    uint64_t last_request;  /* the count that ends the window; UINT64_MAX: time does */
    uint64_t next_check_ns; /* when to look for overdue replies again */

    bool measured; /* the window was reached */
    struct hist service;
    struct stats at_start, at_end; /* the worker's counters at the window's edges */
    struct os_cpu_time cpu_at_start, cpu_at_end;
    uint64_t window_start_ns, window_end_ns, drain_end_ns;
    uint64_t unfinished; /* requests in flight when the window ended */
    struct fairness fairness;

    struct tick *ticks; /* TICKS_MAX */
    uint64_t tick_start_requests, tick_start_errors, tick_end_ns;
    atomic_uint ticks_done;  /* how many the main thread may read */
    atomic_bool window_over; /* there will be no more; window_*_ns are final */
};

/* Prepares the threads' parts for an initialised crew and loop configuration: 0 or -ENOMEM. */
int flight_init(struct run *run);
void flight_free(struct run *run);

/* The body of a worker thread. */
int flight_run(struct worker *w);

size_t flight_conn_bytes(void);

#endif
