#include "udp/client_parts.h"

#include "common/base/clock.h"

/* Clients begun before answers are looked at. */
enum { KICKS_PER_ROUND = 64 };

/* How often losses are looked for; and how soon after a send that failed. */
#define CHECK_NS       (20 * NS_PER_MS)
#define CHECK_SOON_NS  NS_PER_MS
#define TIMEOUT_CHECKS 8 /* looks per timeout, at least */

/* A run over a number of messages ends when nothing came back for so many timeouts. */
#define SILENT_TIMEOUTS 5

/* Looks for losses, and lets clients go on whose sends failed or whose messages were lost. */
static void check(struct client_thread *t)
{
    uint64_t timeout_ns = t->run->config->timeout_ns;
    uint64_t next_ns = client_least(CHECK_NS, timeout_ns / TIMEOUT_CHECKS + 1);

    if (t->now_ns < t->next_check_ns)
        return;
    t->blocked = false;
    for (uint32_t i = 0; i < t->count; i++) {
        struct client_mark before = client_mark(&t->clients[i]);

        seq_expire(&t->clients[i].seq, t->now_ns, timeout_ns);
        client_settle(t, &t->clients[i], before);
        if (!client_open_loop(t) && i < t->kicked)
            client_pump(t, i);
    }
    t->next_check_ns = t->now_ns + (t->blocked ? client_least(next_ns, CHECK_SOON_NS) : next_ns);
}

/* The last thread to be ready fixes the start, and wakes the others. */
static void become_ready(struct client_thread *t)
{
    struct client_run *run = t->run;

    if (t->ready)
        return;
    t->ready = true;
    if (!run->config->warmup_ns)
        client_read_drops(t);
    if (atomic_fetch_add(&run->ready, 1) + 1 < run->crew.count)
        return;
    atomic_store(&run->start_ns, clock_now_ns());
    crew_wake_all(&run->crew);
    crew_tell(&run->crew);
}

static void start(struct client_thread *t, uint64_t start_ns)
{
    const struct udp_config *config = t->run->config;

    t->phase = PHASE_WARM_UP;
    t->window_start_ns = start_ns + config->warmup_ns;
    t->window_end_ns =
        config->duration_ns ? t->window_start_ns + config->duration_ns : CLOCK_NEVER_NS;
    t->last_answer_ns = t->last_sent_ns = start_ns;
    for (uint32_t i = 0; i < t->count; i++)
        t->clients[i].left = UINT64_MAX;
    if (client_open_loop(t))
        pace_start(&t->pace, t->run->arrivals, config->rate, config->seed, t->loop.worker->index,
                   t->run->crew.count, start_ns);
    client_set_deadline(t);
    client_read_clock(t);
}

static void kick(struct client_thread *t)
{
    for (int i = 0; i < KICKS_PER_ROUND && t->kicked < t->count; i++) {
        client_catch_up(t);
        client_pump(t, t->kicked++);
    }
}

/* Whether nothing has come back for so long that a number of messages would never be reached. */
static bool silent(const struct client_thread *t)
{
    return t->run->config->messages && t->now_ns > t->last_answer_ns &&
           t->now_ns - t->last_answer_ns > SILENT_TIMEOUTS * t->run->config->timeout_ns;
}

static uint64_t measure(struct client_thread *t)
{
    uint64_t wake_ns;

    if (client_open_loop(t))
        client_run_schedule(t);
    else if (t->kicked < t->count)
        kick(t);
    check(t);
    if (t->phase == PHASE_WINDOW && client_all_settled(t)) {
        client_end_window(t, t->last_answer_ns);
    } else if (t->phase == PHASE_WINDOW && silent(t)) {
        t->gave_up = true;
        client_end_window(t, t->now_ns);
    }
    wake_ns = client_least(t->next_check_ns, t->deadline_ns);
    if (t->kicked < t->count && !client_open_loop(t))
        wake_ns = t->now_ns;
    return client_open_loop(t) && client_scheduling(t) ? client_least(wake_ns, t->pace.due_ns)
                                                       : wake_ns;
}

/* Whether every measured message has had its answer, be it late. */
static bool all_answered(const struct client_thread *t)
{
    uint64_t open = t->in_flight;

    for (uint32_t i = 0; i < t->count && open == 0; i++)
        open += t->clients[i].seq.counts[1].lost - t->clients[i].seq.counts[1].late;
    return open == 0;
}

/* False when the drain is over. */
static bool drain(struct client_thread *t)
{
    check(t);
    if (t->now_ns < t->drain_end_ns && !all_answered(t))
        return true;
    t->done_ns = t->now_ns;
    return false;
}

bool client_due(struct udp_loop *l, uint64_t *wake_ns)
{
    struct client_thread *t = l->program;
    bool stop = atomic_load_explicit(&t->run->stop, memory_order_relaxed);
    uint64_t start_ns;

    client_read_clock(t);
    if (stop && t->phase == PHASE_WINDOW)
        client_end_window(t, t->now_ns);
    if (stop)
        return false;
    if (t->phase == PHASE_READY) {
        become_ready(t);
        start_ns = atomic_load(&t->run->start_ns);
        *wake_ns = start_ns ? t->now_ns : CLOCK_NEVER_NS;
        if (start_ns)
            start(t, start_ns);
        return true;
    }
    *wake_ns = t->phase == PHASE_DRAIN ? t->next_check_ns : measure(t);
    return t->phase != PHASE_DRAIN || drain(t);
}
