#include "fileio/punctual.h"

#include "common/base/clock.h"

#include <sys/prctl.h>

/* Threads start with a slack of 50 us, which an open loop would count as response time. */
void punctual_thread(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void punctual_sleep(uint64_t until_ns)
{
    struct timespec until = clock_timespec(until_ns);

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
