/*
 * window: a thread's way through the phases of a run, by its own clock.
 *
 * A moment that was missed is made up for in order: however late a thread notices, ticks, the
 * window's start and its end lie where the schedule has them.
 */
#ifndef IOBENCH_CLIENT_WINDOW_H
#define IOBENCH_CLIENT_WINDOW_H

#include "client/flight.h"

/* Reads the clock into f->now_ns and moves on through ticks and phases as far as it has come. */
void window_read_clock(struct flight *f, struct loop *l);

/* The common start is known: from here the phases follow the clock. */
void window_plan(struct flight *f, uint64_t start_ns);

/* Ends the window now: the last request is done, the run is stopped, or nobody is left. */
void window_cut(struct flight *f, struct loop *l);

/* The window's length as it is planned now; CLOCK_NEVER_NS when requests are to end it. */
uint64_t window_planned_ns(const struct run *run);

/* Before the threads start. */
void window_set_length(struct run *run);

/*
 * From the main thread: moves the planned end, for all threads alike. False: too late, a thread has
 * come to the end already.
 */
bool window_lengthen(struct run *run, uint64_t length_ns);

/* Whether a moment lies in the window. */
static inline bool window_holds(const struct flight *f, uint64_t moment_ns)
{
    return moment_ns >= f->window_start_ns && moment_ns < f->window_end_ns;
}

#endif
