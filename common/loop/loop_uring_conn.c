#include "common/loop/loop_uring_conn.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { QUEUE_MAX = 8 }; /* received buffers of one connection before it stops reading */

/* ---- buffers that are held ------------------------------------------------------------------ */

static void queue_push(struct uring_loop *u, struct uring_conn *s, uint16_t id, uint32_t len)
{
    u->buffers.kept[id] = (struct uring_kept){len, URING_NO_BUFFER};
    if (s->queued++ == 0)
        s->head = id;
    else
        u->buffers.kept[s->tail].next = id;
    s->tail = id;
}

/* The buffer at the head leaves the queue, and is the caller's to return. */
static uint16_t queue_pop(struct uring_loop *u, struct uring_conn *s)
{
    uint16_t id = s->head;

    s->head = u->buffers.kept[id].next;
    s->queued--;
    return id;
}

static struct span buffer_span(const struct uring_loop *u, uint16_t id, uint32_t len)
{
    return (struct span){uring_buffer(&u->buffers, id), len};
}

static void return_answer(struct uring_loop *u, struct uring_conn *s)
{
    if (s->answer == URING_NO_BUFFER)
        return;
    uring_buffers_return(&u->buffers, s->answer);
    s->answer = URING_NO_BUFFER;
}

/* ---- closing -------------------------------------------------------------------------------- */

/* Nothing is in flight any more. A starved connection is freed when its turn in the queue comes. */
static void finish(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);

    return_answer(u, s);
    while (s->queued)
        uring_buffers_return(&u->buffers, queue_pop(u, s));
    if (!s->starved)
        loop_forget(u->l, c, s->close_err);
}

/* Ends whatever is in flight on a connection, so that its descriptor can be closed. */
static void end_in_flight(struct uring_loop *u, int fd)
{
    if (u->l->config->socket_options.reset_on_close) {
        net_reset(fd); /* the FIN of a shutdown would be answered before the close */
        u->stats->syscalls[SYSCALL_connect]++;
    } else {
        shutdown(fd, SHUT_RDWR);
        u->stats->syscalls[SYSCALL_shutdown]++;
    }
}

/* From now on c takes part in nothing; it is freed once nothing is in flight. */
static void begin_close(struct uring_loop *u, struct conn *c, int err)
{
    struct uring_conn *s = uring_conn(c);

    if (s->closing)
        return;
    s->closing = true;
    s->close_err = err;
    if (s->in_flight)
        end_in_flight(u, c->fd);
}

/* ---- asking for things ---------------------------------------------------------------------- */

/* An entry for an operation on c; the kernel then owes one more event. NULL: there is no room. */
static struct io_uring_sqe *next_entry(struct uring_loop *u, struct conn *c)
{
    struct io_uring_sqe *sqe = uring_next(&u->uring);

    if (sqe)
        uring_conn(c)->in_flight++;
    return sqe;
}

/* To be called after the prep function, which may clear user_data. */
static void tag(struct io_uring_sqe *sqe, const struct conn *c, enum uring_kind kind)
{
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)c | kind);
}

static int start_receiving(struct uring_loop *u, struct conn *c)
{
    struct io_uring_sqe *sqe = next_entry(u, c);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_recv(sqe, c->fd, NULL, 0, 0);
    if (u->multishot_recv)
        sqe->ioprio |= IORING_RECV_MULTISHOT;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUFFER_GROUP;
    tag(sqe, c, KIND_RECV);
    uring_conn(c)->receiving = true;
    return 0;
}

static int stop_receiving(struct uring_loop *u, struct conn *c)
{
    struct io_uring_sqe *sqe = next_entry(u, c);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)c | KIND_RECV, 0);
    tag(sqe, c, KIND_CANCEL);
    uring_conn(c)->cancelling = true;
    return 0;
}

/* Sends what is unsent; out of a ring buffer only as far as that goes at once. */
static int start_sending(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);
    struct io_uring_sqe *sqe = next_entry(u, c);
    size_t most = u->l->send_bytes < INT32_MAX ? u->l->send_bytes : INT32_MAX;

    if (!sqe)
        return -ENOMEM;
    s->offered = (uint32_t)(c->unsent.len < most ? c->unsent.len : most);
    io_uring_prep_send(sqe, c->fd, c->unsent.bytes, s->offered,
                       s->answer == URING_NO_BUFFER ? MSG_WAITALL : MSG_DONTWAIT);
    tag(sqe, c, KIND_SEND);
    s->sending = true;
    if (io_uring_sq_ready(&u->uring.ring) >= u->flush)
        uring_submit_and_look(&u->uring);
    return 0;
}

