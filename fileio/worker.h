/*
 * worker: a worker's thread, from filling its files to closing its engine.
 */
#ifndef IOBENCH_FILEIO_WORKER_H
#define IOBENCH_FILEIO_WORKER_H

#include "fileio/run.h"

/* For drive: 0 or -errno, which says that the worker was not set up, or that its engine broke. */
int worker_body(struct meter *m);

#endif
