/*
 * config: what the command line of bench_udp says.
 */
#ifndef IOBENCH_UDP_CONFIG_H
#define IOBENCH_UDP_CONFIG_H

#include "common/base/opt.h"

#include <stdbool.h>
#include <stdint.h>

struct udp_config {
    const char *host, *backend, *role, *mode, *arrivals, *gso, *gro, *zerocopy, *json;
    uint64_t port, clients, threads, workers;
    uint64_t messages;    /* of each client; 0: until the duration is over */
    uint64_t duration_ns; /* 0: until the messages are done */
    uint64_t size_bytes, pipeline, batch;
    uint64_t rate; /* messages per second of all clients together; 0: a closed loop */
    uint64_t seed;
    uint64_t rcvbuf_bytes, sndbuf_bytes;
    uint64_t timeout_ns, warmup_ns, interval_ns;
    struct opt_cpus cpus;
    uint64_t server_pid; /* 0: not given */
    const char *gate;    /* Unix socket of whoever says when to begin; NULL: nobody */
    bool connected, published_method, quiet;
};

#endif
