#include "fileio/plan.h"

#include "common/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK_WORD = 8, DEPTH_ADAPTIVE = 32, POOL_DEFAULT = 4, SIZE_DEFAULT = 64 << 20 };

const char *const plan_rw_names[] = {"write-read", "read",   "write", "randread",
                                     "randwrite",  "randrw", NULL};
const char *const plan_notify_names[] = {"ring", "getevents", "eventfd", NULL};
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
    p->whole = c->prefill || p->read_percent > 0 || c->iopoll;
    p->fill = p->whole && !c->existing;
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
    char text[UNITS_TEXT_CAP];
    struct stat st;

    if (stat(c->existing, &st))
        return opt_complain(table, EXIT_USAGE, "existing", c->existing, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return opt_complain(table, EXIT_USAGE, "existing", c->existing, "is not a regular file");
    if (c->size_bytes > (uint64_t)st.st_size)
        return opt_complain(table, EXIT_USAGE, "size",
                            units_bytes(text, sizeof text, c->size_bytes),
                            "is more than the file of --existing has");
    if (!c->size_bytes)
        c->size_bytes = (uint64_t)st.st_size;
    return 0;
}

static int size_files(struct plan *p, struct file_config *c, const struct opt_table *table)
{
    char text[UNITS_TEXT_CAP];
    int err = c->existing ? size_existing(c, table) : 0;

    if (err)
        return err;
    if (!c->size_bytes)
        c->size_bytes = SIZE_DEFAULT;
    p->blocks_per_file = c->size_bytes / c->files / c->block_bytes;
    p->file_bytes = p->blocks_per_file * c->block_bytes;
    p->blocks = p->blocks_per_file * c->files;
    if (p->blocks_per_file == 0)
        return opt_complain(table, EXIT_USAGE, "size",
                            units_bytes(text, sizeof text, c->size_bytes),
                            "gives the files less than one block each");
    if (c->verify && p->blocks < 2 * (uint64_t)p->depth)
        return opt_complain(table, EXIT_USAGE, "size",
                            units_bytes(text, sizeof text, c->size_bytes),
                            "is less than two blocks for each operation in flight, which --verify "
                            "needs");
    return 0;
}

static int read_rwf(struct plan *p, const struct file_config *c, const struct opt_table *table)
{
    bool reads = p->pairs || p->read_percent > 0, writes = p->read_percent < 100;

    p->rwf = rwf_named(c->rwf);
    if (p->rwf.writes && !p->rwf.reads && !writes)
        return opt_complain(table, EXIT_USAGE, "rwf", c->rwf, "needs a --rw that writes");
    if (p->rwf.reads && !p->rwf.writes && !reads)
        return opt_complain(table, EXIT_USAGE, "rwf", c->rwf, "needs a --rw that reads");
    if (is(c->rwf, "hipri") && !p->direct)
        return opt_complain(table, EXIT_USAGE, "rwf", c->rwf, "needs --direct on");
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
    if (c->iopoll && !p->direct)
        return refuse(table, "iopoll", "needs --direct on");
    if (c->iopoll && p->split)
        return refuse(table, "iopoll", "excludes --threading split");
    if (c->iopoll && p->sync_every)
        return refuse(table, "iopoll", "excludes fsync and fdatasync");
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
    p->notify = is(c->notify, "eventfd")     ? NOTIFY_EVENTFD
                : is(c->notify, "getevents") ? NOTIFY_GETEVENTS
                                             : NOTIFY_RING;
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
        err = read_rwf(p, c, table);
    if (!err)
        err = size_files(p, c, table);
    if (!err)
        err = check_pairs_of_options(p, c, table);
    if (!err)
        err = check_existing(p, c, table);
    p->reap_min_given = (unsigned)c->reap_min;
    p->pool = c->pool ? (unsigned)c->pool : p->depth < POOL_DEFAULT ? p->depth : POOL_DEFAULT;
    return err;
}

static int refuse_if(bool idle, const char *option, const struct opt_table *table,
                     const struct file_engine *type)
{
    char why[64];

    if (!idle)
        return 0;
    snprintf(why, sizeof why, "is of no use to the engine %s", type->name);
    return refuse(table, option, why);
}

int plan_fit(struct plan *p, const struct file_config *c, const struct opt_table *table,
             const struct file_engine *type)
{
    const char *name = type->name;
    bool uring = is(name, "io_uring"), aio = is(name, "libaio"), pool = is(name, "threads");
    bool blocks = pool || is(name, "sync");
    int err = refuse_if(c->sqpoll && !uring, "sqpoll", table, type);

    if (!err)
        err = refuse_if(c->iopoll && !uring, "iopoll", table, type);
    if (!err)
        err = refuse_if(p->notify != NOTIFY_RING && !aio, "notify", table, type);
    if (!err)
        err = refuse_if(!is(c->rwf, "none") && !blocks, "rwf", table, type);
    if (!err)
        err = refuse_if(c->pool && !pool, "pool", table, type);
    if (err)
        return err;
    err = refuse_if(c->spin_ns && type->most_depth == 1, "spin", table, type);
    if (err)
        return err;
    if (p->split && !type->two_threads)
        return opt_complain(table, EXIT_USAGE, "threading", c->threading,
                            "needs an engine that can reap in another thread than submits");
    if (c->verify && is(name, "null"))
        return refuse(table, "verify", "has nothing to check on null");
    if (p->depth > type->most_depth)
        p->depth = type->most_depth;
    if (p->batch > p->depth)
        p->batch = p->depth;
    if (p->adaptive && p->depth == 1)
        return opt_complain(table, EXIT_USAGE, "batch", c->batch,
                            "needs an engine with more than one operation in flight");
    return 0;
}
