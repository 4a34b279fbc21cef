#include "common/measure/ticks.h"

#include "common/base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int ticks_init(struct ticks *t, uint64_t length_ns)
{
    *t = (struct ticks){.length_ns = length_ns};
    t->rows = calloc(TICKS_LEVELS, sizeof *t->rows);
    return t->rows ? 0 : -ENOMEM;
}

void ticks_free(struct ticks *t)
{
    free(t->rows);
}

struct tick tick_of(const struct stats *s)
{
    return (struct tick){s->requests, stats_faults_total(s), s->batches, s->batched};
}

void ticks_start(struct ticks *t, uint64_t start_ns, struct tick now)
{
    t->start_ns = start_ns;
    t->end_ns = start_ns + t->length_ns;
    for (unsigned level = 0; level < TICKS_LEVELS; level++)
        t->counted[level] = now;
}

static void write_row(struct ticks *t, unsigned level, unsigned row, struct tick now)
{
    struct tick *from = &t->counted[level];

    if (row < TICKS_MAX)
        t->rows[level][row] =
            (struct tick){now.requests - from->requests, now.errors - from->errors,
                          now.batches - from->batches, now.batched - from->batched};
    *from = now;
}

/* Whether a row of the level ends with so many ticks. */
static bool ends_row(unsigned ticks, unsigned level)
{
    return ticks % (1U << level) == 0;
}

void ticks_publish(struct ticks *t, struct tick now)
{
    unsigned n = atomic_load_explicit(&t->done, memory_order_relaxed);

    t->end_ns += t->length_ns;
    if (n >> (TICKS_LEVELS - 1) == TICKS_MAX)
        return;
    for (unsigned level = 0; level < TICKS_LEVELS && ends_row(n + 1, level); level++)
        write_row(t, level, n >> level, now);
    atomic_store_explicit(&t->done, n + 1, memory_order_release);
}

/* The rows that are not whole when the window ends: one of each level but the finest, at most. */
static void write_open_rows(struct ticks *t, struct tick now)
{
    unsigned done = atomic_load_explicit(&t->done, memory_order_relaxed);

    for (unsigned level = 1; level < TICKS_LEVELS; level++)
        if (!ends_row(done, level))
            write_row(t, level, done >> level, now);
}

void ticks_end(struct ticks *t, uint64_t end_ns, struct tick now)
{
    if (end_ns > t->end_ns - t->length_ns || now.requests > t->counted[0].requests)
        ticks_publish(t, now);
    write_open_rows(t, now);
    t->window_end_ns = end_ns;
    atomic_store_explicit(&t->over, true, memory_order_release);
}

/* Ticks that every thread has published or will never publish. */
static unsigned complete(const struct ticks_reader *r, bool *all_over)
{
    unsigned least = UINT32_MAX, most = 0;

    for (unsigned i = 0; i < r->count; i++) {
        bool over = atomic_load_explicit(&r->threads[i]->over, memory_order_acquire);
        unsigned done = atomic_load_explicit(&r->threads[i]->done, memory_order_acquire);

        if (done > most)
            most = done;
        if (!over && done < least)
            least = done;
    }
    *all_over = least == UINT32_MAX;
    return *all_over ? most : least;
}

/* The longest window of all threads, once they are over. */
static uint64_t window_ns(const struct ticks_reader *r)
{
    uint64_t longest = 0;

    for (unsigned i = 0; i < r->count; i++) {
        uint64_t length = r->threads[i]->window_end_ns - r->threads[i]->start_ns;

        if (length > longest)
            longest = length;
    }
    return longest;
}

/* The finest level that holds so many ticks, in intervals that can be joined two by two. */
static unsigned level_for(const struct ticks_reader *r, unsigned ticks)
{
    unsigned pair = 2 * r->ticks_per_interval, level = r->level;
    uint64_t room = TICKS_MAX / pair * pair;

    while (ticks > room << level && level + 1 < TICKS_LEVELS)
        level++;
    return level;
}

/* All threads' counts in the rows from `from` on, and before `upto`. */
static struct tick sum_rows(const struct ticks_reader *r, unsigned level, unsigned from,
                            unsigned upto)
{
    struct tick sum = {0};

    for (unsigned i = 0; i < r->count; i++) {
        const struct tick *rows = r->threads[i]->rows[level];

        for (unsigned row = from; row < upto; row++) {
            sum.requests += rows[row].requests;
            sum.errors += rows[row].errors;
            sum.batches += rows[row].batches;
            sum.batched += rows[row].batched;
        }
    }
    return sum;
}

/* The interval that is to be read next, as far as it has come. */
struct stretch {
    unsigned level, from, to; /* ticks */
    bool whole, all_over;
};

static struct stretch next_stretch(const struct ticks_reader *r)
{
    struct stretch s = {.from = r->next};
    unsigned done = r->count ? complete(r, &s.all_over) : 0;
    unsigned end;

    s.level = level_for(r, r->next == 0 && s.all_over ? done : r->next + 1);
    end = s.from + (r->ticks_per_interval << s.level);
    s.whole = done >= end || s.all_over;
    s.to = done < end ? done : end;
    if (!s.all_over)
        s.to = s.to >> s.level << s.level; /* the row after that is not there yet */
    return s;
}

static bool fill(const struct ticks_reader *r, const struct stretch *s, struct ticks_point *p)
{
    uint64_t start_ns, end_ns;
    struct tick sum;

    if (s->to <= s->from)
        return false;
    start_ns = s->from * r->threads[0]->length_ns;
    end_ns = s->to * r->threads[0]->length_ns;
    if (s->all_over && window_ns(r) < end_ns)
        end_ns = window_ns(r);
    sum = sum_rows(r, s->level, s->from >> s->level, ((s->to - 1) >> s->level) + 1);
    *p = (struct ticks_point){
        .end_s = (double)end_ns / (double)NS_PER_S,
        .requests = sum.requests,
        .errors = sum.errors,
        .total = r->total + sum.requests,
        .batch = sum.batches ? (double)sum.batched / (double)sum.batches : (double)NAN,
    };
    if (end_ns > start_ns)
        p->qps = (double)p->requests * (double)NS_PER_S / (double)(end_ns - start_ns);
    return true;
}

bool ticks_peek(const struct ticks_reader *r, struct ticks_point *p)
{
    struct stretch s = next_stretch(r);

    return fill(r, &s, p);
}

bool ticks_next(struct ticks_reader *r, struct ticks_point *p)
{
    struct stretch s = next_stretch(r);

    if (!s.whole || !fill(r, &s, p))
        return false;
    r->level = s.level;
    r->next += r->ticks_per_interval << s.level;
    r->total = p->total;
    return true;
}

void ticks_steady(const struct ticks_reader *r, struct steady *s)
{
    uint64_t length_ns = r->threads[0]->length_ns;
    bool all_over;
    unsigned done = complete(r, &all_over), level = level_for(r, done), count;
    double *rates;

    if (all_over && window_ns(r) / length_ns < done)
        done = (unsigned)(window_ns(r) / length_ns); /* the last one may be a shorter one */
    count = done >> level;
    rates = calloc((size_t)count + 1, sizeof *rates);
    for (unsigned row = 0; rates && row < count; row++)
        rates[row] = (double)sum_rows(r, level, row, row + 1).requests * (double)NS_PER_S /
                     (double)(length_ns << level);
    steady_test(rates, rates ? count : 0, s);
    free(rates);
}
