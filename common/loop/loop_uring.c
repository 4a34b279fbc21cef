/*
 * loop_uring: io_uring with completions.
 *
 * Accepting and receiving are multishot: asked for once, they go on delivering. Received bytes lie
 * in buffers that the kernel picked from a ring; an answer that lies there is sent straight from
 * it, and the buffer is given back when the kernel has taken the bytes. Sends are queued and go out
 * with the next wait, or as soon as `flush` of them are queued, so that the peer is not kept idle
 * while a long batch of completions is worked through.
 *
 * Three rules keep it safe:
 * - A slot is freed only when the kernel owes no event for it (`in_flight`), and its descriptor is
 *   closed only then: a queued operation can never meet a descriptor number used anew.
 * - One send per connection is in flight. The first try of an answer in a ring buffer does not
 *   wait (MSG_DONTWAIT): if the peer is slow, the rest is copied to the connection's own memory and
 *   sent from there, so slow peers never hold ring buffers, and receiving stops meanwhile.
 * - A receive that ended, for whatever reason (no buffer, an old kernel, our own cancellation), is
 *   asked for again as soon as the connection may read: no connection is forgotten.
 */
#include "common/loop/loop_uring.h"
#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "common/uring/uring_buffers.h"
#include "common/uring/uring_setup.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    DEFAULT_SQ_ENTRIES = 256,
    CQ_ENTRIES = 32768,
    MOST_BUFFERS = 16384,
    FIRST_BUFFERS = 256,
    BUFFERS_PER_CONN = 4,
    DEFAULT_BUFFER_BYTES = 16 * 1024,
    DEFAULT_FLUSH = 16,
    QUEUE_MAX = 8, /* received buffers of one connection before it stops reading */
};

/* What an event is about: the low bits of its user data, below the address of the connection. */
enum kind {
    KIND_ACCEPT,
    KIND_WAKE,
    KIND_RECV,
    KIND_SEND,
    KIND_CONNECT,
    KIND_CANCEL,
    KIND_MASK = 7
};

struct uring_conn {            /* in conn.backend */
    struct conn *next_starved; /* list of receives that found no buffer */
    uint32_t offered;          /* length of the send in flight */
    uint16_t head, tail;       /* queue of ring buffers to be sent back; URING_NO_BUFFER: empty */
    uint16_t queued;           /* its length */
    uint8_t in_flight;         /* events that the kernel still owes */
    bool receiving, sending, cancelling, starved;
    bool closing;
    int close_err;
};

_Static_assert(sizeof(struct uring_conn) <= CONN_BACKEND_BYTES, "room for the state");

struct uring {
    struct loop *l;
    struct stats *stats; /* the loop's */
    struct io_uring ring;
    struct uring_buffers buffers;
    struct conn *starved, *starved_last; /* first come, first served */
    uint32_t flush;
    bool multishot_accept, multishot_recv;
};

static struct uring_conn *state(struct conn *c)
{
    return (struct uring_conn *)(void *)c->backend;
}

/* ---- submission ----------------------------------------------------------------------------- */

/*
 * Also lets the kernel run what it has deferred: else a connection whose receive waits for that
 * would be served less often than one whose operations complete while they are submitted.
 */
static void submit(struct uring *u)
{
    io_uring_submit_and_get_events(&u->ring);
    u->stats->syscalls[SYSCALL_io_uring_enter]++;
}

/* An entry for an operation on c (NULL: on none), which then owes one more event. */
static struct io_uring_sqe *next_sqe(struct uring *u, struct conn *c)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    while (!sqe) {
        u->stats->queue_full++;
        submit(u);
        sqe = io_uring_get_sqe(&u->ring);
    }
    if (c)
        state(c)->in_flight++;
    return sqe;
}

/* To be called after the prep function, which may clear user_data. */
static void tag(struct io_uring_sqe *sqe, struct conn *c, enum kind kind)
{
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)c | kind);
}

static void watch_wake_fd(struct uring *u)
{
    struct io_uring_sqe *sqe = next_sqe(u, NULL);

    io_uring_prep_poll_multishot(sqe, u->l->worker->wake_fd[0], POLLIN);
    tag(sqe, NULL, KIND_WAKE);
}

