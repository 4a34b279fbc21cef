#include "client/results.h"

#include "client/search.h"
#include "client/window.h"
#include "common/base/clock.h"
#include "common/measure/report_quality.h"
#include "common/report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* An open loop that is so late of its own doing at P99 does not keep its schedule. */
#define CLIENT_LATE_NS NS_PER_MS

/* A thread that is on a CPU for so much of the window has no room for more. */
#define SATURATED 0.95

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static void add_thread(struct results *r, const struct flight *f, uint64_t *end_ns)
{
    struct stats window = stats_between(&f->at_start, &f->at_end);
    struct os_cpu_time cpu = {f->cpu_at_end.user_ns - f->cpu_at_start.user_ns,
                              f->cpu_at_end.system_ns - f->cpu_at_start.system_ns};

    stats_merge(&r->window, &window);
    hist_merge(&r->service, &f->service);
    hist_merge(&r->response, &f->response);
    hist_merge(&r->lateness, &f->lateness);
    hist_merge(&r->queued, &f->queued);
    hist_merge(&r->connects, &f->connects);
    r->scheduled += f->due_in_window + f->never_sent;
    r->never_sent += f->never_sent;
    r->never_answered += f->due_in_window - f->response.count;
    r->sent += f->sent_in_window;
    if (f->queue_peak > r->queue_peak)
        r->queue_peak = f->queue_peak;
    fairness_merge(&r->fairness, &f->fairness);
    r->cpu.user_ns += cpu.user_ns;
    r->cpu.system_ns += cpu.system_ns;
    r->unfinished += f->unfinished;
    if (f->window_end_ns > *end_ns)
        *end_ns = f->window_end_ns;
    if (f->ended_ns > f->window_end_ns)
        r->drain_s = fmax(r->drain_s, seconds(f->ended_ns - f->window_end_ns));
    if (f->window_end_ns > f->window_start_ns) {
        uint64_t on_cpu_ns = cpu.user_ns + cpu.system_ns;
        uint64_t idle_ns = f->idle_at_end_ns - f->idle_at_start_ns;
        double busy = seconds(on_cpu_ns > idle_ns ? on_cpu_ns - idle_ns : 0) /
                      seconds(f->window_end_ns - f->window_start_ns);

        r->busiest_thread = fmax(r->busiest_thread, busy);
    }
}

void results_collect(struct results *r, const struct run *run, const struct conditions *conditions,
                     bool interrupted)
{
    struct stats whole = crew_stats(&run->crew);
    struct ticks_reader series = flight_series(run);
    uint64_t end_ns = 0;

    memset(r, 0, sizeof *r);
    hist_reset(&r->service);
    hist_reset(&r->response);
    hist_reset(&r->lateness);
    hist_reset(&r->queued);
    hist_reset(&r->connects);
    r->conditions = *conditions;
    r->interrupted = interrupted;
    for (unsigned i = 0; i < run->crew.count; i++) {
        const struct flight *f = &run->flights[i];

        r->opened += f->opened;
        r->reopened += f->reopened;
        r->failed += f->failed;
        r->lost += f->lost;
        if (f->measured)
            add_thread(r, f, &end_ns);
    }
    if (end_ns)
        r->duration_s = seconds(end_ns - run->flights[0].window_start_ns);
    if (run->extension.verdict.steady && !interrupted)
        r->steady = run->extension.verdict; /* it ended the window: not to be tried again */
    else
        ticks_steady(&series, &r->steady);
    r->window.open_peak = whole.open_peak;
    memcpy(r->window.errors, whole.errors, sizeof whole.errors);
    r->errors = stats_errors_total(&whole);
}

double results_rate(const struct results *r, uint64_t count)
{
    return r->duration_s > 0 ? (double)count / r->duration_s : 0;
}

const char *results_client_limited(const struct results *r, char *buf, size_t cap)
{
    uint64_t late_ns = hist_percentile_ns(&r->lateness, 99);

    if (late_ns > CLIENT_LATE_NS && r->lateness.count * 100 >= r->scheduled)
        snprintf(buf, cap,
                 "it was late with its own sends: by %.1f ms at P99, while connections "
                 "were free",
                 (double)late_ns / (double)NS_PER_MS);
    else if (r->busiest_thread >= SATURATED)
        snprintf(buf, cap, "a thread was at work for %.0f %% of the window",
                 100 * r->busiest_thread);
    else
        return NULL;
    return buf;
}

