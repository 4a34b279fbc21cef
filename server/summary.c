#include "server/summary.h"

#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/report/report.h"

#include <errno.h>

void summary_collect(struct summary *s, const struct echo *echo, uint64_t uptime_ns)
{
    *s = (struct summary){
        .stats = crew_stats(&echo->crew),
        .uptime_s = (double)uptime_ns / (double)NS_PER_S,
    };
    hist_reset(&s->timer_lateness);
    for (unsigned i = 0; i < echo->crew.count; i++) {
        s->timers_fired += echo->threads[i].timers.fired;
        hist_merge(&s->timer_lateness, &echo->threads[i].timers.lateness);
        s->cpu.user_ns += echo->crew.workers[i].cpu_time.user_ns;
        s->cpu.system_ns += echo->crew.workers[i].cpu_time.system_ns;
    }
}

static double events_per_wait(const struct stats *s)
{
    return s->waits ? (double)s->events / (double)s->waits : 0;
}

static void print_syscalls(FILE *out, const struct stats *s)
{
    char number[UNITS_TEXT_CAP];

    fprintf(out, "System calls:  %s", units_count(number, sizeof number, stats_syscalls_total(s)));
    for (unsigned kind = 0; kind < SYSCALL_KINDS; kind++)
        if (s->syscalls[kind])
            fprintf(out, " | %s %s", stats_syscall_names[kind],
                    units_count(number, sizeof number, s->syscalls[kind]));
    fputc('\n', out);
}

static void print_errors(FILE *out, const struct stats *s)
{
    char number[UNITS_TEXT_CAP];

    fprintf(out, "Errors:        %s\n", units_count(number, sizeof number, stats_errors_total(s)));
    for (unsigned kind = 0; kind < ERROR_KINDS; kind++)
        if (s->errors[kind])
            fprintf(out, "               %s: %s\n", stats_error_texts[kind],
                    units_count(number, sizeof number, s->errors[kind]));
}

void summary_print(FILE *out, const struct summary *s, const struct echo *echo)
{
    const struct stats *t = &s->stats;
    char a[UNITS_TEXT_CAP], b[UNITS_TEXT_CAP], c[UNITS_TEXT_CAP];

    fprintf(out, "\n=== Server Summary ===\n");
    fprintf(out, "Backend:       %s, %u thread%s, up for %.1f s\n", echo->loop.choice.name,
            echo->crew.count, echo->crew.count == 1 ? "" : "s", s->uptime_s);
    fprintf(out, "Connections:   %s accepted, at most %s open at once\n",
            units_count(a, sizeof a, t->accepted), units_count(b, sizeof b, t->open_peak));
    fprintf(out, "Bytes:         %s in, %s out\n", units_bytes(a, sizeof a, t->rx_bytes),
            units_bytes(b, sizeof b, t->tx_bytes));
    fprintf(out, "Operations:    %s reads, %s writes, %s of them short\n",
            units_count(a, sizeof a, t->reads), units_count(b, sizeof b, t->writes),
            units_count(c, sizeof c, t->short_writes));
    print_syscalls(out, t);
    fprintf(out, "Events:        %.1f per wait, at most %s\n", events_per_wait(t),
            units_count(a, sizeof a, t->events_max));
    print_errors(out, t);
    if (s->timers_fired)
        fprintf(out, "Timers:        fired %s times, late by %s at P50, %s at P99\n",
                units_count(a, sizeof a, s->timers_fired),
                units_duration(b, sizeof b, hist_percentile_ns(&s->timer_lateness, 50)),
                units_duration(c, sizeof c, hist_percentile_ns(&s->timer_lateness, 99)));
    fprintf(out, "CPU time:      %.2f s user, %.2f s system\n", (double)s->cpu.user_ns / 1e9,
            (double)s->cpu.system_ns / 1e9);
    fprintf(out, "Peak memory:   %s resident\n", units_bytes(a, sizeof a, os_peak_rss_bytes()));
    fflush(out);
}

int summary_write(const struct summary *s, const struct echo *echo,
                  const struct server_config *config, const struct opt_table *table, int argc,
                  char *const *argv, const struct host *host, const struct host_pressure *before,
                  const struct host_pressure *after, int exit_status)
{
    struct report *report = report_new(table, config, argc, argv);
    int err;

    if (!report)
        return -ENOMEM;
    report_host(report, host, before, after);
    choice_report(report, config->backend, &echo->loop.choice);
    report_integer(report, "threads", echo->crew.count);
    report_number(report, "uptime_s", s->uptime_s);
    report_stats(report, &s->stats);
    report_null(report, "totals.requests"); /* a byte stream has no message boundaries */
    report_integer(report, "connections.accepted", s->stats.accepted);
    report_integer(report, "connections.open_peak", s->stats.open_peak);
    report_integer(report, "connections.closed", s->stats.closed);
    report_number(report, "cpu.user_s", (double)s->cpu.user_ns / 1e9);
    report_number(report, "cpu.system_s", (double)s->cpu.system_ns / 1e9);
    report_integer(report, "memory.peak_rss_bytes", os_peak_rss_bytes());
    if (config->timers) {
        report_integer(report, "timers.fired", s->timers_fired);
        report_latency(report, "timers.lateness_ns", &s->timer_lateness);
    }
    report_array(report, "warnings");
    report_integer(report, "exit_status", (uint64_t)exit_status);
    err = report_write(report, config->json);
    report_free(report);
    return err;
}
