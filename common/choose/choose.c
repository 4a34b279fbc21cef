#include "common/choose/choose.h"

#include "common/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_SHOWN = 40, WHY_CAP = 1024, LABEL_COLUMNS = 19, NAME_COLUMNS = 10 };

static const struct backend *find_backend(const struct choose_from *from, const char *name)
{
    for (unsigned i = 0; from->table[i]; i++)
        if (strcmp(from->table[i]->name, name) == 0)
            return from->table[i];
    return NULL;
}

/* What auto tries next; NULL at the end. *at begins at 0. */
static const struct backend *next_for_auto(const struct choose_from *from, unsigned *at)
{
    const struct backend *b = NULL;

    while ((!b || b->by_name_only) && (from->order ? !!from->order[*at] : !!from->table[*at])) {
        b = from->order ? find_backend(from, from->order[*at]) : from->table[*at];
        ++*at;
    }
    return b && !b->by_name_only ? b : NULL;
}

/* The name of the feature or key in "+name", "-name" or "name=value". */
static const char *item_name(const char *item)
{
    return item + (item[0] == '+' || item[0] == '-');
}

/* ---- what is allowed, in words -------------------------------------------------------------- */

/* "1M", "32k", "1000" */
static int write_number(FILE *out, uint64_t number)
{
    unsigned shift = number && number % (1 << 20) == 0 ? 20 : number && number % 1024 == 0 ? 10 : 0;

    return fprintf(out, "%" PRIu64 "%s", number >> shift, shift == 20 ? "M" : shift ? "k" : "");
}

/* "size=1..1M", "notify=ring|eventfd"; returns its length. */
static int write_key(FILE *out, const struct feature_key *k)
{
    int len = fprintf(out, "%s=", k->name);

    if (!k->words)
        return len + write_number(out, k->min) + fprintf(out, "..") + write_number(out, k->max);
    for (unsigned i = 0; k->words[i]; i++)
        len += fprintf(out, "%s%s", i ? "|" : "", k->words[i]);
    return len;
}

/* The sign with which a feature's item makes a difference. */
static char sign(const struct feature *f)
{
    return f->use == FEATURE_ASKED ? '+' : '-';
}

/* ": allowed are epoll, poll, recv=1..1M, send=1..1M (see --help)" */
static void write_allowed(FILE *out, const struct backend *b)
{
    const char *gap = ": allowed are ";

    for (unsigned i = 0; b->variants && b->variants[i]; i++, gap = ", ")
        fprintf(out, "%s%s", gap, b->variants[i]);
    for (const struct feature *f = b->features; f && f->name; f++) {
        if (f->use == FEATURE_ALWAYS)
            continue;
        fprintf(out, "%s%c%s", gap, sign(f), f->name);
        gap = ", ";
    }
    for (const struct feature_key *k = b->keys; k && k->name; k++, gap = ", ") {
        fputs(gap, out);
        write_key(out, k);
    }
    fputs(gap[0] == ':' ? ": it takes no items" : " (see --help)", out);
}

/* "names 'x', which is no feature of epoll: allowed are ..." */
static void write_refusal(const struct backend *b, const char *item, const char *what, char *why,
                          size_t why_cap)
{
    FILE *out = fmemopen(why, why_cap - 1, "w");

    if (!out)
        return;
    fprintf(out, "names '%.*s%s', which is %s %s", ITEM_SHOWN, item_name(item),
            strlen(item) > ITEM_SHOWN ? "..." : "", what, b->name);
    write_allowed(out, b);
    fclose(out);
    why[why_cap - 1] = '\0';
}

/* ---- items ---------------------------------------------------------------------------------- */

static bool take_feature(struct choice *c, const char *item)
{
    for (const struct feature *f = c->backend->features; f && f->name; f++) {
        if (strcmp(f->name, item + 1) != 0 || f->use == FEATURE_ALWAYS)
            continue;
        c->asked &= ~f->bit;
        c->refused &= ~f->bit;
        *(item[0] == '+' ? &c->asked : &c->refused) |= f->bit;
        return true;
    }
    return false;
}

