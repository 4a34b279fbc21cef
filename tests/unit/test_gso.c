/* gso: datagrams become trains and trains datagrams again, and no byte moves. */
#include "udp/gso.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_train_fits_into_one_datagram(void **state)
{
    (void)state;
    assert_int_equal(gso_most(1), GSO_MAX_SEGMENTS);
    assert_int_equal(gso_most(256), GSO_MAX_SEGMENTS);
    assert_int_equal(gso_most(1472), 44);
    assert_int_equal(gso_most(32754), 1);
    assert_int_equal(gso_most(GSO_MAX_BYTES), 1);
}

static void couples_and_splits(void **state)
{
    unsigned char bytes[70];
    struct udp_train trains[10], single[10];

    (void)state;
    assert_int_equal(gso_couple(bytes, 10, 7, 3, NULL, trains), 3);
    assert_int_equal(gso_datagrams(&trains[0]), 3);
    assert_int_equal(gso_datagrams(&trains[2]), 1);
    assert_ptr_equal(trains[2].bytes, bytes + 60);
    assert_int_equal(trains[2].len, trains[2].segment);
    assert_int_equal(gso_split(&trains[1], 0, single, 10), 3);
    assert_int_equal(gso_split(&trains[1], 2, single, 10), 1);
    assert_ptr_equal(single[0].bytes, bytes + 50);
    assert_int_equal(single[0].len, 10);
    assert_int_equal(gso_split(&trains[1], 3, single, 10), 0);
    assert_int_equal(gso_split(&trains[1], 0, single, 2), 2);
}

/* Trains of ten-byte datagrams to peers 0 and 1; a letter of `lens` is a train's length in tens. */
static uint32_t joins_of(const char *lens, const char *to)
{
    static const struct udp_peer peers[] = {
        {.len = sizeof(struct sockaddr_in), .address.v4.sin_port = 1},
        {.len = sizeof(struct sockaddr_in), .address.v4.sin_port = 2},
        {.len = sizeof(struct sockaddr_in), .address.v4.sin_port = 1},
    };
    struct udp_train trains[4];
    uint32_t count = (uint32_t)strlen(lens);

    for (uint32_t i = 0; i < count; i++)
        trains[i] = (struct udp_train){
            .len = 10 * (uint32_t)(lens[i] - '0'), .segment = 10, .peer = &peers[to[i] - '0']};
    return gso_joins(trains, count);
}

static void joins_to_one_peer(void **state)
{
    struct udp_train empty[2] = {{0}}, unlike[3] = {{.len = 10, .segment = 10},
                                                    {.len = 15, .segment = 10},
                                                    {.len = 10, .segment = 10}};

    (void)state;
    assert_int_equal(joins_of("1", "0"), 1);
    assert_int_equal(joins_of("1111", "0000"), 4);
    assert_int_equal(joins_of("1311", "0020"), 4);
    assert_int_equal(joins_of("1111", "0010"), 2);
    assert_int_equal(joins_of("111", "100"), 1);
    assert_int_equal(gso_joins(empty, 2), 1);
    assert_int_equal(gso_joins(unlike, 3), 2); /* a short datagram ends a train */
    unlike[1].segment = 9;
    assert_int_equal(gso_joins(unlike, 3), 1);
}

static void joins_no_more_than_fits(void **state)
{
    struct udp_train trains[GSO_MAX_SEGMENTS + 1];

    (void)state;
    for (int i = 0; i <= GSO_MAX_SEGMENTS; i++)
        trains[i] = (struct udp_train){.len = 10, .segment = 10};
    assert_int_equal(gso_joins(trains, GSO_MAX_SEGMENTS + 1), GSO_MAX_SEGMENTS);
    for (int i = 0; i < 3; i++)
        trains[i] = (struct udp_train){.len = 20 * 1472, .segment = 1472};
    assert_int_equal(gso_joins(trains, 3), 2);
    trains[1].len = 25 * 1472;
    assert_int_equal(gso_joins(trains, 3), 1);
}

static void the_last_datagram_may_be_shorter(void **state)
{
    unsigned char bytes[25];
    struct udp_train train = {.bytes = bytes, .len = 25, .segment = 10}, single[4];

    (void)state;
    assert_int_equal(gso_datagrams(&train), 3);
    assert_int_equal(gso_split(&train, 0, single, 4), 3);
    assert_int_equal(single[2].len, 5);
    assert_int_equal(gso_datagram_len(&train, 20), 5);
}

static void an_empty_datagram_is_one(void **state)
{
    struct udp_train train = {0}, single[2];

    (void)state;
    assert_int_equal(gso_datagrams(&train), 1);
    assert_int_equal(gso_split(&train, 0, single, 2), 1);
    assert_int_equal(single[0].len, 0);
}

/* Passes what begins with a capital letter, makes a digit of it, and counts the others. */
static bool is_upper(void *context, unsigned char *bytes, uint32_t len)
{
    bool passes = len > 0 && bytes[0] >= 'A' && bytes[0] <= 'Z';

    if (passes)
        bytes[0] = (unsigned char)(bytes[0] - 'A' + '0');
    else
        ++*(uint32_t *)context;
    return passes;
}

static void filter_case(const char *in, uint32_t removed, const char *out)
{
    unsigned char bytes[32];
    struct udp_train train = {.bytes = bytes, .len = (uint32_t)strlen(in), .segment = 2};
    uint32_t refused = 0;

    memcpy(bytes, in, strlen(in));
    assert_int_equal(gso_filter(&train, is_upper, &refused), removed);
    assert_int_equal(refused, removed);
    assert_int_equal(train.len, strlen(out));
    assert_memory_equal(bytes, out, strlen(out));
}

static void filters(void **state)
{
    (void)state;
    filter_case("AaBbCc", 0, "0a1b2c");
    filter_case("AabbCc", 1, "0a2c");
    filter_case("aaBbC", 1, "1b2");
    filter_case("AaBbc", 1, "0a1b");
    filter_case("aabbcc", 3, "");
    filter_case("", 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_train_fits_into_one_datagram),
        cmocka_unit_test(couples_and_splits),
        cmocka_unit_test(joins_to_one_peer),
        cmocka_unit_test(joins_no_more_than_fits),
        cmocka_unit_test(the_last_datagram_may_be_shorter),
        cmocka_unit_test(an_empty_datagram_is_one),
        cmocka_unit_test(filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
