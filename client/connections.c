/* The loop's hooks on_open(), on_accept() and on_close() are here, too. */
#include "client/connections.h"

#include "client/idle.h"
#include "client/requests.h"
#include "common/base/clock.h"

#include <errno.h>
#include <limits.h>

/* Connections being made at once, per thread: enough to be quick, few enough for any backlog. */
enum { CONNECTING_MAX = 64 };

/* After a failed reconnect, such as for want of ports: others may come free. */
#define RECONNECT_PAUSE_NS (10 * NS_PER_MS)

bool connections_all_tried(const struct client_thread *t)
{
    return t->opened + t->failed == t->asked;
}

/* ---- the loop's hooks ----------------------------------------------------------------------- */

struct span on_open(struct loop *l, struct conn *base)
{
    struct client_thread *t = l->program;
    struct client_conn *c = client_conn(base);

    window_read_clock(&t->meter);
    t->connecting--;
    t->connects_fail_ns = 0;
    if (connections_all_tried(t))
        t->reopened++;
    else
        t->opened++;
    t->codec->type->begin(t->codec, &c->stream,
                          (uint64_t)t->meter.worker->index << 32 | (t->opened + t->reopened));
    c->left = t->config->churn ? t->config->churn : UINT64_MAX;
    if (t->meter.phase == PHASE_WINDOW)
        hist_record(&t->connects, t->meter.now_ns - base->begun_ns);
    if (t->config->connect_only) {
        c->retiring = base->close_asked = true;
        return SPAN_NONE;
    }
    if (t->meter.phase == PHASE_SET_UP && !t->config->ramp_ns) {
        idle_ready(t, c);
        return SPAN_NONE;
    }
    return requests_begin(t, c, UINT_MAX);
}

bool on_accept(struct loop *l, int fd)
{
    (void)l;
    (void)fd;
    return true; /* a client listens on nothing */
}

static bool reopens(const struct client_thread *t)
{
    return (t->config->churn || t->config->connect_only) &&
           (t->meter.phase <= PHASE_WINDOW || meter_more_due(&t->meter));
}

static void connect_failed(struct client_thread *t)
{
    uint64_t now_ns = clock_now_ns();

    t->connecting--;
    if (!t->connects_fail_ns)
        t->connects_fail_ns = now_ns;
    if (!connections_all_tried(t)) {
        t->failed++;
    } else if (reopens(t)) {
        t->to_reopen++;
        t->connect_after_ns = now_ns + RECONNECT_PAUSE_NS;
    }
}

void on_close(struct loop *l, struct conn *base, int err)
{
    struct client_thread *t = l->program;
    struct client_conn *c = client_conn(base);

    if (!base || base->connecting) {
        connect_failed(t);
        return;
    }
    idle_end(t, c);
    if (t->meter.phase == PHASE_WINDOW && !t->config->connect_only)
        fairness_add(&t->fairness, c->requests, c->in_flight > 0);
    if (!c->retiring) {
        t->lost++;
        t->meter.in_flight -= c->in_flight;
        if (c->in_flight && err == 0 && !base->close_asked)
            loop_fault(l, ERROR_closed_early, 0);
    }
    t->to_reopen += reopens(t);
}

/* ---- making them ---------------------------------------------------------------------------- */

static bool begin_connect(struct client_thread *t, struct due *due)
{
    t->connecting++;
    due->kind = DUE_CONNECT;
    return true;
}

/* When the next first connection may be begun: with --ramp they are spread over it. */
static uint64_t next_first_ns(struct client_thread *t)
{
    if (t->asked == t->to_open)
        return CLOCK_NEVER_NS;
    if (t->connect_start_ns == 0)
        t->connect_start_ns = t->meter.now_ns;
    return t->connect_start_ns + t->config->ramp_ns / t->to_open * t->asked;
}

bool connections_first_due(struct client_thread *t, struct due *due, uint64_t *wake_ns)
{
    uint64_t next_ns = next_first_ns(t);

    if (next_ns <= t->meter.now_ns && t->connecting < CONNECTING_MAX) {
        t->asked++;
        return begin_connect(t, due);
    }
    *wake_ns = next_ns > t->meter.now_ns ? next_ns : CLOCK_NEVER_NS;
    return false;
}

uint64_t connections_reopen_ns(const struct client_thread *t)
{
    return t->to_reopen && t->connecting < CONNECTING_MAX ? t->connect_after_ns : CLOCK_NEVER_NS;
}

bool connections_reopen_due(struct client_thread *t, struct due *due)
{
    if (t->meter.now_ns < connections_reopen_ns(t))
        return false;
    t->to_reopen--;
    return begin_connect(t, due);
}

bool connections_deserted(const struct client_thread *t, const struct loop *l)
{
    if (l->conns.open || t->connecting)
        return false;
    return !t->to_reopen || (!t->config->duration_ns && t->connects_fail_ns &&
                             t->meter.now_ns - t->connects_fail_ns > t->config->timeout_ns);
}

/* ---- what takes too long -------------------------------------------------------------------- */

/* Since when c has waited for a connect or a reply; CLOCK_NEVER_NS when it waits for neither. */
static uint64_t waiting_since_ns(const struct client_conn *c)
{
    if (c->base.connecting)
        return c->base.begun_ns;
    return c->in_flight ? c->ring[c->oldest].sent_ns : CLOCK_NEVER_NS;
}

/*
 * The next connection whose connect or reply is overdue, or NULL at the end of a scan. A scan now
 * and then costs less than a timer per request. The next call goes on behind the connection found;
 * that one may be closed by then, since slots do not move.
 */
static struct conn *find_overdue(struct client_thread *t, struct loop *l)
{
    uint64_t now_ns = t->meter.now_ns, timeout_ns = t->config->timeout_ns;
    struct conn *c = conn_next(&l->conns, t->checked);

    for (; c; c = conn_next(&l->conns, c)) {
        uint64_t since_ns = waiting_since_ns(client_conn(c));

        if (!c->close_asked && since_ns < now_ns && now_ns - since_ns > timeout_ns)
            break;
    }
    t->checked = c;
    return c;
}

bool connections_overdue(struct client_thread *t, struct loop *l, struct due *due)
{
    struct conn *overdue;

    if (t->meter.now_ns < t->next_check_ns)
        return false;
    overdue = find_overdue(t, l);
    if (!overdue) {
        t->next_check_ns = t->meter.now_ns + CONNECTIONS_CHECK_NS;
        return false;
    }
    loop_fault(l, overdue->connecting ? ERROR_connect_timeout : ERROR_timeout, ETIMEDOUT);
    overdue->close_asked = true;
    due->kind = DUE_CLOSE;
    due->conn = overdue;
    due->err = ETIMEDOUT;
    return true;
}
