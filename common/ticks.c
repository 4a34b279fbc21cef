#include "common/ticks.h"

#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>

int ticks_init(struct ticks *t, uint64_t length_ns)
{
    *t = (struct ticks){.length_ns = length_ns};
    t->rows = calloc(TICKS_MAX, sizeof *t->rows);
    return t->rows ? 0 : -ENOMEM;
}

void ticks_free(struct ticks *t)
{
    free(t->rows);
}

void ticks_start(struct ticks *t, uint64_t start_ns, uint64_t requests, uint64_t errors)
{
    t->start_ns = start_ns;
    t->end_ns = start_ns + t->length_ns;
    t->counted = (struct tick){requests, errors};
}

void ticks_publish(struct ticks *t, uint64_t requests, uint64_t errors)
{
    unsigned n = atomic_load_explicit(&t->done, memory_order_relaxed);

    t->end_ns += t->length_ns;
    if (n == TICKS_MAX)
        return;
    t->rows[n] = (struct tick){requests - t->counted.requests, errors - t->counted.errors};
    t->counted = (struct tick){requests, errors};
    atomic_store_explicit(&t->done, n + 1, memory_order_release);
}

void ticks_end(struct ticks *t, uint64_t end_ns, uint64_t requests, uint64_t errors)
{
    if (end_ns > t->end_ns - t->length_ns || requests > t->counted.requests)
        ticks_publish(t, requests, errors);
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

bool ticks_next(struct ticks_reader *r, struct ticks_point *p)
{
    bool all_over;
    unsigned n = r->next;
    uint64_t start_ns, end_ns;

    if (r->count == 0 || n >= complete(r, &all_over))
        return false;
    start_ns = n * r->threads[0]->length_ns;
    end_ns = start_ns + r->threads[0]->length_ns;
    if (all_over && window_ns(r) < end_ns)
        end_ns = window_ns(r);
    *p = (struct ticks_point){.end_s = (double)end_ns / (double)NS_PER_S};
    for (unsigned i = 0; i < r->count; i++) {
        if (n >= atomic_load_explicit(&r->threads[i]->done, memory_order_acquire))
            continue;
        p->requests += r->threads[i]->rows[n].requests;
        p->errors += r->threads[i]->rows[n].errors;
    }
    if (end_ns > start_ns)
        p->qps = (double)p->requests * (double)NS_PER_S / (double)(end_ns - start_ns);
    r->total += p->requests;
    p->total = r->total;
    r->next++;
    return true;
}
