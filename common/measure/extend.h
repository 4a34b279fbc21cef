/*
 * extend: --until-steady, a window that goes on while its rate is not steady.
 *
 * Shortly before the planned end of the window the main thread tests the rate so far. If the rate
 * is steady, the window ends as planned; if not, its length is doubled, up to the bound. The
 * threads that measure go on with their connections and learn of it when they come to the planned
 * end; see window_lengthen().
 */
#ifndef IOBENCH_EXTEND_H
#define IOBENCH_EXTEND_H

#include "common/measure/steady.h"
#include "common/measure/window.h"

#include <stdbool.h>
#include <stdint.h>

/* The main thread's. */
struct extension {
    uint64_t bound_ns; /* what the window may be lengthened to; 0: not at all */
    uint64_t look_ns;  /* when to look next, from the window's start; CLOCK_NEVER_NS: not again */
    unsigned times;    /* how often the window was lengthened */
    bool too_late;     /* the last look was over only when the window was */
    struct steady verdict; /* of the last look */
};

/* For a window that has its planned length. */
void extend_begin(struct extension *e, const struct window *w, uint64_t bound_ns);

/* When to call extend_look() next; CLOCK_NEVER_NS: not yet, or not again, or the run is to stop. */
uint64_t extend_when_ns(const struct extension *e, const struct window *w);

/* True when the window was lengthened. */
bool extend_look(struct extension *e, struct window *w);

#endif
