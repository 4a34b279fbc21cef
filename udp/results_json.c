/* The JSON report of bench_udp. */
#include "udp/results.h"

#include <stdio.h>

/* Clients beyond this number are left out: "clients" would be the greater part of the report. */
enum { CLIENTS_LISTED = 1000 };

static void write_known(struct report *report, const char *path, int64_t value)
{
    if (value < 0)
        report_null(report, path);
    else
        report_integer(report, path, (uint64_t)value);
}

/* Without headers some counts are not known: those are null. */
static void write_if(struct report *report, bool known, const char *path, uint64_t value)
{
    write_known(report, path, known ? (int64_t)value : -1);
}

static void write_send_errors(struct report *report, const char *path, const struct send_errors *e)
{
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {{"would_block", e->would_block},
                {"no_buffers", e->no_buffers},
                {"refused", e->refused},
                {"other", e->other}};
    char member[96];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(member, sizeof member, "%s.%s", path, rows[i].name);
        report_integer(report, member, rows[i].count);
    }
}

/* Where it was asked for; the kernel says which sends it copied all the same. */
static void write_zerocopy(struct report *report, const struct outcome *o, const char *sends,
                           const char *copied, const struct stats *s)
{
    if (!o->setup->ways.zerocopy)
        return;
    report_integer(report, sends, s->zerocopy_sends);
    report_integer(report, copied, s->zerocopy_copied);
}

static void write_packets(struct report *report, const struct results *r, bool numbered)
{
    const struct seq_counts *c = &r->counts;

    report_integer(report, "packets.sent", c->sent);
    report_integer(report, "packets.received", c->received);
    report_integer(report, "packets.lost", c->lost);
    write_if(report, numbered, "packets.late", c->late);
    write_if(report, numbered, "packets.reordered", c->reordered);
    write_if(report, numbered, "packets.duplicated", c->duplicated);
    report_integer(report, "packets.corrupted", c->corrupted);
    report_integer(report, "packets.foreign", c->foreign);
    report_integer(report, "packets.stale", c->stale);
    report_integer(report, "packets.in_flight", r->in_flight);
    report_integer(report, "packets.unsent", r->unsent);
    report_integer(report, "packets.crowded_out", r->crowded_out);
    report_number(report, "packets.loss_percent", results_loss_percent(r));
    write_known(report, "packets.kernel_drops", r->kernel_drops);
    write_send_errors(report, "packets.send_errors", &r->send_errors);
}

static void write_clients(struct report *report, const struct client_run *run)
{
    static const char *const names[] = {"client",    "sent",       "received",  "lost",    "late",
                                        "reordered", "duplicated", "corrupted", "foreign", "stale"};

    report_array(report, "clients");
    for (unsigned i = 0; i < run->drive.crew.count; i++) {
        const struct client_thread *t = &run->threads[i];

        for (uint32_t n = 0; n < t->count && t->first + n < CLIENTS_LISTED; n++) {
            const struct seq_counts *c = &t->clients[n].seq.counts[1];
            double values[] = {t->first + n,          (double)c->sent,      (double)c->received,
                               (double)c->lost,       (double)c->late,      (double)c->reordered,
                               (double)c->duplicated, (double)c->corrupted, (double)c->foreign,
                               (double)c->stale};

            report_append_point(report, "clients", names, values, 10);
        }
    }
}

static void write_client(struct report *report, const struct outcome *o)
{
    const struct results *r = o->results;

    summary_report(report, &r->summary, r->summary.cpu);
    write_packets(report, r, o->client->checked);
    write_zerocopy(report, o, "zerocopy.sends", "zerocopy.copied", &r->summary.window);
    fairness_report(report, &r->fairness);
    write_clients(report, o->client);
    results_warn(o, report_warning, report);
}

static void write_published(struct report *report, const struct outcome *o)
{
    struct published p = results_published(o);

    report_number(report, "published_method.packets", p.packets);
    report_number(report, "published_method.wall_s", p.wall_s);
    report_number(report, "published_method.packets_s", p.packets_s);
    report_number(report, "published_method.both_mib_s", p.mib_s);
    report_number(report, "published_method.loss_percent", p.loss_percent);
}

static void write_served(struct report *report, const struct outcome *o)
{
    const struct server_results *r = o->served;
    double cpu_us = (double)(r->cpu.user_ns + r->cpu.system_ns) / 1e3;

    report_integer(report, "server.workers", o->server->serve.crew.count);
    report_integer(report, "server.received", r->counts.received);
    report_integer(report, "server.echoed", r->counts.echoed);
    report_integer(report, "server.corrupted", r->counts.corrupted);
    report_integer(report, "server.replies_dropped", r->counts.replies_dropped);
    write_known(report, "server.kernel_drops", r->kernel_drops);
    write_send_errors(report, "server.send_errors", &r->counts.send_errors);
    write_zerocopy(report, o, "server.zerocopy.sends", "server.zerocopy.copied", &r->stats);
    report_integer(report, "server.least_received", r->least_received);
    report_integer(report, "server.most_received", r->most_received);
    report_integer(report, "server.rcvbuf_bytes", r->rcvbuf_bytes);
    report_integer(report, "server.syscalls", stats_syscalls_total(&r->stats));
    report_number(report, "server.user_s", (double)r->cpu.user_ns / 1e9);
    report_number(report, "server.system_s", (double)r->cpu.system_ns / 1e9);
    report_number(report, "server.us_per_echo", cpu_us / (double)r->counts.echoed);
}

/* A server alone: it knows what it received and sent, and nothing of what others lost. */
static void write_server_alone(struct report *report, const struct outcome *o)
{
    static const char *const unknown[] = {"packets.lost", "packets.late", "packets.reordered",
                                          "packets.duplicated"};
    const struct server_results *r = o->served;

    serve_report(report, &o->server->serve, &r->stats);
    report_integer(report, "packets.sent", r->counts.echoed);
    report_integer(report, "packets.received", r->counts.received);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        report_null(report, unknown[i]);
    report_integer(report, "packets.corrupted", r->counts.corrupted);
    report_integer(report, "packets.replies_dropped", r->counts.replies_dropped);
    write_known(report, "packets.kernel_drops", r->kernel_drops);
    write_send_errors(report, "packets.send_errors", &r->counts.send_errors);
    write_zerocopy(report, o, "zerocopy.sends", "zerocopy.copied", &r->stats);
}

void results_report(struct report *report, const struct outcome *o)
{
    choice_report(report, o->config->backend, &o->setup->choice);
    if (o->results)
        write_client(report, o);
    else
        write_server_alone(report, o);
    if (o->served)
        write_served(report, o);
    if (o->results && o->config->published_method)
        write_published(report, o);
}
