/*
 * The loop is in cycle(): gather, hand over, take back. The clock is read once per cycle, after
 * taking back; that moment ends the operations that came back and begins those handed over next.
 * (More often only where something slow lies between: composing blocks for --verify, or waiting
 * for the schedule.) Once in SAMPLE_EVERY submissions the submitting call is timed apart.
 */
#include "fileio/work.h"

#include "common/base/clock.h"
#include "fileio/block.h"

#include "fileio/split.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SAMPLE_EVERY = 64, SLICE_ALIGN = 512, HUGE_PAGE = 2 << 20 };

#define IN_USE    0x80000000U
#define LOOK_NS   (50 * NS_PER_MS) /* how long a worker sleeps at most before it looks about */
#define UNLIMITED UINT64_MAX

static struct task *task_of(struct file_op *op)
{
    return (struct task *)op;
}

/* ---- the window ---- */

static void open_window(struct file_worker *w)
{
    w->measuring = true;
    w->cpu_start = os_process_cpu_time();
    w->submit_start = w->engine.submitting;
    w->reap_start = w->engine.reaping;
}

static void close_window(struct file_worker *w, uint64_t end_ns)
{
    if (w->closed)
        return;
    w->closed = true;
    w->left = 0;
    if (end_ns < w->window_end_ns)
        w->window_end_ns = end_ns;
    w->cpu_end = os_process_cpu_time();
    w->submit_end = w->engine.submitting;
    w->reap_end = w->engine.reaping;
}

static void mind_the_window(struct file_worker *w)
{
    if (!w->measuring && w->now_ns >= w->window_start_ns)
        open_window(w);
    if (w->now_ns >= w->window_end_ns || atomic_load_explicit(&w->run->stop, memory_order_relaxed))
        close_window(w, w->now_ns);
}

static bool in_window(const struct file_worker *w, const struct task *t)
{
    return t->op.start_ns >= w->window_start_ns && w->now_ns <= w->window_end_ns;
}

/* ---- beginning operations ---- */

static bool may_start(const struct file_worker *w)
{
    return w->left > 0 && w->free_count > 0 && (!w->paced || w->pace.due_ns <= w->now_ns);
}

/* Two operations on one block at a time would leave open what is to be read from it. */
static uint64_t choose_block(struct file_worker *w)
{
    uint64_t block = offsets_next(&w->pattern);

    if (w->checks) {
        while (w->generations[block] & IN_USE)
            block = block + 1 == w->run->plan.blocks ? 0 : block + 1;
        w->generations[block] |= IN_USE;
    }
    return block;
}

static void place(struct file_worker *w, struct task *t, uint64_t block)
{
    const struct plan *p = &w->run->plan;
    uint64_t file = 0, within = block;

    if (p->blocks > p->blocks_per_file) {
        file = block / p->blocks_per_file;
        within = block % p->blocks_per_file;
    }
    t->block = block;
    t->op.file = (uint16_t)(file + (p->split ? w->first_file : 0));
    t->op.offset = within * w->run->config->block_bytes;
    t->op.len = (uint32_t)w->run->config->block_bytes;
    t->moved = 0;
    t->carried_ns = 0;
}

static uint8_t choose_kind(struct file_worker *w)
{
    const struct plan *p = &w->run->plan;

    if (p->pairs || p->read_percent == 0)
        return FILE_WRITE;
    if (p->read_percent == 100)
        return FILE_READ;
    return rng_below(&w->rng, 100) < p->read_percent ? FILE_READ : FILE_WRITE;
}

static void compose(struct file_worker *w, struct task *t)
{
    t->generation = ((w->generations[t->block] & ~IN_USE) + 1) & ~IN_USE;
    block_fill(t->op.buf, t->op.len, w->index, t->block, t->generation);
}

static struct file_op *start_one(struct file_worker *w)
{
    struct task *t = w->free[--w->free_count];
    uint64_t urgent = w->run->config->priority_percent;

