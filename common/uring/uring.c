#include "common/uring/uring.h"

#include "common/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { SQPOLL_IDLE_MS = 100 };

/* Refused more often than this in a row, a thread sleeps a little before it tries again. */
enum { REFUSALS_AWAKE = 10 };

int uring_open(struct uring *u, unsigned sq_entries, unsigned cq_entries, unsigned flags)
{
    struct io_uring_params params = {
        .flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
        .cq_entries = cq_entries,
        .sq_thread_idle = SQPOLL_IDLE_MS,
    };

    memset(u, 0, sizeof *u);
    return io_uring_queue_init_params(sq_entries, &u->ring, &params);
}

void uring_close(struct uring *u)
{
    struct io_uring_sync_cancel_reg everything = {
        .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
        .timeout = {.tv_sec = 1},
    };

    io_uring_register_sync_cancel(&u->ring, &everything);
    io_uring_get_events(&u->ring); /* only then are the cancelled operations let go */
    io_uring_queue_exit(&u->ring);
}

/* ---- submission ----------------------------------------------------------------------------- */

static bool is_refusal(int result)
{
    return result == -EAGAIN || result == -EBUSY;
}

/* 0 after what is no error. An error that lasts is not called EAGAIN: nobody should try again. */
static int outcome(struct uring *u, int result)
{
    const struct timespec a_little = {.tv_nsec = NS_PER_MS};

    if (result >= 0 || result == -ETIME || result == -EINTR) {
        u->refusals = 0;
        return u->broken;
    }
    if (!is_refusal(result))
        return result;
    if (u->refusals >= URING_REFUSALS)
        return result == -EAGAIN ? -ENOMEM : result;
    if (++u->refusals > REFUSALS_AWAKE)
        nanosleep(&a_little, NULL);
    return 0;
}

/* With a kernel thread there is a call only to wake it. */
static bool enters(const struct uring *u)
{
    return !(u->ring.flags & IORING_SETUP_SQPOLL) ||
           IO_URING_READ_ONCE(*u->ring.sq.kflags) & IORING_SQ_NEED_WAKEUP;
}

int uring_submit(struct uring *u)
{
    *u->enters += enters(u);
    return outcome(u, io_uring_submit(&u->ring));
}

int uring_submit_and_look(struct uring *u)
{
    ++*u->enters;
    return outcome(u, io_uring_submit_and_get_events(&u->ring));
}

struct io_uring_sqe *uring_make_room(struct uring *u)
{
    struct io_uring_sqe *sqe = NULL;

    while (!sqe) {
        ++*u->queue_full;
        if (uring_submit_and_look(u))
            return NULL;
        sqe = io_uring_get_sqe(&u->ring);
    }
    return sqe;
}

unsigned uring_take_back(struct uring *u, unsigned most)
{
    struct io_uring_sq *sq = &u->ring.sq;
    unsigned queued = io_uring_sq_ready(&u->ring), n = queued < most ? queued : most;

    /* The kernel reads the tail only while this thread submits. */
    sq->sqe_tail -= n;
    sq->sqe_head = sq->sqe_tail;
    *sq->ktail = sq->sqe_tail;
    return n;
}

/* ---- waiting -------------------------------------------------------------------------------- */

static struct __kernel_timespec *limit(struct __kernel_timespec *t, uint64_t left_ns)
{
    *t = (struct __kernel_timespec){(long long)(left_ns / NS_PER_S),
                                    (long long)(left_ns % NS_PER_S)};
    return left_ns == CLOCK_NEVER_NS ? NULL : t;
}

int uring_wait(struct uring *u, unsigned count, uint64_t left_ns)
{
    struct __kernel_timespec t;
    struct io_uring_cqe *cqe;

    ++*u->enters;
    return outcome(
        u, io_uring_submit_and_wait_timeout(&u->ring, &cqe, count, limit(&t, left_ns), NULL));
}

int uring_wait_only(struct uring *u, unsigned count, uint64_t left_ns)
{
    struct __kernel_timespec t;
    struct io_uring_cqe *cqe;
    int err = io_uring_wait_cqes(&u->ring, &cqe, count, limit(&t, left_ns), NULL);

    return err == -ETIME || err == -EINTR || is_refusal(err) ? 0 : err;
}

/* ---- waiting by the run mode ----------------------------------------------------------------- */

/* Submits what is queued and sleeps until an event or wake_ns, in one system call: 0 or -errno. */
static int submit_and_sleep(struct uring *u, struct spin *spin, uint64_t wake_ns)
{
    uint64_t now_ns = clock_now_ns();
    int err;

    if (wake_ns <= now_ns) /* a timeout of nothing would put the thread to sleep all the same */
        return uring_submit_and_look(u);
    err = uring_wait(u, 1, wake_ns == CLOCK_NEVER_NS ? wake_ns : wake_ns - now_ns);
    spin_slept(spin, clock_now_ns() - now_ns);
    return err;
}

int uring_wait_events(struct uring *u, struct spin *spin, uint64_t wake_ns)
{
    struct spin_wait wait = {0};

    while (spin_look(spin, &wait, wake_ns)) {
        bool ready = io_uring_cq_ready(&u->ring);

        if (io_uring_sq_ready(&u->ring) || (!ready && uring_holds_back(u))) {
            int err = uring_submit_and_look(u);

            if (err)
                return err;
            ready = io_uring_cq_ready(&u->ring);
        }
        if (ready)
            return 0;
    }
    return submit_and_sleep(u, spin, wake_ns);
}

/* ---- waking --------------------------------------------------------------------------------- */

void uring_watch_wake(struct uring *u, const struct worker *w, uint64_t tag)
{
    struct io_uring_sqe *sqe = uring_next(u);

    if (!sqe) {
        u->broken = -ENOMEM; /* a thread that cannot be woken would never end */
        return;
    }
    io_uring_prep_poll_multishot(sqe, w->wake_fd[0], POLLIN);
    io_uring_sqe_set_data64(sqe, tag);
}

void uring_woken(struct uring *u, struct worker *w, const struct io_uring_cqe *cqe)
{
    worker_woken(w);
    if (!(cqe->flags & IORING_CQE_F_MORE))
        uring_watch_wake(u, w, cqe->user_data);
}
