#include "fileio/series.h"

#include "common/base/clock.h"
#include "fileio/work.h"

#include <math.h>
#include <stdatomic.h>

/* Less than this is no interval: a window that ends just after one has no point of its own. */
#define LEAST_NS (10 * NS_PER_MS)

struct sums {
    uint64_t operations, submits, submitted, errors;
};

static struct sums sum_up(const struct run *run)
{
    struct sums s = {0};

    for (unsigned i = 0; i < run->crew.count; i++) {
        struct file_worker *w = &run->workers[i];

        s.operations += atomic_load_explicit(&w->series_operations, memory_order_relaxed);
        s.submits += atomic_load_explicit(&w->series_submits, memory_order_relaxed);
        s.submitted += atomic_load_explicit(&w->series_submitted, memory_order_relaxed);
        s.errors += atomic_load_explicit(&w->series_errors, memory_order_relaxed);
    }
    return s;
}

void series_begin(struct series *s, const struct run *run, uint64_t start_ns)
{
    s->run = run;
    s->start_ns = s->last_ns = start_ns;
    s->count = 0;
    s->operations = s->submits = s->submitted = s->errors = 0;
}

const struct series_point *series_sample(struct series *s, uint64_t now_ns)
{
    struct sums sums = sum_up(s->run);
    struct series_point *p = &s->points[s->count];
    uint64_t submits = sums.submits - s->submits;

    if (s->count == SERIES_MAX || now_ns < s->last_ns + LEAST_NS)
        return NULL;
    p->end_s = (double)(now_ns - s->start_ns) / (double)NS_PER_S;
    p->iops = (double)(sums.operations - s->operations) /
              ((double)(now_ns - s->last_ns) / (double)NS_PER_S);
    p->batch = submits ? (double)(sums.submitted - s->submitted) / (double)submits : NAN;
    p->errors = sums.errors - s->errors;
    s->operations = sums.operations;
    s->submits = sums.submits;
    s->submitted = sums.submitted;
    s->errors = sums.errors;
    s->last_ns = now_ns;
    s->count++;
    return p;
}
