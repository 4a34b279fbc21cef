/*
 * blocking: one operation by one blocking system call.
 */
#ifndef IOBENCH_FILEIO_BLOCKING_H
#define IOBENCH_FILEIO_BLOCKING_H

#include "fileio/engine.h"
#include "fileio/rwf.h"

/*
 * Sets op->result, and counts the call in calls[SYSCALL_KINDS]. A read that was told not to sleep
 * and would have to is made again, and may.
 */
void blocking_do(struct file_op *op, int fd, struct rwf rwf, uint64_t *calls);

/* The first key of engines that block, and its row. */
enum { BLOCKING_RWF, BLOCKING_KEYS };
#define BLOCKING_KEY_ROW [BLOCKING_RWF] = {"rwf", 0, 0, rwf_names, "a flag of each read or write"}
struct rwf blocking_rwf(const struct choice *c);

/* The probe of such an engine. */
int blocking_probe(struct choice *c, const void *about, char *why, size_t why_cap);

/*
 * For an engine's open(): whether the kernel takes these flags for the first file. 0, or -errno and
 * the reason in words.
 */
int blocking_try(const struct engine *e, struct rwf rwf, char *why, size_t why_cap);

#endif