static int uring_listen(struct loop *l, bool on)
{
    struct uring *u = l->backend;
    struct io_uring_sqe *sqe = next_sqe(u, NULL);
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

    if (!on)
        io_uring_prep_cancel64(sqe, KIND_ACCEPT, 0);
    else if (u->multishot_accept)
        io_uring_prep_multishot_accept(sqe, l->listen_fd, NULL, NULL, flags);
    else
        io_uring_prep_accept(sqe, l->listen_fd, NULL, NULL, flags);
    tag(sqe, NULL, on ? KIND_ACCEPT : KIND_CANCEL);
    return 0;
}

static void start_receiving(struct uring *u, struct conn *c)
{
    struct io_uring_sqe *sqe = next_sqe(u, c);

    io_uring_prep_recv(sqe, c->fd, NULL, 0, 0);
    if (u->multishot_recv)
        sqe->ioprio |= IORING_RECV_MULTISHOT;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUFFER_GROUP;
    tag(sqe, c, KIND_RECV);
    state(c)->receiving = true;
}

static void stop_receiving(struct uring *u, struct conn *c)
{
    struct io_uring_sqe *sqe = next_sqe(u, c);

    io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)c | KIND_RECV, 0);
    tag(sqe, c, KIND_CANCEL);
    state(c)->cancelling = true;
}

static void send_bytes(struct uring *u, struct conn *c, struct span out, int flags)
{
    struct uring_conn *s = state(c);
    struct io_uring_sqe *sqe = next_sqe(u, c);
    size_t most = u->l->send_bytes < INT32_MAX ? u->l->send_bytes : INT32_MAX;

    s->offered = (uint32_t)(out.len < most ? out.len : most);
    io_uring_prep_send(sqe, c->fd, out.bytes, s->offered, flags);
    tag(sqe, c, KIND_SEND);
    s->sending = true;
    if (io_uring_sq_ready(&u->ring) >= u->flush)
        submit(u);
}

/* ---- one connection ------------------------------------------------------------------------- */

static void queue_push(struct uring *u, struct uring_conn *s, uint16_t id, uint32_t offset,
                       uint32_t len)
{
    u->buffers.pending[id] = (struct uring_pending){offset, len, URING_NO_BUFFER};
    if (s->queued++ == 0)
        s->head = id;
    else
        u->buffers.pending[s->tail].next = id;
    s->tail = id;
}

static void queue_pop(struct uring *u, struct uring_conn *s)
{
    uint16_t id = s->head;

    s->head = u->buffers.pending[id].next;
    s->queued--;
    uring_buffers_return(&u->buffers, id);
}

static struct span queue_head(const struct uring *u, const struct uring_conn *s)
{
    const struct uring_pending *p = &u->buffers.pending[s->head];

    return (struct span){uring_buffer(&u->buffers, s->head) + p->offset, p->len};
}

/* Nothing is in flight any more. A starved one still stands in line, and goes when it is fed. */
static void finish(struct uring *u, struct conn *c)
{
    struct uring_conn *s = state(c);

    while (s->queued)
        queue_pop(u, s);
    if (!s->starved)
        loop_forget(u->l, c, s->close_err);
}

/* Ends whatever is in flight on a connection, so that its descriptor can be closed. */
static void end_in_flight(struct uring *u, int fd)
{
    if (u->l->config->socket_options.reset_on_close) {
        net_reset(fd); /* the FIN of a shutdown would be answered before the close */
        u->stats->syscalls[SYSCALL_connect]++;
    } else {
        shutdown(fd, SHUT_RDWR);
        u->stats->syscalls[SYSCALL_shutdown]++;
    }
}

/* From now on c takes part in nothing; settle() frees it once nothing is in flight. */
static void begin_close(struct uring *u, struct conn *c, int err)
{
    struct uring_conn *s = state(c);

    if (s->closing)
        return;
    s->closing = true;
    s->close_err = err;
    if (s->in_flight == 0)
        return;
    end_in_flight(u, c->fd);
}

static bool may_read(const struct uring *u, struct conn *c)
{
    const struct uring_conn *s = state(c);

    return !c->at_eof && s->queued < QUEUE_MAX &&
           (c->unsent.len == 0 || u->l->config->read_while_unsent);
}

