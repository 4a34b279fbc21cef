/*
 * send_errors: datagrams that the kernel did not take, by the reason it gave.
 */
#ifndef IOBENCH_UDP_SEND_ERRORS_H
#define IOBENCH_UDP_SEND_ERRORS_H

#include <errno.h>
#include <stdint.h>

struct send_errors {
    uint64_t would_block; /* EAGAIN: the send buffer is full */
    uint64_t no_buffers;  /* ENOBUFS, ENOMEM */
    uint64_t refused;     /* ECONNREFUSED: nobody listens at the peer's port */
    uint64_t other;
    int last_other; /* the last errno of these */
};

/* err > 0 */
static inline void send_errors_count(struct send_errors *e, int err)
{
    if (err == EAGAIN)
        e->would_block++;
    else if (err == ENOBUFS || err == ENOMEM)
        e->no_buffers++;
    else if (err == ECONNREFUSED)
        e->refused++;
    else {
        e->other++;
        e->last_other = err;
    }
}

static inline void send_errors_add(struct send_errors *into, const struct send_errors *from)
{
    into->would_block += from->would_block;
    into->no_buffers += from->no_buffers;
    into->refused += from->refused;
    into->other += from->other;
    if (from->last_other)
        into->last_other = from->last_other;
}

static inline uint64_t send_errors_total(const struct send_errors *e)
{
    return e->would_block + e->no_buffers + e->refused + e->other;
}

#endif
