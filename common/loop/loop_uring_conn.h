/*
 * loop_uring_conn: one connection of the io_uring backend: receiving, sending and closing.
 *
 * Received bytes lie in buffers that the kernel picked from a ring; an answer that lies there is
 * sent straight from it, and the buffer is given back when the kernel has taken the bytes.
 *
 * Four rules keep it safe:
 * - A slot is freed only when the kernel owes no event for it (`in_flight`), and its descriptor is
 *   closed only then: a queued operation can never meet a descriptor number used anew.
 * - One send per connection is in flight. The first try of an answer in a ring buffer does not
 *   wait (MSG_DONTWAIT): if the peer is slow, the rest is copied to the connection's own memory and
 *   sent from there, so slow peers never hold ring buffers, and receiving stops meanwhile.
 * - The program is not shown new bytes while an answer is unsent, unless it asked for that
 *   (read_while_unsent). The kernel delivers until a cancellation takes effect; what comes is kept,
 *   and handed over when the answer has gone out.
 * - A receive that ended, for whatever reason (no buffer, an old kernel, our own cancellation), is
 *   started again as soon as the connection may read, so no connection stops for good.
 */
#ifndef IOBENCH_LOOP_URING_CONN_H
#define IOBENCH_LOOP_URING_CONN_H

#include "common/loop/loop.h"
#include "common/uring/uring.h"
#include "common/uring/uring_buffers.h"

/* What an event is about: the low bits of its user data, below the address of the connection. */
enum uring_kind {
    KIND_ACCEPT,
    KIND_WAKE,
    KIND_RECV,
    KIND_SEND,
    KIND_CONNECT,
    KIND_CANCEL,
    KIND_MASK = 7
};

struct uring_conn {             /* in conn.backend */
    struct conn *next_starved;  /* behind this one in the queue of starved connections */
    uint32_t offered;           /* length of the send in flight */
    uint32_t copied, copied_at; /* bytes of conn.tail, behind unsent ones, not yet handed over */
    uint16_t head, tail;        /* queue of ring buffers not yet handed over, behind those bytes */
    uint16_t queued;            /* its length */
    uint16_t answer;   /* the ring buffer that conn.unsent lies in; URING_NO_BUFFER: in none */
    uint8_t in_flight; /* events that the kernel still owes */
    bool receiving, sending, cancelling, starved;
    bool closing;
    int close_err;
};

_Static_assert(sizeof(struct uring_conn) <= CONN_BACKEND_BYTES, "room for the state");

/* One thread's backend. */
struct uring_loop {
    struct loop *l;
    struct stats *stats; /* the loop's */
    struct uring uring;
    struct uring_buffers buffers;
    struct conn *starved, *starved_last; /* their queue: first come, first served */
    uint32_t flush;                      /* submit when so many entries are queued */
    bool multishot_accept, multishot_recv;
    bool read_while_unsent; /* copied from the configuration */
};

static inline struct uring_conn *uring_conn(struct conn *c)
{
    return (struct uring_conn *)(void *)c->backend;
}

/* The actions of loop_pump(). */
int uring_conn_watch(struct loop *l, struct conn *c);
void uring_conn_send(struct loop *l, struct conn *c, struct span out);
void uring_conn_close(struct loop *l, struct conn *c, int err);

/* Something happened to c, which may be gone afterwards. */
void uring_conn_event(struct uring_loop *u, struct conn *c, const struct io_uring_cqe *cqe);

/* Starts or stops what c needs next: a send, a receive, its end. c may be gone afterwards. */
void uring_conn_proceed(struct uring_loop *u, struct conn *c);

/* ---- starved connections, whose receive found no buffer: loop_uring_starved.c ---------------- */

/* The receive of c ended for want of a buffer: c goes to the end of the queue of starved ones. */
void uring_starved_add(struct uring_loop *u, struct conn *c);

/* Retries receives in the order of the queue, one per buffer returned since the last call. */
void uring_starved_retry_some(struct uring_loop *u);

/*
 * The same, if any is starved. Were all retried at once, most would again find no buffer, because
 * other connections are served in between, and the same ones would starve for ever.
 */
static inline void uring_starved_retry(struct uring_loop *u)
{
    if (u->starved)
        uring_starved_retry_some(u);
}

/*
 * Before a wait until wake_ns. A connection that was closed, or for which no bytes came,
 * uses its turn without taking a buffer, so none is returned for it. Those behind it in the queue
 * would wait for ever; if no buffer is in use, as many are retried as there are buffers. Returns
 * when to wake: 0 (at once) as long as the queue is not empty, else wake_ns.
 */
uint64_t uring_starved_before_wait(struct uring_loop *u, uint64_t wake_ns);

#endif
