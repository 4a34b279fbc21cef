#include "common/measure/window.h"

#include <errno.h>
#include <stdlib.h>

/* After a stop nobody waits longer than this for what is in flight. */
#define STOP_DRAIN_NS NS_PER_S

/*
 * The planned length of the window is shared by all threads. The first thread that comes to the
 * planned end sets this bit in it; from then on the length is final for all threads. While they
 * measure they read it at the planned end alone, so a window that may be lengthened costs no more
 * than another.
 */
#define FIXED (1ULL << 63)

/* ---- before and after ----------------------------------------------------------------------- */

int window_init(struct window *w, struct crew *crew, const struct window_plan *plan,
                const struct window_hooks *hooks)
{
    w->plan = *plan;
    w->hooks = *hooks;
    w->crew = crew;
    w->served = NULL;
    w->gated = false;
    atomic_init(&w->ready, 0);
    atomic_init(&w->start_ns, 0);
    atomic_init(&w->length, plan->duration_ns);
    atomic_init(&w->stop, false);
    w->meters = calloc(crew->count, sizeof(struct meter *));
    w->ticks = calloc(crew->count, sizeof(struct ticks *));
    return w->meters && w->ticks ? 0 : -ENOMEM;
}

void window_free(struct window *w)
{
    for (unsigned i = 0; w->meters && i < w->crew->count; i++)
        if (w->meters[i])
            ticks_free(&w->meters[i]->ticks);
    free(w->meters);
    free(w->ticks);
    w->meters = NULL;
    w->ticks = NULL;
}

int meter_init(struct meter *m, struct window *w, unsigned index)
{
    m->window = w;
    m->worker = &w->crew->workers[index];
    m->worker->program = m;
    m->open_loop = w->plan.rate != 0;
    m->budget = m->last_request = UINT64_MAX;
    m->deadline_ns = m->edges.end_ns = CLOCK_NEVER_NS;
    schedule_init(&m->schedule);
    hist_reset(&m->service);
    hist_reset(&m->response);
    hist_reset(&m->unfinished_service);
    w->meters[index] = m;
    w->ticks[index] = &m->ticks;
    return ticks_init(&m->ticks, w->plan.tick_ns);
}

/* ---- the planned end ------------------------------------------------------------------------ */

uint64_t window_planned_ns(const struct window *w)
{
    uint64_t length_ns = atomic_load(&w->length) & ~FIXED;

    return length_ns ? length_ns : CLOCK_NEVER_NS;
}

bool window_lengthen(struct window *w, uint64_t length_ns)
{
    uint64_t planned_ns = window_planned_ns(w);

    return atomic_compare_exchange_strong(&w->length, &planned_ns, length_ns);
}

/* At the end that this thread knows: true if it is now final; if not, the later end is noted. */
static bool fix_end(struct meter *m)
{
    uint64_t length = m->edges.end_ns - m->edges.start_ns, known = length;

    if (!atomic_compare_exchange_strong(&m->window->length, &length, length | FIXED))
        length &= ~FIXED;
    m->edges.end_ns = m->edges.start_ns + length;
    return length == known;
}

/* ---- the gate ------------------------------------------------------------------------------- */

static void set_deadline(struct meter *m)
{
    m->deadline_ns = CLOCK_NEVER_NS;
    if (m->phase == PHASE_WARM_UP)
        m->deadline_ns = m->edges.start_ns;
    else if (m->phase == PHASE_WINDOW)
        m->deadline_ns = m->ticks.end_ns < m->edges.end_ns ? m->ticks.end_ns : m->edges.end_ns;
}

void window_ready(struct meter *m)
{
    struct window *w = m->window;

    m->phase = PHASE_READY;
    if (atomic_fetch_add(&w->ready, 1) + 1 < w->crew->count)
        return;
    if (!w->gated)
        window_open_gate(w, clock_now_ns());
    crew_tell(w->crew);
}

bool window_all_ready(const struct window *w)
{
    return atomic_load(&w->ready) == w->crew->count;
}

void window_open_gate(struct window *w, uint64_t start_ns)
{
    atomic_store(&w->start_ns, start_ns);
    crew_wake_all(w->crew);
}

bool window_started(struct meter *m)
{
    const struct window_plan *plan = &m->window->plan;
    uint64_t start_ns = atomic_load(&m->window->start_ns);
    uint64_t length_ns = window_planned_ns(m->window);

    if (!start_ns)
        return false;
    m->phase = PHASE_WARM_UP;
    m->edges.start_ns = start_ns + plan->warmup_ns;
    m->edges.end_ns = length_ns == CLOCK_NEVER_NS ? CLOCK_NEVER_NS : m->edges.start_ns + length_ns;
    if (m->open_loop)
        schedule_start(&m->schedule, plan->arrivals, plan->rate, plan->seed, m->worker->index,
                       m->window->crew->count, start_ns);
    set_deadline(m);
    return true;
}

