#include "udp/server.h"

#include "common/base/clock.h"
#include "udp/seq.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Trains that are cut up are sent in portions of so many datagrams. */
enum { PORTION = 64 };

/* Counts a datagram that is no request; marks one that is, since it will go back as a reply. */
static bool to_reply(void *context, unsigned char *bytes, uint32_t len)
{
    struct server_worker *me = context;
    struct seq_header header;
    bool numbered = me->server->checked || len >= SEQ_HEADER_BYTES;

    switch (numbered ? seq_header_read(bytes, len, &header) : seq_mark_read(bytes, len)) {
    case SEQ_REQUEST:
        seq_mark_reply(bytes, len);
        return true;
    case SEQ_REPLY:
        me->counts.replies_dropped++;
        return false;
    case SEQ_NEITHER:
        break;
    }
    me->counts.corrupted++;
    return false;
}

/* ---- echoing --------------------------------------------------------------------------------- */

static void echo(struct udp_loop *l, struct udp_socket *s, const struct udp_train *trains,
                 unsigned count)
{
    struct server_counts *counts = &((struct server_worker *)l->program)->counts;
    unsigned done = 0;

    while (done < count) {
        int err = 0;
        unsigned taken = wire_send(l->wire, s->fd, trains + done, count - done, &err);

        for (unsigned i = 0; i < taken; i++)
            counts->echoed += gso_datagrams(&trains[done + i]);
        done += taken;
        if (done < count)
            send_errors_count(&counts->send_errors, err); /* that one is lost; on with the rest */
        done += done < count;
    }
}

static void echo_split(struct udp_loop *l, struct udp_socket *s, const struct udp_train *train)
{
    struct udp_train single[PORTION];
    uint32_t first = 0, count;

    while ((count = gso_split(train, first, single, PORTION)) > 0) {
        echo(l, s, single, count);
        first += count;
    }
}

/* Counts what arrived and turns the requests into replies; returns how many trains are left. */
static unsigned admit(struct server_worker *me, struct udp_train *trains, unsigned count)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++) {
        struct udp_train *t = &trains[i];
        uint32_t datagrams = gso_datagrams(t);

        me->counts.received += datagrams;
        if (t->cut)
            me->counts.corrupted += datagrams;
        else if (gso_filter(t, to_reply, me) < datagrams)
            trains[kept++] = *t;
    }
    return kept;
}

static void server_receive(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                           unsigned count)
{
    bool whole = true;

    count = admit(l->program, trains, count);
    for (unsigned i = 0; i < count; i++)
        whole &= l->setup->ways.gso || gso_datagrams(&trains[i]) == 1;
    if (whole) {
        echo(l, s, trains, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        echo_split(l, s, &trains[i]);
}

static bool server_due(struct udp_loop *l, uint64_t *wake_ns)
{
    const struct server_worker *me = l->program;

    *wake_ns = CLOCK_NEVER_NS;
    return !atomic_load_explicit(&me->server->serve.stopping, memory_order_relaxed);
}

static const struct udp_role role = {server_receive, server_due};

/* ---- life ------------------------------------------------------------------------------------ */

static int body(struct worker *w)
{
    struct server_worker *me = w->program;
    int err;

    serve_up(&me->server->serve);
    err = udp_loop_run(&me->loop, w, me->server->setup, &role, me);
    me->kernel_drops = wire_drops(me->socket.fd);
    return err;
}

/* With SO_REUSEPORT the kernel would let us share a port that another server of ours has. */
static int check_free(const struct net_address *address)
{
    struct net_address local = *address;
    int fd = wire_socket(local.storage.ss_family, &local, NULL, &(struct wire_options){0});

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static int open_sockets(struct server *s, struct net_address *address)
{
    struct wire_options options = {.sndbuf_bytes = s->config->sndbuf_bytes,
                                   .rcvbuf_bytes = s->config->rcvbuf_bytes,
                                   .gro = s->setup->ways.gro,
                                   .zerocopy = s->setup->ways.zerocopy,
                                   .share = s->serve.crew.count > 1};
    int err = check_free(address);

    for (unsigned i = 0; i < s->serve.crew.count && !err; i++) {
        int fd = wire_socket(address->storage.ss_family, address, NULL, &options);

        s->workers[i].socket.fd = fd;
        err = fd < 0 ? fd : 0;
    }
    return err;
}

int server_open(struct server *s, struct net_address *address, const struct opt_cpus *cpus)
{
    int err = crew_init(&s->serve.crew, (unsigned)s->config->workers, cpus);

    if (err)
        return err;
    s->serve.body = body;
    s->address = address;
    s->checked = s->config->size_bytes >= SEQ_HEADER_BYTES;
    s->workers = calloc(s->serve.crew.count, sizeof *s->workers);
    if (!s->workers)
        return -ENOMEM;
    for (unsigned i = 0; i < s->serve.crew.count; i++) {
        struct server_worker *me = &s->workers[i];

        me->server = s;
        me->socket.fd = -1;
        me->loop.sockets = &me->socket;
        me->loop.socket_count = 1;
        me->loop.receive_most = s->setup->ways.batch;
        me->loop.turn_most = UDP_RECEIVES_MOST * s->setup->ways.batch;
        s->serve.crew.workers[i].program = me;
    }
    return open_sockets(s, address);
}

void server_close(struct server *s)
{
    for (unsigned i = 0; s->workers && i < s->serve.crew.count; i++)
        if (s->workers[i].socket.fd >= 0)
            close(s->workers[i].socket.fd);
    free(s->workers);
    crew_free(&s->serve.crew);
}
