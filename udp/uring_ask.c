#include "udp/uring_ask.h"

#include <errno.h>

struct asker {
    struct io_uring *ring;
    unsigned asks, most; /* receives per look: doubled when all brought something, else one */
};

static int submit(struct udp_loop *l, struct udp_socket *s)
{
    struct asker *a = l->backend;
    int err;

    for (unsigned i = 0; i < a->asks; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(a->ring);

        io_uring_prep_recvmsg(sqe, s->fd, wire_message(l->wire, i), MSG_DONTWAIT);
        io_uring_sqe_set_data64(sqe, i);
    }
    l->stats->syscalls[SYSCALL_io_uring_enter]++;
    err = io_uring_submit(a->ring);
    return err == (int)a->asks ? 0 : err < 0 ? err : -EAGAIN;
}

/* The completions of what was submitted: how many trains came, or -errno. */
static int reap(struct udp_loop *l)
{
    struct asker *a = l->backend;
    unsigned got = 0;

    for (unsigned i = 0; i < a->asks; i++) {
        struct io_uring_cqe *cqe;
        int err = io_uring_wait_cqe(a->ring, &cqe); /* it is there */

        if (err)
            return err;
        if (cqe->res >= 0)
            l->trains[got++] = wire_train(l->wire, (unsigned)cqe->user_data, (uint32_t)cqe->res);
        else if (cqe->res != -EAGAIN && cqe->res != -EINTR)
            udp_receive_failed(l, -cqe->res);
        io_uring_cqe_seen(a->ring, cqe);
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

int uring_ask_on(struct udp_loop *l, struct io_uring *ring)
{
    unsigned room = ring->sq.ring_entries;
    struct asker asker = {
        .ring = ring, .asks = 1, .most = room < l->receive_most ? room : l->receive_most};

    l->backend = &asker;
    return udp_ask_on(l, ask);
}
