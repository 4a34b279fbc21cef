#include "common/loop/poller.h"

#include "common/base/clock.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_EVENTS = 512 };

int poller_open(struct poller *p, const struct poller_type *type, const struct choice *choice,
                struct spin *spin, struct stats *stats)
{
    *p = (struct poller){.type = type, .choice = choice, .spin = spin, .stats = stats};
    return poller_grow(p) ? type->open(p) : -ENOMEM;
}

void poller_close(struct poller *p)
{
    p->type->close(p);
    free(p->events);
}

bool poller_grow(struct poller *p)
{
    unsigned room = p->room ? 2 * p->room : FIRST_EVENTS;
    struct poller_event *events = realloc(p->events, room * sizeof *events);

    if (!events)
        return false;
    p->events = events;
    p->room = room;
    return true;
}

/* Looks for events without sleeping until there are some or wake_ns has come, in any run mode. */
static int look_until(struct poller *p, uint64_t wake_ns)
{
    struct spin always = {.look_ns = CLOCK_NEVER_NS, .stats = p->stats};
    struct spin_wait wait = {0};
    int err;

    do
        err = p->type->wait(p, 0);
    while (!err && p->count == 0 && spin_look(&always, &wait, wake_ns));
    return err;
}

int poller_wait(struct poller *p, uint64_t wake_ns)
{
    struct spin_wait wait = {0};
    uint64_t now_ns;
    int err;

    p->count = 0;
    while (spin_look(p->spin, &wait, wake_ns)) {
        err = p->type->wait(p, 0);
        if (err || p->count)
            return err;
    }
    now_ns = clock_now_ns();
    if (wake_ns != CLOCK_NEVER_NS && wake_ns <= now_ns + p->coarse_ns)
        return look_until(p, wake_ns);
    err = p->type->wait(p, wake_ns == CLOCK_NEVER_NS ? wake_ns : wake_ns - p->coarse_ns);
    spin_slept(p->spin, clock_now_ns() - now_ns);
    return err;
}
