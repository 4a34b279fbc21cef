#include "fileio/verify.h"

#include "fileio/block.h"

/* A generation of 0 is of a block that was never written. */
#define IN_USE 0x80000000U

static uint32_t generation(const struct file_worker *w, uint64_t block)
{
    return w->generations[block] & ~IN_USE;
}

void verify_filled(struct file_worker *w)
{
    for (uint64_t i = 0; i < w->plan->blocks; i++)
        w->generations[i] = 1;
}

uint64_t verify_take(struct file_worker *w, uint64_t block)
{
    while (w->generations[block] & IN_USE)
        block = block + 1 == w->plan->blocks ? 0 : block + 1;
    w->generations[block] |= IN_USE;
    return block;
}

void verify_release(struct file_worker *w, uint64_t block)
{
    w->generations[block] &= ~IN_USE;
}

void verify_compose(struct file_worker *w, struct task *t)
{
    t->generation = (generation(w, t->block) + 1) & ~IN_USE;
    block_fill(t->op.buf, t->op.len, w->index, t->block, t->generation);
}

void verify_written(struct file_worker *w, const struct task *t)
{
    w->generations[t->block] = IN_USE | t->generation;
}

enum stats_error verify_check(struct file_worker *w, const struct task *t)
{
    enum stats_error error =
        block_check(t->op.buf, w->block_bytes, w->index, t->block, generation(w, t->block));

    w->tally.verified += error == ERROR_KINDS;
    return error;
}
