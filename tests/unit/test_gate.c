/* What the opener of a gate may say, in pieces of any size, and what happens when it does not. */
#include "common/base/clock.h"
#include "common/measure/gate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct opt_table table = {.program = "test_gate"};

static int parse(const char *text, uint64_t *ns)
{
    *ns = 0;
    return gate_parse(text, strlen(text), ns);
}

static void a_line_is_understood(void **state)
{
    uint64_t ns;

    (void)state;
    assert_int_equal(parse("begin 1\n", &ns), 0);
    assert_true(ns == 1);
    assert_int_equal(parse("begin 12345678901234\n", &ns), 0);
    assert_true(ns == 12345678901234);
    assert_int_equal(parse("begin 18446744073709551615\n", &ns), 0);
    assert_true(ns == UINT64_MAX);
    assert_int_equal(parse("begin 7\nand more", &ns), 0);
    assert_true(ns == 7);
}

/* Each beginning of a line may be all that has come so far. */
static void a_part_is_waited_for(void **state)
{
    const char *line = "begin 18446744073709551615\n";
    uint64_t ns;

    (void)state;
    assert_int_equal(strlen(line), GATE_LINE_MAX);
    for (size_t len = 0; len < strlen(line); len++)
        assert_int_equal(gate_parse(line, len, &ns), -EAGAIN);
}

static void anything_else_is_refused(void **state)
{
    static const char *const wrong[] = {
        "\n",
        "begin\n",
        "begin \n",
        "begin 0\n",
        "begin -5\n",
        "begin +5\n",
        "begin  5\n",
        "begin 5 \n",
        "begin 5\r\n",
        "begin 5x\n",
        "begin 5.0\n",
        "begin 1e9\n",
        "Begin 5\n",
        " begin 5\n",
        "begin\t5\n",
        "beginning",
        "ready\n",
        "begin 0x10\n",
        "begin 18446744073709551616\n",
        "begin 99999999999999999999\n",
        "begin 000000000000000000000",
        "begin \xff\n",
    };
    uint64_t ns;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (parse(wrong[i], &ns) != -EINVAL)
            fail_msg("'%s' was not refused", wrong[i]);
    assert_int_equal(gate_parse("begin 5\0\n", 9, &ns), -EINVAL);
}

/* ---- over a socket */

struct pair {
    struct gate gate;
    int opener;
};

static void open_pair(struct pair *p)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    p->gate = (struct gate){.table = &table, .path = "made up", .fd = ends[0]};
    p->opener = ends[1];
}

static void close_pair(struct pair *p)
{
    gate_close(&p->gate);
    if (p->opener >= 0)
        close(p->opener);
}

static void say(struct pair *p, const char *text)
{
    assert_int_equal(write(p->opener, text, strlen(text)), (ssize_t)strlen(text));
}

static void ready_is_said_once(void **state)
{
    struct pair p;
    char heard[32];

    (void)state;
    open_pair(&p);
    assert_true(gate_look_ns(&p.gate) == CLOCK_NEVER_NS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(gate_attend(&p.gate), 0);
    assert_int_equal(read(p.opener, heard, sizeof heard), 6);
    assert_memory_equal(heard, "ready\n", 6);
    assert_false(gate_passed(&p.gate));
    close_pair(&p);
}

static void a_line_may_come_in_pieces(void **state)
{
    uint64_t begin_ns = clock_now_ns() + 5 * NS_PER_MS;
    struct pair p;
    char line[40];

    (void)state;
    snprintf(line, sizeof line, "begin %llu\n", (unsigned long long)begin_ns);
    open_pair(&p);
    for (const char *at = line; *at; at++) {
        assert_true(p.gate.begin_ns == 0);
        say(&p, (char[]){*at, '\0'});
        assert_int_equal(gate_attend(&p.gate), 0);
    }
    assert_true(p.gate.begin_ns == begin_ns);
    assert_true(gate_look_ns(&p.gate) < begin_ns);
    while (!gate_passed(&p.gate))
        ;
    assert_true(clock_now_ns() >= begin_ns);
    close(p.opener); /* nothing more is heard of it */
    p.opener = -1;
    assert_int_equal(gate_attend(&p.gate), 0);
    close_pair(&p);
}

static void a_moment_may_have_passed(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p);
    say(&p, "begin 1\n");
    assert_int_equal(gate_attend(&p.gate), 0);
    assert_true(gate_look_ns(&p.gate) == 0);
    assert_true(gate_passed(&p.gate));
    close_pair(&p);
}

static void an_opener_that_fails_is_told_of(void **state)
{
    static const char *const said[] = {
        "",
        "begin ",
        "begin x\n",
        "something that is longer than any line could be\n",
        "begin 18446744073709551615\n", /* of no clock */
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct pair p;

        open_pair(&p);
        say(&p, said[i]);
        shutdown(p.opener, SHUT_WR);
        while (gate_attend(&p.gate) == 0)
            ;
        assert_true(p.gate.begin_ns == 0 || i == 4);
        close_pair(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_understood),
        cmocka_unit_test(a_part_is_waited_for),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(ready_is_said_once),
        cmocka_unit_test(a_line_may_come_in_pieces),
        cmocka_unit_test(a_moment_may_have_passed),
        cmocka_unit_test(an_opener_that_fails_is_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
