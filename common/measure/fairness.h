/*
 * fairness: how evenly the peers of a run were served, from one count of requests per peer.
 */
#ifndef IOBENCH_FAIRNESS_H
#define IOBENCH_FAIRNESS_H

#include "common/report/report.h"

#include <stdbool.h>
#include <stdint.h>

struct fairness {
    uint64_t peers, starved, min, max;
    double sum, sum_of_squares;
};

/* Adds a peer with `count` replies. One without any is starved if something was asked of it. */
void fairness_add(struct fairness *f, uint64_t count, bool asked);
void fairness_merge(struct fairness *into, const struct fairness *from);

/* Jain's index, 0 to 1; 1 when all counts are alike. NaN when they are all 0. */
double fairness_jain(const struct fairness *f);

/* fairness.{jain,min_requests,max_requests,starved} */
void fairness_report(struct report *r, const struct fairness *f);

#endif
