/*
 * tally: what one worker counts, and how the workers' counts become one.
 */
#ifndef IOBENCH_FILEIO_TALLY_H
#define IOBENCH_FILEIO_TALLY_H

#include "common/base/hist.h"

#include <stdint.h>

/* Faults by kind: a name for the report, and what a person is told. */
#define TALLY_ERRORS(X)                                                   \
    X(eagain, "resource not available now (EAGAIN)")                      \
    X(ebadf, "bad file descriptor (EBADF)")                               \
    X(efbig, "file size limit reached (EFBIG)")                           \
    X(einval, "refused as invalid (EINVAL)")                              \
    X(eio, "input/output error (EIO)")                                    \
    X(enospc, "no space left on the device (ENOSPC, EDQUOT)")             \
    X(eopnotsupp, "not supported by the file or the device (EOPNOTSUPP)") \
    X(other, "another error")                                             \
    X(end_of_file, "the file ended where data was expected")              \
    X(corrupt, "a block read differs from what was written")              \
    X(misplaced, "a block read belongs elsewhere")                        \
    X(stale, "a block read is not the one written last")

#define TALLY_ERROR_ENUM(name, text) TALLY_##name,
enum tally_error { TALLY_ERRORS(TALLY_ERROR_ENUM) TALLY_ERROR_KINDS };

extern const char *const tally_error_names[TALLY_ERROR_KINDS];
extern const char *const tally_error_texts[TALLY_ERROR_KINDS];

/* By file_kind: 0 reads, 1 writes. */
enum { TALLY_READ, TALLY_WRITE, TALLY_MOVES };

struct tally {
    struct moves {
        uint64_t operations, bytes;
        uint64_t shorts;      /* the kernel moved less than was asked for; the rest followed */
        struct hist service;  /* handed to the engine until its result was seen */
        struct hist complete; /* the part of it after the submitting call; sampled */
        struct hist response; /* since the schedule intended it; open loop */
    } moves[TALLY_MOVES];
    struct hist submit;     /* length of a submitting call; sampled */
    struct hist sync;       /* fsync and fdatasync */
    struct hist classes[2]; /* service of normal and of priority operations, split only */
    uint64_t verified;
    uint64_t errors[TALLY_ERROR_KINDS];
};

void tally_init(struct tally *t);
void tally_merge(struct tally *into, const struct tally *from);
uint64_t tally_errors_total(const struct tally *t);

/* The kind of a negative result. */
enum tally_error tally_error_of(int err);

#endif
