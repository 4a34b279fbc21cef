#include "common/loop/poller.h"
#include "udp/udp_loop.h"

static const struct feature features[] = {
    POLLER_EPOLL_ROWS, UDP_DIRECT_ROW, UDP_RECEIVE_ROWS, UDP_WIRE_ROWS, {0},
};

static int probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    udp_note_wire(c, about);
    udp_note_receiving(c, about);
    udp_note_direct(c, about);
    return poller_epoll_probe(c, about, why, why_cap);
}

static const struct udp_backend udp_epoll = {
    .backend = {.name = "epoll",
                .summary = "level-triggered epoll over a thread's sockets",
                .features = features,
                .probe = probe},
    .run = udp_ready_run,
    .poller = &poller_epoll,
};

const struct backend *const udp_backends[] = {&udp_epoll.backend, &udp_uring.backend,
                                              &udp_libev.backend, NULL};
