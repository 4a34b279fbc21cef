/*
 * echo: the server's side of the hooks in common/loop/loop.h. What came in goes out.
 *
 * Every thread has a listening socket of its own (SO_REUSEPORT), so accepting scales; but the
 * kernel spreads connections by a hash, unevenly. Each accepted connection therefore draws a
 * ticket, and goes to the thread whose turn it is: in the common case that is one atomic addition
 * and, for all but one in `threads`, a descriptor passed to another thread's inbox.
 */
#ifndef IOBENCH_SERVER_ECHO_H
#define IOBENCH_SERVER_ECHO_H

#include "common/base/work.h"
#include "common/loop/loop.h"
#include "common/measure/serve.h"
#include "server/timers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Descriptors that other threads have accepted for this one. */
struct inbox {
    pthread_mutex_t lock;
    int *fds;
    unsigned count, cap;
    atomic_bool filled;
};

/* One thread's part; its worker's program. */
struct echo_thread {
    struct echo *echo;
    struct inbox inbox;
    struct timers timers;
    struct work work; /* for each piece that is received */
    int listen_fd;    /* -1: this thread accepts nothing itself */
    bool up;          /* its loop runs */
    bool unlistened;
    uint64_t drain_end_ns; /* 0 until draining has begun */
    uint64_t quiet_since_ns, quiet_bytes;
};

struct echo {
    struct serve serve;
    struct loop_config loop;
    struct net_address address; /* listened on */
    struct echo_thread *threads;
    uint64_t work_ns; /* 0: none */
    uint64_t timer_count, timer_period_ns;
    atomic_uint ticket;
};

/* Allocates the threads' parts for an initialised crew: 0 or -ENOMEM. */
int echo_init(struct echo *echo);
void echo_free(struct echo *echo);

/* The body of a worker thread. */
int echo_run(struct worker *w);

#endif
