#include "fileio/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MIB              1048576.0
#define PUBLISHED_TICK_S 0.1
#define HOT_SHARE        0.99
#define COLD_SHARE       0.01

/* ---- collecting ---- */

static void add_worker(struct results *r, const struct file_worker *w)
{
    tally_merge(&r->tally, &w->tally);
    r->failed_workers += w->failure.err != 0;
    if (w->failure.err && !r->failure)
        r->failure = &w->failure;
}

/* The workers count what they hand to a split context; what that does itself is added to it. */
static void add_split(struct results *r, const struct split *split)
{
    struct stats *sum = &r->summary.window;

    r->submitting = split_window(split, SPLIT_SUBMITTING);
    r->reaping = split_window(split, SPLIT_REAPING);
    for (unsigned i = 0; i < SYSCALL_KINDS; i++)
        sum->syscalls[i] += r->submitting.syscalls[i] + r->reaping.syscalls[i];
}

void results_collect(struct results *r, const struct run *run)
{
    memset(r, 0, sizeof *r);
    summary_collect(&r->summary, &run->drive);
    tally_init(&r->tally);
    for (unsigned i = 0; i < run->drive.crew.count; i++)
        add_worker(r, &run->workers[i]);
    r->submitting = r->reaping = r->summary.window;
    r->choice = run->split ? &split_engine(run->split)->config.choice : &run->plan.choice;
    if (run->split)
        add_split(r, run->split);
}

double results_published_s(const struct results *r)
{
    double ticks = ceil(r->summary.duration_s / PUBLISHED_TICK_S);

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
    const struct summary *s = &r->summary;

    return s->errors > 0 || (s->window.requests == 0 && !s->drive->interrupted);
}

/* ---- warnings ---- */

static void warn_of_conditions(const struct run *run, report_note *note, void *to)
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

void results_warn(const struct results *r, const struct run *run, report_note *note, void *to)
{
    char text[160];

    warn_of_conditions(run, note, to);
    if (r->failed_workers) {
        snprintf(text, sizeof text, "%u of %u workers ended early because an operation failed",
                 r->failed_workers, run->drive.crew.count);
        note(to, text);
    }
}

/* ---- JSON ---- */

static void write_moves(struct report *report, const char *name, const struct results *r,
                        unsigned kind, uint64_t operations, uint64_t bytes)
{
    const struct tally *t = &r->tally;
    char path[64];

#define MEMBER(member) (snprintf(path, sizeof path, "%s." member, name), path)
    report_number(report, MEMBER("iops"), summary_rate(&r->summary, operations));
    report_number(report, MEMBER("mib_s"), summary_rate(&r->summary, bytes) / MIB);
    report_latency(report, MEMBER("latency_ns"), &t->service[kind]);
    report_latency(report, MEMBER("complete_ns"), &t->complete[kind]);
    if (r->summary.drive->window.plan.rate)
        report_latency(report, MEMBER("response_ns"), &t->response[kind]);
    report_integer(report, MEMBER("operations"), operations);
    report_integer(report, MEMBER("bytes"), bytes);
    report_integer(report, MEMBER("short_transfers"), t->shorts[kind]);
#undef MEMBER
}

static double per(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
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
    const struct stats *s = &r->submitting, *t = &r->reaping;

    report_integer(report, "file.depth", run->plan.depth);
    if (run->plan.adaptive)
        report_text(report, "file.batch", "auto");
    else
        report_integer(report, "file.batch", run->plan.batch);
    report_integer(report, "file.reap_min", run->workers[0].reap_min);
    report_integer(report, "file.submit.calls", s->batches);
    report_number(report, "file.submit.operations_mean", per(s->batched, s->batches));
    report_integer(report, "file.submit.operations_most", s->batched_max);
    report_latency(report, "file.submit.latency_ns", &r->tally.submit);
    report_integer(report, "file.reap.calls", t->waits);
    report_number(report, "file.reap.operations_mean", per(t->events, t->waits));
    report_integer(report, "file.reap.operations_most", t->events_max);
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
                      (double)r->summary.window.reads / published_s);
        report_number(report, "file.published.write_iops",
                      (double)r->summary.window.writes / published_s);
    }
}

void results_report(struct report *report, const struct results *r, const struct run *run)
{
    const struct summary *s = &r->summary;
    uint64_t cpu_ns = s->process_cpu.user_ns + s->process_cpu.system_ns;

    summary_report(report, s, s->process_cpu);
    report_number(report, "cpu.us_per_op", per(cpu_ns, s->window.requests) / 1e3);
    choice_report(report, run->config->engine, r->choice);
    write_moves(report, "read", r, TALLY_READ, s->window.reads, s->window.rx_bytes);
    write_moves(report, "write", r, TALLY_WRITE, s->window.writes, s->window.tx_bytes);
    write_file(report, r, run);
    results_warn(r, run, report_warning, report);
}
