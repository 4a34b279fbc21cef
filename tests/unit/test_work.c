#include "common/base/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Small amounts are worked off together, and none of them is lost. */
static void small_amounts_add_up(void **state)
{
    struct work work = {.each_ns = 10};
    uint64_t start_ns = clock_now_ns(), worked = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t before_ns = clock_now_ns(), done_ns = work_do(&work, 1);

        if (done_ns) {
            worked++;
            assert_in_range(done_ns, before_ns + WORK_LEAST_NS, clock_now_ns());
        }
    }
    assert_int_equal(worked, 10 * 1000 / WORK_LEAST_NS);
    assert_true(clock_now_ns() - start_ns >= 10 * 1000);
    assert_int_equal(work.owed_ns, 0);
}

static void several_pieces_at_once(void **state)
{
    struct work work = {.each_ns = 50000};
    uint64_t start_ns = clock_now_ns();

    (void)state;
    assert_true(work_do(&work, 4) - start_ns >= 200000);
    assert_int_equal(work_do(&work, 0), 0);
}

static void none_is_none(void **state)
{
    struct work work = {0};

    (void)state;
    assert_int_equal(work_do(&work, 1000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_amounts_add_up),
        cmocka_unit_test(several_pieces_at_once),
        cmocka_unit_test(none_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
