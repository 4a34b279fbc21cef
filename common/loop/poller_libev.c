/*
 * poller_libev: libev over the method that was asked for (epoll, poll, select, kqueue).
 *
 * What ev_backend() says is what runs, or it is an error: libev's recommended set leaves kqueue out
 * on macOS, so methods are never left to it.
 */
#include "common/base/clock.h"
#include "common/loop/poller.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(ev_io) <= POLLER_MEMORY, "room for a watcher");

const char *const poller_libev_methods[] = {"epoll", "kqueue", "poll", "select", NULL};

/* In the order in which they are tried, and of their names. */
static const struct method {
    unsigned flag;              /* EVBACKEND_... */
    enum stats_syscall syscall; /* what one look costs */
} methods[] = {
    {EVBACKEND_EPOLL, SYSCALL_epoll_wait},
    {EVBACKEND_KQUEUE, SYSCALL_kevent},
    {EVBACKEND_POLL, SYSCALL_poll},
    {EVBACKEND_SELECT, SYSCALL_select},
};

struct libev {
    struct ev_loop *ev;
    ev_timer timer;
    uint64_t timer_ns; /* the moment the timer is set to; CLOCK_NEVER_NS: it is off */
};

static ev_io *watcher(struct watch *w)
{
    return (ev_io *)(void *)w->memory;
}

/* A loop over exactly that method, or NULL. */
static struct ev_loop *new_loop(const struct method *method)
{
    struct ev_loop *ev = ev_loop_new(method->flag | EVFLAG_NOENV | EVFLAG_NOSIGMASK);

    if (ev && ev_backend(ev) != method->flag) {
        ev_loop_destroy(ev);
        return NULL;
    }
    return ev;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct poller *p = ev_userdata(ev);

    (void)timer, (void)events;
    ((struct libev *)p->state)->timer_ns = CLOCK_NEVER_NS;
}

static int open_libev(struct poller *p)
{
    struct libev *lib = calloc(1, sizeof *lib);

    if (!lib)
        return -ENOMEM;
    p->state = lib;
    p->coarse_ns = NS_PER_MS; /* it sleeps in whole milliseconds */
    lib->timer_ns = CLOCK_NEVER_NS;
    lib->ev = new_loop(&methods[p->choice->variant]);
    if (!lib->ev)
        return -ENOTSUP;
    ev_set_userdata(lib->ev, p);
    ev_init(&lib->timer, on_timer);
    return 0;
}

static void close_libev(struct poller *p)
{
    struct libev *lib = p->state;

    if (lib && lib->ev)
        ev_loop_destroy(lib->ev);
    free(lib);
}

static void on_ready(struct ev_loop *ev, ev_io *io, int events)
{
    struct poller *p = ev_userdata(ev);

    poller_add(p, io->data,
               (events & EV_READ ? POLLER_READ : 0u) | (events & EV_WRITE ? POLLER_WRITE : 0u));
}

static void start(struct libev *lib, struct watch *w)
{
    ev_io_set(watcher(w), w->fd,
              (w->want & POLLER_READ ? EV_READ : 0) | (w->want & POLLER_WRITE ? EV_WRITE : 0));
    ev_io_start(lib->ev, watcher(w));
}

static int watch(struct poller *p, struct watch *w)
{
    ev_init(watcher(w), on_ready);
    watcher(w)->data = w;
    start(p->state, w);
    return 0;
}

static void unwatch(struct poller *p, struct watch *w, bool closing)
{
    (void)closing;
    ev_io_stop(((struct libev *)p->state)->ev, watcher(w));
}

static int change(struct poller *p, struct watch *w)
{
    unwatch(p, w, false);
    start(p->state, w);
    return 0;
}

static void set_timer(struct libev *lib, uint64_t until_ns)
{
    if (until_ns == lib->timer_ns)
        return;
    lib->timer_ns = until_ns;
    ev_timer_stop(lib->ev, &lib->timer);
    if (until_ns == CLOCK_NEVER_NS)
        return;
    ev_now_update(lib->ev); /* a timer counts from libev's cached idea of now */
    ev_timer_set(&lib->timer, (double)clock_left_ns(until_ns) * 1e-9, 0.);
    ev_timer_start(lib->ev, &lib->timer);
}

static int wait_libev(struct poller *p, uint64_t until_ns)
{
    struct libev *lib = p->state;

    if (until_ns)
        set_timer(lib, until_ns);
    ev_run(lib->ev, until_ns ? EVRUN_ONCE : EVRUN_NOWAIT);
    p->stats->syscalls[methods[p->choice->variant].syscall]++;
    return 0;
}

const struct poller_type poller_libev = {
    .open = open_libev,
    .close = close_libev,
    .watch = watch,
    .change = change,
    .unwatch = unwatch,
    .wait = wait_libev,
};

static bool works(int method)
{
    struct ev_loop *ev = new_loop(&methods[method]);

    if (ev)
        ev_loop_destroy(ev);
    return ev;
}

int poller_libev_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    int asked = c->variant;

    (void)about;
    for (int i = 0; poller_libev_methods[i]; i++) {
        if ((asked >= 0 && asked != i) || !works(i))
            continue;
        c->variant = i;
        return 0;
    }
    snprintf(why, why_cap, "this libev cannot use %s here",
             asked < 0 ? "any method" : poller_libev_methods[asked]);
    return -ENOTSUP;
}
