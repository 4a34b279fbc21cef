#include "common/measure/quality.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct report *new_report(void)
{
    static const struct opt_table table = {.program = "bench_test"};
    char *argv[] = {"bench_test"};
    struct report *r = report_new(&table, NULL, 1, argv);

    assert_non_null(r);
    return r;
}

/* The block called name of a report, which is freed; the caller deletes the block. */
static cJSON *written(struct report *r, const char *name)
{
    char path[] = "/tmp/test_quality.XXXXXX", text[4096];
    int fd = mkstemp(path);
    size_t len;
    FILE *file;
    cJSON *root, *block;

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(report_write(r, path), 0);
    report_free(r);
    file = fopen(path, "r");
    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    unlink(path);
    text[len] = '\0';
    root = cJSON_Parse(text);
    block = cJSON_DetachItemFromObjectCaseSensitive(root, name);
    cJSON_Delete(root);
    assert_non_null(block);
    return block;
}

static const cJSON *get(const cJSON *block, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(block, name);

    assert_non_null(item);
    return item;
}

static void assert_number(const cJSON *block, const char *name, double value)
{
    assert_true(cJSON_IsNumber(get(block, name)));
    if (fabs(get(block, name)->valuedouble - value) > 0)
        fail_msg("%s is %g, not %g", name, get(block, name)->valuedouble, value);
}

static void assert_null_at(const cJSON *block, const char *name)
{
    assert_true(cJSON_IsNull(get(block, name)));
}

/* Every figure has a value of its own, so that a mix-up of two shows. */
static void a_calibration_is_written_figure_by_figure(void **state)
{
    struct calibration c = {
        .clock_ns = 27.5,
        .hist_record_ns = 2.25,
        .timer_late_p50_ns = 3,
        .timer_late_p99_ns = 4,
        .wake_p50_ns = 5,
        .wake_p99_ns = 6,
        .samples = 7,
        .apart = true,
    };
    struct report *r = new_report();
    cJSON *block;

    (void)state;
    report_calibration(r, &c);
    block = written(r, "calibration");
    assert_int_equal(cJSON_GetArraySize(block), 8);
    assert_number(block, "clock_ns", 27.5);
    assert_number(block, "hist_record_ns", 2.25);
    assert_number(block, "timer_lateness_p50_ns", 3);
    assert_number(block, "timer_lateness_p99_ns", 4);
    assert_number(block, "wake_p50_ns", 5);
    assert_number(block, "wake_p99_ns", 6);
    assert_number(block, "samples", 7);
    assert_true(cJSON_IsTrue(get(block, "apart")));
    cJSON_Delete(block);
}

/* A wake-up that was never measured must not read as one of no time at all. */
static void without_samples_there_is_no_lateness(void **state)
{
    struct calibration c = {.clock_ns = 27.5, .hist_record_ns = 2.25};
    struct report *r = new_report();
    cJSON *block;

    (void)state;
    report_calibration(r, &c);
    block = written(r, "calibration");
    assert_number(block, "clock_ns", 27.5);
    assert_null_at(block, "timer_lateness_p50_ns");
    assert_null_at(block, "timer_lateness_p99_ns");
    assert_null_at(block, "wake_p50_ns");
    assert_null_at(block, "wake_p99_ns");
    assert_number(block, "samples", 0);
    cJSON_Delete(block);
}

static void a_verdict_is_written_with_its_figures(void **state)
{
    struct steady s = {
        .steady = true,
        .enough = true,
        .trend_p = 0.5,
        .trend_percent = -0.25,
        .autocorrelation = 0.125,
        .cv_percent = 3.5,
        .reason = "because",
    };
    struct report *r = new_report();
    cJSON *block;

    (void)state;
    report_steady(r, &s);
    block = written(r, "steady");
    assert_int_equal(cJSON_GetArraySize(block), 7);
    assert_true(cJSON_IsTrue(get(block, "steady")));
    assert_true(cJSON_IsTrue(get(block, "enough")));
    assert_number(block, "trend_p", 0.5);
    assert_number(block, "trend_percent", -0.25);
    assert_number(block, "autocorrelation", 0.125);
    assert_number(block, "cv_percent", 3.5);
    assert_string_equal(get(block, "reason")->valuestring, "because");
    cJSON_Delete(block);
}

static void undefined_figures_are_null(void **state)
{
    struct report *r = new_report();
    struct steady s;
    cJSON *block;

    (void)state;
    steady_test(NULL, 0, &s);
    report_steady(r, &s);
    block = written(r, "steady");
    assert_true(cJSON_IsFalse(get(block, "steady")));
    assert_true(cJSON_IsFalse(get(block, "enough")));
    assert_null_at(block, "trend_p");
    assert_null_at(block, "trend_percent");
    assert_null_at(block, "autocorrelation");
    assert_null_at(block, "cv_percent");
    cJSON_Delete(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calibration_is_written_figure_by_figure),
        cmocka_unit_test(without_samples_there_is_no_lateness),
        cmocka_unit_test(a_verdict_is_written_with_its_figures),
        cmocka_unit_test(undefined_figures_are_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
