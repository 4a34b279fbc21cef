#include "fileio/tuner.h"

#include "common/base/clock.h"

/* Long enough for a rate that is not noise, short enough to find a batch of 32 within a second. */
#define STRETCH_NS       (20 * NS_PER_MS)
#define OPERATIONS_LEAST 64

/* Less than this is no difference: then the smaller batch, with its shorter waits, is as good. */
#define WORTH 1.02

void tuner_begin(struct tuner *t, unsigned most, uint64_t now_ns)
{
    *t = (struct tuner){.batch = 1, .most = most, .growing = true, .start_ns = now_ns};
}

static void turn_at_the_ends(struct tuner *t)
{
    if (t->batch <= 1)
        t->growing = true;
    if (t->batch >= t->most)
        t->growing = false;
}

unsigned tuner_step(struct tuner *t, uint64_t operations, uint64_t now_ns)
{
    uint64_t done = operations - t->start_operations, length_ns = now_ns - t->start_ns;
    double rate;

    if (length_ns < STRETCH_NS || done < OPERATIONS_LEAST)
        return t->batch;
    rate = (double)done / (double)length_ns;
    if (t->rate > 0 && (t->growing ? rate < t->rate * WORTH : rate * WORTH < t->rate))
        t->growing = !t->growing;
    turn_at_the_ends(t);
    t->batch = t->growing ? t->batch * 2 : t->batch / 2;
    if (t->batch < 1)
        t->batch = 1;
    if (t->batch > t->most)
        t->batch = t->most;
    t->rate = rate;
    t->start_ns = now_ns;
    t->start_operations = operations;
    return t->batch;
}
