/*
 * engine_split: a split context as its users' engine. Whatever runs in one thread with an engine
 * of its own runs over a shared context just the same.
 */
#include "fileio/split.h"

#include <errno.h>
#include <stdio.h>

static int open_split(struct engine *e, char *why, size_t why_cap)
{
    e->state = split_join(e->config.split);
    if (e->state)
        return 0;
    snprintf(why, why_cap, "the split context has all its users");
    return -EBUSY;
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    (void)wait;
    e->submitting->syscalls[SYSCALL_futex] += split_push(e->state, ops, n);
    return (int)n;
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    return (int)split_take(e->state, done, min, max, until_ns, e->reaping);
}

static void close_split(struct engine *e)
{
    if (e->state)
        split_leave(e->state);
}

const struct file_engine engine_split = {
    .backend = {.name = "split"},
    .most_depth = UINT32_MAX,
    .open = open_split,
    .submit = submit,
    .reap = reap,
    .close = close_split,
};
