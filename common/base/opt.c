#include "common/base/opt.h"
#include "common/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parse {
    const struct opt_table *table;
    char **next, **end; /* words that were not looked at yet */
    void *config;
    FILE *out, *err;
    bool options_over; /* "--" was seen */
    bool positional_taken;
};

/* ---- values ---- */

typedef int parser(const char *text, uint64_t *value);

static int parse_number(const struct opt *row, parser *parse, const char *text, uint64_t *value)
{
    uint64_t number;
    int err = parse(text, &number);

    if (err)
        return err;
    if (number < row->min || number > row->max)
        return -ERANGE;
    *value = number;
    return 0;
}

static int parse_choice(const struct opt *row, const char *text, const char **choice)
{
    int i = text_index(row->choices, text);

    if (i < 0)
        return -EINVAL;
    *choice = row->choices[i];
    return 0;
}

/* Reads the decimal number at *text and moves past it: a CPU number, or -EINVAL. */
static int parse_cpu(const char **text)
{
    char *end;
    unsigned long cpu = strtoul(*text, &end, 10);

    if (!isdigit((unsigned char)**text) || cpu >= OPT_CPUS_MAX)
        return -EINVAL;
    *text = end;
    return (int)cpu;
}

/* Reads "N" or "N-N" and moves past it. */
static int parse_cpu_range(const char **text, struct opt_cpus *cpus)
{
    int first = parse_cpu(text), last = first;

    if (**text == '-') {
        ++*text;
        last = parse_cpu(text);
    }
    if (first < 0 || last < first || last - first >= OPT_CPUS_MAX - cpus->count)
        return -EINVAL;
    for (int cpu = first; cpu <= last; cpu++)
        cpus->cpu[cpus->count++] = (uint16_t)cpu;
    return 0;
}

int opt_parse_cpus(const char *text, struct opt_cpus *cpus)
{
    struct opt_cpus list = {.count = 0};
    int err = parse_cpu_range(&text, &list);

    while (!err && *text == ',') {
        text++;
        err = parse_cpu_range(&text, &list);
    }
    if (err || *text)
        return -EINVAL;
    *cpus = list;
    return 0;
}

static int set_field(const struct opt *row, const char *text, void *config)
{
    void *field = (char *)config + row->offset;

    switch (row->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return 0;
    case OPT_COUNT:
        return parse_number(row, units_parse_count, text, field);
    case OPT_BYTES:
        return parse_number(row, units_parse_bytes, text, field);
    case OPT_DURATION_NS:
        return parse_number(row, units_parse_duration_ns, text, field);
    case OPT_TEXT:
        *(const char **)field = text;
        return 0;
    case OPT_CHOICE:
        return parse_choice(row, text, field);
    case OPT_CPUS:
        return opt_parse_cpus(text, field);
    }
    return -EINVAL;
}

/* ---- messages ---- */

