/*
 * The shared context: many users, random cancellation, users that come and go. Every operation
 * comes back exactly once, with its own data or with -ECANCELED and an untouched buffer.
 */
#include "common/base/clock.h"
#include "common/base/rng.h"
#include "common/choose/choose.h"
#include "fileio/split.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif

enum {
    USERS = 4,
    DEPTH = 32, /* of each user */
    BLOCK = 512,
    BLOCKS = 1024,
    POISON = 0xee,
#ifdef SLOW
    OPERATIONS = 100000, /* of all users */
#else
    OPERATIONS = 1000000,
#endif
};

struct shared {
    struct split *split;
    int fd;
    char *buffers;
};

struct user {
    struct shared *shared;
    unsigned index;
    pthread_t thread;
    struct split_user *in;
    struct file_op ops[DEPTH];
    uint64_t blocks[DEPTH];
    bool out[DEPTH], cancelled[DEPTH];
    struct rng rng;
    uint64_t pushed, good, given_up, dropped, faults;
};

/* Block n of the file is n, over and over; writes write the same. */
static void fill(char *buf, uint64_t block)
{
    for (unsigned i = 0; i < BLOCK; i += sizeof block)
        memcpy(buf + i, &block, sizeof block);
}

static bool is_filled_with(const char *buf, uint64_t block)
{
    char wanted[BLOCK];

    fill(wanted, block);
    return memcmp(buf, wanted, BLOCK) == 0;
}

static bool is_poisoned(const char *buf)
{
    for (unsigned i = 0; i < BLOCK; i++)
        if ((unsigned char)buf[i] != POISON)
            return false;
    return true;
}

static void take_back(struct user *u, unsigned min)
{
    struct file_op *done[DEPTH];
    struct stats stats = {0};
    unsigned n = split_take(u->in, done, min, DEPTH, CLOCK_NEVER_NS, &stats);

    for (unsigned d = 0; d < n; d++) {
        unsigned i = (unsigned)(done[d] - u->ops);
        bool read = u->ops[i].kind == FILE_READ;

        u->faults += !u->out[i]; /* came back twice */
        u->out[i] = false;
        if (u->cancelled[i]) {
            u->faults += u->ops[i].result != -ECANCELED || (read && !is_poisoned(u->ops[i].buf));
            u->given_up++;
        } else {
            u->faults += u->ops[i].result != BLOCK || !is_filled_with(u->ops[i].buf, u->blocks[i]);
            u->good++;
        }
    }
}

static unsigned push_some(struct user *u, unsigned most)
{
    struct file_op *batch[DEPTH];
    unsigned n = 0;

    for (unsigned i = 0; i < DEPTH && n < most; i++) {
        if (u->out[i])
            continue;
        u->blocks[i] = rng_below(&u->rng, BLOCKS);
        u->ops[i].offset = u->blocks[i] * BLOCK;
        u->ops[i].kind = rng_below(&u->rng, 4) ? FILE_READ : FILE_WRITE;
        u->ops[i].priority = rng_below(&u->rng, 8) == 0;
        if (u->ops[i].kind == FILE_READ)
            memset(u->ops[i].buf, POISON, BLOCK);
        else
            fill(u->ops[i].buf, u->blocks[i]);
        u->out[i] = true;
        u->cancelled[i] = false;
        batch[n++] = &u->ops[i];
    }
    if (n)
        split_push(u->in, batch, n);
    u->pushed += n;
    return n;
}

static void cancel_some(struct user *u)
{
    for (unsigned tries = 0; tries < 3; tries++) {
        unsigned i = (unsigned)rng_below(&u->rng, DEPTH);

        if (u->out[i] && !u->cancelled[i])
            u->cancelled[i] = split_cancel(&u->ops[i]);
    }
}

/* Goes without waiting for anything, and comes again as somebody else. */
static void leave_and_join(struct user *u)
{
    for (unsigned i = 0; i < DEPTH; i++) {
        u->dropped += u->out[i];
        u->out[i] = false;
    }
    split_leave(u->in);
    u->in = split_join(u->shared->split);
    u->faults += u->in == NULL;
}

