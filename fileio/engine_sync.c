/*
 * engine_sync: pread and pwrite in the calling thread. One operation in flight: it is done when
 * submit() returns.
 */
#include "fileio/blocking.h"

static int open_sync(struct engine *e, char *why, size_t why_cap)
{
    e->state = NULL;
    return blocking_try(e, why, why_cap);
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    (void)n, (void)wait;
    blocking_do(ops[0], e->config.fds[ops[0]->file], e->config.rwf, e->submitting->syscalls);
    e->state = ops[0];
    return 1;
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    (void)min, (void)max, (void)until_ns;
    done[0] = e->state;
    e->state = NULL;
    return done[0] ? 1 : 0;
}

static void close_sync(struct engine *e)
{
    (void)e;
}

const struct file_engine engine_sync = {
    .name = "sync",
    .most_depth = 1,
    .open = open_sync,
    .submit = submit,
    .reap = reap,
    .close = close_sync,
};
