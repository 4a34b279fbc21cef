#include "client/results.h"

#include <string.h>

void results_collect(struct results *r, const struct client_run *run)
{
    memset(r, 0, sizeof *r);
    summary_collect(&r->summary, &run->drive);
    hist_reset(&r->connects);
    for (unsigned i = 0; i < run->drive.crew.count; i++) {
        const struct client_thread *t = &run->threads[i];

        r->opened += t->opened;
        r->reopened += t->reopened;
        r->failed += t->failed;
        r->lost += t->lost;
        hist_merge(&r->connects, &t->connects);
        fairness_merge(&r->fairness, &t->fairness);
    }
}

bool results_failed(const struct results *r)
{
    const struct summary *s = &r->summary;
    uint64_t done = s->window.requests + r->connects.count;

    /* A server that ends while no reply is due leaves no error behind, only lost connections. */
    return s->errors > 0 || r->lost > 0 || (done == 0 && !s->drive->interrupted);
}

void results_warn(const struct results *r, const struct client_run *run, report_note *note,
                  void *to)
{
    if (r->failed)
        report_say(note, to, "only %u of %u connections could be made", r->opened,
                   (unsigned)run->config->connections);
    if (r->summary.window.errors[ERROR_out_of_ports])
        note(to, "closed connections hold their ports for a minute (TIME_WAIT): --close rst, or a "
                 "wider net.ipv4.ip_local_port_range");
    if (r->fairness.starved && !run->config->churn)
        report_say(note, to, "%u connections completed no request in the window",
                   (unsigned)r->fairness.starved);
}

static void report_connections(struct report *report, const struct results *r,
                               const struct client_run *run)
{
    report_integer(report, "connections.asked", run->config->connections);
    report_integer(report, "connections.opened", r->opened);
    report_integer(report, "connections.failed", r->failed);
    report_integer(report, "connections.lost", r->lost);
    report_integer(report, "connections.open_peak", r->summary.window.open_peak);
    if (!run->config->churn && !run->config->connect_only)
        return;
    report_integer(report, "connections.reopened", r->reopened);
    report_number(report, "rate.connects_per_s", summary_rate(&r->summary, r->connects.count));
    report_latency(report, "latency.connect_ns", &r->connects);
}

void results_report(struct report *report, const struct results *r, const struct client_run *run)
{
    summary_report(report, &r->summary, r->summary.cpu);
    choice_report(report, run->config->backend, &run->loop.choice);
    report_connections(report, r, run);
    fairness_report(report, &r->fairness);
    results_warn(r, run, report_warning, report);
}
