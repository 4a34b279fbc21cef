/*
 * loop_uring: io_uring with completions.
 *
 * Accepting and receiving are multishot: asked for once, they go on delivering. Sends are queued
 * and go out with the next wait, or as soon as `flush` of them are queued, so that the peer is not
 * kept idle while a long batch of completions is worked through. What one connection does is in
 * loop_uring_conn.c.
 */
#include "common/loop/loop_uring.h"

#include "common/base/clock.h"
#include "common/loop/loop_uring_conn.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    DEFAULT_SQ_ENTRIES = 256,
    CQ_ENTRIES = 32768,
    MOST_BUFFERS = 16384,
    FIRST_BUFFERS = 256,
    DEFAULT_BUFFER_BYTES = 16 * 1024,
    DEFAULT_FLUSH = 16,
};

/* ---- accepting ------------------------------------------------------------------------------ */

static int uring_listen(struct loop *l, bool on)
{
    struct uring_loop *u = l->backend;
    struct io_uring_sqe *sqe = uring_next(&u->uring);
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

    if (!sqe)
        return -ENOMEM;
    if (!on)
        io_uring_prep_cancel64(sqe, KIND_ACCEPT, 0);
    else if (u->multishot_accept)
        io_uring_prep_multishot_accept(sqe, l->listen_fd, NULL, NULL, flags);
    else
        io_uring_prep_accept(sqe, l->listen_fd, NULL, NULL, flags);
    io_uring_sqe_set_data64(sqe, on ? KIND_ACCEPT : KIND_CANCEL);
    return 0;
}

static const struct loop_actions actions = {uring_conn_watch, uring_conn_send, uring_conn_close,
                                            uring_listen};

static void accept_event(struct uring_loop *u, int result, uint32_t flags)
{
    struct loop *l = u->l;

    if (result >= 0)
        loop_accepted(l, result);
    else
        loop_accept_failed(l, -result);
    if (!(flags & IORING_CQE_F_MORE) && l->listening && uring_listen(l, true))
        loop_accept_failed(l, EBUSY); /* tried again after a pause */
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void handle(struct uring_loop *u, const struct io_uring_cqe *cqe)
{
    struct conn *c = (struct conn *)(uintptr_t)(cqe->user_data & ~(uint64_t)KIND_MASK);

    if (c)
        uring_conn_event(u, c, cqe);
    else if (cqe->user_data == KIND_ACCEPT)
        accept_event(u, cqe->res, cqe->flags);
    else if (cqe->user_data == KIND_WAKE)
        uring_woken(&u->uring, u->l->worker, cqe);
}

static int rounds(struct uring_loop *u)
{
    struct loop *l = u->l;
    bool quit = false;

    for (;;) {
        uint64_t wake_ns = loop_pump(l, &quit);
        unsigned ready;
        int err;

        if (quit)
            return 0;
        err = uring_wait_events(&u->uring, &l->spin, uring_starved_before_wait(u, wake_ns));
        if (err)
            return err;
        ready = io_uring_cq_ready(&u->uring.ring);
        for (stats_waited(u->stats, ready); ready; ready--) {
            struct io_uring_cqe cqe;

            uring_pop(&u->uring, &cqe);
            handle(u, &cqe);
            uring_starved_retry(u);
        }
    }
}

static int open_buffers(struct uring_loop *u)
{
    const struct choice *c = &u->l->config->choice;

    return uring_buffers_open(&u->buffers, &u->uring.ring,
                              (uint32_t)choice_value(c, LOOP_URING_BUFFERS, MOST_BUFFERS),
                              (uint32_t)choice_value(c, LOOP_URING_BUFFERS, FIRST_BUFFERS),
                              (uint32_t)choice_value(c, LOOP_RECV, DEFAULT_BUFFER_BYTES));
}

/* Over an open ring. */
static int run(struct uring_loop *u)
{
    struct loop *l = u->l;
    int err = open_buffers(u);

    if (err)
        return err;
    l->backend = u;
    l->actions = &actions;
    uring_watch_wake(&u->uring, l->worker, KIND_WAKE);
    if (l->listen_fd >= 0) {
        err = uring_listen(l, true);
        l->listening = !err;
    }
    return err ? err : rounds(u);
}

int loop_uring_run(struct loop *l)
{
    const struct choice *c = &l->config->choice;
    struct uring_loop u = {
        .l = l,
        .stats = l->stats,
        .flush = (uint32_t)choice_value(c, LOOP_URING_FLUSH, DEFAULT_FLUSH),
        .multishot_accept = c->used & LOOP_URING_MULTISHOT_ACCEPT,
        .multishot_recv = c->used & URING_MULTISHOT_RECV,
        .read_while_unsent = l->config->read_while_unsent,
    };
    int err = uring_open(&u.uring, (unsigned)choice_value(c, LOOP_URING_SQ, DEFAULT_SQ_ENTRIES),
                         CQ_ENTRIES, IORING_SETUP_SUBMIT_ALL | uring_setup_flags(c->used, true));

    if (err)
        return err;
    u.uring.enters = &l->stats->syscalls[SYSCALL_io_uring_enter];
    u.uring.queue_full = &l->stats->queue_full;
    err = run(&u);
    uring_close(&u.uring);
    uring_buffers_close(&u.buffers);
    return err;
}
