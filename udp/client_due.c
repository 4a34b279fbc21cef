#include "udp/client.h"

#include "common/base/clock.h"

/* Clients begun before answers are looked at. */
enum { BEGUN_PER_ROUND = 64 };

/* A run over a number of messages ends when nothing came back for so many timeouts. */
#define SILENT_TIMEOUTS 5

/* Without a warm-up the first message is measured, so what costs time is done before the start. */
static void set_up(struct client_thread *t)
{
    if (!t->run->config->warmup_ns)
        client_read_drops(t);
    window_ready(&t->meter);
}

static uint64_t wait_for_start(struct client_thread *t)
{
    if (window_rest(&t->meter))
        return t->meter.now_ns;
    if (!window_started(&t->meter))
        return CLOCK_NEVER_NS;
    t->last_answer_ns = t->last_sent_ns = t->meter.now_ns;
    return t->meter.now_ns;
}

static void begin_clients(struct client_thread *t)
{
    for (int i = 0; i < BEGUN_PER_ROUND && t->begun < t->count; i++) {
        client_pump(t, t->begun++);
        window_move_on(&t->meter, t->meter.now_ns);
    }
}

/* Whether nothing has come back for so long that a number of messages would never be reached. */
static bool silent(const struct client_thread *t)
{
    uint64_t now_ns = t->meter.now_ns;

    return t->run->config->messages && now_ns > t->last_answer_ns &&
           now_ns - t->last_answer_ns > SILENT_TIMEOUTS * t->run->config->timeout_ns;
}

static void measure(struct client_thread *t)
{
    struct meter *m = &t->meter;

    if (m->now_ns >= client_drops_due_ns(t))
        client_read_drops(t);
    if (m->open_loop)
        client_run_schedule(t);
    else if (t->begun < t->count)
        begin_clients(t);
    client_check(t);
    if (m->phase == PHASE_WINDOW && client_all_accounted(t)) {
        window_cut(m, t->last_answer_ns);
    } else if (m->phase == PHASE_WINDOW && silent(t)) {
        t->gave_up = true;
        window_cut(m, m->now_ns);
    }
}

/*
 * What was due in the window is still sent after it, but only for as long as the drain has time
 * left to wait for the answer: an overload's backlog is given up.
 */
static bool may_send(const struct client_thread *t)
{
    const struct meter *m = &t->meter;

    return meter_more_due(m) &&
           (m->phase != PHASE_DRAIN || m->now_ns + t->run->config->timeout_ns <= m->drain_end_ns);
}

/* Whether every measured message has had its answer, be it late. */
static bool all_answered(const struct client_thread *t)
{
    uint64_t open = t->meter.in_flight;

    for (uint32_t i = 0; i < t->count && open == 0; i++)
        open += t->clients[i].seq.counts[1].lost - t->clients[i].seq.counts[1].late;
    return open == 0;
}

/* False when the drain is over. */
static bool drain(struct client_thread *t)
{
    if (may_send(t))
        client_run_schedule(t);
    client_check(t);
    return t->meter.now_ns < t->meter.drain_end_ns && (may_send(t) || !all_answered(t));
}

static uint64_t next_wake_ns(const struct client_thread *t)
{
    const struct meter *m = &t->meter;
    uint64_t wake_ns = t->next_check_ns;

    if (m->phase == PHASE_WARM_UP)
        wake_ns = client_least(wake_ns, client_drops_due_ns(t));
    if (may_send(t))
        wake_ns = client_least(wake_ns, m->schedule.pace.due_ns);
    if (!m->open_loop && m->phase != PHASE_DRAIN && t->begun < t->count)
        wake_ns = m->now_ns;
    return wake_ns;
}

bool client_due(struct udp_loop *l, uint64_t *wake_ns)
{
    struct client_thread *t = l->program;
    struct meter *m = &t->meter;

    window_read_clock(m);
    if (window_stopped(m) && m->phase != PHASE_DRAIN)
        return false;
    if (m->phase == PHASE_SET_UP)
        set_up(t);
    if (m->phase == PHASE_READY) {
        *wake_ns = wait_for_start(t);
        return true;
    }
    if (m->phase != PHASE_DRAIN)
        measure(t);
    if (m->phase == PHASE_DRAIN && !drain(t))
        return false;
    *wake_ns = next_wake_ns(t);
    return true;
}
