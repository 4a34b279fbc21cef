/*
 * execute: one run from the first connection to the last reply.
 */
#ifndef IOBENCH_CLIENT_EXECUTE_H
#define IOBENCH_CLIENT_EXECUTE_H

#include "client/flight.h"
#include "client/results.h"

#include <stdio.h>

/*
 * Runs what run->config and run->loop say, with threads of its own, and fills r. Header, interval
 * lines and live line go to out; NULL prints none of them. What r was made from (the series) stays
 * in run until execute_free(), also after an error. 0, or an exit status after one line on stderr.
 */
int execute(struct run *run, FILE *out, struct results *r);
void execute_free(struct run *run);

#endif