    place(w, t, choose_block(w));
    t->op.kind = choose_kind(w);
    if (urgent)
        t->op.priority = rng_below(&w->rng, 100) < urgent;
    if (w->checks && t->op.kind == FILE_WRITE)
        compose(w, t);
    t->due_ns = w->paced ? pace_take(&w->pace) : 0;
    if (w->measuring && w->left != UNLIMITED)
        w->left--;
    return &t->op;
}

static unsigned gather(struct file_worker *w)
{
    unsigned n = 0;

    while (n < w->batch && w->again_count > 0)
        w->out[n++] = w->again[--w->again_count];
    while (n < w->batch && may_start(w))
        w->out[n++] = start_one(w);
    return n;
}

/* ---- finishing operations ---- */

static void release(struct file_worker *w, struct task *t)
{
    if (w->checks)
        w->generations[t->block] &= ~IN_USE;
    w->free[w->free_count++] = t;
}

static void hand_over_again(struct file_worker *w, struct task *t, enum file_kind kind)
{
    if (w->closed) {
        release(w, t);
        return;
    }
    t->op.kind = (uint8_t)kind;
    t->due_ns = w->now_ns;
    w->again[w->again_count++] = &t->op;
}

/* The first fault ends the worker: nothing new is begun, what is in flight is awaited. */
static void fail(struct file_worker *w, struct task *t, int err, enum tally_error kind)
{
    w->tally.errors[kind]++;
    if (!w->failure.err) {
        w->failure = (struct failure){
            .err = err,
            .kind = kind,
            .op_kind = t->op.kind,
            .file = t->op.file + (w->run->plan.split ? 0 : w->first_file),
            .offset = t->op.offset,
        };
    }
    atomic_fetch_add_explicit(&w->series_errors, 1, memory_order_relaxed);
    close_window(w, w->now_ns);
    release(w, t);
}

static void record(struct file_worker *w, const struct task *t)
{
    struct moves *m = &w->tally.moves[t->op.kind == FILE_WRITE];
    uint64_t service_ns = w->now_ns - t->op.start_ns + t->carried_ns;

    m->operations++;
    m->bytes += w->run->config->block_bytes;
    hist_record(&m->service, service_ns);
    if (t->op.submitted_ns)
        hist_record(&m->complete, w->now_ns - t->op.submitted_ns);
    if (w->paced)
        hist_record(&m->response, w->now_ns - t->due_ns);
    if (w->run->config->priority_percent)
        hist_record(&w->tally.classes[t->op.priority], service_ns);
}

static bool sync_is_due(struct file_worker *w, const struct task *t)
{
    const struct plan *p = &w->run->plan;
    uint64_t *count = &w->unsynced[t->block / p->blocks_per_file];

    if (p->sync_every == 0 || ++*count < p->sync_every)
        return false;
    *count = 0;
    return true;
}

static void written(struct file_worker *w, struct task *t)
{
    const struct plan *p = &w->run->plan;

    if (w->checks)
        w->generations[t->block] = IN_USE | t->generation;
    if (sync_is_due(w, t))
        hand_over_again(w, t, p->sync == SYNC_FSYNC ? FILE_FSYNC : FILE_FDATASYNC);
    else if (p->pairs)
        hand_over_again(w, t, FILE_READ);
    else
        release(w, t);
}

static const enum tally_error verdict_errors[BLOCK_VERDICTS] = {
    [BLOCK_CORRUPT] = TALLY_corrupt,
    [BLOCK_MISPLACED] = TALLY_misplaced,
    [BLOCK_STALE] = TALLY_stale,
};

/* False when the block is not what it should be; the task is then dealt with. */
static bool block_is_good(struct file_worker *w, struct task *t)
{
    uint64_t bytes = w->run->config->block_bytes;
    enum block_verdict verdict =
        block_check(t->op.buf, bytes, w->index, t->block, w->generations[t->block] & ~IN_USE);

    if (verdict == BLOCK_GOOD) {
        w->tally.verified++;
        return true;
    }
    fail(w, t, -EBADMSG, verdict_errors[verdict]);
    return false;
}

