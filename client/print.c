#include "client/print.h"

#include "client/window.h"
#include "common/base/clock.h"
#include "common/base/units.h"

#include <inttypes.h>
#include <math.h>

#define MIB (1024.0 * 1024.0)

static const char clear_to_end[] = "\x1b[K";

void print_header(FILE *out, const struct run *run)
{
    const struct client_config *c = run->config;
    char target[NET_TEXT_CAP], size[UNITS_TEXT_CAP], number[UNITS_TEXT_CAP];

    fprintf(out, "Target:      %s\n", net_text(target, sizeof target, &run->loop.peer));
    fprintf(out, "Backend:     ");
    choice_print(out, &run->loop.choice);
    fputc('\n', out);
    fprintf(out, "Connections: %s on %u thread%s",
            units_count(number, sizeof number, c->connections), run->crew.count,
            run->crew.count == 1 ? "" : "s");
    if (c->pipeline > 1)
        fprintf(out, ", up to %s requests in flight on each",
                units_count(number, sizeof number, c->pipeline));
    fputc('\n', out);
    if (c->sizes)
        fprintf(out, "Messages:    %s (size:weight), %.0f bytes on average\n", c->sizes,
                run->sizes.mean_bytes);
    else
        fprintf(out, "Message:     %s\n", units_bytes(size, sizeof size, c->size_bytes));
    if (c->rate)
        fprintf(out, "Rate:        %s requests per second, %s (open loop)\n",
                units_count(number, sizeof number, c->rate), c->arrivals);
    fprintf(out, "Mode:        %s\n", c->mode);
    if (c->requests)
        fprintf(out, "Requests:    %s", units_count(number, sizeof number, c->requests));
    else
        fprintf(out, "Duration:    %s", units_duration(number, sizeof number, c->duration_ns));
    if (c->until_steady_ns)
        fprintf(out, ", up to %s until the rate is steady,",
                units_duration(number, sizeof number, c->until_steady_ns));
    fprintf(out, " after %s of warm-up\n\n", units_duration(number, sizeof number, c->warmup_ns));
    fflush(out);
}

/* Bytes both ways, as the published figures have it. */
static double throughput_mib_s(const struct run *run, double qps)
{
    return qps * 2.0 * run->sizes.mean_bytes / MIB;
}

static void print_point(FILE *out, const struct run *run, const struct ticks_point *p)
{
    char qps[UNITS_TEXT_CAP], total[UNITS_TEXT_CAP], errors[UNITS_TEXT_CAP];

    fprintf(out, "[%gs] QPS: %s | Throughput: %.2f MB/s | Total: %s | Errors: %s", p->end_s,
            units_count(qps, sizeof qps, (uint64_t)llround(p->qps)), throughput_mib_s(run, p->qps),
            units_count(total, sizeof total, p->total),
            units_count(errors, sizeof errors, p->errors));
}

void print_interval(FILE *out, const struct run *run, const struct ticks_point *p)
{
    print_point(out, run, p);
    fputc('\n', out);
    fflush(out);
}

void print_live(FILE *out, const struct run *run, const struct ticks_point *p)
{
    double left_s = (double)window_planned_ns(run) / (double)NS_PER_S - p->end_s;

    fputc('\r', out);
    print_point(out, run, p);
    if (left_s > 0 && run->config->duration_ns)
        fprintf(out, " | %.0f s left", ceil(left_s));
    fputs(clear_to_end, out);
    fflush(out);
}

void print_extended(FILE *out, const struct run *run)
{
    char length[UNITS_TEXT_CAP];

    fprintf(out, "[until-steady] not yet: %s; going on to %s\n", run->extension.verdict.reason,
            units_duration(length, sizeof length, window_planned_ns(run)));
    fflush(out);
}

void print_live_clear(FILE *out)
{
    fprintf(out, "\r%s", clear_to_end);
}

static void print_latency(FILE *out, const char *label, const struct hist *h, const char *what)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"P50", 50}, {"P90", 90}, {"P95", 95}, {"P99", 99}, {"P99.9", 99.9}};
    char text[UNITS_TEXT_CAP];

    if (h->count == 0)
        return;
    fprintf(out, "%-15s ", label);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "%s %s | ", rows[i].name,
                units_duration(text, sizeof text, hist_percentile_ns(h, rows[i].percent)));
    fprintf(out, "max %s  (%s)\n", units_duration(text, sizeof text, h->max_ns), what);
    if (h->over_range)
        fprintf(out, "%16s%" PRIu64 " values were beyond one hour\n", "", h->over_range);
}

