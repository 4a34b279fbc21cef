/*
 * bench_file_io: reads and writes files through several engines.
 *
 * Exit status: 0 good; 1 the run failed (nothing completed, or errors; the results are still
 * printed and written); 2 usage; 77 the engine, or direct I/O, cannot be had here.
 */
#include "common/base/clock.h"
#include "common/report/program.h"
#include "fileio/print.h"
#include "fileio/results.h"
#include "fileio/rwf.h"
#include "fileio/worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct file_config, name)
#define KIB         1024ULL
#define MIB         (1024 * KIB)
#define TIB         (MIB * MIB)

static const struct opt rows[] = {
    {"engine", 'e', OPT_TEXT, FIELD(engine), "auto", "NAME", 0, 0, NULL,
     "what moves the blocks, with what it is to use or leave out; see below"},
    {"workers", 'w', OPT_COUNT, FIELD(workers), "4", "N", 1, 1024, NULL,
     "workers, each a thread with files of its own"},
    {"ops", 'n', OPT_COUNT, FIELD(ops), NULL, "N", 1, UINT64_MAX / 2, NULL,
     "operations per worker and kind: write-read makes N writes and N reads, the others N in all; "
     "1,000 unless --time ends the run"},
    {"time", 't', OPT_DURATION_NS, FIELD(time_ns), NULL, "TIME", NS_PER_MS,
     7 * 24 * 3600 * NS_PER_S, NULL, "end the window after so long"},
    {"block", 'b', OPT_BYTES, FIELD(block_bytes), "4k", "BYTES", 512, 64 * MIB, NULL,
     "bytes per operation"},
    {"batch", 0, OPT_TEXT, FIELD(batch), "4", "N|auto", 0, 0, NULL,
     "operations per submission, 1 to 256; auto: found by the completion rate while running"},
    {"depth", 0, OPT_COUNT, FIELD(depth), NULL, "N", 1, DEPTH_MOST, NULL,
     "operations in flight per worker; as --batch unless given, 32 with --batch auto"},
    {"reap-min", 0, OPT_COUNT, FIELD(reap_min), NULL, "N", 1, DEPTH_MOST, NULL,
     "completions to sleep for when nothing more can be submitted; 1 unless given, with --direct "
     "on "
     "a quarter of the batch"},
    {"dir", 'd', OPT_TEXT, FIELD(dir), ".", "DIR", 0, 0, NULL,
     "directory for the files; they are made anew and removed at the end"},
    {"existing", 0, OPT_TEXT, FIELD(existing), NULL, "FILE", 0, 0, NULL,
     "instead of making files, let every worker read this one, which is left as it is"},
    {"rw", 0, OPT_CHOICE, FIELD(rw), "write-read", "WHAT", 0, 0, plan_rw_names,
     "write-read writes each block, then reads it back"},
    {"read-percent", 0, OPT_COUNT, FIELD(read_percent), "50", "N", 0, 100, NULL,
     "share of reads of --rw randrw"},
    {"pattern", 0, OPT_TEXT, FIELD(pattern), NULL, "NAME", 0, 0, NULL,
     "seq, uniform or zipf:S; uniform for the rand kinds of --rw unless given, else seq"},
    {"size", 's', OPT_BYTES, FIELD(size_bytes), NULL, "BYTES", 512, 1024 * TIB, NULL,
     "data of each worker, spread over its files; 64M unless given, with --existing that file's "
     "size"},
    {"files", 0, OPT_COUNT, FIELD(files), "1", "N", 1, FILES_MOST, NULL, "files per worker"},
    {"direct", 0, OPT_CHOICE, FIELD(direct), "off", "on|off", 0, 0, opt_on_off,
     "go round the page cache"},
    {"sync", 0, OPT_TEXT, FIELD(sync), "none", "HOW", 0, 0, NULL,
     "none, dsync (each write), fsync:N or fdatasync:N (after N writes to a file)"},
    {"rwf", 0, OPT_CHOICE, FIELD(rwf), "none", "FLAG", 0, 0, rwf_names,
     "for the engines sync and threads, a flag of each single read or write (preadv2, pwritev2)"},
    {"prefill", 0, OPT_FLAG, FIELD(prefill), NULL, NULL, 0, 0, NULL,
     "write the files in full before a --rw that does not need it: writes then replace blocks"},
    {"invalidate", 0, OPT_FLAG, FIELD(invalidate), NULL, NULL, 0, 0, NULL,
     "drop the files from the page cache before the run"},
    {"verify", 0, OPT_FLAG, FIELD(verify), NULL, NULL, 0, 0, NULL,
     "give each block a place, a generation and a checksum, and check them"},
    {"rate", 'R', OPT_COUNT, FIELD(rate), NULL, "N", 1, 1000000000, NULL,
     "operations begun per second by all workers, by schedule (open loop); a pair of write-read "
     "is one"},
    {"arrivals", 0, OPT_CHOICE, FIELD(arrivals), "constant", "HOW", 0, 0, pace_arrivals_names,
     "how an open loop's operations are spread over time"},
    {"warmup", 0, OPT_DURATION_NS, FIELD(warmup_ns), "0", "TIME", 0, 3600 * NS_PER_S, NULL,
     "run for so long before the window starts"},
    {"threading", 0, OPT_CHOICE, FIELD(threading), "inline", "HOW", 0, 0, plan_threading_names,
     "inline: each worker has an engine; split: one engine for all, with a submitting and a "
     "reaping thread"},
    {"priority-percent", 0, OPT_COUNT, FIELD(priority_percent), NULL, "N", 1, 99, NULL,
     "share of operations that go through the priority queue of --threading split"},
    {"spin", 0, OPT_DURATION_NS, FIELD(spin_ns), "0", "TIME", 0, NS_PER_S, NULL,
     "look for news for so long before sleeping"},
    {"work", 0, OPT_DURATION_NS, FIELD(work_ns), "0", "TIME", 0, NS_PER_S, NULL,
     "compute for so long after each operation, outside its latency; less than 1 us is an average"},
    {"notify", 0, OPT_CHOICE, FIELD(notify), "ring", "HOW", 0, 0, engine_notify_names,
     "how libaio learns of completions: from its ring in user space, by io_getevents, or by an "
     "eventfd"},
    {"sqpoll", 0, OPT_FLAG, FIELD(sqpoll), NULL, NULL, 0, 0, NULL,
     "io_uring: a kernel thread takes submissions"},
    {"iopoll", 0, OPT_FLAG, FIELD(iopoll), NULL, NULL, 0, 0, NULL,
     "io_uring: poll the device for completions; needs --direct on and a device that can"},
    {"pool", 0, OPT_COUNT, FIELD(pool), NULL, "N", 1, 1024, NULL,
     "threads of each worker's pool with the engine threads; as --depth unless given, at most 4"},
    {"seed", 0, OPT_COUNT, FIELD(seed), "1", "N", 0, UINT64_MAX / 2, NULL,
     "of all that is drawn at random"},
    {"cpus", 0, OPT_CPUS, FIELD(cpus), NULL, "LIST", 0, 0, NULL,
     "bind the workers, and the threads they start, to these CPUs in turn, such as 0,2-3"},
    {"keep", 0, OPT_FLAG, FIELD(keep), NULL, NULL, 0, 0, NULL, "leave the files there"},
    {"published-method", 0, OPT_FLAG, FIELD(published_method), NULL, NULL, 0, 0, NULL,
     "also print what a clock of 100 ms steps makes of the run"},
    {"interval", 'i', OPT_DURATION_NS, FIELD(interval_ns), "1s", "TIME", 10 * NS_PER_MS,
     3600 * NS_PER_S, NULL, "length of one line, and of one point of the series"},
    GATE_ROW,
    PROGRAM_JSON_ROW,
    PROGRAM_QUIET_ROW,
};

