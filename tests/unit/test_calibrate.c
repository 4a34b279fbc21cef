#include "common/host/calibrate.h"

#include "common/host/os.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

/* How long anything took depends on the machine; only order and count are asserted. */
static void figures_are_in_order(void **state)
{
    struct calibration c;

    (void)state;
    assert_int_equal(calibrate_run(&c), 0);
    assert_true(c.clock_ns > 0);
    assert_true(c.hist_record_ns > 0);
    assert_true(c.timer_late_p50_ns <= c.timer_late_p99_ns);
    assert_true(c.wake_p50_ns > 0);
    assert_true(c.wake_p50_ns <= c.wake_p99_ns);
    assert_in_range(c.samples, 1, 100);
}

static void the_caller_keeps_its_cpus(void **state)
{
    struct os_affinity before, after;
    struct calibration c;

    (void)state;
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    os_save_affinity(&before);
    assert_int_equal(calibrate_run(&c), 0);
    os_save_affinity(&after);
    assert_memory_equal(&after, &before, sizeof before);
}

/* Binding both threads to the one CPU that there is would be called apart when it is not. */
static void one_cpu_is_not_apart(void **state)
{
    struct os_affinity before;
    struct calibration c;
    int pinned, second, err;

    (void)state;
    os_save_affinity(&before);
    second = os_pin_thread_nth(1);
    os_restore_affinity(&before);
    assert_int_equal(calibrate_run(&c), 0);
    assert_int_equal(c.apart, second == 0);

    pinned = os_pin_thread_nth(0);
    err = calibrate_run(&c);
    os_restore_affinity(&before);
    assert_int_equal(err, 0);
    assert_true(pinned == 0 || pinned == -ENOTSUP);
    assert_false(c.apart);
    assert_true(c.samples > 0);
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/dev/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void nothing_stays_open(void **state)
{
    struct calibration c;
    unsigned before = open_descriptors();

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(calibrate_run(&c), 0);
    assert_int_equal(open_descriptors(), before);
}

/* Without a pipe there is no wake-up to measure; the caller must hear of it. */
static void running_out_of_descriptors_is_an_error(void **state)
{
    struct rlimit limit, none;
    struct calibration c;
    int err;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    err = calibrate_run(&c);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(err, -EMFILE);
    assert_int_equal(c.samples, 0);
    assert_true(c.clock_ns > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_in_order),
        cmocka_unit_test(the_caller_keeps_its_cpus),
        cmocka_unit_test(one_cpu_is_not_apart),
        cmocka_unit_test(nothing_stays_open),
        cmocka_unit_test(running_out_of_descriptors_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
