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
#include "common/uring/uring.h"
#include "common/uring/uring_features.h"
#include "fileio/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIAL_BYTES = 4096 };

struct uring_engine {
    struct uring uring;
    uint64_t queue_full; /* never: there are as many entries as operations */
    bool open;
    bool sqpoll, iopoll;
    bool fixed_files, fixed_buffers;
};

enum {
    REGISTERED_FILES = URING_OWN,
    REGISTERED_BUFFERS = URING_OWN << 1,
    REGISTERED_RING = URING_OWN << 2,
    SQPOLL = URING_OWN << 3,
    IOPOLL = URING_OWN << 4,
};

static unsigned asked_flags(const struct choice *c)
{
    return (choice_wants(c, SQPOLL) ? (unsigned)IORING_SETUP_SQPOLL : 0) |
           (choice_wants(c, IOPOLL) ? (unsigned)IORING_SETUP_IOPOLL : 0);
}

static int probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    const struct engine_work *work = about;
    const char *clash = !work->direct       ? "needs --direct on"
                        : work->two_threads ? "excludes --threading split"
                        : work->syncs       ? "excludes fsync and fdatasync"
                                            : NULL;
    struct io_uring ring;
    int err;

    if (clash && choice_wants(c, IOPOLL))
        return choice_blame(c, -EINVAL, "iopoll", clash, why, why_cap);
    err = io_uring_queue_init(work->depth, &ring, asked_flags(c));
    if (err)
        snprintf(why, why_cap, "io_uring for %u operations: %s%s", work->depth, strerror(-err),
                 err == -EPERM ? " (see /proc/sys/kernel/io_uring_disabled)" : "");
    else
        io_uring_queue_exit(&ring);
    return err ? -ENOTSUP : 0;
}

static int open_ring(struct engine *e, struct uring_engine *u)
{
    struct choice *c = &e->config.choice;
    unsigned flags;
    int err;

    uring_note_setup(c, e->config.two_threads     ? "two threads use the ring"
                        : choice_wants(c, SQPOLL) ? "sqpoll is used"
                                                  : NULL);
    flags = asked_flags(c) |
            uring_setup_flags(c->used, e->config.spins || c->used & URING_COOP_TASKRUN);
    err = uring_open(&u->uring, e->config.depth + 1, 0, flags);
    u->uring.enters = &e->submitting->syscalls[SYSCALL_io_uring_enter];
    u->uring.queue_full = &u->queue_full;
    u->open = !err;
    if (!err)
        u->sqpoll = choice_feature(c, SQPOLL, NULL);
    return err;
}

static const char *refusal(int err)
{
    return err < 0 ? strerror(-err) : NULL;
}

static void register_what_helps(struct engine *e, struct uring_engine *u)
{
    const struct engine_config *config = &e->config;
    struct choice *c = &e->config.choice;
    struct iovec buffers = {config->buffers, config->buffers_bytes};
    struct io_uring *ring = &u->uring.ring;
    int err = 0;

    if (choice_wants(c, REGISTERED_FILES))
        err = io_uring_register_files(ring, config->fds, config->files);
    u->fixed_files = choice_feature(c, REGISTERED_FILES, refusal(err));
    err = 0;
    if (config->buffers && choice_wants(c, REGISTERED_BUFFERS))
        err = io_uring_register_buffers(ring, &buffers, 1);
    u->fixed_buffers =
        choice_feature(c, REGISTERED_BUFFERS, config->buffers ? refusal(err) : "there are none");
    err = 0;
    if (!config->two_threads && choice_wants(c, REGISTERED_RING))
        err = io_uring_register_ring_fd(ring);
    choice_feature(c, REGISTERED_RING,
                   config->two_threads ? "two threads use the ring" : refusal(err));
}

static void fill(const struct uring_engine *u, const struct engine *e, struct io_uring_sqe *sqe,
                 struct file_op *op)
{
    static const int moves[][2] = {
        [FILE_READ] = {IORING_OP_READ, IORING_OP_READ_FIXED},
        [FILE_WRITE] = {IORING_OP_WRITE, IORING_OP_WRITE_FIXED},
    };
    int fd = u->fixed_files ? op->file : e->config.fds[op->file];

    if (file_op_moves(op))
        io_uring_prep_rw(moves[op->kind][u->fixed_buffers], sqe, fd, op->buf, op->len, op->offset);
    else
        io_uring_prep_fsync(sqe, fd, op->kind == FILE_FSYNC ? 0 : IORING_FSYNC_DATASYNC);
    if (u->fixed_files)
        sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(sqe, op);
    engine_part_with(op);
}

/*
 * Hands the queue to the kernel. A refused or interrupted call leaves some of it there; the thread
 * that also reaps takes it along with its next call (see wait_for()), but one that does not must
 * see it gone.
 */
