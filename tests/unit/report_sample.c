/*
 * report_sample: one document as each program would write it, for tests/e2e/test_schema.py.
 *
 *     report_sample bench_client | empty_client | bench_server | bench_udp | bench_file_io
 *
 * The figures are made up; every kind of error and system call occurs, so that a kind that the
 * schema does not know shows. empty_client is a run that was interrupted before it did anything.
 */
#include "common/measure/quality.h"
#include "common/report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config {
    bool quiet;
    uint64_t connections, size, duration_ns;
    const char *backend, *unix_path;
    struct opt_cpus cpus;
};

#define AT(field) offsetof(struct config, field)
static const struct opt rows[] = {
    {.name = "quiet", .kind = OPT_FLAG, .offset = AT(quiet)},
    {.name = "connections", .kind = OPT_COUNT, .offset = AT(connections)},
    {.name = "size", .kind = OPT_BYTES, .offset = AT(size)},
    {.name = "duration", .kind = OPT_DURATION_NS, .offset = AT(duration_ns)},
    {.name = "backend", .kind = OPT_TEXT, .offset = AT(backend)},
    {.name = "unix", .kind = OPT_TEXT, .offset = AT(unix_path)},
    {.name = "cpus", .kind = OPT_CPUS, .offset = AT(cpus)},
};

static const struct config config = {
    .connections = 100,
    .size = 256,
    .duration_ns = 10000000000,
    .backend = "auto",
    .cpus = {.count = 2, .cpu = {0, 1}},
};

static struct hist filled, empty;

static void fill_histograms(void)
{
    hist_reset(&empty);
    hist_reset(&filled);
    for (uint64_t i = 1; i <= 1000; i++)
        hist_record(&filled, i * 977);
    hist_record(&filled, HIST_MAX_NS + 1);
}

static struct stats made_up_stats(uint64_t requests)
{
    struct stats s = {
        .requests = requests,
        .tx_bytes = 3000000000000,
        .rx_bytes = 3000000000000,
        .reads = 1001,
        .writes = 1002,
        .short_writes = 2,
    };

    stats_waited(&s, 5);
    for (size_t i = 0; i < SYSCALL_KINDS; i++)
        s.syscalls[i] = i + 1;
    for (size_t i = 0; i < ERROR_KINDS; i++)
        s.errors[i] = i + 1;
    return s;
}

static void write_backend(struct report *r)
{
    report_text(r, "backend.requested", "auto");
    report_text(r, "backend.name", "io_uring");
    report_array(r, "backend.features");
    report_append_text(r, "backend.features", "multishot_recv");
    report_array(r, "backend.left_out");
}

static void write_quality(struct report *r, size_t intervals)
{
    static const double rates[] = {10, 11, 10, 12, 9, 10, 11, 12, 13, 12, 11, 10};
    static const struct calibration calibration = {27.6, 2.5, 80000, 150000, 40000, 90000, 100, 1};
    struct steady steady;

    steady_test(rates, intervals, &steady);
    report_steady(r, &steady);
    report_number(r, "extension.asked_s", 10);
    report_number(r, "extension.bound_s", 60);
    report_integer(r, "extension.times", 2);
    report_calibration(r, intervals ? &calibration : &(struct calibration){0});
}

/* What every program writes, whatever it measures. */
static void write_common(struct report *r)
{
    struct host host;
    struct host_pressure before, after;

    host_read(&host);
    host_read_pressure(&before);
    host_read_pressure(&after);
    report_host(r, &host, &before, &after);
    write_backend(r);
    report_integer(r, "threads", 2);
    report_number(r, "cpu.user_s", 0.5);
    report_number(r, "cpu.system_s", 4.25);
    report_integer(r, "memory.peak_rss_bytes", 4194304);
    report_array(r, "warnings");
    report_integer(r, "exit_status", 0);
}

/* value is 0 for a run in which nothing happened; 0 / 0 is then what a program would compute. */
static void write_client_rates(struct report *r, double value)
{
    report_number(r, "window.warmup_s", 1);
    report_number(r, "window.duration_s", value);
    report_number(r, "window.drain_s", 0.001);
    report_number(r, "window.start_monotonic_ns", 1e15 * value / value);
    report_number(r, "window.end_monotonic_ns", 1e15 * value / value);
    report_number(r, "rate.qps", 1000 * value / value);
    report_number(r, "throughput.tx_mib_s", 0.25 * value / value);
    report_number(r, "throughput.rx_mib_s", 0.25 * value / value);
    report_number(r, "throughput.both_mib_s", 0.5 * value / value);
    report_number(r, "cpu.server_s", 0.25 * value / value);
    report_number(r, "cpu.us_per_request", 5.5 * value / value);
    report_number(r, "cpu.user_us_per_request", 0.5 * value / value);
    report_number(r, "cpu.system_us_per_request", 5 * value / value);
    report_number(r, "fairness.jain", 0.98 * value / value);
}

