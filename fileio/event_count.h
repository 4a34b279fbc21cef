/*
 * event_count: a thread sleeps until another one says that something has changed.
 *
 * The waiting thread reads the count, checks whether what it waits for is there, and if not awaits
 * another count than the one it read: a change between reading and awaiting is not lost. The other
 * thread makes its change and advances the count, at the price of one atomic addition while nobody
 * sleeps.
 */
#ifndef IOBENCH_FILEIO_EVENT_COUNT_H
#define IOBENCH_FILEIO_EVENT_COUNT_H

#include "common/base/stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct event_count {
    atomic_uint count, sleepers;
    pthread_mutex_t lock;
    pthread_cond_t advanced;
};

/* 0 or -errno. */
int event_count_init(struct event_count *e);
void event_count_free(struct event_count *e);

static inline unsigned event_count_read(struct event_count *e)
{
    return atomic_load(&e->count);
}

/* Wakes those who await it. Returns how many system calls that took: 0 or 1. */
unsigned event_count_advance(struct event_count *e);

/*
 * Returns once the count is no longer `seen`, which event_count_read() gave, or at until_ns
 * (CLOCK_NEVER_NS: no limit). The thread spins for spin_ns before it sleeps; spinning and sleeping
 * are counted in stats.
 */
void event_count_await(struct event_count *e, unsigned seen, uint64_t spin_ns, uint64_t until_ns,
                       struct stats *stats);

/*
 * For event_count.c, in event_count_linux.c and event_count_darwin.c: its condition variable, whose
 * clock is that of clock_now_ns(). Initialising it returns 0 or -errno; sleeping, with the lock
 * held, 0 or ETIMEDOUT.
 */
int event_count_init_cond(pthread_cond_t *cond);
int event_count_sleep(struct event_count *e, uint64_t until_ns);

#endif
