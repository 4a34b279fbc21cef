/*
 * choose: which backend runs, from what the command line says: one grammar for all programs.
 *
 *     auto | name[:item,...]      item: +feature, -feature, key=value, or a variant of the name
 *
 * "+feature" asks for one that is off by default, or insists on one that is not: if it cannot be
 * had, that is an error. "-feature" leaves one out. Of items that contradict each other the last
 * holds. "auto" takes the first that can run here, and no items. There is never a silent fallback.
 */
#ifndef IOBENCH_CHOOSE_H
#define IOBENCH_CHOOSE_H

#include "common/base/opt.h"
#include "common/choose/choice.h"

/* An option of its own that means an item: "--pool 8" is "pool=8". It goes before the others. */
struct choose_item {
    const char *option, *value; /* as on the command line; value NULL: a flag */
    char text[64];
};

struct choose_from {
    const char *option;                 /* "backend" or "engine": the option, and the word */
    const struct backend *const *table; /* NULL-terminated */
    const char *const *order; /* names that auto tries, NULL-terminated; NULL: the table */
    const struct choose_item *items;
    unsigned item_count;
    const void *about; /* what the probes are told of the run */
};

/*
 * Fills choice from spec and probes it. 0; -EINVAL for words that make no sense; -ENOTSUP for what
 * cannot run here: both with the reason in why, and in choice->blamed the feature or key at fault.
 * The reason quotes the words as they are; opt_complain() makes one line of it.
 */
int choose_spec(struct choice *choice, const struct choose_from *from, const char *spec, char *why,
                size_t why_cap);

/* The same for a main: 0, or an exit status after one line on stderr. */
int choose_or_complain(struct choice *choice, const struct choose_from *from,
                       const struct opt_table *table, const char *spec);

/* For an option table, whose list is a struct choose_from: the grammar, and all there is. */
void choose_write_help(const void *from, FILE *out);

#endif
