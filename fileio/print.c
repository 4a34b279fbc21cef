#include "fileio/print.h"

#include "common/base/text.h"
#include "common/measure/page.h"

#include <inttypes.h>
#include <math.h>

#define MIB 1048576.0

void print_header(FILE *out, const void *owner)
{
    const struct run *run = owner;
    const struct file_config *c = run->config;
    const struct plan *p = &run->plan;

    fprintf(out, "Engine:      %s, %s\n", run->type->backend.name, c->threading);
    if (c->existing)
        fprintf(out, "Workers:     %" PRIu64 " on one file, %s of it\n", c->workers,
                text_bytes(p->file_bytes).s);
    else
        fprintf(out, "Workers:     %" PRIu64 " with %" PRIu64 " file%s of %s each\n", c->workers,
                c->files, text_plural(c->files), text_bytes(p->file_bytes).s);
    fprintf(out, "Work:        %s, blocks of %s, ", c->rw, text_bytes(c->block_bytes).s);
    if (p->adaptive)
        fprintf(out, "adaptive batches, %u in flight\n", p->depth);
    else
        fprintf(out, "batches of %u, %u in flight\n", p->batch, p->depth);
    if (c->rate)
        fprintf(out, "Rate:        %s per second in all (%s arrivals)\n", text_count(c->rate).s,
                c->arrivals);
    fprintf(out, "Storage:     %s on %s, %s, %s\n\n", run->files.storage.filesystem,
            run->files.storage.device, c->existing ? c->existing : c->dir,
            run->files.direct ? "direct I/O" : "through the page cache");
    fflush(out);
}

void print_point(FILE *out, const void *owner, const struct ticks_point *p)
{
    (void)owner;
    fprintf(out, "[%gs] IOPS: %s", p->end_s, text_rounded(p->qps).s);
    if (!isnan(p->batch))
        fprintf(out, " | per submission: %.1f", p->batch);
    fprintf(out, " | Errors: %s", text_count(p->errors).s);
}

static void print_moves(const struct page *page, const char *label, const struct results *r,
                        unsigned kind, uint64_t operations, uint64_t bytes)
{
    const struct tally *t = &r->tally;

    if (operations == 0)
        return;
    fprintf(page->out, "%-16s%s IOPS | %.2f MB/s (1 MB = 1,048,576 bytes)\n", label,
            text_rounded(summary_rate(&r->summary, operations)).s,
            summary_rate(&r->summary, bytes) / MIB);
    page_latency(page, "  latency:", &t->service[kind], NULL);
    page_latency(page, "  complete:", &t->complete[kind], NULL);
    page_latency(page, "  response:", &t->response[kind], NULL);
    if (t->shorts[kind])
        fprintf(page->out, "%-16s%s\n", "  short:", text_count(t->shorts[kind]).s);
}

/* What the published program would have printed for this run. */
static void print_published(FILE *out, const struct results *r)
{
    double wall_s = results_published_s(r);

    fprintf(out,
            "Old method:     read %.0f IOPS, write %.0f IOPS: by a clock that ticks every "
            "100 ms, which makes %.3f s out of %.3f s\n",
            (double)r->summary.window.reads / wall_s, (double)r->summary.window.writes / wall_s,
            wall_s, r->summary.duration_s);
}

static void print_costs(const struct page *page, const struct results *r)
{
    const struct summary *s = &r->summary;
    const struct stats *submitting = &r->submitting, *reaping = &r->reaping;

    page_cost(page, "CPU:", "operation", s->process_cpu, s->server_s, &s->window,
              s->window.requests);
    if (submitting->batches && reaping->waits)
        fprintf(page->out, "Batches:        %.1f operations per submission, %.1f per reap\n",
                (double)submitting->batched / (double)submitting->batches,
                (double)reaping->events / (double)reaping->waits);
}

static void print_failure(const struct page *page, const struct run *run, const struct results *r)
{
    static const char *const verbs[] = {"read", "write", "fsync", "fdatasync"};
    char path[4096];

    if (r->summary.errors)
        fprintf(page->out, "Errors:         %s\n", text_count(r->summary.errors).s);
    page_errors(page, "", &r->summary.window);
    if (r->failure)
        fprintf(page->out, "                first: %s at offset %" PRIu64 " of %s\n",
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
    print_features(out, r->choice);
}

void print_final(FILE *out, const struct run *run, const struct results *r)
{
    struct page page = {out, 16};
    const struct summary *s = &r->summary;

    fprintf(out, "\n=== Final Results ===\n");
    if (run->drive.interrupted)
        fprintf(out, "Interrupted:    the figures are of the time until then\n");
    fprintf(out, "Operations:     %s in %.4f s\n", text_count(s->window.requests).s, s->duration_s);
    print_moves(&page, "Read:", r, TALLY_READ, s->window.reads, s->window.rx_bytes);
    print_moves(&page, "Write:", r, TALLY_WRITE, s->window.writes, s->window.tx_bytes);
    page_unfinished(&page, s, "operation");
    page_open_loop(&page, s, run->config->arrivals);
    page_latency(&page, "Sync:", &r->tally.sync, NULL);
    page_latency(&page, "Submit call:", &r->tally.submit, NULL);
    page_latency(&page, "Normal class:", &r->tally.classes[0], NULL);
    page_latency(&page, "Priority class:", &r->tally.classes[1], NULL);
    if (run->config->verify)
        fprintf(out, "Verified:       %s blocks\n", text_count(r->tally.verified).s);
    print_failure(&page, run, r);
    print_costs(&page, r);
    print_conditions(out, run, r);
    if (run->config->published_method)
        print_published(out, r);
    results_warn(r, run, page_note, &page);
    page_notes(&page, s);
    fflush(out);
}
