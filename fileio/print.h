/*
 * print: the run as text for people.
 */
#ifndef IOBENCH_FILEIO_PRINT_H
#define IOBENCH_FILEIO_PRINT_H

#include "fileio/results.h"

#include <stdio.h>

void print_header(FILE *out, const struct run *run);
void print_interval(FILE *out, const struct series_point *p);
void print_final(FILE *out, const struct run *run, const struct results *r);

#endif
