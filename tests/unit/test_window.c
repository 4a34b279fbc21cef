/* Phases, edges and numbers of requests, by times that the test makes up. */
#include "common/measure/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THREADS = 2 };

struct run {
    struct crew crew;
    struct window window;
    struct meter *meters; /* THREADS */
};

static unsigned opened, closed;

static void on_opened(struct meter *m)
{
    (void)m;
    opened++;
}

static void on_closing(struct meter *m)
{
    (void)m;
    closed++;
}

#define START (1000 * NS_PER_S)

static const struct window_plan timed = {
    .warmup_ns = NS_PER_S,
    .duration_ns = 10 * NS_PER_S,
    .tick_ns = NS_PER_S,
    .drain_ns = NS_PER_S,
};

/* The gate is open since START; each thread has `quota` requests. */
static void begin(struct run *r, struct window_plan plan, uint64_t quota)
{
    const struct window_hooks hooks = {on_opened, on_closing};

    opened = closed = 0;
    r->meters = calloc(THREADS, sizeof *r->meters);
    assert_non_null(r->meters);
    assert_int_equal(crew_init(&r->crew, THREADS, &(struct opt_cpus){0}), 0);
    assert_int_equal(window_init(&r->window, &r->crew, &plan, &hooks), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(meter_init(&r->meters[i], &r->window, i), 0);
        r->meters[i].quota = quota;
    }
    atomic_store(&r->window.start_ns, START);
    for (unsigned i = 0; i < THREADS; i++)
        assert_true(window_started(&r->meters[i]));
}

static void end(struct run *r)
{
    window_free(&r->window);
    crew_free(&r->crew);
    free(r->meters);
}

/* Completes a request that was begun at sent_ns. */
static void complete(struct meter *m, uint64_t sent_ns)
{
    meter_complete(m, sent_ns, 0);
}

static void the_gate_waits_for_all(void **state)
{
    struct run r = {0};

    (void)state;
    begin(&r, timed, 0);
    atomic_store(&r.window.start_ns, 0);
    window_ready(&r.meters[0]);
    assert_false(window_started(&r.meters[0]));
    window_ready(&r.meters[1]);
    assert_true(window_started(&r.meters[0]));
    assert_true(window_started(&r.meters[1]));
    assert_int_equal(r.meters[0].edges.start_ns, r.meters[1].edges.start_ns);
    end(&r);
}

/* Where the main thread opens the gate, the moment is its choice, and all threads have it. */
static void the_main_thread_opens_the_gate(void **state)
{
    struct run r = {0};

    (void)state;
    begin(&r, timed, 0);
    atomic_store(&r.window.start_ns, 0);
    r.window.gated = true;
    for (int i = 0; i < THREADS; i++) {
        assert_false(window_all_ready(&r.window));
        window_ready(&r.meters[i]);
    }
    assert_true(window_all_ready(&r.window));
    assert_false(window_started(&r.meters[0]));
    window_open_gate(&r.window, START + 7);
    for (int i = 0; i < THREADS; i++) {
        assert_false(window_rest(&r.meters[i]));
        assert_true(window_started(&r.meters[i]));
        assert_int_equal(r.meters[i].edges.start_ns, START + 7 + NS_PER_S);
    }
    end(&r);
}

/* However late a thread looks, the edges lie where the plan has them, and each is passed once. */
static void edges_are_made_up_for(void **state)
{
    struct run r = {0};
    struct meter *m;

    (void)state;
    begin(&r, timed, 0);
    m = r.meters;
    window_move_on(m, START + NS_PER_S - 1);
    assert_int_equal(m->phase, PHASE_WARM_UP);
    window_move_on(m, START + 500 * NS_PER_S);
    assert_int_equal(m->phase, PHASE_DRAIN);
    assert_int_equal(m->edges.start_ns, START + NS_PER_S);
    assert_int_equal(m->edges.end_ns, START + 11 * NS_PER_S);
    assert_int_equal(opened, 1);
    assert_int_equal(closed, 1);
    assert_int_equal(atomic_load(&m->ticks.done), 10);
    end(&r);
}

/* A closed loop's request counts where it is completed; what is in flight at the end is followed.
 */
static void completed_in_the_window_counts(void **state)
{
    struct run r = {0};
    struct meter *m;

    (void)state;
    begin(&r, timed, 0);
    m = r.meters;
    window_move_on(m, START);
    for (int i = 0; i < 3; i++)
        meter_begin(m, false);
    complete(m, START);
    window_move_on(m, START + 2 * NS_PER_S); /* begun in the warm-up, completed in the window */
    complete(m, START);
    window_move_on(m, START + 20 * NS_PER_S);
    complete(m, START);
    assert_int_equal(m->service.count, 1);
    assert_int_equal(m->unfinished, 1);
    assert_int_equal(m->unfinished_service.count, 1);
    assert_int_equal(m->unfinished_service.max_ns, 20 * NS_PER_S);
    assert_int_equal(m->in_flight, 0);
    end(&r);
}

/* An open loop's request counts where it was due, whenever it is completed. */
static void due_in_the_window_counts(void **state)
{
    struct window_plan plan = timed;
    struct run r = {0};
    struct meter *m;
    uint64_t due_ns, taken = 0;

    (void)state;
    plan.rate = 4; /* of two threads: each has two a second */
    begin(&r, plan, 0);
    m = r.meters;
    window_move_on(m, START + 30 * NS_PER_S); /* stopped until long after the end */
    while (meter_request_due(m)) {
        due_ns = meter_begin(m, false);
        meter_complete(m, m->now_ns, due_ns);
        taken++;
    }
    assert_int_equal(taken, 22); /* those of the warm-up, too */
    assert_int_equal(m->schedule.taken, 20);
    assert_int_equal(m->response.count, 20);
    assert_true(m->response.max_ns >= 28 * NS_PER_S);
    assert_int_equal(m->schedule.queue_peak, 19); /* behind the one that is sent */
    end(&r);
}

