/*
 * crew: the threads that measure.
 *
 * Each worker owns its counters, its CPU time and a pipe by which any other thread can wake it.
 * The main thread starts a crew of workers, then sleeps in crew_wait() until a worker has news, a
 * signal has come or a time has passed; it never measures itself.
 *
 * SIGINT and SIGTERM reach only the main thread: the first is returned by crew_wait(), the second
 * ends the process at once. SIGPIPE is ignored.
 */
#ifndef IOBENCH_CREW_H
#define IOBENCH_CREW_H

#include "common/base/opt.h"
#include "common/base/stats.h"
#include "common/host/os.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct crew;

struct worker {
    struct crew *crew;
    unsigned index;
    int cpu; /* bound to this CPU, or -1 */
    pthread_t thread;
    int wake_fd[2]; /* [0] turns readable when somebody called worker_wake() */
    struct stats stats;
    struct os_cpu_time cpu_time; /* of the whole life of the thread, once it has ended */
    int result;                  /* of the body, once joined: 0 or -errno */
    void *program;               /* the program's own state for this thread */
};

struct crew {
    unsigned count;
    struct worker *workers;
    int (*body)(struct worker *w);
    void *program;            /* the program's state shared by the threads */
    int news_fd[2];           /* written by workers and by the signal handler */
    int watched_fd;           /* of the program: readable is news as well; -1: none */
    pthread_mutex_t starting; /* held until all threads are there; then body is final */
    atomic_uint running;
    pthread_mutex_t meeting; /* of worker_meet(): guards ... */
    pthread_cond_t met;
    unsigned arrived, meetings; /* ... how many have come to the present one, and those before */
};

enum crew_news {
    CREW_NEWS,   /* a worker called crew_tell(), watched_fd is readable, or the time is up */
    CREW_SIGNAL, /* SIGINT or SIGTERM came (returned once) */
    CREW_DONE,   /* every worker has ended */
};

/*
 * Prepares count workers; cpus (may be empty) are dealt out in turn. 0, or -errno with nothing left
 * to be freed.
 */
int crew_init(struct crew *crew, unsigned count, const struct opt_cpus *cpus);

/*
 * Starts the threads, each running body. 0, or EXIT_USAGE after one line on stderr, such as for a
 * CPU that cannot be bound; then no thread has run body, and none is left.
 */
int crew_start(struct crew *crew, int (*body)(struct worker *w), const char *program);

/* Sleeps until there is news, but not beyond until_ns (CLOCK_NEVER_NS: no limit). */
enum crew_news crew_wait(struct crew *crew, uint64_t until_ns);

/* Waits for the threads to end: 0, or the first worker's error. */
int crew_join(struct crew *crew);
void crew_free(struct crew *crew); /* nothing happens to one that was never prepared */

/* The part of a total that falls to worker `index` of `count`; the first ones have the remainder.
 */
static inline uint64_t crew_share(uint64_t total, unsigned index, unsigned count)
{
    return total / count + (index < total % count);
}

/* Sum of the workers' counters; only after crew_join(). */
struct stats crew_stats(const struct crew *crew);

/* From a worker: wakes the main thread out of crew_wait(). */
void crew_tell(struct crew *crew);

/* From any thread: wakes the worker's loop, which then asks what is due. */
void worker_wake(struct worker *w);
void crew_wake_all(struct crew *crew);

/* From the worker itself, when wake_fd[0] was readable: empties the pipe. */
void worker_woken(struct worker *w);

/* From a worker without an event loop: sleeps until it is woken. */
void worker_sleep(struct worker *w);

/* From a worker: goes on when every worker of the crew has come here. */
void worker_meet(struct worker *w);

#endif
