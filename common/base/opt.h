/*
 * opt: the option table.
 *
 * Each program describes its command line once, as an array of rows. Parsing, range checks,
 * --help, the man page and the "config" block of the JSON report are all made from these rows, so
 * an option that is parsed but not documented or not reported cannot exist.
 *
 * A row names a field of the program's config struct by its offset; the field's type follows from
 * the row's kind (see enum opt_kind). Defaults are written as text and go through the same parser
 * and checks as the user's words.
 *
 * Every program also has --help, --version and --man (roff on stdout), which are not in its table.
 */
#ifndef IOBENCH_OPT_H
#define IOBENCH_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_kind {                  /* type of the config field, and what is accepted */
                OPT_FLAG,        /* bool; no argument */
                OPT_COUNT,       /* uint64_t; units_parse_count */
                OPT_BYTES,       /* uint64_t; units_parse_bytes */
                OPT_DURATION_NS, /* uint64_t; units_parse_duration_ns */
                OPT_TEXT,   /* const char * into argv or the row; NULL when not given and no default
                             */
                OPT_CHOICE, /* const char *: one of row.choices (the array's own pointer) */
                OPT_CPUS,   /* struct opt_cpus: "0,2-3" */
};

enum { OPT_CPUS_MAX = 1024 };

/* A list of CPU numbers in the order given; count 0 when the option was not given. */
struct opt_cpus {
    uint16_t count;
    uint16_t cpu[OPT_CPUS_MAX];
};

struct opt {
    const char *name; /* long name without dashes: "connections" */
    char letter;      /* short name, or 0 */
    enum opt_kind kind;
    size_t offset;              /* of the field in the config struct */
    const char *initial;        /* default, as text; NULL: 0, false, NULL or an empty list */
    const char *arg;            /* placeholder in --help: "N", "FILE"; NULL for a flag */
    uint64_t min, max;          /* allowed range, for the three numeric kinds */
    const char *const *choices; /* NULL-terminated, for OPT_CHOICE */
    const char *help;           /* one sentence, no full stop; the default is added by --help */
};

struct opt_table {
    const char *program; /* "bench_client" */
    const char *summary; /* one line: what the program does */
    const struct opt *rows;
    size_t count;
    const char *positional; /* name of the row that one bare argument sets, or NULL */
    const char *notes;      /* paragraphs after the options in --help and the man page, or NULL */
    void (*write_list)(const void *list, FILE *out); /* what the notes go on with, or NULL; */
    const void *list;                                /* it is passed this */
    const char *examples; /* ready to paste command lines, one a line, or NULL */
};

enum opt_result {
    OPT_RUN,  /* config is filled: go on */
    OPT_DONE, /* --help, --version or --man was answered on out: exit 0 */
    OPT_BAD,  /* one line on err named option, value and what is allowed: exit 2 */
};

/*
 * Fills config (zeroed by the caller) from the defaults, then from argv. Long options are taken
 * with one dash as well as with two ("-batch 4"); short values may be attached ("-c100") and long
 * ones joined ("--rate=5"). On OPT_BAD the message is one line such as
 *     bench_client: --connections: 'abc' is not a count from 1 to 1,000,000
 * The last of several equal options wins.
 */
enum opt_result opt_parse(const struct opt_table *table, int argc, char **argv, void *config,
                          FILE *out, FILE *err);

/* For rows that are on or off but need saying so: {"on", "off"}. */
extern const char *const opt_on_off[];
bool opt_is_on(const char *choice);

/* What every program's exit status means (0 is good). */
enum {
    EXIT_FAILED = 1,       /* the run failed or a gate was breached; results so far are written */
    EXIT_USAGE = 2,        /* the command line, or what it names, cannot be used */
    EXIT_UNSUPPORTED = 77, /* what was asked for by name cannot run here */
};

/* For what only the program can judge: "program: ..." as one line on stderr; EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int opt_refuse(const struct opt_table *table,
                                                     const char *format, ...);

/* The same for an option that is to blame: "program: --option: 'value' why"; returns status. */
int opt_complain(const struct opt_table *table, int status, const char *option, const char *value,
                 const char *why);

/* The same for what the system cannot do: "'value' cannot run here: why"; EXIT_UNSUPPORTED. */
int opt_cannot_run(const struct opt_table *table, const char *option, const char *value,
                   const char *why);

/* Parses a CPU list; 0 or -EINVAL. Duplicates are kept: "0,0" puts two workers on CPU 0. */
int opt_parse_cpus(const char *text, struct opt_cpus *cpus);

/* The field that a row describes. */
static inline const void *opt_field(const struct opt *row, const void *config)
{
    return (const char *)config + row->offset;
}

void opt_print_help(const struct opt_table *table, FILE *out);
void opt_print_man(const struct opt_table *table, FILE *out);

/* ---- what parser, help and man page share; of no use to others --------------------------------
 */

/* Rows like those of a table, for the options that every program has; but they fill no field. */
enum { OPT_ACTION_HELP, OPT_ACTION_VERSION, OPT_ACTION_MAN, OPT_ACTIONS };
extern const struct opt opt_actions[OPT_ACTIONS];

/* All rows of a table, then these; NULL at the end. */
const struct opt *opt_row(const struct opt_table *table, size_t i);

/*
 * "a count from 1 to 1,000,000", "a size of at most 16 MiB", "one of full, length". Limits are
 * written exactly, never rounded. Nothing for a flag; "a text" for OPT_TEXT. To be freed; NULL when
 * memory ran out.
 */
char *opt_allowed(const struct opt *row);

/* The sentence of --help and man page: help (allowed; default: initial). Likewise. */
char *opt_description(const struct opt *row);

#endif
