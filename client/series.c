#include "client/series.h"

#include "common/clock.h"

#include <stdlib.h>

static unsigned ticks_per_interval(const struct run *run)
{
    return (unsigned)(run->config->interval_ns / run->tick_ns);
}

/* Ticks that every thread has published or will never publish. */
static unsigned ticks_complete(const struct run *run, bool *all_over)
{
    unsigned least = UINT32_MAX, most = 0;

    for (unsigned i = 0; i < run->crew.count; i++) {
        const struct flight *f = &run->flights[i];
        bool over = atomic_load_explicit(&f->window_over, memory_order_acquire);
        unsigned done = atomic_load_explicit(&f->ticks_done, memory_order_acquire);

        if (done > most)
            most = done;
        if (!over && done < least)
            least = done;
    }
    *all_over = least == UINT32_MAX;
    return *all_over ? most : least;
}

static void add_ticks(const struct run *run, unsigned from, unsigned to, struct series_point *p)
{
    for (unsigned i = 0; i < run->crew.count; i++) {
        const struct flight *f = &run->flights[i];
        unsigned done = atomic_load_explicit(&f->ticks_done, memory_order_acquire);

        for (unsigned t = from; t < to && t < done; t++) {
            p->requests += f->ticks[t].requests;
            p->errors += f->ticks[t].errors;
        }
    }
}

/* The end of the window, as far as the threads have reached it. */
static uint64_t window_ns(const struct run *run)
{
    uint64_t longest = 0;

    for (unsigned i = 0; i < run->crew.count; i++) {
        const struct flight *f = &run->flights[i];

        if (atomic_load_explicit(&f->window_over, memory_order_acquire) &&
            f->window_end_ns - f->window_start_ns > longest)
            longest = f->window_end_ns - f->window_start_ns;
    }
    return longest;
}

static void fill(const struct series *s, unsigned from, unsigned to, bool all_over,
                 struct series_point *p)
{
    uint64_t start_ns = from * s->run->tick_ns, end_ns = to * s->run->tick_ns;

    if (all_over && window_ns(s->run) < end_ns)
        end_ns = window_ns(s->run);
    *p = (struct series_point){.interval = s->interval + 1};
    add_ticks(s->run, from, to, p);
    p->end_s = (double)end_ns / (double)NS_PER_S;
    p->length_s = end_ns > start_ns ? (double)(end_ns - start_ns) / (double)NS_PER_S : 0;
    p->qps = p->length_s > 0 ? (double)p->requests / p->length_s : 0;
    p->total = s->total + p->requests;
}

void series_begin(struct series *s, const struct run *run)
{
    *s = (struct series){.run = run};
}

bool series_peek(const struct series *s, struct series_point *p)
{
    unsigned per = ticks_per_interval(s->run), from = s->interval * per;
    bool all_over;
    unsigned complete = ticks_complete(s->run, &all_over);
    unsigned to = complete < from + per ? complete : from + per;

    if (to <= from)
        return false;
    fill(s, from, to, all_over, p);
    return p->length_s > 0;
}

bool series_next(struct series *s, struct series_point *p)
{
    unsigned per = ticks_per_interval(s->run);
    bool all_over;
    unsigned complete = ticks_complete(s->run, &all_over);

    if (complete < (s->interval + 1) * per && !all_over)
        return false;
    if (!series_peek(s, p))
        return false;
    s->interval++;
    s->total = p->total;
    return true;
}

void series_steady(const struct run *run, struct steady *s)
{
    bool all_over;
    unsigned ticks = ticks_complete(run, &all_over);
    uint64_t whole = window_ns(run) / run->tick_ns; /* the last tick may be a shorter one */
    unsigned count = whole < ticks ? (unsigned)whole : ticks;
    double *rates = calloc((size_t)count + 1, sizeof *rates);

    for (unsigned t = 0; rates && t < count; t++) {
        struct series_point p = {0};

        add_ticks(run, t, t + 1, &p);
        rates[t] = (double)p.requests * 1e9 / (double)run->tick_ns;
    }
    steady_test(rates, rates ? count : 0, s);
    free(rates);
}