static bool parse_value(const struct feature_key *k, const char *text, uint64_t *value)
{
    int word = text_index(k->words, text);

    if (!k->words)
        return units_parse_bytes(text, value) == 0 && *value >= k->min && *value <= k->max;
    *value = (uint64_t)word;
    return word >= 0;
}

static bool take_key(struct choice *c, const char *item)
{
    const struct feature_key *keys = c->backend->keys;
    uint64_t value;

    for (unsigned i = 0; keys && keys[i].name; i++) {
        size_t len = strlen(keys[i].name);

        if (strncmp(item, keys[i].name, len) != 0 || item[len] != '=')
            continue;
        if (!parse_value(&keys[i], item + len + 1, &value))
            return false;
        choice_set(c, i, value);
        return true;
    }
    return false;
}

/* NULL, or what the item is not. */
static const char *take_item(struct choice *c, const char *item)
{
    int variant = text_index(c->backend->variants, item);

    if (item[0] == '-' || item[0] == '+')
        return take_feature(c, item) ? NULL : "no feature of";
    if (strchr(item, '='))
        return take_key(c, item) ? NULL : "no setting of";
    if (variant < 0)
        return c->backend->variants ? "no method of" : "no item of";
    c->variant = variant;
    return NULL;
}

/* What follows the colon, which is cut to pieces; NULL: there was none. */
static int take_items(struct choice *c, char *items, char *why, size_t why_cap)
{
    const char *item;

    while ((item = strsep(&items, ",")) != NULL) {
        const char *fault = take_item(c, item);

        if (fault) {
            write_refusal(c->backend, item, fault, why, why_cap);
            return -EINVAL;
        }
    }
    return 0;
}

