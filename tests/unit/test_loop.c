/* What every event backend promises a program about its hooks (common/loop/loop.h). */
#include "common/base/clock.h"
#include "common/choose/choose.h"
#include "common/loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    MANY = 4 << 20, /* more bytes than a socket takes at once */
    NOTES = 100,    /* messages that arrive while so many bytes are unsent */
    NOTE_BYTES = 50,
    WAITS = 50,
};

static const char last_words[] = "last words";

/* The program behind the hooks: a connection that was there before the loop. */
struct program {
    int fd; /* to be adopted; -1: it has been */
    bool echoes;
    bool over;
    unsigned early; /* times that bytes were handed over while an answer was unsent */
    unsigned sent;  /* calls of on_sent() */
    int close_err;
    unsigned char got[NOTES * NOTE_BYTES];
    size_t got_bytes;
    unsigned waits; /* still to be asked for */
    uint64_t looked_ns, took_ns;
};

/* The other end of the connection. */
struct peer {
    int fd;
    pthread_t writer, reader;
    uint64_t faults, bytes;
};

static unsigned char many[MANY];

/* ---- the hooks ---- */

struct span on_open(struct loop *l, struct conn *c)
{
    const struct program *p = l->program;

    (void)c;
    return p->echoes ? SPAN_NONE : (struct span){many, MANY};
}

struct span on_bytes(struct loop *l, struct conn *c, struct span in)
{
    struct program *p = l->program;

    p->early += c->unsent.len > 0;
    if (p->echoes)
        return in;
    for (size_t i = 0; i < in.len && p->got_bytes < sizeof p->got; i++)
        p->got[p->got_bytes++] = in.bytes[i];
    return SPAN_NONE;
}

struct span on_sent(struct loop *l, struct conn *c)
{
    struct program *p = l->program;

    p->early += c->unsent.len > 0;
    if (p->echoes || p->sent++)
        return SPAN_NONE;
    return (struct span){(const unsigned char *)last_words, sizeof last_words};
}

bool on_accept(struct loop *l, int fd)
{
    (void)l;
    (void)fd;
    return false;
}

void on_close(struct loop *l, struct conn *c, int err)
{
    struct program *p = l->program;

    (void)c;
    p->over = true;
    p->close_err = err;
}

void next_due(struct loop *l, struct due *due)
{
    struct program *p = l->program;

    *due = (struct due){.kind = DUE_WAIT, .wake_ns = CLOCK_NEVER_NS};
    if (p->over) {
        due->kind = DUE_QUIT;
    } else if (p->fd >= 0) {
        due->kind = DUE_ADOPT;
        due->fd = p->fd;
        p->fd = -1;
    } else if (p->waits) {
        p->over = --p->waits == 0;
        p->looked_ns = l->stats->looking_ns;
        due->wake_ns = clock_now_ns() + 900 * NS_PER_US;
    }
}

/* ---- running them ---- */

static void run(const char *backend, struct program *p)
{
    const struct choose_from from = {.option = "backend", .table = loop_table};
    struct loop_config config = {
        .conn_bytes = sizeof(struct conn),
        .mode = MODE_THROUGHPUT,
        .program = "test_loop",
    };
    const struct opt_cpus cpus = {0};
    uint64_t start_ns;
    struct crew crew;
    char why[160] = "";
    int err = choose_spec(&config.choice, &from, backend, why, sizeof why);

    if (err) {
        print_message("%s: %s\n", backend, why);
        skip();
    }
    assert_int_equal(crew_init(&crew, 1, &cpus), 0);
    alarm(60); /* SIGTERM is the crew's to handle */
    start_ns = clock_now_ns();
    assert_int_equal(loop_run(&crew.workers[0], &config, -1, p), 0);
    p->took_ns = clock_now_ns() - start_ns;
    assert_int_equal(crew.workers[0].stats.errors[ERROR_out_of_memory], 0);
    crew_free(&crew);
}

static void fill_many(void)
{
    for (size_t i = 0; i < MANY; i++)
        many[i] = (unsigned char)(i * 31 + i / 253);
}

static void meet(struct program *p, struct peer *peer)
{
    int fds[2];

    fill_many();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(net_set_options(fds[0], &(struct net_options){.sndbuf_bytes = 16384}) > 0, 1);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    p->fd = fds[0];
    peer->fd = fds[1];
}

/* Reads `bytes` bytes, which must be those of `many`, over and over. Slowly at first. */
static void read_many(struct peer *peer, uint64_t bytes)
{
    static const struct timespec a_while = {.tv_nsec = 2 * NS_PER_MS};
    unsigned char part[16384];
    ssize_t n = 1;

    while (peer->bytes < bytes && n > 0) {
        uint64_t left = bytes - peer->bytes;

        if (peer->bytes < (uint64_t)20 * sizeof part)
            nanosleep(&a_while, NULL);
        n = read(peer->fd, part, left < sizeof part ? left : sizeof part);
        for (ssize_t i = 0; i < n; i++)
            peer->faults += part[i] != many[peer->bytes++ % MANY];
    }
}