static void write_client_connections(struct report *r, uint64_t requests)
{
    report_integer(r, "connections.asked", 100);
    report_integer(r, "connections.opened", 99);
    report_integer(r, "connections.failed", 1);
    report_integer(r, "connections.lost", 0);
    report_integer(r, "connections.open_peak", 99);
    report_integer(r, "fairness.min_requests", requests / 100);
    report_integer(r, "fairness.max_requests", requests / 50);
    report_integer(r, "fairness.starved", requests ? 0 : 99);
}

static void write_intervals(struct report *r, int intervals)
{
    static const char *const names[] = {"t_s", "qps", "errors"};

    report_array(r, "intervals");
    for (int i = 1; i <= intervals; i++)
        report_append_point(r, "intervals", names, (double[]){i, 1000.5 * i, 0}, 3);
}

static void write_limit(struct report *r, double busy)
{
    report_number(r, "limit.busy", busy);
    report_number(r, "limit.waited", NAN);
    report_number(r, "limit.stolen", 0.01);
}

static void write_open_loop(struct report *r)
{
    report_integer(r, "open_loop.rate", 1000);
    report_text(r, "open_loop.arrivals", "poisson");
    report_integer(r, "open_loop.scheduled", 10002);
    report_integer(r, "open_loop.never_sent", 1);
    report_integer(r, "open_loop.never_answered", 1);
    report_number(r, "open_loop.sent_rate", 1000.1);
    report_integer(r, "open_loop.queue_peak", 7);
    report_latency(r, "open_loop.lateness_ns", &filled);
    report_latency(r, "open_loop.queued_ns", &empty);
}

static void write_client(struct report *r)
{
    struct stats s = made_up_stats(10000);

    report_stats(r, &s);
    write_client_rates(r, 10);
    write_client_connections(r, s.requests);
    write_intervals(r, 10);
    report_latency(r, "latency.service_ns", &filled);
    report_latency(r, "latency.response_ns", &filled);
    write_open_loop(r);
    report_integer(r, "totals.unfinished", 3);
    write_limit(r, 0.99);
    report_flag(r, "interrupted", false);
    report_flag(r, "client_limited", true);
    report_text(r, "client_limited_reason", "its threads were busy 99 % of the time");
    report_append_text(r, "warnings", "1 of 100 connections could not be made");
    write_quality(r, 12);
}

static void write_empty_client(struct report *r)
{
    struct stats s = {0};

    report_stats(r, &s);
    write_client_rates(r, 0);
    write_client_connections(r, 0);
    write_intervals(r, 0);
    report_latency(r, "latency.service_ns", &empty);
    report_latency(r, "latency.unfinished_ns", &empty);
    write_limit(r, NAN);
    report_flag(r, "interrupted", true);
    report_flag(r, "client_limited", false);
    report_null(r, "client_limited_reason");
    write_quality(r, 0);
}

static void write_server(struct report *r)
{
    struct stats s = made_up_stats(0);

    report_stats(r, &s);
    report_null(r, "totals.requests");
    report_integer(r, "connections.accepted", 100);
    report_integer(r, "connections.open_peak", 100);
    report_integer(r, "connections.closed", 100);
    report_number(r, "uptime_s", 12.5);
}

static void write_udp(struct report *r)
{
    static const char *const names[] = {"sent",      "received",   "lost",     "late",
                                        "reordered", "duplicated", "corrupted"};
    char path[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "packets.%s", names[i]);
        report_integer(r, path, 1000 - i);
    }
    report_latency(r, "latency.service_ns", &filled);
}

static void write_file_io(struct report *r)
{
    report_number(r, "read.iops", 1000000.5);
    report_number(r, "read.mib_s", 3906.25);
    report_latency(r, "read.latency_ns", &filled);
    report_number(r, "write.iops", NAN);
    report_number(r, "write.mib_s", NAN);
    report_latency(r, "write.latency_ns", &empty);
    report_number(r, "cpu.us_per_op", 0.75);
}

static const struct {
    const char *name, *program;
    void (*write)(struct report *r);
} samples[] = {
    {"bench_client", "bench_client", write_client},
    {"empty_client", "bench_client", write_empty_client},
    {"bench_server", "bench_server", write_server},
    {"bench_udp", "bench_udp", write_udp},
    {"bench_file_io", "bench_file_io", write_file_io},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct opt_table table = {
            .program = samples[i].program,
            .rows = rows,
            .count = sizeof(rows) / sizeof(rows[0]),
        };
        struct report *r;
        int err;

        if (strcmp(argv[1], samples[i].name) != 0)
            continue;
        r = report_new(&table, &config, argc, argv);
        if (!r)
            return EXIT_FAILURE;
        fill_histograms();
        write_common(r);
        samples[i].write(r);
        err = report_write(r, "-");
        report_free(r);
        return err ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    fprintf(stderr, "usage: report_sample bench_client | empty_client | bench_server | bench_udp | "
                    "bench_file_io\n");
    return 2;
}
