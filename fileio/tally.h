/*
 * tally: what is recorded of file operations and of no other workload's requests, and how the
 * workers' records are merged.
 */
#ifndef IOBENCH_FILEIO_TALLY_H
#define IOBENCH_FILEIO_TALLY_H

#include "common/base/hist.h"

#include <stdint.h>

/* By file_kind: 0 reads, 1 writes. */
enum { TALLY_READ, TALLY_WRITE, TALLY_MOVES };

enum { TALLY_HISTS = 4 * TALLY_MOVES + 2 };

struct tally {
    union {
        struct {
            struct hist service[TALLY_MOVES];  /* handed to the engine until its result was seen */
            struct hist complete[TALLY_MOVES]; /* part after the submitting call; sampled */
            struct hist response[TALLY_MOVES]; /* since the schedule intended it; open loop */
            struct hist classes[2]; /* service of normal and of priority operations, split only */
            struct hist submit;     /* length of a submitting call; sampled */
            struct hist sync;       /* fsync and fdatasync */
        };
        struct hist all[TALLY_HISTS];
    };
    uint64_t shorts[TALLY_MOVES]; /* the kernel moved less than was asked for; the rest followed */
    uint64_t verified;
};

void tally_init(struct tally *t);
void tally_merge(struct tally *into, const struct tally *from);

#endif
