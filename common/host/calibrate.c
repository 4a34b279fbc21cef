#include "common/host/calibrate.h"

#include "common/base/clock.h"
#include "common/base/hist.h"
#include "common/host/os.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCHES = 15, BATCH = 1000, SAMPLES = 100 };

#define PAUSE_NS  (300 * NS_PER_US)
#define BUDGET_NS (140 * NS_PER_MS)

/* ---- Costs: the median of batches, so that one interruption does not count. */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Nanoseconds per call; batch makes BATCH of them. */
static double cost_ns(void (*batch)(struct hist *scratch), struct hist *scratch)
{
    double costs[BATCHES];

    for (unsigned i = 0; i < BATCHES; i++) {
        uint64_t start_ns = clock_now_ns();

        batch(scratch);
        costs[i] = (double)(clock_now_ns() - start_ns) / BATCH;
    }
    qsort(costs, BATCHES, sizeof costs[0], compare);
    return costs[BATCHES / 2];
}

static void read_clock(struct hist *scratch)
{
    (void)scratch;
    for (unsigned i = 0; i < BATCH; i++)
        clock_now_ns();
}

/* Values go up and down between 16 us and 1 ms, over as many slots as those of a real run. */
static void record(struct hist *scratch)
{
    for (unsigned i = 0; i < BATCH; i++) {
        hist_record(scratch, 16384 + (i * 7919 & 0xfffff));
        __asm__ volatile("" ::: "memory"); /* each on its own, as between two requests */
    }
}

/* ---- Lateness: one thread sleeps until a moment, then wakes the other with a time stamp. */

struct probe {
    struct hist scratch, late;
    struct hist wake; /* the receiver's until it is joined */
    int pipe_fd[2];
    bool apart;
};

/* Records how long each time stamp took to arrive; ends when the pipe is closed. */
static void *receive(void *argument)
{
    struct probe *p = argument;
    struct pollfd readable = {.fd = p->pipe_fd[0], .events = POLLIN};
    uint64_t sent_ns;

    for (;;) {
        ssize_t len;

        poll(&readable, 1, -1);
        len = read(p->pipe_fd[0], &sent_ns, sizeof sent_ns);
        if (len == 0)
            return NULL;
        if (len == sizeof sent_ns)
            hist_record(&p->wake, clock_now_ns() - sent_ns);
    }
}

static void send_samples(struct probe *p, uint64_t deadline_ns)
{
    uint64_t now_ns = clock_now_ns();

    for (unsigned i = 0; i < SAMPLES && (i == 0 || now_ns < deadline_ns); i++) {
        uint64_t due_ns = now_ns + PAUSE_NS;

        while ((now_ns = clock_now_ns()) < due_ns)
            os_sleep_until(due_ns);
        hist_record(&p->late, now_ns - due_ns);
        now_ns = clock_now_ns();
        /* The pipe has room for all time stamps together, so none can be refused or cut short. */
        if (write(p->pipe_fd[1], &now_ns, sizeof now_ns) < 0)
            return;
    }
}

/* Signals are left to the threads that were there before. */
static int start_receiver(pthread_t *thread, struct probe *p)
{
    sigset_t all, before;
    int err;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(thread, NULL, receive, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -err;
}

/*
 * Left alone, the scheduler tends to run both threads on one CPU, one as soon as the other sleeps:
 * that is a tenth of what it costs to wake another CPU. So each is bound to a CPU of its own; the
 * receiver inherits its binding.
 */
static int start_apart(pthread_t *receiver, struct probe *p, const struct os_affinity *before)
{
    int err;

    p->apart = os_pin_thread_nth(1) == 0;
    err = start_receiver(receiver, p);
    os_restore_affinity(before);
    if (p->apart)
        p->apart = os_pin_thread_nth(0) == 0;
    return err;
}

static int probe_lateness(struct probe *p, uint64_t deadline_ns)
{
    struct os_affinity affinity;
    pthread_t receiver;
    int err = os_pipe(p->pipe_fd);

    if (err)
        return err;
    os_save_affinity(&affinity);
    err = start_apart(&receiver, p, &affinity);
    if (!err)
        send_samples(p, deadline_ns);
    os_restore_affinity(&affinity);
    close(p->pipe_fd[1]);
    if (!err)
        pthread_join(receiver, NULL);
    close(p->pipe_fd[0]);
    return err;
}

int calibrate_run(struct calibration *c)
{
    uint64_t deadline_ns = clock_now_ns() + BUDGET_NS;
    struct probe *p = calloc(1, sizeof *p);
    int err;

    *c = (struct calibration){0};
    if (!p)
        return -ENOMEM;
    hist_reset(&p->scratch);
    hist_reset(&p->late);
    hist_reset(&p->wake);
    c->clock_ns = cost_ns(read_clock, &p->scratch);
    c->hist_record_ns = cost_ns(record, &p->scratch);
    err = probe_lateness(p, deadline_ns);
    c->timer_late_p50_ns = hist_percentile_ns(&p->late, 50);
    c->timer_late_p99_ns = hist_percentile_ns(&p->late, 99);
    c->wake_p50_ns = hist_percentile_ns(&p->wake, 50);
    c->wake_p99_ns = hist_percentile_ns(&p->wake, 99);
    c->samples = (unsigned)p->wake.count;
    c->apart = p->apart;
    free(p);
    return err;
}
