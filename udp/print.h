/*
 * print: what a person reads.
 */
#ifndef IOBENCH_UDP_PRINT_H
#define IOBENCH_UDP_PRINT_H

#include "udp/results.h"

#include <stdio.h>

/* A struct drive's; the owner is a struct bench. */
void print_header(FILE *out, const void *owner);
void print_point(FILE *out, const void *owner, const struct ticks_point *p);

/* The same of a struct serve. */
void print_ready(FILE *out, const void *owner);

/* Of a client, with the published table's rows; and of its server when that is ours too. */
void print_final(FILE *out, const struct bench *b);

/* Of a server alone. */
void print_server(FILE *out, const struct bench *b);

#endif
