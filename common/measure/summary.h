/*
 * summary: what the threads of a run measured, as one: figures and JSON, for every workload. Its
 * text is made in page.h.
 *
 * A workload adds only what no other has, such as fairness, loss or IOPS by kind.
 */
#ifndef IOBENCH_SUMMARY_H
#define IOBENCH_SUMMARY_H

#include "common/measure/account.h"
#include "common/measure/drive.h"
#include "common/measure/quality.h"
#include "common/measure/schedule.h"
#include "common/measure/steady.h"
#include "common/report/report.h"

#include <stdbool.h>
#include <stdint.h>

struct summary {
    const struct drive *drive;      /* what it was collected from */
    struct stats window;            /* counted in the measuring window; errors: in the whole run */
    struct hist service, response;  /* response: open loop only */
    struct hist unfinished_service; /* closed loop: of what was in flight when the window ended */
    struct schedule schedule; /* open loop: all threads' sums; its pace and arrived mean nothing */
    struct os_cpu_time cpu;   /* of the threads, in the window */
    struct os_cpu_time process_cpu; /* of the whole process, in the window */
    struct limit limit;             /* of the thread that had the least room for more */
    struct steady steady;
    double duration_s, drain_s; /* exact lengths of the window, and of the drain after it */
    uint64_t start_ns, end_ns;  /* of the window: the first thread's start, the last one's end */
    double server_s;            /* CPU time of those that answer, in the window; NaN: not known */
    uint64_t errors;            /* in the whole run */
    uint64_t unfinished;        /* in flight when the window ended */
    uint64_t never_answered;    /* open loop: sent, but not answered until the drain was over */
    bool measured;              /* some thread reached its window */
};

/* After drive_run(). */
void summary_collect(struct summary *s, const struct drive *d);

/* Per second of the window; 0 for a window of no length. */
double summary_rate(const struct summary *s, uint64_t count);

/*
 * Why the client, rather than what it measures, may have set the pace, as text in buf; NULL when
 * nothing says so. An open loop is limited when its own lateness is more than a millisecond at P99;
 * either loop when a thread had no room for more (see account.h).
 */
const char *summary_client_limited(const struct summary *s, char *buf, size_t cap);

/* Calls note() with each thing that a reader should know before trusting the figures. */
void summary_warn(const struct summary *s, report_note *note, void *to);

/*
 * host, threads, window, interrupted, totals, errors, syscalls, loop, rate, throughput, latency,
 * open_loop, cpu, limit, memory, intervals, extension, steady, calibration, client_limited and
 * warnings; backend and exit_status are the workload's own. cpu is s->cpu or s->process_cpu.
 */
void summary_report(struct report *r, const struct summary *s, struct os_cpu_time cpu);

#endif
