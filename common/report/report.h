/*
 * report: one JSON document per run, of one schema for the whole suite (docs/report.schema.json).
 *
 * The only part that knows cJSON. A program sets values by their dotted path ("rate.qps"); objects
 * on the way are made as needed. Numbers that are not finite are written as null, so the text is
 * valid JSON whatever happened in the run. Sections that every program shares have a function.
 *
 * Running out of memory while a report is built is remembered and returned by report_write().
 */
#ifndef IOBENCH_REPORT_H
#define IOBENCH_REPORT_H

#include "common/base/hist.h"
#include "common/base/opt.h"
#include "common/base/stats.h"
#include "common/host/host.h"
#include "common/host/os.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_SCHEMA_VERSION 1

struct report;

/*
 * Begins a document: schema_version, tool, version, command (argv, quoted so that a shell would
 * read it back), started_at (UTC, ISO 8601) and config, one member per option row: the long name
 * with '_' for '-', and the unit as suffix where there is one (duration_ns, size_bytes).
 * NULL when memory ran out.
 */
struct report *report_new(const struct opt_table *table, const void *config, int argc,
                          char *const *argv);
void report_free(struct report *r);

void report_number(struct report *r, const char *path, double value);
void report_integer(struct report *r, const char *path, uint64_t value);
void report_flag(struct report *r, const char *path, bool value);
void report_text(struct report *r, const char *path, const char *value);
void report_null(struct report *r, const char *path);

/* Appends to the array at path, which is made as needed. A point has members of these names. */
void report_append_text(struct report *r, const char *path, const char *value);
void report_append_point(struct report *r, const char *path, const char *const *names,
                         const double *values, size_t count);

/* An array that may stay empty: makes it, so that readers always find it. */
void report_array(struct report *r, const char *path);

/* host: every member of struct host, plus steal_s, steal_percent and busy_percent of the run. */
void report_host(struct report *r, const struct host *host, const struct host_pressure *before,
                 const struct host_pressure *after);

/* Takes one line for people, such as a warning; and the one that appends it to "warnings" of a
 * report.
 */
typedef void report_note(void *to, const char *text);
__attribute__((format(printf, 3, 4))) void report_say(report_note *note, void *to,
                                                      const char *format, ...);
void report_warning(void *report, const char *text);

/* Notes what the host did to the run: time that it stole, a load that was there before. */
void report_host_notes(const struct host *host, const struct host_pressure *before,
                       const struct host_pressure *after, report_note *note, void *to);

/*
 * totals.{requests,errors,tx_bytes,rx_bytes,reads,writes,short_writes},
 * errors.{kind: count} (those that occurred), syscalls.{total,per_request,by_kind.{name: count}},
 * loop.{waits,events,events_per_wait_mean,events_per_wait_max,buffers_dry,queue_full}.
 * per_request is null without requests.
 */
void report_stats(struct report *r, const struct stats *s);

/* rate.qps and throughput.{tx,rx,both}_mib_s of a window; 0 for one of no length. */
void report_rates(struct report *r, const struct stats *window, double duration_s);

/* cpu.{user_s,system_s} and their us per request, null without requests. */
void report_cpu(struct report *r, struct os_cpu_time cpu, uint64_t requests);

/*
 * path ("latency.service_ns").{count,over_range,min,mean,stddev,p50,p75,p90,p95,p99,p999,p9999,
 * max,hdr}; all but count, over_range and hdr are null when the histogram is empty.
 */
void report_latency(struct report *r, const char *path, const struct hist *h);

/*
 * Writes the document as indented JSON to the file at target_path, whole or not at all (a
 * temporary file beside it is renamed), or to stdout when it is "-". 0 or -errno.
 */
int report_write(struct report *r, const char *target_path);

#endif
