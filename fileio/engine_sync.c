/*
 * engine_sync: pread and pwrite in the calling thread. One operation in flight: it is done when
 * submit() returns.
 */
#include "fileio/blocking.h"

#include <errno.h>
#include <stdlib.h>

struct sync {
    struct file_op *done;
    struct rwf rwf;
};

static int open_sync(struct engine *e, char *why, size_t why_cap)
{
    struct sync *s = calloc(1, sizeof *s);

    e->state = s;
    if (!s)
        return -ENOMEM;
    s->rwf = blocking_rwf(&e->config.choice);
    return blocking_try(e, s->rwf, why, why_cap);
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    struct sync *s = e->state;

    (void)n, (void)wait;
    blocking_do(ops[0], e->config.fds[ops[0]->file], s->rwf, e->submitting->syscalls);
    s->done = ops[0];
    return 1;
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    struct sync *s = e->state;

    (void)min, (void)max, (void)until_ns;
    done[0] = s->done;
    s->done = NULL;
    return done[0] ? 1 : 0;
}

static void close_sync(struct engine *e)
{
    free(e->state);
}

static const struct feature_key keys[] = {BLOCKING_KEY_ROW, {0}};

const struct file_engine engine_sync = {
    .backend = {.name = "sync",
                .summary = "pread and pwrite in the worker itself, one at a time",
                .keys = keys,
                .probe = blocking_probe},
    .most_depth = 1,
    .open = open_sync,
    .submit = submit,
    .reap = reap,
    .close = close_sync,
};
