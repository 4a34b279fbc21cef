#include "fileio/plan.h"

#include "common/base/text.h"
#include "common/choose/choose.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_WORD = 8, ENGINE_OPTIONS = 5, DEPTH_ADAPTIVE = 32, SIZE_DEFAULT = 64 << 20 };

const char *const plan_rw_names[] = {"write-read", "read",   "write", "randread",
                                     "randwrite",  "randrw", NULL};
const char *const plan_threading_names[] = {"inline", "split", NULL};

/* For an option without a value of its own to blame. */
static int refuse(const struct opt_table *table, const char *option, const char *why)
{
    fprintf(stderr, "%s: --%s: %s\n", table->program, option, why);
    return EXIT_USAGE;
}

static int refuse_count(const struct opt_table *table, const char *option, uint64_t value,
                        const char *why)
{
    char text[UNITS_TEXT_CAP];

    snprintf(text, sizeof text, "%" PRIu64, value);
    return opt_complain(table, EXIT_USAGE, option, text, why);
}

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static int read_rw(struct plan *p, const struct file_config *c)
{
    p->pairs = is(c->rw, "write-read");
    if (is(c->rw, "read") || is(c->rw, "randread"))
        p->read_percent = 100;
    else if (is(c->rw, "randrw"))
        p->read_percent = (unsigned)c->read_percent;
    p->whole = c->prefill || p->read_percent > 0;
    return 0;
}

static int read_pattern(struct plan *p, const struct file_config *c, const struct opt_table *table)
{
    bool random = strncmp(c->rw, "rand", 4) == 0;
    const char *text = c->pattern ? c->pattern : random ? "uniform" : "seq";

    if (offsets_parse(text, &p->pattern))
        return opt_complain(table, EXIT_USAGE, "pattern", text,
                            "is not seq, uniform or zipf:S with S above 0 and up to 10");
    if (random && p->pattern.kind == OFFSETS_SEQ)
        return opt_complain(table, EXIT_USAGE, "pattern", text, "contradicts a random --rw");
    return 0;
}

static int read_batch(struct plan *p, const struct file_config *c, const struct opt_table *table)
{
    uint64_t count = 0;

    p->adaptive = is(c->batch, "auto");
    if (!p->adaptive && (units_parse_count(c->batch, &count) || count < 1 || count > BATCH_MOST))
        return opt_complain(table, EXIT_USAGE, "batch", c->batch,
                            "is not auto or a count from 1 to 256");
    p->batch = p->adaptive ? 1 : (unsigned)count;
    p->depth = c->depth ? (unsigned)c->depth : p->adaptive ? DEPTH_ADAPTIVE : p->batch;
    if (p->depth < p->batch)
        return refuse_count(table, "depth", c->depth, "is less than --batch");
    return 0;
}

static int read_sync(struct plan *p, const struct file_config *c, const struct opt_table *table)
{
    static const struct {
        const char *word;
        enum sync_kind kind;
    } ways[] = {{"fsync:", SYNC_FSYNC}, {"fdatasync:", SYNC_FDATASYNC}};

    if (is(c->sync, "none"))
        return 0;
    if (is(c->sync, "dsync")) {
        p->sync = SYNC_DSYNC;
        return 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        size_t length = strlen(ways[i].word);

        if (strncmp(c->sync, ways[i].word, length) == 0 &&
            units_parse_count(c->sync + length, &p->sync_every) == 0 && p->sync_every > 0) {
            p->sync = ways[i].kind;
            return 0;
        }
    }
    return opt_complain(table, EXIT_USAGE, "sync", c->sync,
                        "is not none, dsync, fsync:N or fdatasync:N with N from 1");
}

