/*
 * execute: one run from the first connection to the last reply.
 */
#ifndef IOBENCH_CLIENT_EXECUTE_H
#define IOBENCH_CLIENT_EXECUTE_H

#include "client/client.h"
#include "client/results.h"

#include <stdio.h>

/*
 * Runs what run->config and run->loop say, with threads of its own. Header, interval lines and live
 * line go to out; NULL prints none of them. 0, or an exit status after one line on stderr. r is
 * filled if threads ran (r->summary.drive is not NULL then), also after an error; what it was made
 * from stays in run until client_close(), which is to be called in any case.
 */
int execute(struct client_run *run, FILE *out, struct results *r);

#endif
