#include "common/measure/summary.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* An open loop that is so late of its own doing at P99 does not keep its schedule. */
#define CLIENT_LATE_NS NS_PER_MS

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* ---- collecting ----------------------------------------------------------------------------- */

/* The process's time in the window: from the first thread's begin to the last one's end. */
struct process_time {
    struct os_cpu_time start, end;
};

static uint64_t total_ns(struct os_cpu_time cpu)
{
    return cpu.user_ns + cpu.system_ns;
}

static void widen(struct process_time *p, const struct meter *m, bool first)
{
    if (first || total_ns(m->at_start.process_cpu) < total_ns(p->start))
        p->start = m->at_start.process_cpu;
    if (first || total_ns(m->at_end.process_cpu) > total_ns(p->end))
        p->end = m->at_end.process_cpu;
}

static void add_limit(struct summary *s, const struct meter *m)
{
    const struct conditions *c = &s->drive->conditions;
    unsigned i = m->worker->index;
    struct limit limit =
        limit_between(&m->at_start, &m->at_end, m->edges.end_ns - m->edges.start_ns,
                      &c->cpu_start[i], &c->cpu_end[i]);

    if (!s->measured || limit_total(&limit) > limit_total(&s->limit))
        s->limit = limit;
}

static void add_thread(struct summary *s, const struct meter *m)
{
    struct stats window = stats_between(&m->at_start.stats, &m->at_end.stats);
    struct os_cpu_time cpu = account_cpu_between(m->at_start.cpu, m->at_end.cpu);

    stats_merge(&s->window, &window);
    hist_merge(&s->service, &m->service);
    hist_merge(&s->response, &m->response);
    hist_merge(&s->unfinished_service, &m->unfinished_service);
    schedule_merge(&s->schedule, &m->schedule);
    s->cpu.user_ns += cpu.user_ns;
    s->cpu.system_ns += cpu.system_ns;
    s->unfinished += m->unfinished;
    s->never_answered += m->schedule.taken - m->schedule.given_up - m->answered;
    s->duration_s = fmax(s->duration_s, seconds(m->edges.end_ns - m->edges.start_ns));
    if (!s->measured || m->edges.start_ns < s->start_ns)
        s->start_ns = m->edges.start_ns;
    if (m->edges.end_ns > s->end_ns)
        s->end_ns = m->edges.end_ns;
    if (m->done_ns > m->edges.end_ns)
        s->drain_s = fmax(s->drain_s, seconds(m->done_ns - m->edges.end_ns));
    add_limit(s, m);
}

/* The verdict on which --until-steady ended the window stands; else the window is tested now. */
static void judge(struct summary *s)
{
    const struct drive *d = s->drive;
    struct ticks_reader series = window_series(&d->window, d->window.plan.tick_ns);

    if (d->extension.verdict.steady && !d->interrupted)
        s->steady = d->extension.verdict;
    else
        ticks_steady(&series, &s->steady);
}

void summary_collect(struct summary *s, const struct drive *d)
{
    struct stats whole = crew_stats(&d->crew);
    struct process_time process = {0};

    memset(s, 0, sizeof *s);
    s->drive = d;
    hist_reset(&s->service);
    hist_reset(&s->response);
    hist_reset(&s->unfinished_service);
    schedule_init(&s->schedule);
    for (unsigned i = 0; i < d->crew.count; i++) {
        const struct meter *m = d->window.meters[i];

        if (!m->measured)
            continue;
        widen(&process, m, !s->measured);
        add_thread(s, m);
        s->measured = true;
    }
    s->server_s = served_cpu_s(&d->served);
    s->process_cpu = account_cpu_between(process.start, process.end);
    s->window.open_peak = whole.open_peak;
    memcpy(s->window.errors, whole.errors, sizeof whole.errors);
    s->errors = stats_errors_total(&whole);
    judge(s);
}

double summary_rate(const struct summary *s, uint64_t count)
{
    return s->duration_s > 0 ? (double)count / s->duration_s : 0;
}

/* ---- what to know before trusting it -------------------------------------------------------- */

static const char *describe_limit(const struct limit *l, char *buf, size_t cap)
{
    double busy = 100 * l->busy, waited = 100 * l->waited;
    int used;

    if (waited > busy) /* the greater part goes first */
        used = snprintf(buf, cap,
                        "a thread waited for a CPU for %.0f %% of the window, and was at work for "
                        "%.0f %%",
                        waited, busy);
    else if (waited >= 1)
        used = snprintf(buf, cap,
                        "a thread was at work for %.0f %% of the window, and waited for a CPU for "
                        "%.0f %%",
                        busy, waited);
    else
        used = snprintf(buf, cap, "a thread was at work for %.0f %% of the window", busy);
    if (l->stolen >= 0.01)
        snprintf(buf + used, cap - (size_t)used, "; its host gave %.0f %% to other machines",
                 100 * l->stolen);
    return buf;
}

const char *summary_client_limited(const struct summary *s, char *buf, size_t cap)
{
    const struct hist *late = &s->schedule.lateness;
    uint64_t late_ns = hist_percentile_ns(late, 99);

    if (s->measured && limit_reached(&s->limit))
        return describe_limit(&s->limit, buf, cap);
    if (late_ns <= CLIENT_LATE_NS || late->count * 100 < schedule_total(&s->schedule))
        return NULL;
    snprintf(buf, cap,
             "it was late with its own sends: by %.1f ms at P99, with nothing to wait for",
             (double)late_ns / (double)NS_PER_MS);
    return buf;
}

