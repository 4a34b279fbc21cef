#include "common/loop/stream.h"

#include "common/host/os.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/*
 * Accepted before connections are served again. With fewer a burst of connections would wait for
 * seconds; without a bound those already open would.
 */
enum { ACCEPTS_PER_ROUND = 256 };

int stream_init(struct loop *l)
{
    l->recv_buffer = malloc(l->recv_bytes);
    return l->recv_buffer ? 0 : -ENOMEM;
}

void stream_free(struct loop *l)
{
    free(l->recv_buffer);
}

static int what_next(const struct loop *l, const struct conn *c)
{
    if (c->unsent.len == 0)
        return c->at_eof ? 0 : POLLER_READ;
    return l->config->read_while_unsent && !c->at_eof ? POLLER_READ | POLLER_WRITE : POLLER_WRITE;
}

static bool in_recv_buffer(const struct loop *l, const unsigned char *bytes)
{
    return bytes >= l->recv_buffer && bytes < l->recv_buffer + l->recv_bytes;
}

/* One send(2): how many bytes the kernel took, 0 when it has no room, or -errno. */
static inline ssize_t offer(struct loop *l, struct conn *c, struct span out)
{
    size_t len = out.len < l->send_bytes ? out.len : l->send_bytes;
    ssize_t taken = os_send(c->fd, out.bytes, len);

    l->stats->syscalls[SYSCALL_send]++;
    if (taken >= 0) {
        l->stats->writes++;
        l->stats->tx_bytes += (uint64_t)taken;
    } else if (taken == -EAGAIN || taken == -EINTR) {
        taken = 0;
    } else {
        return -loop_fault(l, stats_send_error((int)-taken), (int)-taken);
    }
    if ((size_t)taken < len)
        l->stats->short_writes++;
    return taken;
}

int stream_send(struct loop *l, struct conn *c, struct span out)
{
    ssize_t taken = offer(l, c, out);
    struct span rest;

    if (taken < 0)
        return (int)taken;
    rest = (struct span){out.bytes + taken, out.len - (size_t)taken};
    if (rest.len && in_recv_buffer(l, rest.bytes)) {
        if (conn_keep(c, rest))
            return -loop_fault(l, ERROR_out_of_memory, ENOMEM);
    } else {
        c->unsent = rest;
    }
    return what_next(l, c);
}

/* After a hook: sends what it has returned, if it does not want the connection closed. A call would
 * cost three instructions per request. */
static inline int go_on(struct loop *l, struct conn *c, struct span out)
{
    if (c->close_asked)
        return 0;
    return out.len ? stream_send(l, c, out) : what_next(l, c);
}

int stream_writable(struct loop *l, struct conn *c)
{
    struct span first = SPAN_NONE;
    ssize_t taken;
    int err;

    if (c->connecting) {
        if (!loop_connect_done(l, c, &first, &err))
            return -err;
        if (c->connecting)
            return POLLER_WRITE;
        return go_on(l, c, first);
    }
    if (c->unsent.len) {
        taken = offer(l, c, c->unsent);
        if (taken < 0)
            return (int)taken;
        c->unsent.bytes += taken;
        c->unsent.len -= (size_t)taken;
        if (!c->unsent.len)
            return go_on(l, c, on_sent(l, c));
    }
    return what_next(l, c);
}

int stream_readable(struct loop *l, struct conn *c)
{
    ssize_t got = os_recv(c->fd, l->recv_buffer, l->recv_bytes);

    l->stats->syscalls[SYSCALL_recv]++;
    if (got > 0) {
        l->stats->reads++;
        l->stats->rx_bytes += (uint64_t)got;
        return go_on(l, c, on_bytes(l, c, (struct span){l->recv_buffer, (size_t)got}));
    }
    if (got < 0 && got != -EAGAIN && got != -EINTR)
        return -loop_fault(l, stats_recv_error((int)-got), (int)-got);
    c->at_eof |= got == 0;
    return what_next(l, c);
}

void stream_accept(struct loop *l)
{
    for (int i = 0; i < ACCEPTS_PER_ROUND && l->listening; i++) {
        int fd = os_accept(l->listen_fd);

        l->stats->syscalls[SYSCALL_accept4]++;
        if (fd < 0) {
            loop_accept_failed(l, -fd);
            return;
        }
        loop_accepted(l, fd);
    }
}
