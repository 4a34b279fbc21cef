#include "common/loop/libev_method.h"

#include <stddef.h>
#include <string.h>

const struct libev_method libev_methods[] = {
    {"epoll", EVBACKEND_EPOLL, SYSCALL_epoll_wait},
    {"kqueue", EVBACKEND_KQUEUE, SYSCALL_kevent},
    {"poll", EVBACKEND_POLL, SYSCALL_poll},
    {"select", EVBACKEND_SELECT, SYSCALL_select},
    {NULL, 0, 0},
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

const struct libev_method *libev_find(const char *name)
{
    for (const struct libev_method *method = libev_methods; method->name; method++) {
        struct ev_loop *ev;

        if (name[0] && strcmp(name, method->name) != 0)
            continue;
        ev = libev_open(method);
        if (!ev)
            continue;
        ev_loop_destroy(ev);
        return method;
    }
    return NULL;
}
