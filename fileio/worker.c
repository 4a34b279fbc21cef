#include "fileio/worker.h"

#include "fileio/cycle.h"
#include "fileio/readback.h"
#include "fileio/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- set-up --------------------------------------------------------------------------------- */

static bool stopped(const struct file_worker *w)
{
    return atomic_load(&w->run->drive.window.stop);
}

/* The others would wait for this worker: they are not to begin. */
static void refuse(struct file_worker *w, int err)
{
    w->setup_err = err;
    window_stop(&w->run->drive.window);
}

static void prepare_files(struct file_worker *w)
{
    struct run *run = w->run;
    const char *what = "the files could not be filled";
    int err = run->plan.fill ? files_fill(&run->files, w->index, &run->drive.window.stop) : 0;

    if (err == -EINTR)
        return;
    if (!err) {
        what = "the page cache could not be told to forget the files";
        err = files_prepare_cache(&run->files, w->index);
    }
    if (err) {
        snprintf(w->why, sizeof w->why, "%s: %s", what, strerror(-err));
        refuse(w, err);
    } else if (w->checks && run->plan.whole) {
        verify_filled(w);
    }
}

static struct engine_config engine_config_of(const struct file_worker *w)
{
    const struct run *run = w->run;
    const struct file_config *c = run->config;
    size_t bytes = run->plan.depth * run->slice_bytes;

    return (struct engine_config){
        .depth = run->plan.depth,
        .fds = run->files.fds + w->first_file,
        .files = (unsigned)c->files,
        .buffers = run->buffers + w->index * bytes,
        .buffers_bytes = bytes,
        .spins = c->spin_ns > 0,
        .split = run->split,
        .choice = run->plan.choice,
        .stats = w->stats,
    };
}

static void open_split(struct file_worker *w)
{
    struct run *run = w->run;
    unsigned users = run->drive.crew.count;
    struct split_config config = {
        .type = run->type,
        .engine = engine_config_of(w),
        .users = users,
        .budget = run->plan.batch * users,
        .spin_ns = run->config->spin_ns,
    };
    int err;

    config.engine.depth = run->plan.depth * users;
    if (config.engine.depth > DEPTH_MOST)
        config.engine.depth = DEPTH_MOST;
    config.engine.files = run->files.count;
    config.engine.buffers_bytes = run->buffers_bytes;
    config.engine.stats = NULL;
    err = split_open(&run->split, &config, w->why, sizeof w->why);
    if (err)
        refuse(w, err);
}

static void open_engine(struct file_worker *w)
{
    const struct run *run = w->run;
    struct engine_config config = engine_config_of(w);
    const struct file_engine *type = run->plan.split ? &engine_split : run->type;
    int err = engine_open(&w->engine, type, &config, w->why, sizeof w->why);

    if (err)
        refuse(w, err);
}

static void measure_cache(struct run *run, uint64_t *resident)
{
    run->resident_known = files_resident(&run->files, resident, &run->pages) == 0;
}

/* Three steps, each of which all workers have done before any goes on to the next. */
static void set_up(struct file_worker *w)
{
    struct run *run = w->run;

    prepare_files(w);
    worker_meet(w->meter.worker);
    if (w->index == 0)
        measure_cache(run, &run->resident_before);
    if (w->index == 0 && run->plan.split && !stopped(w))
        open_split(w);
    worker_meet(w->meter.worker);
    if (!stopped(w))
        open_engine(w);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* Not in the hot loop: there each operation is recorded once, by its kind. */
static void merge_kinds(struct file_worker *w)
{
    hist_merge(&w->meter.service, &w->tally.service[TALLY_READ]);
    hist_merge(&w->meter.service, &w->tally.service[TALLY_WRITE]);
}

static void measure(struct file_worker *w)
{
    struct meter *m = &w->meter;

    window_ready(m);
    if (!window_wait(m))
        return;
    cycle_run(w);
    window_done(m);
    merge_kinds(w);
    readback_rest(w);
}

int worker_body(struct meter *m)
{
    struct file_worker *w = file_worker(m);
    struct run *run = w->run;

    set_up(w);
    if (w->engine.type && !w->setup_err)
        measure(w);
    worker_meet(m->worker); /* the others may still use the split context, or its files */
    if (w->index == 0) {
        if (!w->setup_err)
            measure_cache(run, &run->resident_after);
        if (w->engine.type)
            run->plan.choice = w->engine.config.choice;
    }
    engine_close(&w->engine);
    return w->setup_err;
}
