/*
 * results: what the threads measured, as one; what only this client has, beside the summary.
 */
#ifndef IOBENCH_CLIENT_RESULTS_H
#define IOBENCH_CLIENT_RESULTS_H

#include "client/client.h"
#include "common/measure/summary.h"

struct results {
    struct summary summary;
    struct hist connects;     /* churn: how long a connect took, in the window */
    struct fairness fairness; /* requests per connection in the window */
    uint32_t opened, reopened, failed, lost;
};

/* After drive_run(). */
void results_collect(struct results *r, const struct client_run *run);

/* Calls note() with what a reader should know of connections, ports and starvation. */
void results_warn(const struct results *r, const struct client_run *run, report_note *note,
                  void *to);

/* A request came back wrong, or something failed on the way: the run's exit status is 1. */
bool results_failed(const struct results *r);

/* Everything but what report_new() and the exit status say. */
void results_report(struct report *report, const struct results *r, const struct client_run *run);

#endif
