#include "common/base/stats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Every counter has a value of its own, so that a mix-up of two shows. */
static struct stats numbered(uint64_t first)
{
    struct stats s = {0};
    uint64_t *words = (uint64_t *)&s;

    for (size_t i = 0; i < sizeof(s) / sizeof(*words); i++)
        words[i] = first + i * i;
    return s;
}

static void merge_adds_every_counter(void **state)
{
    struct stats a = numbered(1000), b = numbered(7), total = a;

    (void)state;
    stats_merge(&total, &b);
    assert_int_equal(total.requests, a.requests + b.requests);
    assert_int_equal(total.tx_bytes, a.tx_bytes + b.tx_bytes);
    assert_int_equal(total.rx_bytes, a.rx_bytes + b.rx_bytes);
    assert_int_equal(total.reads, a.reads + b.reads);
    assert_int_equal(total.writes, a.writes + b.writes);
    assert_int_equal(total.short_writes, a.short_writes + b.short_writes);
    assert_int_equal(total.waits, a.waits + b.waits);
    assert_int_equal(total.events, a.events + b.events);
    assert_int_equal(total.accepted, a.accepted + b.accepted);
    assert_int_equal(total.connected, a.connected + b.connected);
    assert_int_equal(total.closed, a.closed + b.closed);
    assert_int_equal(total.buffers_dry, a.buffers_dry + b.buffers_dry);
    assert_int_equal(total.queue_full, a.queue_full + b.queue_full);
    for (size_t i = 0; i < SYSCALL_KINDS; i++)
        assert_int_equal(total.syscalls[i], a.syscalls[i] + b.syscalls[i]);
    for (size_t i = 0; i < ERROR_KINDS; i++)
        assert_int_equal(total.errors[i], a.errors[i] + b.errors[i]);
}

static void merge_keeps_the_larger_maximum_and_sums_peaks(void **state)
{
    struct stats small = {.events_max = 3, .batched_max = 7, .open_peak = 10};
    struct stats large = {.events_max = 8, .batched_max = 2, .open_peak = 5};
    struct stats into = small;

    (void)state;
    stats_merge(&into, &large);
    assert_int_equal(into.events_max, 8);
    assert_int_equal(into.batched_max, 7);
    assert_int_equal(into.open_peak, 15);

    into = large;
    stats_merge(&into, &small);
    assert_int_equal(into.events_max, 8);
    assert_int_equal(into.batched_max, 7);
    assert_int_equal(into.open_peak, 15);
}

static void a_window_and_its_start_make_the_whole(void **state)
{
    struct stats start = numbered(3), now = numbered(3), window;

    (void)state;
    start.events_max = 40;
    now.events_max = 60;
    start.batched_max = now.batched_max = 8;
    start.open_peak = 90;
    now.open_peak = 100;
    now.requests += 5;
    now.errors[ERROR_accept_other] += 2;
    now.syscalls[SYSCALL_accept4] += 9;

    window = stats_between(&start, &now);
    assert_int_equal(window.requests, 5);
    assert_int_equal(window.errors[ERROR_accept_other], 2);
    assert_int_equal(window.syscalls[SYSCALL_accept4], 9);
    assert_int_equal(window.events_max, 60);
    assert_int_equal(window.batched_max, 8);
    assert_int_equal(window.open_peak, 100);

    window.open_peak = 0; /* not a difference, so it cannot be added back */
    stats_merge(&start, &window);
    start.open_peak = now.open_peak;
    assert_memory_equal(&start, &now, sizeof(now));
}

static void nothing_happened_in_an_empty_window(void **state)
{
    struct stats now = numbered(17), window = stats_between(&now, &now);

    (void)state;
    assert_int_equal(window.events_max, now.events_max);
    assert_int_equal(window.batched_max, now.batched_max);
    assert_int_equal(window.open_peak, now.open_peak);
    window.events_max = window.batched_max = window.open_peak = 0;
    assert_memory_equal(&window, &(struct stats){0}, sizeof(window));
}

