/*
 * run: the workers of a run, what they share, and the memory of them all.
 *
 * A worker is a thread with files and an engine of its own, a workload of common/measure. In a
 * closed loop it keeps as many operations in flight as it may. In an open loop operations are due
 * by a schedule, whatever became of the others: one that finds no task free waits, in order, and
 * begins late; its response time counts from the moment it was due.
 *
 *     run.c           memory for all workers, before and after
 *     worker.c        a thread from filling its files to closing its engine
 *     cycle.c         the loop: gather, hand over, take back
 *     ops.c           operations begun and finished, and what is recorded of them
 *     verify.c        --verify: what is to be read from each block
 *     readback.c      --verify: blocks that were written and not read by the end
 */
#ifndef IOBENCH_FILEIO_RUN_H
#define IOBENCH_FILEIO_RUN_H

#include "common/base/rng.h"
#include "common/base/work.h"
#include "common/measure/drive.h"
#include "fileio/engine.h"
#include "fileio/files.h"
#include "fileio/offsets.h"
#include "fileio/plan.h"
#include "fileio/split.h"
#include "fileio/tally.h"
#include "fileio/tuner.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* An operation with what the worker knows about it. */
struct task {
    struct file_op op;
    uint64_t due_ns;     /* open loop: when the schedule meant it to begin; a pair: its write */
    uint64_t ready_ns;   /* ... when it could begin: as due, or for a pair's read after its write */
    uint64_t service_ns; /* of the parts moved so far */
    uint64_t block;
    uint32_t moved; /* bytes of parts already moved */
    uint32_t generation;
};

/* The first operation that went wrong. */
struct failure {
    int err; /* 0: none; else -errno, or -EBADMSG for what --verify found */
    enum stats_error kind;
    uint8_t op_kind;
    unsigned file;
    uint64_t offset;
};

/* One thread's part; its worker's program. Results are read after the thread was joined. */
struct file_worker {
    struct meter meter;
    struct run *run;
    const struct plan *plan; /* the run's */
    struct stats *stats;     /* the crew's, for this thread */
    uint64_t block_bytes;
    uint64_t priority_percent;
    unsigned index, first_file;
    struct engine engine;
    struct offsets pattern;
    struct rng rng;
    struct tuner tuner;
    struct work work; /* after each operation */

    struct task *tasks;
    struct task **free; /* not in use */
    unsigned free_count;
    struct file_op **again; /* in use, to be handed over before new ones */
    unsigned again_count;
    struct file_op **out, **done; /* a batch on its way there and back */
    unsigned in_flight;           /* in the engine */
    unsigned batch, reap_min;
    unsigned until_sample; /* submissions until one is timed */
    uint64_t freed_ns;     /* the moment since which a task has been free all the time */

    bool checks;   /* --verify */
    bool combines; /* a submission may sleep for completions as well */
    bool samples;  /* some submissions are timed apart: not of an engine that blocks */
    bool looks;    /* it looks for completions for a while before it sleeps */
    bool ended;    /* nothing new is begun */

    uint32_t *generations; /* --verify: see verify.c */
    uint64_t *unsynced;    /* by file: writes since the last fsync */

    struct tally tally;
    struct failure failure;
    char why[256]; /* set-up failed */
    int setup_err;
};

/* For the workers, constant but for the atomics and what worker 0 does while all others wait. */
struct run {
    struct drive drive;
    const struct file_config *config;
    struct plan plan; /* its choice is what worker 0 uses, once it has ended */
    const struct file_engine *type;
    struct file_worker *workers;
    struct files files;
    struct split *split; /* NULL: inline */
    char *buffers;       /* depth slices for each worker */
    size_t buffers_bytes, slice_bytes;
    atomic_uint opened, closed; /* workers whose window has begun, and is over */
    uint64_t resident_before, resident_after, pages; /* of the files, in the page cache */
    bool resident_known;
};

static inline struct file_worker *file_worker(struct meter *m)
{
    return (struct file_worker *)(void *)m;
}

/*
 * Prepares the crew and the window for run->config and plan: 0 or -errno. From then on a signal is
 * caught, and ends the run when it begins. run_close() is to be called in either case.
 */
int run_open(struct run *run);

/* Once run->files are there: the memory of all workers. 0 or -errno. */
int run_open_workers(struct run *run);
void run_close(struct run *run);

#endif
