/*
 * results: what the server did, as text and as JSON.
 */
#ifndef IOBENCH_SERVER_RESULTS_H
#define IOBENCH_SERVER_RESULTS_H

#include "server/config.h"
#include "server/echo.h"

#include <stdio.h>

struct results {
    struct stats stats;
    uint64_t timers_fired;
    struct hist timer_lateness;
};

/* After serve_end(). */
void results_collect(struct results *r, const struct echo *echo);

void results_print(FILE *out, const struct results *r, const struct echo *echo);

/* Everything but what report_new() and the exit status say. */
void results_report(struct report *report, const struct results *r, const struct echo *echo,
                    const struct server_config *config);

#endif
