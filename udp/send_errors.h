/*
 * send_errors: datagrams that the kernel did not take, by the reason it gave.
 *
 * They are a result of the run, as losses are, and not one of its faults, as the errors of struct
 * stats are.
 */
#ifndef IOBENCH_UDP_SEND_ERRORS_H
#define IOBENCH_UDP_SEND_ERRORS_H

#include <errno.h>
#include <stdint.h>

/* By the name in the report, and what a person is told. */
#define SEND_ERRORS(X)                                \
    X(would_block, "send buffer full (EAGAIN)")       \
    X(no_buffers, "no memory to send (ENOBUFS)")      \
    X(refused, "send refused (nobody listens there)") \
    X(other, "send failed otherwise")

#define SEND_ERRORS_ENUM(name, text) SEND_##name,
enum { SEND_ERRORS(SEND_ERRORS_ENUM) SEND_ERROR_KINDS };

struct send_errors {
    uint64_t kinds[SEND_ERROR_KINDS];
    int last_other; /* the last errno of the others */
};

/* err > 0 */
static inline void send_errors_count(struct send_errors *e, int err)
{
    unsigned kind = err == EAGAIN                     ? SEND_would_block
                    : err == ENOBUFS || err == ENOMEM ? SEND_no_buffers
                    : err == ECONNREFUSED             ? SEND_refused
                                                      : SEND_other;

    e->kinds[kind]++;
    if (kind == SEND_other)
        e->last_other = err;
}

static inline void send_errors_add(struct send_errors *into, const struct send_errors *from)
{
    for (unsigned i = 0; i < SEND_ERROR_KINDS; i++)
        into->kinds[i] += from->kinds[i];
    if (from->last_other)
        into->last_other = from->last_other;
}

#endif
