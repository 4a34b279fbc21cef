#include "common/report/program.h"

#include "common/report/report.h"

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
    int err = json ? report_check_target(json) : 0;

    return err ? opt_complain(table, EXIT_USAGE, "json", json, strerror(-err)) : 0;
}

int program_end(const struct opt_table *table, const char *json, int err, int status)
{
    if (!err)
        return status;
    fprintf(stderr, "%s: --json: '%s' could not be written: %s\n", table->program, json,
            strerror(-err));
    return EXIT_FAILED;
}
