#include "common/report/report.h"
#include "common/report/report_file.h"
#include "tests/hdr_unpack.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* One option of each kind. */
struct config {
    bool quiet;
    uint64_t connections, message_size, duration_ns;
    const char *host, *unix_path, *verify;
    struct opt_cpus cpus;
};

static const char *const choices[] = {"length", "full", NULL};

#define AT(field) offsetof(struct config, field)
static const struct opt rows[] = {
    {.name = "quiet", .kind = OPT_FLAG, .offset = AT(quiet)},
    {.name = "connections", .kind = OPT_COUNT, .offset = AT(connections)},
    {.name = "message-size", .kind = OPT_BYTES, .offset = AT(message_size)},
    {.name = "duration", .kind = OPT_DURATION_NS, .offset = AT(duration_ns)},
    {.name = "host", .kind = OPT_TEXT, .offset = AT(host)},
    {.name = "unix", .kind = OPT_TEXT, .offset = AT(unix_path)},
    {.name = "verify", .kind = OPT_CHOICE, .offset = AT(verify), .choices = choices},
    {.name = "cpus", .kind = OPT_CPUS, .offset = AT(cpus)},
};

static const struct opt_table table = {
    .program = "bench_test",
    .rows = rows,
    .count = sizeof(rows) / sizeof(rows[0]),
};

static const struct config config = {
    .quiet = true,
    .connections = 5000000000,
    .message_size = 65536,
    .duration_ns = 10000000000,
    .host = "localhost",
    .verify = "full",
    .cpus = {.count = 3, .cpu = {0, 3, 2}},
};

/* A directory and a report of its own for each test. */
struct fixture {
    char dir[32], path[PATH_MAX];
    struct report *report;
};

static struct report *new_report(void)
{
    char *argv[] = {"bench_test", "-c", "1"};

