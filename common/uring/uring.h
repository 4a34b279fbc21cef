/*
 * uring: an io_uring as streams, datagrams and files use it.
 *
 * A ring belongs to the thread that submits. Submitting is refused now and then, for want of memory
 * or of room for completions: what is queued stays queued and goes with the next call. When it is
 * refused URING_REFUSALS times in a row the ring is taken to be broken, and an error comes out
 * instead of one more try. So no caller can loop for ever over a ring that takes nothing.
 */
#ifndef IOBENCH_URING_H
#define IOBENCH_URING_H

#include "common/measure/crew.h"
#include "common/measure/spin.h"

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

enum { URING_REFUSALS = 100 };

struct uring {
    struct io_uring ring;
    uint64_t *enters;     /* counts the calls of the thread that submits */
    uint64_t *queue_full; /* counts the times that the submission queue had no room */
    unsigned refusals;    /* submissions refused in a row */
    int broken; /* 0, or the -errno that the next wait returns: the ring cannot be used any more */
};

/*
 * Opens a ring with these IORING_SETUP_ flags and so many entries (cq_entries 0: twice as many as
 * sq_entries). 0 or -errno. The counters are the caller's to set, before the first submission.
 */
int uring_open(struct uring *u, unsigned sq_entries, unsigned cq_entries, unsigned flags);

/*
 * Ends what is in flight, then the ring. A ring that is only closed is taken apart in the
 * background, and what is in flight there keeps its socket open: the port would stay taken after
 * our end. Linux 5.19 cannot end it first.
 */
void uring_close(struct uring *u);

/* ---- submission ----------------------------------------------------------------------------- */

/*
 * Hands the queue to the kernel: 0, also when that was refused and may be tried again, or -errno.
 * uring_submit_and_look() has the kernel run what it has deferred, too: else a connection whose
 * receive waits for that would be served less often than one whose operations complete while they
 * are submitted.
 */
int uring_submit(struct uring *u);
int uring_submit_and_look(struct uring *u);

struct io_uring_sqe *uring_make_room(struct uring *u);

/* The next entry to be filled; NULL when the queue is full and the kernel goes on refusing it. */
static inline struct io_uring_sqe *uring_next(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    return sqe ? sqe : uring_make_room(u);
}

/*
 * Takes the last `most` entries off the queue again, or as many of them as the kernel has not
 * taken yet, and returns their number. Not for a ring with a kernel thread (IORING_SETUP_SQPOLL),
 * which may take them at any moment.
 */
unsigned uring_take_back(struct uring *u, unsigned most);

/* ---- waiting -------------------------------------------------------------------------------- */

/*
 * Submits what is queued and sleeps until `count` completions are there or left_ns have passed
 * (CLOCK_NEVER_NS: no limit), in one system call. 0 or -errno.
 */
int uring_wait(struct uring *u, unsigned count, uint64_t left_ns);

/* The same without submitting, in a thread that only reaps; the caller counts the call. */
int uring_wait_only(struct uring *u, unsigned count, uint64_t left_ns);

/*
 * The same by the run mode, until an event or wake_ns: looks at shared memory for a while, and
 * enters the kernel only when there is something to do there; then sleeps. For rings whose flags
 * let the kernel tell (uring_holds_back()).
 */
int uring_wait_events(struct uring *u, struct spin *spin, uint64_t wake_ns);

/* Completions that the kernel holds back until it is asked for them, if the flags let it say so. */
static inline bool uring_holds_back(const struct uring *u)
{
    return IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/*
 * The next completion, of those that io_uring_cq_ready() has announced. It is copied and its place
 * given back at once: handling it may submit, which needs room for completions.
 */
static inline void uring_pop(struct uring *u, struct io_uring_cqe *cqe)
{
    const struct io_uring_cq *cq = &u->ring.cq;

    *cqe = cq->cqes[*cq->khead & cq->ring_mask];
    io_uring_cq_advance(&u->ring, 1);
}

/* ---- waking --------------------------------------------------------------------------------- */

/* Completions with this tag will say that another thread has called worker_wake(). */
void uring_watch_wake(struct uring *u, const struct worker *w, uint64_t tag);

/* After such a completion. */
void uring_woken(struct uring *u, struct worker *w, const struct io_uring_cqe *cqe);

#endif
