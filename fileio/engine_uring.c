/*
 * engine_uring: io_uring.
 *
 * Files and buffers are registered, so that the kernel looks neither up for each operation. One
 * thread that both submits and reaps asks for SINGLE_ISSUER and DEFER_TASKRUN: completions are then
 * worked off when it asks for them, not by interrupting it. A promise to reap lets the submission
 * wait as well: one system call does both.
 *
 * IOPOLL on a device without polling fails every operation; a trial read finds that out before
 * anything is counted.
 */
#include "common/base/clock.h"
#include "fileio/engine.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQPOLL_IDLE_MS = 100, TRIAL_BYTES = 4096 };

struct uring {
    struct io_uring ring;
    bool open;
    bool sqpoll;
    bool fixed_files, fixed_buffers;
};

static int probe(const struct engine_config *config, char *why, size_t why_cap)
{
    struct io_uring ring;
    struct io_uring_params params = {.flags = 0};
    int err;

    if (config->sqpoll)
        params.flags |= IORING_SETUP_SQPOLL;
    if (config->iopoll)
        params.flags |= IORING_SETUP_IOPOLL;
    err = io_uring_queue_init_params(config->depth, &ring, &params);
    if (err)
        snprintf(why, why_cap, "io_uring for %u operations: %s%s", config->depth, strerror(-err),
                 err == -EPERM ? " (see /proc/sys/kernel/io_uring_disabled)" : "");
    else
        io_uring_queue_exit(&ring);
    return err;
}

/* The strongest set of flags that the kernel knows. */
static int open_ring(struct engine *e, struct uring *u)
{
    static const struct {
        unsigned flags;
        const char *name;
    } ways[] = {
        {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, "deferred task running"},
        {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, "cooperative task running"},
        {0, NULL},
    };
    bool plain = e->config.two_threads || e->config.sqpoll;
    unsigned wanted = (e->config.sqpoll ? (unsigned)IORING_SETUP_SQPOLL : 0) |
                      (e->config.iopoll ? (unsigned)IORING_SETUP_IOPOLL : 0);
    int err = -EINVAL;

    for (unsigned i = plain ? 2 : 0; i < 3 && err == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = wanted | ways[i].flags,
            .sq_thread_idle = SQPOLL_IDLE_MS,
        };

        if (ways[i].flags && e->config.spins)
            params.flags |= IORING_SETUP_TASKRUN_FLAG;
        err = io_uring_queue_init_params(e->config.depth + 1, &u->ring, &params);
        if (ways[i].name)
            engine_feature(e, ways[i].name, err ? "this kernel has it not" : NULL);
    }
    u->open = !err;
    return err;
}

static const char *refusal(int err)
{
    return err < 0 ? strerror(-err) : NULL;
}

static void register_what_helps(struct engine *e, struct uring *u)
{
    const struct engine_config *c = &e->config;
    struct iovec buffers = {c->buffers, c->buffers_bytes};
    int err = io_uring_register_files(&u->ring, c->fds, c->files);

    u->fixed_files = err == 0;
    engine_feature(e, "registered files", refusal(err));
    if (c->buffers) {
        err = io_uring_register_buffers(&u->ring, &buffers, 1);
        u->fixed_buffers = err == 0;
        engine_feature(e, "registered buffers", refusal(err));
    }
    if (!c->two_threads)
        engine_feature(e, "registered ring", refusal(io_uring_register_ring_fd(&u->ring)));
}

static void fill(const struct uring *u, const struct engine *e, struct io_uring_sqe *sqe,
                 struct file_op *op)
{
    int fd = u->fixed_files ? op->file : e->config.fds[op->file];

    switch ((enum file_kind)op->kind) {
    case FILE_READ:
        io_uring_prep_rw(u->fixed_buffers ? IORING_OP_READ_FIXED : IORING_OP_READ, sqe, fd, op->buf,
                         op->len, op->offset);
        break;
    case FILE_WRITE:
        io_uring_prep_rw(u->fixed_buffers ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE, sqe, fd,
                         op->buf, op->len, op->offset);
        break;
    case FILE_FSYNC:
        io_uring_prep_fsync(sqe, fd, 0);
        break;
    case FILE_FDATASYNC:
        io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
        break;
    }
    if (u->fixed_files)
        sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(sqe, op);
    engine_part_with(op);
}

static void count_enter(const struct uring *u, struct stats *stats, bool waits)
{
    if (!u->sqpoll || waits || (*u->ring.sq.kflags & IORING_SQ_NEED_WAKEUP))
        stats->syscalls[SYSCALL_io_uring_enter]++;
}

/*
 * Hands the queue to the kernel. An interrupted or cut-off call leaves some of it there; the thread
 * that also reaps takes it along with its next call (see wait_for()), but one that does not must
 * see it gone.
 */