static int wait_for_connect(struct uring_loop *u, struct conn *c)
{
    struct io_uring_sqe *sqe = next_entry(u, c);

    if (!sqe)
        return -ENOMEM;
    io_uring_prep_poll_add(sqe, c->fd, POLLOUT);
    tag(sqe, c, KIND_CONNECT);
    return 0;
}

/* ---- what comes next ------------------------------------------------------------------------ */

/* Receiving goes on while an answer is sent out of a ring buffer: the peer may take it at once. */
static bool may_read(const struct uring_loop *u, struct conn *c)
{
    const struct uring_conn *s = uring_conn(c);

    return !c->at_eof && s->queued < QUEUE_MAX &&
           (!c->unsent.len || s->answer != URING_NO_BUFFER || u->read_while_unsent);
}

/* Receives, or stops to, as the connection may; and closes it when nothing is left to be done. */
static void proceed_receiving(struct uring_loop *u, struct conn *c)
{
    const struct uring_conn *s = uring_conn(c);
    int err = 0;

    if (s->receiving && !s->cancelling && !may_read(u, c))
        err = stop_receiving(u, c);
    else if (!s->receiving && !s->starved && may_read(u, c))
        err = start_receiving(u, c);
    else if (c->at_eof && !s->sending)
        begin_close(u, c, 0);
    if (err)
        begin_close(u, c, loop_fault(u->l, stats_recv_error(-err), -err));
}

/* Of a connection that is not closing: sends what is unsent, and receives or stops to. */
static void proceed_open(struct uring_loop *u, struct conn *c)
{
    const struct uring_conn *s = uring_conn(c);
    int err;

    if (!s->sending && c->unsent.len) {
        err = start_sending(u, c);
        if (err) {
            begin_close(u, c, loop_fault(u->l, stats_send_error(-err), -err));
            return;
        }
    }
    if (!s->receiving || !u->read_while_unsent)
        proceed_receiving(u, c);
}

/* By far the most frequent: a send has completed, and a receive is in flight already. */
static bool nothing_to_do(const struct uring_conn *s, const struct conn *c)
{
    return s->receiving && !c->unsent.len && !s->closing;
}

void uring_conn_proceed(struct uring_loop *u, struct conn *c)
{
    const struct uring_conn *s = uring_conn(c);

    if (!s->closing)
        proceed_open(u, c);
    if (s->closing && s->in_flight == 0)
        finish(u, c);
}

/* ---- what arrived --------------------------------------------------------------------------- */

/* Shows the program what lies in a ring buffer. An answer that lies there as well holds it. */
static void hand_over(struct uring_loop *u, struct conn *c, uint16_t id, uint32_t len)
{
    struct span in = buffer_span(u, id, len);
    struct span out = on_bytes(u->l, c, in);

    if (out.len)
        c->unsent = out;
    if (out.len && out.bytes >= in.bytes && out.bytes < in.bytes + u->buffers.buffer_bytes)
        uring_conn(c)->answer = id;
    else
        uring_buffers_return(&u->buffers, id);
    if (c->close_asked)
        begin_close(u, c, 0);
}

/* The bytes in the connection's own memory stay there, with an answer that lies among them. */
static void hand_over_copied(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);
    struct span in = {c->tail + s->copied_at, s->copied};

    s->copied = 0;
    c->unsent = on_bytes(u->l, c, in);
    if (c->close_asked)
        begin_close(u, c, 0);
}

/* What arrived while an answer was unsent, in its order and up to the next answer. */
static void hand_over_kept(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);

    if (s->copied && !c->unsent.len && !s->closing)
        hand_over_copied(u, c);
    while (s->queued && !c->unsent.len && !s->closing) {
        uint16_t id = queue_pop(u, s);

        hand_over(u, c, id, u->buffers.kept[id].len);
    }
}

static void received(struct uring_loop *u, struct conn *c, uint16_t id, uint32_t len)
{
    u->stats->reads++;
    u->stats->rx_bytes += len;
    if (!c->unsent.len || u->read_while_unsent)
        hand_over(u, c, id, len);
    else
        queue_push(u, uring_conn(c), id, len);
}

