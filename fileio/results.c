#include "fileio/results.h"

#include "common/base/clock.h"
#include "common/report/report.h"
#include "common/report/report_parts.h"
#include "fileio/split.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MIB                1048576.0
#define PUBLISHED_TICK_S   0.1
#define HOT_SHARE          0.99
#define COLD_SHARE         0.01
#define RATE_MISSED        0.98
#define STEAL_PERCENT_WARN 1.0

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

/* ---- collecting ---- */

struct span {
    uint64_t start_ns, end_ns, finished_ns;
    struct os_cpu_time cpu_start, cpu_end;
};

static uint64_t cpu_total(struct os_cpu_time cpu)
{
    return cpu.user_ns + cpu.system_ns;
}

/* The run's window is that of all workers: from the first start to the last end. */
static void widen(struct span *s, const struct file_worker *w)
{
    if (!s->start_ns || w->window_start_ns < s->start_ns)
        s->start_ns = w->window_start_ns;
    if (w->window_end_ns > s->end_ns)
        s->end_ns = w->window_end_ns;
    if (w->finished_ns > s->finished_ns)
        s->finished_ns = w->finished_ns;
    if (!cpu_total(s->cpu_start) || cpu_total(w->cpu_start) < cpu_total(s->cpu_start))
        s->cpu_start = w->cpu_start;
    if (cpu_total(w->cpu_end) > cpu_total(s->cpu_end))
        s->cpu_end = w->cpu_end;
}

static void add_worker(struct results *r, const struct run *run, const struct file_worker *w,
                       struct span *span)
{
    struct traffic submitting = traffic_between(&w->submit_start, &w->submit_end);
    struct traffic reaping = traffic_between(&w->reap_start, &w->reap_end);

    tally_merge(&r->tally, &w->tally);
    if (w->failure.err) {
        r->failed_workers++;
        if (!r->failure)
            r->failure = &w->failure;
    }
    if (!w->measuring)
        return;
    widen(span, w);
    traffic_merge(run->split ? &r->hand_off : &r->submitting, &submitting);
    traffic_merge(run->split ? &r->hand_off : &r->reaping, &reaping);
}

void results_collect(struct results *r, const struct run *run, bool interrupted)
{
    struct span span = {0};

    memset(r, 0, sizeof *r);
    tally_init(&r->tally);
    hist_reset(&r->service);
    hist_reset(&r->response);
    r->interrupted = interrupted;
    r->engine = run->split ? split_engine(run->split) : &run->sample;
    for (unsigned i = 0; i < run->crew.count; i++)
        add_worker(r, run, &run->workers[i], &span);
    if (run->split) {
        r->submitting = r->engine->submitting;
        r->reaping = r->engine->reaping;
    }
    if (span.end_ns > span.start_ns) {
        r->duration_s = seconds(span.end_ns - span.start_ns);
        r->drain_s = span.finished_ns > span.end_ns ? seconds(span.finished_ns - span.end_ns) : 0;
    }
    r->cpu.user_ns = span.cpu_end.user_ns - span.cpu_start.user_ns;
    r->cpu.system_ns = span.cpu_end.system_ns - span.cpu_start.system_ns;
    for (unsigned i = 0; i < TALLY_MOVES; i++) {
        r->operations += r->tally.moves[i].operations;
        hist_merge(&r->service, &r->tally.moves[i].service);
        hist_merge(&r->response, &r->tally.moves[i].response);
    }
    r->errors = tally_errors_total(&r->tally);
}

double results_rate(const struct results *r, uint64_t count)
{
    return r->duration_s > 0 ? (double)count / r->duration_s : 0;
}

double results_cpu_us(const struct results *r)
{
    return (double)cpu_total(r->cpu) / 1e3 / (double)r->operations;
}

uint64_t results_calls(const struct results *r)
{
    return traffic_calls_total(&r->submitting) + traffic_calls_total(&r->reaping) +
           traffic_calls_total(&r->hand_off);
}

