/*
 * results: what client threads and server workers measured, as one.
 */
#ifndef IOBENCH_UDP_RESULTS_H
#define IOBENCH_UDP_RESULTS_H

#include "common/host/host.h"
#include "common/measure/fairness.h"
#include "udp/client.h"
#include "udp/server.h"

struct results {
    struct stats window;      /* counted in the measuring window; errors: in the whole run */
    struct seq_counts counts; /* of the measured messages, to their end */
    uint64_t in_flight;       /* of these, neither answered nor lost when the run ended */
    uint64_t unsent, crowded_out;
    struct send_errors send_errors;
    int64_t kernel_drops; /* at the clients' sockets; -1 unknown */
    struct hist service, response;
    struct fairness fairness;
    struct os_cpu_time cpu; /* of the client threads, in the window */
    double duration_s, drain_s, busiest_thread;
    uint64_t rcvbuf_bytes; /* of a client's socket, as the kernel made it */
    bool interrupted, gave_up;
    bool open_loop, numbered; /* numbered: messages carry a header */
};

/* What the server side measured: of its whole life. */
struct server_results {
    struct server_counts counts;
    struct stats stats;
    int64_t kernel_drops; /* -1 unknown */
    struct os_cpu_time cpu;
    uint64_t least_received, most_received; /* by one worker */
    uint64_t rcvbuf_bytes;
    double uptime_s;
};

/* A whole run: what there is of it depends on the role. NULL: that side is elsewhere. */
struct outcome {
    const struct udp_config *config;
    const struct udp_setup *setup;
    const struct client_run *client;
    const struct results *results;
    const struct server *server;
    const struct server_results *served;
};

/* After crew_join(). */
void results_collect(struct results *r, const struct client_run *run, bool interrupted);
void results_collect_server(struct server_results *r, const struct server *s);

/* Per second of the window; 0 for a window of no length. */
double results_rate(const struct results *r, uint64_t count);

/* Percent of the measured messages that were sent; 0 when none were. */
double results_loss_percent(const struct results *r);

const char *results_client_limited(const struct results *r);

/* Nothing came back, or the work was not done. */
bool results_failed(const struct results *r);

/* The published figure, by its own definition: see print.c. */
struct published {
    double packets, wall_s, packets_s, mib_s, loss_percent;
};

struct published results_published(const struct outcome *o);

/* Builds and writes the JSON report. 0 or -errno. */
int results_write(const struct outcome *o, const struct opt_table *table, int argc,
                  char *const *argv, const struct host *host, const struct host_pressure *before,
                  const struct host_pressure *after, int exit_status);

#endif
