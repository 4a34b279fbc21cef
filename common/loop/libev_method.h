/*
 * libev_method: how libev is asked to wait, by name.
 *
 * What ev_backend() says is what runs, or it is an error: libev's recommended set leaves kqueue out
 * on macOS, so methods are never left to it.
 */
#ifndef IOBENCH_LIBEV_METHOD_H
#define IOBENCH_LIBEV_METHOD_H

#include "common/base/stats.h"

#include <ev.h>

struct libev_method {
    const char *name;
    unsigned flag;              /* EVBACKEND_... */
    enum stats_syscall syscall; /* what one look costs */
};

/* In the order in which they are tried; ends with a name of NULL. */
extern const struct libev_method libev_methods[];

/* A loop over exactly that method, or NULL. */
struct ev_loop *libev_open(const struct libev_method *method);

/* The first method that works here and has that name ("": any), or NULL. */
const struct libev_method *libev_find(const char *name);

#endif
