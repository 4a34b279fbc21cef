/*
 * loop_epoll: level-triggered epoll.
 *
 * One registration per connection for its life, and no epoll_ctl per message: the interest changes
 * only when a peer stops taking bytes. Level-triggered, because a receive that empties the socket
 * then costs one system call; edge-triggered reading must see EAGAIN first (measured: 3.1 calls per
 * request against 2.0, and no gain).
 */
#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "common/loop/stream.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 512 };

enum { LEVEL_TRIGGERED = 1 << 0, NS_TIMEOUT = 1 << 1 };

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

static int timeout_ms(uint64_t left_ns)
{
    uint64_t left_ms = left_ns / NS_PER_MS + (left_ns % NS_PER_MS != 0);

    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

/* Sleeps until an event or wake_ns. A timeout in milliseconds would spoil an open loop's pace. */
static int sleep_for_events(struct loop *l, int epoll_fd, struct epoll_event *events,
                            uint64_t wake_ns)
{
    uint64_t now_ns = clock_now_ns(), left_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;
    int count;

    if (wake_ns == CLOCK_NEVER_NS || !(l->config->choice.used & NS_TIMEOUT)) {
        count = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT,
                           wake_ns == CLOCK_NEVER_NS ? -1 : timeout_ms(left_ns));
        l->stats->syscalls[SYSCALL_epoll_wait]++;
    } else {
        struct timespec left = clock_timespec(left_ns);

        count = epoll_pwait2(epoll_fd, events, EVENTS_PER_WAIT, &left, NULL);
        l->stats->syscalls[SYSCALL_epoll_pwait2]++;
    }
    spin_slept(&l->spin, clock_now_ns() - now_ns);
    return count;
}

static int wait_for_events(struct loop *l, int epoll_fd, struct epoll_event *events,
                           uint64_t wake_ns)
{
    struct spell spell = {0};

    while (spin_look(&l->spin, &spell, wake_ns)) {
        int count = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT, 0);

        l->stats->syscalls[SYSCALL_epoll_wait]++;
        if (count)
            return count;
    }
    return sleep_for_events(l, epoll_fd, events, wake_ns);
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
        count = wait_for_events(l, epoll_fd, events, wake_ns);
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

static bool has_pwait2(void)
{
    struct epoll_event event;
    struct timespec now = {0, 0};
    int fd = epoll_create1(EPOLL_CLOEXEC);
    bool has = epoll_pwait2(fd, &event, 1, &now, NULL) == 0;

    close(fd);
    return has;
}

static int epoll_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    (void)about, (void)why, (void)why_cap;
    choice_feature(c, LEVEL_TRIGGERED, NULL);
    choice_feature(c, NS_TIMEOUT, has_pwait2() ? NULL : "kernel lacks it");
    return 0;
}

static const struct feature features[] = {
    {"level_triggered", LEVEL_TRIGGERED, FEATURE_ALWAYS, NULL},
    {"ns_timeout", NS_TIMEOUT, FEATURE_USUAL, "sleeps end to the ns, by epoll_pwait2 (Linux 5.11)"},
    {0},
};

static const struct feature_key keys[] = {LOOP_KEY_ROWS, {0}};

const struct loop_backend loop_epoll = {
    .backend = {.name = "epoll",
                .summary = "level-triggered epoll, one registration per connection",
                .features = features,
                .keys = keys,
                .probe = epoll_probe},
    .run = epoll_run,
};
