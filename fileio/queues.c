#include "fileio/queues.h"

static unsigned queue_of(const struct file_op *op)
{
    return op->priority ? QUEUE_PRIORITY : op->kind == FILE_READ ? QUEUE_READ : QUEUE_WRITE;
}

void queues_push(struct queues *q, struct file_op *op)
{
    stack_push(&q->pushed[queue_of(op)], op);
}

bool queues_fetch(struct queues *q)
{
    bool some = false;

    for (unsigned i = 0; i < QUEUES; i++) {
        struct file_op *op = stack_take_all(&q->pushed[i]), *next;

        for (; op; op = next) {
            next = op->next;
            fifo_append(&q->fetched[i], op);
        }
        some |= q->fetched[i].count > 0;
    }
    return some;
}

/* Reads and writes take turns; when one queue is empty, the other has every turn. */
struct file_op *queues_take(struct queues *q)
{
    struct file_op *op = fifo_take(&q->fetched[QUEUE_PRIORITY]);

    if (op)
        return op;
    op = fifo_take(&q->fetched[q->writes_turn ? QUEUE_WRITE : QUEUE_READ]);
    if (!op)
        op = fifo_take(&q->fetched[q->writes_turn ? QUEUE_READ : QUEUE_WRITE]);
    q->writes_turn = !q->writes_turn;
    return op;
}
