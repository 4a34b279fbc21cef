/*
 * uring_setup: what a kernel's io_uring can do.
 */
#ifndef IOBENCH_URING_SETUP_H
#define IOBENCH_URING_SETUP_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>

/* A small ring to ask what there is: 0, or -errno and the reason. */
int uring_open_probe(struct io_uring *ring, char *why, size_t why_cap);

/* Why a ring with these flags cannot be set up here; NULL when it can. */
const char *uring_lacks_flags(unsigned flags);

/* Why an operation (IORING_OP_) cannot be asked for; NULL when it can. */
const char *uring_lacks_operation(struct io_uring *ring, int operation);

#endif
