/*
 * loop_uring: what the io_uring backend's loop and its probe (loop_uring_probe.c) have in common.
 */
#ifndef IOBENCH_LOOP_URING_H
#define IOBENCH_LOOP_URING_H

#include "common/loop/loop.h"
#include "common/uring/uring_features.h"

enum { LOOP_URING_MULTISHOT_ACCEPT = URING_OWN };

/* Keys after those of every loop. */
enum { LOOP_URING_SQ = LOOP_KEYS, LOOP_URING_BUFFERS, LOOP_URING_FLUSH };

/* Until DUE_QUIT: 0 or -errno. */
int loop_uring_run(struct loop *l);

#endif
