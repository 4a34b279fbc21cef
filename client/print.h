/*
 * print: what a person reads.
 */
#ifndef IOBENCH_CLIENT_PRINT_H
#define IOBENCH_CLIENT_PRINT_H

#include "client/results.h"

#include <stdio.h>

/* What is about to be measured, with the backend that really runs. owner: the struct client_run. */
void print_header(FILE *out, const void *owner);

/* "[1s] QPS: 310,190 | Throughput: 151.46 MB/s | Total: 310,190 | Errors: 0", without line end. */
void print_point(FILE *out, const void *owner, const struct ticks_point *p);

void print_final(FILE *out, const struct client_run *run, const struct results *r);

#endif
