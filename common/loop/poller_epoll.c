/*
 * poller_epoll: level-triggered epoll.
 *
 * One registration per descriptor for its life, and no epoll_ctl per message: the interest changes
 * only when a peer stops taking bytes. Level-triggered, because a receive that empties the socket
 * then costs one system call; edge-triggered reading must see EAGAIN first (measured: 3.1 calls per
 * request against 2.0, and no gain).
 */
#include "common/base/clock.h"
#include "common/loop/poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 512 };

_Static_assert((int)POLLER_READ == EPOLLIN && (int)POLLER_WRITE == EPOLLOUT, "no translation");

struct epoll {
    int fd;
    struct epoll_event events[EVENTS_PER_WAIT];
};

static int open_epoll(struct poller *p)
{
    struct epoll *e = calloc(1, sizeof *e);

    if (!e)
        return -ENOMEM;
    p->state = e;
    p->coarse_ns = p->choice->used & POLLER_NS_TIMEOUT ? 0 : NS_PER_MS;
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    return e->fd < 0 ? -errno : 0;
}

static void close_epoll(struct poller *p)
{
    struct epoll *e = p->state;

    if (e && e->fd >= 0)
        close(e->fd);
    free(e);
}

static int control(struct poller *p, int op, struct watch *w)
{
    struct epoll_event event = {
        .events = w->want,
        .data.ptr = w,
    };

    p->stats->syscalls[SYSCALL_epoll_ctl]++;
    return epoll_ctl(((struct epoll *)p->state)->fd, op, w->fd, &event) < 0 ? -errno : 0;
}

static int watch(struct poller *p, struct watch *w)
{
    return control(p, EPOLL_CTL_ADD, w);
}

static int change(struct poller *p, struct watch *w)
{
    return control(p, EPOLL_CTL_MOD, w);
}

static void unwatch(struct poller *p, struct watch *w, bool closing)
{
    if (!closing) /* close(2) ends the registration */
        control(p, EPOLL_CTL_DEL, w);
}

static int timeout_ms(uint64_t left_ns)
{
    return left_ns / NS_PER_MS < INT_MAX ? (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : INT_MAX;
}

/* A timeout in milliseconds would spoil an open loop's pace: epoll_pwait2() takes nanoseconds. */
static int get_events(struct poller *p, struct epoll *e, uint64_t until_ns)
{
    bool forever = until_ns == CLOCK_NEVER_NS;
    struct timespec left;

    if (until_ns && !forever && p->choice->used & POLLER_NS_TIMEOUT) {
        left = clock_left(until_ns);
        p->stats->syscalls[SYSCALL_epoll_pwait2]++;
        return epoll_pwait2(e->fd, e->events, EVENTS_PER_WAIT, &left, NULL);
    }
    p->stats->syscalls[SYSCALL_epoll_wait]++;
    return epoll_wait(e->fd, e->events, EVENTS_PER_WAIT,
                      forever ? -1 : timeout_ms(until_ns ? clock_left_ns(until_ns) : 0));
}

static int wait_epoll(struct poller *p, uint64_t until_ns)
{
    struct epoll *e = p->state;
    int count = get_events(p, e, until_ns);

    for (int i = 0; i < count; i++) {
        uint32_t ready = e->events[i].events;

        if (ready & (EPOLLERR | EPOLLHUP)) /* the next call tells which */
            ready = POLLER_READ | POLLER_WRITE;
        poller_add(p, e->events[i].data.ptr, ready);
    }
    return count >= 0 || errno == EINTR ? 0 : -errno;
}

const struct poller_type poller_epoll = {
    .open = open_epoll,
    .close = close_epoll,
    .watch = watch,
    .change = change,
    .unwatch = unwatch,
    .wait = wait_epoll,
};

static bool has_pwait2(void)
{
    struct epoll_event event;
    struct timespec now = {0, 0};
    int fd = epoll_create1(EPOLL_CLOEXEC);
    bool has = epoll_pwait2(fd, &event, 1, &now, NULL) == 0;

    close(fd);
    return has;
}

int poller_epoll_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    (void)about, (void)why, (void)why_cap;
    choice_feature(c, POLLER_LEVEL_TRIGGERED, NULL);
    choice_feature(c, POLLER_NS_TIMEOUT, has_pwait2() ? NULL : "kernel lacks it");
    return 0;
}
