/*
 * fairness: how evenly the peers of a run were served, folded up from one count per peer.
 */
#ifndef IOBENCH_FAIRNESS_H
#define IOBENCH_FAIRNESS_H

#include "common/report.h"

#include <stdint.h>

struct fairness {
    uint64_t peers, starved, min, max; /* starved: peers with a count of 0 */
    double sum, sum_of_squares;
};

void fairness_add(struct fairness *f, uint64_t count);

/* Jain's index, 0 to 1; 1 when all counts are alike. NaN when they are all 0. */
double fairness_jain(const struct fairness *f);

/* fairness.{jain,min_requests,max_requests,starved} */
void fairness_report(struct report *r, const struct fairness *f);

#endif
