/*
 * loop_uring: io_uring, with a multishot receive per socket into a common buffer ring.
 *
 * A receive is asked for once and then delivers a completion per datagram (or train). Completions
 * of the same socket that follow one another are handed over together, up to a batch, so that their
 * answers go out with one system call. Answers are sent by sendmmsg(2) and not through the ring: it
 * is as fast or faster (measured), and the buffers are free again when it returns.
 *
 * A receive that ended, for want of buffers or any other reason, is asked for again before the next
 * wait, when all buffers are back: no socket is forgotten.
 */
#include "common/base/clock.h"
#include "common/uring/uring_buffers.h"
#include "common/uring/uring_features.h"
#include "common/uring/uring_setup.h"
#include "udp/udp_loop.h"
#include "udp/uring_ask.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SQ_ENTRIES = 256,
    CQ_ENTRIES = 8192,
    MOST_BUFFERS = 8192,
    FIRST_BUFFERS = 256,
    NAME_BYTES = 32, /* room for an address, such that the control data after it is aligned */
    /* The longest train and what the kernel puts before it, off a whole page as in wire_linux.c. */
    BUFFER_BYTES = WIRE_BYTES + 1 + 5 * 64,
};

enum { KEY_SQ, KEY_BUFFERS };

#define WAKE_TAG UINT64_MAX

struct uring {
    struct udp_loop *l;
    struct io_uring ring;
    struct uring_buffers buffers;
    struct msghdr shape;    /* what the kernel lays out before each datagram */
    struct udp_peer *peers; /* batch */
    uint16_t *held;         /* batch: buffers of the trains that are being gathered */
    unsigned gathered;
    struct udp_socket *gathering; /* their socket */
    uint32_t *ended;              /* sockets whose receive ended */
    uint32_t ended_count;
};

/* ---- submission ------------------------------------------------------------------------------ */

static struct io_uring_sqe *next_sqe(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    while (!sqe) {
        u->l->stats->queue_full++;
        u->l->stats->syscalls[SYSCALL_io_uring_enter]++;
        io_uring_submit(&u->ring);
        sqe = io_uring_get_sqe(&u->ring);
    }
    return sqe;
}

static void start_receiving(struct uring *u, uint32_t index)
{
    struct io_uring_sqe *sqe = next_sqe(u);

    io_uring_prep_recvmsg_multishot(sqe, u->l->sockets[index].fd, &u->shape, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, index);
}

static void restart_ended(struct uring *u)
{
    for (uint32_t i = 0; i < u->ended_count; i++)
        start_receiving(u, u->ended[i]);
    u->ended_count = 0;
}

static void watch_wake_fd(struct uring *u)
{
    struct io_uring_sqe *sqe = next_sqe(u);

    io_uring_prep_poll_multishot(sqe, u->l->worker->wake_fd[0], POLLIN);
    io_uring_sqe_set_data64(sqe, WAKE_TAG);
}

/* ---- what arrived ---------------------------------------------------------------------------- */

/* Hands over what was gathered, and gives its buffers back. */
static void hand_over(struct uring *u)
{
    if (u->gathered)
        u->l->role->receive(u->l, u->gathering, u->l->trains, u->gathered);
    for (unsigned i = 0; i < u->gathered; i++)
        uring_buffers_return(&u->buffers, u->held[i]);
    u->gathered = 0;
}

static uint32_t segment_of(struct uring *u, struct io_uring_recvmsg_out *out)
{
    struct msghdr message = {
        .msg_control = (unsigned char *)io_uring_recvmsg_name(out) + u->shape.msg_namelen,
        .msg_controllen = out->controllen,
    };

    return u->l->setup->ways.gro ? wire_segment(&message) : 0;
}

/* The buffer joins those that are gathered; false when there is no datagram in it. */
static bool gather(struct uring *u, uint16_t id, int result)
{
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(uring_buffer(&u->buffers, id), result, &u->shape);
    struct udp_peer *peer = &u->peers[u->gathered];
    uint32_t len, segment;

    if (!out)
        return false;
    len = io_uring_recvmsg_payload_length(out, result, &u->shape);
    segment = segment_of(u, out);
    peer->len = out->namelen < sizeof peer->address ? out->namelen : sizeof peer->address;
    memcpy(&peer->address, io_uring_recvmsg_name(out), peer->len);
    u->l->trains[u->gathered] = (struct udp_train){
        .bytes = io_uring_recvmsg_payload(out, &u->shape),
        .len = len,
        .segment = segment ? segment : len,
        .peer = peer,
        .cut = out->flags & MSG_TRUNC,
    };
    u->held[u->gathered++] = id;
    u->l->stats->rx_bytes += len;
    u->l->stats->reads++;
    return true;
}