double results_published_s(const struct results *r)
{
    double ticks = ceil(r->duration_s / PUBLISHED_TICK_S);

    return PUBLISHED_TICK_S * fmax(ticks, 1);
}

static bool in_memory(const struct run *run)
{
    const char *fs = run->files.storage.filesystem;

    return strcmp(fs, "tmpfs") == 0 || strcmp(fs, "ramfs") == 0;
}

static double resident_share(uint64_t resident, uint64_t pages)
{
    return pages ? (double)resident / (double)pages : 0;
}

const char *results_cache_state(const struct run *run)
{
    double share = resident_share(run->resident_before, run->pages);

    if (in_memory(run))
        return "memory";
    if (run->files.direct)
        return "bypassed";
    if (!run->plan.whole)
        return "empty";
    if (!run->resident_known)
        return "unknown";
    return share >= HOT_SHARE ? "hot" : share <= COLD_SHARE ? "cold" : "mixed";
}

bool results_failed(const struct results *r)
{
    return r->errors > 0 || (r->operations == 0 && !r->interrupted);
}

/* ---- warnings ---- */

static void warn_of_conditions(const struct run *run, void (*note)(void *to, const char *text),
                               void *to)
{
    const struct file_config *c = run->config;
    char text[160];

    if (run->plan.direct && in_memory(run))
        note(to, "the file system is in memory: direct I/O was accepted, but there is no device");
    if (c->invalidate && run->resident_known &&
        resident_share(run->resident_before, run->pages) > COLD_SHARE)
        note(to, "--invalidate left pages in the cache: the files were not cold");
    if (c->depth > run->plan.depth) {
        snprintf(text, sizeof text, "the engine %s has at most %u operation%s in flight",
                 run->type->backend.name, run->plan.depth, run->plan.depth == 1 ? "" : "s");
        note(to, text);
    }
    if (run->type->pretends) {
        snprintf(text, sizeof text,
                 "the engine %s moves no data: the figures are the cost of this tool",
                 run->type->backend.name);
        note(to, text);
    }
}

static void warn_of_rate(const struct results *r, const struct run *run,
                         void (*note)(void *to, const char *text), void *to)
{
    double begun = (double)r->operations / (run->plan.pairs ? 2 : 1);
    double due = (double)run->config->rate * r->duration_s;
    /* A Poisson stream has its ups and downs: three standard deviations are no fault. */
    double chance = strcmp(run->config->arrivals, "poisson") == 0 ? 3 * sqrt(due) : 0;
    char text[160];

    if (begun >= RATE_MISSED * due - chance)
        return;
    snprintf(text, sizeof text, "the rate asked for was not reached: %.0f of %.0f per second",
             begun / r->duration_s, (double)run->config->rate);
    note(to, text);
}

void results_warn(const struct results *r, const struct run *run,
                  void (*note)(void *to, const char *text), void *to)
{
    char text[160];

    warn_of_conditions(run, note, to);
    if (run->config->rate && !r->failure && r->duration_s > 0)
        warn_of_rate(r, run, note, to);
    if (r->failed_workers) {
        snprintf(text, sizeof text, "%u of %u workers ended early because an operation failed",
                 r->failed_workers, run->crew.count);
        note(to, text);
    }
}

/* ---- JSON ---- */

static void append_warning(void *to, const char *text)
{
    report_append_text(to, "warnings", text);
}

static void write_moves(struct report *report, const char *name, const struct results *r,
                        const struct moves *m, bool open_loop)
{
    char path[64];

#define MEMBER(member) (snprintf(path, sizeof path, "%s." member, name), path)
    report_number(report, MEMBER("iops"), results_rate(r, m->operations));
    report_number(report, MEMBER("mib_s"), results_rate(r, m->bytes) / MIB);
    report_latency(report, MEMBER("latency_ns"), &m->service);
    report_latency(report, MEMBER("complete_ns"), &m->complete);
    if (open_loop)
        report_latency(report, MEMBER("response_ns"), &m->response);
    report_integer(report, MEMBER("operations"), m->operations);
    report_integer(report, MEMBER("bytes"), m->bytes);
    report_integer(report, MEMBER("short_transfers"), m->shorts);
#undef MEMBER
}

