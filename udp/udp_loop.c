#include "udp/udp_loop.h"

#include <errno.h>
#include <stdlib.h>

/* What a loop that asks the sockets themselves takes on, and how often before it looks around. */
enum { FEW_SOCKETS = 2, ASKS_PER_ROUND = 4 };

/* ---- choosing -------------------------------------------------------------------------------- */

/* What is to be sent and received in batches, or with GRO, whose control data recvfrom lacks. */
void udp_note_receiving(struct choice *c, const struct udp_setup *setup)
{
    bool batches = setup->ways.batch > 1 || c->used & UDP_GRO;

    choice_feature(c, batches ? UDP_RECVMMSG : UDP_RECVFROM, NULL);
}

void udp_note_direct(struct choice *c, const struct udp_setup *setup)
{
    if (setup->mode == MODE_LATENCY || c->asked & UDP_DIRECT_RECV)
        choice_feature(c, UDP_DIRECT_RECV,
                       setup->mode == MODE_LATENCY ? NULL : "needs --mode latency");
}

/* Trains are of use for batches of messages that pass in one piece; who insists has them anyway. */
static void note_trains(struct choice *c, uint32_t bit, enum wire_offload offload,
                        const struct udp_setup *setup)
{
    const char *why_not = wire_lacks(offload);

    if (!why_not && !(c->asked & bit)) {
        if (setup->ways.batch == 1)
            why_not = "batch is 1";
        else if (!setup->fits)
            why_not = "message exceeds the path's MTU";
    }
    choice_feature(c, bit, why_not);
}

void udp_note_wire(struct choice *c, const struct udp_setup *setup)
{
    note_trains(c, UDP_GSO, WIRE_GSO, setup);
    note_trains(c, UDP_GRO, WIRE_GRO, setup);
    choice_feature(c, UDP_ZEROCOPY, wire_lacks(WIRE_ZEROCOPY));
    choice_feature(c, setup->ways.batch > 1 || c->used & UDP_GSO ? UDP_SENDMMSG : UDP_SENDTO, NULL);
    if (wire_batch(2) == 1)
        choice_feature(c, UDP_SENDMMSG, "this system has no call for it");
}

int udp_loop_choose(struct udp_setup *setup, const struct choose_from *from,
                    const struct opt_table *table, const char *spec)
{
    int status = choose_or_complain(&setup->choice, from, table, spec);

    setup->ways.gso = setup->choice.used & UDP_GSO;
    setup->ways.gro = setup->choice.used & UDP_GRO;
    setup->ways.zerocopy = setup->choice.used & UDP_ZEROCOPY;
    return status;
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
        err = udp_backend_of(&setup->choice)->run(l);
    wire_close(l->wire);
    free(l->trains);
    return err;
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
    return l->setup->choice.used & UDP_DIRECT_RECV && l->socket_count <= FEW_SOCKETS;
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
    struct spin_wait wait = {0};
    uint64_t wake_ns;
    int ready = 0;

    while (ready >= 0 && l->role->due(l, &wake_ns)) {
        if (ready > 0 || !spin_look(&l->spin, &wait, wake_ns)) /* it yields now and then */
            wait = (struct spin_wait){0};
        ready = 0;
        for (int i = 0; i < ASKS_PER_ROUND && ready == 0; i++)
            ready = ask_all(l, ask);
        stats_waited(l->stats, ready > 0 ? (uint64_t)ready : 0);
    }
    return ready < 0 ? ready : 0;
}
