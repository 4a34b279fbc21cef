/*
 * engine_libaio: the kernel's native asynchronous I/O.
 *
 * Finished operations lie in a ring that the kernel maps into the process; taking them from there
 * needs no system call. Its layout is not in the library's header, but it is the kernel's promise
 * to user space (fs/aio.c, struct aio_ring), guarded by a magic number. Who asks for it, or has a
 * kernel without such a ring, reaps with io_getevents() instead; the eventfd way sleeps in poll()
 * on a descriptor that the kernel signals, as programs with an event loop do.
 *
 * The kernel copies an iocb when it is submitted, so one array of them serves every batch.
 */
#include "common/base/clock.h"
#include "fileio/engine.h"

#include <errno.h>
#include <libaio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BATCH_MAX = 256, RING_MAGIC = 0xa10a10a1U };

enum { USER_REAP = 1 };
enum { KEY_NOTIFY };

struct ring {
    unsigned id, slots, head, tail, magic, compat, incompat, header_bytes;
    struct io_event events[];
};

struct aio {
    io_context_t context;
    struct ring *ring; /* NULL: reaped with io_getevents() */
    int event_fd;      /* -1: none */
    struct iocb iocbs[BATCH_MAX];
    struct iocb *pointers[BATCH_MAX];
    struct io_event events[BATCH_MAX];
};

static int probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    const struct engine_work *work = about;
    io_context_t context = NULL;
    int err = io_setup((int)work->depth, &context);

    (void)c;

    if (err)
        snprintf(why, why_cap, "io_setup for %u operations: %s%s", work->depth, strerror(-err),
                 err == -EAGAIN ? " (see /proc/sys/fs/aio-max-nr)" : "");
    else
        io_destroy(context);
    return err ? -ENOTSUP : 0;
}

static struct ring *usable_ring(io_context_t context)
{
    struct ring *ring = (struct ring *)context;

    return ring->magic == (unsigned)RING_MAGIC && ring->incompat == 0 &&
                   ring->header_bytes == sizeof *ring
               ? ring
               : NULL;
}

static int open_notice(struct engine *e, struct aio *a)
{
    struct choice *c = &e->config.choice;
    uint64_t notify = choice_value(c, KEY_NOTIFY, NOTIFY_RING);
    struct ring *ring = usable_ring(a->context);
    const char *why_not = notify == NOTIFY_GETEVENTS ? "notify=getevents"
                          : ring                     ? NULL
                                 : "the kernel's completion ring has another layout";

    if (choice_feature(c, USER_REAP, why_not))
        a->ring = ring;
    if (notify == NOTIFY_EVENTFD) {
        a->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (a->event_fd < 0)
            return -errno;
    }
    return 0;
}

static int open_libaio(struct engine *e, char *why, size_t why_cap)
{
    struct aio *a = calloc(1, sizeof *a);
    int err;

    e->state = a;
    if (!a)
        return -ENOMEM;
    a->event_fd = -1;
    for (unsigned i = 0; i < BATCH_MAX; i++)
        a->pointers[i] = &a->iocbs[i];
    err = io_setup((int)e->config.depth + 1, &a->context);
    if (!err)
        err = open_notice(e, a);
    if (err)
        snprintf(why, why_cap, "libaio could not be set up: %s", strerror(-err));
    return err;
}

static void fill(struct iocb *iocb, struct file_op *op, const struct engine *e, int event_fd)
{
    static const short opcodes[] = {
        [FILE_READ] = IO_CMD_PREAD,
        [FILE_WRITE] = IO_CMD_PWRITE,
        [FILE_FSYNC] = IO_CMD_FSYNC,
        [FILE_FDATASYNC] = IO_CMD_FDSYNC,
    };
    bool moves = file_op_moves(op);

    iocb->data = op;
    iocb->aio_lio_opcode = opcodes[op->kind];
    iocb->aio_fildes = e->config.fds[op->file];
    iocb->u.c.buf = moves ? op->buf : NULL;
    iocb->u.c.nbytes = moves ? op->len : 0;
    iocb->u.c.offset = moves ? (long long)op->offset : 0;
    if (event_fd >= 0)
        io_set_eventfd(iocb, event_fd);
    engine_part_with(op);
}

