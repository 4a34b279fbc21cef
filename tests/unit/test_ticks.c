/* ticks: intervals add up over threads, and end with the window, however long it is. */
#include "common/measure/ticks.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void intervals_add_up(void **state)
{
    struct ticks a, b;
    struct ticks *threads[] = {&a, &b};
    struct ticks_reader reader = {threads, 2, .ticks_per_interval = 1};
    struct ticks_point p;

    (void)state;
    assert_int_equal(ticks_init(&a, NS_PER_S), 0);
    assert_int_equal(ticks_init(&b, NS_PER_S), 0);
    ticks_start(&a, 5 * NS_PER_S, (struct tick){.requests = 100, .errors = 1});
    ticks_start(&b, 5 * NS_PER_S, (struct tick){.requests = 0, .errors = 0});
    assert_false(ticks_next(&reader, &p));
    ticks_publish(&a, (struct tick){.requests = 110, .errors = 1});
    assert_false(ticks_next(&reader, &p)); /* b is not there yet */
    ticks_publish(&b, (struct tick){.requests = 5, .errors = 2});
    assert_true(ticks_next(&reader, &p));
    assert_int_equal(p.requests, 15);
    assert_int_equal(p.errors, 2);
    assert_true(p.end_s == 1 && p.qps == 15);
    assert_false(ticks_next(&reader, &p));

    /* a goes on for half an interval, b had left at the first one's end */
    ticks_end(&b, 6 * NS_PER_S, (struct tick){.requests = 5, .errors = 2});
    ticks_end(&a, 6 * NS_PER_S + NS_PER_S / 2, (struct tick){.requests = 120, .errors = 1});
    assert_true(ticks_next(&reader, &p));
    assert_int_equal(p.requests, 10);
    assert_int_equal(p.total, 25);
    assert_true(p.end_s == 1.5 && p.qps == 20);
    assert_false(ticks_next(&reader, &p));
    ticks_free(&a);
    ticks_free(&b);
}

/* Publishes so many ticks of one request each. */
static void publish(struct ticks *t, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ticks_publish(t, (struct tick){.requests = t->counted[0].requests + 1, .errors = 0});
}

static void several_ticks_make_an_interval(void **state)
{
    struct ticks a;
    struct ticks *threads[] = {&a};
    struct ticks_reader reader = {threads, 1, .ticks_per_interval = 5};
    struct ticks_point p;

    (void)state;
    assert_int_equal(ticks_init(&a, NS_PER_S), 0);
    ticks_start(&a, 0, (struct tick){.requests = 0, .errors = 0});
    assert_false(ticks_peek(&reader, &p));
    publish(&a, 3);
    assert_false(ticks_next(&reader, &p));
    assert_true(ticks_peek(&reader, &p));
    assert_true(p.end_s == 3 && p.requests == 3 && p.qps == 1);
    publish(&a, 3);
    assert_true(ticks_next(&reader, &p));
    assert_true(p.end_s == 5 && p.requests == 5 && p.total == 5);
    assert_true(ticks_peek(&reader, &p));
    assert_true(p.end_s == 6 && p.requests == 1 && p.total == 6);
    ticks_end(&a, 6 * NS_PER_S, (struct tick){.requests = 6, .errors = 0});
    assert_true(ticks_next(&reader, &p)); /* what is left, when all is over */
    assert_true(p.end_s == 6 && p.total == 6);
    assert_false(ticks_next(&reader, &p));
    ticks_free(&a);
}

/* A reader looks at a row while its thread goes on: it must be there as a whole, and once. */
static void rows_are_written_when_whole(void **state)
{
    struct ticks a;

    (void)state;
    assert_int_equal(ticks_init(&a, NS_PER_S), 0);
    ticks_start(&a, 0, (struct tick){.requests = 0, .errors = 0});
    publish(&a, 3);
    assert_int_equal(a.rows[0][2].requests, 1);
    assert_int_equal(a.rows[1][0].requests, 2);
    assert_int_equal(a.rows[1][1].requests, 0);
    assert_int_equal(a.rows[2][0].requests, 0);
    ticks_end(&a, 3 * NS_PER_S, (struct tick){.requests = 3, .errors = 0});
    assert_int_equal(a.done, 3);
    assert_int_equal(a.rows[1][1].requests, 1);
    assert_int_equal(a.rows[2][0].requests, 3);
    assert_int_equal(a.rows[TICKS_LEVELS - 1][0].requests, 3);
    ticks_free(&a);
}

