#include "common/loop/loop.h"

#include "common/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long accepting pauses when descriptors ran out: others may free some without our notice. */
#define LISTEN_PAUSE_NS (50 * NS_PER_MS)

enum { DEFAULT_RECV_BYTES = 64 * 1024 };

/* ---- connections ---------------------------------------------------------------------------- */

int loop_fault(struct loop *l, enum stats_error kind, int err)
{
    l->stats->errors[kind]++;
    return err;
}

static void count_close(struct loop *l, int fd)
{
    close(fd);
    l->stats->syscalls[SYSCALL_close]++;
}

void loop_forget(struct loop *l, struct conn *c, int err)
{
    on_close(l, c, err);
    count_close(l, c->fd);
    conn_free(&l->conns, c);
    l->stats->closed++;
}

/* Gives fd a slot and has the backend watch it; NULL when it could not be, and then it is closed.
 */
static struct conn *begin(struct loop *l, int fd, uint64_t begun_ns, bool connecting)
{
    struct conn *c = conn_new(&l->conns, fd);

    if (c) {
        c->connecting = connecting;
        c->begun_ns = begun_ns;
        if (l->actions->watch(l, c) == 0)
            return c;
        conn_free(&l->conns, c);
    }
    count_close(l, fd);
    on_close(l, NULL, loop_fault(l, ERROR_out_of_memory, ENOMEM));
    return NULL;
}

static void opened(struct loop *l, struct conn *c)
{
    struct span first = on_open(l, c);

    if (c->close_asked)
        l->actions->close(l, c, 0);
    else if (first.len)
        l->actions->send(l, c, first);
}

static void adopt(struct loop *l, int fd)
{
    struct conn *c = begin(l, fd, 0, false);

    if (c)
        opened(l, c);
}

void loop_accepted(struct loop *l, int fd)
{
    l->stats->accepted++;
    if (on_accept(l, fd))
        adopt(l, fd);
}

void loop_accept_failed(struct loop *l, int err)
{
    switch (err) {
    case EAGAIN:
    case EINTR:
    case ECANCELED:
    case ECONNABORTED: /* the peer gave up before we came to it */
        return;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        loop_fault(l, ERROR_out_of_descriptors, err);
        if (!l->told_out_of_descriptors)
            fprintf(stderr,
                    "%s: out of file descriptors (%s): %u connections are served, more "
                    "are accepted as some close\n",
                    l->config->program, strerror(err), l->conns.open);
        l->told_out_of_descriptors = true;
        break;
    default:
        loop_fault(l, ERROR_accept_other, err);
    }
    l->actions->listen(l, false);
    l->listening = false;
    l->listen_again_ns = clock_now_ns() + LISTEN_PAUSE_NS;
}

static void connect_to_peer(struct loop *l)
{
    const struct loop_config *config = l->config;
    uint64_t begun_ns = clock_now_ns(); /* loopback's handshake is over when connect(2) returns */
    bool pending;
    int fd = net_connect(&config->peer, &config->socket_options, config->connect_timeout_ns,
                         &pending, l->stats);
    struct conn *c;

    if (fd < 0) {
        on_close(l, NULL, loop_fault(l, stats_connect_error(-fd), -fd));
        return;
    }
    c = begin(l, fd, begun_ns, pending);
    if (c && !pending) {
        l->stats->connected++;
        opened(l, c);
    }
}

bool loop_connect_done(struct loop *l, struct conn *c, struct span *first, int *err)
{
    *err = -net_connect_result(c->fd);
    l->stats->syscalls[SYSCALL_getsockopt]++;
    if (*err) {
        loop_fault(l, stats_connect_error(*err), *err);
        return false;
    }
    c->connecting = false;
    l->stats->connected++;
    *first = on_open(l, c);
    return !c->close_asked;
}

/* ---- what is due ---------------------------------------------------------------------------- */

static void stop_listening(struct loop *l)
{
    if (l->listen_fd < 0)
        return;
    if (l->listening)
        l->actions->listen(l, false);
    shutdown(l->listen_fd, SHUT_RDWR); /* refuse at once, whoever else holds the descriptor */
    count_close(l, l->listen_fd);
    l->listen_fd = -1;
    l->listening = false;
}

/* After a pause: accept again. Returns the sooner of wake_ns and the end of the pause. */
static uint64_t resume_listening(struct loop *l, uint64_t wake_ns)
{
    if (l->listen_fd < 0 || l->listening)
        return wake_ns;
    if (clock_now_ns() >= l->listen_again_ns) {
        l->listening = l->actions->listen(l, true) == 0;
        if (l->listening)
            return wake_ns;
        l->listen_again_ns = clock_now_ns() + LISTEN_PAUSE_NS;
    }
    return l->listen_again_ns < wake_ns ? l->listen_again_ns : wake_ns;
}

uint64_t loop_pump(struct loop *l, bool *quit)
{
    for (;;) {
        struct due due;

        next_due(l, &due);
        switch (due.kind) {
        case DUE_WAIT:
            return resume_listening(l, due.wake_ns);
        case DUE_SEND:
            l->actions->send(l, due.conn, due.out);
            break;
        case DUE_CONNECT:
            connect_to_peer(l);
            break;
        case DUE_ADOPT:
            adopt(l, due.fd);
            break;
        case DUE_CLOSE:
            l->actions->close(l, due.conn, due.err);
            break;
        case DUE_UNLISTEN:
            stop_listening(l);
            break;
        case DUE_QUIT:
            *quit = true;
            return 0;
        }
    }
}

/* ---- running -------------------------------------------------------------------------------- */

static void close_all(struct loop *l)
{
    for (struct conn *c = conn_next(&l->conns, NULL); c; c = conn_next(&l->conns, c))
        count_close(l, c->fd);
    if (l->listen_fd >= 0)
        count_close(l, l->listen_fd);
}

int loop_run(struct worker *w, const struct loop_config *config, int listen_fd, void *program)
{
    const struct loop_backend *backend = (const void *)config->choice.backend;
    struct loop l = {
        .worker = w,
        .stats = &w->stats,
        .config = config,
        .recv_bytes = choice_value(&config->choice, LOOP_RECV, DEFAULT_RECV_BYTES),
        .send_bytes = choice_value(&config->choice, LOOP_SEND, SIZE_MAX),
        .listen_fd = listen_fd,
        .program = program,
    };
    int err;

    conn_slab_init(&l.conns, config->conn_bytes);
    spin_init(&l.spin, config->mode, &w->stats);
    err = backend->run(&l);
    close_all(&l);
    w->stats.open_peak = l.conns.open_peak;
    conn_slab_free(&l.conns);
    return err;
}
