/*
 * config: what the server's command line says.
 */
#ifndef IOBENCH_SERVER_CONFIG_H
#define IOBENCH_SERVER_CONFIG_H

#include "common/base/opt.h"

#include <stdbool.h>
#include <stdint.h>

struct server_config {
    const char *host, *unix_path, *backend, *mode, *json;
    uint64_t port, threads, backlog;
    uint64_t duration_ns; /* 0: until a signal */
    uint64_t work_ns, timers, timer_period_ns;
    uint64_t sndbuf_bytes, rcvbuf_bytes;
    struct opt_cpus cpus;
    const char *nodelay;
};

#endif
