/*
 * window: the phases that every measuring thread goes through, by its own clock, and what is
 * recorded at their edges.
 *
 * All threads first set up what they need. The last one that is ready opens the gate, or has the
 * main thread do so (gate.h), and from that common moment on each thread moves by itself:
 *
 *     SET_UP -> READY -> WARM_UP -> WINDOW -> DRAIN -> done
 *
 * What belongs to the window: in a closed loop the requests that were completed in it, in an open
 * loop those that were due in it, also when they are completed later. What is in flight at its end
 * is followed through the drain. A moment that was missed is made up for in order: however late a
 * thread notices, ticks, the window's start and its end lie where the plan has them.
 *
 * No thread takes a lock, and a thread writes nothing of another's.
 */
#ifndef IOBENCH_WINDOW_H
#define IOBENCH_WINDOW_H

#include "common/base/clock.h"
#include "common/base/hist.h"
#include "common/measure/account.h"
#include "common/measure/crew.h"
#include "common/measure/schedule.h"
#include "common/measure/served.h"
#include "common/measure/ticks.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum phase { PHASE_SET_UP, PHASE_READY, PHASE_WARM_UP, PHASE_WINDOW, PHASE_DRAIN };

struct meter;

/* What a workload does at the edges; NULL for nothing. */
struct window_hooks {
    void (*opened)(struct meter *m);  /* the window has begun */
    void (*closing)(struct meter *m); /* it is over, and m->edges.end_ns is its end */
};

struct window_plan {
    uint64_t warmup_ns;
    uint64_t duration_ns; /* 0: until a number of requests is done */
    uint64_t tick_ns;     /* length of a tick of the series */
    uint64_t drain_ns;    /* how long what is in flight at the end is followed, at most */
    uint64_t rate;        /* requests per second of all threads; 0: closed loop */
    enum pace_arrivals arrivals;
    uint64_t seed;
    bool counts_requests; /* meter.quota ends the window */
};

/* Shared by the threads of a run; for them, constant but for the atomics. */
struct window {
    struct window_plan plan;
    struct window_hooks hooks;
    struct crew *crew;
    struct served *served;         /* read by the first thread at its edges; NULL: nobody */
    struct meter **meters;         /* one per thread, in the workload's memory */
    struct ticks **ticks;          /* of each meter */
    bool gated;                    /* the main thread is to open the gate: see gate.h */
    atomic_uint ready;             /* threads that are set up */
    atomic_uint_fast64_t start_ns; /* the moment the gate was opened at; 0: not yet */
    atomic_uint_fast64_t length;   /* of the window, as planned: see window.c */
    atomic_bool stop;              /* end early, keep what was measured */
};

/* One thread's measurements; the first member of the workload's own struct for a thread. */
struct meter {
    struct window *window;
    struct worker *worker;
    enum phase phase;
    bool open_loop;
    bool measured;        /* the window was reached */
    bool now_is_fresh;    /* for a loop: now_ns was read since it last asked what is due */
    uint64_t now_ns;      /* last reading of the clock */
    uint64_t deadline_ns; /* of the current tick or phase, whichever is sooner */
    struct edges edges;   /* of the window */
    uint64_t drain_end_ns, done_ns;

    uint64_t in_flight;    /* requests begun and not over */
    uint64_t owed;         /* requests that will follow those in flight: see meter_owe() */
    uint64_t unfinished;   /* in flight when the window ended */
    uint64_t answered;     /* open loop: were due in the window, and completed */
    uint64_t quota;        /* this thread's part of a number of requests */
    uint64_t budget;       /* requests that may still be begun; UINT64_MAX: no limit */
    uint64_t last_request; /* closed loop: the count that ends the window */

    struct schedule schedule;        /* open loop */
    struct account at_start, at_end; /* of the window */
    struct hist service, response;   /* response: open loop */
    struct hist unfinished_service;  /* closed loop: of what was completed in the drain */
    struct ticks ticks;
};

/* Prepares for an initialised crew: 0 or -ENOMEM. window_free() is to be called in either case. */
int window_init(struct window *w, struct crew *crew, const struct window_plan *plan,
                const struct window_hooks *hooks);
void window_free(struct window *w);

/* Makes m thread number `index` of the window, and the worker's program: 0 or -ENOMEM. */
int meter_init(struct meter *m, struct window *w, unsigned index);

/* This thread is set up. The last one opens the gate, or tells the main thread that it may. */
void window_ready(struct meter *m);

/* Whether all threads are set up. */
bool window_all_ready(const struct window *w);

/* Opens the gate at a moment that has come, which wakes the threads: phases begin there. */
void window_open_gate(struct window *w, uint64_t start_ns);

/* Whether the gate is open; if so, the thread's phases are planned from there on. */
bool window_started(struct meter *m);

/* For a thread without an event loop: sleeps until the gate is open. False: the run is to stop. */
bool window_wait(struct meter *m);

/*
 * For a thread with an event loop that has nothing to do until the gate is open: where the main
 * thread opens it, that may take long, so this sleeps, also where the loop would spin, until the
 * gate is open or the run is to stop. Whether it slept: then the loop is to ask again what is due.
 */
bool window_rest(struct meter *m);

/* m->now_ns has come to m->deadline_ns: moves on through ticks and phases as far as it has come. */
void window_catch_up(struct meter *m);

