/*
 * tally: what only files have to be recorded of operations, and how the workers' records become
 * one.
 */
#ifndef IOBENCH_FILEIO_TALLY_H
#define IOBENCH_FILEIO_TALLY_H

#include "common/base/hist.h"

#include <stdint.h>

/* By file_kind: 0 reads, 1 writes. */
enum { TALLY_READ, TALLY_WRITE, TALLY_MOVES };

struct tally {
    struct moves {
        uint64_t shorts;      /* the kernel moved less than was asked for; the rest followed */
        struct hist service;  /* handed to the engine until its result was seen */
        struct hist complete; /* the part of it after the submitting call; sampled */
        struct hist response; /* since the schedule intended it; open loop */
    } moves[TALLY_MOVES];
    struct hist submit;     /* length of a submitting call; sampled */
    struct hist sync;       /* fsync and fdatasync */
    struct hist classes[2]; /* service of normal and of priority operations, split only */
    uint64_t verified;
};

void tally_init(struct tally *t);
void tally_merge(struct tally *into, const struct tally *from);

#endif
