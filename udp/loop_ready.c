/*
 * loop_ready: the backends that are told when a socket has something (common/loop/poller.h), if the
 * loop does not ask the sockets itself.
 */
#include "common/loop/poller.h"
#include "udp/udp_loop.h"

#include <stddef.h>

static struct udp_socket *socket_of(struct watch *w)
{
    return (struct udp_socket *)(void *)((unsigned char *)w - offsetof(struct udp_socket, watch));
}

static int watch_all(struct udp_loop *l, struct poller *p, struct watch *wake)
{
    int err = poller_watch(p, wake, l->worker->wake_fd[0], POLLER_READ);

    for (uint32_t i = 0; i < l->socket_count && !err; i++)
        err = poller_watch(p, &l->sockets[i].watch, l->sockets[i].fd, POLLER_READ);
    return err;
}

static int rounds(struct udp_loop *l, struct poller *p, const struct watch *wake)
{
    uint64_t wake_ns;
    int err = 0;

    while (!err && l->role->due(l, &wake_ns)) {
        err = poller_wait(p, wake_ns);
        stats_waited(l->stats, p->count);
        for (unsigned i = 0; i < p->count; i++) {
            if (p->events[i].watch == wake)
                worker_woken(l->worker);
            else
                udp_readable(l, socket_of(p->events[i].watch));
        }
    }
    return err;
}

int udp_ready_run(struct udp_loop *l)
{
    const struct choice *choice = &l->setup->choice;
    struct watch wake;
    struct poller p;
    int err;

    if (udp_asks(l))
        return udp_ask_on(l, udp_readable);
    err = poller_open(&p, udp_backend_of(choice)->poller, choice, &l->spin, l->stats);
    if (!err)
        err = watch_all(l, &p, &wake);
    if (!err)
        err = rounds(l, &p, &wake);
    poller_close(&p);
    return err;
}

/* No direct_recv: who asks for libev wants to know what waiting by the library costs. */
static const struct feature features[] = {UDP_RECEIVE_ROWS, UDP_WIRE_ROWS, {0}};

static int probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    udp_note_wire(c, about);
    udp_note_receiving(c, about);
    return poller_libev_probe(c, about, why, why_cap);
}

const struct udp_backend udp_libev = {
    .backend = {.name = "libev",
                .summary = "libev, over the first of its methods that works here",
                .variants = poller_libev_methods,
                .features = features,
                .probe = probe},
    .run = udp_ready_run,
    .poller = &poller_libev,
};