static void *run_user(void *argument)
{
    struct user *u = argument;

    while (u->pushed < OPERATIONS / USERS && u->faults == 0) {
        push_some(u, 1 + (unsigned)rng_below(&u->rng, DEPTH));
        if (rng_below(&u->rng, 4) == 0)
            cancel_some(u);
        if (rng_below(&u->rng, 500) == 0)
            leave_and_join(u);
        else
            take_back(u, rng_below(&u->rng, 2) ? 0 : 1);
        for (unsigned i = 0; i < DEPTH; i++)
            if (!u->out[i])
                goto room;
        take_back(u, 1);
    room:;
    }
    for (unsigned i = 0; i < DEPTH; i++)
        while (u->out[i] && u->faults == 0)
            take_back(u, 1);
    split_leave(u->in);
    return NULL;
}

static void open_file(struct shared *s)
{
    char path[] = "/tmp/test_split.XXXXXX", block[BLOCK];

    s->fd = mkstemp(path);
    assert_true(s->fd >= 0);
    unlink(path);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        fill(block, i);
        assert_int_equal(pwrite(s->fd, block, BLOCK, (off_t)(i * BLOCK)), BLOCK);
    }
    assert_int_equal(posix_memalign((void **)&s->buffers, 4096, USERS * DEPTH * BLOCK), 0);
}

/* A depth below what the users push together: the submitter has to wait for room. */
static void open_context(struct shared *s, const char *engine, unsigned depth, uint64_t spin_ns)
{
    struct split_config config = {
        .engine = {.depth = depth,
                   .fds = &s->fd,
                   .files = 1,
                   .buffers = s->buffers,
                   .buffers_bytes = USERS * DEPTH * BLOCK},
        .users = USERS,
        .budget = 16,
        .spin_ns = spin_ns,
    };
    struct engine_work work = {.depth = depth, .two_threads = true, .reads = true, .writes = true};
    struct choose_from from = {.option = "engine", .table = engine_table, .about = &work};
    char why[256] = "";

    if (choose_spec(&config.engine.choice, &from, engine, why, sizeof why)) {
        print_message("%s: %s\n", engine, why);
        skip();
    }
    config.type = engine_of(&config.engine.choice);
    if (split_open(&s->split, &config, why, sizeof why))
        fail_msg("%s: %s", engine, why);
}

static void init_user(struct user *u, struct shared *s, unsigned index)
{
    memset(u, 0, sizeof *u);
    u->shared = s;
    u->index = index;
    u->rng.state = index;
    for (unsigned i = 0; i < DEPTH; i++) {
        u->ops[i].buf = s->buffers + (index * DEPTH + i) * BLOCK;
        u->ops[i].len = BLOCK;
    }
    u->in = split_join(s->split);
    assert_non_null(u->in);
}

static void storm(const char *engine, uint64_t spin_ns)
{
    static struct user users[USERS];
    struct shared s = {0};
    uint64_t pushed = 0, back = 0, given_up = 0;

    open_file(&s);
    open_context(&s, engine, 48, spin_ns);
    for (unsigned i = 0; i < USERS; i++)
        init_user(&users[i], &s, i);
    assert_null(split_join(s.split));
    for (unsigned i = 0; i < USERS; i++)
        assert_int_equal(pthread_create(&users[i].thread, NULL, run_user, &users[i]), 0);
    for (unsigned i = 0; i < USERS; i++) {
        pthread_join(users[i].thread, NULL);
        assert_int_equal(users[i].faults, 0);
        pushed += users[i].pushed;
        back += users[i].good + users[i].given_up + users[i].dropped;
        given_up += users[i].given_up;
    }
    split_close(s.split);
    assert_true(pushed >= OPERATIONS);
    assert_int_equal(pushed, back);
    assert_true(given_up > 0);
    split_free(s.split);
    free(s.buffers);
    close(s.fd);
}

static void storm_over_libaio(void **state)
{
    (void)state;
    storm("libaio", 0);
}

static void storm_over_io_uring(void **state)
{
    (void)state;
    storm("io_uring", 0);
}

static void storm_over_spinning_io_uring(void **state)
{
    (void)state;
    storm("io_uring", 20000);
}

static void storm_over_threads(void **state)
{
    (void)state;
    storm("threads", 0);
}

/* A context that nobody ever used ends as well: only the empty read wakes its poller. */
static void an_idle_context_ends(void **state)
{
    static const char *const engines[] = {"threads", "libaio", "io_uring"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct shared s = {0};

        open_file(&s);
        open_context(&s, engines[i], 4, 0);
        split_close(s.split);
        split_free(s.split);
        free(s.buffers);
        close(s.fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_context_ends), cmocka_unit_test(storm_over_libaio),
        cmocka_unit_test(storm_over_io_uring),  cmocka_unit_test(storm_over_spinning_io_uring),
        cmocka_unit_test(storm_over_threads),
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
