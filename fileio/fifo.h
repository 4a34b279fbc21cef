/*
 * fifo: a queue of operations, linked by op->next; one thread's, or under its owner's lock.
 */
#ifndef IOBENCH_FILEIO_FIFO_H
#define IOBENCH_FILEIO_FIFO_H

#include "fileio/engine.h"

/* Zeroed, it is empty. */
struct fifo {
    struct file_op *first, *last;
    unsigned count;
};

static inline void fifo_append(struct fifo *f, struct file_op *op)
{
    op->next = NULL;
    if (f->count++)
        f->last->next = op;
    else
        f->first = op;
    f->last = op;
}

/* The oldest, or NULL. */
static inline struct file_op *fifo_take(struct fifo *f)
{
    struct file_op *op = f->count ? f->first : NULL;

    if (op) {
        f->first = op->next;
        f->count--;
    }
    return op;
}

/* Up to max of them, the oldest first: returns how many. */
static inline unsigned fifo_take_some(struct fifo *f, struct file_op **ops, unsigned max)
{
    unsigned n = f->count < max ? f->count : max;

    for (unsigned i = 0; i < n; i++)
        ops[i] = fifo_take(f);
    return n;
}

#endif
