/*
 * stream: one non-blocking stream under a readiness loop (epoll, libev).
 *
 * The loop says that a descriptor is readable or writable; these functions make the system calls,
 * call the program's hooks and keep what the kernel did not take. Each returns what to watch for
 * next (POLLER_ bits, never 0), or that the connection is over: 0 in good order, -errno after
 * a fault, which has been counted.
 */
#ifndef IOBENCH_STREAM_H
#define IOBENCH_STREAM_H

#include "common/loop/loop.h"

/* Allocates the loop's receive buffer: 0 or -ENOMEM. */
int stream_init(struct loop *l);
void stream_free(struct loop *l);

int stream_readable(struct loop *l, struct conn *c);
int stream_writable(struct loop *l, struct conn *c);
int stream_send(struct loop *l, struct conn *c, struct span out);

/* The listening socket is readable: accepts what is there, up to a bound. */
void stream_accept(struct loop *l);

#endif
