/*
 * page: the lines of text that every workload's results have in common.
 *
 * Each function prints one line or a few that belong together, or nothing when there is nothing to
 * say. A line begins with a label of label_width characters.
 */
#ifndef IOBENCH_PAGE_H
#define IOBENCH_PAGE_H

#include "common/measure/summary.h"

#include <stdio.h>

struct page {
    FILE *out;
    int label_width;
};

/* "P50 ... | max ...  (what)"; nothing for an empty histogram. what may be NULL. */
void page_latency(const struct page *p, const char *label, const struct hist *h, const char *what);

/* Kinds of errors that occurred, a line each, or after a common word such as "receiving: ". */
void page_errors(const struct page *p, const char *before, const struct stats *s);

/*
 * CPU time and system calls per request, which is called `noun` there. server_s: CPU time of who
 * answered them; NaN: nobody did, or it is not known.
 */
void page_cost(const struct page *p, const char *label, const char *noun, struct os_cpu_time cpu,
               double server_s, const struct stats *s, uint64_t requests);

/* Response time, schedule, lateness and what was not answered; nothing for a closed loop. */
void page_open_loop(const struct page *p, const struct summary *s, const char *arrivals);

/* What was in flight at the end, if it took longer than all that was completed in the window. */
void page_unfinished(const struct page *p, const struct summary *s, const char *noun);

/* "Note: ..."; a report_note, to is the struct page. */
void page_note(void *to, const char *text);

/* Whether the rate was steady, --until-steady, warnings, client-limited. */
void page_notes(const struct page *p, const struct summary *s);

#endif
