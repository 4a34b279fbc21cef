/*
 * schedule: what an open loop has due, and what became of it.
 *
 * Requests are due by a pace, whatever became of those before. The schedule itself is the queue:
 * what is due and cannot be sent yet simply stays on it, so the queue may grow without bound and
 * costs no memory. Everything that was due in the window is accounted for in the end:
 *
 *     scheduled = answered + never answered + never sent
 */
#ifndef IOBENCH_SCHEDULE_H
#define IOBENCH_SCHEDULE_H

#include "common/base/hist.h"
#include "common/measure/pace.h"

#include <stdbool.h>
#include <stdint.h>

/* The measuring window: a moment belongs to it from start_ns on, and before end_ns. */
struct edges {
    uint64_t start_ns, end_ns;
};

static inline bool edges_hold(const struct edges *window, uint64_t moment_ns)
{
    return moment_ns >= window->start_ns && moment_ns < window->end_ns;
}

/* One thread's share. */
struct schedule {
    struct pace pace;     /* the next request to be sent */
    struct pace arrived;  /* the next request to become due: those between the two are the queue */
    uint64_t taken;       /* requests that were due in the window, and were taken off */
    uint64_t given_up;    /* those of `taken` that could not be sent */
    uint64_t left;        /* requests that were due in the window, and never taken off */
    uint64_t queue_peak;  /* most that were due at once */
    struct hist lateness; /* of requests that had nothing to wait for: the client's own fault */
    struct hist queued;   /* of the other requests: their wait, such as for a free connection */
};

void schedule_init(struct schedule *s);

/* Begins at start_ns for thread `index` of `count`; as pace_start(). */
void schedule_start(struct schedule *s, enum pace_arrivals arrivals, uint64_t rate, uint64_t seed,
                    unsigned index, unsigned count, uint64_t start_ns);

/*
 * Takes the next request off, which is to be sent now, and returns the moment it was due. queued:
 * it had to wait for something else than for this thread to look at the clock again. most: how many
 * requests may still be sent at all, which bounds the queue. Never inlined: a closed loop, which
 * has no schedule, would pay for the registers that this needs.
 */
__attribute__((noinline)) uint64_t schedule_take(struct schedule *s, const struct edges *window,
                                                 uint64_t now_ns, bool queued, uint64_t most);

/* When nothing more will be sent: counts what is left, at most `most` requests. */
void schedule_end(struct schedule *s, const struct edges *window, uint64_t now_ns, uint64_t most);

/* Adds up what the threads did; the queue's peak is the largest of any thread. */
void schedule_merge(struct schedule *into, const struct schedule *from);

static inline uint64_t schedule_never_sent(const struct schedule *s)
{
    return s->given_up + s->left;
}

static inline uint64_t schedule_total(const struct schedule *s)
{
    return s->taken + s->left;
}

#endif
