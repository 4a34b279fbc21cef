/*
 * run: what the workers of a run share, and the memory of them all.
 */
#ifndef IOBENCH_FILEIO_RUN_H
#define IOBENCH_FILEIO_RUN_H

#include "common/measure/drive.h"
#include "fileio/files.h"
#include "fileio/split.h"
#include "fileio/worker.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* For the workers, constant but for the atomics and what worker 0 does while all others wait. */
struct run {
    struct drive drive;
    const struct file_config *config;
    struct plan plan;
    const struct file_engine *type;
    struct file_worker *workers;
    struct files files;
    struct split *split; /* NULL: inline */
    char *buffers;       /* depth slices for each worker */
    size_t buffers_bytes, slice_bytes;
    atomic_uint opened, closed; /* workers whose window has begun, and is over */
    uint64_t resident_before, resident_after, pages; /* of the files, in the page cache */
    bool resident_known;
    struct engine sample; /* worker 0's, for its features; closed */
};

/*
 * Prepares the crew, the window and the memory of all workers for run->config, plan and files: 0 or
 * -errno. run_close() is to be called in either case.
 */
int run_open(struct run *run);
void run_close(struct run *run);

#endif
