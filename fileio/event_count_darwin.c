#include "fileio/event_count.h"

#include "common/base/clock.h"

/* Condition variables know no other clock here than the one that is set by hand. */
int event_count_init_cond(pthread_cond_t *cond)
{
    return -pthread_cond_init(cond, NULL);
}

int event_count_sleep(struct event_count *e, uint64_t until_ns)
{
    struct timespec left = clock_left(until_ns);

    return pthread_cond_timedwait_relative_np(&e->advanced, &e->lock, &left);
}