static void print_open_loop(FILE *out, const struct run *run, const struct results *r)
{
    char a[UNITS_TEXT_CAP], b[UNITS_TEXT_CAP], c[UNITS_TEXT_CAP];

    if (!run->config->rate)
        return;
    print_latency(out, "Response time:", &r->response, "from when each was due");
    fprintf(out,
            "Schedule:       %s requests due (%s), sent %.1f per second | queue at most %s%s\n",
            units_count(a, sizeof a, r->scheduled), run->config->arrivals, results_rate(r, r->sent),
            units_count(b, sizeof b, r->queue_peak), run->crew.count > 1 ? " on one thread" : "");
    fprintf(out, "Lateness:       of sends, P99 %s, max %s with a connection free",
            units_duration(a, sizeof a, hist_percentile_ns(&r->lateness, 99)),
            units_duration(b, sizeof b, r->lateness.max_ns));
    if (r->queued.count)
        fprintf(out, " | %s waited for one, max %s", units_count(a, sizeof a, r->queued.count),
                units_duration(b, sizeof b, r->queued.max_ns));
    fputc('\n', out);
    if (r->never_sent + r->never_answered)
        fprintf(out,
                "NOT ANSWERED:   %s never sent, %s without a reply: the latencies are of the "
                "other %s\n",
                units_count(a, sizeof a, r->never_sent),
                units_count(b, sizeof b, r->never_answered),
                units_count(c, sizeof c, r->response.count));
}

static void print_churn(FILE *out, const struct run *run, const struct results *r)
{
    char number[UNITS_TEXT_CAP];

    if (!run->config->churn && !run->config->connect_only)
        return;
    fprintf(out, "Connects:       %s in the window, %.1f per second\n",
            units_count(number, sizeof number, r->connects.count),
            results_rate(r, r->connects.count));
    print_latency(out, "Connect time:", &r->connects, "connect to connected");
}

static void print_errors(FILE *out, const struct stats *s)
{
    char count[UNITS_TEXT_CAP];

    for (unsigned kind = 0; kind < ERROR_KINDS; kind++)
        if (s->errors[kind])
            fprintf(out, "                %s: %s\n", stats_error_texts[kind],
                    units_count(count, sizeof count, s->errors[kind]));
}

static void print_fairness(FILE *out, const struct fairness *f)
{
    char least[UNITS_TEXT_CAP], most[UNITS_TEXT_CAP];

    if (f->peers == 0 || f->sum <= 0)
        return;
    fprintf(out, "Fairness:       Jain %.4f | least served %s, most served %s requests",
            fairness_jain(f), units_count(least, sizeof least, f->min),
            units_count(most, sizeof most, f->max));
    if (f->starved)
        fprintf(out, " | %s STARVED: no reply in the whole window",
                units_count(least, sizeof least, f->starved));
    fputc('\n', out);
}

static void print_cpu(FILE *out, const struct results *r)
{
    double requests = (double)r->window.requests;

    if (r->window.requests == 0)
        return;
    fprintf(out, "Client CPU:     %.2f us per request (user %.2f, system %.2f)\n",
            (double)(r->cpu.user_ns + r->cpu.system_ns) / 1e3 / requests,
            (double)r->cpu.user_ns / 1e3 / requests, (double)r->cpu.system_ns / 1e3 / requests);
    fprintf(out, "System calls:   %.2f per request\n",
            (double)stats_syscalls_total(&r->window) / requests);
}

void print_final(FILE *out, const struct run *run, const struct results *r)
{
    const struct stats *w = &r->window;
    char number[UNITS_TEXT_CAP], why[160];
    const char *limited;
    double qps = results_rate(r, w->requests);

    fprintf(out, "\n=== Final Results ===\n");
    if (r->interrupted)
        fprintf(out, "Interrupted:    the figures are of the time until then\n");
    if (r->failed)
        fprintf(out, "Connections:    only %u of %u could be made\n", r->opened,
                (unsigned)run->config->connections);
    if (r->lost)
        fprintf(out, "Connections:    %u were lost during the run\n", r->lost);
    fprintf(out, "Total requests: %s in %.3f s\n", units_count(number, sizeof number, w->requests),
            r->duration_s);
    fprintf(out, "Errors:         %s\n", units_count(number, sizeof number, r->errors));
    print_errors(out, w);
    fprintf(out, "Average QPS:    %s\n",
            units_count(number, sizeof number, (uint64_t)llround(qps)));
    fprintf(out, "Throughput:     %.2f MB/s (both ways; 1 MB = 1,048,576 bytes)\n",
            throughput_mib_s(run, qps));
    print_latency(out, "Latency:", &r->service, "service time");
    print_open_loop(out, run, r);
    print_churn(out, run, r);
    if (!run->config->churn) /* each connection has the same number, by definition */
        print_fairness(out, &r->fairness);
    print_cpu(out, r);
    if (run->extension.times)
        fprintf(out, "Extended:       from %s by --until-steady; the figures are of all %.3f s\n",
                units_duration(number, sizeof number, run->config->duration_ns), r->duration_s);
    if (r->steady.enough && !r->steady.steady)
        fprintf(out, "Not steady:     %s\n", r->steady.reason);
    if (results_port_advice(r))
        fprintf(out, "Note:           %s\n", results_port_advice(r));
    limited = results_client_limited(r, why, sizeof why);
    if (limited)
        fprintf(out, "Note:           client-limited: %s\n", limited);
    fflush(out);
}
