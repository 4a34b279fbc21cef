/*
 * client: the threads of bench_client, as a workload of common/measure and common/loop.
 *
 * In a closed loop a connection sends its next request when a reply is complete (or `think` later).
 * In an open loop requests are due by a schedule, whatever became of the others: one that finds no
 * connection free waits, in order, and is sent late; its response time counts from the moment it
 * was due.
 *
 *     client.c        memory, before and after
 *     requests.c      requests in flight: begun, completed
 *     connections.c   made, made anew, lost, closed when something takes too long
 *     idle.h          connections without anything to do
 *     due.c           what a thread does of itself, asked by its loop each time round
 *     codec_*.c       what a request's bytes are
 */
#ifndef IOBENCH_CLIENT_CLIENT_H
#define IOBENCH_CLIENT_CLIENT_H

#include "client/codec.h"
#include "client/config.h"
#include "client/sizes.h"
#include "common/base/hist.h"
#include "common/base/rng.h"
#include "common/loop/loop.h"
#include "common/measure/drive.h"
#include "common/measure/fairness.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct request {
    uint64_t sent_ns; /* handed to the loop, to be sent at once */
    uint64_t due_ns;  /* open loop: when the schedule meant it to be sent */
    uint32_t bytes;
};

/* Lists that a connection without anything to do may be in. */
enum idle_list { IDLE_NONE, IDLE_READY, IDLE_THINKING };

struct client_conn {
    struct conn base;
    TAILQ_ENTRY(client_conn) link;
    enum idle_list idle;
    bool retiring;              /* we are closing it ourselves, in good order */
    uint16_t oldest, in_flight; /* of the ring below */
    struct codec_stream stream;
    uint64_t left;         /* requests until it is made anew; UINT64_MAX without --churn */
    uint64_t requests;     /* completed since the window began */
    uint64_t ready_ns;     /* when it has thought enough */
    struct request ring[]; /* config.pipeline requests in flight */
};

TAILQ_HEAD(conn_list, client_conn);

/* Shared by the threads of a run; for them, constant. */
struct client_run {
    struct drive drive;
    const struct client_config *config;
    struct loop_config loop;
    struct codec codec;
    struct sizes sizes;
    struct client_thread *threads; /* one per worker */
};

/* One thread's part; its worker's program. Results are read after the thread was joined. */
struct client_thread {
    struct meter meter;
    struct client_run *run;
    const struct client_config *config;
    const struct codec *codec;
    struct rng rng;
    unsigned pipeline; /* copied from config */

    const struct conn_slab *conns;    /* the loop's */
    struct conn_list ready, thinking; /* thinking: in the order of ready_ns */

    uint32_t to_open, asked, connecting, opened, failed, lost;
    uint32_t reopened;         /* churn: connections made anew */
    uint32_t to_reopen;        /* churn: connections to be made anew */
    uint64_t connect_after_ns; /* a pause after a failure: not before then */
    uint64_t connects_fail_ns; /* since when no connect has succeeded; 0: the last one did */
    uint64_t connect_start_ns;
    uint64_t next_check_ns;     /* when to look for overdue replies again */
    const struct conn *checked; /* how far the present look has come; NULL: not begun */

    struct hist connects;     /* connect() to connected, in the window */
    struct fairness fairness; /* requests per connection in the window */
};

static inline struct client_thread *client_thread(struct meter *m)
{
    return (struct client_thread *)(void *)m;
}

static inline struct client_conn *client_conn(struct conn *c)
{
    return (struct client_conn *)(void *)c;
}

/* What run->loop.conn_bytes must be for so many requests in flight per connection. */
size_t client_conn_bytes(uint64_t pipeline);

/* Prepares a run by run->config, run->loop and run->sizes: 0 or -errno. Close it in either case. */
int client_open(struct client_run *run);

/* Frees what client_open() made; the run can be opened again. */
void client_close(struct client_run *run);

#endif