static void write_totals(struct report *report, const struct results *r)
{
    const struct moves *reads = &r->tally.moves[TALLY_READ], *writes = &r->tally.moves[TALLY_WRITE];

    report_integer(report, "totals.requests", r->operations);
    report_integer(report, "totals.errors", r->errors);
    report_integer(report, "totals.tx_bytes", writes->bytes);
    report_integer(report, "totals.rx_bytes", reads->bytes);
    report_integer(report, "totals.reads", reads->operations);
    report_integer(report, "totals.writes", writes->operations);
    report_integer(report, "totals.short_writes", writes->shorts);
    report_number(report, "rate.qps", results_rate(r, r->operations));
    report_number(report, "throughput.tx_mib_s", results_rate(r, writes->bytes) / MIB);
    report_number(report, "throughput.rx_mib_s", results_rate(r, reads->bytes) / MIB);
    report_number(report, "throughput.both_mib_s",
                  results_rate(r, reads->bytes + writes->bytes) / MIB);
}

static void write_errors(struct report *report, const struct tally *t)
{
    char path[64];

    report_object(report, "errors");
    for (unsigned i = 0; i < TALLY_ERROR_KINDS; i++) {
        snprintf(path, sizeof path, "errors.%s", tally_error_names[i]);
        if (t->errors[i])
            report_integer(report, path, t->errors[i]);
    }
}