/* Brings receiving and sending in line with what there is to send. */
static void proceed(struct uring *u, struct conn *c)
{
    struct uring_conn *s = state(c);

    if (s->receiving && !c->unsent.len && !s->queued)
        return; /* by far the most frequent: a send has completed, and the next bytes will come */
    if (!s->sending && c->unsent.len)
        send_bytes(u, c, c->unsent, MSG_WAITALL);
    else if (!s->sending && s->queued)
        send_bytes(u, c, queue_head(u, s), MSG_DONTWAIT);

    if (s->receiving && !s->cancelling && !may_read(u, c))
        stop_receiving(u, c);
    else if (!s->receiving && !s->starved && may_read(u, c))
        start_receiving(u, c);
    else if (c->at_eof && !s->sending)
        begin_close(u, c, 0);
}

/* After anything happened to c: what comes next for it. It may be gone afterwards. */
static void settle(struct uring *u, struct conn *c)
{
    const struct uring_conn *s = state(c);

    if (!s->closing)
        proceed(u, c);
    if (s->closing && s->in_flight == 0)
        finish(u, c);
}

/* The peer is slow: its bytes move to its own memory, and the ring buffers are free for others. */
static int move_queue_to_tail(struct uring *u, struct conn *c)
{
    struct uring_conn *s = state(c);

    while (s->queued) {
        if (conn_keep(c, queue_head(u, s)))
            return -loop_fault(u->l, ERROR_out_of_memory, ENOMEM);
        queue_pop(u, s);
    }
    return 0;
}

static bool in_buffer(const struct uring *u, uint16_t id, const unsigned char *bytes)
{
    const unsigned char *start = uring_buffer(&u->buffers, id);

    return bytes >= start && bytes < start + u->buffers.buffer_bytes;
}

static void received(struct uring *u, struct conn *c, uint16_t id, uint32_t len)
{
    unsigned char *bytes = uring_buffer(&u->buffers, id);
    struct loop *l = u->l;
    struct span out;

    l->stats->reads++;
    l->stats->rx_bytes += len;
    out = on_bytes(l, c, (struct span){bytes, len});
    if (out.len && in_buffer(u, id, out.bytes)) {
        queue_push(u, state(c), id, (uint32_t)(out.bytes - bytes), (uint32_t)out.len);
    } else {
        uring_buffers_return(&u->buffers, id);
        if (out.len)
            c->unsent = out;
    }
    if (c->close_asked)
        begin_close(u, c, 0);
}

static void starve(struct uring *u, struct conn *c)
{
    struct uring_conn *s = state(c);

    u->stats->buffers_dry++;
    /* More would only pile up what peers have yet to take; in line they are held back instead. */
    if (u->buffers.offered < BUFFERS_PER_CONN * u->l->conns.open)
        uring_buffers_grow(&u->buffers);
    s->starved = true;
    s->next_starved = NULL;
    if (u->starved)
        state(u->starved_last)->next_starved = c;
    else
        u->starved = c;
    u->starved_last = c;
}

/*
 * Asks again for receives that found no buffer, in their order and one per buffer returned since:
 * all at once would mostly find none again, because other connections are served in between, and
 * the same ones would go hungry for ever.
 */
static void feed_starved(struct uring *u)
{
    while (u->starved && u->buffers.returned) {
        struct conn *c = u->starved;
        struct uring_conn *s = state(c);

        u->buffers.returned--;
        u->starved = s->next_starved;
        s->starved = false;
        settle(u, c);
    }
}

/*
 * A turn may be spent without taking a buffer: nothing has come for that connection, or it is over.
 * While no buffer is ours none will be returned, so nobody would feed those behind it: each gets a
 * turn. Returns when to wake: at once as long as some are left.
 */
static uint64_t feed_forgotten(struct uring *u, uint64_t wake_ns)
{
    if (!u->starved || u->buffers.taken)
        return wake_ns;
    u->buffers.returned = u->buffers.offered;
    feed_starved(u);
    return u->starved ? 0 : wake_ns;
}

