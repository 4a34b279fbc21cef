#include "fileio/event_count.h"

#include "common/base/clock.h"
#include "common/measure/spin.h"

#include <errno.h>

int event_count_init(struct event_count *e)
{
    int err = -pthread_mutex_init(&e->lock, NULL);

    if (err)
        return err;
    atomic_init(&e->count, 0);
    atomic_init(&e->sleepers, 0);
    err = event_count_init_cond(&e->advanced);
    if (err)
        pthread_mutex_destroy(&e->lock);
    return err;
}

void event_count_free(struct event_count *e)
{
    pthread_cond_destroy(&e->advanced);
    pthread_mutex_destroy(&e->lock);
}

/*
 * First the count changes, then the sleepers are counted; a sleeper first counts itself, then reads
 * the count. So one of the two sees the other.
 */
unsigned event_count_advance(struct event_count *e)
{
    atomic_fetch_add(&e->count, 1);
    if (atomic_load(&e->sleepers) == 0)
        return 0;
    pthread_mutex_lock(&e->lock);
    pthread_cond_broadcast(&e->advanced);
    pthread_mutex_unlock(&e->lock);
    return 1;
}

void event_count_await(struct event_count *e, unsigned seen, uint64_t spin_ns, uint64_t until_ns,
                       struct stats *stats)
{
    struct spin spin = {.look_ns = spin_ns, .stats = stats};
    struct spin_wait wait = {0};
    int err = 0;

    while (event_count_read(e) == seen && spin_look(&spin, &wait, until_ns))
        ;
    if (event_count_read(e) != seen)
        return;
    stats->syscalls[SYSCALL_futex]++;
    pthread_mutex_lock(&e->lock);
    atomic_fetch_add(&e->sleepers, 1);
    while (event_count_read(e) == seen && err != ETIMEDOUT) {
        if (until_ns == CLOCK_NEVER_NS)
            pthread_cond_wait(&e->advanced, &e->lock);
        else
            err = event_count_sleep(e, until_ns);
    }
    atomic_fetch_sub(&e->sleepers, 1);
    pthread_mutex_unlock(&e->lock);
}
