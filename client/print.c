#include "client/print.h"

#include "common/base/text.h"
#include "common/measure/page.h"

#define MIB (1024.0 * 1024.0)

static void print_load(FILE *out, const struct client_run *run)
{
    const struct client_config *c = run->config;
    unsigned threads = run->drive.crew.count;

    fprintf(out, "Connections: %s on %u thread%s", text_count(c->connections).s, threads,
            text_plural(threads));
    if (c->pipeline > 1)
        fprintf(out, ", up to %s requests in flight on each", text_count(c->pipeline).s);
    fputc('\n', out);
    if (c->sizes)
        fprintf(out, "Messages:    %s (size:weight), %.0f bytes on average\n", c->sizes,
                run->sizes.mean_bytes);
    else
        fprintf(out, "Message:     %s\n", text_bytes(c->size_bytes).s);
    if (c->rate)
        fprintf(out, "Rate:        %s requests per second, %s (open loop)\n", text_count(c->rate).s,
                c->arrivals);
}

void print_header(FILE *out, const void *owner)
{
    const struct client_run *run = owner;
    const struct client_config *c = run->config;
    char target[NET_TEXT_CAP];

    fprintf(out, "Target:      %s\n", net_text(target, sizeof target, &run->loop.peer));
    fprintf(out, "Backend:     ");
    choice_print(out, &run->loop.choice);
    fputc('\n', out);
    print_load(out, run);
    fprintf(out, "Mode:        %s\n", c->mode);
    if (c->requests)
        fprintf(out, "Requests:    %s", text_count(c->requests).s);
    else
        fprintf(out, "Duration:    %s", text_time(c->duration_ns).s);
    if (c->until_steady_ns)
        fprintf(out, ", up to %s until the rate is steady,", text_time(c->until_steady_ns).s);
    fprintf(out, " after %s of warm-up\n\n", text_time(c->warmup_ns).s);
    fflush(out);
}

/* Bytes both ways, as the published figures have it. */
static double throughput_mib_s(const struct client_run *run, double qps)
{
    return qps * 2.0 * run->sizes.mean_bytes / MIB;
}

void print_point(FILE *out, const void *owner, const struct ticks_point *p)
{
    fprintf(out, "[%gs] QPS: %s | Throughput: %.2f MB/s | Total: %s | Errors: %s", p->end_s,
            text_rounded(p->qps).s, throughput_mib_s(owner, p->qps), text_count(p->total).s,
            text_count(p->errors).s);
}

static void print_churn(const struct page *page, const struct client_run *run,
                        const struct results *r)
{
    if (!run->config->churn && !run->config->connect_only)
        return;
    fprintf(page->out, "Connects:       %s in the window, %.1f per second\n",
            text_count(r->connects.count).s, summary_rate(&r->summary, r->connects.count));
    page_latency(page, "Connect time:", &r->connects, "connect to connected");
}

static void print_fairness(FILE *out, const struct fairness *f)
{
    if (f->peers == 0 || f->sum <= 0)
        return;
    fprintf(out, "Fairness:       Jain %.4f | least served %s, most served %s requests",
            fairness_jain(f), text_count(f->min).s, text_count(f->max).s);
    if (f->starved)
        fprintf(out, " | %s STARVED: no reply in the whole window", text_count(f->starved).s);
    fputc('\n', out);
}

static void print_totals(const struct page *page, const struct client_run *run,
                         const struct results *r)
{
    const struct summary *s = &r->summary;
    double qps = summary_rate(s, s->window.requests);

    if (run->drive.interrupted)
        fprintf(page->out, "Interrupted:    the figures are of the time until then\n");
    if (r->failed)
        fprintf(page->out, "Connections:    only %u of %u could be made\n", r->opened,
                (unsigned)run->config->connections);
    if (r->lost)
        fprintf(page->out, "Connections:    %u were lost during the run\n", r->lost);
    fprintf(page->out, "Total requests: %s in %.3f s\n", text_count(s->window.requests).s,
            s->duration_s);
    fprintf(page->out, "Errors:         %s\n", text_count(s->errors).s);
    page_errors(page, "", &s->window);
    fprintf(page->out, "Average QPS:    %s\n", text_rounded(qps).s);
    fprintf(page->out, "Throughput:     %.2f MB/s (both ways; 1 MB = 1,048,576 bytes)\n",
            throughput_mib_s(run, qps));
}

void print_final(FILE *out, const struct client_run *run, const struct results *r)
{
    struct page page = {out, 16};
    const struct summary *s = &r->summary;

    fprintf(out, "\n=== Final Results ===\n");
    print_totals(&page, run, r);
    page_latency(&page, "Latency:", &s->service, "service time");
    page_unfinished(&page, s, "request");
    page_open_loop(&page, s, run->config->arrivals);
    print_churn(&page, run, r);
    if (!run->config->churn) /* each connection has the same number, by definition */
        print_fairness(out, &r->fairness);
    page_cost(&page, "Client CPU:", "request", s->cpu, s->server_s, &s->window, s->window.requests);
    results_warn(r, run, page_note, &page);
    page_notes(&page, s);
    fflush(out);
}