static void what_is_left_is_never_sent(void **state)
{
    struct window_plan plan = timed;
    struct run r = {0};

    (void)state;
    plan.rate = 4;
    begin(&r, plan, 0);
    window_move_on(r.meters, START + 30 * NS_PER_S);
    for (int i = 0; i < 5; i++)
        meter_begin(r.meters, false);
    window_done(r.meters);
    assert_int_equal(schedule_total(&r.meters[0].schedule), 20);
    assert_int_equal(schedule_never_sent(&r.meters[0].schedule), 20 - 3); /* 2 of the warm-up */
    end(&r);
}

/* With a number of requests those in flight when the window begins are part of it. */
static void a_number_of_requests_is_exact(void **state)
{
    struct window_plan plan = timed;
    struct run r = {0};
    struct meter *m;

    (void)state;
    plan.duration_ns = 0;
    plan.counts_requests = true;
    begin(&r, plan, 7);
    m = r.meters;
    window_move_on(m, START);
    for (int i = 0; i < 4; i++)
        meter_begin(m, false);
    window_move_on(m, START + 2 * NS_PER_S);
    assert_int_equal(m->budget, 3);
    for (; meter_request_due(m) || m->in_flight; complete(m, START))
        if (meter_request_due(m))
            meter_begin(m, false);
    assert_int_equal(m->phase, PHASE_DRAIN);
    assert_int_equal(m->at_end.stats.requests - m->at_start.stats.requests, 7);
    assert_int_equal(m->service.count, 7);
    end(&r);
}

/* More in flight than the number asks for, and a thread that has no part of it. */
static void a_small_number_is_exact(void **state)
{
    struct window_plan plan = timed;

    (void)state;
    plan.duration_ns = 0;
    plan.counts_requests = true;
    for (uint64_t quota = 0; quota < 3; quota++) {
        struct run r = {0};
        struct meter *m;

        begin(&r, plan, quota);
        m = r.meters;
        window_move_on(m, START);
        for (int i = 0; i < 16; i++)
            meter_begin(m, false);
        window_move_on(m, START + 2 * NS_PER_S);
        while (m->in_flight)
            complete(m, START);
        assert_int_equal(m->phase, PHASE_DRAIN);
        assert_int_equal(m->at_end.stats.requests - m->at_start.stats.requests, quota);
        assert_int_equal(m->service.count, quota);
        assert_int_equal(m->unfinished_service.count, 16 - quota);
        end(&r);
    }
}

static void a_stop_keeps_what_was_measured(void **state)
{
    struct run r = {0};
    struct meter *m;

    (void)state;
    begin(&r, timed, 0);
    m = r.meters;
    assert_false(window_stopped(m));
    window_move_on(m, START + 3 * NS_PER_S);
    window_stop(&r.window);
    assert_true(window_stopped(m));
    assert_int_equal(m->phase, PHASE_DRAIN);
    assert_int_equal(m->edges.end_ns, START + 3 * NS_PER_S);
    assert_true(window_stopped(&r.meters[1])); /* in its warm-up: it has no window */
    assert_int_equal(r.meters[1].phase, PHASE_WARM_UP);
    assert_false(r.meters[1].measured);
    end(&r);
}

/* A thread whose loop fails in the window leaves the figures of the time until then. */
static void a_failure_ends_the_window(void **state)
{
    struct window_plan plan = timed;
    struct run r = {0};
    struct meter *m;
    uint64_t failed_ns = START + 3 * NS_PER_S + 1;

    (void)state;
    plan.rate = 4;
    begin(&r, plan, 0);
    m = r.meters;
    window_move_on(m, failed_ns);
    while (meter_request_due(m))
        meter_complete(m, START, meter_begin(m, false));
    window_done(m);
    assert_int_equal(m->edges.end_ns, failed_ns);
    assert_int_equal(m->at_end.stats.requests, m->worker->stats.requests);
    assert_int_equal(schedule_total(&m->schedule), 5);
    assert_int_equal(m->ticks.window_end_ns, failed_ns);
    assert_int_equal(closed, 0);
    end(&r);
}

/* The end moves for all threads alike, until the first of them has come to it. */
static void a_window_can_be_lengthened(void **state)
{
    struct run r = {0};

    (void)state;
    begin(&r, timed, 0);
    assert_true(window_lengthen(&r.window, 20 * NS_PER_S));
    window_move_on(&r.meters[0], START + 12 * NS_PER_S);
    assert_int_equal(r.meters[0].phase, PHASE_WINDOW);
    window_move_on(&r.meters[0], START + 21 * NS_PER_S);
    assert_int_equal(r.meters[0].phase, PHASE_DRAIN);
    assert_false(window_lengthen(&r.window, 40 * NS_PER_S));
    window_move_on(&r.meters[1], START + 100 * NS_PER_S);
    assert_int_equal(r.meters[1].edges.end_ns, START + 21 * NS_PER_S);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gate_waits_for_all),
        cmocka_unit_test(the_main_thread_opens_the_gate),
        cmocka_unit_test(edges_are_made_up_for),
        cmocka_unit_test(completed_in_the_window_counts),
        cmocka_unit_test(due_in_the_window_counts),
        cmocka_unit_test(what_is_left_is_never_sent),
        cmocka_unit_test(a_number_of_requests_is_exact),
        cmocka_unit_test(a_small_number_is_exact),
        cmocka_unit_test(a_stop_keeps_what_was_measured),
        cmocka_unit_test(a_failure_ends_the_window),
        cmocka_unit_test(a_window_can_be_lengthened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
