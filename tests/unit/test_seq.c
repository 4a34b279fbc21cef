/* seq: the header, and what becomes of every message, against a model that forgets nothing. */
#include "udp/seq.h"

#include "common/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMEOUT_NS 1000

/* ---- the header */

static void header_comes_back(void **state)
{
    struct seq_header h = {0x01234567, 89, 0xfedcba9876543210u, 77}, read;
    unsigned char bytes[SEQ_HEADER_BYTES];

    (void)state;
    seq_header_write(bytes, &h);
    assert_int_equal(seq_header_read(bytes, sizeof bytes, &read), SEQ_REQUEST);
    assert_memory_equal(&read, &h, sizeof h);
}

static void a_reply_is_marked_as_one(void **state)
{
    struct seq_header h = {0x01234567, 89, 0xfedcba9876543210u, 77}, read;
    unsigned char bytes[SEQ_HEADER_BYTES + 1] = {0}, request[sizeof bytes];

    (void)state;
    seq_header_write(bytes, &h);
    memcpy(request, bytes, sizeof bytes);
    seq_mark_reply(bytes, sizeof bytes);
    assert_int_equal(seq_header_read(bytes, sizeof bytes, &read), SEQ_REPLY);
    assert_memory_equal(&read, &h, sizeof h);
    assert_int_equal(bytes[0], SEQ_REPLY_BYTE);
    assert_memory_equal(bytes + 8, request + 8, sizeof bytes - 8);
    bytes[0] = SEQ_REQUEST_BYTE; /* the mark alone makes no request again */
    assert_int_equal(seq_header_read(bytes, sizeof bytes, &read), SEQ_NEITHER);
}

static void a_message_without_a_header_is_marked_too(void **state)
{
    unsigned char *bytes = calloc(1, 1); /* a sanitizer sees what lies beyond its only byte */

    (void)state;
    assert_int_equal(seq_mark_read(bytes, 0), SEQ_NEITHER);
    *bytes = SEQ_REQUEST_BYTE;
    assert_int_equal(seq_mark_read(bytes, 1), SEQ_REQUEST);
    seq_mark_reply(bytes, 1);
    assert_int_equal(seq_mark_read(bytes, 1), SEQ_REPLY);
    for (unsigned damage = 1; damage < 255; damage++) {
        *bytes = (unsigned char)(SEQ_REPLY_BYTE ^ damage);
        assert_int_equal(seq_mark_read(bytes, 1), SEQ_NEITHER);
    }
    free(bytes);
}

static void header_is_little_endian(void **state)
{
    struct seq_header h = {.run = 0x04030201, .client = 0x08070605, .number = 0x0a09, .sent_ns = 1};
    unsigned char bytes[SEQ_HEADER_BYTES];
    static const unsigned char start[] = {'U', 'D', 'P', 'E'};
    static const unsigned char rest[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0,
                                         0, 0, 0, 0, 1, 0, 0, 0, 0, 0,  0, 0};

    (void)state;
    seq_header_write(bytes, &h);
    assert_memory_equal(bytes, start, sizeof start);
    assert_memory_equal(bytes + 8, rest, sizeof rest);
}

static void see_damage_of(const unsigned char *intact)
{
    struct seq_header read = {9, 9, 9, 9};
    unsigned char bytes[SEQ_HEADER_BYTES];

    for (unsigned a = 0; a < 8 * SEQ_HEADER_BYTES; a++) {
        for (unsigned b = a; b < 8 * SEQ_HEADER_BYTES; b++) {
            memcpy(bytes, intact, sizeof bytes);
            bytes[a / 8] ^= (unsigned char)(1 << a % 8);
            if (b != a)
                bytes[b / 8] ^= (unsigned char)(1 << b % 8);
            assert_int_equal(seq_header_read(bytes, sizeof bytes, &read), SEQ_NEITHER);
        }
    }
    assert_int_equal(read.run, 9); /* untouched */
}

static void damage_of_one_or_two_bits_is_seen(void **state)
{
    struct seq_header h = {1, 2, 3, 4};
    unsigned char bytes[SEQ_HEADER_BYTES];

    (void)state;
    seq_header_write(bytes, &h);
    see_damage_of(bytes);
    seq_mark_reply(bytes, sizeof bytes);
    see_damage_of(bytes);
}

static void short_datagrams_have_no_header(void **state)
{
    struct seq_header h = {1, 2, 3, 4};
    unsigned char bytes[SEQ_HEADER_BYTES];

    (void)state;
    seq_header_write(bytes, &h);
    for (size_t len = 0; len < sizeof bytes; len++) {
        unsigned char *exact = malloc(len ? len : 1); /* a sanitizer sees reads beyond the end */

        memcpy(exact, bytes, len);
        assert_int_equal(seq_header_read(exact, len, &h), SEQ_NEITHER);
        free(exact);
    }
}