static void received(struct uring *u, uint32_t index, const struct io_uring_cqe *cqe)
{
    struct udp_socket *s = &u->l->sockets[index];

    if (u->gathering != s || u->gathered == u->l->setup->ways.batch)
        hand_over(u);
    u->gathering = s;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);

        if (cqe->res < 0 || !gather(u, id, cqe->res))
            uring_buffers_return(&u->buffers, id);
    } else if (cqe->res == -ENOBUFS) {
        u->l->stats->buffers_dry++;
        uring_buffers_grow(&u->buffers);
    } else if (cqe->res < 0 && cqe->res != -EAGAIN && cqe->res != -EINTR) {
        udp_receive_failed(u->l, -cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        u->ended[u->ended_count++] = index;
}

static void handle(struct uring *u, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data != WAKE_TAG) {
        received(u, (uint32_t)cqe->user_data, cqe);
        return;
    }
    worker_woken(u->l->worker);
    if (!(cqe->flags & IORING_CQE_F_MORE))
        watch_wake_fd(u);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Submits and waits until until_ns (0: only looks), in one system call. 0 or -errno. */
static int submit_and_wait(struct uring *u, uint64_t until_ns)
{
    struct __kernel_timespec limit, *at_most = NULL;
    struct io_uring_cqe *cqe;
    uint64_t now_ns, left_ns;
    int err;

    u->l->stats->syscalls[SYSCALL_io_uring_enter]++;
    if (until_ns == 0) {
        err = io_uring_submit_and_get_events(&u->ring);
    } else {
        if (until_ns != CLOCK_NEVER_NS) {
            now_ns = clock_now_ns();
            left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
            limit.tv_sec = (long long)(left_ns / NS_PER_S);
            limit.tv_nsec = (long long)(left_ns % NS_PER_S);
            at_most = &limit;
        }
        err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, at_most, NULL);
    }
    return err >= 0 || err == -ETIME || err == -EINTR || err == -EAGAIN || err == -EBUSY ? 0 : err;
}

static int rounds(struct uring *u)
{
    uint64_t wake_ns;

    while (u->l->role->due(u->l, &wake_ns)) {
        struct io_uring_cqe *slot;
        unsigned head, ready;
        int err;

        restart_ended(u);
        err = submit_and_wait(u, udp_sleep_until(u->l, wake_ns));
        if (err)
            return err;
        ready = io_uring_cq_ready(&u->ring);
        udp_waited(u->l, ready);
        io_uring_for_each_cqe(&u->ring, head, slot)
        {
            /* Copied and given back at once: handling may submit, which needs room for events. */
            struct io_uring_cqe cqe = *slot;

            io_uring_cq_advance(&u->ring, 1);
            handle(u, &cqe);
            if (--ready == 0)
                break;
        }
        hand_over(u);
    }
    return 0;
}

static int run_ring(struct uring *u)
{
    const struct choice *c = &u->l->setup->choice;
    int err = uring_buffers_open(
        &u->buffers, &u->ring, (uint32_t)choice_value(c, KEY_BUFFERS, MOST_BUFFERS),
        (uint32_t)choice_value(c, KEY_BUFFERS, FIRST_BUFFERS), BUFFER_BYTES);

    if (!err) {
        watch_wake_fd(u);
        for (uint32_t i = 0; i < u->l->socket_count; i++)
            start_receiving(u, i);
        err = rounds(u);
    }
    uring_cancel_all(&u->ring);
    return err;
}

static int open_ring(const struct udp_loop *l, struct io_uring *ring)
{
    const struct choice *c = &l->setup->choice;

    return uring_open(ring, (unsigned)choice_value(c, KEY_SQ, SQ_ENTRIES), CQ_ENTRIES,
                      uring_setup_flags(c->used, false));
}

static int run_asking(struct udp_loop *l)
{
    struct io_uring ring;
    int err = open_ring(l, &ring);

    if (err)
        return err;
    err = uring_ask_on(l, &ring);
    io_uring_queue_exit(&ring);
    return err;
}

static int run_receiving(struct udp_loop *l)
{
    struct uring u = {
        .l = l,
        .shape = {.msg_namelen = NAME_BYTES,
                  .msg_controllen = l->setup->ways.gro ? WIRE_CONTROL_BYTES : 0},
        .peers = calloc(l->setup->ways.batch, sizeof *u.peers),
        .held = calloc(l->setup->ways.batch, sizeof *u.held),
        .ended = calloc(l->socket_count, sizeof *u.ended),
    };
    int err = u.peers && u.held && u.ended ? open_ring(l, &u.ring) : -ENOMEM;

    if (!err) {
        err = run_ring(&u);
        io_uring_queue_exit(&u.ring);
        uring_buffers_close(&u.buffers);
    }
    free(u.peers);
    free(u.held);
    free(u.ended);
    return err;
}

static int uring_run(struct udp_loop *l)
{
    return udp_asks(l) ? run_asking(l) : run_receiving(l);
}

/* ---- what this kernel can do ----------------------------------------------------------------- */

static const struct feature features[] = {
    URING_RECV_ROWS(FEATURE_ALWAYS), UDP_DIRECT_ROW, URING_SETUP_ROWS, UDP_WIRE_ROWS, {0},
};

static const struct feature_key keys[] = {
    [KEY_SQ] = {"sq", 1, 1 << 15, NULL, "entries of the submission queue"},
    [KEY_BUFFERS] = {"buffers", 1, 1 << 15, NULL, "receive buffers"},
    {0},
};

static int uring_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    struct io_uring ring;
    int err = uring_open_probe(&ring, why, why_cap);

    if (err)
        return -ENOTSUP;
    /* Multishot recvmsg came with SEND_ZC, and only the latter can be asked for. */
    if (!uring_lacks_operation(&ring, IORING_OP_SEND_ZC) && ring.features & IORING_FEAT_EXT_ARG) {
        choice_feature(c, URING_BUFFER_RING, NULL);
        choice_feature(c, URING_MULTISHOT_RECV, NULL);
        uring_note_setup(c, NULL);
        udp_note_wire(c, about);
        udp_note_direct(c, about);
    } else {
        snprintf(why, why_cap, "io_uring here has no multishot recvmsg (Linux 6.0)");
        err = -ENOTSUP;
    }
    io_uring_queue_exit(&ring);
    return err;
}

const struct udp_backend udp_uring = {
    .backend = {.name = "io_uring",
                .summary = "io_uring with a multishot receive per socket",
                .features = features,
                .keys = keys,
                .probe = uring_probe},
    .run = uring_run,
};
