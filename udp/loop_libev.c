/*
 * loop_libev: libev over the method that was asked for (epoll, kqueue, poll, select).
 */
#include "common/base/clock.h"
#include "common/loop/libev_method.h"
#include "udp/udp_loop.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>

struct libev {
    struct udp_loop *l;
    struct ev_loop *ev;
    ev_io *sockets, wake;
    ev_timer timer;
    unsigned events; /* callbacks since the last wait */
};

static void on_ready(struct ev_loop *ev, ev_io *io, int events)
{
    struct libev *lib = ev_userdata(ev);

    (void)events;
    lib->events++;
    udp_readable(lib->l, io->data);
}

static void on_wake(struct ev_loop *ev, ev_io *io, int events)
{
    struct libev *lib = ev_userdata(ev);

    (void)io;
    (void)events;
    lib->events++;
    worker_woken(lib->l->worker);
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

static void set_timer(struct libev *lib, uint64_t until_ns)
{
    uint64_t now_ns;

    ev_timer_stop(lib->ev, &lib->timer);
    if (until_ns == CLOCK_NEVER_NS || until_ns == 0)
        return;
    now_ns = clock_now_ns();
    ev_now_update(lib->ev); /* a timer counts from libev's cached idea of now */
    ev_timer_set(&lib->timer, until_ns > now_ns ? (double)(until_ns - now_ns) * 1e-9 : 0., 0.);
    ev_timer_start(lib->ev, &lib->timer);
}

static void start_watching(struct libev *lib)
{
    struct udp_loop *l = lib->l;

    ev_init(&lib->timer, on_timer);
    ev_io_init(&lib->wake, on_wake, l->worker->wake_fd[0], EV_READ);
    ev_io_start(lib->ev, &lib->wake);
    for (uint32_t i = 0; i < l->socket_count; i++) {
        ev_io_init(&lib->sockets[i], on_ready, l->sockets[i].fd, EV_READ);
        lib->sockets[i].data = &l->sockets[i];
        ev_io_start(lib->ev, &lib->sockets[i]);
    }
}

static void rounds(struct libev *lib, enum stats_syscall wait)
{
    struct udp_loop *l = lib->l;
    uint64_t wake_ns;

    while (l->role->due(l, &wake_ns)) {
        uint64_t until_ns = udp_sleep_until(l, wake_ns);

        set_timer(lib, until_ns);
        lib->events = 0;
        ev_run(lib->ev, until_ns ? EVRUN_ONCE : EVRUN_NOWAIT);
        l->stats->syscalls[wait]++;
        udp_waited(l, lib->events);
    }
}

static int libev_run(struct udp_loop *l)
{
    const struct libev_method *method = &libev_methods[l->setup->choice.variant];
    struct libev lib = {.l = l, .sockets = calloc(l->socket_count, sizeof *lib.sockets)};

    if (!lib.sockets)
        return -ENOMEM;
    lib.ev = libev_open(method);
    if (lib.ev) {
        ev_set_userdata(lib.ev, &lib);
        start_watching(&lib);
        rounds(&lib, method->syscall);
        ev_loop_destroy(lib.ev);
    }
    free(lib.sockets);
    return lib.ev ? 0 : -ENOTSUP;
}

static const struct feature features[] = {UDP_RECEIVE_ROWS, UDP_WIRE_ROWS, {0}};

static int probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    udp_note_wire(c, about);
    udp_note_receiving(c, about);
    return libev_probe(c, about, why, why_cap);
}

const struct udp_backend udp_libev = {
    .backend = {.name = "libev",
                .summary = "libev, over the first of its methods that works here",
                .variants = libev_method_names,
                .features = features,
                .probe = probe},
    .run = libev_run,
};