/* ---- the window, step by step */

static struct seq_window window_with(unsigned sent)
{
    struct seq_window w;

    assert_int_equal(seq_init(&w, 16, false), 0);
    for (unsigned i = 0; i < sent; i++)
        seq_sent(&w, 100 + i, 0);
    return w;
}

static enum seq_verdict answer(struct seq_window *w, uint64_t number, uint64_t now_ns)
{
    struct seq_answer a;

    return seq_receive(w, number, 100 + number, now_ns, TIMEOUT_NS, &a);
}

static void an_answer_counts_once(void **state)
{
    struct seq_window w = window_with(3);

    (void)state;
    assert_int_equal(answer(&w, 1, 200), SEQ_RECEIVED);
    assert_int_equal(answer(&w, 1, 201), SEQ_DUPLICATED);
    assert_int_equal(answer(&w, 0, 202), SEQ_RECEIVED);
    assert_int_equal(w.counts[1].received, 2);
    assert_int_equal(w.counts[1].duplicated, 1);
    assert_int_equal(w.counts[1].reordered, 1);
    assert_int_equal(w.in_flight, 1);
    assert_int_equal(seq_count_in_flight(&w), 1);
    seq_free(&w);
}

static void the_timeout_decides_not_the_moment_of_looking(void **state)
{
    struct seq_window w = window_with(3);

    (void)state;
    assert_int_equal(answer(&w, 0, 100 + TIMEOUT_NS), SEQ_RECEIVED);
    assert_int_equal(answer(&w, 1, 101 + TIMEOUT_NS + 1), SEQ_LATE);
    assert_int_equal(w.counts[1].lost, 1);
    assert_int_equal(w.counts[1].late, 1);
    assert_int_equal(answer(&w, 1, 102 + TIMEOUT_NS + 2), SEQ_DUPLICATED);
    seq_expire(&w, 102 + TIMEOUT_NS, TIMEOUT_NS);
    assert_int_equal(w.counts[1].lost, 1);
    seq_expire(&w, 103 + TIMEOUT_NS, TIMEOUT_NS);
    assert_int_equal(w.counts[1].lost, 2);
    assert_int_equal(answer(&w, 2, 5000), SEQ_LATE);
    assert_int_equal(w.counts[1].lost, 2);
    assert_int_equal(w.counts[1].late, 2);
    assert_int_equal(w.in_flight, 0);
    seq_free(&w);
}

static void what_was_never_sent_is_foreign(void **state)
{
    struct seq_window w = window_with(3);
    struct seq_answer a;

    (void)state;
    assert_int_equal(answer(&w, 3, 200), SEQ_FOREIGN);
    assert_int_equal(answer(&w, UINT64_MAX, 200), SEQ_FOREIGN);
    assert_int_equal(seq_receive(&w, 1, 99, 200, TIMEOUT_NS, &a), SEQ_FOREIGN);
    assert_int_equal(w.counts[1].foreign, 3);
    assert_int_equal(w.in_flight, 3);
    seq_free(&w);
}

static void the_window_is_never_overrun(void **state)
{
    struct seq_window w = window_with(16);

    (void)state;
    assert_int_equal(seq_room(&w), 0);
    answer(&w, 1, 200);
    assert_int_equal(seq_room(&w), 0); /* number 0 is still in flight */
    answer(&w, 0, 201);
    assert_int_equal(seq_room(&w), 2);
    seq_sent(&w, 116, 0);
    assert_int_equal(answer(&w, 0, 202), SEQ_STALE);
    assert_int_equal(answer(&w, 1, 202), SEQ_DUPLICATED);
    assert_int_equal(w.counts[1].stale, 1);
    seq_free(&w);
}

static void messages_before_the_measurement_are_kept_apart(void **state)
{
    struct seq_window w = window_with(2);

    (void)state;
    seq_measure(&w);
    seq_sent(&w, 102, 0);
    answer(&w, 0, 200);
    answer(&w, 2, 201);
    answer(&w, 2, 202);
    assert_int_equal(w.counts[1].sent, 1);
    assert_int_equal(w.counts[1].received, 1);
    assert_int_equal(w.counts[1].duplicated, 1);
    assert_int_equal(w.counts[0].received, 1);
    assert_int_equal(seq_count_in_flight(&w), 0);
    assert_int_equal(w.in_flight, 1);
    seq_free(&w);
}

static void without_numbers_the_oldest_is_answered(void **state)
{
    struct seq_window w = window_with(3);
    struct seq_answer a;

    (void)state;
    assert_int_equal(seq_receive_unnumbered(&w, 200, TIMEOUT_NS, &a), SEQ_RECEIVED);
    assert_int_equal(a.sent_ns, 100);
    assert_int_equal(seq_receive_unnumbered(&w, 201, TIMEOUT_NS, &a), SEQ_RECEIVED);
    assert_int_equal(a.sent_ns, 101);
    assert_int_equal(seq_receive_unnumbered(&w, 103 + TIMEOUT_NS, TIMEOUT_NS, &a), SEQ_FOREIGN);
    assert_int_equal(w.counts[1].lost, 1);
    seq_free(&w);
}

