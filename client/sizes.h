/*
 * sizes: how long the next request is.
 *
 * One size, or a distribution such as "64:0.7,1k:0.2,64k:0.1": sizes with weights, which need not
 * add up to one.
 */
#ifndef IOBENCH_CLIENT_SIZES_H
#define IOBENCH_CLIENT_SIZES_H

#include "common/base/rng.h"

#include <stddef.h>
#include <stdint.h>

enum { SIZES_MAX = 32 };

struct sizes {
    unsigned count;
    uint32_t bytes[SIZES_MAX];
    uint64_t upto[SIZES_MAX]; /* a draw below this takes the size; the last is UINT64_MAX */
    double mean_bytes;
    uint32_t longest_bytes;
};

/* Always the same size. */
void sizes_fixed(struct sizes *s, uint32_t bytes);

/* 0, or -EINVAL for text that is no list of SIZE:WEIGHT with sizes from 1 to most_bytes. */
int sizes_parse(struct sizes *s, const char *text, uint32_t most_bytes);

static inline uint32_t sizes_draw(const struct sizes *s, struct rng *rng)
{
    unsigned i = 0;

    if (s->count > 1)
        for (uint64_t draw = rng_next(rng); i < s->count - 1 && draw >= s->upto[i]; i++)
            ;
    return s->bytes[i];
}

#endif