static void recv_event(struct uring *u, struct conn *c, int result, uint32_t flags)
{
    struct uring_conn *s = state(c);

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
        starve(u, c);
    else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN)
        begin_close(u, c, loop_fault(u->l, stats_recv_error(-result), -result));
}

/* How much of the send went out is taken off what it was made of. */
static void account_sent(struct uring *u, struct conn *c, uint32_t taken)
{
    struct uring_conn *s = state(c);

    if (c->unsent.len) {
        c->unsent.bytes += taken;
        c->unsent.len -= taken;
    } else {
        struct uring_pending *p = &u->buffers.pending[s->head];

        p->offset += taken;
        p->len -= taken;
        if (p->len == 0)
            queue_pop(u, s);
    }
}

static void send_event(struct uring *u, struct conn *c, int result)
{
    struct uring_conn *s = state(c);
    struct stats *stats = u->stats;
    bool whole = result >= 0 && (uint32_t)result == s->offered;

    s->sending = false;
    if (result >= 0) {
        stats->writes++;
        stats->tx_bytes += (uint64_t)result;
        account_sent(u, c, (uint32_t)result);
    } else if (result != -EAGAIN && result != -EINTR) {
        if (!s->closing)
            begin_close(u, c, loop_fault(u->l, stats_send_error(-result), -result));
        return;
    }
    stats->short_writes += !whole;
    if (!whole && !s->closing && move_queue_to_tail(u, c))
        begin_close(u, c, ENOMEM);
}

static void connect_event(struct uring *u, struct conn *c)
{
    struct uring_conn *s = state(c);
    struct span first = SPAN_NONE;
    int err;

    if (s->closing)
        return;
    if (!loop_connect_done(u->l, c, &first, &err))
        begin_close(u, c, err);
    else
        c->unsent = first;
}

static void wait_for_connect(struct uring *u, struct conn *c)
{
    struct io_uring_sqe *sqe = next_sqe(u, c);

    io_uring_prep_poll_add(sqe, c->fd, POLLOUT);
    tag(sqe, c, KIND_CONNECT);
}

static void conn_event(struct uring *u, struct conn *c, enum kind kind, int result, uint32_t flags)
{
    struct uring_conn *s = state(c);

    if (!(flags & IORING_CQE_F_MORE))
        s->in_flight--;
    if (kind == KIND_RECV)
        recv_event(u, c, result, flags);
    else if (kind == KIND_SEND)
        send_event(u, c, result);
    else if (kind == KIND_CONNECT)
        connect_event(u, c);

    settle(u, c);
}

/* ---- the actions of loop_pump() -------------------------------------------------------------- */

static int uring_watch(struct loop *l, struct conn *c)
{
    if (c->connecting)
        wait_for_connect(l->backend, c);
    else
        start_receiving(l->backend, c);
    return 0;
}

static void uring_send(struct loop *l, struct conn *c, struct span out)
{
    c->unsent = out;
    settle(l->backend, c);
}

static void uring_close(struct loop *l, struct conn *c, int err)
{
    begin_close(l->backend, c, err);
    settle(l->backend, c);
}

static const struct loop_actions actions = {uring_watch, uring_send, uring_close, uring_listen};

/* ---- the loop ------------------------------------------------------------------------------- */

static void accept_event(struct uring *u, int result, uint32_t flags)
{
    struct loop *l = u->l;

    if (result >= 0)
        loop_accepted(l, result);
    else
        loop_accept_failed(l, -result);
    if (!(flags & IORING_CQE_F_MORE) && l->listening)
        uring_listen(l, true);
}

static void handle(struct uring *u, const struct io_uring_cqe *cqe)
{
    enum kind kind = cqe->user_data & KIND_MASK;
    struct conn *c = (struct conn *)(uintptr_t)(cqe->user_data & ~(uint64_t)KIND_MASK);

    if (c)
        conn_event(u, c, kind, cqe->res, cqe->flags);
    else if (kind == KIND_ACCEPT)
        accept_event(u, cqe->res, cqe->flags);
    else if (kind == KIND_WAKE) {
        worker_woken(u->l->worker);
        if (!(cqe->flags & IORING_CQE_F_MORE))
            watch_wake_fd(u);
    }
}

