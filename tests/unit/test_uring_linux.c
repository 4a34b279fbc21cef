/*
 * io_uring that refuses: a seccomp filter makes io_uring_enter(2) fail, for all that submit or for
 * submissions of a certain length. It cannot be taken off again, so each test is a process; one
 * that loops for ever is ended by its alarm.
 */
#include "common/base/clock.h"
#include "common/choose.h"
#include "common/loop/loop.h"
#include "common/uring/uring.h"
#include "fileio/split.h"
#include "udp/udp_loop.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, DEPTH = 8, BLOCK = 512, ADOPTED = 40, PATIENCE_S = 30 };

/* ---- a process of its own ---- */

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(bool good, const char *text, int line)
{
    if (good)
        return;
    fprintf(stderr, "line %d: not so: %s\n", line, text);
    _exit(1);
}

static void run_child(void **state)
{
    void (**body)(void) = *state;
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        alarm(PATIENCE_S);
        (*body)();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
        skip();
    assert_int_equal(status, 0);
}

/* From now on submissions of `length` entries (0: of any) fail, and only they. */
static void refuse(unsigned length, int err)
{
    const unsigned equal = length ? BPF_JEQ : BPF_JGE;
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP((unsigned short)(BPF_JMP | equal | BPF_K), length ? length : 1, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof rules / sizeof rules[0], rules};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        _exit(SKIPPED);
}

/* ---- files ---- */

static char blocks[DEPTH * BLOCK];

static struct engine_config engine_config(bool two_threads)
{
    static int fd = -1;
    char path[] = "/tmp/test_uring.XXXXXX";

    fd = mkstemp(path);
    CHECK(fd >= 0);
    unlink(path);
    CHECK(pwrite(fd, blocks, sizeof blocks, 0) == sizeof blocks);
    return (struct engine_config){
        .depth = DEPTH,
        .fds = &fd,
        .files = 1,
        .buffers = blocks,
        .buffers_bytes = sizeof blocks,
        .two_threads = two_threads,
    };
}

static void prepare(struct file_op *ops, struct file_op **list)
{
    for (unsigned i = 0; i < DEPTH; i++) {
        ops[i] = (struct file_op){
            .buf = blocks + i * BLOCK,
            .offset = i * BLOCK,
            .len = BLOCK,
            .kind = FILE_READ,
        };
        list[i] = &ops[i];
    }
}

/* io_uring is chosen for config, or the test skipped. */
static void choose_uring(struct engine_config *config)
{
    struct engine_work work = {.depth = DEPTH, .two_threads = config->two_threads, .reads = true};
    const struct choose_from from = {.option = "engine", .table = engine_table, .about = &work};
    char why[160] = "";

    if (choose_spec(&config->choice, &from, "io_uring", why, sizeof why))
        _exit(SKIPPED);
}

static struct engine *open_engine(bool two_threads)
{
    static struct engine e;
    struct engine_config config = engine_config(two_threads);
    char why[160] = "";

    choose_uring(&config);
    CHECK(engine_open(&e, &engine_uring, &config, why, sizeof why) == 0);
    return &e;
}

/* What the caller is told of as failed is the caller's: it does not come back as well. */
static void fail_once(bool two_threads)
{
    struct engine *e = open_engine(two_threads);
    struct file_op ops[DEPTH], *list[DEPTH], *done[DEPTH];
    unsigned back = 0;

    prepare(ops, list);
    refuse(3, EPERM);
    CHECK(engine_submit(e, list, 3, 0) == -EPERM);
    CHECK(engine_submit(e, list + 1, 2, 0) == 2);
    while (back < 2) {
        int got = engine_reap(e, done, 1, DEPTH, CLOCK_NEVER_NS);

        CHECK(got > 0);
        for (int i = 0; i < got; i++)
            CHECK(done[i] != &ops[0] && done[i]->result == BLOCK);
        back += (unsigned)got;
    }
    CHECK(back == 2);
    CHECK(engine_reap(e, done, 0, DEPTH, CLOCK_NEVER_NS) == 0);
    engine_close(e);
}

static void fail_once_in_each_way(void)
{
    fail_once(false);
    fail_once(true);
}

