#include "client/extend.h"

#include "client/flight.h"
#include "client/window.h"
#include "common/base/clock.h"

/* A look comes so long before the planned end: time enough to test, and to be scheduled late. */
#define AHEAD_NS (100 * NS_PER_MS)

/* The bound needs no look: there the window ends, whatever is found. */
static uint64_t next_look_ns(const struct run *run)
{
    uint64_t end_ns = window_planned_ns(run);

    if (end_ns >= run->config->until_steady_ns)
        return CLOCK_NEVER_NS;
    return end_ns > 2 * AHEAD_NS ? end_ns - AHEAD_NS : end_ns / 2;
}

void extend_begin(struct run *run)
{
    run->extension = (struct extension){.look_ns = next_look_ns(run)};
}

uint64_t extend_when_ns(const struct run *run)
{
    uint64_t start_ns = atomic_load(&run->start_ns);

    if (start_ns == 0 || atomic_load(&run->stop) || run->extension.look_ns == CLOCK_NEVER_NS)
        return CLOCK_NEVER_NS;
    return start_ns + run->config->warmup_ns + run->extension.look_ns;
}

bool extend_look(struct run *run)
{
    struct extension *e = &run->extension;
    struct ticks_reader series = flight_series(run);
    uint64_t bound_ns = run->config->until_steady_ns, longer_ns = 2 * window_planned_ns(run);

    e->look_ns = CLOCK_NEVER_NS;
    ticks_steady(&series, &e->verdict);
    if (e->verdict.steady)
        return false;
    e->too_late = !window_lengthen(run, longer_ns < bound_ns ? longer_ns : bound_ns);
    if (e->too_late)
        return false;
    e->times++;
    e->look_ns = next_look_ns(run);
    return true;
}
