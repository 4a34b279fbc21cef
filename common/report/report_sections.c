/* report_sections: the blocks that every program shares. Built from report's own functions. */
#include "common/report/report.h"

#include "common/report/report_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Stolen time beyond this is worth a warning. */
#define STEAL_PERCENT 1.0

/* ---- host: what is not known is null. */

static void known_text(struct report *r, const char *path, const char *value)
{
    report_text(r, path, value[0] ? value : NULL);
}

static void known_number(struct report *r, const char *path, double value)
{
    report_number(r, path, value < 0 ? NAN : value);
}

static void known_limit(struct report *r, const char *path, int64_t value)
{
    if (value == INT64_MAX)
        report_text(r, path, "unlimited");
    else if (value < 0)
        report_null(r, path);
    else
        report_integer(r, path, (uint64_t)value);
}

static void write_host_texts(struct report *r, const struct host *host)
{
    known_text(r, "host.name", host->name);
    known_text(r, "host.os", host->os);
    known_text(r, "host.distribution", host->distribution);
    known_text(r, "host.arch", host->arch);
    known_text(r, "host.cpu_model", host->cpu_model);
    known_text(r, "host.governor", host->governor);
    known_text(r, "host.virtualisation", host->virtualisation);
    known_text(r, "host.mitigations", host->mitigations);
    known_text(r, "host.clock_source", host->clock_source);
    known_text(r, "host.transparent_hugepages", host->transparent_hugepages);
}

static void write_host_numbers(struct report *r, const struct host *host)
{
    known_number(r, "host.cpus_online", host->cpus_online);
    known_number(r, "host.cpus_allowed", host->cpus_allowed);
    known_number(r, "host.memory_bytes", (double)host->memory_bytes);
    known_limit(r, "host.nofile_soft", host->nofile_soft);
    known_limit(r, "host.nofile_hard", host->nofile_hard);
    known_limit(r, "host.memlock_bytes", host->memlock_bytes);
    known_number(r, "host.somaxconn", (double)host->somaxconn);
    known_number(r, "host.load_1m", host->load_1m);
    known_number(r, "host.load_5m", host->load_5m);
    known_number(r, "host.load_15m", host->load_15m);
    known_number(r, "host.io_uring_disabled", host->io_uring_disabled);
}

/* Seconds between two readings; NaN when one is unknown. The kernel may count idle time back. */
static double passed_s(double before_s, double after_s)
{
    return before_s < 0 || after_s < 0 ? NAN : fmax(after_s - before_s, 0);
}

struct pressure {
    double steal_s, steal_percent, busy_percent; /* NaN: not known */
};

static struct pressure pressure_between(const struct host_pressure *before,
                                        const struct host_pressure *after)
{
    double busy_s = passed_s(before->busy_s, after->busy_s);
    double idle_s = passed_s(before->idle_s, after->idle_s);
    double steal_s = passed_s(before->steal_s, after->steal_s);
    double all_s = busy_s + idle_s + (isnan(steal_s) ? 0 : steal_s);

    return (struct pressure){steal_s, 100 * steal_s / all_s, 100 * busy_s / all_s};
}

void report_host(struct report *r, const struct host *host, const struct host_pressure *before,
                 const struct host_pressure *after)
{
    struct pressure p = pressure_between(before, after);

    write_host_texts(r, host);
    write_host_numbers(r, host);
    report_number(r, "host.steal_s", p.steal_s);
    report_number(r, "host.steal_percent", p.steal_percent);
    report_number(r, "host.busy_percent", p.busy_percent);
}

void report_host_notes(const struct host *host, const struct host_pressure *before,
                       const struct host_pressure *after, report_note *note, void *to)
{
    struct pressure p = pressure_between(before, after);

    if (p.steal_percent > STEAL_PERCENT)
        report_say(note, to, "%.1f %% of the machine's time was stolen by its host",
                   p.steal_percent);
    if (host->load_1m > host->cpus_allowed)
        report_say(note, to, "the load before the run was %.1f on %d CPUs", host->load_1m,
                   host->cpus_allowed);
}

void report_say(report_note *note, void *to, const char *format, ...)
{
    char text[192];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    note(to, text);
}

void report_warning(void *report, const char *text)
{
    report_append_text(report, "warnings", text);
}

/* ---- stats */

/* Null when there is nothing to divide by. */
static void write_ratio(struct report *r, const char *path, uint64_t part, uint64_t whole)
{
    report_number(r, path, whole ? (double)part / (double)whole : NAN);
}

