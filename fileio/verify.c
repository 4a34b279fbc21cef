#include "fileio/verify.h"

#include "fileio/block.h"
#include "fileio/ops.h"
#include "fileio/run.h"

#include <errno.h>
#include <unistd.h>

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
    static const enum stats_error errors[BLOCK_VERDICTS] = {
        [BLOCK_GOOD] = ERROR_KINDS,
        [BLOCK_CORRUPT] = ERROR_corrupt,
        [BLOCK_MISPLACED] = ERROR_misplaced,
        [BLOCK_STALE] = ERROR_stale,
    };
    enum block_verdict verdict =
        block_check(t->op.buf, w->block_bytes, w->index, t->block, generation(w, t->block));

    w->tally.verified += verdict == BLOCK_GOOD;
    return errors[verdict];
}

/* In the one task that is used for it, by a plain system call. */
static void read_back(struct file_worker *w, struct task *t, uint64_t block)
{
    const struct run *run = w->run;
    enum stats_error kind;
    ssize_t got;

    ops_place(w, t, block);
    t->op.kind = FILE_READ;
    got = pread(run->files.fds[w->first_file + block / w->plan->blocks_per_file], t->op.buf,
                t->op.len, (off_t)t->op.offset);
    if (got < 0) {
        ops_note_failure(w, t, -errno, stats_file_error(errno));
    } else if (got < (ssize_t)t->op.len) {
        ops_note_failure(w, t, -ENODATA, ERROR_end_of_file);
    } else {
        kind = verify_check(w, t);
        if (kind != ERROR_KINDS)
            ops_note_failure(w, t, -EBADMSG, kind);
    }
}

void verify_rest(struct file_worker *w)
{
    if (!w->checks || w->plan->pairs || w->plan->read_percent == 100)
        return;
    for (uint64_t block = 0; block < w->plan->blocks && !w->failure.err; block++)
        if (w->generations[block])
            read_back(w, &w->tasks[0], block);
}