/* Items from options: all that this backend knows are taken; returns the first other, or NULL. */
static const char *take_options(struct choice *c, const struct choose_from *from)
{
    const char *unknown = NULL;

    for (unsigned i = 0; i < from->item_count; i++) {
        const char *item = from->items[i].text;

        if (take_item(c, item) && !unknown)
            unknown = item_name(item);
    }
    return unknown;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static void name_it(struct choice *c)
{
    const char *variant = c->variant < 0 ? "" : c->backend->variants[c->variant];

    snprintf(c->name, sizeof c->name, "%s%s%s", c->backend->name, variant[0] ? ":" : "", variant);
}

static int try_one(struct choice *c, const struct backend *backend, char *items,
                   const struct choose_from *from, char *why, size_t why_cap)
{
    const char *unknown;
    int err;

    *c = (struct choice){.backend = backend, .variant = -1};
    unknown = take_options(c, from);
    err = take_items(c, items, why, why_cap);
    if (err)
        return err;
    if (unknown) {
        c->blamed = unknown;
        snprintf(why, why_cap, "is of no use to the %s %s", from->option, backend->name);
        return -EINVAL;
    }
    if (backend->probe)
        err = backend->probe(c, from->about, why, why_cap);
    if (!err)
        err = choice_insist(c, why, why_cap);
    name_it(c);
    return err && err != -EINVAL ? -ENOTSUP : err;
}

static int choose_automatically(struct choice *c, const struct choose_from *from, char *why,
                                size_t why_cap)
{
    const struct backend *backend;
    int err = -ENOTSUP;

    for (unsigned at = 0; err == -ENOTSUP && (backend = next_for_auto(from, &at)) != NULL;)
        err = try_one(c, backend, NULL, from, why, why_cap);
    return err;
}

/* "is no backend; there are: auto epoll io_uring (not here: ...)" */
static void write_names(const struct choose_from *from, char *why, size_t why_cap)
{
    FILE *out = fmemopen(why, why_cap - 1, "w");

    if (!out)
        return;
    fprintf(out, "is no %s; there are: auto", from->option);
    for (unsigned i = 0; from->table[i]; i++) {
        struct choice c;
        char obstacle[160];

        fprintf(out, " %s", from->table[i]->name);
        if (try_one(&c, from->table[i], NULL, from, obstacle, sizeof obstacle) == -ENOTSUP)
            fprintf(out, " (not here: %s)", obstacle);
    }
    fclose(out);
    why[why_cap - 1] = '\0';
}

static int choose_named(struct choice *c, const struct choose_from *from, const char *name,
                        char *items, char *why, size_t why_cap)
{
    const struct backend *backend = find_backend(from, name);

    if (backend)
        return try_one(c, backend, items, from, why, why_cap);
    if (strcmp(name, "auto") != 0) {
        write_names(from, why, why_cap);
        return -EINVAL;
    }
    if (!items)
        return choose_automatically(c, from, why, why_cap);
    snprintf(why, why_cap,
             "names items, which go with the name of a %s and not with auto (see --help)",
             from->option);
    return -EINVAL;
}

int choose_spec(struct choice *c, const struct choose_from *from, const char *spec, char *why,
                size_t why_cap)
{
    char *name = strdup(spec), *items = name;
    int err;

    *c = (struct choice){.variant = -1};
    snprintf(why, why_cap, "%s", name ? "" : "memory ran out");
    if (!name)
        return -ENOTSUP;
    strsep(&items, ":");
    err = choose_named(c, from, name, items, why, why_cap);
    free(name);
    return err;
}

/* ---- for mains ------------------------------------------------------------------------------ */

/* The option that stands for the feature or key at fault, if one does. */
static const struct choose_item *find_option(const struct choose_from *from, const char *blamed)
{
    for (unsigned i = 0; blamed && i < from->item_count; i++) {
        const char *name = item_name(from->items[i].text);
        size_t len = strcspn(name, "=");

        if (strcspn(blamed, "=") == len && memcmp(blamed, name, len) == 0)
            return &from->items[i];
    }
    return NULL;
}

int choose_or_complain(struct choice *c, const struct choose_from *from,
                       const struct opt_table *table, const char *spec)
{
    char why[WHY_CAP], named[WHY_CAP + 64];
    int err = choose_spec(c, from, spec, why, sizeof why);
    const struct choose_item *item = err ? find_option(from, c->blamed) : NULL;
    const char *option = item ? item->option : from->option;

    if (!err)
        return 0;
    if (item && !item->value && err == -EINVAL)
        return opt_refuse(table, "--%s: %s", option, why);
    if (item || !c->blamed)
        snprintf(named, sizeof named, "%s", why);
    else
        snprintf(named, sizeof named, err == -EINVAL ? "has %s, which %s" : "%s: %s", c->blamed,
                 why);
    if (item)
        spec = item->value ? item->value : c->blamed;
    return err == -EINVAL ? opt_complain(table, EXIT_USAGE, option, spec, named)
                          : opt_cannot_run(table, option, spec, named);
}

static void write_backend(FILE *out, const struct backend *b)
{
    int len;

    fprintf(out, "  %-*s %s\n", NAME_COLUMNS, b->name, b->summary);
    for (unsigned i = 0; b->variants && b->variants[i]; i++)
        fprintf(out, "%s%s:%s%s", i ? "" : "    ", b->name, b->variants[i],
                b->variants[i + 1] ? ", " : "\n");
    for (const struct feature *f = b->features; f && f->name; f++)
        if (f->use != FEATURE_ALWAYS)
            fprintf(out, "    %c%-*s  %s\n", sign(f), LABEL_COLUMNS - 1, f->name, f->help);
    for (const struct feature_key *k = b->keys; k && k->name; k++) {
        fputs("    ", out);
        len = write_key(out, k);
        fprintf(out, "%*s  %s\n", len < LABEL_COLUMNS ? LABEL_COLUMNS - len : 0, "", k->help);
    }
}

void choose_write_help(const void *list, FILE *out)
{
    const struct choose_from *from = list;
    const struct backend *b;

    fprintf(out,
            "--%s takes NAME or NAME:ITEM,ITEM,... An item is +FEATURE (use it, or fail), "
            "-FEATURE (do without it) or KEY=VALUE (64k is 65,536). Of the features below those "
            "with + are off unless asked for, those with - are used where they can be had. What "
            "is asked for by name and cannot run here ends with exit status 77; nothing takes its "
            "place.\n"
            "\n"
            "  %-*s the first of",
            from->option, NAME_COLUMNS, "auto");
    for (unsigned at = 0, n = 0; (b = next_for_auto(from, &at)) != NULL; n++)
        fprintf(out, "%s %s", n ? "," : "", b->name);
    fputs(" that can run here\n", out);
    for (unsigned i = 0; from->table[i]; i++)
        write_backend(out, from->table[i]);
}
