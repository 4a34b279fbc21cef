/*
 * split: one engine shared by many users, with a thread that submits and a thread that reaps.
 *
 * Users push operations into a priority, a read and a write queue. The submitter takes from them:
 * those with priority first, then reads and writes in turn, at most `budget` at a time. The poller
 * reaps, and gives each operation back to the user that pushed it. Users know nothing of the
 * engine. At the end the submitter submits a read of length 0, whose completion wakes the poller
 * from its sleep; the poller then ends as soon as nothing else is in flight. If that read cannot be
 * submitted, the poller notices the end when it next looks, within a second.
 *
 * Every operation that was pushed comes back exactly once, cancelled or not.
 */
#ifndef IOBENCH_FILEIO_SPLIT_H
#define IOBENCH_FILEIO_SPLIT_H

#include "fileio/engine.h"

struct split;
struct split_user;

struct split_config {
    const struct file_engine *type; /* of those with .two_threads */
    struct engine_config engine;
    unsigned users;   /* most that are in at the same time */
    unsigned budget;  /* most operations in one submission */
    uint64_t spin_ns; /* how long a thread looks for news before it sleeps */
};

/* Starts the two threads. 0, or -errno and the reason in words. */
int split_open(struct split **split, const struct split_config *config, char *why, size_t why_cap);

/*
 * The window has begun, or it is over. Each of the two threads notes what it has counted when it
 * next wakes: while it sleeps it counts nothing.
 */
enum split_mark { SPLIT_BEGUN = 1, SPLIT_OVER };
void split_mark(struct split *s, enum split_mark mark);

/* After split_close(): what a side has counted in the window. */
enum { SPLIT_SUBMITTING, SPLIT_REAPING };
struct stats split_window(const struct split *s, unsigned side);

/* After every user has left: ends the threads. The engine's features stay readable. */
void split_close(struct split *s);
void split_free(struct split *s);
const struct engine *split_engine(const struct split *s);

/* NULL: there are config.users already. */
struct split_user *split_join(struct split *s);

/* Waits until nothing of the user is in flight; what comes back is dropped. */
void split_leave(struct split_user *u);

/* Returns how many system calls it took. */
unsigned split_push(struct split_user *u, struct file_op **ops, unsigned n);

/*
 * Asks for a pushed operation to be given up: true when it will come back with -ECANCELED, without
 * having touched its file; false when it was too late, and it comes back with its own result.
 */
bool split_cancel(struct file_op *op);

/* As file_engine.reap; what waiting costs is counted in stats. */
unsigned split_take(struct split_user *u, struct file_op **done, unsigned min, unsigned max,
                    uint64_t until_ns, struct stats *stats);

#endif
