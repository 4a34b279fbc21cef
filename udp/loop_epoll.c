/* loop_epoll: level-triggered epoll over a thread's sockets, if it does not ask them itself. */
#include "common/base/clock.h"
#include "udp/udp_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 256 };

/* What epoll_wait() hands back for the descriptor that is no socket. */
static char wake_tag;

static int watch(struct udp_loop *l, int epoll_fd, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};

    l->stats->syscalls[SYSCALL_epoll_ctl]++;
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(struct udp_loop *l, int epoll_fd)
{
    int err = watch(l, epoll_fd, l->worker->wake_fd[0], &wake_tag);

    for (uint32_t i = 0; i < l->socket_count && !err; i++)
        err = watch(l, epoll_fd, l->sockets[i].fd, &l->sockets[i]);
    return err;
}

/* Milliseconds are too coarse for a schedule: epoll_pwait2() takes nanoseconds (Linux 5.11). */
static int wait_until(struct udp_loop *l, int epoll_fd, struct epoll_event *events,
                      uint64_t until_ns)
{
    uint64_t now_ns = until_ns && until_ns != CLOCK_NEVER_NS ? clock_now_ns() : 0;
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec left = clock_timespec(left_ns);

    if (now_ns && left_ns) {
        int count = epoll_pwait2(epoll_fd, events, EVENTS_PER_WAIT, &left, NULL);

        l->stats->syscalls[SYSCALL_epoll_pwait2]++;
        if (count >= 0 || errno != ENOSYS)
            return count;
    }
    l->stats->syscalls[SYSCALL_epoll_wait]++;
    return epoll_wait(epoll_fd, events, EVENTS_PER_WAIT,
                      until_ns == CLOCK_NEVER_NS ? -1
                                                 : (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
}

static int wait_and_serve(struct udp_loop *l, int epoll_fd, uint64_t until_ns)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    int count = wait_until(l, epoll_fd, events, until_ns);

    if (count < 0 && errno != EINTR)
        return -errno;
    udp_waited(l, count > 0 ? (uint64_t)count : 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &wake_tag)
            worker_woken(l->worker);
        else
            udp_readable(l, events[i].data.ptr);
    }
    return 0;
}

static int rounds(struct udp_loop *l, int epoll_fd)
{
    uint64_t wake_ns;
    int err = 0;

    while (!err && l->role->due(l, &wake_ns))
        err = wait_and_serve(l, epoll_fd, udp_sleep_until(l, wake_ns));
    return err;
}

static int epoll_run(struct udp_loop *l)
{
    int epoll_fd, err;

    if (udp_asks(l))
        return udp_ask_on(l, udp_readable);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        return -errno;
    err = watch_all(l, epoll_fd);
    if (!err)
        err = rounds(l, epoll_fd);
    close(epoll_fd);
    return err;
}

enum { LEVEL_TRIGGERED = 1 };

static const struct feature features[] = {
    {"level_triggered", LEVEL_TRIGGERED, FEATURE_ALWAYS, NULL},
    UDP_DIRECT_ROW,
    UDP_RECEIVE_ROWS,
    UDP_WIRE_ROWS,
    {0},
};

static int epoll_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    (void)why, (void)why_cap;
    choice_feature(c, LEVEL_TRIGGERED, NULL);
    udp_note_wire(c, about);
    udp_note_receiving(c, about);
    udp_note_direct(c, about);
    return 0;
}

const struct udp_backend udp_epoll = {
    .backend = {.name = "epoll",
                .summary = "level-triggered epoll over a thread's sockets",
                .features = features,
                .probe = epoll_probe},
    .run = epoll_run,
};