/* The file of --existing decides how much there is to be read. */
static int size_existing(struct file_config *c, const struct opt_table *table)
{
    struct stat st;

    if (stat(c->existing, &st))
        return opt_complain(table, EXIT_USAGE, "existing", c->existing, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return opt_complain(table, EXIT_USAGE, "existing", c->existing, "is not a regular file");
    if (c->size_bytes > (uint64_t)st.st_size)
        return opt_complain(table, EXIT_USAGE, "size", text_bytes(c->size_bytes).s,
                            "is more than the file of --existing has");
    if (!c->size_bytes)
        c->size_bytes = (uint64_t)st.st_size;
    return 0;
}

static int size_files(struct plan *p, struct file_config *c, const struct opt_table *table)
{
    int err = c->existing ? size_existing(c, table) : 0;

    if (err)
        return err;
    if (!c->size_bytes)
        c->size_bytes = SIZE_DEFAULT;
    p->blocks_per_file = c->size_bytes / c->files / c->block_bytes;
    p->file_bytes = p->blocks_per_file * c->block_bytes;
    p->blocks = p->blocks_per_file * c->files;
    if (p->blocks_per_file == 0)
        return opt_complain(table, EXIT_USAGE, "size", text_bytes(c->size_bytes).s,
                            "gives the files less than one block each");
    if (c->verify && p->blocks < 2 * (uint64_t)p->depth)
        return opt_complain(table, EXIT_USAGE, "size", text_bytes(c->size_bytes).s,
                            "is less than two blocks for each operation in flight, which --verify "
                            "needs");
    return 0;
}

static int check_existing(const struct plan *p, const struct file_config *c,
                          const struct opt_table *table)
{
    const struct {
        bool given;
        const char *option;
    } excluded[] = {
        {c->verify, "verify"},
        {c->prefill, "prefill"},
        {c->keep, "keep"},
        {c->files > 1, "files"},
    };

    if (!c->existing)
        return 0;
    if (p->read_percent != 100)
        return opt_complain(table, EXIT_USAGE, "existing", c->existing,
                            "is only read: needs --rw read or randread");
    for (unsigned i = 0; i < sizeof excluded / sizeof excluded[0]; i++)
        if (excluded[i].given)
            return refuse(table, excluded[i].option,
                          "is for files made by this program, which "
                          "--existing excludes");
    return 0;
}

static int check_pairs_of_options(const struct plan *p, const struct file_config *c,
                                  const struct opt_table *table)
{
    if (c->verify && c->block_bytes % BLOCK_WORD)
        return refuse(table, "verify", "needs a --block of whole 8 bytes");
    if (c->priority_percent && !p->split)
        return refuse_count(table, "priority-percent", c->priority_percent,
                            "needs --threading split, which has a priority queue");
    if (p->sync && p->read_percent == 100)
        return opt_complain(table, EXIT_USAGE, "sync", c->sync, "needs a --rw that writes");
    if (!is(c->rw, "randrw") && c->read_percent != 50)
        return refuse_count(table, "read-percent", c->read_percent, "needs --rw randrw");
    return 0;
}

/*
 * A device keeps busy while a few of its completions wait to be taken, and each reap then brings
 * several; but waiting for a whole batch makes it idle in between. What comes from memory is there
 * at once.
 */
unsigned plan_reap_min(const struct plan *p, unsigned batch)
{
    if (p->reap_min_given)
        return p->reap_min_given < p->depth ? p->reap_min_given : p->depth;
    return p->direct && batch >= 4 ? batch / 4 : 1;
}

int plan_make(struct plan *p, struct file_config *c, const struct opt_table *table)
{
    int err;

    memset(p, 0, sizeof *p);
    p->direct = opt_is_on(c->direct);
    p->split = is(c->threading, "split");
    if (c->ops == 0 && c->time_ns == 0)
        c->ops = 1000;
    p->ops = c->ops ? c->ops : UINT64_MAX;
    err = read_rw(p, c);
    if (!err)
        err = read_pattern(p, c, table);
    if (!err)
        err = read_batch(p, c, table);
    if (!err)
        err = read_sync(p, c, table);
    if (!err)
        err = size_files(p, c, table);
    if (!err)
        err = check_pairs_of_options(p, c, table);
    if (!err)
        err = check_existing(p, c, table);
    p->reap_min_given = (unsigned)c->reap_min;
    return err;
}

/* ---- the engine ---- */

static const struct choose_from engines = {.option = "engine", .table = engine_table};

void plan_list_engines(const void *list, FILE *out)
{
    (void)list;
    choose_write_help(&engines, out);
}

/* Options that stand for an item of the engine's. Returns how many were given. */
static unsigned list_items(struct choose_item *items, const struct file_config *c)
{
    char pool[UNITS_TEXT_CAP];
    const struct {
        bool given;
        const char *option, *value;
    } options[] = {
        {c->sqpoll, "sqpoll", NULL},
        {c->iopoll, "iopoll", NULL},
        {!is(c->notify, "ring"), "notify", c->notify},
        {!is(c->rwf, "none"), "rwf", c->rwf},
        {c->pool > 0, "pool", pool},
    };
    unsigned n = 0;

    snprintf(pool, sizeof pool, "%" PRIu64, c->pool);
    for (unsigned i = 0; i < ENGINE_OPTIONS; i++) {
        const char *option = options[i].option, *value = options[i].value;
        struct choose_item *item = &items[n];

        if (!options[i].given)
            continue;
        snprintf(item->text, sizeof item->text, value ? "%s=%s" : "+%s", option, value);
        item->option = option;
        item->value = value ? item->text + strlen(option) + 1 : NULL;
        n++;
    }
    return n;
}

static int fit(struct plan *p, const struct file_config *c, const struct opt_table *table,
               const struct file_engine *type)
{
    if (c->spin_ns && type->most_depth == 1)
        return refuse(table, "spin", "is of no use to an engine that blocks");
    if (p->split && !type->two_threads)
        return opt_complain(table, EXIT_USAGE, "threading", c->threading,
                            "needs an engine that can reap in another thread than submits");
    if (c->verify && type->pretends)
        return refuse(table, "verify", "has nothing to check where no data is moved");
    if (p->depth > type->most_depth)
        p->depth = type->most_depth;
    if (p->batch > p->depth)
        p->batch = p->depth;
    if (p->adaptive && p->depth == 1)
        return opt_complain(table, EXIT_USAGE, "batch", c->batch,
                            "needs an engine with more than one operation in flight");
    if (type->reads_first && type->reads_first(&p->choice))
        p->whole = true;
    p->fill = p->whole && !c->existing;
    return 0;
}

int plan_choose(struct plan *p, const struct file_config *c, const struct opt_table *table)
{
    struct choose_item items[ENGINE_OPTIONS];
    struct engine_work work = {
        .depth = p->depth,
        .two_threads = p->split,
        .direct = p->direct,
        .reads = p->pairs || p->read_percent > 0,
        .writes = p->read_percent<100, .syncs = p->sync_every> 0,
    };
    struct choose_from from = engines;
    int status;

    from.items = items;
    from.item_count = list_items(items, c);
    from.about = &work;
    status = choose_or_complain(&p->choice, &from, table, c->engine);
    return status ? status : fit(p, c, table, engine_of(&p->choice));
}
