/*
 * The clock is read once per cycle, after taking back; that moment ends the operations that came
 * back and begins those handed over next. (More often only where something slow lies between:
 * composing blocks for --verify, or waiting for the schedule.) Once in SAMPLE_EVERY submissions the
 * submitting call is timed apart.
 */
#include "fileio/cycle.h"

#include "common/base/clock.h"
#include "common/host/os.h"
#include "common/measure/spin.h"
#include "fileio/ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE_EVERY = 64 };

#define LOOK_NS (50 * NS_PER_MS) /* how long a worker sleeps at most before it looks about */

/* ---- handing over --------------------------------------------------------------------------- */

static unsigned gather(struct file_worker *w)
{
    unsigned n = 0;

    while (n < w->batch && w->again_count > 0)
        w->out[n++] = w->again[--w->again_count];
    while (n < w->batch && ops_due(w))
        w->out[n++] = ops_begin(w);
    return n;
}

static void note_submit_time(struct file_worker *w, uint64_t start_ns, unsigned n)
{
    uint64_t returned_ns = clock_now_ns();

    if (w->meter.phase == PHASE_WINDOW)
        hist_record(&w->tally.submit, returned_ns - start_ns);
    for (unsigned i = 0; i < n; i++)
        w->out[i]->submitted_ns = returned_ns;
}

/* What the engine has no room for goes over with the next batch. */
static void put_back(struct file_worker *w, unsigned from, unsigned n)
{
    while (n > from)
        w->again[w->again_count++] = w->out[--n];
}

/* Returns how many the engine took, or refused for good. */
static unsigned submit(struct file_worker *w, unsigned n, unsigned wait)
{
    unsigned at = 0;

    while (at < n) {
        int taken = engine_submit(&w->engine, w->out + at, n - at, wait);

        if (taken == -EAGAIN && w->in_flight > 0)
            break;
        if (taken > 0) {
            at += (unsigned)taken;
            w->in_flight += (unsigned)taken;
        } else {
            w->out[at]->result = taken;
            ops_finish(w, ops_task(w->out[at++]));
        }
    }
    return at;
}

static void hand_over(struct file_worker *w, unsigned n, unsigned wait)
{
    bool timed = w->samples && w->until_sample-- == 0;
    uint64_t start_ns = w->checks ? clock_now_ns() : w->meter.now_ns;
    unsigned taken;

    for (unsigned i = 0; i < n; i++) {
        w->out[i]->start_ns = start_ns;
        w->out[i]->submitted_ns = 0;
    }
    taken = submit(w, n, timed || !w->combines ? 0 : wait);
    put_back(w, taken, n);
    if (timed) {
        w->until_sample = SAMPLE_EVERY - 1;
        note_submit_time(w, start_ns, taken);
    }
}

/* ---- taking back ---------------------------------------------------------------------------- */

/* In an open loop a sleep for completions must not miss the moment when the next one is due. */
static uint64_t sleep_until(const struct file_worker *w)
{
    const struct meter *m = &w->meter;
    uint64_t until_ns = m->now_ns + LOOK_NS;

    if (w->free_count > 0 && !w->ended && meter_more_due(m) && m->schedule.pace.due_ns < until_ns)
        until_ns = m->schedule.pace.due_ns;
    return m->deadline_ns < until_ns ? m->deadline_ns : until_ns;
}

static uint64_t wait_until(const struct file_worker *w)
{
    return w->meter.open_loop ? sleep_until(w) : CLOCK_NEVER_NS;
}

static int look(struct file_worker *w)
{
    struct spin spin = {.look_ns = w->run->config->spin_ns, .stats = w->stats};
    struct spin_wait wait = {0};
    uint64_t until_ns = wait_until(w);
    int got = 0;

    while (got == 0 && spin_look(&spin, &wait, until_ns))
        got = engine_reap(&w->engine, w->done, 0, w->plan->depth, CLOCK_NEVER_NS);
    return got;
}

/* The engine broke: what is in flight will never come back. */
static void give_up(struct file_worker *w, int err)
{
    struct meter *m = &w->meter;

    w->setup_err = err;
    snprintf(w->why, sizeof w->why, "waiting for completions failed: %s", strerror(-err));
    w->ended = true;
    w->in_flight = w->again_count = 0;
    if (m->phase != PHASE_DRAIN)
        window_cut(m, m->now_ns);
}

/* The operations that came back are over; those begun next must not bear this. */
static void compute(struct file_worker *w, unsigned done)
{
    uint64_t now_ns = work_do(&w->work, done);

    if (now_ns)
        window_move_on(&w->meter, now_ns);
}

static void take_back(struct file_worker *w, unsigned min)
{
    int got = 0;

    if (min > w->in_flight)
        min = w->in_flight;
    if (w->looks && min > 0)
        got = look(w);
    if (got == 0)
        got = engine_reap(&w->engine, w->done, min, w->plan->depth,
                          min ? wait_until(w) : CLOCK_NEVER_NS);
    window_read_clock(&w->meter);
    if (got < 0) {
        give_up(w, got);
        return;
    }
    w->in_flight -= (unsigned)got;
    for (int i = 0; i < got; i++)
        ops_finish(w, ops_task(w->done[i]));
    if (w->work.each_ns)
        compute(w, (unsigned)got);
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* Only an open loop has nothing to do for a while. */
static void sleep_till_due(struct file_worker *w)
{
    w->stats->syscalls[SYSCALL_nanosleep]++;
    os_sleep_until(sleep_until(w));
    window_read_clock(&w->meter);
}

/* How many completions to sleep for: none while there is something to be handed over. */
static unsigned worth_waiting_for(const struct file_worker *w)
{
    return w->again_count > 0 || ops_due(w) ? 0 : w->reap_min;
}

static void cycle(struct file_worker *w)
{
    struct meter *m = &w->meter;
    unsigned n = gather(w), min = worth_waiting_for(w);

    if (n)
        hand_over(w, n, min < w->in_flight + n ? min : w->in_flight + n);
    if (w->in_flight)
        take_back(w, min);
    else if (n == 0)
        sleep_till_due(w);
    if (window_stopped(m) && m->phase < PHASE_WINDOW)
        w->ended = true;
    if (m->phase == PHASE_DRAIN && m->now_ns >= m->drain_end_ns)
        w->ended = true;
}

/* Whether there will be something to begin, now or later. */
static bool goes_on(const struct file_worker *w)
{
    const struct meter *m = &w->meter;

    if (w->ended)
        return false;
    return m->phase < PHASE_DRAIN ? m->budget > 0 : meter_more_due(m);
}

static void set_batch(struct file_worker *w, unsigned batch)
{
    w->batch = batch;
    w->reap_min = plan_reap_min(w->plan, batch);
}

void cycle_run(struct file_worker *w)
{
    struct meter *m = &w->meter;
    unsigned most = w->plan->depth < BATCH_MOST ? w->plan->depth : BATCH_MOST;

    set_batch(w, w->plan->batch);
    window_read_clock(m);
    if (w->plan->adaptive)
        tuner_begin(&w->tuner, most, m->now_ns);
    while (goes_on(w) || w->again_count > 0 || w->in_flight > 0) {
        cycle(w);
        if (w->plan->adaptive)
            set_batch(w, tuner_step(&w->tuner, w->stats->events, m->now_ns));
    }
    if (m->phase == PHASE_WINDOW)
        window_cut(m, m->now_ns);
}
