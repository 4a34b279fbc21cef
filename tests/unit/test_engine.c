/* Every engine in every way it can run: what is read and written, byte by byte, and each fault. */
#include "common/base/clock.h"
#include "common/choose/choose.h"
#include "fileio/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEPTH = 32, BLOCK = 4096, FILE_BYTES = DEPTH * BLOCK };

struct way {
    const char *label, *engine;
    bool two_threads;
};

static const struct way ways[] = {
    {"sync", "sync", false},
    {"threads", "threads:pool=3", false},
    {"libaio_ring", "libaio", false},
    {"libaio_getevents", "libaio:notify=getevents", false},
    {"libaio_eventfd", "libaio:notify=eventfd", false},
    {"libaio_eventfd_getevents", "libaio:notify=eventfd,-user_reap", false},
    {"uring", "io_uring", false},
    {"uring_two_threads", "io_uring", true},
    {"uring_sqpoll", "io_uring:+sqpoll", false},
    {"uring_plain",
     "io_uring:-registered_files,-registered_buffers,-registered_ring,-defer_taskrun,-coop_taskrun",
     false},
};

struct bench {
    struct engine engine;
    char path[64];
    int fds[2]; /* the file, and one that is not open */
    char *buffers;
    unsigned char image[FILE_BYTES];
    struct file_op ops[DEPTH];
};

/* ---- a file with known bytes, and an engine on it ---- */

static void write_image(struct bench *b)
{
    for (unsigned i = 0; i < FILE_BYTES; i++)
        b->image[i] = (unsigned char)(i * 7 + i / 251);
    assert_int_equal(pwrite(b->fds[0], b->image, FILE_BYTES, 0), FILE_BYTES);
}

static int choose_engine(struct choice *choice, const char *spec, bool two_threads, char *why,
                         size_t why_cap)
{
    struct engine_work work = {DEPTH, two_threads, false, true, true, true};
    struct choose_from from = {.option = "engine", .table = engine_table, .about = &work};

    return choose_spec(choice, &from, spec, why, why_cap);
}

static void open_engine(struct bench *b, const struct way *way)
{
    struct engine_config config = {
        .depth = DEPTH,
        .fds = b->fds,
        .files = 2,
        .buffers = b->buffers,
        .buffers_bytes = FILE_BYTES,
        .two_threads = way->two_threads,
    };
    char why[256] = "";

    if (choose_engine(&config.choice, way->engine, way->two_threads, why, sizeof why)) {
        print_message("%s: %s\n", way->label, why);
        skip();
    }
    if (engine_open(&b->engine, engine_of(&config.choice), &config, why, sizeof why))
        fail_msg("%s: %s", way->label, why);
}

static struct bench *bench_new(const struct way *way, const char *folder, int flags)
{
    struct bench *b = aligned_alloc(64, (sizeof *b + 63) / 64 * 64);

    assert_non_null(b);
    memset(b, 0, sizeof *b);
    snprintf(b->path, sizeof b->path, "%s/test_engine.XXXXXX", folder);
    b->fds[0] = mkstemp(b->path);
    b->fds[1] = -1;
    assert_true(b->fds[0] >= 0);
    assert_int_equal(posix_memalign((void **)&b->buffers, BLOCK, FILE_BYTES), 0);
    memset(b->buffers, 0xee, FILE_BYTES);
    if (flags) {
        close(b->fds[0]);
        b->fds[0] = open(b->path, O_RDWR | flags);
    }
    unlink(b->path);
    if (b->fds[0] >= 0)
        open_engine(b, way);
    return b;
}

static void bench_free(struct bench *b)
{
    engine_close(&b->engine);
    close(b->fds[0]);
    free(b->buffers);
    free(b);
}

/* Operation i uses slice i of the buffers. */
static struct file_op *prepare(struct bench *b, unsigned i, enum file_kind kind, uint64_t offset,
                               uint32_t len)
{
    b->ops[i] = (struct file_op){
        .buf = b->buffers + i * BLOCK,
        .offset = offset,
        .len = len,
        .kind = (uint8_t)kind,
    };
    return &b->ops[i];
}

/* Hands over ops[0..n) and takes them back, each exactly once. */
static void run(struct bench *b, unsigned n)
{
    struct file_op *ops[DEPTH], *done[DEPTH];
    unsigned at = 0, back = 0, in_flight = 0, seen[DEPTH] = {0};

    for (unsigned i = 0; i < n; i++)
        ops[i] = &b->ops[i];
    while (back < n) {
        int taken = at < n ? engine_submit(&b->engine, ops + at, n - at, 0) : 0;

        if (taken > 0) {
            at += (unsigned)taken;
            in_flight += (unsigned)taken;
        } else if (taken < 0 && taken != -EAGAIN) {
            ops[at]->result = taken;
            seen[ops[at++] - b->ops]++;
            back++;
        }
        taken = in_flight ? engine_reap(&b->engine, done, 1, DEPTH, CLOCK_NEVER_NS) : 0;
        assert_true(taken >= 0 && (unsigned)taken <= in_flight);
        for (int i = 0; i < taken; i++)
            seen[done[i] - b->ops]++;
        in_flight -= (unsigned)taken;
        back += (unsigned)taken;
    }
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(b->engine.submitting->batched, b->engine.reaping->events);
}

