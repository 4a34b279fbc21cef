/*
 * engine_threads: a pool of threads that block in pread and pwrite on behalf of the caller.
 *
 * One lock guards both lists. It is taken once per batch by the caller, and by a pool thread once
 * for its share of what is queued, so that short operations do not drown in it.
 */
#include "common/base/clock.h"
#include "fileio/blocking.h"
#include "fileio/event_count.h"
#include "fileio/fifo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARE_MAX = 16, POOL_USUAL = 4 };

enum { KEY_POOL = BLOCKING_KEYS };

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct fifo queued, done;
    struct event_count finished; /* advances when `done` grows */
    bool closing;
    unsigned waiting; /* pool threads asleep */
    unsigned threads; /* started */
    const struct engine_config *config;
    struct rwf rwf;
    uint64_t calls[SYSCALL_KINDS]; /* of all pool threads, until reap() takes them over */
    pthread_t members[];
};

static void add_calls(uint64_t *into, const uint64_t *from)
{
    for (unsigned i = 0; i < SYSCALL_KINDS; i++)
        into[i] += from[i];
}

/* The caller holds the lock. 0: the pool is closing. */
static unsigned take_share(struct pool *p, struct file_op **ops)
{
    unsigned share;

    while (p->queued.count == 0 && !p->closing) {
        p->waiting++;
        p->calls[SYSCALL_futex]++;
        pthread_cond_wait(&p->work, &p->lock);
        p->waiting--;
    }
    share = p->queued.count / p->threads;
    return fifo_take_some(&p->queued, ops, share < 1 ? 1 : share > SHARE_MAX ? SHARE_MAX : share);
}

static void *run_member(void *argument)
{
    struct pool *p = argument;
    struct file_op *ops[SHARE_MAX];
    unsigned n;

    pthread_mutex_lock(&p->lock);
    while ((n = take_share(p, ops)) > 0) {
        uint64_t calls[SYSCALL_KINDS] = {0};

        pthread_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < n; i++)
            blocking_do(ops[i], p->config->fds[ops[i]->file], p->rwf, calls);
        pthread_mutex_lock(&p->lock);
        for (unsigned i = 0; i < n; i++)
            fifo_append(&p->done, ops[i]);
        calls[SYSCALL_futex] += event_count_advance(&p->finished);
        add_calls(p->calls, calls);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static int start_members(struct pool *p, unsigned threads)
{
    int err = 0;

    pthread_mutex_lock(&p->lock);
    while (!err && p->threads < threads) {
        err = -pthread_create(&p->members[p->threads], NULL, run_member, p);
        if (!err)
            p->threads++;
    }
    pthread_mutex_unlock(&p->lock);
    return err;
}

static int open_threads(struct engine *e, char *why, size_t why_cap)
{
    struct choice *c = &e->config.choice;
    unsigned usual = e->config.depth < POOL_USUAL ? e->config.depth : POOL_USUAL;
    unsigned threads = (unsigned)choice_value(c, KEY_POOL, usual);
    struct pool *p = calloc(1, sizeof *p + threads * sizeof *p->members);
    int err;

    if (!p)
        return -ENOMEM;
    err = event_count_init(&p->finished);
    if (err) {
        free(p);
        return err;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    p->config = &e->config;
    p->rwf = blocking_rwf(c);
    e->state = p;
    choice_set(c, KEY_POOL, threads);
    err = blocking_try(e, p->rwf, why, why_cap);
    if (err)
        return err;
    err = start_members(p, threads);
    if (err)
        snprintf(why, why_cap, "the pool's threads could not be started: %s", strerror(-err));
    return err;
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    struct pool *p = e->state;
    unsigned wake;

    (void)wait;
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < n; i++)
        fifo_append(&p->queued, ops[i]);
    wake = p->waiting < n ? p->waiting : n;
    pthread_mutex_unlock(&p->lock);
    e->submitting->syscalls[SYSCALL_futex] += wake;
    while (wake-- > 0)
        pthread_cond_signal(&p->work);
    return (int)n;
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    struct pool *p = e->state;
    unsigned n = 0;

    for (;;) {
        unsigned seen = event_count_read(&p->finished);

        pthread_mutex_lock(&p->lock);
        n += fifo_take_some(&p->done, done + n, max - n);
        add_calls(e->reaping->syscalls, p->calls);
        memset(p->calls, 0, sizeof p->calls);
        pthread_mutex_unlock(&p->lock);
        if (n >= min || (until_ns != CLOCK_NEVER_NS && clock_now_ns() >= until_ns))
            return (int)n;
        event_count_await(&p->finished, seen, 0, until_ns, e->reaping);
    }
}

static void close_threads(struct engine *e)
{
    struct pool *p = e->state;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->members[i], NULL);
    event_count_free(&p->finished);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static const struct feature_key keys[] = {
    BLOCKING_KEY_ROW,
    [KEY_POOL] = {"pool", 1, 1024, NULL, "threads of each worker's pool"},
    {0},
};

const struct file_engine engine_threads = {
    .backend = {.name = "threads",
                .summary = "a pool of threads in pread and pwrite",
                .keys = keys,
                .probe = blocking_probe},
    .most_depth = UINT32_MAX,
    .two_threads = true,
    .open = open_threads,
    .submit = submit,
    .reap = reap,
    .close = close_threads,
};
