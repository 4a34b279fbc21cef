#include "common/base/opt.h"
#include "common/base/text.h"

const struct opt opt_actions[OPT_ACTIONS] = {
    [OPT_ACTION_HELP] = {.name = "help", .help = "show this text and exit"},
    [OPT_ACTION_VERSION] = {.name = "version", .help = "show the version and exit"},
    [OPT_ACTION_MAN] = {.name = "man", .help = "write the manual page (roff) to stdout and exit"},
};

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit byte_units[] = {
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"B", 1},
};

static const struct unit duration_units[] = {
    {"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000},
    {"ms", 1000000},      {"us", 1000},       {"ns", 1},
};

/* In the largest unit of which it is a multiple; the last unit is of size 1. */
static void write_in_units(uint64_t value, const struct unit *unit, FILE *out)
{
    while (unit->size > 1 && (value == 0 || value % unit->size != 0))
        unit++;
    fprintf(out, "%s %s", text_count(value / unit->size).s, unit->name);
}

static void write_limit(enum opt_kind kind, uint64_t value, FILE *out)
{
    if (kind == OPT_BYTES)
        write_in_units(value, byte_units, out);
    else if (kind == OPT_DURATION_NS)
        write_in_units(value, duration_units, out);
    else
        fputs(text_count(value).s, out);
}

/* UINT64_MAX as the upper limit means that there is none. */
static void write_range(const char *what, const struct opt *row, FILE *out)
{
    fputs(what, out);
    if (row->min > 0 && row->max < UINT64_MAX)
        fputs(" from ", out);
    else if (row->min > 0)
        fputs(" of at least ", out);
    if (row->min > 0)
        write_limit(row->kind, row->min, out);
    if (row->max < UINT64_MAX) {
        fputs(row->min > 0 ? " to " : " of at most ", out);
        write_limit(row->kind, row->max, out);
    }
}

static void write_choices(const char *const *choices, FILE *out)
{
    fputs("one of ", out);
    for (size_t i = 0; choices[i]; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", choices[i]);
}

static void write_allowed(const struct opt *row, FILE *out)
{
    switch (row->kind) {
    case OPT_FLAG:
        break;
    case OPT_COUNT:
        write_range("a count", row, out);
        break;
    case OPT_BYTES:
        write_range("a size", row, out);
        break;
    case OPT_DURATION_NS:
        write_range("a duration", row, out);
        break;
    case OPT_TEXT:
        fputs("a text", out);
        break;
    case OPT_CHOICE:
        write_choices(row->choices, out);
        break;
    case OPT_CPUS:
        fprintf(out, "a list of CPU numbers below %d such as 0,2-3", OPT_CPUS_MAX);
        break;
    }
}

static void write_description(const struct opt *row, FILE *out)
{
    bool allowed = row->kind != OPT_FLAG && row->kind != OPT_TEXT;
    bool initial = row->kind != OPT_FLAG && row->initial;

    fputs(row->help, out);
    if (!allowed && !initial)
        return;
    fputs(" (", out);
    if (allowed)
        write_allowed(row, out);
    if (initial)
        fprintf(out, "%sdefault: %s", allowed ? "; " : "", row->initial);
    fputc(')', out);
}

/* What write() says of a row, to be freed; NULL when memory ran out. */
static char *gather(void (*write)(const struct opt *row, FILE *out), const struct opt *row)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    write(row, out);
    fclose(out);
    return text;
}

char *opt_allowed(const struct opt *row)
{
    return gather(write_allowed, row);
}

char *opt_description(const struct opt *row)
{
    return gather(write_description, row);
}
