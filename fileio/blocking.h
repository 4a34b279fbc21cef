/*
 * blocking: one operation by one blocking system call.
 */
#ifndef IOBENCH_FILEIO_BLOCKING_H
#define IOBENCH_FILEIO_BLOCKING_H

#include "fileio/engine.h"

/*
 * Sets op->result, and counts the call in calls[SYSCALL_KINDS]. A read that was told not to sleep
 * and would have to is made again, and may.
 */
void blocking_do(struct file_op *op, int fd, struct rwf rwf, uint64_t *calls);

/*
 * For an engine's open(): whether the kernel takes the flags of e->config.rwf for the first file.
 * 0, or -errno and the reason in words.
 */
int blocking_try(struct engine *e, char *why, size_t why_cap);

#endif
