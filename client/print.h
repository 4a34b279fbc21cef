/*
 * print: what a person reads.
 */
#ifndef IOBENCH_CLIENT_PRINT_H
#define IOBENCH_CLIENT_PRINT_H

#include "client/results.h"

#include <stdio.h>

/* What is about to be measured, with the backend that really runs. */
void print_header(FILE *out, const struct run *run);

/* "[1s] QPS: 310,190 | Throughput: 151.46 MB/s | Total: 310,190 | Errors: 0" */
void print_interval(FILE *out, const struct run *run, const struct ticks_point *p);

/* The current interval on a terminal: the same, overwritten in place, with the time left. */
void print_live(FILE *out, const struct run *run, const struct ticks_point *p);
void print_live_clear(FILE *out);

/* With --until-steady: why the window was lengthened, and to what. */
void print_extended(FILE *out, const struct run *run);

void print_final(FILE *out, const struct run *run, const struct results *r);

#endif
