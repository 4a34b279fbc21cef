/*
 * results: what the workers measured, as one; what only files have, beside the summary.
 */
#ifndef IOBENCH_FILEIO_RESULTS_H
#define IOBENCH_FILEIO_RESULTS_H

#include "common/measure/summary.h"
#include "fileio/run.h"

struct results {
    struct summary summary;
    struct tally tally;
    struct stats submitting, reaping; /* of the engine that does the work, in the window */
    const struct failure *failure;    /* the first worker's that has one, or NULL */
    unsigned failed_workers;
    const struct choice *choice; /* the engine, with what it uses */
};

/* After drive_run(), and after split_close(). */
void results_collect(struct results *r, const struct run *run);

/* The published definition of a window: its length by a clock that ticks every 100 ms. */
double results_published_s(const struct results *r);

/* "hot", "cold", "mixed", "empty", "bypassed", "memory" or "unknown". */
const char *results_cache_state(const struct run *run);

bool results_failed(const struct results *r);

/* Calls note() with what a reader should know of storage, cache and failed workers. */
void results_warn(const struct results *r, const struct run *run, report_note *note, void *to);

/* Everything but what report_new() and the exit status say. */
void results_report(struct report *report, const struct results *r, const struct run *run);

#endif
