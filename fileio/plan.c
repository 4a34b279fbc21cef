#include "fileio/plan.h"

#include "common/base/text.h"
#include "common/choose/choose.h"
#include "common/measure/pace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_WORD = 8, ENGINE_OPTIONS = 5, DEPTH_ADAPTIVE = 32, SIZE_DEFAULT = 64 << 20 };

const char *const plan_rw_names[] = {"write-read", "read",   "write", "randread",
                                     "randwrite",  "randrw", NULL};
const char *const plan_threading_names[] = {"inline", "split", NULL};

/* What an option must not be, for what the others say. */
struct rule {
    bool broken;
    const char *option, *value; /* value NULL: there is none to blame */
    const char *why;
};

/* Blames the first rule that is broken; rules end with one without an option. */
static int check(const struct opt_table *table, const struct rule *rules)
{
    while (rules->option && !rules->broken)
        rules++;
    if (!rules->option)
        return 0;
    if (rules->value)
        return opt_complain(table, EXIT_USAGE, rules->option, rules->value, rules->why);
    return opt_refuse(table, "--%s: %s", rules->option, rules->why);
}

static struct text number(uint64_t value)
{
    struct text t;

    snprintf(t.s, sizeof t.s, "%" PRIu64, value);
    return t;
}

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static void read_rw(struct plan *p, const struct file_config *c)
{
    p->pairs = is(c->rw, "write-read");
    if (is(c->rw, "read") || is(c->rw, "randread"))
        p->read_percent = 100;
    else if (is(c->rw, "randrw"))
        p->read_percent = (unsigned)c->read_percent;
    p->whole = c->prefill || p->read_percent > 0;
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
    struct text size = text_bytes(c->size_bytes);
    struct stat st = {.st_mode = S_IFREG};
    bool missing = stat(c->existing, &st) != 0;
    const struct rule rules[] = {
        {missing, "existing", c->existing, strerror(errno)},
        {!S_ISREG(st.st_mode), "existing", c->existing, "is not a regular file"},
        {c->size_bytes > (uint64_t)st.st_size, "size", size.s,
         "is more than the file of --existing has"},
        {0},
    };

    if (!c->size_bytes)
        c->size_bytes = (uint64_t)st.st_size;
    return check(table, rules);
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
    return 0;
}

/* What one option says of another. */
static int check_options(const struct plan *p, const struct file_config *c,
                         const struct opt_table *table)
{
    static const char made_here[] = "is for files made by this program, which --existing excludes";
    struct text depth = number(c->depth), size = text_bytes(c->size_bytes),
                files = number(c->files), priority = number(c->priority_percent),
                reads = number(c->read_percent);
    bool existing = c->existing, mixed = is(c->rw, "randrw");
    struct stat st;
    const struct rule rules[] = {
        {p->depth < p->batch, "depth", depth.s, "is less than --batch"},
        {p->blocks_per_file == 0, "size", size.s, "gives the files less than one block each"},
        {c->verify && p->blocks < 2 * (uint64_t)p->depth, "size", size.s,
         "is less than two blocks for each operation in flight, which --verify needs"},
        {c->verify && c->block_bytes % BLOCK_WORD, "verify", NULL,
         "needs a --block of whole 8 bytes"},
        {c->priority_percent && !p->split, "priority-percent", priority.s,
         "needs --threading split, which has a priority queue"},
        {p->sync && p->read_percent == 100, "sync", c->sync, "needs a --rw that writes"},
        {!mixed && c->read_percent != 50, "read-percent", reads.s, "needs --rw randrw"},
        {existing && p->read_percent != 100, "existing", c->existing,
         "is only read: needs --rw read or randread"},
        {existing && c->verify, "verify", NULL, made_here},
        {existing && c->prefill, "prefill", NULL, made_here},
        {existing && c->keep, "keep", NULL, made_here},
        {existing && c->files > 1, "files", NULL, made_here},
        {c->workers * c->files > FILES_MOST, "files", files.s,
         "makes more than 65,535 files for all workers"},
        {stat(c->dir, &st) || !S_ISDIR(st.st_mode), "dir", c->dir, "is not a directory"},
        {pace_lacks_rate(c->arrivals, c->rate), "arrivals", c->arrivals, PACE_LACKS_RATE},
        {0},
    };

    return check(table, rules);
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
    read_rw(p, c);
    err = read_pattern(p, c, table);
    if (!err)
        err = read_batch(p, c, table);
    if (!err)
        err = read_sync(p, c, table);
    if (!err)
        err = size_files(p, c, table);
    if (!err)
        err = check_options(p, c, table);
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
    struct text pool = number(c->pool);
    const struct {
        bool given;
        const char *option, *value;
    } options[] = {
        {c->sqpoll, "sqpoll", NULL},
        {c->iopoll, "iopoll", NULL},
        {!is(c->notify, "ring"), "notify", c->notify},
        {!is(c->rwf, "none"), "rwf", c->rwf},
        {c->pool > 0, "pool", pool.s},
    };
    unsigned n = 0;

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
    const struct rule rules[] = {
        {c->spin_ns && type->most_depth == 1, "spin", NULL,
         "is of no use to an engine that blocks"},
        {p->split && !type->two_threads, "threading", c->threading,
         "needs an engine that can reap in another thread than submits"},
        {c->verify && type->pretends, "verify", NULL,
         "has nothing to check where no data is moved"},
        {p->adaptive && (p->depth == 1 || type->most_depth == 1), "batch", c->batch,
         "needs an engine with more than one operation in flight"},
        {0},
    };

    if (p->depth > type->most_depth)
        p->depth = type->most_depth;
    if (p->batch > p->depth)
        p->batch = p->depth;
    if (type->reads_first && type->reads_first(&p->choice))
        p->whole = true;
    p->fill = p->whole && !c->existing;
    return check(table, rules);
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
