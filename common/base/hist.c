#include "common/base/hist.h"

#include <math.h>
#include <string.h>

void hist_reset(struct hist *h)
{
    memset(h, 0, sizeof(*h));
    h->min_ns = UINT64_MAX;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    into->count += from->count;
    into->over_range += from->over_range;
    into->sum_ns += from->sum_ns;
    if (from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    for (unsigned slot = 0; slot < HIST_SLOTS; slot++)
        into->slots[slot] += from->slots[slot];
}

/* How many times the slot's width was doubled: not at all in the first two halves. */
static unsigned slot_shift(unsigned slot)
{
    return slot < 2 * HIST_HALF ? 0 : slot / HIST_HALF - 1;
}

uint64_t hist_slot_low_ns(unsigned slot)
{
    unsigned shift = slot_shift(slot);

    return (uint64_t)(slot - shift * HIST_HALF) << shift;
}

uint64_t hist_slot_high_ns(unsigned slot)
{
    return hist_slot_low_ns(slot) + (UINT64_C(1) << slot_shift(slot)) - 1;
}

double hist_mean_ns(const struct hist *h)
{
    return h->count ? (double)h->sum_ns / (double)h->count : 0;
}

double hist_stddev_ns(const struct hist *h)
{
    double mean_ns = hist_mean_ns(h);
    double squares = 0;

    if (!h->count)
        return 0;
    for (unsigned slot = 0; slot < HIST_SLOTS; slot++) {
        double middle_ns = (double)(hist_slot_low_ns(slot) + hist_slot_high_ns(slot)) / 2;

        squares += (double)h->slots[slot] * (middle_ns - mean_ns) * (middle_ns - mean_ns);
    }
    return sqrt(squares / (double)h->count);
}

/*
 * Which of the sorted values, counted from 1, stands for a percentile. The product may come out a
 * rounding error above a whole number, which ceil() would carry to the next value; the step down
 * prevents that, as in HdrHistogram.
 */
static uint64_t percentile_rank(uint64_t count, double percent)
{
    double below = nextafter(fmin(fmax(percent, 0), 100), 0);
    uint64_t rank = (uint64_t)ceil(below * (double)count / 100);

    return rank < 1 ? 1 : rank > count ? count : rank;
}

uint64_t hist_percentile_ns(const struct hist *h, double percent)
{
    uint64_t rank = percentile_rank(h->count, percent);
    uint64_t seen = 0;

    if (!h->count)
        return 0;
    for (unsigned slot = 0; slot < HIST_SLOTS; slot++) {
        seen += h->slots[slot];
        if (seen >= rank) {
            uint64_t high_ns = hist_slot_high_ns(slot);

            return high_ns < h->max_ns ? high_ns : h->max_ns;
        }
    }
    return h->max_ns;
}
