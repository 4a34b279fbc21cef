#include "fileio/print.h"

#include "common/base/clock.h"
#include "common/base/units.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MIB 1048576.0

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void print_header(FILE *out, const struct run *run)
{
    const struct file_config *c = run->config;
    const struct plan *p = &run->plan;
    char size[UNITS_TEXT_CAP], block[UNITS_TEXT_CAP];

    fprintf(out, "Engine:      %s, %s\n", run->type->backend.name, c->threading);
    units_bytes(size, sizeof size, p->file_bytes);
    if (c->existing)
        fprintf(out, "Workers:     %" PRIu64 " on one file, %s of it\n", c->workers, size);
    else
        fprintf(out, "Workers:     %" PRIu64 " with %" PRIu64 " file%s of %s each\n", c->workers,
                c->files, plural(c->files), size);
    fprintf(out, "Work:        %s, blocks of %s, ", c->rw,
            units_bytes(block, sizeof block, c->block_bytes));
    if (p->adaptive)
        fprintf(out, "adaptive batches, %u in flight\n", p->depth);
    else
        fprintf(out, "batches of %u, %u in flight\n", p->batch, p->depth);
    if (c->rate)
        fprintf(out, "Rate:        %s per second in all (%s arrivals)\n",
                units_count(size, sizeof size, c->rate), c->arrivals);
    fprintf(out, "Storage:     %s on %s, %s, %s\n\n", run->files.storage.filesystem,
            run->files.storage.device, c->existing ? c->existing : c->dir,
            run->files.direct ? "direct I/O" : "through the page cache");
    fflush(out);
}

void print_interval(FILE *out, const struct series_point *p)
{
    char iops[UNITS_TEXT_CAP];

    fprintf(out, "[%.1fs] IOPS: %s", p->end_s,
            units_count(iops, sizeof iops, (uint64_t)llround(p->iops)));
    if (!isnan(p->batch))
        fprintf(out, " | per submission: %.1f", p->batch);
    fprintf(out, " | Errors: %" PRIu64 "\n", p->errors);
    fflush(out);
}

static void print_latency(FILE *out, const char *label, const struct hist *h)
{
    static const double percents[] = {50, 95, 99, 99.9};
    static const char *const names[] = {"P50", "P95", "P99", "P99.9"};
    char text[UNITS_TEXT_CAP];

    if (h->count == 0)
        return;
    fprintf(out, "%-16s", label);
    for (unsigned i = 0; i < 4; i++)
        fprintf(out, "%s %s | ", names[i],
                units_duration(text, sizeof text, hist_percentile_ns(h, percents[i])));
    fprintf(out, "max %s\n", units_duration(text, sizeof text, h->max_ns));
}

static void print_moves(FILE *out, const char *name, const struct results *r, const struct moves *m)
{
    char iops[UNITS_TEXT_CAP], label[32];

    if (m->operations == 0)
        return;
    snprintf(label, sizeof label, "%s:", name);
    fprintf(out, "%-16s%s IOPS | %.2f MB/s (1 MB = 1,048,576 bytes)\n", label,
            units_count(iops, sizeof iops, (uint64_t)llround(results_rate(r, m->operations))),
            results_rate(r, m->bytes) / MIB);
    print_latency(out, "  latency:", &m->service);
    print_latency(out, "  complete:", &m->complete);
    print_latency(out, "  response:", &m->response);
    if (m->shorts)
        fprintf(out, "%-16s%" PRIu64 "\n", "  short:", m->shorts);
}

/* What the published program would have printed for this run. */
static void print_published(FILE *out, const struct results *r)
{
    double wall_s = results_published_s(r);

    fprintf(out,
            "Old method:     read %.0f IOPS, write %.0f IOPS: by a clock that ticks every "
            "100 ms, which makes %.3f s out of %.3f s\n",
            (double)r->tally.moves[TALLY_READ].operations / wall_s,
            (double)r->tally.moves[TALLY_WRITE].operations / wall_s, wall_s, r->duration_s);
}

