/*
 * uring_features: what an io_uring may be set up with, by the same name and for the same reasons
 * whether it carries streams, datagrams or blocks.
 */
#ifndef IOBENCH_URING_FEATURES_H
#define IOBENCH_URING_FEATURES_H

#include "common/choose/choice.h"

/* Bits of choice.used; a backend's own features begin at URING_OWN. */
enum uring_feature {
    URING_SINGLE_ISSUER = 1 << 0,
    URING_DEFER_TASKRUN = 1 << 1,
    URING_COOP_TASKRUN = 1 << 2,
    URING_BUFFER_RING = 1 << 3,
    URING_MULTISHOT_RECV = 1 << 4,
    URING_OWN = 1 << 8,
};

/* Rows for a backend's table of features. */
/* clang-format off */
#define URING_SETUP_ROWS                                                                          \
    {"single_issuer", URING_SINGLE_ISSUER, FEATURE_USUAL, "the kernel knows that one thread submits"}, \
    {"defer_taskrun", URING_DEFER_TASKRUN, FEATURE_USUAL, "completions wait until the loop asks for them"},  \
    {"coop_taskrun", URING_COOP_TASKRUN, FEATURE_USUAL, "else until its next system call"}
#define URING_RECV_ROWS(use_of_multishot)                                                         \
    {"buffer_ring", URING_BUFFER_RING, FEATURE_ALWAYS, NULL},                                     \
    {"multishot_recv", URING_MULTISHOT_RECV, use_of_multishot, "one request goes on receiving"}
/* clang-format on */

/* Notes the set-up features; why_not is for all of them, where they cannot be had at all. */
void uring_note_setup(struct choice *c, const char *why_not);

/*
 * The IORING_SETUP_ flags for the features that are used. tell: the kernel is to say in shared
 * memory that work waits there, so that a loop need not enter it to find out.
 */
unsigned uring_setup_flags(uint32_t used, bool tell);

#endif