bool window_wait(struct meter *m)
{
    while (!window_started(m)) {
        if (atomic_load(&m->window->stop))
            return false;
        worker_sleep(m->worker);
    }
    return true;
}

bool window_rest(struct meter *m)
{
    struct window *w = m->window;
    bool slept = false;

    while (w->gated && !atomic_load(&w->start_ns) && !atomic_load(&w->stop)) {
        worker_sleep(m->worker);
        slept = true;
    }
    return slept;
}

/* ---- the edges ------------------------------------------------------------------------------ */

static void publish_tick(struct meter *m)
{
    ticks_publish(&m->ticks, tick_of(&m->worker->stats));
    crew_tell(m->window->crew);
}

/*
 * With a number of requests: the first to be completed in the window are those in flight now and
 * those owed after them, so a closed loop may begin that many fewer. An open loop counts the
 * requests that are due from now on, so it may begin them all.
 */
static void set_budget(struct meter *m)
{
    uint64_t owed = m->in_flight + m->owed;

    if (!m->window->plan.counts_requests)
        return;
    if (m->open_loop) {
        m->budget = m->quota;
        return;
    }
    m->budget = m->quota > owed ? m->quota - owed : 0;
    m->last_request = m->worker->stats.requests + m->quota;
}

/* One thread is enough: these clocks are not its own. */
static void read_served(struct meter *m, bool at_end)
{
    struct served *s = m->window->served;

    if (s && m->worker->index == 0)
        *(at_end ? &s->end : &s->start) = served_read(s);
}

static void begin_window(struct meter *m)
{
    struct stats *s = &m->worker->stats;

    m->phase = PHASE_WINDOW;
    m->measured = true;
    s->events_max = s->batched_max = 0;
    set_budget(m);
    if (m->window->hooks.opened)
        m->window->hooks.opened(m);
    account_read(&m->at_start, s);
    read_served(m, false);
    ticks_start(&m->ticks, m->edges.start_ns, tick_of(s));
}

static void read_end(struct meter *m, uint64_t at_ns)
{
    m->phase = PHASE_DRAIN;
    m->edges.end_ns = at_ns;
    account_read(&m->at_end, &m->worker->stats);
    read_served(m, true);
    m->unfinished = m->in_flight;
    m->drain_end_ns = clock_now_ns() + m->window->plan.drain_ns;
}

static void end_window(struct meter *m, uint64_t at_ns)
{
    read_end(m, at_ns);
    if (m->window->hooks.closing)
        m->window->hooks.closing(m);
    ticks_end(&m->ticks, at_ns, tick_of(&m->at_end.stats));
    crew_tell(m->window->crew);
}

void window_catch_up(struct meter *m)
{
    while (m->now_ns >= m->deadline_ns) {
        if (m->phase == PHASE_WARM_UP)
            begin_window(m);
        else if (m->now_ns < m->edges.end_ns || m->ticks.end_ns < m->edges.end_ns)
            publish_tick(m);
        else if (fix_end(m))
            end_window(m, m->edges.end_ns);
        set_deadline(m);
        if (m->phase == PHASE_WINDOW && m->last_request == m->worker->stats.requests)
            window_cut(m, m->edges.start_ns); /* this thread has no part of the requests */
    }
}

void window_cut(struct meter *m, uint64_t at_ns)
{
    if (m->phase == PHASE_WARM_UP)
        begin_window(m);
    end_window(m, at_ns > m->edges.start_ns ? at_ns : m->edges.start_ns);
    set_deadline(m);
}

/* ---- the end of a run ----------------------------------------------------------------------- */

void window_stop(struct window *w)
{
    atomic_store(&w->stop, true);
    crew_wake_all(w->crew);
}

bool window_stopped(struct meter *m)
{
    if (!atomic_load_explicit(&m->window->stop, memory_order_relaxed))
        return false;
    if (m->phase == PHASE_WINDOW)
        window_cut(m, m->now_ns);
    if (m->drain_end_ns > m->now_ns + STOP_DRAIN_NS)
        m->drain_end_ns = m->now_ns + STOP_DRAIN_NS;
    return true;
}

void window_done(struct meter *m)
{
    if (m->done_ns)
        return;
    m->done_ns = clock_now_ns();
    if (m->phase == PHASE_WINDOW) { /* its loop failed, and what the hook would look at is gone */
        read_end(m, m->now_ns);
        ticks_end(&m->ticks, m->now_ns, tick_of(&m->at_end.stats));
    }
    if (m->open_loop && m->measured)
        schedule_end(&m->schedule, &m->edges, m->done_ns, m->budget);
    atomic_store_explicit(&m->ticks.over, true, memory_order_release);
}

struct ticks_reader window_series(const struct window *w, uint64_t interval_ns)
{
    return (struct ticks_reader){
        .threads = w->ticks,
        .count = w->crew->count,
        .ticks_per_interval = (unsigned)(interval_ns / w->plan.tick_ns),
    };
}
