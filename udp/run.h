/*
 * run: the two roles, in one process or apart: made ready, run, ended, told of.
 */
#ifndef IOBENCH_UDP_RUN_H
#define IOBENCH_UDP_RUN_H

#include "common/base/opt.h"
#include "udp/client.h"
#include "udp/results.h"
#include "udp/server.h"

#include <stdbool.h>

struct bench {
    struct udp_config config;
    struct udp_setup setup;
    struct net_address address; /* the server's */
    bool is_client, is_server;
    struct server server;
    struct client_run client;
    struct results results;
    struct server_results served;
    struct outcome outcome; /* what there is of all this */
};

/* For a config, setup and address that stand: the program's exit status. */
int run_bench(struct bench *b, const struct opt_table *table, int argc, char **argv);

#endif
