/*
 * results: what client threads and server workers measured, as one; what only datagrams have,
 * beside the summary.
 */
#ifndef IOBENCH_UDP_RESULTS_H
#define IOBENCH_UDP_RESULTS_H

#include "common/loop/net_option.h"
#include "common/measure/fairness.h"
#include "common/measure/summary.h"
#include "udp/client.h"
#include "udp/server.h"

#include <stdbool.h>

struct results {
    struct summary summary;
    struct seq_counts counts; /* of the measured messages, to their end */
    uint64_t in_flight;       /* measured messages neither answered nor lost when the run ended */
    uint64_t unsent;          /* due or asked for, but never sent */
    uint64_t crowded_out;     /* those of `unsent` for which too many others were in flight */
    struct send_errors send_errors;
    int64_t kernel_drops; /* at the clients' sockets; -1 unknown */
    struct fairness fairness;
    bool gave_up;
};

/* What the server side measured: of its whole life. */
struct server_results {
    struct server_counts counts;
    struct stats stats;
    int64_t kernel_drops; /* -1 unknown */
    struct os_cpu_time cpu;
    uint64_t least_received, most_received; /* by one worker */
    uint64_t rcvbuf_bytes;
};

/* A whole run. client and results are used if is_client, server and served if is_server. */
struct bench {
    struct udp_config config;
    struct udp_setup setup;
    struct net_option asked;    /* the server's address, as it was asked for, ... */
    struct net_address address; /* ... and as it is */
    bool is_client, is_server;
    struct server server;
    struct client_run client;
    struct results results;
    struct server_results served;
};

/* After drive_run() and serve_end(). */
void results_collect(struct results *r, const struct client_run *run);
void results_collect_server(struct server_results *r, const struct server *s);

/* Percent of the measured messages that were sent; 0 when none were. */
double results_loss_percent(const struct results *r);

/* Nothing came back, or the work was not done. */
bool results_failed(const struct results *r);

/* Calls note() with what a reader should know of headers and losses. */
void results_warn(const struct bench *b, report_note *note, void *to);

/* The published figure, by its own definition: see results.c. */
struct published {
    double packets, wall_s, packets_s, mib_s, loss_percent;
};

struct published results_published(const struct bench *b);

/* Everything but what report_new() and the exit status say. */
void results_report(struct report *report, const struct bench *b);

#endif
