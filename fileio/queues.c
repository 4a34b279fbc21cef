#include "fileio/queues.h"

static unsigned queue_of(const struct file_op *op)
{
    return op->priority ? QUEUE_PRIORITY : op->kind == FILE_READ ? QUEUE_READ : QUEUE_WRITE;
}

void queues_push(struct queues *q, struct file_op *op)
{
    stack_push(&q->pushed[queue_of(op)], op);
}

static void append(struct fifo *f, struct file_op *list)
{
    if (f->first)
        f->last->next = list;
    else
        f->first = list;
    while (list->next)
        list = list->next;
    f->last = list;
}

bool queues_fetch(struct queues *q)
{
    bool some = false;

    for (unsigned i = 0; i < QUEUES; i++) {
        struct file_op *list = stack_take_all(&q->pushed[i]);

        if (list)
            append(&q->fetched[i], list);
        some |= q->fetched[i].first != NULL;
    }
    return some;
}

static struct file_op *pop(struct fifo *f)
{
    struct file_op *op = f->first;

    if (op)
        f->first = op->next;
    return op;
}

/* Reads and writes take turns; when one queue is empty, the other has every turn. */
struct file_op *queues_take(struct queues *q)
{
    struct file_op *op = pop(&q->fetched[QUEUE_PRIORITY]);

    if (op)
        return op;
    op = pop(&q->fetched[q->writes_turn ? QUEUE_WRITE : QUEUE_READ]);
    if (!op)
        op = pop(&q->fetched[q->writes_turn ? QUEUE_READ : QUEUE_WRITE]);
    q->writes_turn = !q->writes_turn;
    return op;
}
