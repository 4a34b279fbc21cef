#include "client/window.h"

#include "common/base/clock.h"

/* How long a closed loop waits for the last replies, which it does not record. */
#define DRAIN_NS NS_PER_S

/*
 * The planned length of the window, shared by all threads, has this bit set as soon as the first of
 * them has come to its end: from then on it is the end for all. Threads ask only there, so that a
 * window that may be lengthened costs no more than another.
 */
#define SETTLED (1ULL << 63)

void window_set_length(struct run *run)
{
    atomic_store(&run->window, run->config->duration_ns);
}

uint64_t window_planned_ns(const struct run *run)
{
    uint64_t length_ns = atomic_load(&run->window) & ~SETTLED;

    return length_ns ? length_ns : CLOCK_NEVER_NS;
}

bool window_lengthen(struct run *run, uint64_t length_ns)
{
    uint64_t planned_ns = window_planned_ns(run);

    return atomic_compare_exchange_strong(&run->window, &planned_ns, length_ns);
}

/* At the end as this thread knows it: true when it stays there, else the new one is noted. */
static bool settle_end(struct flight *f)
{
    uint64_t length = f->window_end_ns - f->window_start_ns, known = length;

    if (!atomic_compare_exchange_strong(&f->run->window, &length, length | SETTLED))
        length &= ~SETTLED;
    f->window_end_ns = f->window_start_ns + length;
    return length == known;
}

static void set_deadline(struct flight *f)
{
    uint64_t phase_end_ns = f->phase == PHASE_WARM_UP  ? f->window_start_ns
                            : f->phase == PHASE_WINDOW ? f->window_end_ns
                                                       : CLOCK_NEVER_NS;

    f->deadline_ns =
        f->phase == PHASE_WINDOW && f->ticks.end_ns < phase_end_ns ? f->ticks.end_ns : phase_end_ns;
}

static void publish_tick(struct flight *f)
{
    const struct stats *s = &f->worker->stats;

    ticks_publish(&f->ticks, s->requests, stats_errors_total(s));
    crew_tell(f->worker->crew);
}

static void begin_window(struct flight *f, const struct loop *l)
{
    struct stats *s = &f->worker->stats;

    f->phase = PHASE_WINDOW;
    f->measured = true;
    s->events_max = 0;
    f->at_start = *s;
    f->cpu_at_start = os_thread_cpu_time();
    f->idle_at_start_ns = l->spin.idle_ns;
    ticks_start(&f->ticks, f->window_start_ns, s->requests, stats_errors_total(s));
    if (f->config->rate && f->config->requests) {
        f->budget = f->quota;
    } else if (f->config->requests) {
        f->budget = f->quota > f->in_flight ? f->quota - f->in_flight : 0;
        f->last_request = s->requests + f->quota;
    }
}

static void end_window(struct flight *f, struct loop *l, uint64_t at_ns)
{
    f->phase = PHASE_DRAIN;
    f->window_end_ns = at_ns;
    f->at_end = f->worker->stats;
    f->cpu_at_end = os_thread_cpu_time();
    f->idle_at_end_ns = l->spin.idle_ns;
    f->unfinished = f->in_flight;
    f->drain_end_ns = clock_now_ns() + (f->config->rate ? f->config->timeout_ns : DRAIN_NS);
    for (struct conn *c = conn_next(&l->conns, NULL); c; c = conn_next(&l->conns, c))
        if (!c->connecting)
            fairness_add(&f->fairness, flight_conn(c)->requests, flight_conn(c)->in_flight > 0);
    ticks_end(&f->ticks, at_ns, f->at_end.requests, stats_errors_total(&f->at_end));
    crew_tell(f->worker->crew);
}

static void catch_up(struct flight *f, struct loop *l)
{
    while (f->now_ns >= f->deadline_ns) {
        if (f->phase == PHASE_WARM_UP)
            begin_window(f, l);
        else if (f->now_ns < f->window_end_ns || f->ticks.end_ns < f->window_end_ns)
            publish_tick(f);
        else if (settle_end(f))
            end_window(f, l, f->window_end_ns);
        set_deadline(f);
    }
}

void window_read_clock(struct flight *f, struct loop *l)
{
    f->now_ns = clock_now_ns();
    f->now_is_fresh = true;
    if (f->now_ns >= f->deadline_ns)
        catch_up(f, l);
}

void window_plan(struct flight *f, uint64_t start_ns)
{
    uint64_t length_ns = window_planned_ns(f->run);

    f->phase = PHASE_WARM_UP;
    f->window_start_ns = start_ns + f->config->warmup_ns;
    f->window_end_ns =
        length_ns == CLOCK_NEVER_NS ? CLOCK_NEVER_NS : f->window_start_ns + length_ns;
    set_deadline(f);
}

void window_cut(struct flight *f, struct loop *l)
{
    if (f->phase == PHASE_WARM_UP)
        begin_window(f, l);
    end_window(f, l, f->now_ns > f->window_start_ns ? f->now_ns : f->window_start_ns);
    set_deadline(f);
}
