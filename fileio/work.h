/*
 * work: what each worker does, from filling its files to its last completion.
 */
#ifndef IOBENCH_FILEIO_WORK_H
#define IOBENCH_FILEIO_WORK_H

#include "common/host/os.h"
#include "common/measure/crew.h"
#include "common/measure/pace.h"
#include "fileio/files.h"
#include "fileio/gate.h"
#include "fileio/plan.h"
#include "fileio/tally.h"
#include "fileio/tuner.h"

struct run;

/* An operation with what the worker knows about it. */
struct task {
    struct file_op op;
    uint64_t due_ns;     /* the schedule intended it (open loop) */
    uint64_t carried_ns; /* service time of parts already moved, of a short transfer */
    uint64_t block;
    uint32_t moved; /* bytes of parts already moved */
    uint32_t generation;
};

/* The first operation that went wrong. */
struct failure {
    int err; /* 0: none; else -errno, or -EBADMSG for what verdict says */
    enum tally_error kind;
    uint8_t op_kind;
    unsigned file;
    uint64_t offset;
};

struct file_worker {
    struct run *run;
    unsigned index, first_file;
    struct engine engine;
    struct offsets pattern;
    struct rng rng;
    struct pace pace;
    struct tuner tuner;

    struct task *tasks;
    struct task **free; /* not in use */
    unsigned free_count;
    struct file_op **again; /* in use, to be handed over before new ones */
    unsigned again_count;
    struct file_op **out, **done; /* a batch on its way there and back */
    unsigned in_flight, batch, reap_min;
    unsigned until_sample; /* submissions */

    uint64_t left;                           /* operations to start */
    bool paced, checks;                      /* open loop; --verify */
    bool combines;                           /* a submission may sleep for completions as well */
    bool measuring;                          /* the window has begun */
    bool closed;                             /* nothing new is begun */
    uint64_t now_ns;                         /* the last reading of the clock */
    uint64_t window_start_ns, window_end_ns; /* end: CLOCK_NEVER_NS until it is known */
    uint64_t finished_ns;

    uint32_t *generations; /* --verify: by block; the top bit says that it is in use */
    uint64_t *unsynced;    /* by file: writes since the last fsync */

    struct tally tally;
    struct failure failure;
    struct os_cpu_time cpu_start, cpu_end; /* of the process, at the window's ends */
    struct traffic submit_start, reap_start, submit_end, reap_end;
    atomic_uint_fast64_t series_operations, series_submits, series_submitted, series_errors;
    char why[256]; /* set-up failed */
    int setup_err;
};

struct run {
    const struct file_config *config;
    struct plan plan;
    const struct file_engine *type;
    struct crew crew;
    struct file_worker *workers;
    struct files files;
    struct split *split; /* NULL: inline */
    char *buffers;       /* depth slices for each worker */
    size_t buffers_bytes, slice_bytes;
    atomic_bool stop;
    atomic_uint_fast64_t window_start_ns; /* 0: not yet known */
    atomic_uint arrived; /* at the meeting points between the phases, all counted */
    struct gate meeting;
    uint64_t resident_before, resident_after, pages; /* of the files, in the page cache */
    bool resident_known;
    struct engine sample; /* worker 0's or the context's, for its features; closed */
};

/* Memory for all workers. 0 or -errno. */
int work_init(struct run *run);
void work_free(struct run *run);

/* The body of a worker's thread. 0 or -errno. */
int work_body(struct worker *w);

#endif
