#include "common/measure/extend.h"

#include "common/base/clock.h"

/* A look comes so long before the planned end: time enough to test, and to be scheduled late. */
#define AHEAD_NS (100 * NS_PER_MS)

/* The bound needs no look: there the window ends, whatever is found. */
static uint64_t next_look_ns(const struct extension *e, const struct window *w)
{
    uint64_t end_ns = window_planned_ns(w);

    if (end_ns >= e->bound_ns)
        return CLOCK_NEVER_NS;
    return end_ns > 2 * AHEAD_NS ? end_ns - AHEAD_NS : end_ns / 2;
}

void extend_begin(struct extension *e, const struct window *w, uint64_t bound_ns)
{
    *e = (struct extension){.bound_ns = bound_ns};
    e->look_ns = next_look_ns(e, w);
}

uint64_t extend_when_ns(const struct extension *e, const struct window *w)
{
    uint64_t start_ns = atomic_load(&w->start_ns);

    if (start_ns == 0 || atomic_load(&w->stop) || e->look_ns == CLOCK_NEVER_NS)
        return CLOCK_NEVER_NS;
    return start_ns + w->plan.warmup_ns + e->look_ns;
}

bool extend_look(struct extension *e, struct window *w)
{
    struct ticks_reader series = window_series(w, w->plan.tick_ns);
    uint64_t longer_ns = 2 * window_planned_ns(w);

    e->look_ns = CLOCK_NEVER_NS;
    ticks_steady(&series, &e->verdict);
    if (e->verdict.steady)
        return false;
    e->too_late = !window_lengthen(w, longer_ns < e->bound_ns ? longer_ns : e->bound_ns);
    if (e->too_late)
        return false;
    e->times++;
    e->look_ns = next_look_ns(e, w);
    return true;
}
