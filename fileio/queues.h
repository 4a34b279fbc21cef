/*
 * queues: operations on their way from several threads to one, which takes those with priority
 * first, then reads and writes in turn.
 *
 * Any thread may push. The one thread that takes moves what was pushed to lists of its own first.
 */
#ifndef IOBENCH_FILEIO_QUEUES_H
#define IOBENCH_FILEIO_QUEUES_H

#include "fileio/fifo.h"
#include "fileio/stack.h"

#include <stdbool.h>

enum { QUEUE_PRIORITY, QUEUE_READ, QUEUE_WRITE, QUEUES };

/* Zeroed, it is empty. */
struct queues {
    struct stack pushed[QUEUES];
    struct fifo fetched[QUEUES];
    bool writes_turn; /* a read was taken last */
};

void queues_push(struct queues *q, struct file_op *op);

/* Fetches what was pushed meanwhile; true when there is something to be taken. */
bool queues_fetch(struct queues *q);

/* The next of what was fetched, or NULL. */
struct file_op *queues_take(struct queues *q);

#endif