static void recv_event(struct uring_loop *u, struct conn *c, int result, uint32_t flags)
{
    struct uring_conn *s = uring_conn(c);

    if (!(flags & IORING_CQE_F_MORE)) {
        s->receiving = false;
        s->cancelling = false;
    }
    if (flags & IORING_CQE_F_BUFFER) {
        uint16_t id = (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT);

        u->buffers.taken++;
        if (result > 0 && !s->closing)
            received(u, c, id, (uint32_t)result);
        else
            uring_buffers_return(&u->buffers, id);
    }
    if (s->closing)
        return;
    if (result == 0)
        c->at_eof = true;
    else if (result == -ENOBUFS)
        uring_starved_add(u, c);
    else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN)
        begin_close(u, c, loop_fault(u->l, stats_recv_error(-result), -result));
}

/* ---- what was sent -------------------------------------------------------------------------- */

/* All has gone out: the program may go on, and sees what arrived meanwhile. */
static void all_sent(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);

    return_answer(u, s);
    if (s->closing)
        return;
    c->unsent = on_sent(u->l, c);
    if (c->close_asked)
        begin_close(u, c, 0);
    else if (s->copied || s->queued)
        hand_over_kept(u, c);
}

/*
 * The peer is slow: the rest of its answer, and the bytes that arrived meanwhile, move to the
 * connection's own memory, so that the ring buffers are free for others.
 */
static int leave_buffers(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);
    struct span rest = c->unsent;
    int err;

    c->unsent = SPAN_NONE;
    err = conn_keep(c, rest);
    return_answer(u, s);
    while (s->queued && !err) {
        uint16_t id = queue_pop(u, s);

        err = conn_keep(c, buffer_span(u, id, u->buffers.kept[id].len));
        uring_buffers_return(&u->buffers, id);
    }
    if (err)
        return err;
    s->copied_at = (uint32_t)rest.len;
    s->copied = (uint32_t)(c->unsent.len - rest.len);
    c->unsent.len = rest.len;
    return 0;
}

static void send_event(struct uring_loop *u, struct conn *c, int result)
{
    struct uring_conn *s = uring_conn(c);
    struct stats *stats = u->stats;
    bool whole = result >= 0 && (uint32_t)result == s->offered;

    s->sending = false;
    if (result >= 0) {
        stats->writes++;
        stats->tx_bytes += (uint64_t)result;
        c->unsent.bytes += result;
        c->unsent.len -= (size_t)result;
        if (!c->unsent.len)
            all_sent(u, c);
    } else if (result != -EAGAIN && result != -EINTR) {
        if (!s->closing)
            begin_close(u, c, loop_fault(u->l, stats_send_error(-result), -result));
        return;
    }
    stats->short_writes += !whole;
    if (!whole && !s->closing && s->answer != URING_NO_BUFFER && leave_buffers(u, c))
        begin_close(u, c, loop_fault(u->l, ERROR_out_of_memory, ENOMEM));
}

static void connect_event(struct uring_loop *u, struct conn *c)
{
    struct span first = SPAN_NONE;
    int err;

    if (uring_conn(c)->closing)
        return;
    if (!loop_connect_done(u->l, c, &first, &err))
        begin_close(u, c, err);
    else
        c->unsent = first;
}

void uring_conn_event(struct uring_loop *u, struct conn *c, const struct io_uring_cqe *cqe)
{
    enum uring_kind kind = cqe->user_data & KIND_MASK;

    if (!(cqe->flags & IORING_CQE_F_MORE))
        uring_conn(c)->in_flight--;
    if (kind == KIND_RECV)
        recv_event(u, c, cqe->res, cqe->flags);
    else if (kind == KIND_SEND)
        send_event(u, c, cqe->res);
    else if (kind == KIND_CONNECT)
        connect_event(u, c);

    if (!nothing_to_do(uring_conn(c), c))
        uring_conn_proceed(u, c);
}

/* ---- the actions of loop_pump() ------------------------------------------------------------- */

int uring_conn_watch(struct loop *l, struct conn *c)
{
    uring_conn(c)->answer = URING_NO_BUFFER;
    return c->connecting ? wait_for_connect(l->backend, c) : start_receiving(l->backend, c);
}

void uring_conn_send(struct loop *l, struct conn *c, struct span out)
{
    c->unsent = out;
    uring_conn_proceed(l->backend, c);
}

void uring_conn_close(struct loop *l, struct conn *c, int err)
{
    begin_close(l->backend, c, err);
    uring_conn_proceed(l->backend, c);
}
