/*
 * print: what a person sees of a run. The first two are for drive.
 */
#ifndef IOBENCH_FILEIO_PRINT_H
#define IOBENCH_FILEIO_PRINT_H

#include "fileio/results.h"

#include <stdio.h>

void print_header(FILE *out, const void *owner);
void print_point(FILE *out, const void *owner, const struct ticks_point *p);
void print_final(FILE *out, const struct run *run, const struct results *r);

#endif
