#include "fileio/run.h"

#include "common/base/clock.h"
#include "common/measure/pace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SLICE_ALIGN = 512, HUGE_PAGE = 2 << 20 };

/* How long an open loop that is behind at the window's end goes on with what was due in it. */
#define DRAIN_NS (5 * NS_PER_S)

/* ---- memory --------------------------------------------------------------------------------- */

static int map_buffers(struct run *run)
{
    size_t bytes = run->drive.crew.count * run->plan.depth * run->slice_bytes;
    char *map;

    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return -errno;
    run->buffers = map;
    run->buffers_bytes = bytes;
    /* Data that a device cannot compress; and every page is there before anything is measured. */
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t))
        memcpy(map + i, &(uint64_t){i * 0x9e3779b97f4a7c15ULL}, sizeof(uint64_t));
    return 0;
}

static int open_tasks(struct file_worker *w)
{
    const struct run *run = w->run;
    unsigned depth = w->plan->depth;
    char *buf = run->buffers + w->index * depth * run->slice_bytes;

    w->tasks = aligned_alloc(64, (depth * sizeof *w->tasks + 63) / 64 * 64);
    w->free = calloc(depth, sizeof(void *));
    w->again = calloc(depth, sizeof(void *));
    w->out = calloc(depth, sizeof(void *));
    w->done = calloc(depth, sizeof(void *));
    w->unsynced = calloc(run->config->files, sizeof *w->unsynced);
    w->generations = w->checks ? calloc(w->plan->blocks, sizeof *w->generations) : NULL;
    if (!w->tasks || !w->free || !w->again || !w->out || !w->done || !w->unsynced ||
        (w->checks && !w->generations))
        return -ENOMEM;
    for (unsigned i = depth; i-- > 0;) {
        memset(&w->tasks[i], 0, sizeof w->tasks[i]);
        w->tasks[i].op.buf = buf + i * run->slice_bytes;
        w->free[w->free_count++] = &w->tasks[i];
    }
    return 0;
}

static int open_worker(struct run *run, unsigned i)
{
    struct file_worker *w = &run->workers[i];
    const struct file_config *c = run->config;
    int err;

    w->run = run;
    w->plan = &run->plan;
    w->stats = &run->drive.crew.workers[i].stats;
    w->block_bytes = c->block_bytes;
    w->work.each_ns = c->work_ns;
    w->priority_percent = c->priority_percent;
    w->index = i;
    w->first_file = (unsigned)(i * c->files);
    w->checks = c->verify;
    w->combines = c->rate == 0 && !c->spin_ns;
    w->samples = run->plan.split || run->type->most_depth > 1;
    w->looks = c->spin_ns && !run->plan.split;
    w->rng.state = c->seed + i * 2;
    offsets_init(&w->pattern, run->plan.pattern, run->plan.blocks, c->seed + i * 2 + 1);
    tally_init(&w->tally);
    err = meter_init(&w->meter, &run->drive.window, i);
    /* A closed loop counts what is completed; an open one what is due, where a pair is one. */
    w->meter.quota = run->plan.pairs && c->rate == 0 ? 2 * c->ops : c->ops;
    return err ? err : open_tasks(w);
}

static int open_all(struct run *run)
{
    unsigned count = run->drive.crew.count;
    size_t bytes = (count * sizeof *run->workers + 63) / 64 * 64;
    int err = 0;

    run->workers = aligned_alloc(64, bytes);
    if (!run->workers)
        return -ENOMEM;
    memset(run->workers, 0, bytes);
    for (unsigned i = 0; i < count && !err; i++)
        err = open_worker(run, i);
    return err;
}

/* ---- the window's edges --------------------------------------------------------------------- */

/* The window of a split context is that of all workers: from the first begin to the last end. */
static void opened(struct meter *m)
{
    struct run *run = file_worker(m)->run;

    if (atomic_fetch_add(&run->opened, 1) == 0 && run->split)
        split_mark(run->split, SPLIT_BEGUN);
}

static void closing(struct meter *m)
{
    struct run *run = file_worker(m)->run;

    if (atomic_fetch_add(&run->closed, 1) + 1 == run->drive.crew.count && run->split)
        split_mark(run->split, SPLIT_OVER);
}

/* ---- all of it ------------------------------------------------------------------------------ */

int run_open(struct run *run)
{
    const struct file_config *c = run->config;
    struct window_plan plan = {
        .warmup_ns = c->warmup_ns,
        .duration_ns = c->time_ns,
        .tick_ns = drive_tick_ns(c->interval_ns, c->time_ns),
        .drain_ns = DRAIN_NS,
        .rate = c->rate,
        .arrivals = pace_arrivals_named(c->arrivals),
        .seed = c->seed,
        .counts_requests = c->ops > 0,
    };

    run->drive.interval_ns = c->interval_ns;
    run->drive.owner = run;
    return drive_init(&run->drive, (unsigned)c->workers, &c->cpus, &plan,
                      &(struct window_hooks){opened, closing});
}

int run_open_workers(struct run *run)
{
    uint64_t block = run->config->block_bytes;
    int err;

    run->slice_bytes = (block + SLICE_ALIGN - 1) / SLICE_ALIGN * SLICE_ALIGN;
    if (run->slice_bytes < run->files.storage.align_bytes)
        run->slice_bytes = run->files.storage.align_bytes;
    err = map_buffers(run);
    return err ? err : open_all(run);
}

static void close_worker(struct file_worker *w)
{
    free(w->tasks);
    free(w->free);
    free(w->again);
    free(w->out);
    free(w->done);
    free(w->unsynced);
    free(w->generations);
}

void run_close(struct run *run)
{
    unsigned count = run->drive.crew.count;

    drive_free(&run->drive);
    for (unsigned i = 0; run->workers && i < count; i++)
        close_worker(&run->workers[i]);
    free(run->workers);
    if (run->buffers)
        munmap(run->buffers, run->buffers_bytes);
    if (run->split)
        split_free(run->split);
}
