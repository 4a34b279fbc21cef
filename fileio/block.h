/*
 * block: what --verify writes into a block, and what it expects to read.
 *
 * A block names its place (worker and number), its generation (how often that place has been
 * written) and a checksum over all of it, so that a flipped bit, a block that landed elsewhere, a
 * lost write and a torn one are all found and told apart.
 */
#ifndef IOBENCH_FILEIO_BLOCK_H
#define IOBENCH_FILEIO_BLOCK_H

#include "common/base/stats.h"

#include <stddef.h>
#include <stdint.h>

/* bytes is a multiple of 8, at least 64. */
void block_fill(void *buf, size_t bytes, uint32_t worker, uint64_t number, uint32_t generation);

/*
 * What is wrong with a block that was read: ERROR_corrupt: the checksum does not hold;
 * ERROR_misplaced: it is a block of another place; ERROR_stale: of another generation, so a write
 * was lost. ERROR_KINDS: nothing.
 */
enum stats_error block_check(const void *buf, size_t bytes, uint32_t worker, uint64_t number,
                             uint32_t generation);

#endif