/* Puts a task that moved in parts together again. */
static void make_whole(struct task *t)
{
    t->op.buf = (char *)t->op.buf - t->moved;
    t->op.offset -= t->moved;
    t->op.len += t->moved;
    t->moved = 0;
}

static void finish_move(struct file_worker *w, struct task *t)
{
    if (t->moved)
        make_whole(t);
    if (in_window(w, t))
        record(w, t);
    if (t->op.kind == FILE_WRITE)
        written(w, t);
    else if (!w->checks || block_is_good(w, t))
        release(w, t);
}

static void finish_sync(struct file_worker *w, struct task *t)
{
    if (in_window(w, t))
        hist_record(&w->tally.sync, w->now_ns - t->op.start_ns);
    if (w->run->plan.pairs)
        hand_over_again(w, t, FILE_READ);
    else
        release(w, t);
}

/* The kernel may move less than it was asked for; what it then says about the rest counts. */
static void go_on(struct file_worker *w, struct task *t)
{
    uint32_t part = (uint32_t)t->op.result;

    w->tally.moves[t->op.kind == FILE_WRITE].shorts++;
    t->op.buf = (char *)t->op.buf + part;
    t->op.offset += part;
    t->op.len -= part;
    t->moved += part;
    t->carried_ns += w->now_ns - t->op.start_ns;
    w->again[w->again_count++] = &t->op;
}

static void finish(struct file_worker *w, struct task *t)
{
    bool moves = t->op.kind == FILE_READ || t->op.kind == FILE_WRITE;

    if (t->op.result == (int32_t)t->op.len && moves) {
        finish_move(w, t);
        return;
    }
    if (t->op.result > 0 && moves) {
        go_on(w, t);
        return;
    }
    if (t->op.result >= 0 && !moves) {
        finish_sync(w, t);
        return;
    }
    if (t->moved)
        make_whole(t);
    if (t->op.result == 0)
        fail(w, t, -ENODATA, TALLY_end_of_file);
    else
        fail(w, t, t->op.result, tally_error_of(t->op.result));
}

/* ---- the loop ---- */

static void note_submit_time(struct file_worker *w, unsigned n)
{
    uint64_t returned_ns = clock_now_ns();

    hist_record(&w->tally.submit, returned_ns - w->now_ns);
    for (unsigned i = 0; i < n; i++)
        w->out[i]->submitted_ns = returned_ns;
}

/* What the engine has no room for goes over with the next batch. */
static void put_back(struct file_worker *w, unsigned from, unsigned n)
{
    while (n > from)
        w->again[w->again_count++] = w->out[--n];
}

static void hand_over(struct file_worker *w, unsigned n, unsigned wait)
{
    bool timed = w->engine.type->most_depth > 1 && w->until_sample-- == 0;
    unsigned at = 0;

    if (w->checks)
        w->now_ns = clock_now_ns();
    for (unsigned i = 0; i < n; i++) {
        w->out[i]->start_ns = w->now_ns;
        w->out[i]->submitted_ns = 0;
    }
    while (at < n) {
        int taken =
            engine_submit(&w->engine, w->out + at, n - at, timed || !w->combines ? 0 : wait);

        if (taken == -EAGAIN && w->in_flight > 0)
            break;
        if (taken > 0) {
            at += (unsigned)taken;
            w->in_flight += (unsigned)taken;
        } else {
            w->out[at]->result = taken;
            finish(w, task_of(w->out[at++]));
        }
    }
    put_back(w, at, n);
    if (timed) {
        w->until_sample = SAMPLE_EVERY - 1;
        note_submit_time(w, at);
    }
}

/* In an open loop a sleep for completions must not miss the moment when the next one is due. */
static uint64_t sleep_until(const struct file_worker *w)
{
    uint64_t until_ns = w->now_ns + LOOK_NS;

    if (!w->paced)
        return CLOCK_NEVER_NS;
    if (w->left > 0 && w->free_count > 0 && w->pace.due_ns < until_ns)
        until_ns = w->pace.due_ns;
    return !w->closed && w->window_end_ns < until_ns ? w->window_end_ns : until_ns;
}

