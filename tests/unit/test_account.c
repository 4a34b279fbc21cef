/* Whether a thread was the limit, by what the kernel says of it. */
#include "common/base/clock.h"
#include "common/measure/account.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WINDOW NS_PER_S

static const struct host_pressure quiet_start = {10, 10, 1}, quiet_end = {11, 11, 1};

/* Of a window of 1 s, in ms. */
static struct limit limit_of(uint64_t on_cpu_ms, uint64_t waited_ms, uint64_t looking_ms)
{
    struct account start = {.run_time = {5, 5, true}}, end = start;

    end.read_ns = WINDOW;
    end.run_time.on_cpu_ns += on_cpu_ms * NS_PER_MS;
    end.run_time.waited_ns += waited_ms * NS_PER_MS;
    end.stats.looking_ns = looking_ms * NS_PER_MS;
    return limit_between(&start, &end, WINDOW, &quiet_start, &quiet_end);
}

static bool reached(uint64_t on_cpu_ms, uint64_t waited_ms, uint64_t looking_ms)
{
    struct limit l = limit_of(on_cpu_ms, waited_ms, looking_ms);

    return limit_reached(&l);
}

static void work_is_a_limit_and_looking_is_none(void **state)
{
    (void)state;
    assert_true(reached(960, 0, 0));
    assert_false(reached(900, 0, 0));
    assert_false(reached(1000, 0, 990)); /* it spins on a CPU of its own */
    assert_false(reached(0, 0, 0));
}

static void waiting_for_a_cpu_is_a_limit(void **state)
{
    (void)state;
    assert_true(reached(500, 480, 0));
    assert_true(reached(500, 500, 400)); /* it spins, beside another that does */
    assert_false(reached(700, 100, 0));
}

static void a_fault_in_the_sums_stays_in_range(void **state)
{
    struct limit l = limit_of(1000, 900, 5000);

    (void)state;
    assert_true(l.busy == 0);
    l = limit_of(1000, 900, 0);
    assert_true(limit_total(&l) == 1);
}

/* Without schedstat the CPU time stands for it, and waiting is not known. */
static void without_the_scheduler(void **state)
{
    struct account start = {.cpu = {0, 0}},
                   end = {.cpu = {600 * NS_PER_MS, 380 * NS_PER_MS}, .read_ns = WINDOW};
    struct limit l = limit_between(&start, &end, WINDOW, &quiet_start, &quiet_end);

    (void)state;
    assert_true(isnan(l.waited));
    assert_true(fabs(l.busy - 0.98) < 1e-9);
    assert_true(limit_reached(&l));
}

/* A thread bears its part of the stolen time: half of the CPU's work, half of what was taken. */
static void stolen_time_is_shared_out(void **state)
{
    struct host_pressure start = {10, 10, 1}, end = {10.8, 10, 1.2}, unknown = {-1, -1, -1};
    struct account a = {.run_time = {0, 0, true}};
    struct account b = {.run_time = {400 * NS_PER_MS, 0, true}, .read_ns = WINDOW};
    struct limit l = limit_between(&a, &b, WINDOW, &start, &end);

    (void)state;
    assert_true(fabs(l.stolen - 0.1) < 1e-6);
    l = limit_between(&a, &b, WINDOW, &unknown, &unknown);
    assert_true(isnan(l.stolen));
    assert_true(fabs(limit_total(&l) - 0.4) < 1e-6);
}

static void a_window_of_no_length(void **state)
{
    struct account a = {.run_time = {0, 0, true}};
    struct limit l = limit_between(&a, &a, 0, &quiet_start, &quiet_end);

    (void)state;
    assert_false(limit_reached(&l));
}

/* A reading takes longer than the shortest windows: no share is more than all of the time. */
static void a_window_shorter_than_a_reading(void **state)
{
    struct account a = {.run_time = {0, 0, true}};
    struct account b = {.run_time = {8000, 4000, true}, .read_ns = 12000};
    struct limit l = limit_between(&a, &b, 500, &quiet_start, &quiet_end);

    (void)state;
    assert_true(l.busy < 0.7);
    assert_true(l.waited < 0.4);
}

/* What this thread does between two readings is in their difference. */
static void readings_of_a_real_thread(void **state)
{
    struct stats s = {.requests = 3};
    struct account a, b;
    uint64_t until_ns;
    struct os_cpu_time cpu;

    (void)state;
    account_read(&a, &s);
    for (until_ns = clock_now_ns() + 30 * NS_PER_MS; clock_now_ns() < until_ns;)
        s.requests++;
    account_read(&b, &s);
    cpu = account_cpu_between(a.cpu, b.cpu);
    assert_int_equal(b.stats.requests - a.stats.requests, s.requests - 3);
    assert_true(cpu.user_ns + cpu.system_ns > 0);
    assert_true(b.read_ns - a.read_ns >= 30 * NS_PER_MS);
    if (a.run_time.known)
        assert_true(b.run_time.on_cpu_ns > a.run_time.on_cpu_ns);
}

/* A thread that came round only when the window was over has two readings at once. */
static void a_window_that_was_missed(void **state)
{
    struct account a = {.run_time = {0, 0, true}, .read_ns = 2 * WINDOW};
    struct account b = {.run_time = {9000, 0, true}, .read_ns = 2 * WINDOW + 10000};
    struct limit l = limit_between(&a, &b, WINDOW, &quiet_start, &quiet_end);

    (void)state;
    assert_false(limit_reached(&l));
}

/* The scheduler's own sums move with timer ticks: over less than one they would say 0, or 4 ms. */
static void work_of_less_than_a_tick_is_seen(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct os_run_time a = os_thread_run_time(), b;
        uint64_t until_ns = clock_now_ns() + 300 * NS_PER_US;

        if (!a.known)
            skip();
        while (clock_now_ns() < until_ns)
            ;
        b = os_thread_run_time();
        assert_true(b.on_cpu_ns > a.on_cpu_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_a_limit_and_looking_is_none),
        cmocka_unit_test(waiting_for_a_cpu_is_a_limit),
        cmocka_unit_test(a_fault_in_the_sums_stays_in_range),
        cmocka_unit_test(without_the_scheduler),
        cmocka_unit_test(stolen_time_is_shared_out),
        cmocka_unit_test(a_window_of_no_length),
        cmocka_unit_test(a_window_shorter_than_a_reading),
        cmocka_unit_test(a_window_that_was_missed),
        cmocka_unit_test(readings_of_a_real_thread),
        cmocka_unit_test(work_of_less_than_a_tick_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
