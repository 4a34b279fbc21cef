/*
 * block: what --verify writes into a block, and what it expects to read.
 *
 * A block names its place (worker and number), its generation (how often that place has been
 * written) and a checksum over all of it, so that a flipped bit, a block that landed elsewhere, a
 * lost write and a torn one are all found and told apart.
 */
#ifndef IOBENCH_FILEIO_BLOCK_H
#define IOBENCH_FILEIO_BLOCK_H

#include <stddef.h>
#include <stdint.h>

enum block_verdict {
    BLOCK_GOOD,
    BLOCK_CORRUPT,   /* the checksum does not hold */
    BLOCK_MISPLACED, /* a block of another place */
    BLOCK_STALE,     /* of another generation: a write was lost */
    BLOCK_VERDICTS
};

extern const char *const block_verdict_texts[BLOCK_VERDICTS];

/* bytes is a multiple of 8, at least 64. */
void block_fill(void *buf, size_t bytes, uint32_t worker, uint64_t number, uint32_t generation);
enum block_verdict block_check(const void *buf, size_t bytes, uint32_t worker, uint64_t number,
                               uint32_t generation);

#endif
