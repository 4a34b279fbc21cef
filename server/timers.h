/*
 * timers: recurring timers beside the I/O, as a server with time-outs and heartbeats has them.
 *
 * All have the same period and are spread evenly over it, so the next to fire is always the next in
 * turn. What they do is nothing; how late they are is recorded.
 */
#ifndef IOBENCH_SERVER_TIMERS_H
#define IOBENCH_SERVER_TIMERS_H

#include "common/base/clock.h"
#include "common/base/hist.h"

#include <stdint.h>

struct timers {
    uint64_t count; /* 0: none */
    uint64_t period_ns;
    uint64_t start_ns;
    uint64_t fired; /* all together */
    struct hist lateness;
};

void timers_start(struct timers *t, uint64_t count, uint64_t period_ns, uint64_t now_ns);

/* When the next one is due; CLOCK_NEVER_NS without any. */
static inline uint64_t timers_next_ns(const struct timers *t)
{
    __extension__ typedef unsigned __int128 wide;

    if (t->count == 0)
        return CLOCK_NEVER_NS;
    return t->start_ns + (uint64_t)((wide)(t->fired + 1) * t->period_ns / t->count);
}

/* Fires those that are due at now_ns; returns when the next one is. */
uint64_t timers_fire(struct timers *t, uint64_t now_ns);

#endif
