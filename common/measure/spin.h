/*
 * spin: whether a loop looks for events again before it goes to sleep, by run mode.
 *
 * Waking a sleeping thread costs several times an echo, most of all on a virtual machine. So
 * `latency` never sleeps, `throughput` always does, and `balanced` looks for a short while first,
 * as long as that pays: a sleep that turns out shorter than SPIN_MOST_NS means that looking would
 * have paid (the next time it lasts twice as long), a longer one means it did not (half as long,
 * down to not at all). The rule is that of the kernel's halt polling
 * (Documentation/virt/kvm/halt-polling.rst).
 *
 * Every few microseconds the thread yields, for the case that its peer waits for the same CPU.
 */
#ifndef IOBENCH_SPIN_H
#define IOBENCH_SPIN_H

#include "common/base/clock.h"
#include "common/base/stats.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

enum spin_mode { MODE_BALANCED, MODE_LATENCY, MODE_THROUGHPUT };

/* For the option --mode, in the order of the enum; NULL-terminated. */
extern const char *const spin_mode_names[];
enum spin_mode spin_mode_named(const char *name);

#define SPIN_MOST_NS  (100 * NS_PER_US)
#define SPIN_LEAST_NS (10 * NS_PER_US)

#define SPIN_YIELD_NS (5 * NS_PER_US)

/*
 * A look takes a few microseconds. A gap between two looks that is longer than this was no looking:
 * the thread had been taken off its CPU, or had yielded it, and could have done no work either. The
 * time that a thread waits for a CPU is accounted for by itself, from the kernel's schedstat.
 */
#define SPIN_LOOK_MOST_NS (50 * NS_PER_US)

struct spin {
    enum spin_mode mode;
    uint64_t look_ns;    /* how long to look before sleeping; CLOCK_NEVER_NS: for ever */
    struct stats *stats; /* the thread's: the time spent looking, and the yields */
};

/* One wait for events, from the first look on; zeroed before it. */
struct spin_wait {
    unsigned looks;
    uint64_t end_ns, yield_ns, last_ns;
};

void spin_init(struct spin *s, enum spin_mode mode, struct stats *stats);

/* What a sleep of slept_ns teaches. */
void spin_slept(struct spin *s, uint64_t slept_ns);

/* gap_ns have passed since the last look, which found no events. */
static inline void spin_looked(struct spin *s, uint64_t gap_ns)
{
    if (gap_ns < SPIN_LOOK_MOST_NS)
        s->stats->looking_ns += gap_ns;
}

/*
 * Asked before each look: true to look (again), false to sleep. wake_ns bounds the looking. The
 * first look is free of a clock reading, because under load there is no second.
 */
static inline bool spin_look(struct spin *s, struct spin_wait *wait, uint64_t wake_ns)
{
    uint64_t now_ns;

    if (s->look_ns == 0)
        return false;
    if (wait->looks++ == 0)
        return true;
    now_ns = clock_now_ns();
    if (wait->looks > 2)
        spin_looked(s, now_ns - wait->last_ns);
    wait->last_ns = now_ns;
    if (wait->looks == 2) {
        wait->end_ns = s->look_ns == CLOCK_NEVER_NS ? CLOCK_NEVER_NS : now_ns + s->look_ns;
        if (wake_ns < wait->end_ns)
            wait->end_ns = wake_ns;
        wait->yield_ns = now_ns + SPIN_YIELD_NS;
    }
    if (now_ns >= wait->yield_ns) {
        wait->yield_ns = now_ns + SPIN_YIELD_NS;
        s->stats->syscalls[SYSCALL_sched_yield]++;
        sched_yield();
    }
    return now_ns < wait->end_ns;
}

#endif
