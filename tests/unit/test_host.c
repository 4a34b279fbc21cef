#include "common/host/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cmocka.h>

/* The texts of struct host. */
#define HOST_TEXTS(X, host)   \
    X((host)->name)           \
    X((host)->os)             \
    X((host)->distribution)   \
    X((host)->arch)           \
    X((host)->cpu_model)      \
    X((host)->governor)       \
    X((host)->virtualisation) \
    X((host)->mitigations)    \
    X((host)->clock_source)   \
    X((host)->transparent_hugepages)

static int is_one_line(const char *text, size_t cap)
{
    size_t len = strnlen(text, cap);

    return len < cap && !memchr(text, '\n', len);
}

/* Terminated, one line each, whatever was in the memory before. */
static int texts_are_sound(const struct host *host)
{
#define HOST_TEXT_IS_SOUND(text) is_one_line(text, sizeof(text)) &&
    return HOST_TEXTS(HOST_TEXT_IS_SOUND, host) 1;
}

static void read_over_garbage(struct host *host)
{
    memset(host, 'x', sizeof(*host));
    host_read(host);
}

static void texts_are_terminated(void **state)
{
    struct host host;

    (void)state;
    read_over_garbage(&host);
    assert_true(texts_are_sound(&host));
}

static void this_machine_is_described(void **state)
{
    struct host host;
    struct utsname uts;

    (void)state;
    read_over_garbage(&host);
    assert_int_equal(uname(&uts), 0);
    assert_string_equal(host.arch, uts.machine);
    assert_non_null(strstr(host.os, uts.release));
    assert_true(host.cpus_online >= 1);
    assert_in_range(host.cpus_allowed, 1, host.cpus_online);
    assert_true(host.memory_bytes > 1 << 20);
    assert_true(host.somaxconn >= 1);
    assert_true(host.load_1m >= 0 && host.load_5m >= 0 && host.load_15m >= 0);
    assert_in_range(host.io_uring_disabled + 1, 0, 3);
    assert_null(strchr(host.distribution, '"'));
}

static void a_lowered_limit_is_seen(void **state)
{
    struct host host;
    struct rlimit before, lower;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lower = before;
    lower.rlim_cur = 67;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    host_read(&host);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(host.nofile_soft, 67);
    assert_true(host.nofile_hard >= host.nofile_soft);
}

static void pressure_only_grows(void **state)
{
    struct host_pressure before, after;
    volatile unsigned long spin = 0;

    (void)state;
    host_read_pressure(&before);
    while (spin < 50000000)
        spin++;
    host_read_pressure(&after);
    if (before.busy_s < 0) {
        assert_true(after.busy_s < 0);
        skip();
    }
    assert_true(after.busy_s >= before.busy_s);
    assert_true(after.busy_s > 0 && after.idle_s >= 0);
    assert_true(after.steal_s >= before.steal_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_terminated),
        cmocka_unit_test(this_machine_is_described),
        cmocka_unit_test(a_lowered_limit_is_seen),
        cmocka_unit_test(pressure_only_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
