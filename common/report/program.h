/*
 * program: how the programs of the suite begin and end, and where their text and report go.
 *
 * For their mains alone: complaints are one line on stderr.
 */
#ifndef IOBENCH_PROGRAM_H
#define IOBENCH_PROGRAM_H

#include "common/base/opt.h"
#include "common/report/report.h"

#include <stdio.h>

/* Option rows of them all, for fields of these names; FIELD() is the program's. */
/* clang-format off */
#define PROGRAM_JSON_ROW                                                                          \
    {"json", 0, OPT_TEXT, FIELD(json), NULL, "FILE", 0, 0, NULL,                                  \
     "write the report there; '-' is stdout, and the text then goes to stderr"}
#define PROGRAM_QUIET_ROW                                                                         \
    {"quiet", 'q', OPT_FLAG, FIELD(quiet), NULL, NULL, 0, 0, NULL, "print only the final results"}
/* clang-format on */

/* Fills config from argv. Ends the process when there is nothing to run. */
void program_begin(const struct opt_table *table, int argc, char **argv, void *config);

/* Where the text goes. json is the value of --json, or NULL. */
FILE *program_out(const char *json);

/* Before a run: 0, or an exit status when no report could be written to json. */
int program_check_json(const struct opt_table *table, const char *json);

/*
 * After it: adds the exit status, writes the report to json and frees it; NULL stands for one for
 * which memory ran out. Returns the exit status.
 */
int program_report(const struct opt_table *table, const char *json, struct report *report,
                   int status);

#endif
