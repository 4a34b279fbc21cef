/*
 * pattern: which block is next.
 *
 * Blocks are numbered from 0. Sequential order wraps around; uniform draws each block alike; zipf
 * draws the block of rank k (from 1) with a probability proportional to 1 / k^s, and scatters the
 * ranks over the file so that popular blocks are not neighbours.
 *
 * Zipf is drawn by rejection-inversion: exact for every s > 0, constant time, no table (W. Hörmann,
 * G. Derflinger: Rejection-inversion to generate variates from monotone discrete distributions,
 * ACM TOMACS 6(3), 1996).
 */
#ifndef IOBENCH_FILEIO_PATTERN_H
#define IOBENCH_FILEIO_PATTERN_H

#include "common/rng.h"

#include <stdint.h>

enum pattern_kind { PATTERN_SEQ, PATTERN_UNIFORM, PATTERN_ZIPF };

struct pattern_choice {
    enum pattern_kind kind;
    double exponent; /* of zipf */
};

/* "seq", "uniform", "zipf:1.1" (0 < s <= 10; "zipf" is zipf:1.1). 0 or -EINVAL. */
int pattern_parse(const char *text, struct pattern_choice *choice);

struct pattern {
    struct pattern_choice choice;
    struct rng rng;
    uint64_t blocks, next;
    double low, high, shortcut; /* of the integral that zipf inverts */
    uint64_t stride;            /* coprime to blocks: block = rank * stride mod blocks */
};

void pattern_init(struct pattern *p, struct pattern_choice choice, uint64_t blocks, uint64_t seed);

uint64_t pattern_zipf(struct pattern *p);

static inline uint64_t pattern_next(struct pattern *p)
{
    uint64_t block;

    if (p->choice.kind == PATTERN_UNIFORM)
        return rng_below(&p->rng, p->blocks);
    if (p->choice.kind == PATTERN_ZIPF)
        return pattern_zipf(p);
    block = p->next;
    p->next = block + 1 == p->blocks ? 0 : block + 1;
    return block;
}

#endif
