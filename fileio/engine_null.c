/*
 * engine_null: every operation succeeds at once. What a run with it costs is the tool itself.
 */
#include "fileio/engine.h"

#include <errno.h>
#include <stdlib.h>

struct pretend {
    unsigned done;
    struct file_op *ops[]; /* config.depth of them */
};

static int open_null(struct engine *e, char *why, size_t why_cap)
{
    (void)why, (void)why_cap;
    e->state = calloc(1, sizeof(struct pretend) + e->config.depth * sizeof(struct file_op *));
    return e->state ? 0 : -ENOMEM;
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    struct pretend *p = e->state;

    (void)wait;
    for (unsigned i = 0; i < n; i++) {
        ops[i]->result = (int32_t)ops[i]->len;
        p->ops[p->done++] = ops[i];
    }
    return (int)n;
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    struct pretend *p = e->state;
    unsigned n = p->done < max ? p->done : max;

    (void)min, (void)until_ns;
    for (unsigned i = 0; i < n; i++)
        done[i] = p->ops[--p->done];
    return (int)n;
}

static void close_null(struct engine *e)
{
    free(e->state);
}

const struct file_engine engine_null = {
    .backend = {.name = "null",
                .summary = "completes at once: what this program itself costs",
                .by_name_only = true},
    .pretends = true,
    .most_depth = UINT32_MAX,
    .open = open_null,
    .submit = submit,
    .reap = reap,
    .close = close_null,
};
