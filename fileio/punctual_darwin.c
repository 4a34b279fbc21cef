#include "fileio/punctual.h"

#include "common/base/clock.h"

/* There is no such setting per thread. */
void punctual_thread(void)
{
}

/* There is no clock_nanosleep() either. */
void punctual_sleep(uint64_t until_ns)
{
    struct timespec left = clock_left(until_ns);

    nanosleep(&left, NULL);
}