/* ---- an answer that goes out slowly ---- */

static void write_note(int fd, int n)
{
    unsigned char note[NOTE_BYTES];

    memset(note, n, sizeof note);
    if (write(fd, note, sizeof note) != sizeof note)
        perror("write");
}

static void *write_notes_and_read(void *argument)
{
    struct peer *peer = argument;
    char end[sizeof last_words];

    for (int n = 1; n < NOTES; n++)
        write_note(peer->fd, n);
    read_many(peer, MANY);
    peer->faults += recv(peer->fd, end, sizeof end, MSG_WAITALL) != sizeof end;
    peer->faults += memcmp(end, last_words, sizeof end) != 0;
    close(peer->fd);
    return NULL;
}

/* The first message is there before the loop begins, the others come while it sends. */
static void bytes_wait_for_an_unsent_answer(void **state)
{
    struct program p = {0};
    struct peer peer = {0};

    meet(&p, &peer);
    write_note(peer.fd, 0);
    assert_int_equal(pthread_create(&peer.reader, NULL, write_notes_and_read, &peer), 0);
    run(*state, &p);
    pthread_join(peer.reader, NULL);
    assert_int_equal(peer.faults, 0);
    assert_int_equal(peer.bytes, MANY);
    assert_int_equal(p.early, 0);
    assert_true(p.sent >= 1);
    assert_int_equal(p.close_err, 0);
    assert_int_equal(p.got_bytes, sizeof p.got);
    for (size_t i = 0; i < sizeof p.got; i++)
        assert_int_equal(p.got[i], i / NOTE_BYTES);
}

/* ---- an echo ---- */

static void *write_many(void *argument)
{
    struct peer *peer = argument;

    for (unsigned round = 0; round < 2; round++)
        for (size_t at = 0; at < MANY;) {
            ssize_t n = write(peer->fd, many + at, MANY - at < 10000 ? MANY - at : 10000);

            if (n < 0)
                return NULL;
            at += (size_t)n;
        }
    shutdown(peer->fd, SHUT_WR);
    return NULL;
}

static void *read_echo(void *argument)
{
    struct peer *peer = argument;

    read_many(peer, UINT64_MAX);
    close(peer->fd);
    return NULL;
}

static void an_echo_to_a_slow_peer_is_in_order(void **state)
{
    struct program p = {.echoes = true};
    struct peer peer = {0};

    meet(&p, &peer);
    assert_int_equal(pthread_create(&peer.writer, NULL, write_many, &peer), 0);
    assert_int_equal(pthread_create(&peer.reader, NULL, read_echo, &peer), 0);
    run(*state, &p);
    pthread_join(peer.writer, NULL);
    pthread_join(peer.reader, NULL);
    assert_int_equal(peer.faults, 0);
    assert_int_equal(peer.bytes, 2 * MANY);
    assert_int_equal(p.early, 0);
    assert_int_equal(p.close_err, 0);
}

/* ---- time ---- */

/*
 * libev sleeps in milliseconds: a shorter wait is spent looking. The thread is idle all the same.
 * On a crowded CPU each look may end with the CPU given away, which is no looking: hence the tries.
 */
static void looking_before_a_moment_is_idle(void **state)
{
    struct program p = {0};

    for (int tries = 0; p.looked_ns == 0 && tries < 100; tries++) {
        p = (struct program){.fd = -1, .waits = WAITS};
        run(*state, &p);
        assert_true(p.took_ns >= (WAITS - 2) * 900 * NS_PER_US);
        assert_true(p.looked_ns <= p.took_ns);
    }
    assert_true(p.looked_ns > 0);
}

static char epoll[] = "epoll", io_uring[] = "io_uring", libev[] = "libev";

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"epoll_bytes_wait", bytes_wait_for_an_unsent_answer, NULL, NULL, epoll},
        {"io_uring_bytes_wait", bytes_wait_for_an_unsent_answer, NULL, NULL, io_uring},
        {"libev_bytes_wait", bytes_wait_for_an_unsent_answer, NULL, NULL, libev},
        {"epoll_echo", an_echo_to_a_slow_peer_is_in_order, NULL, NULL, epoll},
        {"io_uring_echo", an_echo_to_a_slow_peer_is_in_order, NULL, NULL, io_uring},
        {"libev_echo", an_echo_to_a_slow_peer_is_in_order, NULL, NULL, libev},
        {"libev_idle", looking_before_a_moment_is_idle, NULL, NULL, libev},
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
