/*
 * summary: what the server did, as text and as JSON.
 */
#ifndef IOBENCH_SERVER_SUMMARY_H
#define IOBENCH_SERVER_SUMMARY_H

#include "common/host/host.h"
#include "server/config.h"
#include "server/echo.h"

#include <stdio.h>

struct summary {
    struct stats stats;
    struct os_cpu_time cpu; /* of the threads, over their whole life */
    double uptime_s;
    uint64_t timers_fired;
    struct hist timer_lateness;
};

/* After crew_join(). */
void summary_collect(struct summary *s, const struct echo *echo, uint64_t uptime_ns);

void summary_print(FILE *out, const struct summary *s, const struct echo *echo);

/* Writes the JSON report: 0 or -errno. */
int summary_write(const struct summary *s, const struct echo *echo,
                  const struct server_config *config, const struct opt_table *table, int argc,
                  char *const *argv, const struct host *host, const struct host_pressure *before,
                  const struct host_pressure *after, int exit_status);

#endif
