#include "fileio/gate.h"

#include "common/base/clock.h"

#include <errno.h>

#ifdef __APPLE__
/* Its condition variables know no other clock than the one that is set by hand. */
static int init_bell(pthread_cond_t *bell)
{
    return -pthread_cond_init(bell, NULL);
}

static int sleep_until(struct gate *g, uint64_t until_ns)
{
    struct timespec left = clock_left(until_ns);

    return pthread_cond_timedwait_relative_np(&g->bell, &g->lock, &left);
}
#else
static int init_bell(pthread_cond_t *bell)
{
    pthread_condattr_t attr;
    int err = pthread_condattr_init(&attr);

    if (err)
        return -err;
    err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (!err)
        err = pthread_cond_init(bell, &attr);
    pthread_condattr_destroy(&attr);
    return -err;
}

static int sleep_until(struct gate *g, uint64_t until_ns)
{
    struct timespec until = clock_timespec(until_ns);

    return pthread_cond_timedwait(&g->bell, &g->lock, &until);
}
#endif

int gate_init(struct gate *g)
{
    int err = -pthread_mutex_init(&g->lock, NULL);

    if (err)
        return err;
    atomic_init(&g->turn, 0);
    atomic_init(&g->sleepers, 0);
    err = init_bell(&g->bell);
    if (err)
        pthread_mutex_destroy(&g->lock);
    return err;
}

void gate_free(struct gate *g)
{
    pthread_cond_destroy(&g->bell);
    pthread_mutex_destroy(&g->lock);
}

/* The turn changes before the sleepers are counted; a sleeper does it the other way round. */
unsigned gate_ring(struct gate *g)
{
    atomic_fetch_add(&g->turn, 1);
    if (atomic_load(&g->sleepers) == 0)
        return 0;
    pthread_mutex_lock(&g->lock);
    pthread_cond_broadcast(&g->bell);
    pthread_mutex_unlock(&g->lock);
    return 1;
}

static void spin(struct gate *g, unsigned seen, uint64_t spin_ns)
{
    uint64_t end_ns = clock_now_ns() + spin_ns;

    while (gate_look(g) == seen && clock_now_ns() < end_ns)
        ;
}

unsigned gate_wait(struct gate *g, unsigned seen, uint64_t spin_ns, uint64_t until_ns)
{
    int err = 0;

    if (spin_ns)
        spin(g, seen, spin_ns);
    if (gate_look(g) != seen)
        return 0;
    pthread_mutex_lock(&g->lock);
    atomic_fetch_add(&g->sleepers, 1);
    while (gate_look(g) == seen && err != ETIMEDOUT) {
        if (until_ns == CLOCK_NEVER_NS)
            pthread_cond_wait(&g->bell, &g->lock);
        else
            err = sleep_until(g, until_ns);
    }
    atomic_fetch_sub(&g->sleepers, 1);
    pthread_mutex_unlock(&g->lock);
    return 1;
}
