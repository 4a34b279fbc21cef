#include "fileio/ops.h"

#include "fileio/verify.h"

#include <errno.h>

/* ---- beginning ---- */

void ops_place(struct file_worker *w, struct task *t, uint64_t block)
{
    const struct plan *p = w->plan;
    uint64_t file = 0, within = block;

    if (p->blocks > p->blocks_per_file) {
        file = block / p->blocks_per_file;
        within = block % p->blocks_per_file;
    }
    t->block = block;
    t->op.file = (uint16_t)(file + (p->split ? w->first_file : 0));
    t->op.offset = within * w->block_bytes;
    t->op.len = (uint32_t)w->block_bytes;
    t->moved = 0;
    t->service_ns = 0;
}

static uint8_t choose_kind(struct file_worker *w)
{
    const struct plan *p = w->plan;

    if (p->pairs || p->read_percent == 0)
        return FILE_WRITE;
    if (p->read_percent == 100)
        return FILE_READ;
    return rng_below(&w->rng, 100) < p->read_percent ? FILE_READ : FILE_WRITE;
}

/* What was due before a task became free had to wait for it. */
static uint64_t take_off_schedule(struct file_worker *w)
{
    struct meter *m = &w->meter;
    uint64_t due_ns = meter_begin(m, m->schedule.pace.due_ns < w->freed_ns);

    if (w->plan->pairs)
        meter_owe(m);
    return due_ns;
}

struct file_op *ops_begin(struct file_worker *w)
{
    struct task *t = w->free[--w->free_count];
    uint64_t block = offsets_next(&w->pattern);

    ops_place(w, t, w->checks ? verify_take(w, block) : block);
    t->op.kind = choose_kind(w);
    if (w->priority_percent)
        t->op.priority = rng_below(&w->rng, 100) < w->priority_percent;
    if (w->checks && t->op.kind == FILE_WRITE)
        verify_compose(w, t);
    t->due_ns = t->ready_ns = take_off_schedule(w);
    return &t->op;
}

/* ---- recording ---- */

static void record(struct file_worker *w, const struct task *t, bool write)
{
    struct meter *m = &w->meter;

    hist_record(&w->tally.service[write], t->service_ns);
    if (w->priority_percent)
        hist_record(&w->tally.classes[t->op.priority], t->service_ns);
    if (!m->open_loop)
        return;
    hist_record(&w->tally.response[write], w->meter.now_ns - t->ready_ns);
    if (!write || !w->plan->pairs)
        meter_record_response(m, t->due_ns);
}

/* Inlined: where it is called it is known which of the two it is (7 instructions of 427). */
static inline void complete(struct file_worker *w, const struct task *t, bool write)
{
    struct meter *m = &w->meter;
    struct stats *s = w->stats;

    *(write ? &s->writes : &s->reads) += 1;
    *(write ? &s->tx_bytes : &s->rx_bytes) += w->block_bytes;
    if (meter_counts(m, t->due_ns))
        record(w, t, write);
    else
        meter_record_unfinished(m, t->service_ns);
    meter_over(m);
}

/* ---- what follows ---- */

static void release(struct file_worker *w, struct task *t)
{
    if (w->checks)
        verify_release(w, t->block);
    if (w->free_count == 0)
        w->freed_ns = w->meter.now_ns;
    w->free[w->free_count++] = t;
}

/* After the window only what was due in it is gone on with. */
static bool goes_on(const struct file_worker *w, const struct task *t)
{
    const struct meter *m = &w->meter;

    return !w->ended && (m->phase < PHASE_DRAIN || meter_counts(m, t->due_ns));
}

static void hand_over_again(struct file_worker *w, struct task *t, enum file_kind kind)
{
    t->op.kind = (uint8_t)kind;
    w->again[w->again_count++] = &t->op;
}