static void spin(struct file_worker *w, int *got)
{
    uint64_t end_ns = w->now_ns + w->run->config->spin_ns;

    while (*got == 0 && clock_now_ns() < end_ns)
        *got = engine_reap(&w->engine, w->done, 0, w->run->plan.depth, CLOCK_NEVER_NS);
}

static void take_back(struct file_worker *w, unsigned min)
{
    unsigned most = w->run->plan.depth;
    int got = 0;

    if (min > w->in_flight)
        min = w->in_flight;
    if (w->run->config->spin_ns && min > 0 && !w->run->plan.split)
        spin(w, &got);
    if (got == 0)
        got = engine_reap(&w->engine, w->done, min, most, min ? sleep_until(w) : CLOCK_NEVER_NS);
    w->now_ns = clock_now_ns();
    if (got < 0) {
        w->setup_err = got;
        snprintf(w->why, sizeof w->why, "waiting for completions failed: %s", strerror(-got));
        close_window(w, w->now_ns);
        w->in_flight = 0; /* they cannot be had: the engine is broken */
        return;
    }
    w->in_flight -= (unsigned)got;
    for (int i = 0; i < got; i++)
        finish(w, task_of(w->done[i]));
}

/* Only an open loop has nothing to do for a while. */
static void sleep_till_due(struct file_worker *w)
{
    w->engine.reaping.calls[CALL_nanosleep]++;
    os_sleep_until(sleep_until(w));
    w->now_ns = clock_now_ns();
}

static void publish(struct file_worker *w)
{
    const struct moves *m = w->tally.moves;

    atomic_store_explicit(&w->series_operations,
                          m[TALLY_READ].operations + m[TALLY_WRITE].operations,
                          memory_order_relaxed);
    atomic_store_explicit(&w->series_submits, w->engine.submitting.batches, memory_order_relaxed);
    atomic_store_explicit(&w->series_submitted, w->engine.submitting.operations,
                          memory_order_relaxed);
}

/* How many completions to sleep for: none while there is something to be handed over. */
static unsigned worth_waiting_for(const struct file_worker *w)
{
    return w->again_count > 0 || may_start(w) ? 0 : w->reap_min;
}

static void cycle(struct file_worker *w)
{
    unsigned n = gather(w), min = worth_waiting_for(w);

    if (n)
        hand_over(w, n, min < w->in_flight + n ? min : w->in_flight + n);
    if (w->in_flight)
        take_back(w, min);
    else if (n == 0)
        sleep_till_due(w);
    mind_the_window(w);
    publish(w);
}

static void set_batch(struct file_worker *w, unsigned batch)
{
    w->batch = batch;
    w->reap_min = plan_reap_min(&w->run->plan, batch);
}

static void loop(struct file_worker *w)
{
    while (w->left > 0 || w->again_count > 0 || w->in_flight > 0) {
        cycle(w);
        if (w->run->plan.adaptive)
            set_batch(w, tuner_step(&w->tuner, w->engine.reaping.operations, w->now_ns));
    }
    close_window(w, w->now_ns);
    w->finished_ns = w->now_ns;
}

/* ---- before and after ---- */

/* Goes on when every worker has come here. */
static void meet(struct run *run)
{
    unsigned count = run->crew.count;
    unsigned goal = (atomic_fetch_add(&run->arrived, 1) / count + 1) * count;

    for (;;) {
        unsigned seen = gate_look(&run->meeting);

        if (atomic_load(&run->arrived) >= goal)
            break;
        gate_wait(&run->meeting, seen, 0, CLOCK_NEVER_NS);
    }
    gate_ring(&run->meeting);
}

