/*
 * uring_ask: io_uring where a loop asks its sockets (see udp_asks()).
 *
 * A multishot receive wakes the ring for each datagram, which then polls the socket, receives, and
 * receives again in vain. Receives that do not wait are done while they are submitted, one system
 * call for as many as there may be. Measured: P50 at c=1 of 4.6 us instead of 5.5.
 */
#ifndef IOBENCH_UDP_URING_ASK_H
#define IOBENCH_UDP_URING_ASK_H

#include "common/uring/uring.h"
#include "udp/udp_loop.h"

/* Runs the loop over an open ring. 0 or -errno. */
int uring_ask_on(struct udp_loop *l, struct uring *uring);

#endif