static int flush(struct engine *e, struct uring *u, unsigned wait)
{
    int err;

    do {
        count_enter(u, e->submitting, wait > 0);
        err = wait > 0 ? io_uring_submit_and_wait(&u->ring, wait) : io_uring_submit(&u->ring);
        if (err < 0 && err != -EINTR && err != -EAGAIN && err != -EBUSY)
            return err;
    } while (e->config.two_threads && !u->sqpoll && io_uring_sq_ready(&u->ring) > 0);
    return 0;
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    struct uring *u = e->state;
    unsigned filled = 0;
    int err;

    for (; filled < n; filled++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

        if (!sqe)
            break;
        fill(u, e, sqe, ops[filled]);
    }
    if (wait > 0 && (u->sqpoll || io_uring_cq_ready(&u->ring) >= wait))
        wait = 0;
    err = flush(e, u, wait);
    if (err)
        return err;
    return filled > 0 ? (int)filled : -EAGAIN;
}

/* A result of trial reads; also what "unsupported" looks like: -EOPNOTSUPP from a file of ours. */
static int trial_read(struct engine *e, struct uring *u, void *buf)
{
    struct file_op op = {.buf = buf, .len = TRIAL_BYTES, .kind = FILE_READ};
    bool fixed_buffers = u->fixed_buffers;
    struct file_op *ops[1] = {&op};
    int err;

    u->fixed_buffers = false;
    err = submit(e, ops, 1, 0);
    u->fixed_buffers = fixed_buffers;
    if (err == 1)
        err = e->type->reap(e, ops, 1, 1, CLOCK_NEVER_NS);
    return err < 0 ? err : op.result < 0 ? op.result : 0;
}

static int try_iopoll(struct engine *e, struct uring *u, char *why, size_t why_cap)
{
    void *buf = NULL;
    int err;

    if (posix_memalign(&buf, TRIAL_BYTES, TRIAL_BYTES))
        return -ENOMEM;
    err = trial_read(e, u, buf);
    free(buf);
    if (err)
        snprintf(why, why_cap, "a polled trial read failed: %s%s", strerror(-err),
                 err == -EOPNOTSUPP ? " (the device has no polling)" : "");
    else
        engine_feature(e, "iopoll", NULL);
    return err;
}

static int open_uring(struct engine *e, char *why, size_t why_cap)
{
    struct uring *u = calloc(1, sizeof *u);
    int err;

    e->state = u;
    if (!u)
        return -ENOMEM;
    u->sqpoll = e->config.sqpoll;
    err = open_ring(e, u);
    if (err) {
        snprintf(why, why_cap, "io_uring could not be set up: %s", strerror(-err));
        return err;
    }
    register_what_helps(e, u);
    if (u->sqpoll)
        engine_feature(e, "sqpoll", NULL);
    return e->config.iopoll ? try_iopoll(e, u, why, why_cap) : 0;
}

static unsigned take(struct uring *u, struct file_op **done, unsigned max)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        if (n == max)
            break;
        done[n] = io_uring_cqe_get_data(cqe);
        engine_finish(done[n], cqe->res);
        n++;
    }
    io_uring_cq_advance(&u->ring, n);
    return n;
}

static int wait_until(struct uring *u, unsigned count, uint64_t until_ns)
{
    struct timespec left = clock_left(until_ns);
    struct __kernel_timespec limit = {left.tv_sec, left.tv_nsec};
    struct io_uring_cqe *cqe;

    return io_uring_wait_cqes(&u->ring, &cqe, count, &limit, NULL);
}

static int wait_for(struct engine *e, struct uring *u, unsigned count, uint64_t until_ns)
{
    struct io_uring_cqe *cqe;
    int err;

    if (!e->config.two_threads && io_uring_sq_ready(&u->ring) > 0) {
        count_enter(u, e->reaping, false);
        io_uring_submit(&u->ring);
    }
    e->reaping->syscalls[SYSCALL_io_uring_enter]++;
    if (until_ns == CLOCK_NEVER_NS)
        err = io_uring_wait_cqe_nr(&u->ring, &cqe, count);
    else
        err = wait_until(u, count, until_ns);
    return err == -EINTR || err == -ETIME || err == -EAGAIN ? 0 : err;
}

/* Completions that the kernel holds back until it is asked for them, as far as it was told to say
 * so (TASKRUN_FLAG). */
static bool held_back(const struct engine *e, const struct uring *u)
{
    return e->config.iopoll ||
           (*u->ring.sq.kflags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    struct uring *u = e->state;
    unsigned n = take(u, done, max);

    if (n == 0 && min == 0 && held_back(e, u)) {
        e->reaping->syscalls[SYSCALL_io_uring_enter]++;
        io_uring_get_events(&u->ring);
        n = take(u, done, max);
    }
    while (n < min) {
        int err = wait_for(e, u, min - n, until_ns);

        n += take(u, done + n, max - n);
        if (err)
            return n ? (int)n : err;
        if (until_ns != CLOCK_NEVER_NS && clock_now_ns() >= until_ns)
            break;
    }
    return (int)n;
}

static void close_uring(struct engine *e)
{
    struct uring *u = e->state;

    if (u && u->open)
        io_uring_queue_exit(&u->ring);
    free(u);
}

const struct file_engine engine_uring = {
    .name = "io_uring",
    .most_depth = 32768,
    .two_threads = true,
    .probe = probe,
    .open = open_uring,
    .submit = submit,
    .reap = reap,
    .close = close_uring,
};
