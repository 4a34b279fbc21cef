#include "common/base/opt.h"
#include "common/base/units.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

struct parse {
    const struct opt_table *table;
    int argc;
    char **argv;
    void *config;
    FILE *out, *err;
    bool positional_taken;
};

/* What getopt returns for a long option; beyond every letter. */
enum { GETOPT_LONG = UCHAR_MAX + 1, GETOPT_POSITIONAL = 1 };

/* ---- values ---- */

static int parse_number(const struct opt *row, const char *text, uint64_t *value)
{
    uint64_t number;
    int err;

    if (row->kind == OPT_COUNT)
        err = units_parse_count(text, &number);
    else if (row->kind == OPT_BYTES)
        err = units_parse_bytes(text, &number);
    else
        err = units_parse_duration_ns(text, &number);
    if (err)
        return err;
    if (number < row->min || number > row->max)
        return -ERANGE;
    *value = number;
    return 0;
}

static int parse_choice(const struct opt *row, const char *text, const char **choice)
{
    for (size_t i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *choice = row->choices[i];
            return 0;
        }
    }
    return -EINVAL;
}

/* Reads the decimal number at *text and moves past it. */
static int parse_cpu(const char **text, unsigned *cpu)
{
    unsigned number = 0;

    if (!isdigit((unsigned char)**text))
        return -EINVAL;
    for (; isdigit((unsigned char)**text); ++*text) {
        number = number * 10 + (unsigned)(**text - '0');
        if (number >= OPT_CPUS_MAX)
            return -EINVAL;
    }
    *cpu = number;
    return 0;
}

static int append_cpus(struct opt_cpus *cpus, unsigned first, unsigned last)
{
    if (last < first || last - first >= (unsigned)OPT_CPUS_MAX - cpus->count)
        return -EINVAL;
    for (unsigned cpu = first; cpu <= last; cpu++)
        cpus->cpu[cpus->count++] = (uint16_t)cpu;
    return 0;
}

int opt_parse_cpus(const char *text, struct opt_cpus *cpus)
{
    struct opt_cpus list = {.count = 0};
    bool more = true;

    while (more) {
        unsigned first, last;

        if (parse_cpu(&text, &first))
            return -EINVAL;
        last = first;
        if (*text == '-' && (text++, parse_cpu(&text, &last)))
            return -EINVAL;
        if (append_cpus(&list, first, last))
            return -EINVAL;
        more = *text == ',';
        text += more;
    }
    if (*text)
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
    case OPT_BYTES:
    case OPT_DURATION_NS:
        return parse_number(row, text, field);
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

/* The user's word in quotes. Control characters must not break the line, or the terminal. */
static void write_quoted(const char *text, FILE *err)
{
    fputc('\'', err);
    for (; *text; text++)
        fputc(iscntrl((unsigned char)*text) ? '?' : *text, err);
    fputc('\'', err);
}

static enum opt_result bad_value(const struct parse *p, const struct opt *row, const char *text)
{
    fprintf(p->err, "%s: --%s: ", p->table->program, row->name);
    write_quoted(text, p->err);
    fputs(" is not ", p->err);
    opt_write_allowed(row, p->err);
    fputc('\n', p->err);
    return OPT_BAD;
}

static enum opt_result missing_value(const struct parse *p, const struct opt *row)
{
    fprintf(p->err, "%s: --%s: needs a value: ", p->table->program, row->name);
    opt_write_allowed(row, p->err);
    fputc('\n', p->err);
    return OPT_BAD;
}

static enum opt_result needless_value(const struct parse *p, const struct opt *row,
                                      const char *text)
{
    fprintf(p->err, "%s: --%s: ", p->table->program, row->name);
    write_quoted(text, p->err);
    fputs(" is one too many, it takes no value\n", p->err);
    return OPT_BAD;
}

static enum opt_result unknown_option(const struct parse *p, const char *word)
{
    fprintf(p->err, "%s: unknown option ", p->table->program);
    write_quoted(word, p->err);
    fputs(", see --help\n", p->err);
    return OPT_BAD;
}

static enum opt_result surplus_argument(const struct parse *p, const char *text)
{
    fprintf(p->err, "%s: surplus argument ", p->table->program);
    write_quoted(text, p->err);
    if (p->table->positional)
        fprintf(p->err, ", only one (%s) is allowed, see --help\n", p->table->positional);
    else
        fputs(", only options are allowed, see --help\n", p->err);
    return OPT_BAD;
}

/* ---- the command line ---- */

static const struct opt *find_name(const struct opt *rows, size_t count, const char *name,
                                   size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

/* OPT_RUN here means: go on with the next word. */
static enum opt_result take_value(const struct parse *p, const struct opt *row, const char *text)
{
    return set_field(row, text, p->config) ? bad_value(p, row, text) : OPT_RUN;
}

static enum opt_result take_positional(struct parse *p, const char *text)
{
    const char *name = p->table->positional;

    if (!name || p->positional_taken)
        return surplus_argument(p, text);
    p->positional_taken = true;
    return take_value(p, find_name(p->table->rows, p->table->count, name, strlen(name)), text);
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

/*
 * The row whose long name the word spells out in full, or NULL. Abbreviations do not count: which
 * of them are unique changes whenever an option is added, and "-du" shall mean "-d u".
 */
static const struct opt *find_long(const struct opt_table *table, const char *word)
{
    size_t dashes = strspn(word, "-");
    size_t len = strcspn(word + dashes, "=");
    const struct opt *row;

    if (dashes < 1 || dashes > 2 || len < 2)
        return NULL;
    row = find_name(table->rows, table->count, word + dashes, len);
    return row ? row : find_name(opt_actions, OPT_ACTIONS, word + dashes, len);
}

static const struct opt *find_letter(const struct opt_table *table, int letter)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].letter == letter)
            return &table->rows[i];
    return NULL;
}