static void assert_file_is(struct bench *b)
{
    unsigned char *found = malloc(FILE_BYTES);

    assert_non_null(found);
    assert_int_equal(pread(b->fds[0], found, FILE_BYTES, 0), FILE_BYTES);
    assert_memory_equal(found, b->image, FILE_BYTES);
    free(found);
}

/* ---- the checks ---- */

static void single_read(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    prepare(b, 0, FILE_READ, 1024, 512);
    run(b, 1);
    assert_int_equal(b->ops[0].result, 512);
    assert_memory_equal(b->buffers, b->image + 1024, 512);
    assert_int_equal((unsigned char)b->buffers[512], 0xee);
    bench_free(b);
}

static void three_reads_at_once(void **state)
{
    static const uint64_t offsets[] = {3 * BLOCK, 0, 17 * BLOCK + 100};
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    for (unsigned i = 0; i < 3; i++)
        prepare(b, i, FILE_READ, offsets[i], BLOCK);
    run(b, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(b->ops[i].result, BLOCK);
        assert_memory_equal(b->buffers + i * BLOCK, b->image + offsets[i], BLOCK);
    }
    bench_free(b);
}

static void write_of_512(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    memset(b->buffers, 0x5a, 512);
    memset(b->image + 5120, 0x5a, 512);
    prepare(b, 0, FILE_WRITE, 5120, 512);
    run(b, 1);
    assert_int_equal(b->ops[0].result, 512);
    assert_file_is(b);
    bench_free(b);
}

static void direct_and_aligned(void **state)
{
#ifdef O_DIRECT
    struct bench *b = bench_new(*state, "/tmp", O_DIRECT);
    int flags = b->fds[0] < 0 ? 0 : fcntl(b->fds[0], F_GETFL);

    if (!(flags & O_DIRECT))
        skip();
    for (unsigned i = 0; i < DEPTH; i++) {
        memset(b->buffers + i * BLOCK, (int)i + 1, BLOCK);
        prepare(b, i, FILE_WRITE, i * BLOCK, BLOCK);
    }
    run(b, DEPTH);
    for (unsigned i = 0; i < DEPTH; i++) {
        assert_int_equal(b->ops[i].result, BLOCK);
        memset(b->image + i * BLOCK, (int)(DEPTH - i), BLOCK);
        prepare(b, i, FILE_READ, (DEPTH - 1 - i) * BLOCK, BLOCK);
    }
    run(b, DEPTH);
    assert_memory_equal(b->buffers, b->image, FILE_BYTES);
    bench_free(b);
#else
    (void)state;
    skip();
#endif
}

static void batch_of_all(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    for (unsigned round = 0; round < 50; round++) {
        memset(b->buffers, 0xee, FILE_BYTES);
        for (unsigned i = 0; i < DEPTH; i++)
            prepare(b, i, FILE_READ, (DEPTH - 1 - i) * BLOCK, BLOCK);
        run(b, DEPTH);
        for (unsigned i = 0; i < DEPTH; i++)
            assert_memory_equal(b->buffers + i * BLOCK, b->image + (DEPTH - 1 - i) * BLOCK, BLOCK);
    }
    bench_free(b);
}

static void sync_of_both_kinds(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    prepare(b, 0, FILE_FSYNC, 0, BLOCK);
    prepare(b, 1, FILE_FDATASYNC, 0, BLOCK);
    run(b, 2);
    assert_int_equal(b->ops[0].result, 0);
    assert_int_equal(b->ops[1].result, 0);
    assert_file_is(b);
    bench_free(b);
}

static void bad_descriptor(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    prepare(b, 0, FILE_READ, 0, BLOCK);
    prepare(b, 1, FILE_READ, 0, BLOCK)->file = 1;
    prepare(b, 2, FILE_WRITE, BLOCK, BLOCK);
    memcpy(b->buffers + 2 * BLOCK, b->image + BLOCK, BLOCK);
    run(b, 3);
    assert_int_equal(b->ops[0].result, BLOCK);
    assert_int_equal(b->ops[1].result, -EBADF);
    assert_int_equal(b->ops[2].result, BLOCK);
    assert_file_is(b);
    bench_free(b);
}

static void short_read_at_the_end(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);

    write_image(b);
    assert_int_equal(ftruncate(b->fds[0], 1000), 0);
    prepare(b, 0, FILE_READ, 0, BLOCK);
    prepare(b, 1, FILE_READ, 1000, BLOCK);
    run(b, 2);
    assert_int_equal(b->ops[0].result, 1000);
    assert_memory_equal(b->buffers, b->image, 1000);
    assert_int_equal(b->ops[1].result, 0);
    bench_free(b);
}

