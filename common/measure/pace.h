/*
 * pace: the schedule of an open loop: when each request is due, whatever became of the others.
 *
 * Several threads share one rate. With constant arrivals thread i of n takes every n-th moment of
 * one common grid, computed from the start and never from the moment before, so nothing drifts and
 * no rounding adds up. With Poisson arrivals each thread has a stream of its own at its share of
 * the rate; together they are again a Poisson stream of the whole rate.
 *
 * There is no catching up and no cap: a moment that has passed stays the intended one.
 */
#ifndef IOBENCH_PACE_H
#define IOBENCH_PACE_H

#include "common/base/rng.h"

#include <stdbool.h>
#include <stdint.h>

enum pace_arrivals { PACE_CONSTANT, PACE_POISSON };

/* For the option --arrivals, in the order of the enum; NULL-terminated. */
extern const char *const pace_arrivals_names[];
enum pace_arrivals pace_arrivals_named(const char *name);

/* Whether --arrivals was given without the --rate that it needs. */
bool pace_lacks_rate(const char *arrivals, uint64_t rate);
#define PACE_LACKS_RATE "says how the requests of an open loop are spread: it needs --rate"

struct pace {
    enum pace_arrivals arrivals;
    uint64_t rate; /* requests per second, of all threads together; > 0 */
    uint64_t start_ns;
    unsigned index, count; /* this thread, and how many share the rate */
    uint64_t taken;        /* requests handed out so far */
    uint64_t due_ns;       /* the intended moment of the next one */
    double offset_ns;      /* Poisson: of due_ns from the start */
    struct rng rng;
};

/* The first request is due at start_ns (Poisson: a random gap after it). */
void pace_start(struct pace *p, enum pace_arrivals arrivals, uint64_t rate, uint64_t seed,
                unsigned index, unsigned count, uint64_t start_ns);

/* Takes the next request off the schedule: returns its intended moment. */
uint64_t pace_take(struct pace *p);

/*
 * Takes all that are due before a moment, at most `most`; returns how many these were. At once with
 * constant arrivals, one by one with random ones.
 */
uint64_t pace_skip(struct pace *p, uint64_t before_ns, uint64_t most);

#endif
