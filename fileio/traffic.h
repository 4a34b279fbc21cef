/*
 * traffic: what one side of an engine, submitting or reaping, has cost so far.
 */
#ifndef IOBENCH_FILEIO_TRAFFIC_H
#define IOBENCH_FILEIO_TRAFFIC_H

#include <stdint.h>

/* System calls by kind, under the name that strace would print. */
#define TRAFFIC_CALLS(X) \
    X(fdatasync)         \
    X(fsync)             \
    X(futex)             \
    X(io_getevents)      \
    X(io_submit)         \
    X(io_uring_enter)    \
    X(nanosleep)         \
    X(poll)              \
    X(pread64)           \
    X(preadv2)           \
    X(pwrite64)          \
    X(pwritev2)          \
    X(read)

#define TRAFFIC_CALL_ENUM(name) CALL_##name,
enum traffic_call { TRAFFIC_CALLS(TRAFFIC_CALL_ENUM) CALL_KINDS };

struct traffic {
    uint64_t calls[CALL_KINDS];
    uint64_t batches;    /* calls of submit() or reap() that moved operations */
    uint64_t operations; /* moved by them */
    uint64_t most;       /* by one of them */
};

extern const char *const traffic_call_names[CALL_KINDS];

static inline void traffic_batch(struct traffic *t, unsigned operations)
{
    t->batches++;
    t->operations += operations;
    if (operations > t->most)
        t->most = operations;
}

void traffic_merge(struct traffic *into, const struct traffic *from);

/* What was added between two copies; `most` is that of the end. */
struct traffic traffic_between(const struct traffic *start, const struct traffic *end);

uint64_t traffic_calls_total(const struct traffic *t);

#endif