static void print_costs(FILE *out, const struct results *r)
{
    double operations = (double)r->operations;

    if (r->operations == 0)
        return;
    fprintf(out, "CPU:            %.3f us per operation (user %.3f, system %.3f)\n",
            results_cpu_us(r), (double)r->cpu.user_ns / 1e3 / operations,
            (double)r->cpu.system_ns / 1e3 / operations);
    if (r->submitting.operations && r->submitting.batches && r->reaping.batches)
        fprintf(out,
                "System calls:   %.3f per operation | %.1f operations per submission, %.1f per "
                "reap\n",
                (double)results_calls(r) / (double)r->submitting.operations,
                (double)r->submitting.operations / (double)r->submitting.batches,
                (double)r->reaping.operations / (double)r->reaping.batches);
}

static void print_failure(FILE *out, const struct run *run, const struct results *r)
{
    static const char *const verbs[] = {"read", "write", "fsync", "fdatasync"};
    char path[4096];

    for (unsigned i = 0; i < TALLY_ERROR_KINDS; i++)
        if (r->tally.errors[i])
            fprintf(out, "Errors:         %" PRIu64 " x %s\n", r->tally.errors[i],
                    tally_error_texts[i]);
    if (r->failure)
        fprintf(out, "                first: %s at offset %" PRIu64 " of %s\n",
                verbs[r->failure->op_kind], r->failure->offset,
                files_path(&run->files, r->failure->file, path, sizeof path));
}

static void print_features(FILE *out, const struct choice *c)
{
    char text[CHOICE_TEXT];
    unsigned at = 0, n = 0;

    for (; choice_next_used(c, &at, text); n++)
        fprintf(out, "%s%s", n ? ", " : "Features:       ", text);
    if (n)
        fputc('\n', out);
    for (at = 0; choice_next_left_out(c, &at, text);)
        fprintf(out, "Left out:       %s\n", text);
}

static void print_conditions(FILE *out, const struct run *run, const struct results *r)
{
    const struct files *f = &run->files;

    fprintf(out, "Conditions:     ");
    fprintf(out, "%s, cache %s", f->direct ? "O_DIRECT in force" : "buffered",
            results_cache_state(run));
    if (run->resident_known && run->pages)
        fprintf(out, " (%.0f %% of the files in it before, %.0f %% after)",
                100 * (double)run->resident_before / (double)run->pages,
                100 * (double)run->resident_after / (double)run->pages);
    fprintf(out, ", sync %s\n", run->config->sync);
    print_features(out, &r->engine->config.choice);
}

static void print_note(void *to, const char *text)
{
    fprintf(to, "Note:           %s\n", text);
}

void print_final(FILE *out, const struct run *run, const struct results *r)
{
    char count[UNITS_TEXT_CAP];

    fprintf(out, "=== Final Results ===\n");
    if (r->interrupted)
        fprintf(out, "Interrupted:    the figures are of the time until then\n");
    fprintf(out, "Operations:     %s in %.4f s\n", units_count(count, sizeof count, r->operations),
            r->duration_s);
    print_moves(out, "Read", r, &r->tally.moves[TALLY_READ]);
    print_moves(out, "Write", r, &r->tally.moves[TALLY_WRITE]);
    print_latency(out, "Sync:", &r->tally.sync);
    print_latency(out, "Submit call:", &r->tally.submit);
    print_latency(out, "Normal class:", &r->tally.classes[0]);
    print_latency(out, "Priority class:", &r->tally.classes[1]);
    if (run->config->verify)
        fprintf(out, "Verified:       %s blocks\n",
                units_count(count, sizeof count, r->tally.verified));
    print_failure(out, run, r);
    print_costs(out, r);
    print_conditions(out, run, r);
    if (run->config->published_method)
        print_published(out, r);
    results_warn(r, run, print_note, out);
    fflush(out);
}
