#include "udp/client.h"

#include "common/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    KICKS_PER_ROUND = 64,     /* clients begun before answers are looked at */
    DUE_PER_ROUND = 512,      /* messages sent by the schedule before answers are looked at */
    FEWEST_SLOTS = 1024,      /* window of a client, in messages */
    MOST_SLOTS_ALL = 1 << 22, /* of all clients together: bounds the memory */
};

/* How often losses are looked for; and how soon after a send that failed. */
#define CHECK_NS       (20 * NS_PER_MS)
#define CHECK_SOON_NS  NS_PER_MS
#define TIMEOUT_CHECKS 8 /* looks per timeout, at least */

/* A run over a number of messages ends when nothing came back for so many timeouts. */
#define SILENT_TIMEOUTS 5

static bool open_loop(const struct client_thread *t)
{
    return t->run->config->rate > 0;
}

/* ---- phases and ticks ------------------------------------------------------------------------ */

static void set_deadline(struct client_thread *t)
{
    t->deadline_ns = CLOCK_NEVER_NS;
    if (t->phase == PHASE_WARM_UP)
        t->deadline_ns = t->window_start_ns;
    else if (t->phase == PHASE_WINDOW)
        t->deadline_ns = t->ticks.end_ns < t->window_end_ns ? t->ticks.end_ns : t->window_end_ns;
}

static uint64_t tick_errors(const struct client_thread *t)
{
    return t->measured_lost + t->rejected;
}

static int64_t drops_of_sockets(const struct client_thread *t)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < t->count && sum >= 0; i++) {
        int64_t drops = wire_drops(t->loop.sockets[i].fd);

        sum = drops < 0 ? -1 : sum + drops;
    }
    return sum;
}

static void begin_window(struct client_thread *t)
{
    struct stats *s = t->loop.stats;
    uint64_t messages = t->run->config->messages;

    t->phase = PHASE_WINDOW;
    t->measured = true;
    for (uint32_t i = 0; i < t->count; i++) {
        seq_measure(&t->clients[i].seq);
        t->clients[i].left = messages ? messages : UINT64_MAX;
    }
    t->kernel_drops = drops_of_sockets(t);
    t->settled = t->measured_lost = t->rejected = 0;
    hist_reset(&t->service);
    hist_reset(&t->response);
    s->events_max = 0;
    s->requests = 0;
    t->at_start = *s;
    t->cpu_at_start = os_thread_cpu_time();
    t->last_answer_ns = t->window_start_ns;
    ticks_start(&t->ticks, t->window_start_ns, s->requests, tick_errors(t));
}

/* Moments of the schedule before end_ns that were not taken; an expectation for Poisson arrivals.
 */
static uint64_t overdue(const struct client_thread *t, uint64_t end_ns)
{
    const struct pace *p = &t->pace;
    double gap_ns = (double)p->count * 1e9 / (double)p->rate;

    return p->due_ns < end_ns ? (uint64_t)ceil((double)(end_ns - p->due_ns) / gap_ns) : 0;
}

static uint64_t unsent_at_end(const struct client_thread *t, uint64_t end_ns)
{
    uint64_t left = 0;

    if (open_loop(t))
        return t->run->config->messages ? t->quota - t->scheduled : overdue(t, end_ns);
    for (uint32_t i = 0; i < t->count && t->run->config->messages; i++)
        left += t->clients[i].left;
    return left;
}

static void end_window(struct client_thread *t, uint64_t end_ns)
{
    t->phase = PHASE_DRAIN;
    t->window_end_ns = end_ns;
    t->at_end = *t->loop.stats;
    t->cpu_at_end = os_thread_cpu_time();
    t->unsent += unsent_at_end(t, end_ns);
    t->drain_end_ns = t->last_sent_ns + 2 * t->run->config->timeout_ns;
    ticks_end(&t->ticks, end_ns, t->loop.stats->requests, tick_errors(t));
    crew_tell(&t->run->crew);
    set_deadline(t);
}

