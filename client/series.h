/*
 * series: the window as a row of intervals, read while the threads are still running or after.
 *
 * Threads publish ticks; an interval is complete when every thread has published its ticks or has
 * left the window. A reader takes intervals in order and each of them once.
 */
#ifndef IOBENCH_CLIENT_SERIES_H
#define IOBENCH_CLIENT_SERIES_H

#include "client/flight.h"
#include "common/steady.h"

#include <stdbool.h>
#include <stdint.h>

struct series {
    const struct run *run;
    unsigned interval; /* the next one to be read */
    uint64_t total;    /* requests in those read so far */
};

struct series_point {
    unsigned interval; /* counted from 1 */
    double end_s;      /* of the interval, from the window's start */
    double length_s;
    uint64_t requests, errors;
    uint64_t total; /* requests up to the end of this interval */
    double qps;
};

void series_begin(struct series *s, const struct run *run);

/* The next complete interval; false when there is none (yet). */
bool series_next(struct series *s, struct series_point *p);

/* What there is of the interval that series_next() would return later; false when nothing is. */
bool series_peek(const struct series *s, struct series_point *p);

/* Tests the window's whole ticks for a steady state; only after the threads have ended. */
void series_steady(const struct run *run, struct steady *s);

#endif
