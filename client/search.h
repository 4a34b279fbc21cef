/*
 * search: the highest rate that keeps a response time under a bound.
 *
 * From above, because the response time does not grow with the rate all the way: at low rates both
 * ends sleep between requests, and waking them takes longer than an echo. A closed loop's rate is
 * the upper bound; the rate falls until it is good, then the gap to the lowest broken one is halved
 * (on a logarithmic scale) until it is below SEARCH_PRECISION, and the lowest broken one is tried
 * once more. One run on a shared machine proves little, so each rate has up to three, and two that
 * agree decide.
 */
#ifndef IOBENCH_CLIENT_SEARCH_H
#define IOBENCH_CLIENT_SEARCH_H

#include "client/client.h"
#include "client/results.h"
#include "common/report/report.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SEARCH_PRECISION 1.05

enum { SEARCH_RUNS_MAX = 128 };

/* "p99<1ms": percent 99, bound 1,000,000 ns; "max" is percent 100. */
struct goal {
    double percent;
    uint64_t bound_ns;
};

struct search_run {
    uint64_t rate;
    uint64_t value_ns; /* of the response time, at the goal's percentile */
    double sent_rate;
    bool good; /* within the bound, all answered, no errors */
};

struct search {
    struct goal goal;
    struct client_config config; /* of the present run */
    uint64_t rate;               /* the highest good one; 0: none was */
    unsigned count;
    struct search_run runs[SEARCH_RUNS_MAX];
};

/* 0, or -EINVAL for text that is no goal. */
int goal_parse(struct goal *goal, const char *text);

/*
 * Searches below the rate in run->config (0: below a closed loop's), printing each run to out, and
 * measures at the rate that it found. 0, or an exit status after one line on stderr: the goal was
 * not reached, a run failed or was interrupted. r is in any case of the last run, which stays open;
 * it is as execute() leaves it.
 */
int search_run(struct search *s, struct client_run *run, FILE *out, struct results *r);

/* search.{goal,rate,runs[]} */
void search_report(struct report *report, const struct search *s, const char *goal_text);

#endif
