#include "fileio/event_count.h"

#include "common/base/clock.h"

int event_count_init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int err = pthread_condattr_init(&attr);

    if (err)
        return -err;
    err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (!err)
        err = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return -err;
}

int event_count_sleep(struct event_count *e, uint64_t until_ns)
{
    struct timespec until = clock_timespec(until_ns);

    return pthread_cond_timedwait(&e->advanced, &e->lock, &until);
}
