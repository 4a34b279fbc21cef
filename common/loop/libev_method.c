#include "common/loop/libev_method.h"

#include <errno.h>
#include <stddef.h>

const char *const libev_method_names[] = {"epoll", "kqueue", "poll", "select", NULL};

const struct libev_method libev_methods[] = {
    {EVBACKEND_EPOLL, SYSCALL_epoll_wait},
    {EVBACKEND_KQUEUE, SYSCALL_kevent},
    {EVBACKEND_POLL, SYSCALL_poll},
    {EVBACKEND_SELECT, SYSCALL_select},
};

struct ev_loop *libev_open(const struct libev_method *method)
{
    struct ev_loop *ev = ev_loop_new(method->flag | EVFLAG_NOENV | EVFLAG_NOSIGMASK);

    if (ev && ev_backend(ev) != method->flag) {
        ev_loop_destroy(ev);
        return NULL;
    }
    return ev;
}

static bool works(int method)
{
    struct ev_loop *ev = libev_open(&libev_methods[method]);

    if (ev)
        ev_loop_destroy(ev);
    return ev;
}

int libev_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    int asked = c->variant;

    (void)about;
    for (int i = 0; libev_method_names[i]; i++) {
        if ((asked >= 0 && asked != i) || !works(i))
            continue;
        c->variant = i;
        return 0;
    }
    snprintf(why, why_cap, "this libev cannot use %s here",
             asked < 0 ? "any method" : libev_method_names[asked]);
    return -ENOTSUP;
}
