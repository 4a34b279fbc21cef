#include "common/measure/serve.h"

#include "common/base/clock.h"

#include <stdlib.h>
#include <string.h>

static int run_worker(struct worker *w)
{
    struct serve *s = w->crew->program;
    int err = s->body(w);

    if (err)
        serve_stop(s);
    return err;
}

int serve_start(struct serve *s)
{
    s->crew.program = s;
    host_read(&s->host);
    host_read_pressure(&s->before);
    s->start_ns = clock_now_ns();
    return crew_start(&s->crew, run_worker, s->program);
}

void serve_known_as(const struct serve *s, struct served *served)
{
    int err = 0;

    served->count = 0;
    for (unsigned i = 0; i < s->crew.count && !err; i++)
        err = served_by_thread(served, s->crew.workers[i].thread);
}

void serve_up(struct serve *s)
{
    atomic_fetch_add(&s->up, 1);
    crew_tell(&s->crew);
}

void serve_stop(struct serve *s)
{
    atomic_store(&s->stopping, true);
    crew_wake_all(&s->crew);
}

void serve_watch(struct serve *s, uint64_t duration_ns, FILE *out)
{
    uint64_t end_ns = CLOCK_NEVER_NS;
    enum crew_news news;
    bool ready = false;

    while ((news = crew_wait(&s->crew, end_ns)) != CREW_DONE) {
        if (!ready && atomic_load(&s->up) == s->crew.count) {
            ready = true;
            s->print_ready(out, s->owner);
            fflush(out);
            if (duration_ns)
                end_ns = clock_now_ns() + duration_ns;
        }
        if (news != CREW_SIGNAL && clock_now_ns() < end_ns)
            continue;
        serve_stop(s);
        end_ns = CLOCK_NEVER_NS;
    }
}

int serve_end(struct serve *s)
{
    int err;

    serve_stop(s);
    err = crew_join(&s->crew);
    s->end_ns = clock_now_ns();
    host_read_pressure(&s->after);
    if (!err)
        return 0;
    fprintf(stderr, "%s: the server's event loop failed: %s\n", s->program, strerror(-err));
    return EXIT_FAILED;
}

struct os_cpu_time serve_cpu(const struct serve *s)
{
    struct os_cpu_time sum = {0};

    for (unsigned i = 0; i < s->crew.count; i++) {
        sum.user_ns += s->crew.workers[i].cpu_time.user_ns;
        sum.system_ns += s->crew.workers[i].cpu_time.system_ns;
    }
    return sum;
}

double serve_uptime_s(const struct serve *s)
{
    return (double)(s->end_ns - s->start_ns) / (double)NS_PER_S;
}

void serve_report(struct report *r, const struct serve *s, const struct stats *stats)
{
    struct os_cpu_time cpu = serve_cpu(s);

    report_host(r, &s->host, &s->before, &s->after);
    report_integer(r, "threads", s->crew.count);
    report_number(r, "uptime_s", serve_uptime_s(s));
    report_stats(r, stats);
    report_null(r, "totals.requests"); /* it does not know what its clients take for one */
    report_number(r, "cpu.user_s", (double)cpu.user_ns / 1e9);
    report_number(r, "cpu.system_s", (double)cpu.system_ns / 1e9);
    report_integer(r, "memory.peak_rss_bytes", os_peak_rss_bytes());
    report_array(r, "warnings");
    report_host_notes(&s->host, &s->before, &s->after, report_warning, r);
}
