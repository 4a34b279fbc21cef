#include "udp/client.h"

#include "common/base/clock.h"

/* How often losses are looked for; after a send that failed they are looked for sooner. */
#define CHECK_NS       (20 * NS_PER_MS)
#define CHECK_SOON_NS  NS_PER_MS
#define TIMEOUT_CHECKS 8 /* looks per timeout, at least */

/*
 * How long before the window the drops are read: each client's getsockopt(2) takes 0.3 us
 * (measured), and a thread that slept wakes late.
 */
#define DROPS_NS_PER_CLIENT 2000
#define DROPS_WAKE_NS       NS_PER_MS

/* ---- messages without an answer -------------------------------------------------------------- */

struct client_mark client_mark(const struct client *c)
{
    return (struct client_mark){c->seq.in_flight, c->seq.counts[1].lost, c->seq.counts[1].received};
}

void client_account(struct client_thread *t, const struct client *c, struct client_mark before)
{
    uint64_t lost = c->seq.counts[1].lost - before.lost;
    uint64_t received = c->seq.counts[1].received - before.received;

    t->meter.in_flight += c->seq.in_flight - before.in_flight;
    t->loop.stats->lost += lost;
    t->accounted += lost + received;
}

void client_check(struct client_thread *t)
{
    uint64_t timeout_ns = t->run->config->timeout_ns, now_ns = t->meter.now_ns;
    uint64_t next_ns = client_least(CHECK_NS, timeout_ns / TIMEOUT_CHECKS + 1);

    if (now_ns < t->next_check_ns)
        return;
    t->blocked = false;
    for (uint32_t i = 0; i < t->count; i++) {
        struct client_mark before = client_mark(&t->clients[i]);

        seq_expire(&t->clients[i].seq, t->meter.now_ns, timeout_ns);
        client_account(t, &t->clients[i], before);
        if (!t->meter.open_loop && i < t->begun)
            client_pump(t, i);
    }
    t->next_check_ns =
        t->meter.now_ns + (t->blocked ? client_least(next_ns, CHECK_SOON_NS) : next_ns);
}

/* ---- dropped by the kernel, because a receive buffer was full -------------------------------- */

uint64_t client_drops_due_ns(const struct client_thread *t)
{
    uint64_t ahead_ns = DROPS_WAKE_NS + (uint64_t)DROPS_NS_PER_CLIENT * t->count;

    if (t->drops_read)
        return CLOCK_NEVER_NS;
    return t->meter.edges.start_ns - client_least(t->run->config->warmup_ns, ahead_ns);
}

/* -1 unknown. */
static int64_t drops(const struct client_thread *t)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < t->count && sum >= 0; i++) {
        int64_t of_socket = wire_drops(t->loop.sockets[i].fd);

        sum = of_socket < 0 ? -1 : sum + of_socket;
    }
    return sum;
}

void client_read_drops(struct client_thread *t)
{
    t->kernel_drops = drops(t);
    t->drops_read = true;
}

void client_count_drops(struct client_thread *t)
{
    int64_t now = drops(t);

    t->kernel_drops = t->kernel_drops < 0 || now < 0 ? -1 : now - t->kernel_drops;
}
