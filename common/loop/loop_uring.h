/*
 * loop_uring: what the io_uring backend's loop and its probe (loop_uring_probe.c) have in common.
 */
#ifndef IOBENCH_LOOP_URING_H
#define IOBENCH_LOOP_URING_H

#include "common/loop/loop.h"

/* The bits of loop_config.ability: features that are to be used. */
enum loop_uring_ability {
    MULTISHOT_ACCEPT = 1 << 0,
    MULTISHOT_RECV = 1 << 1,
    SINGLE_ISSUER = 1 << 2,
    DEFER_TASKRUN = 1 << 3,
    COOP_TASKRUN = 1 << 4,
};

/* The IORING_SETUP_ flags for these abilities. */
unsigned loop_uring_setup_flags(uint32_t ability);

/* Until DUE_QUIT: 0 or -errno. */
int loop_uring_run(struct loop *l);

#endif