static int fail_setup(struct file_worker *w, int err, const char *what)
{
    w->setup_err = err;
    snprintf(w->why, sizeof w->why, "%s: %s", what, strerror(-err));
    if (err != -EINTR)
        atomic_store(&w->run->stop, true);
    return err;
}

static void prepare_files(struct file_worker *w)
{
    struct run *run = w->run;
    int err = run->plan.fill ? files_fill(&run->files, w->index, &run->stop) : 0;

    if (err) {
        fail_setup(w, err, "the files could not be filled");
        return;
    }
    err = files_settle(&run->files, w->index);
    if (err)
        fail_setup(w, err, "the page cache could not be told to forget the files");
    if (w->checks && run->plan.whole)
        for (uint64_t i = 0; i < run->plan.blocks; i++)
            w->generations[i] = 1;
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
    };
}

static void open_split(struct file_worker *w)
{
    struct run *run = w->run;
    struct split_config config = {
        .type = run->type,
        .engine = engine_config_of(w),
        .users = run->crew.count,
        .budget = run->plan.batch * run->crew.count,
        .spin_ns = run->config->spin_ns,
    };
    int err;

    config.engine.depth = run->plan.depth * run->crew.count;
    if (config.engine.depth > DEPTH_MOST)
        config.engine.depth = DEPTH_MOST;
    config.engine.files = run->files.count;
    config.engine.buffers_bytes = run->buffers_bytes;
    err = split_open(&run->split, &config, w->why, sizeof w->why);
    if (err) {
        w->setup_err = err;
        atomic_store(&run->stop, true);
    }
}

static void open_engine(struct file_worker *w)
{
    struct run *run = w->run;
    struct engine_config config = engine_config_of(w);
    int err;

    if (run->plan.split && !run->split)
        return;
    err = engine_open(&w->engine, run->plan.split ? &engine_split : run->type, &config, w->why,
                      sizeof w->why);
    if (err) {
        w->setup_err = err;
        atomic_store(&run->stop, true);
    }
}

static void begin(struct file_worker *w)
{
    const struct file_config *c = w->run->config;

    w->now_ns = clock_now_ns();
    w->window_start_ns = w->now_ns + c->warmup_ns;
    w->window_end_ns = c->time_ns ? w->window_start_ns + c->time_ns : CLOCK_NEVER_NS;
    w->left = w->run->plan.ops;
    set_batch(w, w->run->plan.batch);
    if (w->paced) {
        /* */;
        pace_start(&w->pace, pace_arrivals_named(c->arrivals), c->rate, c->seed, w->index,
                   w->run->crew.count, w->now_ns);
    }
    if (w->run->plan.adaptive)
        tuner_begin(&w->tuner, w->run->plan.depth < BATCH_MOST ? w->run->plan.depth : BATCH_MOST,
                    w->now_ns);
    mind_the_window(w);
    atomic_store(&w->run->window_start_ns, w->window_start_ns);
}

/* Blocks that were written and not read back yet. */
static void verify_the_rest(struct file_worker *w)
{
    const struct plan *p = &w->run->plan;
    struct task *t = &w->tasks[0];

    if (!w->checks || p->pairs || p->read_percent == 100)
        return;
    for (uint64_t block = 0; block < p->blocks && !w->failure.err; block++) {
        ssize_t got;

        if (w->generations[block] == 0)
            continue;
        place(w, t, block);
        t->op.kind = FILE_READ;
        got = pread(w->run->files.fds[w->first_file + block / p->blocks_per_file], t->op.buf,
                    t->op.len, (off_t)t->op.offset);
        w->free_count = 0; /* fail() releases the one task */
        if (got < 0)
            fail(w, t, -errno, tally_error_of(-errno));
        else if (got < (ssize_t)t->op.len)
            fail(w, t, -ENODATA, TALLY_end_of_file);
        else
            block_is_good(w, t);
    }
}

static void measure_cache(struct run *run, uint64_t *resident)
{
    run->resident_known = files_resident(&run->files, resident, &run->pages) == 0;
}

