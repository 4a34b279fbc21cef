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
#include "common/uring/uring.h"
#include "common/uring/uring_buffers.h"
#include "common/uring/uring_features.h"
#include "common/uring/uring_setup.h"
#include "udp/udp_loop.h"
#include "udp/uring_ask.h"

#include <errno.h>
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

struct receiver {
    struct udp_loop *l;
    struct uring uring;
    struct uring_buffers buffers;
    struct msghdr shape; /* what the kernel lays out before each datagram */
    uint16_t *held;      /* batch: buffers of the trains that are being gathered */
    unsigned gathered;
    struct udp_socket *gathering; /* their socket */
    uint32_t *ended;              /* sockets whose receive ended */
    uint32_t ended_count;
};

/* ---- submission ------------------------------------------------------------------------------ */

static int start_receiving(struct receiver *r, uint32_t index)
{
    struct io_uring_sqe *sqe = uring_next(&r->uring);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_recvmsg_multishot(sqe, r->l->sockets[index].fd, &r->shape, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, index);
    return 0;
}

static int restart_ended(struct receiver *r)
{
    int err = 0;

    while (r->ended_count && !err)
        err = start_receiving(r, r->ended[--r->ended_count]);
    return err;
}

/* ---- what arrived ---------------------------------------------------------------------------- */

/* Hands over what was gathered, and gives its buffers back. */
static void hand_over(struct receiver *r)
{
    if (r->gathered)
        r->l->role->receive(r->l, r->gathering, r->l->trains, r->gathered);
    for (unsigned i = 0; i < r->gathered; i++)
        uring_buffers_return(&r->buffers, r->held[i]);
    r->gathered = 0;
}

/*
 * The buffer joins those that are gathered, as a message of the wire's, which receives nothing
 * itself here; false when there is no datagram in it.
 */
static bool gather(struct receiver *r, uint16_t id, int result)
{
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(uring_buffer(&r->buffers, id), result, &r->shape);
    struct msghdr *message = wire_message(r->l->wire, r->gathered);
    unsigned char *name;

    if (!out)
        return false;
    name = io_uring_recvmsg_name(out);
    if (out->namelen < message->msg_namelen)
        message->msg_namelen = out->namelen;
    memcpy(message->msg_name, name, message->msg_namelen);
    message->msg_control = name + r->shape.msg_namelen;
    message->msg_controllen = out->controllen;
    message->msg_flags = (int)out->flags;
    message->msg_iov->iov_base = io_uring_recvmsg_payload(out, &r->shape);
    r->l->trains[r->gathered] = wire_train(r->l->wire, r->gathered,
                                           io_uring_recvmsg_payload_length(out, result, &r->shape));
    r->held[r->gathered++] = id;
    return true;
}

static void received(struct receiver *r, uint32_t index, const struct io_uring_cqe *cqe)
{
    struct udp_socket *s = &r->l->sockets[index];

    if (r->gathering != s || r->gathered == r->l->setup->ways.batch)
        hand_over(r);
    r->gathering = s;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);

        if (cqe->res < 0 || !gather(r, id, cqe->res))
            uring_buffers_return(&r->buffers, id);
    } else if (cqe->res == -ENOBUFS) {
        r->l->stats->buffers_dry++;
        uring_buffers_grow(&r->buffers);
    } else if (cqe->res < 0 && cqe->res != -EAGAIN && cqe->res != -EINTR) {
        udp_receive_failed(r->l, -cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        r->ended[r->ended_count++] = index;
}

static void handle(struct receiver *r, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data == WAKE_TAG)
        uring_woken(&r->uring, r->l->worker, cqe);
    else
        received(r, (uint32_t)cqe->user_data, cqe);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int rounds(struct receiver *r)
{
    uint64_t wake_ns;
    int err = 0;

    while (!err && r->l->role->due(r->l, &wake_ns)) {
        unsigned ready;

        err = restart_ended(r);
        if (!err)
            err = uring_wait_events(&r->uring, &r->l->spin, wake_ns);
        ready = io_uring_cq_ready(&r->uring.ring);
        for (stats_waited(r->l->stats, ready); ready; ready--) {
            struct io_uring_cqe cqe;

            uring_pop(&r->uring, &cqe);
            handle(r, &cqe);
        }
        hand_over(r);
    }
    return err;
}

static int open_ring(struct udp_loop *l, struct uring *u)
{
    const struct choice *c = &l->setup->choice;
    int err = uring_open(u, (unsigned)choice_value(c, KEY_SQ, SQ_ENTRIES), CQ_ENTRIES,
                         uring_setup_flags(c->used, true));

    u->enters = &l->stats->syscalls[SYSCALL_io_uring_enter];
    u->queue_full = &l->stats->queue_full;
    return err;
}

static int receive_on(struct receiver *r)
{
    const struct choice *c = &r->l->setup->choice;
    int err = uring_buffers_open(
        &r->buffers, &r->uring.ring, (uint32_t)choice_value(c, KEY_BUFFERS, MOST_BUFFERS),
        (uint32_t)choice_value(c, KEY_BUFFERS, FIRST_BUFFERS), BUFFER_BYTES);

    if (!err)
        uring_watch_wake(&r->uring, r->l->worker, WAKE_TAG);
    for (uint32_t i = 0; i < r->l->socket_count && !err; i++)
        err = start_receiving(r, i);
    return err ? err : rounds(r);
}

static int uring_run(struct udp_loop *l)
{
    struct receiver r = {
        .l = l,
        .shape = {.msg_namelen = NAME_BYTES,
                  .msg_controllen = l->setup->ways.gro ? WIRE_CONTROL_BYTES : 0},
        .held = calloc(l->setup->ways.batch, sizeof *r.held),
        .ended = calloc(l->socket_count, sizeof *r.ended),
    };
    int err = r.held && r.ended ? open_ring(l, &r.uring) : -ENOMEM;

    if (!err) {
        err = udp_asks(l) ? uring_ask_on(l, &r.uring) : receive_on(&r);
        uring_close(&r.uring);
        uring_buffers_close(&r.buffers);
    }
    free(r.held);
    free(r.ended);
    return err;
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
