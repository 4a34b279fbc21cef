#include "fileio/gate.h"

#include "common/base/clock.h"
#include "common/measure/spin.h"

#include <errno.h>

int gate_init(struct gate *g)
{
    int err = -pthread_mutex_init(&g->lock, NULL);

    if (err)
        return err;
    atomic_init(&g->turn, 0);
    atomic_init(&g->sleepers, 0);
    err = gate_init_bell(&g->bell);
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

void gate_wait(struct gate *g, unsigned seen, uint64_t spin_ns, uint64_t until_ns,
               struct stats *stats)
{
    struct spin spin = {.look_ns = spin_ns, .stats = stats};
    struct spin_wait wait = {0};
    int err = 0;

    while (gate_look(g) == seen && spin_look(&spin, &wait, until_ns))
        ;
    if (gate_look(g) != seen)
        return;
    stats->syscalls[SYSCALL_futex]++;
    pthread_mutex_lock(&g->lock);
    atomic_fetch_add(&g->sleepers, 1);
    while (gate_look(g) == seen && err != ETIMEDOUT) {
        if (until_ns == CLOCK_NEVER_NS)
            pthread_cond_wait(&g->bell, &g->lock);
        else
            err = gate_sleep(g, until_ns);
    }
    atomic_fetch_sub(&g->sleepers, 1);
    pthread_mutex_unlock(&g->lock);
}
