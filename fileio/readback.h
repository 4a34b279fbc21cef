/*
 * readback: after the run, the blocks that --verify has not seen again yet.
 */
#ifndef IOBENCH_FILEIO_READBACK_H
#define IOBENCH_FILEIO_READBACK_H

#include "fileio/run.h"

/* Reads and checks all blocks that were written by a --rw that does not read them all itself. */
void readback_rest(struct file_worker *w);

#endif
