/*
 * loop_epoll: level-triggered epoll.
 *
 * One registration per connection for its life, and no epoll_ctl per message: the interest changes
 * only when a peer stops taking bytes. Level-triggered, because a receive that empties the socket
 * then costs one system call; edge-triggered reading must see EAGAIN first (measured: 3.1 calls per
 * request against 2.0, and no gain).
 */
#include "common/clock.h"
#include "common/loop.h"
#include "common/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 512 };

/* What epoll_wait() hands back for the two descriptors that are no connections. */
static char listen_tag, wake_tag;

static int control(struct loop *l, int op, int fd, uint32_t events, void *tag)
{
    struct epoll_event event = {.events = events, .data.ptr = tag};

    l->stats->syscalls[SYSCALL_epoll_ctl]++;
    return epoll_ctl(*(int *)l->backend, op, fd, &event) < 0 ? -errno : 0;
}

static uint32_t interest(int want)
{
    return (want & WANT_READ ? EPOLLIN : 0u) | (want & WANT_WRITE ? EPOLLOUT : 0u);
}

static int epoll_watch(struct loop *l, struct conn *c)
{
    c->want = c->connecting ? WANT_WRITE : WANT_READ;
    return control(l, EPOLL_CTL_ADD, c->fd, interest(c->want), c);
}

static void epoll_close(struct loop *l, struct conn *c, int err)
{
    loop_forget(l, c, err); /* close(2) ends the registration */
}

/* want is what a stream function returned. */
static void settle(struct loop *l, struct conn *c, int want)
{
    if (want <= 0) {
        epoll_close(l, c, -want);
    } else if (want != c->want) {
        c->want = (uint8_t)want;
        control(l, EPOLL_CTL_MOD, c->fd, interest(want), c);
    }
}

static void epoll_send(struct loop *l, struct conn *c, struct span out)
{
    settle(l, c, stream_send(l, c, out));
}

static int epoll_listen(struct loop *l, bool on)
{
    return control(l, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->listen_fd, EPOLLIN, &listen_tag);
}

static const struct loop_actions actions = {epoll_watch, epoll_send, epoll_close, epoll_listen};

/* A connection is freed only here or in loop_pump(), so no event of a round can be stale. */
static void serve(struct loop *l, struct conn *c, uint32_t events)
{
    int want = c->want;

    if (want & WANT_WRITE && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        want = stream_writable(l, c);
    if (want > 0 && want & WANT_READ && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        want = stream_readable(l, c);
    settle(l, c, want);
}

static int timeout_ms(uint64_t wake_ns)
{
    uint64_t now_ns;

    if (wake_ns == CLOCK_NEVER_NS)
        return -1;
    now_ns = clock_now_ns();
    return wake_ns <= now_ns ? 0 : (int)((wake_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int rounds(struct loop *l, int epoll_fd)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    bool quit = false;

    for (;;) {
        uint64_t wake_ns = loop_pump(l, &quit);
        int count;

        if (quit)
            return 0;
        count = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT, timeout_ms(wake_ns));
        l->stats->syscalls[SYSCALL_epoll_wait]++;
        if (count < 0 && errno != EINTR)
            return -errno;
        stats_waited(l->stats, count > 0 ? (uint64_t)count : 0);
        for (int i = 0; i < count; i++) {
            void *tag = events[i].data.ptr;

            if (tag == &wake_tag)
                worker_woken(l->worker);
            else if (tag == &listen_tag)
                stream_accept(l);
            else
                serve(l, tag, events[i].events);
        }
    }
}

static int epoll_run(struct loop *l)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int err;

    if (epoll_fd < 0)
        return -errno;
    l->backend = &epoll_fd;
    l->actions = &actions;
    err = stream_init(l);
    if (!err)
        err = control(l, EPOLL_CTL_ADD, l->worker->wake_fd[0], EPOLLIN, &wake_tag);
    if (!err && l->listen_fd >= 0) {
        err = epoll_listen(l, true);
        l->listening = !err;
    }
    if (!err)
        err = rounds(l, epoll_fd);
    stream_free(l);
    close(epoll_fd);
    return err;
}

static int epoll_probe(struct loop_config *config, char *why, size_t why_cap)
{
    (void)why;
    (void)why_cap;
    loop_uses(config, "level_triggered");
    return 0;
}

const struct loop_backend loop_epoll = {
    .name = "epoll",
    .summary = "level-triggered epoll, one registration per connection",
    .probe = epoll_probe,
    .run = epoll_run,
};