static const struct opt_table table = {
    .program = "bench_file_io",
    .summary = "measure file I/O: operations per second, latency, CPU per operation",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .write_list = plan_list_engines,
    .examples =
        "bench_file_io -w 4 -n 1000 -b 4096 -batch 4 -d /tmp\n"
        "bench_file_io --rw randread --direct on --depth 32 --batch 8 --time 10s -d /var/tmp\n"
        "bench_file_io -e libaio --rw randwrite --verify --sync fdatasync:64",
};

/* ---- the run ---- */

/* What kept a worker from starting, or broke its engine. */
static int complain(const void *owner, int err)
{
    const struct run *run = owner;
    const struct file_worker *w = run->workers;

    while (!w->setup_err)
        w++;
    fprintf(stderr, "%s: worker %u: %s\n", table.program, w->index, w->why);
    return err == -EOPNOTSUPP || err == -EPERM || err == -ENOSYS ? EXIT_UNSUPPORTED : EXIT_FAILED;
}

static void report_failures(const struct run *run)
{
    for (unsigned i = 0; i < run->drive.crew.count; i++) {
        const struct file_worker *w = &run->workers[i];

        if (w->failure.err)
            fprintf(stderr, "%s: worker %u ended early: %llu errors, the first: %s\n",
                    table.program, i, (unsigned long long)stats_errors_total(w->stats),
                    w->failure.kind == ERROR_other ? strerror(-w->failure.err)
                                                   : stats_error_texts[w->failure.kind]);
    }
}

