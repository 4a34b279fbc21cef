/* fairness: one that got nothing is starved if it asked for something; parts add up. */
#include "common/measure/fairness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void starved_is_who_asked_in_vain(void **state)
{
    struct fairness f = {0};

    (void)state;
    fairness_add(&f, 0, false);
    assert_int_equal(f.starved, 0);
    fairness_add(&f, 0, true);
    fairness_add(&f, 3, true);
    assert_int_equal(f.starved, 1);
    assert_int_equal(f.peers, 3);
}

static void parts_add_up(void **state)
{
    static const uint64_t counts[] = {7, 2, 0, 9};
    struct fairness whole = {0}, parts[2] = {0}, none = {0}, merged = {0};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        fairness_add(&whole, counts[i], true);
        fairness_add(&parts[i / 2], counts[i], true);
    }
    fairness_merge(&merged, &none);
    fairness_merge(&merged, &parts[0]);
    fairness_merge(&merged, &none);
    assert_int_equal(merged.min, 2);
    fairness_merge(&merged, &parts[1]);
    assert_memory_equal(&merged, &whole, sizeof whole);
    assert_true(fabs(fairness_jain(&whole) - 18.0 * 18 / (4 * 134)) < 1e-12);
    assert_true(isnan(fairness_jain(&none)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starved_is_who_asked_in_vain),
        cmocka_unit_test(parts_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
