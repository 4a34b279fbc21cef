/*
 * ticks: the window as a row of intervals of equal length, written by the threads that measure and
 * read by another one while they run or after.
 *
 * Each thread publishes its own ticks; an interval, one tick or several, is complete when every
 * thread has published its ticks or has left the window. A reader takes intervals in their order
 * and each of them once.
 *
 * A window may have more ticks than a table has rows. Ticks are therefore added up at several
 * levels at once, each of them half as fine as the one before: whatever the length of the window,
 * some level holds all of it. A row is written once, when it is whole or the window over: a reader
 * may look at it while the thread goes on, and memory is touched level by level, as time passes.
 */
#ifndef IOBENCH_TICKS_H
#define IOBENCH_TICKS_H

#include "common/base/stats.h"
#include "common/measure/steady.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TICKS_MAX = 1 << 16, /* rows of a level */
    TICKS_LEVELS = 16,   /* enough for ticks of 1 ms in a window of three weeks */
};

/* What was counted in a tick; or up to a moment, as running totals. */
struct tick {
    uint64_t requests, errors;
    uint64_t batches, batched; /* files: submissions, and operations in them */
};

struct tick tick_of(const struct stats *s);

/* One thread's. */
struct ticks {
    struct tick (*rows)[TICKS_MAX]; /* [level][tick >> level]; never written: costs nothing */
    uint64_t length_ns, start_ns;
    uint64_t end_ns;                   /* of the current tick */
    struct tick counted[TICKS_LEVELS]; /* before the current row of each level */
    uint64_t window_end_ns;            /* final once `over` is set */
    atomic_uint done;
    atomic_bool over;
};

/* 0 or -ENOMEM. */
int ticks_init(struct ticks *t, uint64_t length_ns);
void ticks_free(struct ticks *t);

/* The window begins; `now` are running totals, here and in the calls that follow. */
void ticks_start(struct ticks *t, uint64_t start_ns, struct tick now);

/* end_ns has passed: what was counted since the last call is the tick, and the next one begins. */
void ticks_publish(struct ticks *t, struct tick now);

/* The window is over; its last tick may be shorter than the others. */
void ticks_end(struct ticks *t, uint64_t end_ns, struct tick now);

/*
 * Intervals are of ticks_per_interval ticks. They double in length each time that so many of them
 * were read that they fill a level; for a reader that begins when the window is over they are as
 * long from the first on.
 */
struct ticks_reader {
    struct ticks *const *threads;
    unsigned count;
    unsigned ticks_per_interval;
    unsigned next; /* tick that the next interval begins with */
    unsigned level;
    uint64_t total; /* requests in the intervals read so far */
};

struct ticks_point {
    double end_s; /* of the interval, from the window's start */
    double qps;
    double batch; /* operations per submission; NaN without one */
    uint64_t requests, errors;
    uint64_t total; /* requests up to the end of this interval */
};

/* The next complete interval; false when there is none (yet). */
bool ticks_next(struct ticks_reader *r, struct ticks_point *p);

/* The interval that ticks_next() returns next, as far as it has come; false: nothing of it yet. */
bool ticks_peek(const struct ticks_reader *r, struct ticks_point *p);

/* Tests the whole ticks of the window so far for a steady state. */
void ticks_steady(const struct ticks_reader *r, struct steady *s);

#endif
