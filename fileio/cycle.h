/*
 * cycle: the hot loop of a worker: gather, hand over, take back.
 */
#ifndef IOBENCH_FILEIO_CYCLE_H
#define IOBENCH_FILEIO_CYCLE_H

#include "fileio/run.h"

/* With the gate open: until the window is over and nothing of it is in flight or left to begin. */
void cycle_run(struct file_worker *w);

#endif
