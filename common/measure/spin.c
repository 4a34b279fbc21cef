#include "common/measure/spin.h"

#include "common/base/text.h"

const char *const spin_mode_names[] = {"balanced", "latency", "throughput", NULL};

enum spin_mode spin_mode_named(const char *name)
{
    return (enum spin_mode)text_index(spin_mode_names, name);
}

void spin_init(struct spin *s, enum spin_mode mode, struct stats *stats)
{
    static const uint64_t first_look_ns[] = {
        [MODE_BALANCED] = SPIN_MOST_NS,
        [MODE_LATENCY] = CLOCK_NEVER_NS,
        [MODE_THROUGHPUT] = 0,
    };

    *s = (struct spin){.mode = mode, .look_ns = first_look_ns[mode], .stats = stats};
}

void spin_slept(struct spin *s, uint64_t slept_ns)
{
    if (s->mode != MODE_BALANCED)
        return;
    if (slept_ns < SPIN_MOST_NS)
        s->look_ns = s->look_ns < SPIN_LEAST_NS      ? SPIN_LEAST_NS
                     : s->look_ns * 2 < SPIN_MOST_NS ? s->look_ns * 2
                                                     : SPIN_MOST_NS;
    else
        s->look_ns = s->look_ns / 2 < SPIN_LEAST_NS ? 0 : s->look_ns / 2;
}
