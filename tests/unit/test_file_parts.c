#include "common/base/clock.h"
#include "fileio/block.h"
#include "fileio/guard.h"
#include "fileio/offsets.h"
#include "fileio/tally.h"
#include "fileio/tuner.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- pattern ---- */

static void sequence_goes_round(void **state)
{
    struct offsets p;

    (void)state;
    offsets_init(&p, (struct offsets_choice){.kind = OFFSETS_SEQ}, 3, 1);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(offsets_next(&p), i % 3);
}

static void uniform_reaches_every_block_alike(void **state)
{
    enum { BLOCKS = 64, DRAWS = 64 * 1000 };
    unsigned counts[BLOCKS] = {0};
    struct offsets p;

    (void)state;
    offsets_init(&p, (struct offsets_choice){.kind = OFFSETS_UNIFORM}, BLOCKS, 7);
    for (unsigned i = 0; i < DRAWS; i++)
        counts[offsets_next(&p)]++;
    for (unsigned i = 0; i < BLOCKS; i++)
        assert_in_range(counts[i], 800, 1200); /* over 6 standard deviations */
}

static int by_count(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* Sorted by popularity, block k is drawn with probability k^-s / sum. */
static void check_zipf(double exponent)
{
    enum { BLOCKS = 1000, DRAWS = 400000 };
    static unsigned counts[BLOCKS];
    struct offsets p;
    double sum = 0;

    memset(counts, 0, sizeof counts);
    offsets_init(&p, (struct offsets_choice){OFFSETS_ZIPF, exponent}, BLOCKS, 5);
    for (unsigned i = 0; i < DRAWS; i++)
        counts[offsets_next(&p)]++;
    qsort(counts, BLOCKS, sizeof counts[0], by_count);
    for (unsigned k = 1; k <= BLOCKS; k++)
        sum += pow(k, -exponent);
    for (unsigned k = 1; k <= 8; k++) {
        double wanted = DRAWS * pow(k, -exponent) / sum;

        assert_true(fabs(counts[k - 1] - wanted) < 6 * sqrt(wanted) + 0.02 * wanted);
    }
}

static void zipf_has_its_distribution(void **state)
{
    (void)state;
    check_zipf(0.5);
    check_zipf(1.0);
    check_zipf(1.1);
    check_zipf(2.0);
}

static void zipf_of_one_block(void **state)
{
    struct offsets p;

    (void)state;
    offsets_init(&p, (struct offsets_choice){OFFSETS_ZIPF, 1.1}, 1, 5);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(offsets_next(&p), 0);
}

static void pattern_texts(void **state)
{
    static const char *const bad[] = {"",        "sequ",    "zipf:",    "zipf:0",  "zipf:-1",
                                      "zipf:11", "zipf:1x", "zipf:nan", "zipfian", "Uniform"};
    struct offsets_choice choice;

    (void)state;
    assert_int_equal(offsets_parse("zipf:0.9", &choice), 0);
    assert_int_equal(choice.kind, OFFSETS_ZIPF);
    assert_true(choice.exponent > 0.89 && choice.exponent < 0.91);
    assert_int_equal(offsets_parse("zipf", &choice), 0);
    assert_int_equal(offsets_parse("seq", &choice), 0);
    assert_int_equal(choice.kind, OFFSETS_SEQ);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(offsets_parse(bad[i], &choice), -EINVAL);
}

/* ---- block ---- */

static void a_block_is_good_where_it_belongs(void **state)
{
    unsigned char block[4096];

    (void)state;
    block_fill(block, sizeof block, 3, 77, 5);
    assert_int_equal(block_check(block, sizeof block, 3, 77, 5), ERROR_KINDS);
    assert_int_equal(block_check(block, sizeof block, 4, 77, 5), ERROR_misplaced);
    assert_int_equal(block_check(block, sizeof block, 3, 78, 5), ERROR_misplaced);
    assert_int_equal(block_check(block, sizeof block, 3, 77, 6), ERROR_stale);
}

static void every_flipped_bit_is_found(void **state)
{
    unsigned char block[512];

    (void)state;
    block_fill(block, sizeof block, 1, 2, 3);
    for (unsigned bit = 0; bit < sizeof block * 8; bit++) {
        block[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_int_not_equal(block_check(block, sizeof block, 1, 2, 3), ERROR_KINDS);
        block[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    assert_int_equal(block_check(block, sizeof block, 1, 2, 3), ERROR_KINDS);
}

static void a_torn_block_is_found(void **state)
{
    unsigned char older[4096], newer[4096];

    (void)state;
    block_fill(older, sizeof older, 1, 2, 3);
    block_fill(newer, sizeof newer, 1, 2, 4);
    memcpy(newer + 512, older + 512, sizeof newer - 512);
    assert_int_equal(block_check(newer, sizeof newer, 1, 2, 4), ERROR_corrupt);
    memset(newer, 0, sizeof newer);
    assert_int_equal(block_check(newer, sizeof newer, 1, 2, 4), ERROR_corrupt);
}

/* ---- tuner ---- */

/* A made-up device that does best with batches of `best`; returns the batch used most. */
static unsigned tune(unsigned best, unsigned most)
{
    struct tuner t;
    uint64_t now_ns = 1, operations = 0;
    unsigned used[12] = {0}, batch = 1, top = 0;

    tuner_begin(&t, most, now_ns);
    for (unsigned step = 0; step < 2000; step++) {
        double off = fabs(log2((double)batch / best));

        now_ns += 5 * NS_PER_MS;
        operations += (uint64_t)(5000 / (1 + 0.3 * off));
        batch = tuner_step(&t, operations, now_ns);
        assert_in_range(batch, 1, most);
        used[(unsigned)log2(batch)]++;
    }
    for (unsigned i = 1; i < 12; i++)
        if (used[i] > used[top])
            top = i;
    return 1U << top;
}

static void tuner_finds_the_best_batch(void **state)
{
    (void)state;
    assert_in_range(tune(16, 128), 8, 32);
    assert_in_range(tune(1, 128), 1, 2);
    assert_in_range(tune(128, 128), 64, 128);
    assert_int_equal(tune(16, 1), 1);
}

/* ---- tally ---- */

static void tallies_add_up(void **state)
{
    static struct tally a, b;

    (void)state;
    tally_init(&a);
    tally_init(&b);
    b.shorts[TALLY_WRITE] = 2;
    hist_record(&b.service[TALLY_READ], 10);
    b.verified = 7;
    hist_record(&b.sync, 10);
    tally_merge(&a, &b);
    tally_merge(&a, &b);
    assert_int_equal(a.shorts[TALLY_WRITE], 4);
    assert_int_equal(a.service[TALLY_READ].count, 2);
    assert_int_equal(a.verified, 14);
    assert_int_equal(a.sync.count, 2);
}

/* ---- guard ---- */

static void make_file(char *path)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
}

static void guard_removes_at_the_end(void **state)
{
    char first[] = "/tmp/test_guard.XXXXXX", second[] = "/tmp/test_guard.XXXXXX";
    struct guard g;

    (void)state;
    make_file(first);
    make_file(second);
    assert_int_equal(guard_begin(&g), 0);
    assert_int_equal(guard_add(&g, first), 0);
    assert_int_equal(guard_add(&g, second), 0);
    assert_int_equal(access(first, F_OK), 0);
    guard_end(&g);
    assert_int_not_equal(access(first, F_OK), 0);
    assert_int_not_equal(access(second, F_OK), 0);
}

static void guard_removes_when_we_are_killed(void **state)
{
    char path[] = "/tmp/test_guard.XXXXXX";
    pid_t pid;

    (void)state;
    make_file(path);
    pid = fork();
    if (pid == 0) {
        struct guard g;

        if (guard_begin(&g) || guard_add(&g, path))
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (unsigned i = 0; i < 500 && access(path, F_OK) == 0; i++)
        usleep(10000);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_goes_round),
        cmocka_unit_test(uniform_reaches_every_block_alike),
        cmocka_unit_test(zipf_has_its_distribution),
        cmocka_unit_test(zipf_of_one_block),
        cmocka_unit_test(pattern_texts),
        cmocka_unit_test(a_block_is_good_where_it_belongs),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(a_torn_block_is_found),
        cmocka_unit_test(tuner_finds_the_best_batch),
        cmocka_unit_test(tallies_add_up),
        cmocka_unit_test(guard_removes_at_the_end),
        cmocka_unit_test(guard_removes_when_we_are_killed),
    };

    return cmocka_run_group_tests_name("file_parts", tests, NULL, NULL);
}
