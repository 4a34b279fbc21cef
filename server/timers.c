#include "server/timers.h"

void timers_start(struct timers *t, uint64_t count, uint64_t period_ns, uint64_t now_ns)
{
    *t = (struct timers){.count = count, .period_ns = period_ns, .start_ns = now_ns};
    hist_reset(&t->lateness);
}

uint64_t timers_fire(struct timers *t, uint64_t now_ns)
{
    uint64_t next_ns;

    while ((next_ns = timers_next_ns(t)) <= now_ns) {
        hist_record(&t->lateness, now_ns - next_ns);
        t->fired++;
    }
    return next_ns;
}
