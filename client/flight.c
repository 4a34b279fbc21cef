#include "client/flight.h"

#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Connections being made at once, per thread: enough to be quick, few enough for any backlog. */
enum { CONNECTING_MAX = 64 };

/* How often overdue connects and replies are looked for, and how long the drain may last. */
#define CHECK_NS (100 * NS_PER_MS)
#define DRAIN_NS NS_PER_S

struct flight_conn {
    struct conn base;
    uint64_t sent_ns;      /* when the request was handed over; when connecting: begun */
    uint64_t awaited;      /* bytes of the reply still to come; 0: nothing in flight */
    uint64_t requests;     /* completed in the window */
    uint32_t tx_at, rx_at; /* places in the pattern */
};

size_t flight_conn_bytes(void)
{
    return sizeof(struct flight_conn);
}

static struct flight_conn *flight_conn(struct conn *c)
{
    return (struct flight_conn *)c;
}

/* ---- phases and ticks ------------------------------------------------------------------------ */

static void set_deadline(struct flight *f)
{
    uint64_t phase_end_ns = f->phase == PHASE_WARM_UP  ? f->window_start_ns
                            : f->phase == PHASE_WINDOW ? f->window_end_ns
                                                       : CLOCK_NEVER_NS;

    f->deadline_ns =
        f->phase == PHASE_WINDOW && f->tick_end_ns < phase_end_ns ? f->tick_end_ns : phase_end_ns;
}

static void publish_tick(struct flight *f)
{
    const struct stats *s = &f->worker->stats;
    unsigned n = atomic_load_explicit(&f->ticks_done, memory_order_relaxed);
    uint64_t errors = stats_errors_total(s);

    if (n == TICKS_MAX)
        return;
    f->ticks[n].requests = s->requests - f->tick_start_requests;
    f->ticks[n].errors = errors - f->tick_start_errors;
    f->tick_start_requests = s->requests;
    f->tick_start_errors = errors;
    f->tick_end_ns += f->run->tick_ns;
    atomic_store_explicit(&f->ticks_done, n + 1, memory_order_release);
    crew_tell(f->worker->crew);
}

static void fairness_add(struct fairness *sum, uint64_t requests)
{
    if (sum->connections++ == 0 || requests < sum->min_requests)
        sum->min_requests = requests;
    if (requests > sum->max_requests)
        sum->max_requests = requests;
    sum->starved += requests == 0;
    sum->sum += (double)requests;
    sum->sum_of_squares += (double)requests * (double)requests;
}

static void begin_window(struct flight *f, struct loop *l)
{
    struct stats *s = &f->worker->stats;

    f->phase = PHASE_WINDOW;
    for (struct conn *c = conn_next(&l->conns, NULL); c; c = conn_next(&l->conns, c))
        flight_conn(c)->requests = 0;
    hist_reset(&f->service);
    s->events_max = 0;
    f->at_start = *s;
    f->cpu_at_start = os_thread_cpu_time();
    f->tick_start_requests = s->requests;
    f->tick_start_errors = stats_errors_total(s);
    f->tick_end_ns = f->window_start_ns + f->run->tick_ns;
    f->measured = true;
    if (f->run->config->requests) {
        f->budget = f->quota > f->in_flight ? f->quota - f->in_flight : 0;
        f->last_request = s->requests + f->quota;
    }
}

/* at_ns: the window's nominal end, or the moment it was cut short. */
static void end_window(struct flight *f, struct loop *l, uint64_t at_ns)
{
    f->phase = PHASE_DRAIN;
    f->window_end_ns = at_ns;
    f->at_end = f->worker->stats;
    f->cpu_at_end = os_thread_cpu_time();
    f->unfinished = f->in_flight;
    f->drain_end_ns = clock_now_ns() + DRAIN_NS;
    for (struct conn *c = conn_next(&l->conns, NULL); c; c = conn_next(&l->conns, c))
        if (!c->connecting)
            fairness_add(&f->fairness, flight_conn(c)->requests);
    publish_tick(f); /* the last one may be shorter than the others */
    atomic_store_explicit(&f->window_over, true, memory_order_release);
}

/* Moves on through ticks and phases until they agree with the clock. */
static void catch_up(struct flight *f, struct loop *l)
{
    while (f->now_ns >= f->deadline_ns) {
        if (f->phase == PHASE_WARM_UP)
            begin_window(f, l);
        else if (f->now_ns >= f->window_end_ns && f->tick_end_ns >= f->window_end_ns)
            end_window(f, l, f->window_end_ns);
        else
            publish_tick(f);
        set_deadline(f);
    }
}

