#include "client/flight.h"

#include "client/window.h"
#include "common/base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Connections being made at once, per thread: enough to be quick, few enough for any backlog. */
enum { CONNECTING_MAX = 64 };

/* How often overdue connects and replies are looked for. */
#define CHECK_NS (100 * NS_PER_MS)

/* After a failed reconnect, such as for want of ports: others may come free. */
#define RECONNECT_PAUSE_NS (10 * NS_PER_MS)

size_t flight_conn_bytes(uint64_t pipeline)
{
    return sizeof(struct flight_conn) + pipeline * sizeof(struct request);
}

static bool open_loop(const struct flight *f)
{
    return f->config->rate != 0;
}

/* ---- connections without anything to do ------------------------------------------------------ */

static void rest_end(struct flight *f, struct flight_conn *c)
{
    if (c->rest == REST_IDLE)
        TAILQ_REMOVE(&f->idle, c, link);
    else if (c->rest == REST_THINKING)
        TAILQ_REMOVE(&f->thinking, c, link);
    c->rest = REST_NONE;
}

static void rest_idle(struct flight *f, struct flight_conn *c)
{
    if (c->rest != REST_NONE)
        return;
    c->rest = REST_IDLE;
    TAILQ_INSERT_TAIL(&f->idle, c, link);
}

static void rest_think(struct flight *f, struct flight_conn *c)
{
    c->rest = REST_THINKING;
    c->ready_ns = f->now_ns + f->config->think_ns;
    TAILQ_INSERT_TAIL(&f->thinking, c, link);
}

