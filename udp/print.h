/*
 * print: what a person reads.
 */
#ifndef IOBENCH_UDP_PRINT_H
#define IOBENCH_UDP_PRINT_H

#include "udp/results.h"

#include <stdio.h>

/* What is about to be measured, with what really runs. */
void print_header(FILE *out, const struct outcome *o);

/* "[1s] Echoes/s: 310,190 | Throughput: 151.46 MB/s | Total: 310,190 | Lost or bad: 0" */
void print_interval(FILE *out, const struct udp_config *config, const struct ticks_point *p);

/* Of a client, with the published table's rows; and of its server when that is ours too. */
void print_final(FILE *out, const struct outcome *o);

/* Of a server alone. */
void print_server(FILE *out, const struct outcome *o);

#endif
