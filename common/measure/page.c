#include "common/measure/page.h"

#include "common/base/text.h"

#include <math.h>
#include <stdarg.h>

/* "Label:          " and the rest of the line. */
__attribute__((format(printf, 3, 4))) static void line(const struct page *p, const char *label,
                                                       const char *format, ...)
{
    va_list args;

    fprintf(p->out, "%-*s", p->label_width, label);
    va_start(args, format);
    vfprintf(p->out, format, args);
    va_end(args);
    fputc('\n', p->out);
}

void page_latency(const struct page *p, const char *label, const struct hist *h, const char *what)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"P50", 50}, {"P90", 90}, {"P95", 95}, {"P99", 99}, {"P99.9", 99.9}};

    if (h->count == 0)
        return;
    fprintf(p->out, "%-*s", p->label_width, label);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(p->out, "%s %s | ", rows[i].name,
                text_time(hist_percentile_ns(h, rows[i].percent)).s);
    fprintf(p->out, "max %s", text_time(h->max_ns).s);
    if (what)
        fprintf(p->out, "  (%s)", what);
    fputc('\n', p->out);
    if (h->over_range)
        line(p, "", "%s values were beyond one hour", text_count(h->over_range).s);
}

void page_errors(const struct page *p, const char *before, const struct stats *s)
{
    for (unsigned kind = 0; kind < ERROR_KINDS; kind++)
        if (s->errors[kind])
            line(p, "", "%s%s: %s", before, stats_error_texts[kind], text_count(s->errors[kind]).s);
}

void page_cost(const struct page *p, const char *label, const char *noun, struct os_cpu_time cpu,
               double server_s, const struct stats *s, uint64_t requests)
{
    double user_us = (double)cpu.user_ns / 1e3, system_us = (double)cpu.system_ns / 1e3;
    double count = (double)requests;

    if (requests == 0)
        return;
    fprintf(p->out, "%-*s%.2f us per %s (user %.2f, system %.2f)", p->label_width, label,
            (user_us + system_us) / count, noun, user_us / count, system_us / count);
    if (!isnan(server_s))
        fprintf(p->out, " | the server's %.2f", server_s * 1e6 / count);
    fputc('\n', p->out);
    line(p, "System calls:", "%.2f per %s", (double)stats_syscalls_total(s) / count, noun);
}

void page_open_loop(const struct page *p, const struct summary *s, const char *arrivals)
{
    const struct schedule *due = &s->schedule;
    uint64_t never_sent = schedule_never_sent(due);

    if (!s->drive->window.plan.rate)
        return;
    page_latency(p, "Response time:", &s->response, "from when each was due");
    line(p, "Schedule:", "%s requests due (%s), sent %.1f per second | queue at most %s%s",
         text_count(schedule_total(due)).s, arrivals, summary_rate(s, s->window.begun),
         text_count(due->queue_peak).s, s->drive->crew.count > 1 ? " on one thread" : "");
    fprintf(p->out, "%-*sof sends, P99 %s, max %s with nothing to wait for", p->label_width,
            "Lateness:", text_time(hist_percentile_ns(&due->lateness, 99)).s,
            text_time(due->lateness.max_ns).s);
    if (due->queued.count)
        fprintf(p->out, " | %s had to wait, max %s", text_count(due->queued.count).s,
                text_time(due->queued.max_ns).s);
    fputc('\n', p->out);
    if (never_sent + s->never_answered)
        line(p, "NOT ANSWERED:",
             "%s never sent, %s without a reply: the latencies are of the "
             "other %s",
             text_count(never_sent).s, text_count(s->never_answered).s,
             text_count(s->response.count).s);
}

void page_unfinished(const struct page *p, const struct summary *s, const char *noun)
{
    if (s->unfinished_service.count == 0 || s->unfinished_service.max_ns <= s->service.max_ns)
        return;
    line(p, "Unfinished:", "%s %ss were in flight when the window ended; the slowest took %s",
         text_count(s->unfinished).s, noun, text_time(s->unfinished_service.max_ns).s);
}

void page_note(void *to, const char *text)
{
    line(to, "Note:", "%s", text);
}

void page_notes(const struct page *p, const struct summary *s)
{
    struct page to = *p;
    const struct drive *d = s->drive;
    char why[192];
    const char *limited = summary_client_limited(s, why, sizeof why);

    if (d->extension.times)
        line(p, "Extended:", "from %s by --until-steady; the figures are of all %.3f s",
             text_time(d->window.plan.duration_ns).s, s->duration_s);
    if (s->steady.enough && !s->steady.steady)
        line(p, "Not steady:", "%s", s->steady.reason);
    summary_warn(s, page_note, &to);
    if (limited)
        line(p, "Note:", "client-limited: %s", limited);
}
