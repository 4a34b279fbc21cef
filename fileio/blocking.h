/*
 * blocking: one operation by one blocking system call.
 */
#ifndef IOBENCH_FILEIO_BLOCKING_H
#define IOBENCH_FILEIO_BLOCKING_H

#include "fileio/engine.h"

/* Sets op->result, and counts the call. */
void blocking_do(struct file_op *op, int fd, struct traffic *traffic);

#endif
