/*
 * flight: the client's side of the hooks in common/loop/loop.h: requests in flight on one thread.
 *
 * In a closed loop a connection sends its next request when a reply is complete (or `think` later).
 * In an open loop requests are due by a schedule, whatever became of the others: one that finds no
 * connection free waits, in order, and is sent late; its response time counts from the moment it
 * was due. The schedule itself is the queue, so it can grow without bound and costs no memory.
 *
 * A thread goes through phases. All threads first make their connections; the last one that is
 * ready sets the common start, and from there on each moves by its own clock (see window.h):
 *
 *     CONNECT -> READY -> WARM_UP -> WINDOW -> DRAIN -> done
 *
 * What belongs to the window: in a closed loop the requests that were completed in it, in an open
 * loop those that were due in it, also when they are completed later.
 */
#ifndef IOBENCH_CLIENT_FLIGHT_H
#define IOBENCH_CLIENT_FLIGHT_H

#include "client/config.h"
#include "client/extend.h"
#include "client/pattern.h"
#include "client/sizes.h"
#include "common/base/hist.h"
#include "common/loop/loop.h"
#include "common/measure/crew.h"
#include "common/measure/fairness.h"
#include "common/measure/pace.h"
#include "common/measure/ticks.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum phase { PHASE_CONNECT, PHASE_READY, PHASE_WARM_UP, PHASE_WINDOW, PHASE_DRAIN };

struct request {
    uint64_t sent_ns; /* handed to the loop, to be sent at once */
    uint64_t due_ns;  /* open loop: when the schedule meant it to be sent */
    uint32_t bytes;
};

/* Lists that a connection without anything to do may be in. */
enum rest { REST_NONE, REST_IDLE, REST_THINKING };

struct flight_conn {
    struct conn base;
    TAILQ_ENTRY(flight_conn) link;
    enum rest rest;
    bool retiring;              /* we are closing it ourselves, in good order */
    uint16_t oldest, in_flight; /* of the ring below */
    uint64_t outstanding;       /* bytes of all replies still to come */
    uint32_t awaited;           /* bytes of the oldest request's reply still to come */
    uint32_t tx_at, rx_at;      /* places in the pattern */
    uint64_t begun;             /* requests since it was opened */
    uint64_t requests;          /* completed in the window */
    uint64_t ready_ns;          /* when it has thought enough */
    struct request ring[];      /* config.pipeline requests in flight */
};

TAILQ_HEAD(conn_list, flight_conn);

/* Shared by the threads of a run; for them, constant but for the atomics. */
struct run {
    const struct client_config *config;
    struct loop_config loop;
    struct crew crew;
    struct pattern pattern;
    struct sizes sizes;
    enum pace_arrivals arrivals;
    bool verify_full;
    uint64_t tick_ns;
    struct flight *flights;        /* one per thread ... */
    struct ticks **ticks;          /* ... and their ticks */
    atomic_uint ready;             /* threads that have their connections */
    atomic_uint_fast64_t start_ns; /* 0 until all are ready */
    atomic_uint_fast64_t window;   /* its planned length: see window.c */
    atomic_bool stop;              /* end early, keep what was measured */
    struct extension extension;
};

/* One thread's part; its worker's program. Results are read after the thread was joined. */
struct flight {
    struct run *run;
    const struct client_config *config;
    struct worker *worker;
    struct rng rng;
    unsigned pipeline; /* config's, near at hand */
    enum phase phase;
    uint64_t now_ns;      /* last reading of the clock */
    bool now_is_fresh;    /* taken since next_due() was last asked */
    uint64_t deadline_ns; /* of the current tick or phase, whichever is sooner */

    uint32_t to_open, asked, connecting, opened, failed, lost;
    uint32_t reopened;         /* churn: connections made anew */
    uint32_t to_reopen;        /* churn: connections to be made anew */
    uint64_t connect_after_ns; /* a pause after a failure: not before then */
    uint64_t connects_fail_ns; /* since when no connect has succeeded; 0: the last one did */
    uint64_t connect_start_ns;
    struct conn_list idle, thinking; /* thinking: in the order of ready_ns */
    uint64_t in_flight;              /* requests without their whole reply */
    uint64_t quota;                  /* with --requests: this thread's part of them */
    uint64_t budget;                 /* requests that may still be begun */
    uint64_t last_request;           /* closed loop: the count that ends the window */
    uint64_t next_check_ns;          /* when to look for overdue replies again */
    const struct conn *checked;      /* how far the present look has come; NULL: not begun */

    struct pace pace;    /* open loop: the next request to be sent */
    struct pace arrived; /* the same schedule, taken up to now: its lead is the queue */
    uint64_t queue_peak;
    uint64_t sent_in_window; /* requests handed over in the window */
    uint64_t due_in_window;  /* requests taken off the schedule that were due in it */
    uint64_t never_sent;     /* due in the window, but not sent until the drain was over */

    bool measured; /* the window was reached */
    struct hist service, response;
    struct hist lateness;          /* of sends, while a connection was free: the client's own */
    struct hist queued;            /* of sends, while none was: the wait for a connection */
    struct hist connects;          /* connect() to connected, in the window */
    struct stats at_start, at_end; /* the worker's counters at the window's edges */
    struct os_cpu_time cpu_at_start, cpu_at_end;
    uint64_t idle_at_start_ns, idle_at_end_ns; /* time spent looking for events in vain */
    uint64_t window_start_ns, window_end_ns, drain_end_ns, ended_ns;
    uint64_t unfinished;      /* requests in flight when the window ended */
    struct fairness fairness; /* requests per connection in the window */
    struct ticks ticks;
};

static inline struct flight_conn *flight_conn(struct conn *c)
{
    return (struct flight_conn *)(void *)c;
}

/* Prepares the threads' parts for an initialised crew and loop configuration: 0 or -ENOMEM. */
int flight_init(struct run *run);
void flight_free(struct run *run);

/* The window so far, from its start: in intervals as the configuration has them. */
struct ticks_reader flight_series(const struct run *run);

/* The body of a worker thread. */
int flight_run(struct worker *w);

/* What run->loop.conn_bytes must be for so many requests in flight per connection. */
size_t flight_conn_bytes(uint64_t pipeline);

#endif