static int submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    struct aio *a = e->state;
    int taken;

    (void)wait;
    if (n > BATCH_MAX)
        n = BATCH_MAX;
    for (unsigned i = 0; i < n; i++)
        fill(&a->iocbs[i], ops[i], e, a->event_fd);
    do {
        e->submitting->syscalls[SYSCALL_io_submit]++;
        taken = io_submit(a->context, n, a->pointers);
    } while (taken == -EINTR);
    return taken ? taken : -EAGAIN;
}

static struct file_op *finish(const struct io_event *event)
{
    struct file_op *op = event->data;

    engine_finish(op, (int32_t)event->res);
    return op;
}

/* The kernel moves the tail, we the head; both wrap at the number of slots. */
static unsigned reap_ring(struct ring *ring, struct file_op **done, unsigned max)
{
    unsigned head = ring->head;
    unsigned tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    unsigned n = 0;

    for (; n < max && head != tail; n++) {
        done[n] = finish(&ring->events[head]);
        head = head + 1 == ring->slots ? 0 : head + 1;
    }
    if (n)
        __atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
    return n;
}

static int get_events(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                      uint64_t until_ns)
{
    struct aio *a = e->state;
    bool limited = until_ns != CLOCK_NEVER_NS;
    struct timespec left = limited ? clock_left(until_ns) : (struct timespec){0};
    int got;

    if (max > BATCH_MAX)
        max = BATCH_MAX;
    if (min > max)
        min = max;
    e->reaping->syscalls[SYSCALL_io_getevents]++;
    got = io_getevents(a->context, min, max, a->events, limited ? &left : NULL);
    for (int i = 0; i < got; i++)
        done[i] = finish(&a->events[i]);
    return got == -EINTR ? 0 : got;
}

/* Sleeps until the kernel has signalled at least one completion since the last time. */
static int await_notice(struct engine *e, int event_fd, uint64_t until_ns)
{
    struct pollfd notice = {.fd = event_fd, .events = POLLIN};
    struct timespec left = clock_left(until_ns);
    eventfd_t count;

    e->reaping->syscalls[SYSCALL_poll]++;
    if (ppoll(&notice, 1, until_ns == CLOCK_NEVER_NS ? NULL : &left, NULL) <= 0)
        return 0;
    e->reaping->syscalls[SYSCALL_read]++;
    return eventfd_read(event_fd, &count) ? -errno : 0;
}

/* What is finished by now, without sleeping. */
static int reap_now(struct engine *e, struct file_op **done, unsigned max)
{
    struct aio *a = e->state;

    return a->ring ? (int)reap_ring(a->ring, done, max) : get_events(e, done, 0, max, 0);
}

/* Sleeps for completions, of which some may then be in done[]. */
static int sleep_for(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                     uint64_t until_ns)
{
    struct aio *a = e->state;

    if (a->event_fd >= 0)
        return await_notice(e, a->event_fd, until_ns);
    return get_events(e, done, min, max, until_ns);
}

static int reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns)
{
    struct aio *a = e->state;
    unsigned n = 0;
    int got = 0;

    if (a->ring || a->event_fd >= 0 || min == 0)
        got = reap_now(e, done, max);
    while (got >= 0) {
        n += (unsigned)got;
        if (n >= min || (until_ns != CLOCK_NEVER_NS && clock_now_ns() >= until_ns))
            return (int)n;
        got = sleep_for(e, done + n, min - n, max - n, until_ns);
        if (got == 0)
            got = reap_now(e, done + n, max - n);
    }
    return n ? (int)n : got;
}

static void close_libaio(struct engine *e)
{
    struct aio *a = e->state;

    if (!a)
        return;
    if (a->context)
        io_destroy(a->context);
    if (a->event_fd >= 0)
        close(a->event_fd);
    free(a);
}

static const struct feature features[] = {
    {"user_reap", USER_REAP, FEATURE_USUAL, "completions are taken from the kernel's ring"},
    {0},
};

static const struct feature_key keys[] = {
    [KEY_NOTIFY] = {"notify", 0, 0, engine_notify_names, "how it learns of completions"},
    {0},
};

const struct file_engine engine_libaio = {
    .backend = {.name = "libaio",
                .summary = "io_submit; asynchronous with --direct on only",
                .features = features,
                .keys = keys,
                .probe = probe},
    .most_depth = UINT32_MAX,
    .two_threads = true,
    .open = open_libaio,
    .submit = submit,
    .reap = reap,
    .close = close_libaio,
};
