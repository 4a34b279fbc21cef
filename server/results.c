#include "server/results.h"

#include "common/base/text.h"
#include "common/measure/page.h"

void results_collect(struct results *r, const struct echo *echo)
{
    *r = (struct results){.stats = crew_stats(&echo->serve.crew)};
    hist_reset(&r->timer_lateness);
    for (unsigned i = 0; i < echo->serve.crew.count; i++) {
        r->timers_fired += echo->threads[i].timers.fired;
        hist_merge(&r->timer_lateness, &echo->threads[i].timers.lateness);
    }
}

static void print_syscalls(FILE *out, const struct stats *s)
{
    fprintf(out, "System calls:  %s", text_count(stats_syscalls_total(s)).s);
    for (unsigned kind = 0; kind < SYSCALL_KINDS; kind++)
        if (s->syscalls[kind])
            fprintf(out, " | %s %s", stats_syscall_names[kind], text_count(s->syscalls[kind]).s);
    fputc('\n', out);
}

static void print_work(const struct page *page, const struct stats *s)
{
    FILE *out = page->out;

    fprintf(out, "Connections:   %s accepted, at most %s open at once\n", text_count(s->accepted).s,
            text_count(s->open_peak).s);
    fprintf(out, "Bytes:         %s in, %s out\n", text_bytes(s->rx_bytes).s,
            text_bytes(s->tx_bytes).s);
    fprintf(out, "Operations:    %s reads, %s writes, %s of them short\n", text_count(s->reads).s,
            text_count(s->writes).s, text_count(s->short_writes).s);
    print_syscalls(out, s);
    fprintf(out, "Events:        %.1f per wait, at most %s\n",
            s->waits ? (double)s->events / (double)s->waits : 0, text_count(s->events_max).s);
    fprintf(out, "Errors:        %s\n", text_count(stats_errors_total(s)).s);
    page_errors(page, "", s);
}

void results_print(FILE *out, const struct results *r, const struct echo *echo)
{
    const struct serve *serve = &echo->serve;
    struct os_cpu_time cpu = serve_cpu(serve);
    struct page page = {out, 15};

    fprintf(out, "\n=== Server Summary ===\n");
    fprintf(out, "Backend:       %s, %u thread%s, up for %.1f s\n", echo->loop.choice.name,
            serve->crew.count, text_plural(serve->crew.count), serve_uptime_s(serve));
    print_work(&page, &r->stats);
    if (r->timers_fired)
        fprintf(out, "Timers:        fired %s times, late by %s at P50, %s at P99\n",
                text_count(r->timers_fired).s,
                text_time(hist_percentile_ns(&r->timer_lateness, 50)).s,
                text_time(hist_percentile_ns(&r->timer_lateness, 99)).s);
    fprintf(out, "CPU time:      %.2f s user, %.2f s system\n", (double)cpu.user_ns / 1e9,
            (double)cpu.system_ns / 1e9);
    fprintf(out, "Peak memory:   %s resident\n", text_bytes(os_peak_rss_bytes()).s);
    fflush(out);
}

void results_report(struct report *report, const struct results *r, const struct echo *echo,
                    const struct server_config *config)
{
    serve_report(report, &echo->serve, &r->stats);
    choice_report(report, config->backend, &echo->loop.choice);
    report_integer(report, "connections.accepted", r->stats.accepted);
    report_integer(report, "connections.open_peak", r->stats.open_peak);
    report_integer(report, "connections.closed", r->stats.closed);
    if (config->timers) {
        report_integer(report, "timers.fired", r->timers_fired);
        report_latency(report, "timers.lateness_ns", &r->timer_lateness);
    }
}
