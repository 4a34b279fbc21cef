#include "udp/client_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FEWEST_SLOTS = 1024,      /* window of a client, in messages */
    MOST_SLOTS_ALL = 1 << 22, /* of all clients together: bounds the memory */
};

static const struct udp_role role = {client_receive, client_due};

static int prepare_messages(struct client_thread *t)
{
    const struct udp_config *config = t->run->config;
    struct rng rng = {.state = t->run->id};
    size_t bytes;

    t->send_cap = t->run->setup->ways.batch;
    bytes = t->send_cap * config->size_bytes;
    t->messages = malloc(bytes);
    t->due_ns = calloc(t->send_cap, sizeof *t->due_ns);
    t->trains = calloc(t->send_cap, sizeof *t->trains);
    if (!t->messages || !t->due_ns || !t->trains)
        return -ENOMEM;
    for (size_t i = 0; i < config->size_bytes; i++)
        t->messages[i] = (unsigned char)rng_next(&rng);
    t->messages[0] = SEQ_REQUEST_BYTE;
    for (uint32_t i = 1; i < t->send_cap; i++)
        memcpy(t->messages + i * config->size_bytes, t->messages, config->size_bytes);
    return 0;
}

/* Twice what can be in flight within a timeout, so that late answers are still known. */
static uint64_t window_slots(const struct udp_config *config)
{
    double in_flight = config->rate ? (double)config->rate * (double)config->timeout_ns / 1e9 /
                                          (double)config->clients
                                    : (double)config->pipeline;
    uint64_t most = MOST_SLOTS_ALL / config->clients;
    uint64_t wanted = in_flight * 2 > (double)most ? most : (uint64_t)(in_flight * 2);

    wanted = wanted > client_least(FEWEST_SLOTS, most) ? wanted : client_least(FEWEST_SLOTS, most);
    return wanted > 2 * config->pipeline ? wanted : 2 * config->pipeline;
}

static int open_clients(struct client_thread *t)
{
    const struct udp_config *config = t->run->config;
    struct wire_options options = {.sndbuf_bytes = config->sndbuf_bytes,
                                   .rcvbuf_bytes = config->rcvbuf_bytes,
                                   .gro = t->run->setup->ways.gro,
                                   .zerocopy = t->run->setup->ways.zerocopy};
    int family = t->run->server.storage.ss_family, err = 0;

    /* What is in flight comes back as one train where trains are received. */
    t->loop.receive_most =
        t->run->setup->ways.gro
            ? 1
            : (unsigned)client_least(t->run->setup->ways.batch, config->pipeline);
    /*
     * A closed loop's next messages are answered while it is still at this socket: stay for more
     * than was there before, and a few clients have all the attention for a while (measured: P50
     * 30 us and P99 18 ms, where both are about 3 ms).
     */
    t->loop.turn_most = client_open_loop(t) ? UDP_RECEIVES_MOST * t->run->setup->ways.batch
                                            : (unsigned)config->pipeline;
    t->clients = calloc(t->count, sizeof *t->clients);
    t->loop.sockets = calloc(t->count, sizeof *t->loop.sockets);
    if (!t->clients || !t->loop.sockets)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->count && !err; i++) {
        int fd = wire_socket(family, NULL, config->connected ? &t->run->server : NULL, &options);

        t->loop.sockets[i] = (struct udp_socket){fd, i};
        t->loop.socket_count = i + (fd >= 0);
        err = fd < 0 ? fd : seq_init(&t->clients[i].seq, window_slots(config), config->rate > 0);
    }
    return err;
}

static int open_thread(struct client_run *run, unsigned index)
{
    const struct udp_config *config = run->config;
    struct client_thread *t = &run->threads[index];
    uint64_t share = config->clients / run->crew.count, rest = config->clients % run->crew.count;
    int err;

    t->run = run;
    t->count = (uint32_t)(share + (index < rest));
    t->first = (uint32_t)(share * index + client_least(index, rest));
    t->quota = config->messages * t->count;
    t->deadline_ns = CLOCK_NEVER_NS;
    hist_reset(&t->service);
    hist_reset(&t->response);
    run->crew.workers[index].program = t;
    err = ticks_init(&t->ticks, config->interval_ns);
    if (!err)
        err = prepare_messages(t);
    return err ? err : open_clients(t);
}

int client_open(struct client_run *run)
{
    int err = 0;

    run->peer.len = run->server.len;
    memcpy(&run->peer.address, &run->server.storage, sizeof run->peer.address);
    run->checked = run->config->size_bytes >= SEQ_HEADER_BYTES;
    run->arrivals = pace_arrivals_named(run->config->arrivals);
    run->threads = calloc(run->crew.count, sizeof *run->threads);
    if (!run->threads)
        return -ENOMEM;
    for (unsigned i = 0; i < run->crew.count && !err; i++)
        err = open_thread(run, i);
    return err;
}

void client_close(struct client_run *run)
{
    for (unsigned i = 0; run->threads && i < run->crew.count; i++) {
        struct client_thread *t = &run->threads[i];

        for (uint32_t c = 0; t->clients && c < t->count; c++)
            seq_free(&t->clients[c].seq);
        for (uint32_t s = 0; s < t->loop.socket_count; s++)
            close(t->loop.sockets[s].fd);
        free(t->clients);
        free(t->loop.sockets);
        free(t->messages);
        free(t->due_ns);
        free(t->trains);
        ticks_free(&t->ticks);
    }
    free(run->threads);
}

int client_body(struct worker *w)
{
    struct client_thread *t = w->program;
    int64_t drops;
    int err;

    err = udp_loop_run(&t->loop, w, t->run->setup, &role, t);
    if (err)
        client_stop(t->run); /* else the others would wait for this thread to be ready, for ever */
    drops = client_drops(t);
    t->kernel_drops = t->kernel_drops < 0 || drops < 0 ? -1 : drops - t->kernel_drops;
    atomic_store_explicit(&t->ticks.over, true, memory_order_release);
    return err;
}

void client_stop(struct client_run *run)
{
    atomic_store(&run->stop, true);
    crew_wake_all(&run->crew);
}
