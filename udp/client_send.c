#include "udp/client_parts.h"

#include "common/base/clock.h"

/* Messages sent by the schedule before answers are looked at. */
enum { DUE_PER_ROUND = 512 };

struct client_mark client_mark(const struct client *c)
{
    return (struct client_mark){c->seq.in_flight, c->seq.counts[1].lost, c->seq.counts[1].received};
}

void client_settle(struct client_thread *t, const struct client *c, struct client_mark before)
{
    uint64_t lost = c->seq.counts[1].lost - before.lost;
    uint64_t received = c->seq.counts[1].received - before.received;

    t->in_flight += c->seq.in_flight - before.in_flight;
    t->measured_lost += lost;
    t->settled += lost + received;
}

static void write_headers(struct client_thread *t, uint32_t index, uint32_t count)
{
    struct seq_header header = {
        .run = t->run->id,
        .client = t->first + index,
        .number = t->clients[index].seq.next,
        .sent_ns = t->now_ns,
    };

    for (uint32_t i = 0; i < count; i++, header.number++)
        seq_header_write(t->messages + i * t->run->config->size_bytes, &header);
}

/* Sends up to count messages of a client now; their intended moments lie in t->due_ns. */
static uint32_t send_messages(struct client_thread *t, uint32_t index, uint32_t count)
{
    const struct udp_config *config = t->run->config;
    struct client *c = &t->clients[index];
    uint32_t size = (uint32_t)config->size_bytes, trains, taken, sent = 0;
    int err = 0;

    t->now_ns = clock_now_ns(); /* what was done since the last reading is no service time */
    if (t->run->checked)
        write_headers(t, index, count);
    trains = gso_couple(t->messages, size, count, t->loop.setup->ways.gso ? gso_most(size) : 1,
                        config->connected ? NULL : &t->run->peer, t->trains);
    taken = wire_send(t->loop.wire, t->loop.sockets[index].fd, t->trains, trains, &err);
    for (uint32_t i = 0; i < taken; i++)
        sent += gso_datagrams(&t->trains[i]);
    for (uint32_t i = 0; i < sent; i++)
        seq_sent(&c->seq, t->now_ns, t->due_ns[i]);
    t->in_flight += sent;
    if (sent)
        t->last_sent_ns = t->now_ns;
    if (sent < count) {
        send_errors_count(&t->send_errors, err);
        t->blocked = true;
    }
    return sent;
}

void client_pump(struct client_thread *t, uint32_t index)
{
    struct client *c = &t->clients[index];
    uint64_t want = t->run->config->pipeline - c->seq.in_flight;

    want = client_least(client_least(want, c->left), seq_room(&c->seq));
    while (want && t->phase <= PHASE_WINDOW) {
        uint32_t some = (uint32_t)client_least(want, t->send_cap);
        uint32_t sent = send_messages(t, index, some);

        c->left -= t->phase == PHASE_WINDOW ? sent : 0;
        want -= sent;
        if (sent < some)
            break;
    }
}

/* Open loop: the messages that are due now, to one client; what cannot be sent is given up. */
static uint32_t send_due(struct client_thread *t, uint32_t index)
{
    struct client *c = &t->clients[index];
    uint64_t cap = client_least(client_least(t->send_cap, c->left), DUE_PER_ROUND);
    uint32_t due = 0, sent = 0, room;

    while (due < cap && t->pace.due_ns <= t->now_ns)
        t->due_ns[due++] = pace_take(&t->pace);
    room = (uint32_t)client_least(due, seq_room(&c->seq));
    if (room)
        sent = send_messages(t, index, room);
    if (t->phase == PHASE_WINDOW) {
        c->left -= due;
        t->scheduled += due;
        t->unsent += due - sent;
        t->crowded_out += due - room;
        t->settled += due - sent;
    }
    return due;
}

bool client_scheduling(const struct client_thread *t)
{
    bool all = t->run->config->messages && t->scheduled == t->quota;

    return t->phase <= PHASE_WINDOW && !all;
}

void client_run_schedule(struct client_thread *t)
{
    for (uint32_t round = 0; round < DUE_PER_ROUND && client_scheduling(t);) {
        if (t->pace.due_ns > t->now_ns)
            break;
        round += send_due(t, t->turn);
        t->turn = t->turn + 1 == t->count ? 0 : t->turn + 1;
        client_catch_up(t);
    }
}