enum { LETTERS_CAP = 2 + 2 * UCHAR_MAX + 1 };

/*
 * In getopt's notation. '-' first: arguments come in the order given and argv is left alone, so
 * that optind tells which word is being read; ':' tells a missing value from an unknown option.
 */
static void list_letters(const struct opt_table *table, char letters[LETTERS_CAP])
{
    char *at = letters;

    *at++ = '-';
    *at++ = ':';
    for (size_t i = 0; i < table->count; i++) {
        if (!table->rows[i].letter)
            continue;
        assert(at + 2 < letters + LETTERS_CAP);
        *at++ = table->rows[i].letter;
        if (table->rows[i].kind != OPT_FLAG)
            *at++ = ':';
    }
    *at = '\0';
}

/* getopt sees at most the one long option that is spelled out, so it has nothing to abbreviate. */
static int scan_word(const struct parse *p, const char *letters, const struct opt *row)
{
    struct option longs[2] = {{0}};

    if (row) {
        longs[0].name = row->name;
        longs[0].has_arg = row->kind == OPT_FLAG ? no_argument : required_argument;
        longs[0].val = GETOPT_LONG;
    }
    return getopt_long_only(p->argc, p->argv, letters, longs, NULL);
}

static enum opt_result take_long(const struct parse *p, int scanned, const struct opt *row,
                                 const char *word)
{
    if (scanned != GETOPT_LONG && row->kind == OPT_FLAG)
        return needless_value(p, row, strchr(word, '=') + 1);
    if (scanned != GETOPT_LONG)
        return missing_value(p, row);
    if (row >= opt_actions && row < opt_actions + OPT_ACTIONS)
        return take_action(p, row);
    return take_value(p, row, optarg);
}

static enum opt_result take_letter(const struct parse *p, int scanned, const char *word)
{
    if (scanned == ':')
        return missing_value(p, find_letter(p->table, optopt));
    if (scanned == '?')
        return unknown_option(p, word);
    return take_value(p, find_letter(p->table, scanned), optarg);
}

static enum opt_result take_words(struct parse *p)
{
    char letters[LETTERS_CAP];
    enum opt_result result = OPT_RUN;

    list_letters(p->table, letters);
    optind = 0; /* starts over, in glibc and in the BSDs' libc */
    opterr = 0;
    while (result == OPT_RUN) {
        int at = optind > 0 ? optind : 1;
        const char *word = at < p->argc ? p->argv[at] : "";
        const struct opt *row = find_long(p->table, word);
        int scanned;

        if (!row && strncmp(word, "--", 2) == 0 && word[2])
            return unknown_option(p, word);
        scanned = scan_word(p, letters, row);
        if (scanned == -1)
            break;
        if (scanned == GETOPT_POSITIONAL)
            result = take_positional(p, optarg);
        else if (row)
            result = take_long(p, scanned, row, word);
        else
            result = take_letter(p, scanned, word);
    }
    while (result == OPT_RUN && optind < p->argc)
        result = take_positional(p, p->argv[optind++]);
    return result;
}

enum opt_result opt_parse(const struct opt_table *table, int argc, char **argv, void *config,
                          FILE *out, FILE *err)
{
    struct parse p = {
        .table = table, .argc = argc, .argv = argv, .config = config, .out = out, .err = err};

    for (size_t i = 0; i < table->count; i++) {
        const struct opt *row = &table->rows[i];

        if (row->initial && take_value(&p, row, row->initial) != OPT_RUN)
            return OPT_BAD;
    }
    return take_words(&p);
}

int opt_complain(const struct opt_table *table, int status, const char *option, const char *value,
                 const char *why)
{
    fprintf(stderr, "%s: --%s: ", table->program, option);
    write_quoted(value, stderr);
    fprintf(stderr, " %s\n", why);
    return status;
}

int opt_cannot_run(const struct opt_table *table, const char *option, const char *value,
                   const char *why)
{
    fprintf(stderr, "%s: --%s: ", table->program, option);
    write_quoted(value, stderr);
    fprintf(stderr, " cannot run here: %s\n", why);
    return EXIT_UNSUPPORTED;
}

const char *const opt_on_off[] = {"on", "off", NULL};

bool opt_is_on(const char *choice)
{
    return choice == opt_on_off[0];
}
