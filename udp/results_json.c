/* The JSON report of bench_udp. */
#include "udp/results.h"

#include <stdio.h>
#include <string.h>

/* Clients beyond this number are left out: "clients" would be the greater part of the report. */
enum { CLIENTS_LISTED = 1000 };

static void write_known(struct report *report, const char *path, int64_t value)
{
    if (value < 0)
        report_null(report, path);
    else
        report_integer(report, path, (uint64_t)value);
}

static void write_member(struct report *report, const char *path, const char *name, int64_t value)
{
    char member[96];

    snprintf(member, sizeof member, "%s.%s", path, name);
    write_known(report, member, value);
}

static void write_send_errors(struct report *report, const char *path, const struct send_errors *e)
{
#define NAME(name, text) #name,
    static const char *const names[SEND_ERROR_KINDS] = {SEND_ERRORS(NAME)};
#undef NAME

    for (unsigned i = 0; i < SEND_ERROR_KINDS; i++)
        write_member(report, path, names[i], (int64_t)e->kinds[i]);
}

/* With --zerocopy: how many sends there were, and how many the kernel copied all the same. */
static void write_zerocopy(struct report *report, const struct bench *b, const char *path,
                           const struct stats *s)
{
    if (!b->setup.ways.zerocopy)
        return;
    write_member(report, path, "sends", (int64_t)s->zerocopy_sends);
    write_member(report, path, "copied", (int64_t)s->zerocopy_copied);
}

static void write_packets(struct report *report, const struct results *r, bool numbered)
{
    for (unsigned i = 0; i < SEQ_COUNT_KINDS; i++) {
        bool known = numbered || !(i == SEQ_late || i == SEQ_reordered || i == SEQ_duplicated);

        write_member(report, "packets", seq_count_names[i],
                     known ? (int64_t)r->counts.kinds[i] : -1);
    }
    report_integer(report, "packets.in_flight", r->in_flight);
    report_integer(report, "packets.unsent", r->unsent);
    report_integer(report, "packets.crowded_out", r->crowded_out);
    report_number(report, "packets.loss_percent", results_loss_percent(r));
    write_known(report, "packets.kernel_drops", r->kernel_drops);
    write_send_errors(report, "packets.send_errors", &r->send_errors);
}

static void write_clients(struct report *report, const struct client_run *run)
{
    const char *names[1 + SEQ_COUNT_KINDS] = {"client"};
    double values[1 + SEQ_COUNT_KINDS];

    memcpy(names + 1, seq_count_names, sizeof seq_count_names);
    report_array(report, "clients");
    for (unsigned i = 0; i < run->drive.crew.count; i++) {
        const struct client_thread *t = &run->threads[i];

        for (uint32_t n = 0; n < t->count && t->first + n < CLIENTS_LISTED; n++) {
            values[0] = t->first + n;
            for (unsigned kind = 0; kind < SEQ_COUNT_KINDS; kind++)
                values[1 + kind] = (double)t->clients[n].seq.counts[1].kinds[kind];
            report_append_point(report, "clients", names, values, 1 + SEQ_COUNT_KINDS);
        }
    }
}

static void write_client(struct report *report, const struct bench *b)
{
    const struct results *r = &b->results;

    summary_report(report, &r->summary, r->summary.cpu);
    write_packets(report, r, b->client.checked);
    write_zerocopy(report, b, "zerocopy", &r->summary.window);
    fairness_report(report, &r->fairness);
    write_clients(report, &b->client);
    results_warn(b, report_warning, report);
}

static void write_published(struct report *report, const struct bench *b)
{
    struct published p = results_published(b);

    report_number(report, "published_method.packets", p.packets);
    report_number(report, "published_method.wall_s", p.wall_s);
    report_number(report, "published_method.packets_s", p.packets_s);
    report_number(report, "published_method.both_mib_s", p.mib_s);
    report_number(report, "published_method.loss_percent", p.loss_percent);
}

/* What a server knows, under the path of its own or that of the whole run. */
static void write_server_counts(struct report *report, const char *path, const char *zerocopy,
                                const struct bench *b)
{
    const struct server_results *r = &b->served;
    char errors[64];

    write_member(report, path, "received", (int64_t)r->counts.received);
    write_member(report, path, "corrupted", (int64_t)r->counts.corrupted);
    write_member(report, path, "replies_dropped", (int64_t)r->counts.replies_dropped);
    write_member(report, path, "kernel_drops", r->kernel_drops);
    snprintf(errors, sizeof errors, "%s.send_errors", path);
    write_send_errors(report, errors, &r->counts.send_errors);
    write_zerocopy(report, b, zerocopy, &r->stats);
}

static void write_served(struct report *report, const struct bench *b)
{
    const struct server_results *r = &b->served;
    double cpu_us = (double)(r->cpu.user_ns + r->cpu.system_ns) / 1e3;

    report_integer(report, "server.workers", b->server.serve.crew.count);
    report_integer(report, "server.echoed", r->counts.echoed);
    write_server_counts(report, "server", "server.zerocopy", b);
    report_integer(report, "server.least_received", r->least_received);
    report_integer(report, "server.most_received", r->most_received);
    report_integer(report, "server.rcvbuf_bytes", r->rcvbuf_bytes);
    report_integer(report, "server.syscalls", stats_syscalls_total(&r->stats));
    report_number(report, "server.user_s", (double)r->cpu.user_ns / 1e9);
    report_number(report, "server.system_s", (double)r->cpu.system_ns / 1e9);
    report_number(report, "server.us_per_echo", cpu_us / (double)r->counts.echoed);
}

/* A server alone: it knows what it received and sent, and nothing of what others lost. */
static void write_server_alone(struct report *report, const struct bench *b)
{
    static const unsigned unknown[] = {SEQ_lost, SEQ_late, SEQ_reordered, SEQ_duplicated};

    serve_report(report, &b->server.serve, &b->served.stats);
    report_integer(report, "packets.sent", b->served.counts.echoed);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        write_member(report, "packets", seq_count_names[unknown[i]], -1);
    write_server_counts(report, "packets", "zerocopy", b);
}

void results_report(struct report *report, const struct bench *b)
{
    choice_report(report, b->config.backend, &b->setup.choice);
    if (b->is_client)
        write_client(report, b);
    else
        write_server_alone(report, b);
    if (b->is_server)
        write_served(report, b);
    if (b->is_client && b->config.published_method)
        write_published(report, b);
}
