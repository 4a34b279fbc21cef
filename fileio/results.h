/*
 * results: what the workers measured, as one.
 */
#ifndef IOBENCH_FILEIO_RESULTS_H
#define IOBENCH_FILEIO_RESULTS_H

#include "common/host/host.h"
#include "fileio/series.h"
#include "fileio/work.h"

struct results {
    struct tally tally;
    struct hist service, response;      /* reads and writes together */
    struct traffic submitting, reaping; /* of the engine that does the work */
    struct traffic hand_off;            /* split: the users' own calls */
    struct os_cpu_time cpu;             /* of the whole process, in the window */
    double duration_s, drain_s;
    uint64_t operations, errors;
    const struct failure *failure; /* the first worker's that has one, or NULL */
    unsigned failed_workers;
    const struct engine *engine; /* for its features */
    bool interrupted;
};

/* After crew_join(), and after split_close(). */
void results_collect(struct results *r, const struct run *run, bool interrupted);

/* Per second of the window; 0 for a window of no length. */
double results_rate(const struct results *r, uint64_t count);

double results_cpu_us(const struct results *r);
uint64_t results_calls(const struct results *r);

/* The published definition of a window: its length by a clock that ticks every 100 ms. */
double results_published_s(const struct results *r);

/* "hot", "cold", "mixed", "empty", "bypassed", "memory" or "unknown". */
const char *results_cache_state(const struct run *run);

bool results_failed(const struct results *r);

/* Calls note() with each thing that a reader should know before trusting the figures. */
void results_warn(const struct results *r, const struct run *run,
                  void (*note)(void *to, const char *text), void *to);

/* Builds and writes the JSON report. 0 or -errno. */
int results_write(const struct results *r, const struct run *run, const struct series *series,
                  const struct opt_table *table, int argc, char *const *argv,
                  const struct host *host, const struct host_pressure *before,
                  const struct host_pressure *after, int exit_status);

#endif