/* One thread may try again when it reaps; there it hears that there is no use in it. */
static void refuse_files(void)
{
    struct engine *e = open_engine(false);
    struct file_op ops[DEPTH], *list[DEPTH], *done[DEPTH];

    prepare(ops, list);
    refuse(0, EAGAIN);
    CHECK(engine_submit(e, list, 2, 0) == 2);
    CHECK(engine_reap(e, done, 1, DEPTH, CLOCK_NEVER_NS) < 0);
}

static void refuse_files_in_two_threads(void)
{
    struct engine *e = open_engine(true);
    struct file_op ops[DEPTH], *list[DEPTH];
    int taken;

    prepare(ops, list);
    refuse(0, EAGAIN);
    taken = engine_submit(e, list, 2, 0);
    CHECK(taken < 0 && taken != -EAGAIN);
}

/* Every operation comes back, and the context ends, though nothing can be submitted. */
static void refuse_split(void)
{
    struct split_config config = {.engine = engine_config(true), .users = 1, .budget = DEPTH};
    struct file_op ops[DEPTH], *list[DEPTH], *done[DEPTH];
    struct split_user *user;
    struct split *split;
    struct stats stats = {0};
    char why[160] = "";

    choose_uring(&config.engine);
    config.type = &engine_uring;
    prepare(ops, list);
    refuse(0, EAGAIN);
    CHECK(split_open(&split, &config, why, sizeof why) == 0);
    user = split_join(split);
    split_push(user, list, DEPTH);
    CHECK(split_take(user, done, DEPTH, DEPTH, CLOCK_NEVER_NS, &stats) == DEPTH);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK(ops[i].result < 0);
    split_leave(user);
    split_close(split);
    split_free(split);
}

/* An engine without room, not io_uring's: it says EAGAIN though nothing is in flight. */
static int open_full(struct engine *e, char *why, size_t why_cap)
{
    (void)e;
    (void)why;
    (void)why_cap;
    return 0;
}

static int submit_full(struct engine *e, struct file_op **ops, unsigned n, unsigned wait)
{
    (void)e;
    (void)ops;
    (void)n;
    (void)wait;
    return -EAGAIN;
}

static int reap_nothing(struct engine *e, struct file_op **done, unsigned min, unsigned max,
                        uint64_t until_ns)
{
    const struct timespec left = clock_left(until_ns);

    (void)e;
    (void)done;
    (void)max;
    if (min)
        nanosleep(&left, NULL);
    return 0;
}

static void close_full(struct engine *e)
{
    (void)e;
}

static const struct file_engine engine_full = {
    .backend = {.name = "full"},
    .most_depth = DEPTH,
    .two_threads = true,
    .open = open_full,
    .submit = submit_full,
    .reap = reap_nothing,
    .close = close_full,
};

static void split_over_a_full_engine(void)
{
    struct split_config config = {.engine = {.depth = DEPTH}, .users = 1, .budget = DEPTH};
    struct file_op ops[DEPTH], *list[DEPTH], *done[DEPTH];
    struct split_user *user;
    struct split *split;
    struct stats stats = {0};
    char why[160] = "";

    config.type = &engine_full;
    config.engine.choice.backend = &engine_full.backend;
    prepare(ops, list);
    CHECK(split_open(&split, &config, why, sizeof why) == 0);
    user = split_join(split);
    split_push(user, list, DEPTH);
    CHECK(split_take(user, done, DEPTH, DEPTH, CLOCK_NEVER_NS, &stats) == DEPTH);
    for (unsigned i = 0; i < DEPTH; i++)
        CHECK(ops[i].result == -EAGAIN);
    split_leave(user);
    split_close(split);
    split_free(split);
}

/* ---- TCP ---- */

struct program {
    unsigned to_adopt, closed;
};

struct span on_open(struct loop *l, struct conn *c)
{
    (void)l;
    (void)c;
    return SPAN_NONE;
}

struct span on_bytes(struct loop *l, struct conn *c, struct span in)
{
    (void)l;
    (void)c;
    (void)in;
    return SPAN_NONE;
}

struct span on_sent(struct loop *l, struct conn *c)
{
    (void)l;
    (void)c;
    return SPAN_NONE;
}

bool on_accept(struct loop *l, int fd)
{
    (void)l;
    (void)fd;
    return true;
}

