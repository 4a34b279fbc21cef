/* The CPU time of others, by the clocks that the system keeps of it. */
#include "common/base/clock.h"
#include "common/measure/served.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct opt_table table = {.program = "test_served"};

static bool here(void)
{
    struct served s;

    return served_by_process(&s, &table, (uint64_t)getpid()) == 0;
}

static void work_ns(uint64_t ns)
{
    struct timespec used;
    uint64_t until_ns;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    until_ns = (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec + ns;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    while ((uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec < until_ns);
}

static void nobody_is_not_known(void **state)
{
    static struct served s;

    (void)state;
    assert_int_equal(served_by_process(&s, &table, 0), 0);
    s.start = s.end = served_read(&s);
    assert_false(s.start.known);
    assert_true(isnan(served_cpu_s(&s)));
}

static void a_process_is_read(void **state)
{
    static struct served s;

    (void)state;
    if (!here())
        skip();
    assert_int_equal(served_by_process(&s, &table, (uint64_t)getpid()), 0);
    s.start = served_read(&s);
    work_ns(20 * NS_PER_MS);
    s.end = served_read(&s);
    assert_true(served_cpu_s(&s) >= 0.02);
    assert_true(served_cpu_s(&s) < 1);
}

static void a_process_that_has_ended_is_not_known(void **state)
{
    static struct served s;
    pid_t child;

    (void)state;
    if (!here())
        skip();
    child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(served_by_process(&s, &table, (uint64_t)child), 0);
    s.start = served_read(&s);
    assert_true(s.start.known);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    s.end = served_read(&s);
    assert_true(isnan(served_cpu_s(&s)));
    assert_int_equal(served_by_process(&s, &table, (uint64_t)child), EXIT_USAGE);
}

static void a_clock_that_went_back_is_not_believed(void **state)
{
    static struct served s;

    (void)state;
    s.start = (struct served_reading){20, true};
    s.end = (struct served_reading){10, true};
    assert_true(isnan(served_cpu_s(&s)));
}

static atomic_bool over;

static void *work(void *unused)
{
    (void)unused;
    while (!atomic_load(&over))
        ;
    return NULL;
}

static void threads_are_added_up(void **state)
{
    static struct served s;
    pthread_t threads[2];

    (void)state;
    if (!here())
        skip();
    s.count = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
        assert_int_equal(served_by_thread(&s, threads[i]), 0);
    }
    s.start = served_read(&s);
    while (s.end = served_read(&s), served_cpu_s(&s) < 0.05)
        usleep(1000);
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_false(served_read(&s).known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_not_known),
        cmocka_unit_test(a_process_is_read),
        cmocka_unit_test(a_process_that_has_ended_is_not_known),
        cmocka_unit_test(a_clock_that_went_back_is_not_believed),
        cmocka_unit_test(threads_are_added_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
