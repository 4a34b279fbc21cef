/*
 * loop_uring_starved: the line of connections whose receive found no buffer.
 */
#ifndef IOBENCH_LOOP_URING_STARVED_H
#define IOBENCH_LOOP_URING_STARVED_H

#include "common/loop/loop_uring_conn.h"

/* The receive of c ended for want of a buffer: c goes to the end of the line. */
void uring_starved_add(struct uring_loop *u, struct conn *c);

void uring_starved_feed_line(struct uring_loop *u);

/*
 * Asks again for receives that found no buffer, in their order and one per buffer returned since:
 * all at once would mostly find none again, because other connections are served in between, and
 * the same ones would go hungry for ever.
 */
static inline void uring_starved_feed(struct uring_loop *u)
{
    if (u->starved)
        uring_starved_feed_line(u);
}

/*
 * Before a wait until wake_ns. A starved connection that has been closed, or for which no bytes
 * came, uses up its turn without taking a buffer. While no buffer is ours none will be returned, so
 * nobody would feed those behind it: each gets a turn. Returns when to wake: at once as long as
 * some are left.
 */
uint64_t uring_starved_feed_forgotten(struct uring_loop *u, uint64_t wake_ns);

#endif
