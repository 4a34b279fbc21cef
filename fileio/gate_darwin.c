#include "fileio/gate.h"

#include "common/base/clock.h"

/* Condition variables know no other clock here than the one that is set by hand. */
int gate_init_bell(pthread_cond_t *bell)
{
    return -pthread_cond_init(bell, NULL);
}

int gate_sleep(struct gate *g, uint64_t until_ns)
{
    struct timespec left = clock_left(until_ns);

    return pthread_cond_timedwait_relative_np(&g->bell, &g->lock, &left);
}
