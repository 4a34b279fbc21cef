#include "udp/client.h"

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
    t->loop.turn_most =
        config->rate ? UDP_RECEIVES_MOST * t->run->setup->ways.batch : (unsigned)config->pipeline;
    t->clients = calloc(t->count, sizeof *t->clients);
    t->loop.sockets = calloc(t->count, sizeof *t->loop.sockets);
    if (!t->clients || !t->loop.sockets)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->count && !err; i++) {
        int fd = wire_socket(family, NULL, config->connected ? &t->run->server : NULL, &options);

        t->loop.sockets[i] = (struct udp_socket){.fd = fd, .index = i};
        t->loop.socket_count = i + (fd >= 0);
        t->clients[i].left = UINT64_MAX;
        err = fd < 0 ? fd : seq_init(&t->clients[i].seq, window_slots(config), config->rate > 0);
    }
    return err;
}

/* ---- the workload ---------------------------------------------------------------------------- */

/*
 * A closed loop's messages are measured by when they were sent, and counted by client: the core's
 * count of all that are completed in the window is not to end it.
 */
static void opened(struct meter *m)
{
    struct client_thread *t = client_thread(m);

    if (!t->drops_read)
        client_read_drops(t);
    t->last_answer_ns = m->edges.start_ns;
    if (m->open_loop)
        return;
    m->budget = m->last_request = UINT64_MAX;
    client_begin_measuring(t);
}

/* Unless a backlog is to be sent, what was sent last can be answered for so long. */
static void closing(struct meter *m)
{
    const struct client_thread *t = client_thread(m);

    if (!meter_more_due(m))
        m->drain_end_ns = t->last_sent_ns + 2 * t->run->config->timeout_ns;
}

static int body(struct meter *m)
{
    struct client_thread *t = client_thread(m);
    int err = udp_loop_run(&t->loop, m->worker, t->run->setup, &role, t);

    client_count_drops(t);
    if (!t->measuring)
        client_begin_measuring(t); /* then all that was sent is the warm-up's */
    return err;
}

static int open_thread(struct client_run *run, unsigned index)
{
    const struct udp_config *config = run->config;
    struct client_thread *t = &run->threads[index];
    unsigned threads = run->drive.crew.count;
    int err;

    t->run = run;
    t->count = (uint32_t)crew_share(config->clients, index, threads);
    t->first = index ? t[-1].first + t[-1].count : 0;
    t->meter.quota = config->messages * t->count;
    err = meter_init(&t->meter, &run->drive.window, index);
    if (!err)
        err = prepare_messages(t);
    return err ? err : open_clients(t);
}

int client_open(struct client_run *run)
{
    const struct udp_config *config = run->config;
    unsigned threads = (unsigned)config->threads;
    struct window_plan plan = {
        .warmup_ns = config->warmup_ns,
        .duration_ns = config->duration_ns,
        .tick_ns = drive_tick_ns(config->interval_ns, config->duration_ns),
        .drain_ns = 2 * config->timeout_ns,
        .rate = config->rate,
        .arrivals = pace_arrivals_named(config->arrivals),
        .seed = config->seed,
        .counts_requests = config->messages > 0,
    };
    int err = drive_init(&run->drive, threads, &config->cpus, &plan,
                         &(struct window_hooks){.opened = opened, .closing = closing});

    if (err)
        return err;
    run->drive.interval_ns = config->interval_ns;
    run->drive.body = body;
    run->peer.len = run->server.len;
    memcpy(&run->peer.address, &run->server.storage, sizeof run->peer.address);
    run->checked = config->size_bytes >= SEQ_HEADER_BYTES;
    run->threads = calloc(threads, sizeof *run->threads);
    if (!run->threads)
        return -ENOMEM;
    for (unsigned i = 0; i < threads && !err; i++)
        err = open_thread(run, i);
    return err;
}

static void close_thread(struct client_thread *t)
{
    for (uint32_t c = 0; t->clients && c < t->count; c++)
        seq_free(&t->clients[c].seq);
    for (uint32_t s = 0; s < t->loop.socket_count; s++)
        close(t->loop.sockets[s].fd);
    free(t->clients);
    free(t->loop.sockets);
    free(t->messages);
    free(t->due_ns);
    free(t->trains);
}

void client_close(struct client_run *run)
{
    unsigned threads = run->drive.crew.count;

    drive_free(&run->drive);
    for (unsigned i = 0; run->threads && i < threads; i++)
        close_thread(&run->threads[i]);
    free(run->threads);
}