/* A member of the block that path names. */
static void write_count(struct report *r, const char *path, const char *name, uint64_t count)
{
    char member[192];

    snprintf(member, sizeof(member), "%s.%s", path, name);
    report_integer(r, member, count);
}

static void write_kinds(struct report *r, const char *path, const char *const *names,
                        const uint64_t *counts, size_t kinds)
{
    report_object(r, path);
    for (size_t i = 0; i < kinds; i++)
        if (counts[i])
            write_count(r, path, names[i], counts[i]);
}

void report_stats(struct report *r, const struct stats *s)
{
    uint64_t syscalls = stats_syscalls_total(s);

    report_integer(r, "totals.requests", s->requests);
    report_integer(r, "totals.errors", stats_errors_total(s));
    report_integer(r, "totals.tx_bytes", s->tx_bytes);
    report_integer(r, "totals.rx_bytes", s->rx_bytes);
    report_integer(r, "totals.reads", s->reads);
    report_integer(r, "totals.writes", s->writes);
    report_integer(r, "totals.short_writes", s->short_writes);

    write_kinds(r, "errors", stats_error_names, s->errors, ERROR_KINDS);

    report_integer(r, "syscalls.total", syscalls);
    write_ratio(r, "syscalls.per_request", syscalls, s->requests);
    write_kinds(r, "syscalls.by_kind", stats_syscall_names, s->syscalls, SYSCALL_KINDS);

    report_integer(r, "loop.waits", s->waits);
    report_integer(r, "loop.events", s->events);
    write_ratio(r, "loop.events_per_wait_mean", s->events, s->waits);
    report_integer(r, "loop.events_per_wait_max", s->events_max);
    report_integer(r, "loop.buffers_dry", s->buffers_dry);
    report_integer(r, "loop.queue_full", s->queue_full);
}

/* ---- latency */

/* The same of a figure; an empty histogram has no value. */
static void write_figure(struct report *r, const char *path, const char *name, const struct hist *h,
                         double value)
{
    char member[192];

    snprintf(member, sizeof(member), "%s.%s", path, name);
    report_number(r, member, h->count ? value : NAN);
}

void report_latency(struct report *r, const char *path, const struct hist *h)
{
    static const struct {
        const char *name;
        double percent;
    } rows[] = {
        {"p50", 50}, {"p75", 75},    {"p90", 90},      {"p95", 95},
        {"p99", 99}, {"p999", 99.9}, {"p9999", 99.99},
    };
    char *hdr = hist_encode_base64(h), member[192];

    write_count(r, path, "count", h->count);
    write_count(r, path, "over_range", h->over_range);
    write_figure(r, path, "min", h, (double)h->min_ns);
    write_figure(r, path, "mean", h, hist_mean_ns(h));
    write_figure(r, path, "stddev", h, hist_stddev_ns(h));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        write_figure(r, path, rows[i].name, h, (double)hist_percentile_ns(h, rows[i].percent));
    write_figure(r, path, "max", h, (double)h->max_ns);
    snprintf(member, sizeof(member), "%s.hdr", path);
    report_text(r, member, hdr);
    if (!hdr)
        report_out_of_memory(r);
    free(hdr);
}

void report_rates(struct report *r, const struct stats *window, double duration_s)
{
    double per_s = duration_s > 0 ? 1 / duration_s : 0;
    double tx = (double)window->tx_bytes * per_s / (1 << 20);
    double rx = (double)window->rx_bytes * per_s / (1 << 20);

    report_number(r, "rate.qps", duration_s > 0 ? (double)window->requests / duration_s : 0);
    report_number(r, "throughput.tx_mib_s", tx);
    report_number(r, "throughput.rx_mib_s", rx);
    report_number(r, "throughput.both_mib_s", tx + rx);
}

void report_cpu(struct report *r, struct os_cpu_time cpu, uint64_t requests)
{
    double user_us = (double)cpu.user_ns / 1e3, system_us = (double)cpu.system_ns / 1e3;
    double count = (double)requests; /* 0 makes the figures per request null */

    report_number(r, "cpu.user_s", user_us / 1e6);
    report_number(r, "cpu.system_s", system_us / 1e6);
    report_number(r, "cpu.us_per_request", (user_us + system_us) / count);
    report_number(r, "cpu.user_us_per_request", user_us / count);
    report_number(r, "cpu.system_us_per_request", system_us / count);
}