static void read_clock(struct flight *f, struct loop *l)
{
    f->now_ns = clock_now_ns();
    f->now_is_fresh = true;
    if (f->now_ns >= f->deadline_ns)
        catch_up(f, l);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The next request of a connection that has none in flight, if one may be begun. */
static struct span begin_request(struct flight *f, struct flight_conn *c)
{
    size_t len = f->run->config->size_bytes;
    struct span out;

    if (f->budget == 0 || f->phase > PHASE_WINDOW)
        return SPAN_NONE;
    f->budget--;
    f->in_flight++;
    out = pattern_span(&f->run->pattern, c->tx_at, len);
    c->tx_at = pattern_advance(c->tx_at, len);
    c->awaited = len;
    c->sent_ns = f->now_ns;
    return out;
}

static void complete_request(struct flight *f, struct loop *l, struct flight_conn *c)
{
    f->in_flight--;
    if (f->phase > PHASE_WINDOW)
        return;
    hist_record(&f->service, f->now_ns - c->sent_ns);
    c->requests++;
    l->stats->requests++;
    if (l->stats->requests == f->last_request) {
        end_window(f, l, f->now_ns);
        set_deadline(f);
    }
}

/* A reply that cannot be right: the connection is of no further use. */
static struct span reject(struct loop *l, struct flight_conn *c, enum stats_error kind)
{
    loop_fault(l, kind, 0);
    c->base.close_asked = true;
    return SPAN_NONE;
}

struct span on_bytes(struct loop *l, struct conn *base, struct span in)
{
    struct flight *f = l->program;
    struct flight_conn *c = flight_conn(base);

    if (in.len > c->awaited)
        return reject(l, c, ERROR_excess);
    if (f->run->verify_full &&
        memcmp(in.bytes, pattern_span(&f->run->pattern, c->rx_at, in.len).bytes, in.len) != 0)
        return reject(l, c, ERROR_corrupt);
    c->rx_at = pattern_advance(c->rx_at, in.len);
    c->awaited -= in.len;
    if (c->awaited)
        return SPAN_NONE;
    read_clock(f, l);
    complete_request(f, l, c);
    return begin_request(f, c);
}

/* ---- connections ----------------------------------------------------------------------------- */

struct span on_open(struct loop *l, struct conn *base)
{
    struct flight *f = l->program;
    struct flight_conn *c = flight_conn(base);

    f->connecting--;
    c->tx_at = c->rx_at = pattern_entry((uint64_t)f->worker->index << 20 | f->opened);
    c->sent_ns = 0;
    f->opened++;
    return SPAN_NONE;
}

bool on_accept(struct loop *l, int fd)
{
    (void)l;
    (void)fd;
    return true; /* a client listens on nothing */
}

void on_close(struct loop *l, struct conn *base, int err)
{
    struct flight *f = l->program;
    struct flight_conn *c = flight_conn(base);

    if (!c || base->connecting) {
        f->connecting--;
        f->failed++;
        return;
    }
    f->lost++;
    if (c->awaited) {
        f->in_flight--;
        if (err == 0 && !base->close_asked)
            loop_fault(l, ERROR_closed_early, 0);
    }
    if (f->phase == PHASE_WINDOW)
        fairness_add(&f->fairness, c->requests);
    if (f->kick == base)
        f->kick = NULL;
}

/*
 * The next connection or reply that is overdue, from c on: looked for now and then, because a scan
 * costs less than a timer per request. NULL when there is none.
 */
static struct conn *find_overdue(struct flight *f, struct loop *l)
{
    uint64_t timeout_ns = f->run->config->timeout_ns;

    for (struct conn *base = conn_next(&l->conns, NULL); base; base = conn_next(&l->conns, base)) {
        struct flight_conn *c = flight_conn(base);

        if (base->close_asked || (!base->connecting && !c->awaited))
            continue;
        if (c->sent_ns == 0)
            c->sent_ns = f->now_ns; /* a connect, seen for the first time */
        if (f->now_ns > c->sent_ns && f->now_ns - c->sent_ns > timeout_ns)
            return base;
    }
    return NULL;
}

/* True when something overdue is to be closed. */
static bool check_overdue(struct flight *f, struct loop *l, struct due *due)
{
    struct conn *overdue;

    if (f->now_ns < f->next_check_ns)
        return false;
    overdue = find_overdue(f, l);
    if (!overdue) {
        f->next_check_ns = f->now_ns + CHECK_NS;
        return false;
    }
    loop_fault(l, overdue->connecting ? ERROR_connect_timeout : ERROR_timeout, ETIMEDOUT);
    overdue->close_asked = true;
    due->kind = DUE_CLOSE;
    due->conn = overdue;
    due->err = ETIMEDOUT;
    return true;
}

/* ---- what is due ----------------------------------------------------------------------------- */

static void wait_until(struct due *due, uint64_t wake_ns)
{
    due->kind = DUE_WAIT;
    due->wake_ns = wake_ns;
}

static void quit(struct due *due)
{
    due->kind = DUE_QUIT;
}

/* The last thread to be ready fixes the start, and wakes the others. */
static void become_ready(struct flight *f)
{
    struct run *run = f->run;

    f->phase = PHASE_READY;
    if (atomic_fetch_add(&run->ready, 1) + 1 < run->crew.count)
        return;
    atomic_store(&run->start_ns, clock_now_ns());
    crew_wake_all(&run->crew);
    crew_tell(&run->crew);
}

static void connect_due(struct flight *f, struct loop *l, struct due *due)
{
    if (check_overdue(f, l, due))
        return;
    if (f->asked < f->to_open && f->connecting < CONNECTING_MAX) {
        f->asked++;
        f->connecting++;
        due->kind = DUE_CONNECT;
    } else if (f->connecting) {
        wait_until(due, f->now_ns + CHECK_NS);
    } else {
        become_ready(f);
        wait_until(due, f->now_ns); /* come round again at once: it may have been the last */
    }
}

static void ready_due(struct flight *f, struct due *due)
{
    uint64_t start_ns = atomic_load(&f->run->start_ns);
    const struct client_config *config = f->run->config;

    if (!start_ns) {
        wait_until(due, CLOCK_NEVER_NS);
        return;
    }
    f->phase = PHASE_WARM_UP;
    f->window_start_ns = start_ns + config->warmup_ns;
    f->window_end_ns =
        config->duration_ns ? f->window_start_ns + config->duration_ns : CLOCK_NEVER_NS;
    set_deadline(f);
    wait_until(due, start_ns);
}

/* Sends the first request of each connection; then everything follows from the replies. */
static bool kick_due(struct flight *f, struct loop *l, struct due *due)
{
    while (!f->kicked) {
        f->kick = conn_next(&l->conns, f->kick);
        if (!f->kick) {
            f->kicked = true;
            return false;
        }
        if (flight_conn(f->kick)->awaited)
            continue;
        due->out = begin_request(f, flight_conn(f->kick));
        if (due->out.len) {
            due->kind = DUE_SEND;
            due->conn = f->kick;
            return true;
        }
    }
    return false;
}

static void measure_due(struct flight *f, struct loop *l, struct due *due)
{
    if (l->conns.open == 0 || (f->budget == 0 && f->in_flight == 0)) {
        if (f->phase == PHASE_WARM_UP)
            begin_window(f, l);
        end_window(f, l, f->now_ns);
        set_deadline(f);
        quit(due);
    } else if (!check_overdue(f, l, due) && !kick_due(f, l, due)) {
        wait_until(due, CLOCK_NEVER_NS); /* the main thread wakes us at every tick */
    }
}

static void drain_due(struct flight *f, struct due *due)
{
    if (f->in_flight == 0 || f->now_ns >= f->drain_end_ns)
        quit(due);
    else
        wait_until(due, f->drain_end_ns);
}

/* Ends early; what the window has brought so far is kept. */
static void stop_due(struct flight *f, struct loop *l, struct due *due)
{
    if (f->phase == PHASE_WINDOW) {
        end_window(f, l, f->now_ns);
        set_deadline(f);
    }
    if (f->phase == PHASE_DRAIN)
        drain_due(f, due);
    else
        quit(due);
}

void next_due(struct loop *l, struct due *due)
{
    struct flight *f = l->program;

    if (!f->now_is_fresh)
        read_clock(f, l);
    f->now_is_fresh = false;

    if (atomic_load_explicit(&f->run->stop, memory_order_relaxed))
        stop_due(f, l, due);
    else if (f->phase == PHASE_CONNECT)
        connect_due(f, l, due);
    else if (f->phase == PHASE_READY)
        ready_due(f, due);
    else if (f->phase == PHASE_DRAIN)
        drain_due(f, due);
    else
        measure_due(f, l, due);
}

/* ---- life ------------------------------------------------------------------------------------ */

static uint64_t share(uint64_t total, unsigned index, unsigned count)
{
    return total / count + (index < total % count);
}

int flight_run(struct worker *w)
{
    struct flight *f = w->program;

    return loop_run(w, &f->run->loop, -1, f);
}

int flight_init(struct run *run)
{
    const struct client_config *config = run->config;
    unsigned count = run->crew.count;

    run->flights = calloc(count, sizeof *run->flights);
    if (!run->flights)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        struct flight *f = &run->flights[i];

        f->run = run;
        f->worker = &run->crew.workers[i];
        f->worker->program = f;
        f->to_open = (uint32_t)share(config->connections, i, count);
        f->quota = share(config->requests, i, count);
        f->budget = f->last_request = UINT64_MAX;
        f->deadline_ns = CLOCK_NEVER_NS;
        hist_reset(&f->service);
        f->ticks = calloc(TICKS_MAX, sizeof *f->ticks);
        if (!f->ticks)
            return -ENOMEM;
    }
    return pattern_init(&run->pattern, config->size_bytes);
}

void flight_free(struct run *run)
{
    for (unsigned i = 0; run->flights && i < run->crew.count; i++)
        free(run->flights[i].ticks);
    free(run->flights);
    pattern_free(&run->pattern);
}
