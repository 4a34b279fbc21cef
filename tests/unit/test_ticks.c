/* ticks: intervals add up over threads, and end with the window. */
#include "common/ticks.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void intervals_add_up(void **state)
{
    struct ticks a, b;
    struct ticks *threads[] = {&a, &b};
    struct ticks_reader reader = {.threads = threads, .count = 2};
    struct ticks_point p;

    (void)state;
    assert_int_equal(ticks_init(&a, NS_PER_S), 0);
    assert_int_equal(ticks_init(&b, NS_PER_S), 0);
    ticks_start(&a, 5 * NS_PER_S, 100, 1);
    ticks_start(&b, 5 * NS_PER_S, 0, 0);
    assert_false(ticks_next(&reader, &p));
    ticks_publish(&a, 110, 1);
    assert_false(ticks_next(&reader, &p)); /* b is not there yet */
    ticks_publish(&b, 5, 2);
    assert_true(ticks_next(&reader, &p));
    assert_int_equal(p.requests, 15);
    assert_int_equal(p.errors, 2);
    assert_true(p.end_s == 1 && p.qps == 15);
    assert_false(ticks_next(&reader, &p));

    /* a goes on for half an interval, b had left at the first one's end */
    ticks_end(&b, 6 * NS_PER_S, 5, 2);
    ticks_end(&a, 6 * NS_PER_S + NS_PER_S / 2, 120, 1);
    assert_true(ticks_next(&reader, &p));
    assert_int_equal(p.requests, 10);
    assert_int_equal(p.total, 25);
    assert_true(p.end_s == 1.5 && p.qps == 20);
    assert_false(ticks_next(&reader, &p));
    ticks_free(&a);
    ticks_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(intervals_add_up)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
