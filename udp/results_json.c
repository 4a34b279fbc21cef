/* The JSON report of bench_udp. */
#include "udp/results.h"

#include "common/base/clock.h"
#include "common/report/report.h"

#include <errno.h>
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

static void write_packets(struct report *report, const struct results *r)
{
    const struct seq_counts *c = &r->counts;

    report_integer(report, "packets.sent", c->sent);
    report_integer(report, "packets.received", c->received);
    report_integer(report, "packets.lost", c->lost);
    write_if(report, r->numbered, "packets.late", c->late);
    write_if(report, r->numbered, "packets.reordered", c->reordered);
    write_if(report, r->numbered, "packets.duplicated", c->duplicated);
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
    for (unsigned i = 0; i < run->crew.count; i++) {
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

static void write_series(struct report *report, const struct client_run *run)
{
    static const char *const names[] = {"t_s", "qps", "errors"};
    struct ticks *threads[run->crew.count];
    struct ticks_reader reader = {threads, run->crew.count, .ticks_per_interval = 1};
    struct ticks_point p;

    for (unsigned i = 0; i < run->crew.count; i++)
        threads[i] = &run->threads[i].ticks;
    report_array(report, "intervals");
    while (ticks_next(&reader, &p)) {
        double values[] = {p.end_s, p.qps, (double)p.errors};

        report_append_point(report, "intervals", names, values, 3);
    }
}

static void write_warnings(struct report *report, const struct outcome *o, const struct host *host,
                           const struct host_pressure *before, const struct host_pressure *after)
{
    report_array(report, "warnings");
    if (o->results && !o->results->numbered)
        report_append_text(report, "warnings",
                           "messages are too short for a header: an answer is taken to be that of "
                           "the oldest message in flight");
    if (o->results && o->results->gave_up)
        report_append_text(report, "warnings", "given up: nothing came back any more");
    if (o->results && o->results->counts.lost)
        report_append_text(report, "warnings",
                           "messages were lost: the percentiles are of those that came back");
    report_host_warnings(report, host, before, after);
}

static void write_client(struct report *report, const struct outcome *o)
{
    const struct results *r = o->results;
    const char *limited = results_client_limited(r);

    report_integer(report, "threads", o->client->crew.count);
    report_number(report, "window.warmup_s", (double)o->config->warmup_ns / (double)NS_PER_S);
    report_number(report, "window.duration_s", r->duration_s);
    report_number(report, "window.drain_s", r->drain_s);
    report_flag(report, "interrupted", r->interrupted);
    report_stats(report, &r->window);
    report_rates(report, &r->window, r->duration_s);
    write_packets(report, r);
    write_zerocopy(report, o, "zerocopy.sends", "zerocopy.copied", &r->window);
    report_latency(report, "latency.service_ns", &r->service);
    if (r->open_loop)
        report_latency(report, "latency.response_ns", &r->response);
    fairness_report(report, &r->fairness);
    report_cpu(report, r->cpu, r->window.requests);
    report_number(report, "cpu.busiest_thread", r->busiest_thread);
    write_series(report, o->client);
    write_clients(report, o->client);
    report_flag(report, "client_limited", limited != NULL);
    if (limited)
        report_text(report, "client_limited_reason", limited);
    else
        report_null(report, "client_limited_reason");
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

    report_integer(report, "server.workers", o->server->crew.count);
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

    report_integer(report, "threads", o->server->crew.count);
    report_number(report, "uptime_s", r->uptime_s);
    report_stats(report, &r->stats);
    report_null(report, "totals.requests");
    report_integer(report, "packets.sent", r->counts.echoed);
    report_integer(report, "packets.received", r->counts.received);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        report_null(report, unknown[i]);
    report_integer(report, "packets.corrupted", r->counts.corrupted);
    report_integer(report, "packets.replies_dropped", r->counts.replies_dropped);
    write_known(report, "packets.kernel_drops", r->kernel_drops);
    write_send_errors(report, "packets.send_errors", &r->counts.send_errors);
    write_zerocopy(report, o, "zerocopy.sends", "zerocopy.copied", &r->stats);
    report_number(report, "cpu.user_s", (double)r->cpu.user_ns / 1e9);
    report_number(report, "cpu.system_s", (double)r->cpu.system_ns / 1e9);
}

int results_write(const struct outcome *o, const struct opt_table *table, int argc,
                  char *const *argv, const struct host *host, const struct host_pressure *before,
                  const struct host_pressure *after, int exit_status)
{
    struct report *report = report_new(table, o->config, argc, argv);
    int err;

    if (!report)
        return -ENOMEM;
    report_host(report, host, before, after);
    choice_report(report, o->config->backend, &o->setup->choice);
    if (o->results)
        write_client(report, o);
    else
        write_server_alone(report, o);
    if (o->served)
        write_served(report, o);
    if (o->results && o->config->published_method)
        write_published(report, o);
    report_integer(report, "memory.peak_rss_bytes", os_peak_rss_bytes());
    write_warnings(report, o, host, before, after);
    report_integer(report, "exit_status", (uint64_t)exit_status);
    err = report_write(report, o->config->json);
    report_free(report);
    return err;
}
