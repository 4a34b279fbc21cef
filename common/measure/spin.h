/*
 * spin: whether a loop looks for events again before it goes to sleep, by run mode.
 *
 * Waking a sleeping thread costs several times an echo, most of all on a virtual machine. So
 * `latency` never sleeps, `throughput` always does, and `balanced` looks for a short while first,
 * as long as that pays: a sleep that turns out shorter than the longest spell of spinning means it
 * would have paid (the spell doubles), a longer one means it did not (it halves, down to none).
 * The rule is that of the kernel's halt polling (Documentation/virt/kvm/halt-polling.rst).
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

struct spin {
    enum spin_mode mode;
    uint64_t spell_ns;   /* how long to look before sleeping; CLOCK_NEVER_NS: for ever */
    struct stats *stats; /* the thread's: the time spent looking, and the yields */
};

/* One wait, from the first look on; zero it before. */
struct spell {
    unsigned looks;
    uint64_t end_ns, yield_ns, last_ns;
};

void spin_init(struct spin *s, enum spin_mode mode, struct stats *stats);

/* What a sleep of slept_ns teaches. */
void spin_slept(struct spin *s, uint64_t slept_ns);

/*
 * Asked before each look: true to look (again), false to sleep. wake_ns bounds the spell. The first
 * look is free of a clock reading, because under load there is no second.
 */
static inline bool spin_look(struct spin *s, struct spell *spell, uint64_t wake_ns)
{
    uint64_t now_ns;

    if (s->spell_ns == 0)
        return false;
    if (spell->looks++ == 0)
        return true;
    now_ns = clock_now_ns();
    if (spell->looks > 2)
        stats_looked(s->stats, now_ns - spell->last_ns);
    spell->last_ns = now_ns;
    if (spell->looks == 2) {
        spell->end_ns = s->spell_ns == CLOCK_NEVER_NS ? CLOCK_NEVER_NS : now_ns + s->spell_ns;
        if (wake_ns < spell->end_ns)
            spell->end_ns = wake_ns;
        spell->yield_ns = now_ns + SPIN_YIELD_NS;
    }
    if (now_ns >= spell->yield_ns) {
        spell->yield_ns = now_ns + SPIN_YIELD_NS;
        s->stats->syscalls[SYSCALL_sched_yield]++;
        sched_yield();
    }
    return now_ns < spell->end_ns;
}

#endif
