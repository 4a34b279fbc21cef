/*
 * config: what the client's command line says.
 */
#ifndef IOBENCH_CLIENT_CONFIG_H
#define IOBENCH_CLIENT_CONFIG_H

#include "common/base/opt.h"

#include <stdbool.h>
#include <stdint.h>

struct client_config {
    const char *host, *unix_path, *backend, *mode, *verify, *json;
    uint64_t port, connections, size_bytes, threads, requests;
    uint64_t duration_ns; /* 0: until `requests` are done */
    uint64_t warmup_ns, interval_ns, timeout_ns;
    uint64_t rate; /* requests per second, due in an open loop; 0: closed loop */
    const char *arrivals;
    uint64_t seed, pipeline;
    const char *find_rate;    /* goal of a search; NULL: none */
    uint64_t until_steady_ns; /* what the window may be lengthened to; 0: never */
    const char *sizes;        /* NULL: all of size_bytes */
    uint64_t churn;           /* requests per connection before it is made anew; 0: never */
    bool connect_only;
    uint64_t ramp_ns, think_ns;
    uint64_t sndbuf_bytes, rcvbuf_bytes;
    struct opt_cpus cpus;
    const char *nodelay, *close;
    uint64_t server_pid; /* 0: not given */
    const char *gate;    /* Unix socket of whoever says when to begin; NULL: nobody */
    bool quiet;
};

#endif
