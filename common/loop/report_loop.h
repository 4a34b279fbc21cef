/*
 * report_loop: the "backend" block of a program that runs an event loop.
 */
#ifndef IOBENCH_REPORT_LOOP_H
#define IOBENCH_REPORT_LOOP_H

#include "common/loop/loop.h"
#include "common/report/report.h"

/* backend.{requested,name,features[],left_out[]}; requested is what the command line said. */
void report_loop(struct report *r, const char *requested, const struct loop_config *config);

#endif