/* Moves on through ticks and phases until they agree with the clock. */
static void catch_up(struct client_thread *t)
{
    while (t->now_ns >= t->deadline_ns) {
        if (t->phase == PHASE_WARM_UP) {
            begin_window(t);
        } else if (t->now_ns >= t->window_end_ns && t->ticks.end_ns >= t->window_end_ns) {
            end_window(t, t->window_end_ns);
        } else {
            ticks_publish(&t->ticks, t->loop.stats->requests, tick_errors(t));
            crew_tell(&t->run->crew);
        }
        set_deadline(t);
    }
}

static void read_clock(struct client_thread *t)
{
    t->now_ns = clock_now_ns();
    catch_up(t);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Brings the thread's sums in line after anything happened to a client's window. */
struct mark {
    uint64_t in_flight, lost, received;
};

static struct mark mark_of(const struct client *c)
{
    return (struct mark){c->seq.in_flight, c->seq.counts[1].lost, c->seq.counts[1].received};
}

static void settle(struct client_thread *t, const struct client *c, struct mark before)
{
    uint64_t lost = c->seq.counts[1].lost - before.lost;
    uint64_t received = c->seq.counts[1].received - before.received;

    t->in_flight += c->seq.in_flight - before.in_flight;
    t->measured_lost += lost;
    t->settled += lost + received;
}

static void write_headers(struct client_thread *t, uint32_t index, uint32_t count)
{
    struct seq_header header = {
        .run = t->run->id,
        .client = t->first + index,
        .number = t->clients[index].seq.next,
        .sent_ns = t->now_ns,
    };

    for (uint32_t i = 0; i < count; i++, header.number++)
        seq_header_write(t->messages + i * t->run->config->size_bytes, &header);
}

/* Sends up to count messages of a client now; their intended moments lie in t->due_ns. */
static uint32_t send_messages(struct client_thread *t, uint32_t index, uint32_t count)
{
    const struct udp_config *config = t->run->config;
    struct client *c = &t->clients[index];
    uint32_t size = (uint32_t)config->size_bytes, trains, taken, sent = 0;
    int err = 0;

    t->now_ns = clock_now_ns(); /* what was done since the last reading is no service time */
    if (t->run->checked)
        write_headers(t, index, count);
    trains = gso_couple(t->messages, size, count, t->loop.setup->ways.gso ? gso_most(size) : 1,
                        config->connected ? NULL : &t->run->peer, t->trains);
    taken = wire_send(t->loop.wire, t->loop.sockets[index].fd, t->trains, trains, &err);
    for (uint32_t i = 0; i < taken; i++)
        sent += gso_datagrams(&t->trains[i]);
    for (uint32_t i = 0; i < sent; i++)
        seq_sent(&c->seq, t->now_ns, t->due_ns[i]);
    t->in_flight += sent;
    if (sent)
        t->last_sent_ns = t->now_ns;
    if (sent < count) {
        send_errors_count(&t->send_errors, err);
        t->blocked = true;
    }
    return sent;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Closed loop: fills a client's pipeline up again. */
static void pump(struct client_thread *t, uint32_t index)
{
    struct client *c = &t->clients[index];
    uint64_t want = t->run->config->pipeline - c->seq.in_flight;

    want = least(least(want, c->left), seq_room(&c->seq));
    while (want && t->phase <= PHASE_WINDOW) {
        uint32_t some = (uint32_t)least(want, t->send_cap);
        uint32_t sent = send_messages(t, index, some);

        c->left -= t->phase == PHASE_WINDOW ? sent : 0;
        want -= sent;
        if (sent < some)
            break;
    }
}

/* Open loop: the messages that are due now, to one client; what cannot be sent is given up. */
static uint32_t send_due(struct client_thread *t, uint32_t index)
{
    struct client *c = &t->clients[index];
    uint64_t cap = least(least(t->send_cap, c->left), DUE_PER_ROUND);
    uint32_t due = 0, sent = 0, room;

    while (due < cap && t->pace.due_ns <= t->now_ns)
        t->due_ns[due++] = pace_take(&t->pace);
    room = (uint32_t)least(due, seq_room(&c->seq));
    if (room)
        sent = send_messages(t, index, room);
    if (t->phase == PHASE_WINDOW) {
        c->left -= due;
        t->scheduled += due;
        t->unsent += due - sent;
        t->crowded_out += due - room;
        t->settled += due - sent;
    }
    return due;
}

/* Whether the schedule may have anything more to send. */
static bool scheduling(const struct client_thread *t)
{
    bool all = t->run->config->messages && t->scheduled == t->quota;

    return t->phase <= PHASE_WINDOW && !all;
}

static void run_schedule(struct client_thread *t)
{
    for (uint32_t round = 0; round < DUE_PER_ROUND && scheduling(t);) {
        if (t->pace.due_ns > t->now_ns)
            break;
        round += send_due(t, t->turn);
        t->turn = t->turn + 1 == t->count ? 0 : t->turn + 1;
        catch_up(t);
    }
}

/* ---- receiving ------------------------------------------------------------------------------- */

static bool from_server(const struct client_thread *t, const struct udp_peer *from)
{
    const struct udp_peer *server = &t->run->peer;

    if (t->run->config->connected)
        return true;
    if (server->address.any.sa_family == AF_INET6)
        return from->address.v6.sin6_port == server->address.v6.sin6_port &&
               memcmp(&from->address.v6.sin6_addr, &server->address.v6.sin6_addr, 16) == 0;
    return from->address.v4.sin_port == server->address.v4.sin_port &&
           from->address.v4.sin_addr.s_addr == server->address.v4.sin_addr.s_addr;
}

/* Whether a datagram is one of our messages, byte by byte but for the header. */
static bool is_intact(const struct client_thread *t, const unsigned char *bytes, uint32_t len)
{
    size_t skip = t->run->checked ? SEQ_HEADER_BYTES : 0;

    return len == t->run->config->size_bytes &&
           memcmp(bytes + skip, t->messages + skip, len - skip) == 0;
}

static void answered(struct client_thread *t, const struct seq_answer *answer)
{
    t->last_answer_ns = t->now_ns;
    if (t->phase == PHASE_WINDOW)
        t->loop.stats->requests++;
    if (!answer->measured)
        return;
    hist_record(&t->service, t->now_ns - answer->sent_ns);
    if (open_loop(t))
        hist_record(&t->response, t->now_ns > answer->due_ns ? t->now_ns - answer->due_ns : 0);
}

static void take(struct client_thread *t, uint32_t index, const unsigned char *bytes, uint32_t len)
{
    struct client *c = &t->clients[index];
    struct seq_counts *counts = &c->seq.counts[t->phase >= PHASE_WINDOW];
    uint64_t timeout_ns = t->run->config->timeout_ns;
    enum seq_verdict verdict = SEQ_FOREIGN;
    struct seq_answer answer;
    struct seq_header h;

    if (!is_intact(t, bytes, len) || (t->run->checked && !seq_header_read(bytes, len, &h))) {
        counts->corrupted++;
        t->rejected++;
        return;
    }
    if (!t->run->checked)
        verdict = seq_receive_unnumbered(&c->seq, t->now_ns, timeout_ns, &answer);
    else if (h.run == t->run->id && h.client == t->first + index)
        verdict = seq_receive(&c->seq, h.number, h.sent_ns, t->now_ns, timeout_ns, &answer);
    else
        counts->foreign++;
    if (verdict == SEQ_RECEIVED)
        answered(t, &answer);
    else
        t->rejected++;
}

static void take_train(struct client_thread *t, uint32_t index, const struct udp_train *train)
{
    uint32_t count = gso_datagrams(train), offset = 0;
    struct seq_counts *counts = &t->clients[index].seq.counts[t->phase >= PHASE_WINDOW];

    if (!from_server(t, train->peer)) {
        counts->foreign += count;
        t->rejected += count;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = gso_datagram_len(train, offset);

        take(t, index, train->bytes + offset, train->cut ? 0 : len);
        offset += len;
    }
}

static bool all_settled(const struct client_thread *t)
{
    return t->run->config->messages && t->settled == t->quota;
}

static void client_receive(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                           unsigned count)
{
    struct client_thread *t = l->program;
    struct client *c = &t->clients[s->index];
    struct mark before;

    read_clock(t);
    before = mark_of(c);
    for (unsigned i = 0; i < count; i++)
        take_train(t, s->index, &trains[i]);
    settle(t, c, before);
    if (t->phase == PHASE_WINDOW && all_settled(t))
        end_window(t, t->last_answer_ns);
    else if (!open_loop(t) && t->phase != PHASE_READY)
        pump(t, s->index);
}

/* ---- what is due ----------------------------------------------------------------------------- */

/* Looks for losses, and lets clients go on whose sends failed or whose messages were lost. */
static void check(struct client_thread *t)
{
    uint64_t timeout_ns = t->run->config->timeout_ns;
    uint64_t next_ns = least(CHECK_NS, timeout_ns / TIMEOUT_CHECKS + 1);

    if (t->now_ns < t->next_check_ns)
        return;
    t->blocked = false;
    for (uint32_t i = 0; i < t->count; i++) {
        struct mark before = mark_of(&t->clients[i]);

        seq_expire(&t->clients[i].seq, t->now_ns, timeout_ns);
        settle(t, &t->clients[i], before);
        if (!open_loop(t) && i < t->kicked)
            pump(t, i);
    }
    t->next_check_ns = t->now_ns + (t->blocked ? least(next_ns, CHECK_SOON_NS) : next_ns);
}

/* The last thread to be ready fixes the start, and wakes the others. */
static void become_ready(struct client_thread *t)
{
    struct client_run *run = t->run;

    if (t->ready)
        return;
    t->ready = true;
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
    if (open_loop(t))
        pace_start(&t->pace, t->run->arrivals, config->rate, config->seed, t->loop.worker->index,
                   t->run->crew.count, start_ns);
    set_deadline(t);
    read_clock(t);
}

static void kick(struct client_thread *t)
{
    for (int i = 0; i < KICKS_PER_ROUND && t->kicked < t->count; i++) {
        catch_up(t);
        pump(t, t->kicked++);
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

    if (open_loop(t))
        run_schedule(t);
    else if (t->kicked < t->count)
        kick(t);
    check(t);
    if (t->phase == PHASE_WINDOW && all_settled(t)) {
        end_window(t, t->last_answer_ns);
    } else if (t->phase == PHASE_WINDOW && silent(t)) {
        t->gave_up = true;
        end_window(t, t->now_ns);
    }
    wake_ns = least(t->next_check_ns, t->deadline_ns);
    if (t->kicked < t->count && !open_loop(t))
        wake_ns = t->now_ns;
    return open_loop(t) && scheduling(t) ? least(wake_ns, t->pace.due_ns) : wake_ns;
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

static bool client_due(struct udp_loop *l, uint64_t *wake_ns)
{
    struct client_thread *t = l->program;
    bool stop = atomic_load_explicit(&t->run->stop, memory_order_relaxed);
    uint64_t start_ns;

    read_clock(t);
    if (stop && t->phase == PHASE_WINDOW)
        end_window(t, t->now_ns);
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

static const struct udp_role role = {client_receive, client_due};

/* ---- life ------------------------------------------------------------------------------------ */

static int prepare_messages(struct client_thread *t)
{
    const struct udp_config *config = t->run->config;
    struct rng rng = {.state = t->run->id};
    size_t bytes;

    t->send_cap = t->run->setup->ways.batch;
    bytes = t->send_cap * config->size_bytes;
    t->messages = malloc(bytes);
    t->due_ns = calloc(t->send_cap, sizeof *t->due_ns);
    t->trains = calloc(t->send_cap, sizeof *t->trains);
    if (!t->messages || !t->due_ns || !t->trains)
        return -ENOMEM;
    for (size_t i = 0; i < config->size_bytes; i++)
        t->messages[i] = (unsigned char)rng_next(&rng);
    for (uint32_t i = 1; i < t->send_cap; i++)
        memcpy(t->messages + i * config->size_bytes, t->messages, config->size_bytes);
    return 0;
}

/* Twice what can be in flight within a timeout, so that late answers are still known. */
static uint64_t window_slots(const struct udp_config *config)
{
    double in_flight = config->rate ? (double)config->rate * (double)config->timeout_ns / 1e9 /
                                          (double)config->clients
                                    : (double)config->pipeline;
    uint64_t most = MOST_SLOTS_ALL / config->clients;
    uint64_t wanted = in_flight * 2 > (double)most ? most : (uint64_t)(in_flight * 2);

    wanted = wanted > least(FEWEST_SLOTS, most) ? wanted : least(FEWEST_SLOTS, most);
    return wanted > 2 * config->pipeline ? wanted : 2 * config->pipeline;
}

static int open_clients(struct client_thread *t)
{
    const struct udp_config *config = t->run->config;
    struct wire_options options = {.sndbuf_bytes = config->sndbuf_bytes,
                                   .rcvbuf_bytes = config->rcvbuf_bytes,
                                   .gro = t->run->setup->ways.gro,
                                   .zerocopy = t->run->setup->ways.zerocopy};
    int family = t->run->server.storage.ss_family, err = 0;

    /* What is in flight comes back as one train where trains are received. */
    t->loop.receive_most =
        t->run->setup->ways.gro ? 1 : (unsigned)least(t->run->setup->ways.batch, config->pipeline);
    t->clients = calloc(t->count, sizeof *t->clients);
    t->loop.sockets = calloc(t->count, sizeof *t->loop.sockets);
    if (!t->clients || !t->loop.sockets)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->count && !err; i++) {
        int fd = wire_socket(family, NULL, config->connected ? &t->run->server : NULL, &options);

        t->loop.sockets[i] = (struct udp_socket){fd, i};
        t->loop.socket_count = i + (fd >= 0);
        err = fd < 0 ? fd : seq_init(&t->clients[i].seq, window_slots(config), config->rate > 0);
    }
    return err;
}

static int open_thread(struct client_run *run, unsigned index)
{
    const struct udp_config *config = run->config;
    struct client_thread *t = &run->threads[index];
    uint64_t share = config->clients / run->crew.count, rest = config->clients % run->crew.count;
    int err;

    t->run = run;
    t->count = (uint32_t)(share + (index < rest));
    t->first = (uint32_t)(share * index + least(index, rest));
    t->quota = config->messages * t->count;
    t->deadline_ns = CLOCK_NEVER_NS;
    hist_reset(&t->service);
    hist_reset(&t->response);
    run->crew.workers[index].program = t;
    err = ticks_init(&t->ticks, config->interval_ns);
    if (!err)
        err = prepare_messages(t);
    return err ? err : open_clients(t);
}

int client_open(struct client_run *run)
{
    int err = 0;

    run->peer.len = run->server.len;
    memcpy(&run->peer.address, &run->server.storage, sizeof run->peer.address);
    run->checked = run->config->size_bytes >= SEQ_HEADER_BYTES;
    run->arrivals = pace_arrivals_named(run->config->arrivals);
    run->threads = calloc(run->crew.count, sizeof *run->threads);
    if (!run->threads)
        return -ENOMEM;
    for (unsigned i = 0; i < run->crew.count && !err; i++)
        err = open_thread(run, i);
    return err;
}

void client_close(struct client_run *run)
{
    for (unsigned i = 0; run->threads && i < run->crew.count; i++) {
        struct client_thread *t = &run->threads[i];

        for (uint32_t c = 0; t->clients && c < t->count; c++)
            seq_free(&t->clients[c].seq);
        for (uint32_t s = 0; s < t->loop.socket_count; s++)
            close(t->loop.sockets[s].fd);
        free(t->clients);
        free(t->loop.sockets);
        free(t->messages);
        free(t->due_ns);
        free(t->trains);
        ticks_free(&t->ticks);
    }
    free(run->threads);
}

int client_body(struct worker *w)
{
    struct client_thread *t = w->program;
    int64_t drops;
    int err;

    err = udp_loop_run(&t->loop, w, t->run->setup, &role, t);
    drops = drops_of_sockets(t);
    t->kernel_drops = t->kernel_drops < 0 || drops < 0 ? -1 : drops - t->kernel_drops;
    atomic_store_explicit(&t->ticks.over, true, memory_order_release);
    return err;
}

void client_stop(struct client_run *run)
{
    atomic_store(&run->stop, true);
    crew_wake_all(&run->crew);
}
