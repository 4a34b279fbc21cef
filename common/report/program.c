#include "common/report/program.h"

#include "common/report/report_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void program_begin(const struct opt_table *table, int argc, char **argv, void *config)
{
    switch (opt_parse(table, argc, argv, config, stdout, stderr)) {
    case OPT_DONE:
        exit(EXIT_SUCCESS);
    case OPT_BAD:
        exit(EXIT_USAGE);
    case OPT_RUN:
        break;
    }
}

FILE *program_out(const char *json)
{
    return json && strcmp(json, "-") == 0 ? stderr : stdout;
}

int program_check_json(const struct opt_table *table, const char *json)
{
    int err = json ? report_file_check(json) : 0;

    return err ? opt_complain(table, EXIT_USAGE, "json", json, strerror(-err)) : 0;
}

int program_report(const struct opt_table *table, const char *json, struct report *report,
                   int status)
{
    int err = -ENOMEM;

    if (report) {
        report_integer(report, "exit_status", (uint64_t)status);
        err = report_write(report, json);
        report_free(report);
    }
    if (!err)
        return status;
    fprintf(stderr, "%s: --json: '%s' could not be written: %s\n", table->program, json,
            strerror(-err));
    return EXIT_FAILED;
}
