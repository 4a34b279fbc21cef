/*
 * offsets: which block is next.
 *
 * Blocks are numbered from 0. Sequential order wraps around; uniform draws each block alike; zipf
 * draws the block of rank k (from 1) with a probability proportional to 1 / k^s, and scatters the
 * ranks over the file so that popular blocks are not neighbours.
 *
 * Zipf is drawn by rejection-inversion: exact for every s > 0, constant time, no table (W. Hörmann,
 * G. Derflinger: Rejection-inversion to generate variates from monotone discrete distributions,
 * ACM TOMACS 6(3), 1996).
 */
#ifndef IOBENCH_FILEIO_OFFSETS_H
#define IOBENCH_FILEIO_OFFSETS_H

#include "common/base/rng.h"

#include <stdint.h>

enum offsets_kind { OFFSETS_SEQ, OFFSETS_UNIFORM, OFFSETS_ZIPF };

struct offsets_choice {
    enum offsets_kind kind;
    double exponent; /* of zipf */
};

/* "seq", "uniform", "zipf:1.1" (0 < s <= 10; "zipf" is zipf:1.1). 0 or -EINVAL. */
int offsets_parse(const char *text, struct offsets_choice *choice);

struct offsets {
    struct offsets_choice choice;
    struct rng rng;
    uint64_t blocks, next;
    double low, high, shortcut; /* of the integral that zipf inverts */
    uint64_t stride;            /* coprime to blocks: block = rank * stride mod blocks */
};

void offsets_init(struct offsets *p, struct offsets_choice choice, uint64_t blocks, uint64_t seed);

uint64_t offsets_zipf(struct offsets *p);

static inline uint64_t offsets_next(struct offsets *p)
{
    uint64_t block;

    if (p->choice.kind == OFFSETS_UNIFORM)
        return rng_below(&p->rng, p->blocks);
    if (p->choice.kind == OFFSETS_ZIPF)
        return offsets_zipf(p);
    block = p->next;
    p->next = block + 1 == p->blocks ? 0 : block + 1;
    return block;
}

#endif