    return report_new(&table, &config, 3, argv);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    *state = f;
    snprintf(f->dir, sizeof(f->dir), "/tmp/test_report.XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/out.json", f->dir);
    f->report = new_report();
    return f->report ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    report_free(f->report);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static char *read_file(const char *path)
{
    static char text[1 << 16];
    FILE *file = fopen(path, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

/* Names in a directory without "." and "..". */
static int entries_in(const char *path)
{
    DIR *dir = opendir(path);
    int entries = 0;

    assert_non_null(dir);
    while (readdir(dir))
        entries++;
    closedir(dir);
    return entries - 2;
}

/* The document as written, for the caller to delete. */
static cJSON *document(struct fixture *f)
{
    cJSON *root;

    assert_int_equal(report_write(f->report, f->path), 0);
    root = cJSON_Parse(read_file(f->path));
    assert_non_null(root);
    return root;
}

static const cJSON *get(const cJSON *object, const char *path)
{
    char names[128], *save, *name;

    snprintf(names, sizeof(names), "%s", path);
    for (name = strtok_r(names, ".", &save); name; name = strtok_r(NULL, ".", &save)) {
        object = cJSON_GetObjectItemCaseSensitive(object, name);
        if (!object)
            fail_msg("no member %s", path);
    }
    return object;
}

static void assert_text(const cJSON *root, const char *path, const char *text)
{
    assert_true(cJSON_IsString(get(root, path)));
    assert_string_equal(get(root, path)->valuestring, text);
}

static void assert_number(const cJSON *root, const char *path, double value)
{
    assert_true(cJSON_IsNumber(get(root, path)));
    assert_true(get(root, path)->valuedouble == value);
}

static void assert_null_at(const cJSON *root, const char *path)
{
    assert_true(cJSON_IsNull(get(root, path)));
}

/* ---- The document */

static void a_new_report_says_what_ran(void **state)
{
    cJSON *root = document(*state);
    const char *started;

    assert_number(root, "schema_version", REPORT_SCHEMA_VERSION);
    assert_text(root, "tool", "bench_test");
    assert_true(strlen(get(root, "version")->valuestring) > 0);
    assert_text(root, "command", "bench_test -c 1");
    started = get(root, "started_at")->valuestring;
    assert_int_equal(strlen(started), strlen("2026-11-21T02:14:05Z"));
    assert_int_equal(started[10], 'T');
    assert_int_equal(started[19], 'Z');
    cJSON_Delete(root);
}

static void config_has_every_option_with_its_unit(void **state)
{
    cJSON *root = document(*state);
    const cJSON *cpus = get(root, "config.cpus");

    assert_int_equal(cJSON_GetArraySize(get(root, "config")), table.count);
    assert_true(cJSON_IsTrue(get(root, "config.quiet")));
    assert_number(root, "config.connections", 5e9);
    assert_number(root, "config.message_size_bytes", 65536);
    assert_number(root, "config.duration_ns", 1e10);
    assert_text(root, "config.host", "localhost");
    assert_null_at(root, "config.unix");
    assert_text(root, "config.verify", "full");
    assert_int_equal(cJSON_GetArraySize(cpus), 3);
    assert_int_equal(cJSON_GetArrayItem(cpus, 1)->valueint, 3);
    cJSON_Delete(root);
}

/* The shell itself is asked what it reads. */
static void the_command_survives_a_shell(void **state)
{
    char *words[] = {"bench", "a b", "it's", "", "$HOME `id` \\ \"x\"", "--rate=5", "*", "x\ny"};
    enum { WORDS = sizeof(words) / sizeof(words[0]) };
    struct report *r = report_new(&table, &config, WORDS, words);
    struct fixture *f = *state;
    char script[1024], read_back[1024], expected[1024];
    size_t len, expected_len = 0;
    cJSON *root;
    FILE *shell;

    report_free(f->report);
    f->report = r;
    root = document(f);
    snprintf(script, sizeof(script), "printf '<%%s>' %s", get(root, "command")->valuestring);
    cJSON_Delete(root);
    shell = popen(script, "r");
    assert_non_null(shell);
    len = fread(read_back, 1, sizeof(read_back) - 1, shell);
    read_back[len] = '\0';
    assert_int_equal(pclose(shell), 0);

    for (size_t i = 0; i < WORDS; i++)
        expected_len += (size_t)snprintf(expected + expected_len, sizeof(expected) - expected_len,
                                         "<%s>", words[i]);
    assert_string_equal(read_back, expected);
}

static void plain_words_stay_unquoted(void **state)
{
    char *words[] = {"bin/bench", "--sizes", "64:0.7,1k:0.2", "--rate=5", "/tmp/a_b-c.json"};
    struct fixture *f = *state;
    cJSON *root;

    report_free(f->report);
    f->report = report_new(&table, &config, 5, words);
    root = document(f);
    assert_text(root, "command", "bin/bench --sizes 64:0.7,1k:0.2 --rate=5 /tmp/a_b-c.json");
    cJSON_Delete(root);
}

static void not_finite_is_null(void **state)
{
    struct fixture *f = *state;
    cJSON *root;

    report_number(f->report, "nan", NAN);
    report_number(f->report, "plus", INFINITY);
    report_number(f->report, "minus", -INFINITY);
    report_number(f->report, "finite", 0.25);
    root = document(f);
    assert_null_at(root, "nan");
    assert_null_at(root, "plus");
    assert_null_at(root, "minus");
    assert_number(root, "finite", 0.25);
    cJSON_Delete(root);
}

/* As text: a parser that reads doubles would hide what is lost. */
static void whole_numbers_are_exact(void **state)
{
    static const char *const members[] = {
        "\"i31\":\t2147483648",
        "\"i53\":\t9007199254740992",
        "\"below\":\t9007199254740991",
        "\"all\":\t18446744073709551615",
        "\"ten15\":\t1000000000000000",
        "\"n53\":\t9007199254740992",
        "\"zero\":\t0,",
        "\"negative\":\t-3000000000",
    };
    struct fixture *f = *state;
    const char *text;

    report_integer(f->report, "i31", 2147483648);
    report_integer(f->report, "i53", 9007199254740992);
    report_integer(f->report, "below", 9007199254740991);
    report_integer(f->report, "all", UINT64_MAX);
    report_integer(f->report, "ten15", 1000000000000000);
    report_number(f->report, "n53", 9007199254740992);
    report_number(f->report, "zero", -0.0);
    report_number(f->report, "negative", -3e9);
    assert_int_equal(report_write(f->report, f->path), 0);
    text = read_file(f->path);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (!strstr(text, members[i]))
            fail_msg("%s is not in %s", members[i], text);
}

static void fractions_come_back_as_they_were(void **state)
{
    static const double values[] = {1.0 / 3, 310190.25, 1e300, 5e-324, 1e-9, 123456789.123456789};
    enum { VALUES = sizeof(values) / sizeof(values[0]) };
    struct fixture *f = *state;
    char name[16];
    cJSON *root;

    for (int i = 0; i < VALUES; i++) {
        snprintf(name, sizeof(name), "v%d", i);
        report_number(f->report, name, values[i]);
    }
    root = document(f);
    for (int i = 0; i < VALUES; i++) {
        double got;

        snprintf(name, sizeof(name), "v%d", i);
        got = get(root, name)->valuedouble;
        assert_true(fabs(got - values[i]) <= fabs(values[i]) * 4e-16);
    }
    cJSON_Delete(root);
}

static void paths_make_objects(void **state)
{
    struct fixture *f = *state;
    cJSON *root;

    report_number(f->report, "a.b.c", 1.5);
    report_flag(f->report, "a.b.d", true);
    report_text(f->report, "a.e", "text");
    report_text(f->report, "a.none", NULL);
    report_null(f->report, "a.f");
    root = document(f);
    assert_number(root, "a.b.c", 1.5);
    assert_true(cJSON_IsTrue(get(root, "a.b.d")));
    assert_text(root, "a.e", "text");
    assert_null_at(root, "a.none");
    assert_null_at(root, "a.f");
    assert_int_equal(cJSON_GetArraySize(get(root, "a")), 4);
    cJSON_Delete(root);
}

static void a_second_value_takes_the_place_of_the_first(void **state)
{
    struct fixture *f = *state;
    cJSON *root;

    report_integer(f->report, "totals.requests", 7);
    report_null(f->report, "totals.requests");
    report_text(f->report, "Totals", "a name is its exact letters");
    root = document(f);
    assert_null_at(root, "totals.requests");
    assert_int_equal(cJSON_GetArraySize(get(root, "totals")), 1);
    cJSON_Delete(root);
}

static void arrays_grow(void **state)
{
    static const char *const names[] = {"t_s", "qps", "cpu_s"};
    static const double first[] = {1, 1000.5, 0.25}, second[] = {2, NAN, 0.5};
    struct fixture *f = *state;
    const cJSON *point;
    cJSON *root;

    report_array(f->report, "backend.features");
    report_array(f->report, "warnings");
    report_append_text(f->report, "warnings", "one");
    report_array(f->report, "warnings");
    report_append_text(f->report, "warnings", "two");
    report_append_point(f->report, "intervals", names, first, 3);
    report_append_point(f->report, "intervals", names, second, 3);
    root = document(f);
    assert_true(cJSON_IsArray(get(root, "backend.features")));
    assert_int_equal(cJSON_GetArraySize(get(root, "backend.features")), 0);
    assert_int_equal(cJSON_GetArraySize(get(root, "warnings")), 2);
    assert_string_equal(cJSON_GetArrayItem(get(root, "warnings"), 1)->valuestring, "two");
    assert_int_equal(cJSON_GetArraySize(get(root, "intervals")), 2);
    point = cJSON_GetArrayItem(get(root, "intervals"), 0);
    assert_number(point, "qps", 1000.5);
    assert_number(point, "cpu_s", 0.25);
    assert_null_at(cJSON_GetArrayItem(get(root, "intervals"), 1), "qps");
    cJSON_Delete(root);
}

static void a_path_through_a_value_is_an_error(void **state)
{
    struct fixture *f = *state;

    report_text(f->report, "a", "no object");
    report_number(f->report, "a.b", 1);
    assert_int_equal(report_write(f->report, f->path), -EINVAL);
    assert_int_equal(entries_in(f->dir), 0);
}

static void bad_utf8_is_replaced(void **state)
{
#define MARK "\xef\xbf\xbd"
    static const char *const texts[][2] = {
        {"plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\xff"
         "b",
         "a" MARK "b"},
        {"cut \xe2\x82", "cut " MARK MARK},
        {"overlong \xc0\xaf", "overlong " MARK MARK},
        {"surrogate \xed\xa0\x80", "surrogate " MARK MARK MARK},
        {"beyond \xf4\x90\x80\x80", "beyond " MARK MARK MARK MARK},
        {"control \x01\x1f\t\"\\", "control \x01\x1f\t\"\\"},
    };
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    struct fixture *f = *state;
    char name[16];
    cJSON *root;

    for (int i = 0; i < TEXTS; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        report_text(f->report, name, texts[i][0]);
    }
    root = document(f);
    for (int i = 0; i < TEXTS; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_text(root, name, texts[i][1]);
    }
    cJSON_Delete(root);
}

/* ---- Sections */

static void unknown_parts_of_the_host_are_null(void **state)
{
    struct host host = {.arch = "x86_64",
                        .cpus_online = 4,
                        .cpus_allowed = -1,
                        .memory_bytes = 13958643712,
                        .nofile_soft = 1024,
                        .nofile_hard = INT64_MAX,
                        .memlock_bytes = -1,
                        .load_1m = 0.5,
                        .load_5m = -1,
                        .io_uring_disabled = -1};
    struct host_pressure before = {10, 100, 1}, after = {12, 107, 2};
    struct fixture *f = *state;
    cJSON *root;

    report_host(f->report, &host, &before, &after);
    root = document(f);
    assert_text(root, "host.arch", "x86_64");
    assert_null_at(root, "host.governor");
    assert_number(root, "host.cpus_online", 4);
    assert_null_at(root, "host.cpus_allowed");
    assert_number(root, "host.memory_bytes", 13958643712);
    assert_number(root, "host.nofile_soft", 1024);
    assert_text(root, "host.nofile_hard", "unlimited");
    assert_null_at(root, "host.memlock_bytes");
    assert_number(root, "host.load_1m", 0.5);
    assert_null_at(root, "host.load_5m");
    assert_null_at(root, "host.io_uring_disabled");
    assert_number(root, "host.steal_s", 1);
    assert_number(root, "host.steal_percent", 10);
    assert_number(root, "host.busy_percent", 20);
    cJSON_Delete(root);
}

static void unknown_pressure_is_null(void **state)
{
    struct host host = {0};
    struct host_pressure unknown = {-1, -1, -1}, before = {1, 1, -1}, after = {2, 4, -1};
    struct fixture *f = *state;
    cJSON *root;

    report_host(f->report, &host, &unknown, &unknown);
    root = document(f);
    assert_null_at(root, "host.steal_s");
    assert_null_at(root, "host.steal_percent");
    assert_null_at(root, "host.busy_percent");
    cJSON_Delete(root);

    report_host(f->report, &host, &before, &after);
    root = document(f);
    assert_null_at(root, "host.steal_percent");
    assert_number(root, "host.busy_percent", 25);
    cJSON_Delete(root);
}

static void statistics_are_counted_and_named(void **state)
{
    struct stats s = {.requests = 4,
                      .tx_bytes = 1ULL << 40,
                      .rx_bytes = 5,
                      .reads = 6,
                      .writes = 7,
                      .short_writes = 1,
                      .waits = 2,
                      .events = 5,
                      .events_max = 3};
    struct fixture *f = *state;
    cJSON *root;

    s.syscalls[SYSCALL_recv] = 6;
    s.syscalls[SYSCALL_epoll_wait] = 2;
    s.errors[ERROR_reset] = 3;
    report_stats(f->report, &s);
    root = document(f);
    assert_number(root, "totals.requests", 4);
    assert_number(root, "totals.errors", 3);
    assert_number(root, "totals.tx_bytes", 1099511627776);
    assert_number(root, "totals.short_writes", 1);
    assert_number(root, "errors.reset", 3);
    assert_int_equal(cJSON_GetArraySize(get(root, "errors")), 1);
    assert_number(root, "syscalls.total", 8);
    assert_number(root, "syscalls.per_request", 2);
    assert_number(root, "syscalls.by_kind.epoll_wait", 2);
    assert_int_equal(cJSON_GetArraySize(get(root, "syscalls.by_kind")), 2);
    assert_number(root, "loop.events_per_wait_mean", 2.5);
    assert_number(root, "loop.events_per_wait_max", 3);
    cJSON_Delete(root);
}

static void nothing_counted_is_no_division_by_zero(void **state)
{
    struct stats s = {0};
    struct fixture *f = *state;
    cJSON *root;

    report_stats(f->report, &s);
    root = document(f);
    assert_number(root, "totals.requests", 0);
    assert_null_at(root, "syscalls.per_request");
    assert_null_at(root, "loop.events_per_wait_mean");
    assert_int_equal(cJSON_GetArraySize(get(root, "errors")), 0);
    assert_int_equal(cJSON_GetArraySize(get(root, "syscalls.by_kind")), 0);
    cJSON_Delete(root);
}

static const char *const figures[] = {"min", "mean", "stddev", "p50",   "p75", "p90",
                                      "p95", "p99",  "p999",   "p9999", "max"};
enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

static void latency_is_the_histogram(void **state)
{
    struct fixture *f = *state;
    struct hist *h = malloc(sizeof(*h)), *back = malloc(sizeof(*back));
    const cJSON *latency;
    cJSON *root;

    assert_true(h && back);
    hist_reset(h);
    for (uint64_t value_ns = 1; value_ns <= 10000; value_ns++)
        hist_record(h, value_ns);
    report_latency(f->report, "latency.service_ns", h);
    root = document(f);
    latency = get(root, "latency.service_ns");
    assert_int_equal(cJSON_GetArraySize(latency), FIGURES + 3);
    assert_number(latency, "count", 10000);
    assert_number(latency, "over_range", 0);
    assert_number(latency, "min", 1);
    assert_number(latency, "mean", 5000.5);
    assert_number(latency, "p50", (double)hist_percentile_ns(h, 50));
    assert_number(latency, "p999", (double)hist_percentile_ns(h, 99.9));
    assert_number(latency, "p9999", (double)hist_percentile_ns(h, 99.99));
    assert_number(latency, "max", 10000);
    hdr_slots(get(latency, "hdr")->valuestring, back->slots);
    assert_memory_equal(back->slots, h->slots, sizeof(h->slots));
    cJSON_Delete(root);
    free(h);
    free(back);
}

static void an_empty_histogram_has_no_figures(void **state)
{
    struct fixture *f = *state;
    struct hist *h = malloc(sizeof(*h));
    cJSON *root;
    const cJSON *latency;

    assert_non_null(h);
    hist_reset(h);
    report_latency(f->report, "latency.service_ns", h);
    root = document(f);
    latency = get(root, "latency.service_ns");
    assert_number(latency, "count", 0);
    assert_number(latency, "over_range", 0);
    for (int i = 0; i < FIGURES; i++)
        assert_null_at(latency, figures[i]);
    assert_true(cJSON_IsString(get(latency, "hdr")));
    cJSON_Delete(root);
    free(h);
}

/* ---- Writing */

static void nothing_is_left_beside_the_file(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    mode_t mask = umask(027);

    assert_int_equal(report_file_check(f->path), 0);
    assert_int_equal(entries_in(f->dir), 0);
    assert_int_equal(report_write(f->report, f->path), 0);
    umask(mask);
    assert_int_equal(entries_in(f->dir), 1);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, strlen(read_file(f->path)));
    assert_int_equal(read_file(f->path)[st.st_size - 1], '\n');
}

static void what_cannot_be_written_is_said(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/none/out.json", f->dir);
    assert_int_equal(report_file_check(path), -ENOENT);
    assert_int_equal(report_write(f->report, path), -ENOENT);
    assert_int_equal(report_file_check(f->dir), -EISDIR);
    assert_int_equal(report_write(f->report, f->dir), -EISDIR);
    assert_int_equal(report_file_check(""), -ENOENT);
    assert_int_equal(report_write(f->report, ""), -ENOENT);
    assert_int_equal(entries_in(f->dir), 0);

    assert_int_equal(report_write(f->report, f->path), 0);
    snprintf(path, sizeof(path), "%s/below", f->path);
    assert_int_equal(report_file_check(path), -ENOTDIR);
    assert_int_equal(report_write(f->report, path), -ENOTDIR);
    assert_int_equal(entries_in(f->dir), 1);
}

static void an_unwritable_directory_stays_as_it_was(void **state)
{
    struct fixture *f = *state;
    uid_t user = geteuid();
    int check, write, err;

    /* root may write anywhere, so it becomes nobody for a moment */
    assert_int_equal(chmod(f->dir, 0555), 0);
    err = user == 0 ? seteuid(65534) : 0;
    check = report_file_check(f->path);
    write = report_write(f->report, f->path);
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(err, 0);
    assert_int_equal(check, -EACCES);
    assert_int_equal(write, -EACCES);
    assert_int_equal(entries_in(f->dir), 0);
}

/* The old document is there until the new one is complete, so a reader never sees a part. */
static void the_file_is_replaced_not_rewritten(void **state)
{
    struct fixture *f = *state;
    struct stat before, after;
    FILE *reader;

    assert_int_equal(report_write(f->report, f->path), 0);
    assert_int_equal(stat(f->path, &before), 0);
    reader = fopen(f->path, "r");
    assert_non_null(reader);
    report_text(f->report, "more", "text");
    assert_int_equal(report_write(f->report, f->path), 0);
    assert_int_equal(stat(f->path, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(fstat(fileno(reader), &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    fclose(reader);
    assert_int_equal(entries_in(f->dir), 1);
}

static void a_link_stays_a_link(void **state)
{
    struct fixture *f = *state;
    char link[64];
    struct stat st;

    assert_int_equal(report_write(f->report, f->path), 0);
    snprintf(link, sizeof(link), "%s/link", f->dir);
    assert_int_equal(symlink("out.json", link), 0);
    report_text(f->report, "more", "text");
    assert_int_equal(report_write(f->report, link), 0);
    assert_int_equal(lstat(link, &st), 0);
    unlink(link);
    assert_true(S_ISLNK(st.st_mode));
    assert_non_null(strstr(read_file(f->path), "\"more\""));
    assert_int_equal(entries_in(f->dir), 1);
}

/* A pipe of our own stands for all that is no file: a test that fails must not cost a device. */
static void a_pipe_is_written_in_place(void **state)
{
    static char text[1 << 16];
    struct fixture *f = *state;
    struct stat st;
    ssize_t len;
    int pipe_fd;

    assert_int_equal(mkfifo(f->path, 0600), 0);
    pipe_fd = open(f->path, O_RDWR | O_NONBLOCK);
    assert_true(pipe_fd >= 0);
    assert_int_equal(report_file_check(f->path), 0);
    assert_int_equal(report_write(f->report, f->path), 0);
    len = read(pipe_fd, text, sizeof(text) - 1);
    close(pipe_fd);
    assert_true(len > 0);
    assert_non_null(strstr(text, "\"bench_test\""));
    assert_int_equal(lstat(f->path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(entries_in(f->dir), 1);
}

static void a_dash_is_stdout(void **state)
{
    struct fixture *f = *state;
    int out = dup(STDOUT_FILENO), file = open(f->path, O_WRONLY | O_CREAT, 0644), err;
    cJSON *root;

    assert_true(out >= 0 && file >= 0);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    err = report_write(f->report, "-");
    dup2(out, STDOUT_FILENO);
    close(out);
    close(file);
    assert_int_equal(err, 0);
    assert_int_equal(report_file_check("-"), 0);
    root = cJSON_Parse(read_file(f->path));
    assert_non_null(root);
    assert_text(root, "tool", "bench_test");
    cJSON_Delete(root);
}

/* ---- Out of memory */

static unsigned allocations_left;

static void *rationed_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

static void set_ration(unsigned allocations)
{
    cJSON_Hooks hooks = {.malloc_fn = rationed_malloc, .free_fn = free};

    allocations_left = allocations;
    cJSON_InitHooks(&hooks);
}

/* A report of a bit of everything, with only so many allocations for it. */
static int write_rationed(const char *path, unsigned allocations)
{
    static const char *const names[] = {"t_s"};
    static const double values[] = {1};
    struct stats s = {.requests = 1, .errors = {1}};
    struct report *r;
    int err = -ENOMEM;

    set_ration(allocations);
    r = new_report();
    if (r) {
        report_stats(r, &s);
        report_null(r, "totals.requests");
        report_append_text(r, "warnings", "text");
        report_append_point(r, "intervals", names, values, 1);
        err = report_write(r, path);
    }
    report_free(r);
    cJSON_InitHooks(NULL);
    return err;
}

static void running_out_of_memory_is_remembered(void **state)
{
    struct fixture *f = *state;
    unsigned allocations = 0;

    while (write_rationed(f->path, allocations) != 0) {
        assert_int_equal(write_rationed(f->path, allocations), -ENOMEM);
        assert_int_equal(entries_in(f->dir), 0);
        assert_true(++allocations < 1000);
    }
    assert_true(allocations > 100);
}

#define REPORT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPORT_TEST(a_new_report_says_what_ran),
        REPORT_TEST(config_has_every_option_with_its_unit),
        REPORT_TEST(the_command_survives_a_shell),
        REPORT_TEST(plain_words_stay_unquoted),
        REPORT_TEST(not_finite_is_null),
        REPORT_TEST(whole_numbers_are_exact),
        REPORT_TEST(fractions_come_back_as_they_were),
        REPORT_TEST(paths_make_objects),
        REPORT_TEST(a_second_value_takes_the_place_of_the_first),
        REPORT_TEST(arrays_grow),
        REPORT_TEST(a_path_through_a_value_is_an_error),
        REPORT_TEST(bad_utf8_is_replaced),
        REPORT_TEST(unknown_parts_of_the_host_are_null),
        REPORT_TEST(unknown_pressure_is_null),
        REPORT_TEST(statistics_are_counted_and_named),
        REPORT_TEST(nothing_counted_is_no_division_by_zero),
        REPORT_TEST(latency_is_the_histogram),
        REPORT_TEST(an_empty_histogram_has_no_figures),
        REPORT_TEST(nothing_is_left_beside_the_file),
        REPORT_TEST(what_cannot_be_written_is_said),
        REPORT_TEST(an_unwritable_directory_stays_as_it_was),
        REPORT_TEST(the_file_is_replaced_not_rewritten),
        REPORT_TEST(a_link_stays_a_link),
        REPORT_TEST(a_pipe_is_written_in_place),
        REPORT_TEST(a_dash_is_stdout),
        REPORT_TEST(running_out_of_memory_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
