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
    LABEL_CAP = 128,
};

/* The notes and the list after them, to be freed; NULL when memory ran out. */
static char *gather_notes(const struct opt_table *table)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return NULL;
    fputs(table->notes ? table->notes : "", out);
    if (table->notes && table->write_list)
        fputc('\n', out);
    if (table->write_list)
        table->write_list(table->list, out);
    fclose(out);
    return text;
}

/* ---- --help ---- */

/* "  -c, --connections N"; returns its width. */
static int label(const struct opt *row, char text[LABEL_CAP])
{
    char letter[] = "    ";

    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    return snprintf(text, LABEL_CAP, "  %s--%s%s%s", letter, row->name, row->arg ? " " : "",
                    row->arg ? row->arg : "");
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
    char *text = opt_description(row), left[LABEL_CAP];

    label(row, left);
    fprintf(out, "%-*s", indent, left);
    if (text)
        write_wrapped(text, strlen(text), indent, out);
    free(text);
}

static int widest_label(const struct opt_table *table)
{
    const struct opt *row;
    char text[LABEL_CAP];
    int widest = 0;

    for (size_t i = 0; (row = opt_row(table, i)) != NULL; i++)
        if (label(row, text) > widest)
            widest = label(row, text);
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
    int indent = widest_label(table) + HELP_GAP;
    char *notes = gather_notes(table);
    const struct opt *row;

    fprintf(out, "Usage: %s [options]", table->program);
    if (table->positional)
        fprintf(out, " [%s]", table->positional);
    fprintf(out, "\n%s\n\nOptions:\n", table->summary);
    for (size_t i = 0; (row = opt_row(table, i)) != NULL; i++)
        write_row(row, indent, out);
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
    static const char special[] = "\\-'`^~";
    static const char *const names[] = {"\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti"};

    if (len > 0 && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < len; i++) {
        const char *found = strchr(special, text[i]);

        if (found)
            fputs(names[found - special], out);
        else
            fputc(text[i], out);
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
    char *text = opt_description(row);

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
    const struct opt *row;

    write_man_head(table, out);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; (row = opt_row(table, i)) != NULL; i++)
        write_man_row(row, out);
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