static void file_size_limit(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);
    struct rlimit before, low;
    struct stat st;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = (struct rlimit){BLOCK, before.rlim_max};
    prepare(b, 0, FILE_WRITE, BLOCK / 2, BLOCK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    run(b, 1);
    prepare(b, 1, FILE_WRITE, BLOCK, BLOCK);
    b->ops[0] = b->ops[1];
    run(b, 1);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(b->ops[0].result, -EFBIG);
    assert_int_equal(fstat(b->fds[0], &st), 0);
    assert_int_equal(st.st_size, BLOCK);
    bench_free(b);
}

#ifdef __linux__
static void no_space(void **state)
{
    char folder[] = "/tmp/test_engine.full.XXXXXX";
    struct bench *b;
    unsigned good = 0, full = 0;

    assert_non_null(mkdtemp(folder));
    if (mount("tmpfs", folder, "tmpfs", 0, "size=64k")) {
        print_message("a small tmpfs cannot be mounted: %s\n", strerror(errno));
        rmdir(folder);
        skip();
    }
    b = bench_new(*state, folder, 0);
    for (unsigned i = 0; i < DEPTH; i++)
        prepare(b, i, FILE_WRITE, i * BLOCK, BLOCK);
    run(b, DEPTH);
    for (unsigned i = 0; i < DEPTH; i++) {
        good += b->ops[i].result == BLOCK;
        full += b->ops[i].result == -ENOSPC;
    }
    bench_free(b);
    umount2(folder, MNT_DETACH);
    rmdir(folder);
    assert_int_equal(good, 16);
    assert_int_equal(full, DEPTH - 16);
}
#endif

/* The promise to reap lets an engine wait while it submits; nothing may be lost by it. */
static void submit_that_waits(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);
    struct file_op *op, *done[DEPTH];

    write_image(b);
    for (unsigned i = 0; i < 200; i++) {
        memset(b->buffers, 0xee, BLOCK);
        op = prepare(b, 0, FILE_READ, i % DEPTH * BLOCK, BLOCK);
        assert_int_equal(engine_submit(&b->engine, &op, 1, 1), 1);
        assert_int_equal(engine_reap(&b->engine, done, 1, DEPTH, CLOCK_NEVER_NS), 1);
        assert_ptr_equal(done[0], op);
        assert_memory_equal(b->buffers, b->image + i % DEPTH * BLOCK, BLOCK);
    }
    bench_free(b);
}

static void reap_of_nothing(void **state)
{
    struct bench *b = bench_new(*state, "/tmp", 0);
    struct file_op *done[DEPTH];

    assert_int_equal(engine_reap(&b->engine, done, 0, DEPTH, CLOCK_NEVER_NS), 0);
    bench_free(b);
}

static const struct {
    const char *name;
    CMUnitTestFunction check;
} checks[] = {
    {"single_read", single_read},
    {"three_reads_at_once", three_reads_at_once},
    {"write_of_512", write_of_512},
    {"direct_and_aligned", direct_and_aligned},
    {"batch_of_all", batch_of_all},
    {"sync_of_both_kinds", sync_of_both_kinds},
    {"bad_descriptor", bad_descriptor},
    {"short_read_at_the_end", short_read_at_the_end},
    {"file_size_limit", file_size_limit},
#ifdef __linux__
    {"no_space", no_space},
#endif
    {"submit_that_waits", submit_that_waits},
    {"reap_of_nothing", reap_of_nothing},
};

enum {
    CHECKS = sizeof checks / sizeof checks[0],
    WAYS = sizeof ways / sizeof ways[0],
};

static void an_unknown_engine_is_refused(void **state)
{
    struct choice choice;
    char why[256];

    (void)state;
    assert_int_equal(choose_engine(&choice, "paper", false, why, sizeof why), -EINVAL);
}

static void auto_never_takes_the_pretender(void **state)
{
    struct choice choice;
    char why[256];

    (void)state;
    assert_int_equal(choose_engine(&choice, "auto", false, why, sizeof why), 0);
    assert_ptr_not_equal(choice.backend, &engine_null.backend);
}

int main(void)
{
    static char names[WAYS * CHECKS][96];
    static struct CMUnitTest tests[WAYS * CHECKS + 2] = {
        cmocka_unit_test(an_unknown_engine_is_refused),
        cmocka_unit_test(auto_never_takes_the_pretender),
    };

    for (unsigned w = 0; w < WAYS; w++) {
        for (unsigned c = 0; c < CHECKS; c++) {
            char *name = names[w * CHECKS + c];

            snprintf(name, sizeof names[0], "%s_%s", ways[w].label, checks[c].name);
            tests[2 + w * CHECKS + c] = (struct CMUnitTest){
                .name = name,
                .test_func = checks[c].check,
                .initial_state = (void *)(uintptr_t)&ways[w],
            };
        }
    }
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