bool results_failed(const struct results *r)
{
    uint64_t done = r->window.requests + r->connects.count;

    /* A server that ends while no reply is due leaves no error behind, only lost connections. */
    return r->errors > 0 || r->lost > 0 || (done == 0 && !r->interrupted);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void write_open_loop(struct report *report, const struct results *r, const struct run *run)
{
    if (run->config->rate == 0)
        return;
    report_integer(report, "open_loop.rate", run->config->rate);
    report_text(report, "open_loop.arrivals", run->config->arrivals);
    report_integer(report, "open_loop.scheduled", r->scheduled);
    report_integer(report, "open_loop.never_sent", r->never_sent);
    report_integer(report, "open_loop.never_answered", r->never_answered);
    report_number(report, "open_loop.sent_rate", results_rate(r, r->sent));
    report_integer(report, "open_loop.queue_peak", r->queue_peak);
    report_latency(report, "open_loop.lateness_ns", &r->lateness);
    report_latency(report, "open_loop.queued_ns", &r->queued);
    report_latency(report, "latency.response_ns", &r->response);
}

static void write_churn(struct report *report, const struct results *r, const struct run *run)
{
    if (!run->config->churn && !run->config->connect_only)
        return;
    report_integer(report, "connections.reopened", r->reopened);
    report_number(report, "rate.connects_per_s", results_rate(r, r->connects.count));
    report_latency(report, "latency.connect_ns", &r->connects);
}

static void write_extension(struct report *report, const struct run *run)
{
    const struct client_config *config = run->config;

    if (!config->until_steady_ns)
        return;
    report_number(report, "extension.asked_s", seconds(config->duration_ns));
    report_number(report, "extension.bound_s", seconds(config->until_steady_ns));
    report_integer(report, "extension.times", run->extension.times);
}

static void write_series(struct report *report, const struct run *run)
{
    static const char *const names[] = {"t_s", "qps", "errors"};
    struct ticks_reader reader = flight_series(run);
    struct ticks_point p;

    report_array(report, "intervals");
    while (ticks_next(&reader, &p)) {
        double values[] = {p.end_s, p.qps, (double)p.errors};

        report_append_point(report, "intervals", names, values, 3);
    }
}

const char *results_port_advice(const struct results *r)
{
    return r->window.errors[ERROR_out_of_ports]
               ? "closed connections hold their ports for a minute (TIME_WAIT): --close rst, or a "
                 "wider net.ipv4.ip_local_port_range"
               : NULL;
}

static void write_warnings(struct report *report, const struct results *r, const struct run *run)
{
    const struct conditions *c = &r->conditions;
    char text[160];

    report_array(report, "warnings");
    if (r->failed) {
        snprintf(text, sizeof text, "only %u of %u connections could be made", r->opened,
                 (unsigned)run->config->connections);
        report_append_text(report, "warnings", text);
    }
    if (!r->interrupted && !run->config->requests &&
        r->duration_s < 0.99 * seconds(window_planned_ns(run))) {
        snprintf(text, sizeof text, "the window ended after %.3f of %.3f s: nobody was left to ask",
                 r->duration_s, seconds(window_planned_ns(run)));
        report_append_text(report, "warnings", text);
    }
    if (results_port_advice(r))
        report_append_text(report, "warnings", results_port_advice(r));
    if (run->extension.too_late)
        report_append_text(report, "warnings",
                           "--until-steady came too late to lengthen the window: no CPU was free");
    if (r->never_sent + r->never_answered) {
        snprintf(text, sizeof text,
                 "%" PRIu64 " of %" PRIu64 " scheduled requests got no reply: the percentiles are "
                 "of those that did",
                 r->never_sent + r->never_answered, r->scheduled);
        report_append_text(report, "warnings", text);
    }
    if (r->fairness.starved && !run->config->churn) {
        snprintf(text, sizeof text, "%u connections completed no request in the window",
                 (unsigned)r->fairness.starved);
        report_append_text(report, "warnings", text);
    }
    report_host_warnings(report, &c->host, &c->before, &c->after);
}

int results_write(const struct results *r, const struct run *run, const struct search *search,
                  const struct opt_table *table, int argc, char *const *argv, int exit_status)
{
    const struct conditions *conditions = &r->conditions;
    const struct client_config *config = run->config;
    struct report *report = report_new(table, config, argc, argv);
    char why[160];
    const char *limited = results_client_limited(r, why, sizeof why);
    int err;

    if (!report)
        return -ENOMEM;
    report_host(report, &conditions->host, &conditions->before, &conditions->after);
    choice_report(report, config->backend, &run->loop.choice);
    report_integer(report, "threads", run->crew.count);
    report_number(report, "window.warmup_s", seconds(config->warmup_ns));
    report_number(report, "window.duration_s", r->duration_s);
    report_number(report, "window.drain_s", r->drain_s);
    report_flag(report, "interrupted", r->interrupted);
    report_stats(report, &r->window);
    report_integer(report, "totals.errors", r->errors);
    report_integer(report, "totals.unfinished", r->unfinished);
    report_integer(report, "connections.asked", config->connections);
    report_integer(report, "connections.opened", r->opened);
    report_integer(report, "connections.failed", r->failed);
    report_integer(report, "connections.lost", r->lost);
    report_integer(report, "connections.open_peak", r->window.open_peak);
    report_rates(report, &r->window, r->duration_s);
    report_latency(report, "latency.service_ns", &r->service);
    write_open_loop(report, r, run);
    write_churn(report, r, run);
    if (search)
        search_report(report, search, config->find_rate);
    fairness_report(report, &r->fairness);
    report_cpu(report, r->cpu, r->window.requests);
    report_number(report, "cpu.busiest_thread", r->busiest_thread);
    report_integer(report, "memory.peak_rss_bytes", os_peak_rss_bytes());
    write_series(report, run);
    write_extension(report, run);
    report_steady(report, &r->steady);
    report_calibration(report, &conditions->calibration);
    report_flag(report, "client_limited", limited != NULL);
    if (limited)
        report_text(report, "client_limited_reason", limited);
    else
        report_null(report, "client_limited_reason");
    write_warnings(report, r, run);
    report_integer(report, "exit_status", (uint64_t)exit_status);
    err = report_write(report, config->json);
    report_free(report);
    return err;
}
