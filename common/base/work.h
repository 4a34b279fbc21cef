/*
 * work: computation that stands for what a real program does with each of its messages or blocks.
 *
 * A reading of the clock costs some 20 ns, so amounts below that cannot be computed one at a time.
 * What is owed is added up and worked off WORK_LEAST_NS at a time: the average is exact, however
 * small the amount.
 */
#ifndef IOBENCH_WORK_H
#define IOBENCH_WORK_H

#include "common/base/clock.h"

#include <stdint.h>

#define WORK_LEAST_NS NS_PER_US

struct work {
    uint64_t each_ns; /* for each piece; 0: none */
    uint64_t owed_ns;
};

/*
 * Works for so many pieces, on the CPU and not asleep. Returns the moment at which it was done; 0
 * if nothing was worked off now.
 */
static inline uint64_t work_do(struct work *w, uint64_t pieces)
{
    uint64_t start_ns, now_ns;

    w->owed_ns += w->each_ns * pieces;
    if (w->owed_ns < WORK_LEAST_NS)
        return 0;
    start_ns = clock_now_ns();
    do
        now_ns = clock_now_ns();
    while (now_ns - start_ns < w->owed_ns);
    w->owed_ns = 0;
    return now_ns;
}

#endif
