/*
 * ticks: the window as a row of intervals of equal length, written by the threads that measure and
 * read by another one while they run or after.
 *
 * Each thread publishes its own ticks; an interval is complete when every thread has published it
 * or has left the window. A reader takes intervals in their order and each of them once.
 */
#ifndef IOBENCH_TICKS_H
#define IOBENCH_TICKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TICKS_MAX = 1 << 16 };

struct tick {
    uint64_t requests, errors;
};

/* One thread's. */
struct ticks {
    struct tick *rows; /* TICKS_MAX; memory that is never written costs nothing */
    uint64_t length_ns, start_ns;
    uint64_t end_ns; /* of the current tick */
    struct tick counted;
    uint64_t window_end_ns; /* final once `over` is set */
    atomic_uint done;
    atomic_bool over;
};

/* 0 or -ENOMEM. */
int ticks_init(struct ticks *t, uint64_t length_ns);
void ticks_free(struct ticks *t);

/* The window begins; the counts are running totals, now and in the calls that follow. */
void ticks_start(struct ticks *t, uint64_t start_ns, uint64_t requests, uint64_t errors);

/* end_ns has passed: what was counted since the last call is the tick, and the next one begins. */
void ticks_publish(struct ticks *t, uint64_t requests, uint64_t errors);

/* The window is over; its last tick may be shorter than the others. */
void ticks_end(struct ticks *t, uint64_t end_ns, uint64_t requests, uint64_t errors);

struct ticks_reader {
    struct ticks *const *threads;
    unsigned count;
    unsigned next;
    uint64_t total; /* requests in the intervals read so far */
};

struct ticks_point {
    double end_s; /* of the interval, from the window's start */
    double qps;
    uint64_t requests, errors;
    uint64_t total; /* requests up to the end of this interval */
};

/* The next complete interval; false when there is none (yet). */
bool ticks_next(struct ticks_reader *r, struct ticks_point *p);

#endif
