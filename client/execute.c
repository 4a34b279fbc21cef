#include "client/execute.h"

#include "client/print.h"

#include <string.h>

int execute(struct client_run *run, FILE *out, struct results *r)
{
    const char *program = run->loop.program;
    int err = client_open(run), status;

    memset(r, 0, sizeof *r);
    if (err) {
        fprintf(stderr, "%s: cannot prepare the run: %s\n", program, strerror(-err));
        return EXIT_FAILED;
    }
    run->drive.program = program;
    run->drive.print_header = print_header;
    run->drive.print_point = print_point;
    status = drive_run(&run->drive, run->config->until_steady_ns, out);
    if (run->drive.ran)
        results_collect(r, run);
    return status;
}
