/*
 * tuner: finds the batch size under which most operations complete per second, while running.
 *
 * It climbs: a step doubles or halves the batch; when the rate of the next stretch is better, it
 * goes on the same way, when it is worse, it turns round. It never stands still for long, since
 * what is best changes with the load.
 */
#ifndef IOBENCH_FILEIO_TUNER_H
#define IOBENCH_FILEIO_TUNER_H

#include <stdbool.h>
#include <stdint.h>

struct tuner {
    unsigned batch, most;
    bool growing;
    double rate; /* of the last stretch; 0: none yet */
    uint64_t start_ns, start_operations;
};

void tuner_begin(struct tuner *t, unsigned most, uint64_t now_ns);

/* operations: completed so far. Returns the batch to use from now on. */
unsigned tuner_step(struct tuner *t, uint64_t operations, uint64_t now_ns);

#endif
