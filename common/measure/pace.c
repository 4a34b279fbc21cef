#include "common/measure/pace.h"

#include "common/base/clock.h"
#include "common/base/text.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

const char *const pace_arrivals_names[] = {"constant", "poisson", NULL};

enum pace_arrivals pace_arrivals_named(const char *name)
{
    return (enum pace_arrivals)text_index(pace_arrivals_names, name);
}

bool pace_lacks_rate(const char *arrivals, uint64_t rate)
{
    return rate == 0 && pace_arrivals_named(arrivals) != PACE_CONSTANT;
}

static void set_due(struct pace *p)
{
    if (p->arrivals == PACE_CONSTANT) {
        wide slot = (wide)p->taken * p->count + p->index;

        p->due_ns = p->start_ns + (uint64_t)(slot * NS_PER_S / p->rate);
    } else {
        /* Gaps of a Poisson stream are exponential: the inverse of its distribution function. */
        p->offset_ns -= log(rng_unit(&p->rng)) * (double)p->count * 1e9 / (double)p->rate;
        p->due_ns = p->start_ns + (uint64_t)p->offset_ns;
    }
}

void pace_start(struct pace *p, enum pace_arrivals arrivals, uint64_t rate, uint64_t seed,
                unsigned index, unsigned count, uint64_t start_ns)
{
    struct rng seeds = {seed};

    *p = (struct pace){
        .arrivals = arrivals,
        .rate = rate,
        .start_ns = start_ns,
        .index = index,
        .count = count,
    };
    /* Each thread draws a seed of its own from the common one. */
    for (unsigned i = 0; i <= index; i++)
        p->rng.state = rng_next(&seeds);
    set_due(p);
}

uint64_t pace_take(struct pace *p)
{
    uint64_t due_ns = p->due_ns;

    p->taken++;
    set_due(p);
    return due_ns;
}

/* Constant arrivals: how many of this thread's moments lie before before_ns. */
static uint64_t constant_before(const struct pace *p, uint64_t before_ns)
{
    wide slots = ((wide)(before_ns - p->start_ns) * p->rate + NS_PER_S - 1) / NS_PER_S;

    return slots > p->index ? (uint64_t)((slots - p->index + p->count - 1) / p->count) : 0;
}

uint64_t pace_skip(struct pace *p, uint64_t before_ns, uint64_t most)
{
    uint64_t first = p->taken, all;

    if (p->arrivals == PACE_CONSTANT && p->due_ns < before_ns) {
        all = constant_before(p, before_ns);
        p->taken = all - first < most ? all : first + most;
        set_due(p);
    }
    while (p->due_ns < before_ns && p->taken - first < most)
        pace_take(p);
    return p->taken - first;
}