static int write_report(const struct run *run, const struct results *results, int argc, char **argv,
                        int status)
{
    struct report *report = report_new(&table, run->config, argc, argv);

    if (report)
        results_report(report, results, run);
    return program_report(&table, run->config->json, report, status);
}

static int measure(struct run *run, int argc, char **argv)
{
    static struct results results;
    const struct file_config *c = run->config;
    FILE *out = program_out(c->json);
    int status = drive_run(&run->drive, 0, c->quiet ? NULL : out);

    if (run->split)
        split_close(run->split);
    if (!run->drive.ran)
        return status;
    results_collect(&results, run);
    if (status && !results.summary.measured && !run->drive.never_begun)
        return status; /* it was never set up */
    report_failures(run);
    print_final(out, run, &results);
    if (!status && results_failed(&results))
        status = EXIT_FAILED;
    return c->json ? write_report(run, &results, argc, argv, status) : status;
}

static int check_prepared(int err)
{
    if (err)
        fprintf(stderr, "%s: cannot prepare the run: %s\n", table.program, strerror(-err));
    return err ? EXIT_FAILED : 0;
}

/* Before there are files: what an interrupt meanwhile would leave behind is removed by us. */
static int begin(struct run *run)
{
    signal(SIGXFSZ, SIG_IGN); /* EFBIG says it as well */
    run->drive.program = table.program;
    run->drive.body = worker_body;
    run->drive.print_header = print_header;
    run->drive.print_point = print_point;
    run->drive.complain = complain;
    return check_prepared(run_open(run));
}

static int measure_files(struct run *run, int argc, char **argv)
{
    int err;

    assert(run->type); /* of plan_choose() */
    err = files_create(&run->files, run->config, &run->plan, &table, run->type->wants_nonblock);
    if (!err)
        err = check_prepared(run_open_workers(run));
    if (!err)
        err = measure(run, argc, argv);
    files_end(&run->files);
    return err;
}

int main(int argc, char **argv)
{
    static struct file_config config;
    static struct run run = {.config = &config};
    int err;

    program_begin(&table, argc, argv, &config);
    err = plan_make(&run.plan, &config, &table);
    if (!err)
        err = program_check_json(&table, config.json);
    if (!err)
        err = plan_choose(&run.plan, &config, &table);
    if (!err)
        err = gate_connect(&run.drive.gate, &table, config.gate);
    if (err)
        return err;
    run.type = engine_of(&run.plan.choice);
    err = begin(&run);
    if (!err)
        err = measure_files(&run, argc, argv);
    run_close(&run);
    return err;
}