static void finish_write(struct file_worker *w, struct task *t)
{
    complete(w, t, true);
    if (!w->plan->pairs) {
        release(w, t);
        return;
    }
    meter_follow(&w->meter, goes_on(w, t));
    if (goes_on(w, t)) {
        t->ready_ns = w->meter.now_ns;
        t->service_ns = 0;
        hand_over_again(w, t, FILE_READ);
    } else {
        release(w, t);
    }
}

static bool sync_is_due(struct file_worker *w, const struct task *t)
{
    const struct plan *p = w->plan;
    uint64_t *count = &w->unsynced[t->block / p->blocks_per_file];

    if (p->sync_every == 0 || ++*count < p->sync_every)
        return false;
    *count = 0;
    return goes_on(w, t);
}

/* ---- what went wrong ---- */

void ops_note_failure(struct file_worker *w, const struct task *t, int err, enum stats_error kind)
{
    w->stats->errors[kind]++;
    if (w->failure.err)
        return;
    w->failure = (struct failure){
        .err = err,
        .kind = kind,
        .op_kind = t->op.kind,
        .file = t->op.file + (w->plan->split ? 0 : w->first_file),
        .offset = t->op.offset,
    };
}

/* The first fault ends the worker: nothing new is begun, what is in flight is awaited. */
static void fail(struct file_worker *w, struct task *t, int err, enum stats_error kind)
{
    struct meter *m = &w->meter;

    ops_note_failure(w, t, err, kind);
    w->ended = true;
    m->in_flight--;
    if (w->plan->pairs && t->op.kind != FILE_READ)
        meter_follow(m, false);
    if (m->phase != PHASE_DRAIN)
        window_cut(m, m->now_ns);
    release(w, t);
}

/* ---- finishing ---- */

/* Puts a task that moved in parts together again. */
static void make_whole(struct task *t)
{
    t->op.buf = (char *)t->op.buf - t->moved;
    t->op.offset -= t->moved;
    t->op.len += t->moved;
    t->moved = 0;
}

static void finish_read(struct file_worker *w, struct task *t)
{
    enum stats_error kind = w->checks ? verify_check(w, t) : ERROR_KINDS;

    if (kind != ERROR_KINDS) {
        fail(w, t, -EBADMSG, kind);
        return;
    }
    complete(w, t, false);
    release(w, t);
}

static void finish_move(struct file_worker *w, struct task *t)
{
    struct meter *m = &w->meter;

    if (t->moved)
        make_whole(t);
    t->service_ns += m->now_ns - t->op.start_ns;
    if (t->op.submitted_ns && meter_counts(m, t->due_ns))
        hist_record(&w->tally.complete[t->op.kind == FILE_WRITE], m->now_ns - t->op.submitted_ns);
    if (t->op.kind == FILE_READ) {
        finish_read(w, t);
        return;
    }
    if (w->checks)
        verify_written(w, t);
    if (sync_is_due(w, t))
        hand_over_again(w, t, w->plan->sync == SYNC_FSYNC ? FILE_FSYNC : FILE_FDATASYNC);
    else
        finish_write(w, t);
}

static void finish_sync(struct file_worker *w, struct task *t)
{
    if (meter_counts(&w->meter, t->due_ns))
        hist_record(&w->tally.sync, w->meter.now_ns - t->op.start_ns);
    finish_write(w, t);
}

/* The kernel may move less than it was asked for; what it then says about the rest counts. */
static void go_on(struct file_worker *w, struct task *t)
{
    uint32_t part = (uint32_t)t->op.result;
    bool write = t->op.kind == FILE_WRITE;

    w->tally.shorts[write]++;
    w->stats->short_writes += write;
    t->op.buf = (char *)t->op.buf + part;
    t->op.offset += part;
    t->op.len -= part;
    t->moved += part;
    t->service_ns += w->meter.now_ns - t->op.start_ns;
    w->again[w->again_count++] = &t->op;
}

void ops_finish(struct file_worker *w, struct task *t)
{
    bool moves = file_op_moves(&t->op);

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
        fail(w, t, -ENODATA, ERROR_end_of_file);
    else
        fail(w, t, t->op.result, stats_file_error(-t->op.result));
}
