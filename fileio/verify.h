/*
 * verify: what a worker expects to read from each block (--verify), and whether it did.
 *
 * Each write of a block has a generation, one more than the block's last. Two operations on one
 * block at a time would leave open what is to be read from it, so a block in use is passed over.
 */
#ifndef IOBENCH_FILEIO_VERIFY_H
#define IOBENCH_FILEIO_VERIFY_H

#include "fileio/run.h"

/* All blocks were written once, when the files were made. */
void verify_filled(struct file_worker *w);

/* Takes the first block from this one on that is not in use. verify_release() gives it back. */
uint64_t verify_take(struct file_worker *w, uint64_t block);
void verify_release(struct file_worker *w, uint64_t block);

/* Fills the buffer of a write with the block's next generation; and notes that it is written. */
void verify_compose(struct file_worker *w, struct task *t);
void verify_written(struct file_worker *w, const struct task *t);

/* Checks what was read: ERROR_KINDS, or what kind of error it is. */
enum stats_error verify_check(struct file_worker *w, const struct task *t);

#endif
