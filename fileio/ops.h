/*
 * ops: operations begun and finished, what follows them, and what is recorded.
 *
 * An operation is complete when all bytes of its block were moved and, if it is a write whose turn
 * it is to be synced, when that is done. In write-read a write is followed by a read of its block;
 * each of the two is an operation of its own, but the schedule of an open loop knows only the pair.
 */
#ifndef IOBENCH_FILEIO_OPS_H
#define IOBENCH_FILEIO_OPS_H

#include "fileio/run.h"

static inline struct task *ops_task(struct file_op *op)
{
    return (struct task *)(void *)op;
}

/* Whether an operation is to be begun now, and a task is free for it. */
static inline bool ops_due(const struct file_worker *w)
{
    return w->free_count > 0 && !w->ended && meter_request_due(&w->meter);
}

/* Takes a free task for an operation that is due. */
struct file_op *ops_begin(struct file_worker *w);

/* Says where in which file a block is. */
void ops_place(struct file_worker *w, struct task *t, uint64_t block);

/* A task came back with a result. */
void ops_finish(struct file_worker *w, struct task *t);

/* Counts an error, and remembers the first. */
void ops_note_failure(struct file_worker *w, const struct task *t, int err, enum stats_error kind);

#endif
