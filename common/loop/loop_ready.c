/*
 * loop_ready: the backends that are told when a descriptor is ready (poller.h), with every stream
 * served by stream.c.
 */
#include "common/loop/loop.h"
#include "common/loop/stream.h"

#include <errno.h>
#include <stdlib.h>

/* One thread's. */
struct ready_loop {
    struct poller poller;
    struct watch wake, listen;
};

static struct poller *poller_of(struct loop *l)
{
    return &((struct ready_loop *)l->backend)->poller;
}

static struct conn *conn_of(struct watch *w)
{
    return (struct conn *)(void *)((unsigned char *)w - offsetof(struct conn, watch));
}

static int watch_conn(struct loop *l, struct conn *c)
{
    return poller_watch(poller_of(l), &c->watch, c->fd, c->connecting ? POLLER_WRITE : POLLER_READ);
}

static void close_conn(struct loop *l, struct conn *c, int err)
{
    struct poller *p = poller_of(l);

    p->type->unwatch(p, &c->watch, true);
    loop_forget(l, c, err);
}

/* want is what a stream function returned: what to be told of; 0 or -errno: close. */
static void apply_interest(struct loop *l, struct conn *c, int want)
{
    struct poller *p = poller_of(l);

    if (want <= 0) {
        close_conn(l, c, -want);
    } else if (want != c->watch.want) {
        c->watch.want = (uint8_t)want;
        p->type->change(p, &c->watch);
    }
}

static void send_conn(struct loop *l, struct conn *c, struct span out)
{
    apply_interest(l, c, stream_send(l, c, out));
}

static int listen_on(struct loop *l, bool on)
{
    struct ready_loop *r = l->backend;

    if (on)
        return poller_watch(&r->poller, &r->listen, l->listen_fd, POLLER_READ);
    r->poller.type->unwatch(&r->poller, &r->listen, false);
    return 0;
}

static const struct loop_actions actions = {watch_conn, send_conn, close_conn, listen_on};

/* A connection is freed only here or in loop_pump(), so no event of a round can be stale. */
static void serve(struct loop *l, struct conn *c, unsigned ready)
{
    int want = c->watch.want;

    if (ready & POLLER_WRITE && want & POLLER_WRITE)
        want = stream_writable(l, c);
    if (ready & POLLER_READ && want > 0 && want & POLLER_READ)
        want = stream_readable(l, c);
    apply_interest(l, c, want);
}

static int rounds(struct loop *l, struct ready_loop *r)
{
    struct poller *p = &r->poller;
    bool quit = false;
    int err = 0;

    while (!err) {
        uint64_t wake_ns = loop_pump(l, &quit);

        if (quit)
            break;
        err = poller_wait(p, wake_ns);
        stats_waited(l->stats, p->count);
        for (unsigned i = 0; i < p->count; i++) {
            struct watch *w = p->events[i].watch;

            if (w == &r->wake)
                worker_woken(l->worker);
            else if (w == &r->listen)
                stream_accept(l);
            else
                serve(l, conn_of(w), p->events[i].ready);
        }
    }
    return err;
}

static int run(struct loop *l, struct ready_loop *r)
{
    int err = stream_init(l);

    if (!err)
        err = poller_watch(&r->poller, &r->wake, l->worker->wake_fd[0], POLLER_READ);
    if (!err && l->listen_fd >= 0) {
        err = listen_on(l, true);
        l->listening = !err;
    }
    if (!err)
        err = rounds(l, r);
    stream_free(l);
    return err;
}

int loop_ready_run(struct loop *l)
{
    const struct choice *choice = &l->config->choice;
    struct ready_loop *r = calloc(1, sizeof *r);
    int err;

    if (!r)
        return -ENOMEM;
    l->backend = r;
    l->actions = &actions;
    err = poller_open(&r->poller, loop_backend_of(choice)->poller, choice, &l->spin, l->stats);
    if (!err)
        err = run(l, r);
    poller_close(&r->poller);
    free(r);
    return err;
}

static const struct feature_key keys[] = {LOOP_KEY_ROWS, {0}};

const struct loop_backend loop_libev = {
    .backend = {.name = "libev",
                .summary = "libev, over the first of its methods that works here",
                .variants = poller_libev_methods,
                .keys = keys,
                .probe = poller_libev_probe},
    .run = loop_ready_run,
    .poller = &poller_libev,
};
