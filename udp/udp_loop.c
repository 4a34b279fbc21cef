#include "udp/udp_loop.h"

#include "common/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a loop that asks the sockets themselves takes on, and how often before it looks around. */
enum { FEW_SOCKETS = 2, ASKS_PER_ROUND = 4 };

/* ---- choosing -------------------------------------------------------------------------------- */

bool udp_feature(struct udp_setup *setup, const char *name, const char *why_not)
{
    if (!why_not && setup->feature_count < UDP_LIST_CAP)
        snprintf(setup->features[setup->feature_count++], UDP_NAME_CAP, "%s", name);
    else if (why_not && setup->left_out_count < UDP_LIST_CAP)
        snprintf(setup->left_out[setup->left_out_count++], UDP_NAME_CAP, "%s (%s)", name, why_not);
    return !why_not;
}

static int probe(struct udp_setup *setup, const struct udp_backend *backend, char *why,
                 size_t why_cap)
{
    setup->backend = backend;
    setup->feature_count = setup->left_out_count = 0;
    setup->ability = 0;
    snprintf(setup->name, sizeof setup->name, "%s", backend->name);
    return backend->probe(setup, why, why_cap) ? -ENOTSUP : 0;
}

int udp_loop_choose(struct udp_setup *setup, const char *name, char *why, size_t why_cap)
{
    bool automatic = strcmp(name, "auto") == 0;
    char list[512];

    for (size_t i = 0; udp_backends[i]; i++) {
        int err;

        if (!automatic && strcmp(name, udp_backends[i]->name) != 0)
            continue;
        err = probe(setup, udp_backends[i], why, why_cap);
        if (!err || !automatic)
            return err;
    }
    if (automatic)
        return -ENOTSUP;
    snprintf(why, why_cap, "is not a backend; there are: auto %s",
             udp_loop_list(list, sizeof list));
    return -EINVAL;
}

char *udp_loop_list(char *buf, size_t cap)
{
    size_t used = 0;

    buf[0] = '\0';
    for (size_t i = 0; udp_backends[i] && used < cap; i++) {
        struct udp_setup setup = {.ways.batch = 1};
        char why[160];
        int err = probe(&setup, udp_backends[i], why, sizeof why);

        used +=
            (size_t)snprintf(buf + used, cap - used, "%s%s", i ? " " : "", udp_backends[i]->name);
        if (err && used < cap)
            used += (size_t)snprintf(buf + used, cap - used, " (not here: %s)", why);
    }
    return buf;
}

/* ---- running --------------------------------------------------------------------------------- */

int udp_loop_run(struct udp_loop *l, struct worker *w, const struct udp_setup *setup,
                 const struct udp_role *role, void *program)
{
    int err = -ENOMEM;

    l->worker = w;
    l->stats = &w->stats;
    l->setup = setup;
    l->role = role;
    l->program = program;
    spin_init(&l->spin, setup->mode, l->stats);
    l->wire = wire_open(&setup->ways, l->stats);
    l->trains = calloc(setup->ways.batch, sizeof *l->trains);
    if (l->wire && l->trains)
        err = setup->backend->run(l);
    wire_close(l->wire);
    free(l->trains);
    return err;
}

uint64_t udp_sleep_until(struct udp_loop *l, uint64_t wake_ns)
{
    if (spin_look(&l->spin, &l->spell, wake_ns))
        return 0;
    l->spell = (struct spell){0}; /* it ended, at wake_ns or before */
    if (l->setup->mode == MODE_BALANCED)
        l->asleep_ns = clock_now_ns();
    return wake_ns;
}

void udp_waited(struct udp_loop *l, uint64_t events)
{
    stats_waited(l->stats, events);
    if (l->asleep_ns)
        spin_slept(&l->spin, clock_now_ns() - l->asleep_ns);
    if (events)
        l->spell = (struct spell){0};
    l->asleep_ns = 0;
}

void udp_receive_failed(struct udp_loop *l, int err)
{
    l->stats->errors[err == ECONNREFUSED ? ERROR_connect_refused : stats_recv_error(err)]++;
}

int udp_readable(struct udp_loop *l, struct udp_socket *s)
{
    int total = 0;

    while ((unsigned)total < l->turn_most) {
        int got = wire_receive(l->wire, s->fd, l->trains, l->receive_most);

        if (got < 0)
            udp_receive_failed(l, -got);
        if (got <= 0)
            break;
        l->role->receive(l, s, l->trains, (unsigned)got);
        total += got;
        if (l->setup->ways.batch > 1 && (unsigned)got < l->setup->ways.batch)
            break; /* that was all, or the next wait says so */
    }
    return total;
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool udp_asks(const struct udp_loop *l)
{
    return l->setup->mode == MODE_LATENCY && l->socket_count <= FEW_SOCKETS;
}

/* How many sockets had something, or -errno. */
static int ask_all(struct udp_loop *l, int (*ask)(struct udp_loop *, struct udp_socket *))
{
    int ready = 0;

    for (uint32_t i = 0; i < l->socket_count; i++) {
        int got = ask(l, &l->sockets[i]);

        if (got < 0)
            return got;
        ready += got > 0;
    }
    return ready;
}

int udp_ask_on(struct udp_loop *l, int (*ask)(struct udp_loop *, struct udp_socket *))
{
    uint64_t wake_ns;
    int ready = 0;

    while (ready >= 0 && l->role->due(l, &wake_ns)) {
        udp_sleep_until(l, wake_ns); /* yields now and then */
        ready = 0;
        for (int i = 0; i < ASKS_PER_ROUND && ready == 0; i++)
            ready = ask_all(l, ask);
        udp_waited(l, ready > 0 ? (uint64_t)ready : 0);
    }
    return ready < 0 ? ready : 0;
}
