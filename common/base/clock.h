/*
 * clock: monotonic time in nanoseconds.
 *
 * One source for every time stamp of the suite, so that any two of them can be subtracted.
 * Between processes on one machine the values are comparable too; between machines they are not.
 */
#ifndef IOBENCH_CLOCK_H
#define IOBENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* "no such moment": later than anything the clock will say. */
#define CLOCK_NEVER_NS UINT64_MAX

static inline uint64_t clock_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static inline struct timespec clock_timespec(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

/* From now until then; 0 once it has passed, and CLOCK_NEVER_NS for never. */
static inline uint64_t clock_left_ns(uint64_t until_ns)
{
    uint64_t now_ns;

    if (until_ns == CLOCK_NEVER_NS)
        return CLOCK_NEVER_NS;
    now_ns = clock_now_ns();
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

static inline struct timespec clock_left(uint64_t until_ns)
{
    return clock_timespec(clock_left_ns(until_ns));
}

#endif
