/*
 * uring_setup: what a kernel's io_uring can do, and rings with a beginning and an end.
 */
#ifndef IOBENCH_URING_SETUP_H
#define IOBENCH_URING_SETUP_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>

/* With these IORING_SETUP_ flags and so many entries: 0 or -errno. */
int uring_open(struct io_uring *ring, unsigned sq_entries, unsigned cq_entries, unsigned flags);

/* A small ring to ask what there is: 0, or -errno and the reason. */
int uring_open_probe(struct io_uring *ring, char *why, size_t why_cap);

/* Why a ring with these flags cannot be set up here; NULL when it can. */
const char *uring_lacks_flags(unsigned flags);

/* Why an operation (IORING_OP_) cannot be asked for; NULL when it can. */
const char *uring_lacks_operation(struct io_uring *ring, int operation);

/*
 * A closed ring is taken apart in the background, and what is in flight there keeps its socket
 * open: the port would stay taken after our end. So it is ended first. Linux 5.19 cannot.
 */
void uring_cancel_all(struct io_uring *ring);

#endif
