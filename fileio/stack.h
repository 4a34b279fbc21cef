/*
 * stack: operations on their way from several threads to one.
 *
 * Anyone pushes one operation with a compare-and-swap; the one reader takes all there are with a
 * single exchange (so there is no ABA) and gets them in the order in which they were pushed.
 */
#ifndef IOBENCH_FILEIO_STACK_H
#define IOBENCH_FILEIO_STACK_H

#include "fileio/engine.h"

struct stack {
    _Alignas(64) struct file_op *_Atomic top;
};

static inline void stack_push(struct stack *s, struct file_op *op)
{
    op->next = atomic_load_explicit(&s->top, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&s->top, &op->next, op, memory_order_release,
                                                  memory_order_relaxed))
        ;
}

/* A list by op->next, oldest first; NULL when it is empty. */
static inline struct file_op *stack_take_all(struct stack *s)
{
    struct file_op *newest, *oldest = NULL;

    if (!atomic_load_explicit(&s->top, memory_order_relaxed))
        return NULL;
    newest = atomic_exchange_explicit(&s->top, NULL, memory_order_acquire);
    while (newest) {
        struct file_op *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

#endif
