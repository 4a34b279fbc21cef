#include "client/client.h"

#include "common/base/clock.h"
#include "common/measure/pace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t client_conn_bytes(uint64_t pipeline)
{
    return sizeof(struct client_conn) + pipeline * sizeof(struct request);
}

static void opened(struct meter *m)
{
    struct client_thread *t = client_thread(m);

    for (struct conn *c = conn_next(t->conns, NULL); c; c = conn_next(t->conns, c))
        client_conn(c)->requests = 0;
}

/* The window is over: how evenly the connections that are still there were served. */
static void closing(struct meter *m)
{
    struct client_thread *t = client_thread(m);

    for (struct conn *c = conn_next(t->conns, NULL); c; c = conn_next(t->conns, c))
        if (!c->connecting)
            fairness_add(&t->fairness, client_conn(c)->requests, client_conn(c)->in_flight > 0);
}

static int body(struct meter *m)
{
    struct client_thread *t = client_thread(m);

    os_own_descriptors();
    return loop_run(m->worker, &t->run->loop, -1, t);
}

static int open_thread(struct client_run *run, unsigned index)
{
    const struct client_config *config = run->config;
    struct client_thread *t = &run->threads[index];
    unsigned count = run->drive.crew.count;

    t->run = run;
    t->config = config;
    t->codec = &run->codec;
    t->pipeline = (unsigned)config->pipeline;
    t->rng.state = config->seed + index;
    t->to_open = (uint32_t)crew_share(config->connections, index, count);
    TAILQ_INIT(&t->ready);
    TAILQ_INIT(&t->thinking);
    hist_reset(&t->connects);
    t->meter.quota = crew_share(config->requests, index, count);
    return meter_init(&t->meter, &run->drive.window, index);
}

static int open_threads(struct client_run *run)
{
    int err = 0;

    run->threads = calloc(run->drive.crew.count, sizeof *run->threads);
    if (!run->threads)
        return -ENOMEM;
    for (unsigned i = 0; i < run->drive.crew.count && !err; i++)
        err = open_thread(run, i);
    return err;
}

int client_open(struct client_run *run)
{
    const struct client_config *config = run->config;
    struct window_plan plan = {
        .warmup_ns = config->warmup_ns,
        .duration_ns = config->duration_ns,
        .tick_ns = drive_tick_ns(config->interval_ns, config->duration_ns),
        .drain_ns = config->timeout_ns,
        .rate = config->rate,
        .arrivals = pace_arrivals_named(config->arrivals),
        .seed = config->seed,
        .counts_requests = config->requests > 0,
    };
    int err;

    run->drive.interval_ns = config->interval_ns;
    run->drive.owner = run;
    run->drive.body = body;
    err = drive_init(&run->drive, (unsigned)config->threads, &config->cpus, &plan,
                     &(struct window_hooks){opened, closing});
    if (!err)
        err = codec_echo_init(&run->codec, &run->sizes, config->pipeline,
                              strcmp(config->verify, "full") == 0);
    return err ? err : open_threads(run);
}

void client_close(struct client_run *run)
{
    drive_free(&run->drive);
    codec_free(&run->codec);
    free(run->threads);
    run->threads = NULL;
}
