/*
 * due: what a client's thread does of itself. Its loop asks each time round (next_due() in
 * common/loop/loop.h) until the answer is to wait.
 */
#include "client/connections.h"
#include "client/idle.h"
#include "client/requests.h"
#include "common/base/clock.h"

#include <limits.h>

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void wait_until(struct due *due, uint64_t wake_ns)
{
    due->kind = DUE_WAIT;
    due->wake_ns = wake_ns;
}

/* Gives an idle connection its requests, if any are due. */
static bool send_due(struct client_thread *t, struct due *due)
{
    idle_wake_thinkers(t);
    while (meter_request_due(&t->meter) && !TAILQ_EMPTY(&t->ready)) {
        struct client_conn *c = TAILQ_FIRST(&t->ready);

        if (requests_room(t, c)) {
            due->kind = DUE_SEND;
            due->conn = &c->base;
            due->out = requests_begin(t, c, t->meter.open_loop ? 1 : UINT_MAX);
            return true;
        }
        idle_end(t, c);
    }
    return false;
}

/* What is to be done now by connections that are there, or that are made anew. */
static bool serve_due(struct client_thread *t, struct loop *l, struct due *due)
{
    return connections_overdue(t, l, due) || connections_reopen_due(t, due) || send_due(t, due);
}

/*
 * The next moment at which this thread has something to do even if no event comes. Ticks and phases
 * need no moment here: the main thread wakes the others for them. An open loop does wake at its
 * window's end: when the window was lengthened meanwhile, its requests go on from there.
 */
static uint64_t next_wake_ns(const struct client_thread *t)
{
    const struct client_conn *thinker = TAILQ_FIRST(&t->thinking);
    const struct meter *m = &t->meter;
    uint64_t wake_ns =
        least(connections_reopen_ns(t), thinker ? thinker->ready_ns : CLOCK_NEVER_NS);

    if (m->phase > PHASE_READY && m->open_loop && m->budget && !TAILQ_EMPTY(&t->ready))
        wake_ns = least(wake_ns, least(m->schedule.pace.due_ns, m->edges.end_ns));
    return wake_ns;
}

/* With --ramp the connections that are there do not wait for the others. */
static void set_up(struct client_thread *t, struct loop *l, struct due *due)
{
    bool ramp = t->config->ramp_ns > 0;
    uint64_t connect_ns;

    t->conns = &l->conns;
    if (ramp ? serve_due(t, l, due) : connections_overdue(t, l, due))
        return;
    if (connections_first_due(t, due, &connect_ns))
        return;
    if (t->asked == t->to_open && connections_all_tried(t)) {
        window_ready(&t->meter);
        wait_until(due, t->meter.now_ns); /* ask again at once: this was perhaps the last thread */
        return;
    }
    if (ramp)
        connect_ns = least(connect_ns, next_wake_ns(t));
    wait_until(due, least(connect_ns, t->meter.now_ns + CONNECTIONS_CHECK_NS));
}

static void wait_for_start(struct client_thread *t, struct loop *l, struct due *due)
{
    if (window_started(&t->meter) || (!t->config->ramp_ns && window_rest(&t->meter)))
        wait_until(due, t->meter.now_ns);
    else if (!t->config->ramp_ns)
        wait_until(due, CLOCK_NEVER_NS);
    else if (!serve_due(t, l, due))
        wait_until(due, next_wake_ns(t));
}

static void measure(struct client_thread *t, struct loop *l, struct due *due)
{
    struct meter *m = &t->meter;

    if (connections_deserted(t, l) || (m->budget == 0 && m->in_flight == 0)) {
        window_cut(m, m->now_ns);
        due->kind = DUE_QUIT;
    } else if (!serve_due(t, l, due)) {
        wait_until(due, next_wake_ns(t));
    }
}

/* An open loop still sends what was due in the window and records it; then all is over. */
static void drain(struct client_thread *t, struct loop *l, struct due *due)
{
    struct meter *m = &t->meter;
    bool more = meter_more_due(m) && (l->conns.open || t->to_reopen);

    if (m->now_ns >= m->drain_end_ns || (m->in_flight == 0 && !more))
        due->kind = DUE_QUIT;
    else if (!connections_overdue(t, l, due) && !(more && connections_reopen_due(t, due)) &&
             !send_due(t, due))
        wait_until(due, least(more ? connections_reopen_ns(t) : CLOCK_NEVER_NS, m->drain_end_ns));
}

void next_due(struct loop *l, struct due *due)
{
    struct client_thread *t = l->program;
    struct meter *m = &t->meter;

    if (!m->now_is_fresh)
        window_read_clock(m);
    m->now_is_fresh = false;
    if (window_stopped(m) && m->phase != PHASE_DRAIN)
        due->kind = DUE_QUIT;
    else if (m->phase == PHASE_SET_UP)
        set_up(t, l, due);
    else if (m->phase == PHASE_READY)
        wait_for_start(t, l, due);
    else if (m->phase == PHASE_DRAIN)
        drain(t, l, due);
    else
        measure(t, l, due);
}
