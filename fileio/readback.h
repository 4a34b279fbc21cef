/*
 * readback: after the run, the blocks that --verify has not seen again yet.
 */
#ifndef IOBENCH_FILEIO_READBACK_H
#define IOBENCH_FILEIO_READBACK_H

#include "fileio/run.h"

/* Reads and checks the blocks that were written, unless --rw has had them all read in the run. */
void readback_rest(struct file_worker *w);

#endif
