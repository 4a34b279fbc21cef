#include "fileio/gate.h"

#include "common/base/clock.h"

int gate_init_bell(pthread_cond_t *bell)
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

int gate_sleep(struct gate *g, uint64_t until_ns)
{
    struct timespec until = clock_timespec(until_ns);

    return pthread_cond_timedwait(&g->bell, &g->lock, &until);
}
