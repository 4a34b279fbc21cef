/*
 * hist: a log-linear histogram of latencies in nanoseconds.
 *
 * The layout is HdrHistogram's with two significant digits: values below 256 ns have a slot each,
 * and every further power of two is cut into 128 slots, so that a slot is at most 1/128 = 0.78 %
 * of its values wide. Range: 0 ns to HIST_MAX_NS (one hour); larger values are counted in the
 * last slot and in over_range, never dropped. count, min, max and sum are exact.
 *
 * One thread writes a histogram; merge them when the threads are done. Recording allocates
 * nothing and costs a handful of instructions.
 *
 * Source of the layout and of the encoding: G. Tene, HdrHistogram (hdrhistogram.org), V2 format.
 */
#ifndef IOBENCH_HIST_H
#define IOBENCH_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIST_MAX_NS 3600000000000ULL /* one hour */

enum {
    HIST_HALF_BITS = 7,
    HIST_HALF = 1 << HIST_HALF_BITS, /* slots per power of two */
    HIST_BUCKETS = 35,               /* 256 << 34 is the first power of two above HIST_MAX_NS */
    HIST_SLOTS = (HIST_BUCKETS + 1) * HIST_HALF,
};

__extension__ typedef unsigned __int128 hist_sum;

struct hist {
    uint64_t count;
    uint64_t over_range; /* how many of count were above HIST_MAX_NS */
    uint64_t min_ns;     /* UINT64_MAX while count is 0 */
    uint64_t max_ns;     /* exact, also when over range */
    hist_sum sum_ns;
    uint64_t slots[HIST_SLOTS];
};

/* Slot of a value <= HIST_MAX_NS. */
static inline unsigned hist_slot(uint64_t value_ns)
{
    unsigned shift =
        (unsigned)(63 - __builtin_clzll(value_ns | (2 * HIST_HALF - 1))) - HIST_HALF_BITS;

    return shift * HIST_HALF + (unsigned)(value_ns >> shift);
}

static inline void hist_record(struct hist *h, uint64_t value_ns)
{
    uint64_t in_range_ns = value_ns;

    if (__builtin_expect(value_ns > HIST_MAX_NS, 0)) {
        in_range_ns = HIST_MAX_NS;
        h->over_range++;
    }
    h->slots[hist_slot(in_range_ns)]++;
    h->count++;
    h->sum_ns += value_ns;
    if (value_ns < h->min_ns)
        h->min_ns = value_ns;
    if (value_ns > h->max_ns)
        h->max_ns = value_ns;
}

void hist_reset(struct hist *h);
void hist_merge(struct hist *into, const struct hist *from);

/* Exact mean; 0 for an empty histogram. */
double hist_mean_ns(const struct hist *h);

/* Standard deviation about the exact mean, from slot mid-points; 0 for an empty histogram. */
double hist_stddev_ns(const struct hist *h);

/*
 * The value below or at which percent (0 to 100) of the values lie: the highest value of the slot
 * that holds the ceil(percent / 100 * count)-th smallest, as HdrHistogram defines it, but never
 * more than the exact maximum. 0 for an empty histogram.
 */
uint64_t hist_percentile_ns(const struct hist *h, double percent);

/* Lowest and highest value that fall into a slot. */
uint64_t hist_slot_low_ns(unsigned slot);
uint64_t hist_slot_high_ns(unsigned slot);

/*
 * HdrHistogram V2 compressed (zlib), as base64 text without line breaks. Returns a string for the
 * caller to free, or NULL when memory ran out.
 */
char *hist_encode_base64(const struct hist *h);

#endif
