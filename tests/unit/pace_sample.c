/*
 * pace_sample: an open loop's schedule, for tests to judge (tests/e2e/test_open_loop.py).
 *
 * Usage: pace_sample constant|poisson RATE SEED THREADS REQUESTS. Prints the moments of each
 * thread's first REQUESTS requests in nanoseconds from the start, one thread a line.
 */
#include "common/measure/pace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    unsigned threads;
    uint64_t requests;

    if (argc != 6) {
        fprintf(stderr, "usage: pace_sample constant|poisson RATE SEED THREADS REQUESTS\n");
        return EXIT_FAILURE;
    }
    threads = (unsigned)strtoul(argv[4], NULL, 10);
    requests = strtoull(argv[5], NULL, 10);
    for (unsigned index = 0; index < threads; index++) {
        struct pace p;

        pace_start(&p, pace_arrivals_named(argv[1]), strtoull(argv[2], NULL, 10),
                   strtoull(argv[3], NULL, 10), index, threads, 0);
        for (uint64_t i = 0; i < requests; i++)
            printf("%" PRIu64 "%c", pace_take(&p), i + 1 < requests ? ' ' : '\n');
    }
    return EXIT_SUCCESS;
}
