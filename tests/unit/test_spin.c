#include "common/measure/spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct stats stats;

static struct spin begin(enum spin_mode mode)
{
    struct spin s;

    stats = (struct stats){0};
    spin_init(&s, mode, &stats);
    return s;
}

static void names_the_modes(void **state)
{
    (void)state;
    assert_int_equal(spin_mode_named("balanced"), MODE_BALANCED);
    assert_int_equal(spin_mode_named("latency"), MODE_LATENCY);
    assert_int_equal(spin_mode_named("throughput"), MODE_THROUGHPUT);
}

/* ---- what sleeps teach ----------------------------------------------------------------------- */

/* A sleep that spinning would have covered doubles the wait, up to the longest. */
static void short_sleeps_lengthen(void **state)
{
    struct spin s = begin(MODE_BALANCED);
    uint64_t expected_ns = SPIN_LEAST_NS;

    (void)state;
    s.look_ns = 0;
    for (int i = 0; i < 10; i++) {
        spin_slept(&s, SPIN_MOST_NS - 1);
        assert_int_equal(s.look_ns, expected_ns);
        expected_ns = expected_ns * 2 < SPIN_MOST_NS ? expected_ns * 2 : SPIN_MOST_NS;
    }
    assert_int_equal(s.look_ns, SPIN_MOST_NS);
}

/* A longer one halves it, and what would be too short to be of use is none at all. */
static void long_sleeps_shorten(void **state)
{
    struct spin s = begin(MODE_BALANCED);

    (void)state;
    for (uint64_t expected_ns = SPIN_MOST_NS; expected_ns >= SPIN_LEAST_NS; expected_ns /= 2) {
        assert_int_equal(s.look_ns, expected_ns);
        spin_slept(&s, SPIN_MOST_NS);
    }
    assert_int_equal(s.look_ns, 0);
    spin_slept(&s, CLOCK_NEVER_NS);
    assert_int_equal(s.look_ns, 0);
}

static void comes_back_from_any_state(void **state)
{
    (void)state;
    for (unsigned history = 0; history < 1024; history++) {
        struct spin s = begin(MODE_BALANCED);

        for (unsigned bit = 0; bit < 10; bit++) {
            spin_slept(&s, history >> bit & 1 ? 0 : SPIN_MOST_NS * 2);
            assert_true(s.look_ns == 0 ||
                        (s.look_ns >= SPIN_LEAST_NS && s.look_ns <= SPIN_MOST_NS));
        }
        for (int i = 0; i < 5; i++)
            spin_slept(&s, 0);
        assert_int_equal(s.look_ns, SPIN_MOST_NS);
    }
}

static void other_modes_do_not_learn(void **state)
{
    static const uint64_t sleeps_ns[] = {0, SPIN_MOST_NS - 1, SPIN_MOST_NS, NS_PER_S};
    struct spin latency = begin(MODE_LATENCY), throughput = begin(MODE_THROUGHPUT);

    (void)state;
    for (size_t i = 0; i < sizeof sleeps_ns / sizeof sleeps_ns[0]; i++) {
        spin_slept(&latency, sleeps_ns[i]);
        spin_slept(&throughput, sleeps_ns[i]);
        assert_true(latency.look_ns == CLOCK_NEVER_NS);
        assert_int_equal(throughput.look_ns, 0);
    }
}

/* ---- looking --------------------------------------------------------------------------------- */

/* How often it may be looked before sleeping; at most `most`. */
static unsigned looks(struct spin *s, uint64_t wake_ns, unsigned most)
{
    struct spin_wait wait = {0};
    unsigned count = 0;

    while (count < most && spin_look(s, &wait, wake_ns))
        count++;
    return count;
}

static void throughput_sleeps_at_once(void **state)
{
    struct spin s = begin(MODE_THROUGHPUT);

    (void)state;
    assert_int_equal(looks(&s, CLOCK_NEVER_NS, 10), 0);
}

static void latency_never_sleeps(void **state)
{
    struct spin s = begin(MODE_LATENCY);

    (void)state;
    assert_int_equal(looks(&s, CLOCK_NEVER_NS, 100000), 100000);
}

static void balanced_gives_up(void **state)
{
    struct spin s = begin(MODE_BALANCED);
    uint64_t start_ns = clock_now_ns();
    unsigned count = looks(&s, CLOCK_NEVER_NS, UINT32_MAX);

    (void)state;
    assert_true(count >= 1 && count < UINT32_MAX);
    assert_true(clock_now_ns() - start_ns >= SPIN_MOST_NS);
    s.look_ns = 0;
    assert_int_equal(looks(&s, CLOCK_NEVER_NS, 10), 0);
}

/* However long the wait, what is due in the meantime is not slept through. */
static void looks_no_longer_than_until_something_is_due(void **state)
{
    static const enum spin_mode modes[] = {MODE_BALANCED, MODE_LATENCY};

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct spin s = begin(modes[i]);
        uint64_t wake_ns = clock_now_ns() + SPIN_LEAST_NS;

        assert_true(looks(&s, wake_ns, UINT32_MAX) < UINT32_MAX);
        assert_true(clock_now_ns() >= wake_ns);
        assert_int_equal(looks(&s, clock_now_ns(), 10), 1); /* the first look asks no clock */
        assert_int_equal(looks(&s, 0, 10), 1);
    }
}

/* ---- what counts as idle --------------------------------------------------------------------- */

static void looking_in_vain_is_idle(void **state)
{
    struct spin s = begin(MODE_LATENCY);
    uint64_t start_ns = clock_now_ns();

    (void)state;
    while (stats.looking_ns == 0 && clock_now_ns() - start_ns < NS_PER_S)
        looks(&s, CLOCK_NEVER_NS, 100);
    assert_true(stats.looking_ns > 0);
    assert_true(stats.looking_ns <= clock_now_ns() - start_ns);
}

/* A thread that was off its CPU between two looks did not look: it waited, or slept, here. */
static void a_gap_is_not_idle(void **state)
{
    static const struct timespec gap = {.tv_nsec = 2 * SPIN_LOOK_MOST_NS};
    struct spin s = begin(MODE_LATENCY);
    struct spin_wait wait = {0};

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_true(spin_look(&s, &wait, CLOCK_NEVER_NS));
        nanosleep(&gap, NULL);
    }
    assert_int_equal(stats.looking_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_modes),
        cmocka_unit_test(short_sleeps_lengthen),
        cmocka_unit_test(long_sleeps_shorten),
        cmocka_unit_test(comes_back_from_any_state),
        cmocka_unit_test(other_modes_do_not_learn),
        cmocka_unit_test(throughput_sleeps_at_once),
        cmocka_unit_test(latency_never_sleeps),
        cmocka_unit_test(balanced_gives_up),
        cmocka_unit_test(looks_no_longer_than_until_something_is_due),
        cmocka_unit_test(looking_in_vain_is_idle),
        cmocka_unit_test(a_gap_is_not_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
