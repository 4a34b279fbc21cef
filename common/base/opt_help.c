/*
 * opt_help: --help and --man, from the option table.
 */
#include "common/base/opt.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELP_COLUMNS = 80,
    HELP_GAP = 2, /* blanks between an option and its description */
};

/* What opt_write_description() writes, to be freed; an empty text when memory ran out. */
static char *describe(const struct opt *row)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out) {
        opt_write_description(row, out);
        fclose(out);
    }
    return text ? text : calloc(1, 1);
}

/* The notes and the list after them, to be freed. */
static char *gather_notes(const struct opt_table *table)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out) {
        fputs(table->notes ? table->notes : "", out);
        if (table->notes && table->write_list)
            fputc('\n', out);
        if (table->write_list)
            table->write_list(out);
        fclose(out);
    }
    return text ? text : calloc(1, 1);
}

/* ---- --help ---- */

/* "  -c, --connections N"; returns its width. */
static int write_label(const struct opt *row, FILE *out)
{
    const char *arg = row->arg ? row->arg : "";
    const char *blank = row->arg ? " " : "";

    if (row->letter)
        return fprintf(out, "  -%c, --%s%s%s", row->letter, row->name, blank, arg);
    return fprintf(out, "      --%s%s%s", row->name, blank, arg);
}

static int label_width(const struct opt *row)
{
    size_t letter = strlen("  -x, --");
    size_t arg = row->arg ? 1 + strlen(row->arg) : 0;

    return (int)(letter + strlen(row->name) + arg);
}

/* Writes one line of text as several where it is too long; those that it begins are indented. */
static void write_wrapped(const char *text, size_t text_len, int indent, FILE *out)
{
    const char *end = text + text_len;
    int column = indent;

    while (text < end) {
        int len = (int)strcspn(text, " \n");

        if (column > indent && column + 1 + len > HELP_COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        column += fprintf(out, "%s%.*s", column > indent ? " " : "", len, text);
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void write_row(const struct opt *row, int indent, FILE *out)
{
    char *text = describe(row);
    int width = write_label(row, out);

    fprintf(out, "%*s", indent - width, "");
    if (text)
        write_wrapped(text, strlen(text), indent, out);
    free(text);
}

static int widest_label(const struct opt *rows, size_t count, int widest)
{
    for (size_t i = 0; i < count; i++)
        if (label_width(&rows[i]) > widest)
            widest = label_width(&rows[i]);
    return widest;
}

/* Lines that fit are left as they are, so that a table in them stays one. */
static void write_notes(const char *notes, FILE *out)
{
    while (*notes) {
        size_t len = strcspn(notes, "\n");

        if (len > HELP_COLUMNS)
            write_wrapped(notes, len, 0, out);
        else
            fprintf(out, "%.*s\n", (int)len, notes);
        notes += len + (notes[len] == '\n');
    }
}

static void write_examples(const char *examples, FILE *out)
{
    while (*examples) {
        int len = (int)strcspn(examples, "\n");

        fprintf(out, "  %.*s\n", len, examples);
        examples += len + (examples[len] == '\n');
    }
}

void opt_print_help(const struct opt_table *table, FILE *out)
{
    int indent =
        widest_label(table->rows, table->count, widest_label(opt_actions, OPT_ACTIONS, 0)) +
        HELP_GAP;
    char *notes = gather_notes(table);

    fprintf(out, "Usage: %s [options]", table->program);
    if (table->positional)
        fprintf(out, " [%s]", table->positional);
    fprintf(out, "\n%s\n\nOptions:\n", table->summary);
    for (size_t i = 0; i < table->count; i++)
        write_row(&table->rows[i], indent, out);
    for (size_t i = 0; i < OPT_ACTIONS; i++)
        write_row(&opt_actions[i], indent, out);
    if (notes && notes[0]) {
        fputc('\n', out);
        write_notes(notes, out);
    }
    free(notes);
    if (table->examples) {
        fputs("\nExamples:\n", out);
        write_examples(table->examples, out);
    }
}

/* ---- --man ---- */

/*
 * Text as roff that prints just that: '-' and quotes stay ASCII, so that commands can be pasted,
 * and a '.' that begins a line is not taken for a request.
 */
static void write_roff(const char *text, size_t len, FILE *out)
{
    if (len > 0 && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '\'':
            fputs("\\(aq", out);
            break;
        case '`':
            fputs("\\(ga", out);
            break;
        case '^':
            fputs("\\(ha", out);
            break;
        case '~':
            fputs("\\(ti", out);
            break;
        default:
            fputc(text[i], out);
        }
    }
}

static void write_roff_text(const char *text, FILE *out)
{
    write_roff(text, strlen(text), out);
}

/* Line by line; an empty line is replaced by a request (".PP" between paragraphs). */
static void write_roff_lines(const char *lines, const char *for_empty, FILE *out)
{
    while (*lines) {
        size_t len = strcspn(lines, "\n");

        if (len > 0)
            write_roff(lines, len, out);
        else
            fputs(for_empty, out);
        fputc('\n', out);
        lines += len + (lines[len] == '\n');
    }
}

static void write_man_row(const struct opt *row, FILE *out)
{
    char *text = describe(row);

    fputs(".TP\n", out);
    if (row->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
    fputs("\\fB\\-\\-", out);
    write_roff_text(row->name, out);
    fputs("\\fR", out);
    if (row->arg) {
        fputs(" \\fI", out);
        write_roff_text(row->arg, out);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    write_roff_text(text ? text : "", out);
    fputs(".\n", out);
    free(text);
}

static void write_man_head(const struct opt_table *table, FILE *out)
{
    fputs(".TH ", out);
    for (const char *c = table->program; *c; c++)
        fputc(toupper((unsigned char)*c), out);
    fputs(" 1 \"\" \"iobench ", out);
    write_roff_text(IOBENCH_VERSION, out);
    fputs("\" \"User Commands\"\n.SH NAME\n", out);
    write_roff_text(table->program, out);
    fputs(" \\- ", out);
    write_roff_text(table->summary, out);
    fprintf(out, "\n.SH SYNOPSIS\n.B %s\n[\\fIoptions\\fR]", table->program);
    if (table->positional)
        fprintf(out, " [\\fI%s\\fR]", table->positional);
    fputc('\n', out);
}

void opt_print_man(const struct opt_table *table, FILE *out)
{
    char *notes = gather_notes(table);

    write_man_head(table, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < table->count; i++)
        write_man_row(&table->rows[i], out);
    for (size_t i = 0; i < OPT_ACTIONS; i++)
        write_man_row(&opt_actions[i], out);
    if (notes && notes[0]) {
        fputs(".SH NOTES\n", out);
        write_roff_lines(notes, ".PP", out);
    }
    free(notes);
    if (table->examples) {
        fputs(".SH EXAMPLES\n.nf\n", out);
        write_roff_lines(table->examples, ".sp", out);
        fputs(".fi\n", out);
    }
}
