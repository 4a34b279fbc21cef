#include "common/measure/crew.h"

#include "common/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The only mutable globals: what a signal handler can reach. */
static volatile sig_atomic_t signals_seen;
static volatile sig_atomic_t signal_pending;
static volatile sig_atomic_t signal_news_fd = -1;

static void on_signal(int number)
{
    int saved = errno;

    if (signals_seen)
        _exit(128 + number);
    signals_seen = 1;
    signal_pending = 1;
    /* A write fails when the pipe is full; then the reader is about to wake anyway. */
    if (write(signal_news_fd, "s", 1) < 0)
        signal_pending = 1;
    errno = saved;
}

static void catch_signals(int news_fd)
{
    struct sigaction action = {.sa_handler = on_signal};

    signal_news_fd = news_fd;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

int crew_init(struct crew *crew, unsigned count, const struct opt_cpus *cpus)
{
    int err;

    memset(crew, 0, sizeof *crew);
    pthread_mutex_init(&crew->starting, NULL);
    pthread_mutex_init(&crew->meeting, NULL);
    pthread_cond_init(&crew->met, NULL);
    crew->workers = calloc(count, sizeof *crew->workers);
    if (!crew->workers)
        return -ENOMEM;
    crew->news_fd[0] = crew->news_fd[1] = crew->watched_fd = -1;
    err = os_pipe(crew->news_fd);
    for (unsigned i = 0; i < count && !err; i++) {
        struct worker *w = &crew->workers[i];

        w->crew = crew;
        w->index = i;
        w->cpu = cpus->count ? cpus->cpu[i % cpus->count] : -1;
        err = os_pipe(w->wake_fd);
        crew->count += !err;
    }
    if (err) {
        crew_free(crew);
        return err;
    }
    catch_signals(crew->news_fd[1]);
    return 0;
}

static void *run_worker(void *argument)
{
    struct worker *w = argument;
    int ignored;
    bool go;

    /*
     * Nobody cancels these threads. Said in this way, glibc need not switch asynchronous
     * cancellation on and off with two atomic operations around every blocking system call.
     */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &ignored);
    pthread_mutex_lock(&w->crew->starting);
    go = w->crew->body != NULL;
    pthread_mutex_unlock(&w->crew->starting);
    if (!go)
        return NULL; /* not all threads could be had */
    os_timers_on_time();
    w->result = w->crew->body(w);
    w->cpu_time = os_thread_cpu_time();
    atomic_fetch_sub(&w->crew->running, 1);
    crew_tell(w->crew);
    return NULL;
}

/* A new thread inherits its creator's CPU binding, so it is the main thread that moves about. */
static int start_worker(struct worker *w, const char *program)
{
    int err = w->cpu < 0 ? 0 : os_pin_thread((unsigned)w->cpu);

    if (err) {
        fprintf(stderr, "%s: --cpus: '%d' is no CPU that a thread can be bound to here: %s\n",
                program, w->cpu, strerror(-err));
        return err;
    }
    err = pthread_create(&w->thread, NULL, run_worker, w);
    if (err)
        fprintf(stderr, "%s: cannot start a thread: %s\n", program, strerror(err));
    return -err;
}

int crew_start(struct crew *crew, int (*body)(struct worker *w), const char *program)
{
    struct os_affinity affinity;
    sigset_t blocked, before;
    unsigned started = 0;
    int err = 0;

    pthread_mutex_lock(&crew->starting);
    atomic_store(&crew->running, crew->count);
    os_save_affinity(&affinity);
    sigfillset(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    while (!err && started < crew->count) {
        err = start_worker(&crew->workers[started], program);
        started += !err;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    os_restore_affinity(&affinity);
    crew->body = err ? NULL : body;
    pthread_mutex_unlock(&crew->starting);
    for (unsigned i = 0; err && i < started; i++)
        pthread_join(crew->workers[i].thread, NULL);
    return err ? EXIT_USAGE : 0;
}

static void drain_pipe(int fd)
{
    char bytes[64];

    while (read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        ;
}

static int poll_timeout_ms(uint64_t until_ns)
{
    uint64_t left_ns = clock_left_ns(until_ns);

    if (until_ns == CLOCK_NEVER_NS)
        return -1;
    return left_ns < 3600 * NS_PER_S ? (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 3600 * 1000;
}

enum crew_news crew_wait(struct crew *crew, uint64_t until_ns)
{
    struct pollfd news[] = {{.fd = crew->news_fd[0], .events = POLLIN},
                            {.fd = crew->watched_fd, .events = POLLIN}};

    if (!signal_pending && atomic_load(&crew->running) > 0)
        poll(news, 2, poll_timeout_ms(until_ns));
    drain_pipe(crew->news_fd[0]);
    if (signal_pending) {
        signal_pending = 0;
        return CREW_SIGNAL;
    }
    return atomic_load(&crew->running) == 0 ? CREW_DONE : CREW_NEWS;
}

int crew_join(struct crew *crew)
{
    int first = 0;

    for (unsigned i = 0; i < crew->count; i++) {
        pthread_join(crew->workers[i].thread, NULL);
        if (!first)
            first = crew->workers[i].result;
    }
    return first;
}

void crew_free(struct crew *crew)
{
    if (!crew->workers)
        return;
    for (unsigned i = 0; i < crew->count; i++) {
        close(crew->workers[i].wake_fd[0]);
        close(crew->workers[i].wake_fd[1]);
    }
    signal_news_fd = -1; /* a signal that comes now is found by the next crew_wait() */
    close(crew->news_fd[0]);
    close(crew->news_fd[1]);
    pthread_mutex_destroy(&crew->starting);
    pthread_mutex_destroy(&crew->meeting);
    pthread_cond_destroy(&crew->met);
    free(crew->workers);
    memset(crew, 0, sizeof *crew);
}

struct stats crew_stats(const struct crew *crew)
{
    struct stats sum = {0};

    for (unsigned i = 0; i < crew->count; i++)
        stats_merge(&sum, &crew->workers[i].stats);
    return sum;
}

/* One byte is enough however often it is written; a full pipe already wakes the reader. */
static void poke(int fd)
{
    ssize_t ignored = write(fd, "w", 1);

    (void)ignored;
}

void crew_tell(struct crew *crew)
{
    poke(crew->news_fd[1]);
}

void worker_wake(struct worker *w)
{
    poke(w->wake_fd[1]);
}

void crew_wake_all(struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++)
        worker_wake(&crew->workers[i]);
}

void worker_woken(struct worker *w)
{
    w->stats.syscalls[SYSCALL_read]++;
    drain_pipe(w->wake_fd[0]);
}

void worker_sleep(struct worker *w)
{
    struct pollfd wake = {.fd = w->wake_fd[0], .events = POLLIN};

    poll(&wake, 1, -1);
    worker_woken(w);
}

void worker_meet(struct worker *w)
{
    struct crew *crew = w->crew;
    unsigned meeting;

    pthread_mutex_lock(&crew->meeting);
    meeting = crew->meetings;
    if (++crew->arrived == crew->count) {
        crew->arrived = 0;
        crew->meetings++;
        pthread_cond_broadcast(&crew->met);
    }
    while (crew->meetings == meeting)
        pthread_cond_wait(&crew->met, &crew->meeting);
    pthread_mutex_unlock(&crew->meeting);
}