static void totals_sum_the_kinds(void **state)
{
    struct stats s = {.requests = 1};

    (void)state;
    for (size_t i = 0; i < SYSCALL_KINDS; i++)
        s.syscalls[i] = 1;
    for (size_t i = 0; i < ERROR_KINDS; i++)
        s.errors[i] = 2;
    assert_int_equal(stats_syscalls_total(&s), SYSCALL_KINDS);
    assert_int_equal(stats_errors_total(&s), 2 * ERROR_KINDS);
}

static void a_wait_counts_its_events(void **state)
{
    struct stats s = {0};

    (void)state;
    stats_waited(&s, 4);
    stats_waited(&s, 0);
    stats_waited(&s, 2);
    assert_int_equal(s.waits, 3);
    assert_int_equal(s.events, 6);
    assert_int_equal(s.events_max, 4);
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(stats_syscall_names[SYSCALL_io_uring_enter], "io_uring_enter");
    assert_string_equal(stats_error_names[ERROR_out_of_ports], "out_of_ports");
    assert_string_equal(stats_error_texts[ERROR_connect_refused], "connection refused");
    for (size_t i = 0; i < ERROR_KINDS; i++) {
        assert_true(strlen(stats_error_texts[i]) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(stats_error_names[i], stats_error_names[j]);
    }
}

static void connect_errors(void **state)
{
    (void)state;
    assert_int_equal(stats_connect_error(ECONNREFUSED), ERROR_connect_refused);
    assert_int_equal(stats_connect_error(ETIMEDOUT), ERROR_connect_timeout);
    assert_int_equal(stats_connect_error(EHOSTUNREACH), ERROR_connect_unreachable);
    assert_int_equal(stats_connect_error(ENETUNREACH), ERROR_connect_unreachable);
    assert_int_equal(stats_connect_error(EADDRNOTAVAIL), ERROR_out_of_ports);
    assert_int_equal(stats_connect_error(EMFILE), ERROR_out_of_descriptors);
    assert_int_equal(stats_connect_error(ENFILE), ERROR_out_of_descriptors);
    assert_int_equal(stats_connect_error(ENOMEM), ERROR_out_of_memory);
    assert_int_equal(stats_connect_error(EACCES), ERROR_connect_other);
}

static void transfer_errors(void **state)
{
    (void)state;
    assert_int_equal(stats_recv_error(ECONNRESET), ERROR_reset);
    assert_int_equal(stats_recv_error(ETIMEDOUT), ERROR_timeout);
    assert_int_equal(stats_recv_error(ENOBUFS), ERROR_out_of_memory);
    assert_int_equal(stats_recv_error(EFAULT), ERROR_recv_other);
    assert_int_equal(stats_send_error(ECONNRESET), ERROR_reset);
    assert_int_equal(stats_send_error(EPIPE), ERROR_reset);
    assert_int_equal(stats_send_error(ETIMEDOUT), ERROR_timeout);
    assert_int_equal(stats_send_error(ENOMEM), ERROR_out_of_memory);
    assert_int_equal(stats_send_error(EFAULT), ERROR_send_other);
}

static void file_errors(void **state)
{
    (void)state;
    assert_int_equal(stats_file_error(ENOSPC), ERROR_enospc);
    assert_int_equal(stats_file_error(EBADF), ERROR_ebadf);
    assert_int_equal(stats_file_error(EFBIG), ERROR_efbig);
    assert_int_equal(stats_file_error(EIO), ERROR_eio);
    assert_int_equal(stats_file_error(ENODEV), ERROR_other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_adds_every_counter),
        cmocka_unit_test(merge_keeps_the_larger_maximum_and_sums_peaks),
        cmocka_unit_test(a_window_and_its_start_make_the_whole),
        cmocka_unit_test(nothing_happened_in_an_empty_window),
        cmocka_unit_test(totals_sum_the_kinds),
        cmocka_unit_test(a_wait_counts_its_events),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
        cmocka_unit_test(connect_errors),
        cmocka_unit_test(transfer_errors),
        cmocka_unit_test(file_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
