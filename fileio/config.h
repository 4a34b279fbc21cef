/*
 * config: what the command line says.
 */
#ifndef IOBENCH_FILEIO_CONFIG_H
#define IOBENCH_FILEIO_CONFIG_H

#include "common/base/opt.h"

#include <stdbool.h>
#include <stdint.h>

struct file_config {
    const char *dir, *existing, *engine, *threading, *notify, *json;
    const char *rw, *direct, *sync, *rwf, *pattern, *batch, *arrivals;
    uint64_t workers, ops, block_bytes, depth, read_percent, size_bytes, files, rate;
    uint64_t priority_percent, pool, seed, reap_min;
    uint64_t time_ns, warmup_ns, interval_ns, spin_ns, work_ns;
    struct opt_cpus cpus;
    const char *gate; /* Unix socket of whoever says when to begin; NULL: nobody */
    bool sqpoll, iopoll, verify, prefill, invalidate, keep, published_method, quiet;
};

#endif