static double per(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void write_calls(struct report *report, const struct results *r)
{
    struct traffic all = r->submitting;
    char path[64];

    traffic_merge(&all, &r->reaping);
    traffic_merge(&all, &r->hand_off);
    report_integer(report, "syscalls.total", results_calls(r));
    report_number(report, "syscalls.per_request", per(results_calls(r), r->submitting.operations));
    report_object(report, "syscalls.by_kind");
    for (unsigned i = 0; i < CALL_KINDS; i++) {
        snprintf(path, sizeof path, "syscalls.by_kind.%s", traffic_call_names[i]);
        if (all.calls[i])
            report_integer(report, path, all.calls[i]);
    }
}

static void write_cpu(struct report *report, const struct results *r)
{
    report_number(report, "cpu.user_s", seconds(r->cpu.user_ns));
    report_number(report, "cpu.system_s", seconds(r->cpu.system_ns));
    report_number(report, "cpu.us_per_op", r->operations ? results_cpu_us(r) : NAN);
    report_integer(report, "memory.peak_rss_bytes", os_peak_rss_bytes());
}

static void write_storage(struct report *report, const struct run *run)
{
    const struct files *f = &run->files;
    const char *fs = f->storage.filesystem, *device = f->storage.device;
    double before = resident_share(run->resident_before, run->pages);
    double after = resident_share(run->resident_after, run->pages);

    report_text(report, "file.storage.filesystem", fs[0] ? fs : NULL);
    report_text(report, "file.storage.device", device[0] ? device : NULL);
    report_flag(report, "file.storage.direct_asked", run->plan.direct);
    report_flag(report, "file.storage.direct_in_force", f->direct && !in_memory(run));
    report_integer(report, "file.storage.align_bytes", f->storage.align_bytes);
    report_integer(report, "file.storage.files", run->config->existing ? 1 : f->count);
    report_integer(report, "file.storage.file_bytes", run->plan.file_bytes);
    report_flag(report, "file.storage.prefilled", run->plan.whole);
    report_text(report, "file.storage.cache_state", results_cache_state(run));
    report_number(report, "file.storage.cached_before", run->resident_known ? before : NAN);
    report_number(report, "file.storage.cached_after", run->resident_known ? after : NAN);
}

static void write_batches(struct report *report, const struct results *r, const struct run *run)
{
    const struct traffic *s = &r->submitting, *t = &r->reaping;

    report_integer(report, "file.depth", run->plan.depth);
    if (run->plan.adaptive)
        report_text(report, "file.batch", "auto");
    else
        report_integer(report, "file.batch", run->plan.batch);
    report_integer(report, "file.reap_min", run->workers[0].reap_min);
    report_integer(report, "file.submit.calls", s->batches);
    report_number(report, "file.submit.operations_mean", per(s->operations, s->batches));
    report_integer(report, "file.submit.operations_most", s->most);
    report_latency(report, "file.submit.latency_ns", &r->tally.submit);
    report_integer(report, "file.reap.calls", t->batches);
    report_number(report, "file.reap.operations_mean", per(t->operations, t->batches));
    report_integer(report, "file.reap.operations_most", t->most);
    report_latency(report, "file.sync_ns", &r->tally.sync);
    report_integer(report, "file.verified_blocks", r->tally.verified);
}

static void write_file(struct report *report, const struct results *r, const struct run *run)
{
    write_storage(report, run);
    write_batches(report, r, run);
    if (run->config->priority_percent) {
        report_latency(report, "file.classes.normal_ns", &r->tally.classes[0]);
        report_latency(report, "file.classes.priority_ns", &r->tally.classes[1]);
    }
    if (run->config->published_method) {
        double published_s = results_published_s(r);

        report_number(report, "file.published.wall_s", published_s);
        report_number(report, "file.published.read_iops",
                      (double)r->tally.moves[TALLY_READ].operations / published_s);
        report_number(report, "file.published.write_iops",
                      (double)r->tally.moves[TALLY_WRITE].operations / published_s);
    }
}

static void write_series(struct report *report, const struct series *series)
{
    static const char *const names[] = {"t_s", "qps", "errors", "batch"};

    report_array(report, "intervals");
    for (unsigned i = 0; i < series->count; i++) {
        const struct series_point *p = &series->points[i];
        double values[] = {p->end_s, p->iops, (double)p->errors, p->batch};

        report_append_point(report, "intervals", names, values, 4);
    }
}

static void write_figures(struct report *report, const struct results *r, const struct run *run)
{
    bool open_loop = run->config->rate > 0;

    report_integer(report, "threads", run->crew.count);
    report_number(report, "window.warmup_s", seconds(run->config->warmup_ns));
    report_number(report, "window.duration_s", r->duration_s);
    report_number(report, "window.drain_s", r->drain_s);
    report_flag(report, "interrupted", r->interrupted);
    write_totals(report, r);
    write_moves(report, "read", r, &r->tally.moves[TALLY_READ], open_loop);
    write_moves(report, "write", r, &r->tally.moves[TALLY_WRITE], open_loop);
    report_latency(report, "latency.service_ns", &r->service);
    if (open_loop)
        report_latency(report, "latency.response_ns", &r->response);
    write_errors(report, &r->tally);
    write_calls(report, r);
    write_cpu(report, r);
    write_file(report, r, run);
}

int results_write(const struct results *r, const struct run *run, const struct series *series,
                  const struct opt_table *table, int argc, char *const *argv,
                  const struct host *host, const struct host_pressure *before,
                  const struct host_pressure *after, int exit_status)
{
    struct report *report = report_new(table, run->config, argc, argv);
    int err;

    if (!report)
        return -ENOMEM;
    report_host(report, host, before, after);
    choice_report(report, run->config->engine, &r->engine->config.choice);
    write_figures(report, r, run);
    write_series(report, series);
    report_array(report, "warnings");
    results_warn(r, run, append_warning, report);
    report_host_warnings(report, host, before, after);
    report_integer(report, "exit_status", (uint64_t)exit_status);
    err = report_write(report, run->config->json);
    report_free(report);
    return err;
}