void on_close(struct loop *l, struct conn *c, int err)
{
    struct program *p = l->program;

    (void)c;
    CHECK(err == ENOMEM);
    p->closed++;
}

/* Adopts more connections than the queue has entries, without a wait in between. */
void next_due(struct loop *l, struct due *due)
{
    struct program *p = l->program;
    int fds[2];

    *due = (struct due){.kind = DUE_WAIT, .wake_ns = CLOCK_NEVER_NS};
    if (p->to_adopt == 0)
        return;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    p->to_adopt--;
    due->kind = DUE_ADOPT;
    due->fd = fds[0];
}

static struct worker *new_worker(void)
{
    static struct crew crew;
    const struct opt_cpus cpus = {0};

    CHECK(crew_init(&crew, 1, &cpus) == 0);
    return &crew.workers[0];
}

static void run_loop(enum spin_mode mode, unsigned adopted)
{
    const struct choose_from from = {.option = "backend", .table = loop_table};
    struct loop_config config = {.conn_bytes = sizeof(struct conn), .mode = mode};
    struct program program = {.to_adopt = adopted};
    struct worker *w = new_worker();
    char why[160] = "";

    if (choose_spec(&config.choice, &from, "io_uring:sq=8", why, sizeof why))
        _exit(SKIPPED);
    refuse(0, EAGAIN);
    CHECK(loop_run(w, &config, -1, &program) < 0);
    CHECK(w->stats.errors[ERROR_out_of_memory] == program.closed);
    CHECK((program.closed > 0) == (adopted > 8));
}

static void refuse_asleep(void)
{
    run_loop(MODE_THROUGHPUT, 0);
}

static void refuse_spinning(void)
{
    run_loop(MODE_LATENCY, 0);
}

static void refuse_connections(void)
{
    run_loop(MODE_THROUGHPUT, ADOPTED);
}

/* ---- UDP ---- */

static void ignore(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                   unsigned count)
{
    (void)l;
    (void)s;
    (void)trains;
    (void)count;
}

static bool go_on(struct udp_loop *l, uint64_t *wake_ns)
{
    (void)l;
    *wake_ns = CLOCK_NEVER_NS;
    return true;
}

static void run_udp(enum spin_mode mode, uint32_t sockets)
{
    static const struct udp_role role = {.receive = ignore, .due = go_on};
    struct udp_setup setup = {.mode = mode, .ways.batch = 1};
    const struct choose_from from = {.option = "backend", .table = udp_backends, .about = &setup};
    struct udp_loop loop = {.socket_count = sockets, .receive_most = 1, .turn_most = 1};
    struct worker *w = new_worker();
    char why[160] = "";

    loop.sockets = calloc(sockets, sizeof *loop.sockets);
    for (uint32_t i = 0; i < sockets; i++)
        loop.sockets[i] = (struct udp_socket){.fd = socket(AF_INET, SOCK_DGRAM, 0), .index = i};
    if (choose_spec(&setup.choice, &from, "io_uring", why, sizeof why))
        _exit(SKIPPED);
    refuse(0, EAGAIN);
    CHECK(udp_loop_run(&loop, w, &setup, &role, NULL) < 0);
}

static void refuse_udp(void)
{
    run_udp(MODE_THROUGHPUT, 1);
}

static void refuse_udp_with_a_full_queue(void)
{
    run_udp(MODE_THROUGHPUT, 300);
}

static void refuse_udp_that_asks(void)
{
    run_udp(MODE_LATENCY, 1);
}

#define CHILD(body)                                     \
    {                                                   \
#body, run_child, NULL, NULL, &(void (*)(void)) \
        {                                               \
            body                                        \
        }                                               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD(fail_once_in_each_way),
        CHILD(refuse_files),
        CHILD(refuse_files_in_two_threads),
        CHILD(refuse_split),
        CHILD(split_over_a_full_engine),
        CHILD(refuse_asleep),
        CHILD(refuse_spinning),
        CHILD(refuse_connections),
        CHILD(refuse_udp),
        CHILD(refuse_udp_with_a_full_queue),
        CHILD(refuse_udp_that_asks),
    };

    return cmocka_run_group_tests_name("uring", tests, NULL, NULL);
}