/* An event is there, or the kernel has deferred work that will bring some. */
static bool has_news(struct uring *u)
{
    return io_uring_cq_ready(&u->ring) ||
           IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* Submits what is queued and sleeps until an event or wake_ns, in one system call: 0 or -errno. */
static int submit_and_sleep(struct uring *u, uint64_t wake_ns)
{
    uint64_t now_ns = clock_now_ns(), left_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;
    struct __kernel_timespec left = {(long long)(left_ns / NS_PER_S),
                                     (long long)(left_ns % NS_PER_S)};
    struct io_uring_cqe *cqe;
    int err;

    if (left_ns == 0) {
        submit(u); /* a timeout of nothing would put the thread to sleep all the same */
        return 0;
    }
    err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1,
                                           wake_ns == CLOCK_NEVER_NS ? NULL : &left, NULL);
    u->stats->syscalls[SYSCALL_io_uring_enter]++;
    spin_slept(&u->l->spin, clock_now_ns() - now_ns);
    return err >= 0 || err == -ETIME || err == -EINTR || err == -EAGAIN || err == -EBUSY ? 0 : err;
}

/* Looks at shared memory only, and enters the kernel when there is something to do there. */
static int wait_for_events(struct uring *u, uint64_t wake_ns)
{
    struct spell spell = {0};

    while (spin_look(&u->l->spin, &spell, wake_ns)) {
        if (io_uring_sq_ready(&u->ring) || (!io_uring_cq_ready(&u->ring) && has_news(u)))
            submit(u);
        if (io_uring_cq_ready(&u->ring))
            return 0;
    }
    return submit_and_sleep(u, wake_ns);
}

static int rounds(struct uring *u)
{
    struct loop *l = u->l;
    bool quit = false;

    for (;;) {
        uint64_t wake_ns = loop_pump(l, &quit);
        struct io_uring_cqe *slot;
        unsigned ready, head;
        int err;

        if (quit)
            return 0;
        err = wait_for_events(u, feed_forgotten(u, wake_ns));
        if (err)
            return err;
        ready = io_uring_cq_ready(&u->ring);
        stats_waited(u->stats, ready);
        if (ready == 0)
            continue;
        io_uring_for_each_cqe(&u->ring, head, slot)
        {
            /* Copied and given back at once: handling may submit, which needs room for events. */
            struct io_uring_cqe cqe = *slot;

            io_uring_cq_advance(&u->ring, 1);
            handle(u, &cqe);
            feed_starved(u);
            if (--ready == 0)
                break;
        }
    }
}

static int open_buffers(struct uring *u)
{
    const struct choice *c = &u->l->config->choice;

    return uring_buffers_open(&u->buffers, &u->ring,
                              (uint32_t)choice_value(c, LOOP_URING_BUFFERS, MOST_BUFFERS),
                              (uint32_t)choice_value(c, LOOP_URING_BUFFERS, FIRST_BUFFERS),
                              (uint32_t)choice_value(c, LOOP_RECV, DEFAULT_BUFFER_BYTES));
}

int loop_uring_run(struct loop *l)
{
    const struct choice *c = &l->config->choice;
    struct uring u = {
        .l = l,
        .stats = l->stats,
        .flush = (uint32_t)choice_value(c, LOOP_URING_FLUSH, DEFAULT_FLUSH),
        .multishot_accept = c->used & LOOP_URING_MULTISHOT_ACCEPT,
        .multishot_recv = c->used & URING_MULTISHOT_RECV,
    };
    int err = uring_open(&u.ring, (unsigned)choice_value(c, LOOP_URING_SQ, DEFAULT_SQ_ENTRIES),
                         CQ_ENTRIES, IORING_SETUP_SUBMIT_ALL | uring_setup_flags(c->used, true));

    if (err)
        return err;
    err = open_buffers(&u);
    if (!err) {
        l->backend = &u;
        l->actions = &actions;
        watch_wake_fd(&u);
        if (l->listen_fd >= 0) {
            uring_listen(l, true);
            l->listening = true;
        }
        err = rounds(&u);
    }
    uring_cancel_all(&u.ring);
    io_uring_queue_exit(&u.ring);
    uring_buffers_close(&u.buffers);
    return err;
}