/* Reads all there is; every interval follows the last one. Returns how many, and the last one. */
static unsigned read_all(struct ticks_reader *reader, unsigned tick_s, struct ticks_point *p)
{
    unsigned count = 0;
    double end_s = (double)reader->next * tick_s;

    for (; ticks_next(reader, p); count++) {
        assert_true(p->qps == 1 && (double)p->requests == p->end_s - end_s);
        end_s = p->end_s;
    }
    return count;
}

/* More ticks than a table has rows: coarser intervals, of the whole window. */
static void a_long_window_is_covered(void **state)
{
    static const unsigned per_interval[] = {1, 5, 7};
    struct ticks a, b;
    struct ticks *threads[] = {&a, &b};

    (void)state;
    for (unsigned i = 0; i < sizeof per_interval / sizeof *per_interval; i++) {
        unsigned per = per_interval[i], ticks = 5 * TICKS_MAX + 3, intervals;
        struct ticks_reader live = {threads, 2, .ticks_per_interval = per}, after = live;
        struct ticks_point p = {0};

        assert_int_equal(ticks_init(&a, NS_PER_S), 0);
        assert_int_equal(ticks_init(&b, NS_PER_S), 0);
        ticks_start(&a, 0, (struct tick){.requests = 0, .errors = 0});
        ticks_start(&b, 0, (struct tick){.requests = 0, .errors = 0});
        ticks_end(&b, 0, (struct tick){.requests = 0, .errors = 0}); /* left at once */
        for (unsigned done = 0; done < ticks; done += 331) {
            publish(&a, ticks - done < 331 ? ticks - done : 331);
            read_all(&live, 1, &p);
        }
        ticks_end(&a, ticks * NS_PER_S, (struct tick){.requests = ticks, .errors = 0});
        read_all(&live, 1, &p);
        assert_int_equal(p.total, ticks);
        assert_true(p.end_s == ticks);

        intervals = read_all(&after, 1, &p);
        assert_int_equal(p.total, ticks);
        assert_true(p.end_s == ticks);
        assert_int_equal(after.level, 3); /* 8 ticks as one: 4 of them are too few */
        assert_int_equal(intervals, (ticks + 8 * per - 1) / (8 * per));
        ticks_free(&a);
        ticks_free(&b);
    }
}

static void steady_takes_whole_ticks(void **state)
{
    struct ticks a;
    struct ticks *threads[] = {&a};
    struct ticks_reader reader = {threads, 1, .ticks_per_interval = 1};
    struct steady s;

    (void)state;
    assert_int_equal(ticks_init(&a, NS_PER_S), 0);
    ticks_start(&a, 0, (struct tick){.requests = 0, .errors = 0});
    publish(&a, STEADY_LEAST - 1);
    ticks_steady(&reader, &s);
    assert_false(s.enough);
    ticks_end(
        &a, STEADY_LEAST * NS_PER_S - 1,
        (struct tick){.requests = STEADY_LEAST, .errors = 0}); /* a shorter one does not count */
    ticks_steady(&reader, &s);
    assert_false(s.enough);
    ticks_free(&a);

    assert_int_equal(ticks_init(&a, NS_PER_S), 0);
    ticks_start(&a, 0, (struct tick){.requests = 0, .errors = 0});
    publish(&a, 3 * TICKS_MAX);
    ticks_steady(&reader, &s);
    assert_true(s.steady && s.cv_percent == 0);
    for (unsigned i = 0; i < TICKS_MAX; i++) /* at the end, so that all levels must be there */
        ticks_publish(&a, (struct tick){.requests = a.counted[0].requests + 2, .errors = 0});
    ticks_steady(&reader, &s);
    assert_true(s.enough && !s.steady);
    ticks_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_add_up),
        cmocka_unit_test(several_ticks_make_an_interval),
        cmocka_unit_test(rows_are_written_when_whole),
        cmocka_unit_test(a_long_window_is_covered),
        cmocka_unit_test(steady_takes_whole_ticks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
