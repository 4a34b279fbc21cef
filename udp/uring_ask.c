#include "udp/uring_ask.h"

#include <errno.h>

struct asker {
    struct uring *uring;
    unsigned asks, most; /* receives per look: doubled when all brought something, else one */
};

/* A submission that was refused is made again, and at once: nothing else would do it. */
static int submit(struct udp_loop *l, struct udp_socket *s)
{
    struct asker *a = l->backend;
    int err = 0;

    for (unsigned i = 0; i < a->asks; i++) {
        struct io_uring_sqe *sqe = uring_next(a->uring);

        if (!sqe)
            return -ENOMEM;
        io_uring_prep_recvmsg(sqe, s->fd, wire_message(l->wire, i), MSG_DONTWAIT);
        io_uring_sqe_set_data64(sqe, i);
    }
    while (!err && io_uring_sq_ready(&a->uring->ring))
        err = uring_submit(a->uring);
    return err;
}

/* The completions of what was submitted: how many trains came, or -errno. */
static int reap(struct udp_loop *l)
{
    struct asker *a = l->backend;
    unsigned got = 0;

    for (unsigned i = 0; i < a->asks; i++) {
        struct io_uring_cqe cqe;

        while (!io_uring_cq_ready(&a->uring->ring)) { /* not done: it is there */
            int err = uring_wait(a->uring, 1, CLOCK_NEVER_NS);

            if (err)
                return err;
        }
        uring_pop(a->uring, &cqe);
        if (cqe.res >= 0)
            l->trains[got++] = wire_train(l->wire, (unsigned)cqe.user_data, (uint32_t)cqe.res);
        else if (cqe.res != -EAGAIN && cqe.res != -EINTR)
            udp_receive_failed(l, -cqe.res);
    }
    return (int)got;
}

static int ask(struct udp_loop *l, struct udp_socket *s)
{
    struct asker *a = l->backend;
    int err = submit(l, s), got = err ? err : reap(l);

    if (got > 0)
        l->role->receive(l, s, l->trains, (unsigned)got);
    if (got < (int)a->asks)
        a->asks = 1;
    else if (a->asks * 2 <= a->most)
        a->asks *= 2;
    return got;
}

int uring_ask_on(struct udp_loop *l, struct uring *uring)
{
    unsigned room = uring->ring.sq.ring_entries;
    struct asker asker = {
        .uring = uring, .asks = 1, .most = room < l->receive_most ? room : l->receive_most};

    l->backend = &asker;
    return udp_ask_on(l, ask);
}
