/*
 * engine: what moves blocks between files and memory, in batches.
 *
 * An engine is told of operations with submit() and hands them back, finished, with reap(). It is
 * called through pointers once per batch, not once per operation. It never decides what an
 * operation means: whether its result is a success, whether the rest of a short one is asked for
 * again and how long it took is the caller's affair.
 */
#ifndef IOBENCH_FILEIO_ENGINE_H
#define IOBENCH_FILEIO_ENGINE_H

#include "common/base/stats.h"
#include "common/choose/choice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum file_kind { FILE_READ, FILE_WRITE, FILE_FSYNC, FILE_FDATASYNC };

/* One cache line. The caller owns it and leaves it alone from submit() until reap() returns it. */
struct file_op {
    void *buf;
    uint64_t offset;
    uint64_t start_ns;     /* handed to the engine; the engine does not touch it */
    uint64_t submitted_ns; /* the call that handed it over returned; 0: not measured */
    uint32_t len;
    int32_t result;      /* bytes moved, or -errno */
    uint16_t file;       /* index into engine_config.fds */
    uint8_t kind;        /* enum file_kind */
    bool priority;       /* for the split context: before all others */
    _Atomic uint8_t hop; /* where a split context has it */
    struct file_op *next;
    void *owner; /* a split context's member */
};

static inline bool file_op_moves(const struct file_op *op)
{
    return op->kind == FILE_READ || op->kind == FILE_WRITE;
}

/* What a run will ask of an engine: for its probe. */
struct engine_work {
    unsigned depth;   /* most operations in flight */
    bool two_threads; /* one thread submits while another reaps */
    bool direct, reads, writes, syncs;
};

struct engine_config {
    unsigned depth; /* most operations in flight */
    const int *fds; /* -1: operations on it fail with -EBADF */
    unsigned files; /* number of fds */
    void *buffers;  /* every op's buf lies in here; NULL: nothing to register */
    size_t buffers_bytes;
    bool two_threads;     /* one thread submits while another reaps */
    bool spins;           /* reap() with min 0 is asked again and again for what is in flight */
    struct split *split;  /* what the engine "split" hands its operations to; else NULL */
    struct choice choice; /* of a struct file_engine; open() notes what it uses */
    struct stats *stats;  /* of a thread that both submits and reaps; NULL: see struct engine */
};

struct engine {
    const struct file_engine *type;
    struct engine_config config;
    void *state;
    struct stats *submitting, *reaping; /* where each side counts: config.stats, or `sides` */
    struct engine_side {
        _Alignas(64) struct stats stats;
    } sides[2]; /* each is written by one thread */
};

struct file_engine {
    struct backend backend; /* its probe() is told of a struct engine_work */
    unsigned most_depth;    /* operations that it can have in flight; 1: it blocks */
    bool two_threads;       /* can do engine_config.two_threads */
    bool pretends;          /* moves no data */
    bool wants_nonblock;    /* its files are to be opened with O_NONBLOCK */

    /* Whether open() reads from the first file, which must have its blocks then. NULL: never. */
    bool (*reads_first)(const struct choice *choice);

    /* In the thread that will submit. 0, or -errno and the reason in words. */
    int (*open)(struct engine *e, char *why, size_t why_cap);

    /*
     * Takes the first of the n > 0 operations: returns how many, at least one. -EAGAIN: no room,
     * reap first. Another -errno is the first operation's own failure: it was not taken and the
     * caller finishes it. `wait` is a promise: the caller reaps at least so many next, so an engine
     * may do both with one system call.
     */
    int (*submit)(struct engine *e, struct file_op **ops, unsigned n, unsigned wait);

    /*
     * Hands back up to max finished operations: at least min of them (which must be in flight),
     * unless until_ns (CLOCK_NEVER_NS: no limit) comes first. Returns how many, or -errno.
     */
    int (*reap)(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                uint64_t until_ns);

    /* With nothing in flight. Also after an open() that failed. */
    void (*close)(struct engine *e);
};

extern const struct file_engine engine_null, engine_sync, engine_threads, engine_libaio,
    engine_uring, engine_split;

/* Those of this platform, by preference; NULL-terminated. engine_table_linux.c and _darwin.c */
extern const struct backend *const engine_table[];

static inline const struct file_engine *engine_of(const struct choice *choice)
{
    return (const void *)choice->backend;
}

/* How libaio learns of completions, in the order of the words; for its key and its option. */
enum engine_notify { NOTIFY_RING, NOTIFY_GETEVENTS, NOTIFY_EVENTFD };
extern const char *const engine_notify_names[];

/*
 * Opens type with config; the engine is zeroed by the call. As file_engine.open; also -EOPNOTSUPP
 * when a feature that was insisted on cannot be had. It is to be closed also when this failed.
 */
int engine_open(struct engine *e, const struct file_engine *type,
                const struct engine_config *config, char *why, size_t why_cap);
void engine_close(struct engine *e);

/*
 * file_op.hop: who has an operation in a split context. It leaves WAITING once: the submitter makes
 * it FLYING or split_cancel() makes it CANCELLED, whichever comes first.
 */
enum { HOP_WAITING, HOP_CANCELLED, HOP_FLYING };

/*
 * For engines: called when they have read all they need of an operation that goes to the kernel,
 * and when its result has come back, perhaps to another thread. The kernel orders the two; this
 * pair says so in C11's terms, which do not know of the kernel.
 */
static inline void engine_part_with(struct file_op *op)
{
    atomic_store_explicit(&op->hop, HOP_FLYING, memory_order_release);
}

static inline void engine_finish(struct file_op *op, int32_t result)
{
    (void)atomic_load_explicit(&op->hop, memory_order_acquire);
    op->result = result;
}

static inline int engine_submit(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    int taken = e->type->submit(e, ops, n, wait);

    if (taken > 0)
        stats_submitted(e->submitting, (unsigned)taken);
    return taken;
}

static inline int engine_reap(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                              uint64_t until_ns)
{
    int got = e->type->reap(e, done, min, max, until_ns);

    if (got > 0)
        stats_waited(e->reaping, (unsigned)got);
    return got;
}

#endif
