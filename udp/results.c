#include "udp/results.h"

#include "common/base/clock.h"

#include <math.h>
#include <string.h>

/* A thread that is on a CPU for so much of the window has no room for more. */
#define SATURATED 0.95

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static int64_t add_known(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a + b;
}

static void add_cpu(struct results *r, const struct client_thread *t)
{
    struct os_cpu_time cpu = {t->cpu_at_end.user_ns - t->cpu_at_start.user_ns,
                              t->cpu_at_end.system_ns - t->cpu_at_start.system_ns};

    r->cpu.user_ns += cpu.user_ns;
    r->cpu.system_ns += cpu.system_ns;
    if (t->window_end_ns > t->window_start_ns)
        r->busiest_thread =
            fmax(r->busiest_thread, seconds(cpu.user_ns + cpu.system_ns) /
                                        seconds(t->window_end_ns - t->window_start_ns));
}

static void add_clients(struct results *r, const struct client_thread *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct seq_window *seq = &t->clients[i].seq;

        seq_counts_add(&r->counts, &seq->counts[1]);
        r->in_flight += seq_count_in_flight(seq);
        fairness_add(&r->fairness, seq->counts[1].received, seq->counts[1].sent > 0);
    }
}

static void add_thread(struct results *r, const struct client_thread *t)
{
    struct stats window = stats_between(&t->at_start, &t->at_end);

    stats_merge(&r->window, &window);
    hist_merge(&r->service, &t->service);
    hist_merge(&r->response, &t->response);
    send_errors_add(&r->send_errors, &t->send_errors);
    r->unsent += t->unsent;
    r->crowded_out += t->crowded_out;
    r->kernel_drops = add_known(r->kernel_drops, t->kernel_drops);
    r->gave_up |= t->gave_up;
    r->drain_s = fmax(r->drain_s,
                      t->done_ns > t->window_end_ns ? seconds(t->done_ns - t->window_end_ns) : 0);
    add_cpu(r, t);
    add_clients(r, t);
}

void results_collect(struct results *r, const struct client_run *run, bool interrupted)
{
    struct stats whole = crew_stats(&run->crew);
    uint64_t end_ns = 0;

    memset(r, 0, sizeof *r);
    hist_reset(&r->service);
    hist_reset(&r->response);
    r->interrupted = interrupted;
    r->open_loop = run->config->rate > 0;
    r->numbered = run->checked;
    r->rcvbuf_bytes = wire_rcvbuf_bytes(run->threads[0].loop.sockets[0].fd);
    for (unsigned i = 0; i < run->crew.count; i++) {
        const struct client_thread *t = &run->threads[i];

        if (!t->measured)
            continue;
        add_thread(r, t);
        if (t->window_end_ns > end_ns)
            end_ns = t->window_end_ns;
    }
    if (end_ns)
        r->duration_s = seconds(end_ns - run->threads[0].window_start_ns);
    memcpy(r->window.errors, whole.errors, sizeof whole.errors);
}

void results_collect_server(struct server_results *r, const struct server *s)
{
    *r = (struct server_results){
        .stats = crew_stats(&s->crew),
        .least_received = UINT64_MAX,
        .rcvbuf_bytes = wire_rcvbuf_bytes(s->workers[0].socket.fd),
        .uptime_s = seconds(s->end_ns - s->start_ns),
    };
    r->counts = server_total(s, &r->kernel_drops);
    for (unsigned i = 0; i < s->crew.count; i++) {
        uint64_t received = s->workers[i].counts.received;

        r->cpu.user_ns += s->crew.workers[i].cpu_time.user_ns;
        r->cpu.system_ns += s->crew.workers[i].cpu_time.system_ns;
        if (received < r->least_received)
            r->least_received = received;
        if (received > r->most_received)
            r->most_received = received;
    }
}

double results_rate(const struct results *r, uint64_t count)
{
    return r->duration_s > 0 ? (double)count / r->duration_s : 0;
}

double results_loss_percent(const struct results *r)
{
    return r->counts.sent ? 100.0 * (double)r->counts.lost / (double)r->counts.sent : 0;
}

const char *results_client_limited(const struct results *r)
{
    return r->busiest_thread >= SATURATED
               ? "a client thread was on its CPU for 95 % of the window or more"
               : NULL;
}

bool results_failed(const struct results *r)
{
    return r->gave_up || (r->counts.received == 0 && !r->interrupted);
}

/*
 * The published program starts (0.2 s), sleeps for 5 s while the work goes on, and shuts down
 * (0.5 s): whatever was done by then is divided by all of that, each echo counted at both ends.
 */
struct published results_published(const struct outcome *o)
{
    const double slept_s = 5.0, wall_s = 5.7;
    const struct results *r = o->results;
    double done = r->duration_s > slept_s ? slept_s / r->duration_s : 1;
    double packets = (double)(r->counts.sent + r->counts.received) * done;
    double bytes = packets * (double)o->config->size_bytes;
    double sent = 2 * (double)r->counts.sent * done;

    return (struct published){
        .packets = packets,
        .wall_s = wall_s,
        .packets_s = packets / wall_s,
        .mib_s = bytes / wall_s / (1024.0 * 1024.0),
        .loss_percent = sent > 0 ? 100.0 * (sent - packets) / sent : 0,
    };
}
