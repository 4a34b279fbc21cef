/*
 * serve: what the main thread does while a crew of threads answers others.
 *
 * It starts them, says when all of them are up, and sleeps until a signal has come, the time is
 * over or one of them has failed: without one of its threads a server would leave peers unserved,
 * so then all end. A server has no window: its figures are of its whole life.
 */
#ifndef IOBENCH_SERVE_H
#define IOBENCH_SERVE_H

#include "common/host/host.h"
#include "common/measure/crew.h"
#include "common/measure/served.h"
#include "common/report/report.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct serve {
    const char *program; /* its name, for complaints */
    struct crew crew;
    struct host host;
    struct host_pressure before, after;
    uint64_t start_ns, end_ns;
    atomic_uint up;       /* threads that serve */
    atomic_bool stopping; /* the threads are to end */

    /* What only the server itself can say. owner is passed on to print_ready(). */
    const void *owner;
    int (*body)(struct worker *w); /* calls serve_up(), and ends soon when stopping is set */
    void (*print_ready)(FILE *out, const void *owner);
};

/* For an initialised crew. 0, or EXIT_USAGE after one line on stderr; then no thread is left. */
int serve_start(struct serve *s);

/* Between serve_start() and serve_end(): it is the server's threads that answer. */
void serve_known_as(const struct serve *s, struct served *served);

/* From a worker: it serves from now on. */
void serve_up(struct serve *s);

/* From any thread: all threads are to end. */
void serve_stop(struct serve *s);

/* Sleeps until the threads have ended. duration_ns counts from when all are up; 0: no limit. */
void serve_watch(struct serve *s, uint64_t duration_ns, FILE *out);

/* Stops them, if they still run, and joins them: 0, or EXIT_FAILED after one line on stderr. */
int serve_end(struct serve *s);

/* After serve_end(): of all threads, and from start to end. */
struct os_cpu_time serve_cpu(const struct serve *s);
double serve_uptime_s(const struct serve *s);

/*
 * For a server that is a process of its own: host, threads, uptime_s, totals, errors, syscalls,
 * loop, cpu.{user_s,system_s}, memory and warnings.
 */
void serve_report(struct report *r, const struct serve *s, const struct stats *stats);

#endif