static void intended_moments_come_back(void **state)
{
    struct seq_window w;
    struct seq_answer a;

    (void)state;
    assert_int_equal(seq_init(&w, 4, true), 0);
    seq_sent(&w, 100, 60);
    assert_int_equal(seq_receive(&w, 0, 100, 150, TIMEOUT_NS, &a), SEQ_RECEIVED);
    assert_int_equal(a.due_ns, 60);
    assert_int_equal(a.sent_ns, 100);
    assert_true(a.measured);
    seq_free(&w);
}

/* ---- the window against a model that remembers every message */

enum fate { OPEN, ANSWERED, LOST, LATE };

enum { MESSAGES = 20000, SLOTS = 64 };

struct model {
    enum fate fate[MESSAGES];
    uint64_t sent_ns[MESSAGES];
    uint64_t sent, highest;
    struct seq_counts counts;
};

static void model_expire(struct model *m, uint64_t now_ns)
{
    for (uint64_t n = m->sent > 4 * SLOTS ? m->sent - 4 * SLOTS : 0; n < m->sent; n++) {
        if (m->fate[n] == OPEN && now_ns - m->sent_ns[n] > TIMEOUT_NS) {
            m->fate[n] = LOST;
            m->counts.lost++;
        }
    }
}

static void model_receive(struct model *m, uint64_t n, uint64_t now_ns)
{
    if (n >= m->sent) {
        m->counts.foreign++;
        return;
    }
    model_expire(m, now_ns);
    if (m->sent - n > SLOTS) {
        m->counts.stale++;
    } else if (m->fate[n] == OPEN) {
        m->fate[n] = ANSWERED;
        m->counts.received++;
        m->counts.reordered += n < m->highest;
        m->highest = n >= m->highest ? n + 1 : m->highest;
    } else if (m->fate[n] == LOST) {
        m->fate[n] = LATE;
        m->counts.late++;
    } else {
        m->counts.duplicated++;
    }
}

static void any_history_is_counted_right(void **state)
{
    static struct model m;
    struct seq_window w;
    struct rng rng = {.state = 20261};
    struct seq_answer a;
    uint64_t now_ns = 5000;

    (void)state;
    assert_int_equal(seq_init(&w, SLOTS, false), 0);
    while (m.sent < MESSAGES) {
        uint64_t n = m.sent + 2 - rng_below(&rng, m.sent < 80 ? m.sent + 3 : 83);

        now_ns += rng_below(&rng, 60);
        if (rng_below(&rng, 2) && seq_room(&w)) {
            m.sent_ns[m.sent++] = now_ns;
            m.counts.sent++;
            seq_sent(&w, now_ns, 0);
            continue;
        }
        model_receive(&m, n, now_ns);
        seq_receive(&w, n, n < m.sent ? m.sent_ns[n] : 1, now_ns, TIMEOUT_NS, &a);
        if (rng_below(&rng, 8) == 0) {
            model_expire(&m, now_ns);
            seq_expire(&w, now_ns, TIMEOUT_NS);
            assert_memory_equal(&w.counts[1], &m.counts, sizeof m.counts);
        }
        assert_int_equal(w.counts[1].sent,
                         w.counts[1].received + w.counts[1].lost + seq_count_in_flight(&w));
        assert_int_equal(w.in_flight, seq_count_in_flight(&w));
    }
    assert_true(m.counts.late > 100 && m.counts.duplicated > 100 && m.counts.reordered > 100);
    assert_true(m.counts.stale > 100 && m.counts.foreign > 100 && m.counts.lost > 100);
    seq_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_comes_back),
        cmocka_unit_test(a_reply_is_marked_as_one),
        cmocka_unit_test(a_message_without_a_header_is_marked_too),
        cmocka_unit_test(header_is_little_endian),
        cmocka_unit_test(damage_of_one_or_two_bits_is_seen),
        cmocka_unit_test(short_datagrams_have_no_header),
        cmocka_unit_test(an_answer_counts_once),
        cmocka_unit_test(the_timeout_decides_not_the_moment_of_looking),
        cmocka_unit_test(what_was_never_sent_is_foreign),
        cmocka_unit_test(the_window_is_never_overrun),
        cmocka_unit_test(messages_before_the_measurement_are_kept_apart),
        cmocka_unit_test(without_numbers_the_oldest_is_answered),
        cmocka_unit_test(intended_moments_come_back),
        cmocka_unit_test(any_history_is_counted_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
