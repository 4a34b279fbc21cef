/*
 * libev_method: how libev is asked to wait, by name.
 *
 * What ev_backend() says is what runs, or it is an error: libev's recommended set leaves kqueue out
 * on macOS, so methods are never left to it.
 */
#ifndef IOBENCH_LIBEV_METHOD_H
#define IOBENCH_LIBEV_METHOD_H

#include "common/base/stats.h"
#include "common/choice.h"

#include <ev.h>

struct libev_method {
    unsigned flag;              /* EVBACKEND_... */
    enum stats_syscall syscall; /* what one look costs */
};

/* In the order in which they are tried, each with its name, which ends the list with NULL. */
extern const struct libev_method libev_methods[];
extern const char *const libev_method_names[];

/* A loop over exactly that method, or NULL. */
struct ev_loop *libev_open(const struct libev_method *method);

/* Settles the variant of a choice: the method that was named, or the first that works here. */
int libev_probe(struct choice *c, const void *about, char *why, size_t why_cap);

#endif