int work_body(struct worker *crew_worker)
{
    struct file_worker *w = crew_worker->program;
    struct run *run = w->run;

    prepare_files(w);
    meet(run);
    if (w->index == 0)
        measure_cache(run, &run->resident_before);
    if (w->index == 0 && run->plan.split && !atomic_load(&run->stop))
        open_split(w);
    meet(run);
    if (!atomic_load(&run->stop))
        open_engine(w);
    meet(run);
    if (w->engine.type && !atomic_load(&run->stop)) {
        begin(w);
        loop(w);
        verify_the_rest(w);
    }
    meet(run);
    if (w->index == 0 && !w->setup_err)
        measure_cache(run, &run->resident_after);
    if (w->index == 0)
        run->sample = w->engine;
    engine_close(&w->engine);
    return w->setup_err == -EINTR ? 0 : w->setup_err;
}

/* ---- memory ---- */

static int map_buffers(struct run *run)
{
    size_t bytes = run->crew.count * run->plan.depth * run->slice_bytes;
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

static int init_tasks(struct file_worker *w)
{
    const struct plan *p = &w->run->plan;
    char *buf = w->run->buffers + w->index * p->depth * w->run->slice_bytes;

    w->tasks = aligned_alloc(64, (p->depth * sizeof *w->tasks + 63) / 64 * 64);
    w->free = calloc(p->depth, sizeof(void *));
    w->again = calloc(p->depth, sizeof(void *));
    w->out = calloc(p->depth, sizeof(void *));
    w->done = calloc(p->depth, sizeof(void *));
    w->unsynced = calloc(w->run->config->files, sizeof *w->unsynced);
    w->generations = w->checks ? calloc(p->blocks, sizeof *w->generations) : NULL;
    if (!w->tasks || !w->free || !w->again || !w->out || !w->done || !w->unsynced ||
        (w->checks && !w->generations))
        return -ENOMEM;
    for (unsigned i = p->depth; i-- > 0;) {
        memset(&w->tasks[i], 0, sizeof w->tasks[i]);
        w->tasks[i].op.buf = buf + i * w->run->slice_bytes;
        w->free[w->free_count++] = &w->tasks[i];
    }
    return 0;
}

static int init_worker(struct run *run, unsigned i)
{
    struct file_worker *w = &run->workers[i];
    const struct file_config *c = run->config;

    w->run = run;
    w->index = i;
    w->first_file = (unsigned)(i * c->files);
    w->paced = c->rate > 0;
    w->checks = c->verify;
    w->combines = !w->paced && !c->spin_ns;
    w->rng.state = c->seed + i * 2;
    offsets_init(&w->pattern, run->plan.pattern, run->plan.blocks, c->seed + i * 2 + 1);
    tally_init(&w->tally);
    run->crew.workers[i].program = w;
    return init_tasks(w);
}

int work_init(struct run *run)
{
    size_t bytes = run->crew.count * sizeof *run->workers;
    int err = gate_init(&run->meeting);

    if (err)
        return err;
    run->slice_bytes = (run->config->block_bytes + SLICE_ALIGN - 1) / SLICE_ALIGN * SLICE_ALIGN;
    if (run->slice_bytes < run->files.storage.align_bytes)
        run->slice_bytes = run->files.storage.align_bytes;
    run->workers = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!run->workers)
        return -ENOMEM;
    memset(run->workers, 0, bytes);
    err = map_buffers(run);
    for (unsigned i = 0; i < run->crew.count && !err; i++)
        err = init_worker(run, i);
    return err;
}

void work_free(struct run *run)
{
    for (unsigned i = 0; run->workers && i < run->crew.count; i++) {
        struct file_worker *w = &run->workers[i];

        free(w->tasks);
        free(w->free);
        free(w->again);
        free(w->out);
        free(w->done);
        free(w->unsynced);
        free(w->generations);
    }
    free(run->workers);
    if (run->buffers)
        munmap(run->buffers, run->buffers_bytes);
    gate_free(&run->meeting);
}
