/*
 * poller: waiting until descriptors are readable or writable: epoll or libev, for streams and
 * datagrams alike.
 *
 * What a thread does while nothing is there has one place here: it looks for events for a while
 * first, if the run mode says so, and then sleeps, but never beyond the moment when something is
 * due. A poller whose sleeps end too late to keep a pace sleeps a little less and looks for events
 * until the moment has come.
 *
 * A new way to wait is one file with a struct poller_type, and a row in the table of each loop.
 */
#ifndef IOBENCH_POLLER_H
#define IOBENCH_POLLER_H

#include "common/base/stats.h"
#include "common/choose/choice.h"
#include "common/measure/spin.h"

#include <stdint.h>

/* The values of EPOLLIN and EPOLLOUT, so that epoll has nothing to translate. */
enum { POLLER_READ = 1, POLLER_WRITE = 4 };

enum { POLLER_MEMORY = 48 };

/* A descriptor that is watched. It stays where it is until it is no longer watched. */
struct watch {
    int fd;
    uint8_t want;                                    /* POLLER_ bits watched for */
    _Alignas(8) unsigned char memory[POLLER_MEMORY]; /* the poller's */
};

struct poller_event {
    struct watch *watch;
    unsigned ready; /* POLLER_ bits, and others that do not matter; an error is both */
};

/* One thread's. */
struct poller {
    const struct poller_type *type;
    const struct choice *choice;
    struct stats *stats;
    struct spin *spin;
    void *state;        /* the type's */
    uint64_t coarse_ns; /* its sleeps may end so much too late; 0: they end on time */
    unsigned count;     /* events of the last wait */
    unsigned room;      /* of events */
    struct poller_event *events;
};

struct poller_type {
    int (*open)(struct poller *p); /* 0 or -errno; sets state and coarse_ns */
    void (*close)(struct poller *p);
    int (*watch)(struct poller *p, struct watch *w);  /* begins, for w->want: 0 or -errno */
    int (*change)(struct poller *p, struct watch *w); /* w->want has changed */
    void (*unwatch)(struct poller *p, struct watch *w,
                    bool closing); /* closing: close(2) follows */
    /*
     * Sleeps until an event or until_ns: 0 only looks, CLOCK_NEVER_NS has no limit. Fills events
     * and count. 0, also when a signal came, or -errno.
     */
    int (*wait)(struct poller *p, uint64_t until_ns);
};

/* poller_close() is to be called also when this failed. */
int poller_open(struct poller *p, const struct poller_type *type, const struct choice *choice,
                struct spin *spin, struct stats *stats);
void poller_close(struct poller *p);

/* Waits for events, by the run mode, but not beyond wake_ns (CLOCK_NEVER_NS: no limit). 0 or
 * -errno. */
int poller_wait(struct poller *p, uint64_t wake_ns);

static inline int poller_watch(struct poller *p, struct watch *w, int fd, int want)
{
    w->fd = fd;
    w->want = (uint8_t)want;
    return p->type->watch(p, w);
}

/* More room for events: false when memory ran out. */
bool poller_grow(struct poller *p);

/* For types: notes an event. One for which there is no memory comes again with the next wait. */
static inline void poller_add(struct poller *p, struct watch *w, unsigned ready)
{
    if (p->count < p->room || poller_grow(p))
        p->events[p->count++] = (struct poller_event){w, ready};
}

/* ---- the pollers that there are -------------------------------------------------------------- */

extern const struct poller_type poller_epoll, poller_libev;

/* Rows for a backend's table of features, and probes for it. */
enum { POLLER_LEVEL_TRIGGERED = 1, POLLER_NS_TIMEOUT = 2 };

#define POLLER_EPOLL_ROWS                                              \
    {"level_triggered", POLLER_LEVEL_TRIGGERED, FEATURE_ALWAYS, NULL}, \
    {                                                                  \
        "ns_timeout", POLLER_NS_TIMEOUT, FEATURE_USUAL,                \
            "sleeps end to the ns, by epoll_pwait2 (Linux 5.11)"       \
    }

int poller_epoll_probe(struct choice *c, const void *about, char *why, size_t why_cap);

/* Chooses the variant: the method that was named, or the first that works here. */
extern const char *const poller_libev_methods[]; /* NULL-terminated */
int poller_libev_probe(struct choice *c, const void *about, char *why, size_t why_cap);

#endif
