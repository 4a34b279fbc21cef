/*
 * run: the two roles, in one process or apart: prepared, run, ended and reported.
 */
#ifndef IOBENCH_UDP_RUN_H
#define IOBENCH_UDP_RUN_H

#include "udp/results.h"

/* For a config, setup and address that stand: the program's exit status. */
int run_bench(struct bench *b, const struct opt_table *table, int argc, char **argv);

#endif
