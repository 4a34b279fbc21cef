/*
 * loop_libev: libev over the method that was asked for (epoll, poll, select, kqueue).
 *
 * libev owns the waiting, this file the descriptors: a watcher per connection, started once and
 * changed only when a peer stops taking bytes.
 */
#include "common/base/clock.h"
#include "common/loop/libev_method.h"
#include "common/loop/loop.h"
#include "common/loop/stream.h"

#include <errno.h>
#include <ev.h>

/* Below this libev's timeouts cannot go. */
#define COARSE_NS NS_PER_MS

struct libev {
    struct ev_loop *ev;
    struct loop *l;
    ev_io listen, wake;
    ev_timer timer;
    uint64_t timer_ns;       /* the moment the timer is set to; CLOCK_NEVER_NS: it is off */
    unsigned events;         /* callbacks since the last wait */
    enum stats_syscall wait; /* what one look costs */
};

_Static_assert(sizeof(ev_io) <= CONN_BACKEND_BYTES, "room for a watcher");

static ev_io *watcher(struct conn *c)
{
    return (ev_io *)(void *)c->backend;
}

static int interest(int want)
{
    return (want & WANT_READ ? EV_READ : 0) | (want & WANT_WRITE ? EV_WRITE : 0);
}

static void libev_close(struct loop *l, struct conn *c, int err)
{
    struct libev *lib = l->backend;

    ev_io_stop(lib->ev, watcher(c));
    loop_forget(l, c, err);
}

static void settle(struct loop *l, struct conn *c, int want)
{
    struct libev *lib = l->backend;

    if (want <= 0) {
        libev_close(l, c, -want);
    } else if (want != c->want) {
        c->want = (uint8_t)want;
        ev_io_stop(lib->ev, watcher(c));
        ev_io_set(watcher(c), c->fd, interest(want));
        ev_io_start(lib->ev, watcher(c));
    }
}

static void on_ready(struct ev_loop *ev, ev_io *io, int events)
{
    struct libev *lib = ev_userdata(ev);
    struct conn *c = io->data;
    int want = c->want;

    lib->events++;
    if (want & WANT_WRITE && events & EV_WRITE)
        want = stream_writable(lib->l, c);
    if (want > 0 && want & WANT_READ && events & EV_READ)
        want = stream_readable(lib->l, c);
    settle(lib->l, c, want);
}

static int libev_watch(struct loop *l, struct conn *c)
{
    struct libev *lib = l->backend;
    ev_io *io = watcher(c);

    c->want = c->connecting ? WANT_WRITE : WANT_READ;
    ev_io_init(io, on_ready, c->fd, interest(c->want));
    io->data = c;
    ev_io_start(lib->ev, io);
    return 0;
}

static void libev_send(struct loop *l, struct conn *c, struct span out)
{
    settle(l, c, stream_send(l, c, out));
}

static int libev_listen(struct loop *l, bool on)
{
    struct libev *lib = l->backend;

    if (on)
        ev_io_start(lib->ev, &lib->listen);
    else
        ev_io_stop(lib->ev, &lib->listen);
    return 0;
}

static const struct loop_actions actions = {libev_watch, libev_send, libev_close, libev_listen};

static void on_listen(struct ev_loop *ev, ev_io *io, int events)
{
    struct libev *lib = ev_userdata(ev);

    (void)io;
    (void)events;
    lib->events++;
    stream_accept(lib->l);
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
    struct libev *lib = ev_userdata(ev);

    (void)timer;
    (void)events;
    lib->timer_ns = CLOCK_NEVER_NS;
}

static void set_timer(struct libev *lib, uint64_t wake_ns, uint64_t now_ns)
{
    if (wake_ns == lib->timer_ns)
        return;
    lib->timer_ns = wake_ns;
    ev_timer_stop(lib->ev, &lib->timer);
    if (wake_ns == CLOCK_NEVER_NS)
        return;
    ev_now_update(lib->ev); /* a timer counts from libev's cached idea of now */
    ev_timer_set(&lib->timer, wake_ns > now_ns ? (double)(wake_ns - now_ns) * 1e-9 : 0., 0.);
    ev_timer_start(lib->ev, &lib->timer);
}

static void look(struct libev *lib, int how)
{
    ev_run(lib->ev, how);
    lib->l->stats->syscalls[lib->wait]++;
}

/*
 * libev sleeps in whole milliseconds, too coarse to keep a pace: the last one before wake_ns is
 * spent looking, in any mode. A thread that looks in vain is free for work, so that time counts as
 * idle.
 */
static void wait_for_events(struct libev *lib, uint64_t wake_ns)
{
    struct spin *spin = &lib->l->spin;
    struct spell spell = {0};
    uint64_t before_ns, now_ns;

    while (spin_look(spin, &spell, wake_ns)) {
        look(lib, EVRUN_NOWAIT);
        if (lib->events)
            return;
    }
    before_ns = clock_now_ns();
    if (wake_ns == CLOCK_NEVER_NS || wake_ns > before_ns + COARSE_NS) {
        set_timer(lib, wake_ns == CLOCK_NEVER_NS ? wake_ns : wake_ns - COARSE_NS, before_ns);
        look(lib, EVRUN_ONCE);
        spin_slept(spin, clock_now_ns() - before_ns);
        return;
    }
    for (;; before_ns = now_ns) {
        look(lib, EVRUN_NOWAIT);
        if (lib->events)
            return;
        now_ns = clock_now_ns();
        spin_looked(spin, before_ns, now_ns);
        if (now_ns >= wake_ns)
            return;
    }
}

static void rounds(struct libev *lib)
{
    struct loop *l = lib->l;
    bool quit = false;

    for (;;) {
        uint64_t wake_ns = loop_pump(l, &quit);

        if (quit)
            return;
        lib->events = 0;
        wait_for_events(lib, wake_ns);
        stats_waited(l->stats, lib->events);
    }
}

static int libev_run(struct loop *l)
{
    const struct libev_method *method = &libev_methods[l->config->choice.variant];
    struct libev lib = {.l = l, .timer_ns = CLOCK_NEVER_NS, .wait = method->syscall};
    int err = stream_init(l);

    if (err)
        return err;
    lib.ev = libev_open(method);
    if (!lib.ev) {
        stream_free(l);
        return -ENOTSUP;
    }
    ev_set_userdata(lib.ev, &lib);
    l->backend = &lib;
    l->actions = &actions;
    ev_init(&lib.timer, on_timer);
    ev_io_init(&lib.wake, on_wake, l->worker->wake_fd[0], EV_READ);
    ev_io_start(lib.ev, &lib.wake);
    if (l->listen_fd >= 0) {
        ev_io_init(&lib.listen, on_listen, l->listen_fd, EV_READ);
        ev_io_start(lib.ev, &lib.listen);
        l->listening = true;
    }
    rounds(&lib);
    ev_loop_destroy(lib.ev);
    stream_free(l);
    return 0;
}

static const struct feature_key keys[] = {LOOP_KEY_ROWS, {0}};

const struct loop_backend loop_libev = {
    .backend = {.name = "libev",
                .summary = "libev, over the first of its methods that works here",
                .variants = libev_method_names,
                .keys = keys,
                .probe = libev_probe},
    .run = libev_run,
};