void summary_warn(const struct summary *s, report_note *note, void *to)
{
    const struct conditions *c = &s->drive->conditions;
    uint64_t lost = schedule_never_sent(&s->schedule) + s->never_answered;
    bool counted = s->drive->window.plan.counts_requests; /* they may be done before the time is */
    uint64_t planned_ns = window_planned_ns(&s->drive->window);

    if (!s->drive->interrupted && !counted && planned_ns != CLOCK_NEVER_NS &&
        s->duration_s < 0.99 * seconds(planned_ns))
        report_say(note, to, "the window ended after %.3f of %.3f s: nobody was left to ask",
                   s->duration_s, seconds(planned_ns));
    if (s->drive->extension.too_late)
        note(to, "--until-steady came too late to lengthen the window: no CPU was free");
    if (lost)
        report_say(note, to,
                   "%" PRIu64 " of %" PRIu64 " scheduled requests got no reply: the percentiles "
                   "are of those that did",
                   lost, schedule_total(&s->schedule));
    report_host_notes(&c->host, &c->before, &c->after, note, to);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void report_open_loop(struct report *r, const struct summary *s)
{
    const struct window_plan *plan = &s->drive->window.plan;

    if (plan->rate == 0)
        return;
    report_integer(r, "open_loop.rate", plan->rate);
    report_text(r, "open_loop.arrivals", pace_arrivals_names[plan->arrivals]);
    report_integer(r, "open_loop.scheduled", schedule_total(&s->schedule));
    report_integer(r, "open_loop.never_sent", schedule_never_sent(&s->schedule));
    report_integer(r, "open_loop.never_answered", s->never_answered);
    report_number(r, "open_loop.sent_rate", summary_rate(s, s->window.begun));
    report_integer(r, "open_loop.queue_peak", s->schedule.queue_peak);
    report_latency(r, "open_loop.lateness_ns", &s->schedule.lateness);
    report_latency(r, "open_loop.queued_ns", &s->schedule.queued);
    report_latency(r, "latency.response_ns", &s->response);
}

static void report_series(struct report *r, const struct summary *s)
{
    static const char *const names[] = {"t_s", "qps", "errors", "batch"};
    struct ticks_reader reader = window_series(&s->drive->window, s->drive->interval_ns);
    struct ticks_point p;

    report_array(r, "intervals");
    while (ticks_next(&reader, &p)) {
        double values[] = {p.end_s, p.qps, (double)p.errors, p.batch};

        report_append_point(r, "intervals", names, values, s->window.batches ? 4 : 3);
    }
}

static void report_extension(struct report *r, const struct summary *s)
{
    const struct extension *e = &s->drive->extension;

    if (!e->bound_ns)
        return;
    report_number(r, "extension.asked_s", seconds(s->drive->window.plan.duration_ns));
    report_number(r, "extension.bound_s", seconds(e->bound_ns));
    report_integer(r, "extension.times", e->times);
}

static void report_limit(struct report *r, const struct summary *s)
{
    char why[192];
    const char *limited = summary_client_limited(s, why, sizeof why);

    report_number(r, "cpu.busiest_thread", s->limit.busy);
    report_number(r, "limit.busy", s->limit.busy);
    report_number(r, "limit.waited", s->limit.waited);
    report_number(r, "limit.stolen", s->limit.stolen);
    report_flag(r, "client_limited", limited != NULL);
    report_text(r, "client_limited_reason", limited);
}

/* The edges' moments are on the clock that all processes of the machine share. */
static void report_window(struct report *r, const struct summary *s)
{
    report_number(r, "window.warmup_s", seconds(s->drive->window.plan.warmup_ns));
    report_number(r, "window.duration_s", s->duration_s);
    report_number(r, "window.drain_s", s->drain_s);
    if (s->measured) {
        report_integer(r, "window.start_monotonic_ns", s->start_ns);
        report_integer(r, "window.end_monotonic_ns", s->end_ns);
    } else {
        report_null(r, "window.start_monotonic_ns");
        report_null(r, "window.end_monotonic_ns");
    }
}

void summary_report(struct report *r, const struct summary *s, struct os_cpu_time cpu)
{
    const struct drive *d = s->drive;

    report_host(r, &d->conditions.host, &d->conditions.before, &d->conditions.after);
    report_integer(r, "threads", d->crew.count);
    report_window(r, s);
    report_flag(r, "interrupted", d->interrupted);
    report_stats(r, &s->window);
    report_integer(r, "totals.errors", s->errors);
    report_integer(r, "totals.unfinished", s->unfinished);
    report_rates(r, &s->window, s->duration_s);
    report_latency(r, "latency.service_ns", &s->service);
    if (!d->window.plan.rate)
        report_latency(r, "latency.unfinished_ns", &s->unfinished_service);
    report_open_loop(r, s);
    report_cpu(r, cpu, s->window.requests);
    report_number(r, "cpu.server_s", s->server_s);
    report_limit(r, s);
    report_integer(r, "memory.peak_rss_bytes", os_peak_rss_bytes());
    report_series(r, s);
    report_extension(r, s);
    report_steady(r, &s->steady);
    report_calibration(r, &d->conditions.calibration);
    report_array(r, "warnings");
    summary_warn(s, report_warning, r);
}