/* Those that have thought enough become idle. */
static void wake_thinkers(struct flight *f)
{
    struct flight_conn *c;

    while ((c = TAILQ_FIRST(&f->thinking)) != NULL && c->ready_ns <= f->now_ns) {
        rest_end(f, c);
        rest_idle(f, c);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

/* How many more requests this connection may begin now, as far as it is concerned. */
static unsigned free_slots(const struct flight *f, const struct flight_conn *c)
{
    uint64_t slots = f->pipeline - c->in_flight;

    if (c->base.unsent.len || c->base.close_asked)
        return 0; /* asked again when a reply comes, and when all has gone out */
    if (f->config->churn && f->config->churn - c->begun < slots)
        slots = f->config->churn - c->begun;
    return (unsigned)slots;
}

/* Whether the schedule, or in a closed loop the budget, has a request to be sent now. */
static bool request_due(const struct flight *f)
{
    if (f->budget == 0)
        return false;
    if (!open_loop(f))
        return f->phase <= PHASE_WINDOW;
    return (f->phase == PHASE_WARM_UP || f->phase == PHASE_WINDOW || f->phase == PHASE_DRAIN) &&
           f->pace.due_ns <= f->now_ns && f->pace.due_ns < f->window_end_ns;
}

/* Whether the window of an open loop has requests that are still to be sent. */
static bool more_due(const struct flight *f)
{
    return open_loop(f) && f->budget && f->pace.due_ns < f->window_end_ns;
}

/* The queue is what has been due by now and was not taken yet. */
static void note_queue(struct flight *f)
{
    uint64_t queued;

    while (f->arrived.due_ns <= f->now_ns && f->arrived.due_ns < f->window_end_ns)
        pace_take(&f->arrived);
    queued = f->arrived.taken > f->pace.taken ? f->arrived.taken - f->pace.taken : 0;
    if (queued > f->budget)
        queued = f->budget; /* with --requests the schedule ends with them */
    if (queued > f->queue_peak)
        f->queue_peak = queued;
}

/* Takes a request off the schedule, and notes how late it is and why. */
static uint64_t take_due(struct flight *f)
{
    bool waited = TAILQ_EMPTY(&f->idle); /* for a connection, not for this thread to come round */
    uint64_t due_ns = pace_take(&f->pace);

    if (!window_holds(f, due_ns))
        return due_ns;
    f->due_in_window++;
    hist_record(waited ? &f->queued : &f->lateness, f->now_ns - due_ns);
    note_queue(f);
    return due_ns;
}

/* Returns its length. */
static uint32_t begin_request(struct flight *f, struct flight_conn *c)
{
    unsigned place = (unsigned)c->oldest + c->in_flight;
    struct request *r = &c->ring[place < f->pipeline ? place : place - f->pipeline];

    r->due_ns = open_loop(f) ? take_due(f) : 0;
    r->sent_ns = f->now_ns;
    r->bytes = sizes_draw(&f->run->sizes, &f->rng);
    if (c->in_flight++ == 0)
        c->awaited = r->bytes;
    c->begun++;
    c->outstanding += r->bytes;
    c->tx_at = pattern_advance(c->tx_at, r->bytes);
    f->budget -= !open_loop(f) || window_holds(f, r->due_ns); /* not for what warm-up left over */
    f->in_flight++;
    f->sent_in_window += f->phase == PHASE_WINDOW;
    return r->bytes;
}

/*
 * Begins what is due on a connection, at most `most` requests, as one span: they lie side by side.
 * A connection that could take more goes to the end of the idle ones.
 */
static struct span begin_requests(struct flight *f, struct flight_conn *c, unsigned most)
{
    unsigned slots = free_slots(f, c);
    uint32_t from = c->tx_at;
    size_t bytes = 0;

    for (unsigned i = 0; i < most && slots && request_due(f); i++, slots--)
        bytes += begin_request(f, c);
    rest_end(f, c);
    if (slots)
        rest_idle(f, c);
    return bytes ? pattern_span(&f->run->pattern, from, bytes) : SPAN_NONE;
}

/* The oldest request's reply is complete. */
static void complete_request(struct flight *f, struct loop *l, struct flight_conn *c)
{
    const struct request *r = &c->ring[c->oldest];
    bool counts = open_loop(f) ? window_holds(f, r->due_ns) : f->phase == PHASE_WINDOW;

    if (counts) {
        hist_record(&f->service, f->now_ns - r->sent_ns);
        if (open_loop(f))
            hist_record(&f->response, f->now_ns - r->due_ns);
    }
    if (++c->oldest == f->pipeline)
        c->oldest = 0;
    if (--c->in_flight)
        c->awaited = c->ring[c->oldest].bytes;
    f->in_flight--;
    c->requests += f->phase == PHASE_WINDOW;
    if (++l->stats->requests == f->last_request && f->phase == PHASE_WINDOW)
        window_cut(f, l);
}

/* What a connection does after replies have come in. */
static struct span carry_on(struct flight *f, struct flight_conn *c)
{
    if (f->config->churn && c->begun == f->config->churn && c->in_flight == 0) {
        c->retiring = c->base.close_asked = true;
        return SPAN_NONE;
    }
    if (f->config->think_ns) {
        rest_think(f, c);
        return SPAN_NONE;
    }
    return begin_requests(f, c, UINT_MAX);
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
    bool completed = false;

    if (in.len > c->outstanding)
        return reject(l, c, ERROR_excess);
    c->outstanding -= in.len;
    while (in.len) {
        size_t part = in.len < c->awaited ? in.len : c->awaited;

        if (f->run->verify_full &&
            memcmp(in.bytes, pattern_span(&f->run->pattern, c->rx_at, part).bytes, part) != 0)
            return reject(l, c, ERROR_corrupt);
        c->rx_at = pattern_advance(c->rx_at, part);
        c->awaited -= (uint32_t)part;
        in.bytes += part;
        in.len -= part;
        if (c->awaited)
            break;
        if (!completed)
            window_read_clock(f, l); /* one arrival, one moment, however many replies it ends */
        completed = true;
        complete_request(f, l, c);
    }
    return completed ? carry_on(f, c) : SPAN_NONE;
}

/* A connection whose last reply came while its request was unsent is asked by nobody else. */
struct span on_sent(struct loop *l, struct conn *base)
{
    struct flight *f = l->program;
    struct flight_conn *c = flight_conn(base);

    if (c->rest != REST_NONE || !free_slots(f, c))
        return SPAN_NONE;
    window_read_clock(f, l);
    return begin_requests(f, c, UINT_MAX);
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Whether each connection was made once, or could not be: from then on they are made anew. */
static bool all_tried(const struct flight *f)
{
    return f->opened + f->failed == f->asked;
}

struct span on_open(struct loop *l, struct conn *base)
{
    struct flight *f = l->program;
    struct flight_conn *c = flight_conn(base);

    window_read_clock(f, l);
    f->connecting--;
    f->connects_fail_ns = 0;
    if (all_tried(f))
        f->reopened++;
    else
        f->opened++;
    c->tx_at = c->rx_at =
        pattern_entry((uint64_t)f->worker->index << 32 | (f->opened + f->reopened));
    if (f->phase == PHASE_WINDOW)
        hist_record(&f->connects, f->now_ns - base->begun_ns);
    if (f->config->connect_only) {
        c->retiring = base->close_asked = true;
        return SPAN_NONE;
    }
    if (f->phase == PHASE_CONNECT && !f->config->ramp_ns) {
        rest_idle(f, c);
        return SPAN_NONE;
    }
    return begin_requests(f, c, UINT_MAX);
}

bool on_accept(struct loop *l, int fd)
{
    (void)l;
    (void)fd;
    return true; /* a client listens on nothing */
}

static bool reopens(const struct flight *f)
{
    return (f->config->churn || f->config->connect_only) &&
           (f->phase <= PHASE_WINDOW || more_due(f));
}

static void connect_failed(struct flight *f)
{
    uint64_t now_ns = clock_now_ns();

    f->connecting--;
    if (!f->connects_fail_ns)
        f->connects_fail_ns = now_ns;
    if (!all_tried(f)) {
        f->failed++;
    } else if (reopens(f)) {
        f->to_reopen++;
        f->connect_after_ns = now_ns + RECONNECT_PAUSE_NS;
    }
}

void on_close(struct loop *l, struct conn *base, int err)
{
    struct flight *f = l->program;
    struct flight_conn *c = flight_conn(base);

    if (!base || base->connecting) {
        connect_failed(f);
        return;
    }
    rest_end(f, c);
    if (f->phase == PHASE_WINDOW && !f->config->connect_only)
        fairness_add(&f->fairness, c->requests, c->in_flight > 0);
    if (!c->retiring) {
        f->lost++;
        f->in_flight -= c->in_flight;
        if (c->in_flight && err == 0 && !base->close_asked)
            loop_fault(l, ERROR_closed_early, 0);
    }
    f->to_reopen += reopens(f);
}

/* When what c waits for began; CLOCK_NEVER_NS when it waits for nothing. */
static uint64_t waiting_since_ns(const struct flight_conn *c)
{
    if (c->base.connecting)
        return c->base.begun_ns;
    return c->in_flight ? c->ring[c->oldest].sent_ns : CLOCK_NEVER_NS;
}

/*
 * Looked for now and then, because a scan costs less than a timer per request. The next call goes
 * on behind the one that was found; slots do not move, so it may be gone by then.
 */
static struct conn *find_overdue(struct flight *f, struct loop *l)
{
    struct conn *c = conn_next(&l->conns, f->checked);

    for (; c; c = conn_next(&l->conns, c)) {
        uint64_t since_ns = waiting_since_ns(flight_conn(c));

        if (!c->close_asked && since_ns < f->now_ns && f->now_ns - since_ns > f->config->timeout_ns)
            break;
    }
    f->checked = c;
    return c;
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

/* When the next connection may be begun: with --ramp they are spread over it. */
static uint64_t next_connect_ns(struct flight *f)
{
    if (f->connect_start_ns == 0)
        f->connect_start_ns = f->now_ns;
    return f->connect_start_ns + f->config->ramp_ns / f->to_open * f->asked;
}

static bool serve_due(struct flight *f, struct loop *l, struct due *due);
static uint64_t next_wake_ns(const struct flight *f);

/* With --ramp the connections that are there do not wait for the others. */
static void connect_due(struct flight *f, struct loop *l, struct due *due)
{
    uint64_t next_ns, wake_ns;

    if (f->config->ramp_ns ? serve_due(f, l, due) : check_overdue(f, l, due))
        return;
    next_ns = f->asked < f->to_open ? next_connect_ns(f) : CLOCK_NEVER_NS;
    if (next_ns <= f->now_ns && f->connecting < CONNECTING_MAX) {
        f->asked++;
        f->connecting++;
        due->kind = DUE_CONNECT;
    } else if (f->asked < f->to_open || !all_tried(f)) {
        wake_ns = f->config->ramp_ns ? next_wake_ns(f) : CLOCK_NEVER_NS;
        if (next_ns > f->now_ns && next_ns < wake_ns)
            wake_ns = next_ns;
        wait_until(due, wake_ns < f->now_ns + CHECK_NS ? wake_ns : f->now_ns + CHECK_NS);
    } else {
        become_ready(f);
        wait_until(due, f->now_ns); /* come round again at once: it may have been the last */
    }
}

static void ready_due(struct flight *f, struct loop *l, struct due *due)
{
    uint64_t start_ns = atomic_load(&f->run->start_ns);
    const struct client_config *config = f->config;

    if (!start_ns) {
        if (!config->ramp_ns)
            wait_until(due, CLOCK_NEVER_NS);
        else if (!serve_due(f, l, due))
            wait_until(due, next_wake_ns(f));
        return;
    }
    window_plan(f, start_ns);
    if (open_loop(f)) {
        pace_start(&f->pace, f->run->arrivals, config->rate, config->seed, f->worker->index,
                   f->run->crew.count, start_ns);
        f->arrived = f->pace;
    }
    wait_until(due, start_ns);
}

/* Gives an idle connection its requests, if any are due. */
static bool send_due(struct flight *f, struct due *due)
{
    wake_thinkers(f);
    while (request_due(f) && !TAILQ_EMPTY(&f->idle)) {
        struct flight_conn *c = TAILQ_FIRST(&f->idle);

        if (free_slots(f, c)) {
            due->kind = DUE_SEND;
            due->conn = &c->base;
            due->out = begin_requests(f, c, open_loop(f) ? 1 : UINT_MAX);
            return true;
        }
        rest_end(f, c);
    }
    return false;
}

/* When to make a connection anew; CLOCK_NEVER_NS if none is to be, or enough are under way. */
static uint64_t next_reopen_ns(const struct flight *f)
{
    return f->to_reopen && f->connecting < CONNECTING_MAX ? f->connect_after_ns : CLOCK_NEVER_NS;
}

static bool reopen_due(struct flight *f, struct due *due)
{
    if (f->now_ns < next_reopen_ns(f))
        return false;
    f->to_reopen--;
    f->connecting++;
    due->kind = DUE_CONNECT;
    return true;
}

/* What is to be done now by connections that are there, or that are made anew. */
static bool serve_due(struct flight *f, struct loop *l, struct due *due)
{
    return check_overdue(f, l, due) || reopen_due(f, due) || send_due(f, due);
}

/*
 * Nobody is left who could complete anything. A run that ends with a number of requests would else
 * try to connect for ever, such as for want of ports; one that ends with the clock does end.
 */
static bool deserted(const struct flight *f, const struct loop *l)
{
    if (l->conns.open || f->connecting)
        return false;
    return !f->to_reopen || (!f->config->duration_ns && f->connects_fail_ns &&
                             f->now_ns - f->connects_fail_ns > f->config->timeout_ns);
}

/* The next moment at which something is due of itself. */
static uint64_t next_wake_ns(const struct flight *f)
{
    const struct flight_conn *thinker = TAILQ_FIRST(&f->thinking);
    uint64_t wake_ns = thinker ? thinker->ready_ns : CLOCK_NEVER_NS;

    if (open_loop(f) && f->budget && f->phase > PHASE_READY && !TAILQ_EMPTY(&f->idle) &&
        f->pace.due_ns < wake_ns)
        wake_ns = f->pace.due_ns;
    if (next_reopen_ns(f) < wake_ns)
        wake_ns = next_reopen_ns(f);
    return wake_ns; /* for the clock alone the main thread wakes us, at every tick */
}

static void measure_due(struct flight *f, struct loop *l, struct due *due)
{
    if (deserted(f, l) || (f->budget == 0 && f->in_flight == 0)) {
        window_cut(f, l);
        quit(due);
    } else if (!serve_due(f, l, due)) {
        wait_until(due, next_wake_ns(f));
    }
}

/* An open loop still sends what was due in the window and records it; then all is over. */
static void drain_due(struct flight *f, struct loop *l, struct due *due)
{
    bool more = more_due(f) && (l->conns.open || f->to_reopen);
    uint64_t reopen_ns = more ? next_reopen_ns(f) : CLOCK_NEVER_NS;

    if (f->now_ns >= f->drain_end_ns || (f->in_flight == 0 && !more))
        quit(due);
    else if (!check_overdue(f, l, due) && !(more && reopen_due(f, due)) && !send_due(f, due))
        wait_until(due, reopen_ns < f->drain_end_ns ? reopen_ns : f->drain_end_ns);
}

/* Ends early; what the window has brought so far is kept. */
static void stop_due(struct flight *f, struct loop *l, struct due *due)
{
    if (f->phase == PHASE_WINDOW)
        window_cut(f, l);
    if (f->phase != PHASE_DRAIN) {
        quit(due);
        return;
    }
    if (f->drain_end_ns > f->now_ns + NS_PER_S)
        f->drain_end_ns = f->now_ns + NS_PER_S;
    drain_due(f, l, due);
}

void next_due(struct loop *l, struct due *due)
{
    struct flight *f = l->program;

    if (!f->now_is_fresh)
        window_read_clock(f, l);
    f->now_is_fresh = false;

    if (atomic_load_explicit(&f->run->stop, memory_order_relaxed))
        stop_due(f, l, due);
    else if (f->phase == PHASE_CONNECT)
        connect_due(f, l, due);
    else if (f->phase == PHASE_READY)
        ready_due(f, l, due);
    else if (f->phase == PHASE_DRAIN)
        drain_due(f, l, due);
    else
        measure_due(f, l, due);
}

/* ---- life ------------------------------------------------------------------------------------ */

static uint64_t share(uint64_t total, unsigned index, unsigned count)
{
    return total / count + (index < total % count);
}

/* What the schedule had in the window and was never sent. */
static void count_unsent(struct flight *f)
{
    if (!open_loop(f) || !f->measured)
        return;
    note_queue(f); /* also when nothing was sent for a long time */
    while (more_due(f)) {
        bool counts = window_holds(f, pace_take(&f->pace));

        f->never_sent += counts;
        f->budget -= counts;
    }
}

int flight_run(struct worker *w)
{
    struct flight *f = w->program;
    int err;

    os_own_descriptors();
    err = loop_run(w, &f->run->loop, -1, f);
    if (err) { /* else the others would wait for this thread to be ready, for ever */
        atomic_store(&f->run->stop, true);
        crew_wake_all(&f->run->crew);
    }
    f->ended_ns = clock_now_ns();
    atomic_store_explicit(&f->ticks.over, true, memory_order_release);
    count_unsent(f);
    return err;
}

static int init_thread(struct run *run, unsigned index)
{
    const struct client_config *config = run->config;
    struct flight *f = &run->flights[index];

    f->run = run;
    f->config = config;
    f->worker = &run->crew.workers[index];
    f->worker->program = f;
    f->pipeline = (unsigned)config->pipeline;
    f->rng.state = config->seed + index;
    f->to_open = (uint32_t)share(config->connections, index, run->crew.count);
    f->quota = share(config->requests, index, run->crew.count);
    f->budget = f->last_request = UINT64_MAX;
    f->deadline_ns = f->window_end_ns = CLOCK_NEVER_NS;
    TAILQ_INIT(&f->idle);
    TAILQ_INIT(&f->thinking);
    hist_reset(&f->service);
    hist_reset(&f->response);
    hist_reset(&f->lateness);
    hist_reset(&f->queued);
    hist_reset(&f->connects);
    run->ticks[index] = &f->ticks;
    return ticks_init(&f->ticks, run->tick_ns);
}

int flight_init(struct run *run)
{
    run->flights = calloc(run->crew.count, sizeof *run->flights);
    run->ticks = calloc(run->crew.count, sizeof(struct ticks *));
    if (!run->flights || !run->ticks)
        return -ENOMEM;
    for (unsigned i = 0; i < run->crew.count; i++)
        if (init_thread(run, i))
            return -ENOMEM;
    return pattern_init(&run->pattern, run->sizes.longest_bytes * run->config->pipeline);
}

struct ticks_reader flight_series(const struct run *run)
{
    unsigned per_interval = (unsigned)(run->config->interval_ns / run->tick_ns);

    return (struct ticks_reader){run->ticks, run->crew.count, .ticks_per_interval = per_interval};
}

void flight_free(struct run *run)
{
    for (unsigned i = 0; run->flights && i < run->crew.count; i++)
        ticks_free(&run->flights[i].ticks);
    free(run->flights);
    free(run->ticks);
    pattern_free(&run->pattern);
}