static int flush(struct engine *e, struct uring_engine *u, unsigned wait)
{
    int err;

    do
        err = wait > 0 ? uring_wait(&u->uring, wait, CLOCK_NEVER_NS) : uring_submit(&u->uring);
    while (!err && e->config.two_threads && !u->sqpoll && io_uring_sq_ready(&u->uring.ring) > 0);
    return err;
}

/*
 * A failed submission leaves the queue as it found it: what the kernel has not taken of the n
 * operations is the caller's again, who would else be given it back twice. With a kernel thread it
 * stays there, as that may take it at any moment; reap() then tells what is wrong.
 */
static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    struct uring_engine *u = e->state;
    unsigned filled = 0;
    int err;

    for (; filled < n; filled++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&u->uring.ring);

        if (!sqe)
            break;
        fill(u, e, sqe, ops[filled]);
    }
    if (wait > 0 && (u->sqpoll || io_uring_cq_ready(&u->uring.ring) >= wait))
        wait = 0;
    err = flush(e, u, wait);
    if (err && !u->sqpoll)
        filled -= uring_take_back(&u->uring, filled);
    if (filled > 0)
        return (int)filled;
    return err ? err : -EAGAIN;
}

static bool reads_first(const struct choice *c)
{
    return choice_wants(c, IOPOLL);
}

/* A result of trial reads; also what "unsupported" looks like: -EOPNOTSUPP from a file of ours. */
static int trial_read(struct engine *e, struct uring_engine *u, void *buf)
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

static int try_iopoll(struct engine *e, struct uring_engine *u, char *why, size_t why_cap)
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
        u->iopoll = choice_feature(&e->config.choice, IOPOLL, NULL);
    return err;
}

static int open_uring(struct engine *e, char *why, size_t why_cap)
{
    struct uring_engine *u = calloc(1, sizeof *u);
    int err;

    e->state = u;
    if (!u)
        return -ENOMEM;
    err = open_ring(e, u);
    if (err) {
        snprintf(why, why_cap, "io_uring could not be set up: %s", strerror(-err));
        return err;
    }
    register_what_helps(e, u);
    return reads_first(&e->config.choice) ? try_iopoll(e, u, why, why_cap) : 0;
}

static unsigned take(struct uring_engine *u, struct file_op **done, unsigned max)
{
    unsigned ready = io_uring_cq_ready(&u->uring.ring), n = ready < max ? ready : max;

    for (unsigned i = 0; i < n; i++) {
        struct io_uring_cqe cqe;

        uring_pop(&u->uring, &cqe);
        done[i] = io_uring_cqe_get_data(&cqe);
        engine_finish(done[i], cqe.res);
    }
    return n;
}

static int wait_for(struct engine *e, struct uring_engine *u, unsigned count, uint64_t until_ns)
{
    if (!e->config.two_threads)
        return uring_wait(&u->uring, count, clock_left_ns(until_ns));
    e->reaping->syscalls[SYSCALL_io_uring_enter]++;
    return uring_wait_only(&u->uring, count, clock_left_ns(until_ns));
}

/* Completions that the kernel holds back until it is asked for them; a polled ring's are all so. */
static bool held_back(const struct uring_engine *u)
{
    return u->iopoll || uring_holds_back(&u->uring);
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    struct uring_engine *u = e->state;
    unsigned n = take(u, done, max);

    if (n == 0 && min == 0 && held_back(u)) {
        e->reaping->syscalls[SYSCALL_io_uring_enter]++;
        io_uring_get_events(&u->uring.ring);
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
    struct uring_engine *u = e->state;

    if (u && u->open)
        uring_close(&u->uring);
    free(u);
}

static const struct feature features[] = {
    {"registered_files", REGISTERED_FILES, FEATURE_USUAL, "the kernel looks no file up"},
    {"registered_buffers", REGISTERED_BUFFERS, FEATURE_USUAL, "the kernel maps no buffer anew"},
    {"registered_ring", REGISTERED_RING, FEATURE_USUAL, "the kernel does not look the ring up"},
    URING_SETUP_ROWS,
    {"sqpoll", SQPOLL, FEATURE_ASKED, "a kernel thread takes submissions"},
    {"iopoll", IOPOLL, FEATURE_ASKED, "the device is polled for completions"},
    {0},
};

/* Without O_NONBLOCK the kernel passes reads on tmpfs to helper threads. */
const struct file_engine engine_uring = {
    .backend = {.name = "io_uring",
                .summary = "submission and completion rings, registered files and buffers",
                .features = features,
                .probe = probe},
    .wants_nonblock = true,
    .reads_first = reads_first,
    .most_depth = 32768,
    .two_threads = true,
    .open = open_uring,
    .submit = submit,
    .reap = reap,
    .close = close_uring,
};
