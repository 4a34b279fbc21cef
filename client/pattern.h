/*
 * pattern: the bytes that requests are made of, and that replies are compared with.
 *
 * Every connection sends one endless stream: random bytes that repeat after PATTERN_PERIOD, entered
 * at a place of its own. The period is prime, so requests of any length start at ever different
 * places, and a reply that belongs to another connection or another request does not pass. A
 * request is one span, whatever its length, because the bytes are stored a little beyond the
 * period.
 */
#ifndef IOBENCH_CLIENT_PATTERN_H
#define IOBENCH_CLIENT_PATTERN_H

#include "common/loop/conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATTERN_PERIOD = 8191 };

struct pattern {
    unsigned char *bytes; /* PATTERN_PERIOD + longest */
};

/* longest: of any span that will be asked for, in bytes. 0 or -ENOMEM. */
int pattern_init(struct pattern *p, size_t longest);
void pattern_free(struct pattern *p);

/* Where connection number n enters the stream. */
static inline uint32_t pattern_entry(uint64_t n)
{
    return (uint32_t)(n * 1009 % PATTERN_PERIOD);
}

static inline uint32_t pattern_advance(uint32_t at, size_t len)
{
    return (uint32_t)((at + len) % PATTERN_PERIOD);
}

static inline struct span pattern_span(const struct pattern *p, uint32_t at, size_t len)
{
    return (struct span){p->bytes + at, len};
}

#endif
