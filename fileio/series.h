/*
 * series: the run over time, sampled by the main thread from what the workers publish.
 */
#ifndef IOBENCH_FILEIO_SERIES_H
#define IOBENCH_FILEIO_SERIES_H

#include <stdint.h>

struct run;

enum { SERIES_MAX = 10000 };

struct series_point {
    double end_s; /* from the start of the window */
    double iops;
    double batch; /* operations per submission; NaN without one */
    uint64_t errors;
};

struct series {
    const struct run *run;
    uint64_t start_ns, last_ns;
    uint64_t operations, submits, submitted, errors; /* at the last sample */
    unsigned count;
    struct series_point points[SERIES_MAX];
};

/* The window begins at start_ns. */
void series_begin(struct series *s, const struct run *run, uint64_t start_ns);

/* Adds the point since the last one; returns it, or NULL when there is room or time for none. */
const struct series_point *series_sample(struct series *s, uint64_t now_ns);

#endif
