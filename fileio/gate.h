/*
 * gate: a thread sleeps until another one says that something has changed.
 *
 * An event count: look, check what you wait for, and wait with what you saw. A ring between the
 * look and the wait is not lost. Ringing costs one atomic addition while nobody sleeps.
 */
#ifndef IOBENCH_FILEIO_GATE_H
#define IOBENCH_FILEIO_GATE_H

#include "common/base/stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct gate {
    atomic_uint turn, sleepers;
    pthread_mutex_t lock;
    pthread_cond_t bell;
};

/* 0 or -errno. */
int gate_init(struct gate *g);
void gate_free(struct gate *g);

static inline unsigned gate_look(struct gate *g)
{
    return atomic_load(&g->turn);
}

/* Returns how many system calls it took: 0 or 1. */
unsigned gate_ring(struct gate *g);

/*
 * Returns once the turn is no longer what gate_look() gave, or at until_ns (CLOCK_NEVER_NS: no
 * limit). Before it sleeps it spins for spin_ns. What both cost is counted in stats.
 */
void gate_wait(struct gate *g, unsigned seen, uint64_t spin_ns, uint64_t until_ns,
               struct stats *stats);

/*
 * For gate.c: its condition variable, whose moments are those of clock_now_ns(). 0 or -errno; 0 or
 * ETIMEDOUT, with the lock held. gate_linux.c and gate_darwin.c.
 */
int gate_init_bell(pthread_cond_t *bell);
int gate_sleep(struct gate *g, uint64_t until_ns);

#endif