/* The clock says that it is now_ns. */
static inline void window_move_on(struct meter *m, uint64_t now_ns)
{
    m->now_ns = now_ns;
    m->now_is_fresh = true;
    if (now_ns >= m->deadline_ns)
        window_catch_up(m);
}

/* Reads the clock into m->now_ns, and moves on with it. */
static inline void window_read_clock(struct meter *m)
{
    window_move_on(m, clock_now_ns());
}

/* Ends the window at at_ns: the last request is done, the run is stopped, or nobody is left. */
void window_cut(struct meter *m, uint64_t at_ns);

/* From any thread: the threads are to end soon, and what was measured is kept. */
void window_stop(struct window *w);

/*
 * Whether the run was stopped. If so, the window is cut, what is in flight is followed for a second
 * at most, and a thread that has not come to its window has nothing to do.
 */
bool window_stopped(struct meter *m);

/*
 * The thread is done: nothing more will be begun or completed. Only the first call counts, so that
 * a workload which has more to do afterwards may say so before it does.
 */
void window_done(struct meter *m);

/* The window's length as it is planned now; CLOCK_NEVER_NS when requests are to end it. */
uint64_t window_planned_ns(const struct window *w);

/*
 * From the main thread: moves the planned end, for all threads alike. False: too late, a thread has
 * come to the end already.
 */
bool window_lengthen(struct window *w, uint64_t length_ns);

/* The window so far, from its start, in intervals of interval_ns. */
struct ticks_reader window_series(const struct window *w, uint64_t interval_ns);

/* ---- requests ------------------------------------------------------------------------------- */

/* Whether a request is to be begun now, by the schedule or, in a closed loop, the budget. */
static inline bool meter_request_due(const struct meter *m)
{
    if (m->budget == 0)
        return false;
    if (!m->open_loop)
        return m->phase <= PHASE_WINDOW;
    return m->phase >= PHASE_WARM_UP && m->schedule.pace.due_ns <= m->now_ns &&
           m->schedule.pace.due_ns < m->edges.end_ns;
}

/* Whether the window of an open loop has requests that are still to be begun. */
static inline bool meter_more_due(const struct meter *m)
{
    return m->open_loop && m->budget && m->schedule.pace.due_ns < m->edges.end_ns;
}

/*
 * A request is begun now. Returns when it was due, 0 in a closed loop. queued: it had to wait for
 * something else than for this thread to look at the clock again.
 */
static inline uint64_t meter_begin(struct meter *m, bool queued)
{
    uint64_t due_ns = 0;

    if (m->open_loop)
        due_ns = schedule_take(&m->schedule, &m->edges, m->now_ns, queued, m->budget);
    m->budget -= !m->open_loop || edges_hold(&m->edges, due_ns); /* not for what warm-up left */
    m->in_flight++;
    m->worker->stats.begun++;
    return due_ns;
}

/* A request that was begun just now, and was due at due_ns, could not be sent after all. */
static inline void meter_give_up(struct meter *m, uint64_t due_ns)
{
    m->in_flight--;
    m->worker->stats.begun--;
    m->schedule.given_up += m->open_loop && edges_hold(&m->edges, due_ns);
}

/* The request that was begun last will be followed by another, such as a write by a read. */
static inline void meter_owe(struct meter *m)
{
    m->owed++;
    m->budget -= !m->open_loop && m->budget > 0;
}

/* The request announced by meter_owe() is begun, or it never will be. */
static inline void meter_follow(struct meter *m, bool begun)
{
    m->owed--;
    m->in_flight += begun;
}

/* Whether a request that is completed now, and was due at due_ns, belongs to the window. */
static inline bool meter_counts(const struct meter *m, uint64_t due_ns)
{
    return m->open_loop ? edges_hold(&m->edges, due_ns) : m->phase == PHASE_WINDOW;
}

/* A request that was begun is over, whether it counts or not. */
static inline void meter_over(struct meter *m)
{
    m->in_flight--;
    if (++m->worker->stats.requests == m->last_request && m->phase == PHASE_WINDOW)
        window_cut(m, m->now_ns);
}

/* Open loop: a request of the window, which was due at due_ns, is completed at m->now_ns. */
static inline void meter_record_response(struct meter *m, uint64_t due_ns)
{
    hist_record(&m->response, m->now_ns - due_ns);
    m->answered++;
}

/* The times of a request of the window, handed over at sent_ns and completed at m->now_ns. */
static inline void meter_record(struct meter *m, uint64_t sent_ns, uint64_t due_ns)
{
    hist_record(&m->service, m->now_ns - sent_ns);
    if (m->open_loop)
        meter_record_response(m, due_ns);
}

/* A closed loop begins nothing in its drain: what is completed there was left by the window. */
static inline void meter_record_unfinished(struct meter *m, uint64_t service_ns)
{
    if (m->phase == PHASE_DRAIN && !m->open_loop)
        hist_record(&m->unfinished_service, service_ns);
}

/* A request that was handed over at sent_ns is completed at m->now_ns. */
static inline void meter_complete(struct meter *m, uint64_t sent_ns, uint64_t due_ns)
{
    if (meter_counts(m, due_ns))
        meter_record(m, sent_ns, due_ns);
    else
        meter_record_unfinished(m, m->now_ns - sent_ns);
    meter_over(m);
}

#endif
