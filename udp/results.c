#include "udp/results.h"

#include <string.h>

static int64_t add_known(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a + b;
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
    send_errors_add(&r->send_errors, &t->send_errors);
    r->crowded_out += t->crowded_out;
    r->kernel_drops = add_known(r->kernel_drops, t->kernel_drops);
    r->gave_up |= t->gave_up;
    add_clients(r, t);
}

void results_collect(struct results *r, const struct client_run *run)
{
    uint64_t asked = 0;

    memset(r, 0, sizeof *r);
    summary_collect(&r->summary, &run->drive);
    for (unsigned i = 0; i < run->drive.crew.count; i++) {
        const struct client_thread *t = &run->threads[i];

        if (!t->meter.measured)
            continue;
        asked += t->meter.quota;
        add_thread(r, t);
    }
    r->unsent = run->config->rate       ? schedule_never_sent(&r->summary.schedule)
                : run->config->messages ? asked - r->counts.sent
                                        : 0;
}

static void add_worker(struct server_results *r, const struct server_worker *w)
{
    const struct server_counts *c = &w->counts;

    r->counts.received += c->received;
    r->counts.echoed += c->echoed;
    r->counts.corrupted += c->corrupted;
    r->counts.replies_dropped += c->replies_dropped;
    send_errors_add(&r->counts.send_errors, &c->send_errors);
    r->kernel_drops = add_known(r->kernel_drops, w->kernel_drops);
    if (c->received < r->least_received)
        r->least_received = c->received;
    if (c->received > r->most_received)
        r->most_received = c->received;
}

void results_collect_server(struct server_results *r, const struct server *s)
{
    *r = (struct server_results){
        .stats = crew_stats(&s->serve.crew),
        .least_received = UINT64_MAX,
        .rcvbuf_bytes = wire_rcvbuf_bytes(s->workers[0].socket.fd),
        .cpu = serve_cpu(&s->serve),
    };
    for (unsigned i = 0; i < s->serve.crew.count; i++)
        add_worker(r, &s->workers[i]);
}

double results_loss_percent(const struct results *r)
{
    return r->counts.sent ? 100.0 * (double)r->counts.lost / (double)r->counts.sent : 0;
}

bool results_failed(const struct results *r)
{
    return r->gave_up || (r->counts.received == 0 && !r->summary.drive->interrupted);
}

void results_warn(const struct bench *b, report_note *note, void *to)
{
    if (!b->client.checked)
        note(to, "messages are too short for a header: an answer is taken to be that of the oldest "
                 "message in flight");
    if (b->results.gave_up)
        note(to, "given up: nothing came back any more");
    if (b->results.counts.lost && !b->config.rate) /* of an open loop the summary says it */
        note(to, "messages were lost: the percentiles are of those that came back");
}

/*
 * The published program starts (0.2 s), sleeps for 5 s while the work goes on, and shuts down
 * (0.5 s): whatever was done by then is divided by all of that, each echo counted at both ends.
 */
struct published results_published(const struct bench *b)
{
    const double slept_s = 5.0, wall_s = 5.7;
    const struct results *r = &b->results;
    double done = r->summary.duration_s > slept_s ? slept_s / r->summary.duration_s : 1;
    double packets = (double)(r->counts.sent + r->counts.received) * done;
    double bytes = packets * (double)b->config.size_bytes;
    double sent = 2 * (double)r->counts.sent * done;

    return (struct published){
        .packets = packets,
        .wall_s = wall_s,
        .packets_s = packets / wall_s,
        .mib_s = bytes / wall_s / (1024.0 * 1024.0),
        .loss_percent = sent > 0 ? 100.0 * (sent - packets) / sent : 0,
    };
}