/* As one line: control characters in the user's words must not break it, or the terminal. */
__attribute__((format(printf, 3, 0))) static void
write_message(const struct opt_table *table, FILE *err, const char *format, va_list args)
{
    char *text;

    if (vasprintf(&text, format, args) < 0)
        return;
    for (char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    fprintf(err, "%s: %s\n", table->program, text);
    free(text);
}

__attribute__((format(printf, 2, 3))) static enum opt_result refuse(const struct parse *p,
                                                                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message(p->table, p->err, format, args);
    va_end(args);
    return OPT_BAD;
}

static enum opt_result bad_value(const struct parse *p, const struct opt *row, const char *text)
{
    char *allowed = opt_allowed(row);

    if (text)
        refuse(p, "--%s: '%s' is not %s", row->name, text, allowed ? allowed : "allowed");
    else
        refuse(p, "--%s: needs a value: %s", row->name, allowed ? allowed : "");
    free(allowed);
    return OPT_BAD;
}

int opt_refuse(const struct opt_table *table, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message(table, stderr, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int opt_complain(const struct opt_table *table, int status, const char *option, const char *value,
                 const char *why)
{
    opt_refuse(table, "--%s: '%s' %s", option, value, why);
    return status;
}

int opt_cannot_run(const struct opt_table *table, const char *option, const char *value,
                   const char *why)
{
    opt_refuse(table, "--%s: '%s' cannot run here: %s", option, value, why);
    return EXIT_UNSUPPORTED;
}

/* ---- the command line ---- */

const struct opt *opt_row(const struct opt_table *table, size_t i)
{
    if (i < table->count)
        return &table->rows[i];
    return i - table->count < OPT_ACTIONS ? &opt_actions[i - table->count] : NULL;
}

static const struct opt *find_name(const struct opt_table *table, const char *name, size_t len)
{
    const struct opt *row;

    for (size_t i = 0; (row = opt_row(table, i)) != NULL; i++)
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            break;
    return row;
}

static const struct opt *find_letter(const struct opt_table *table, char letter)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    return NULL;
}

/* OPT_RUN here and below means: go on with the next word. */
static enum opt_result take_value(const struct parse *p, const struct opt *row, const char *text)
{
    return !text || set_field(row, text, p->config) ? bad_value(p, row, text) : OPT_RUN;
}

static enum opt_result take_positional(struct parse *p, const char *text)
{
    const char *name = p->table->positional;

    if (!name)
        return refuse(p, "surplus argument '%s', only options are allowed, see --help", text);
    if (p->positional_taken)
        return refuse(p, "surplus argument '%s', only one (%s) is allowed, see --help", text, name);
    p->positional_taken = true;
    return take_value(p, find_name(p->table, name, strlen(name)), text);
}

static enum opt_result take_action(const struct parse *p, const struct opt *action)
{
    if (action == &opt_actions[OPT_ACTION_HELP])
        opt_print_help(p->table, p->out);
    else if (action == &opt_actions[OPT_ACTION_MAN])
        opt_print_man(p->table, p->out);
    else
        fprintf(p->out, "%s %s\n", p->table->program, IOBENCH_VERSION);
    return OPT_DONE;
}

/* attached: the value, if it is part of the option's own word; else the next word is. */
static enum opt_result take_option(struct parse *p, const struct opt *row, const char *attached)
{
    if (row->kind == OPT_FLAG)
        return take_value(p, row, "");
    if (!attached && p->next < p->end)
        attached = *p->next++;
    return take_value(p, row, attached);
}

/*
 * The row whose long name the word spells out in full, or NULL. Abbreviations do not count: which
 * of them are unique changes whenever an option is added, and "-du" shall mean "-d u".
 */
static const struct opt *find_long(const struct opt_table *table, const char *word)
{
    size_t dashes = strspn(word, "-");
    size_t len = strcspn(word + dashes, "=");

    if (dashes < 1 || dashes > 2 || len < 2)
        return NULL;
    return find_name(table, word + dashes, len);
}

static enum opt_result take_long(struct parse *p, const struct opt *row, const char *word)
{
    const char *equals = strchr(word, '=');

    if (row->kind == OPT_FLAG && equals)
        return refuse(p, "--%s: '%s' is one too many, it takes no value", row->name, equals + 1);
    if (row >= opt_actions && row < opt_actions + OPT_ACTIONS)
        return take_action(p, row);
    return take_option(p, row, equals ? equals + 1 : NULL);
}

/* "-q", "-qv", "-c100", "-qc 100": flags, and what follows another letter is its value. */
static enum opt_result take_letters(struct parse *p, const char *word)
{
    enum opt_result result = OPT_RUN;
    bool more = true;

    for (const char *at = word + 1; *at && more && result == OPT_RUN; at++) {
        const struct opt *row = find_letter(p->table, *at);

        if (!row)
            return refuse(p, "unknown option '%s', see --help", word);
        more = row->kind == OPT_FLAG;
        result = take_option(p, row, at[1] ? at + 1 : NULL);
    }
    return result;
}

static enum opt_result take_word(struct parse *p, const char *word)
{
    const struct opt *row = find_long(p->table, word);

    if (p->options_over || word[0] != '-' || !word[1])
        return take_positional(p, word);
    if (row)
        return take_long(p, row, word);
    if (word[1] != '-')
        return take_letters(p, word);
    if (word[2])
        return refuse(p, "unknown option '%s', see --help", word);
    p->options_over = true;
    return OPT_RUN;
}

enum opt_result opt_parse(const struct opt_table *table, int argc, char **argv, void *config,
                          FILE *out, FILE *err)
{
    struct parse p = {table, argv + 1, argv + argc, config, out, err, false, false};
    enum opt_result result = OPT_RUN;

    for (size_t i = 0; i < table->count && result == OPT_RUN; i++)
        if (table->rows[i].initial)
            result = take_value(&p, &table->rows[i], table->rows[i].initial);
    while (result == OPT_RUN && p.next < p.end)
        result = take_word(&p, *p.next++);
    return result;
}

const char *const opt_on_off[] = {"on", "off", NULL};

bool opt_is_on(const char *choice)
{
    return strcmp(choice, opt_on_off[0]) == 0;
}
