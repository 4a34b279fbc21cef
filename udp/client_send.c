#include "udp/client.h"

#include "common/base/clock.h"

/* Messages sent by the schedule before answers are looked at. */
enum { DUE_PER_ROUND = 512 };

void client_begin_measuring(struct client_thread *t)
{
    uint64_t messages = t->run->config->messages;

    t->measuring = true;
    t->accounted = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        seq_measure(&t->clients[i].seq);
        if (messages)
            t->clients[i].left = messages;
    }
}

static void write_headers(struct client_thread *t, uint32_t index, uint32_t count)
{
    struct seq_header header = {
        .run = t->run->id,
        .client = t->first + index,
        .number = t->clients[index].seq.next,
        .sent_ns = t->meter.now_ns,
    };

    for (uint32_t i = 0; i < count; i++, header.number++)
        seq_header_write(t->messages + i * t->run->config->size_bytes, &header);
}

/*
 * Sends messages of a client that were begun; their intended moments lie in t->due_ns. Returns how
 * many the kernel took; the others are given up.
 */
static uint32_t send_messages(struct client_thread *t, uint32_t index, uint32_t count)
{
    const struct udp_config *config = t->run->config;
    struct client *c = &t->clients[index];
    uint32_t size = (uint32_t)config->size_bytes, trains, taken, sent = 0;
    int err = 0;

    t->meter.now_ns = clock_now_ns(); /* what was done since the last reading is no service time */
    if (t->run->checked)
        write_headers(t, index, count);
    trains = gso_couple(t->messages, size, count, t->loop.setup->ways.gso ? gso_most(size) : 1,
                        config->connected ? NULL : &t->run->peer, t->trains);
    taken = wire_send(t->loop.wire, t->loop.sockets[index].fd, t->trains, trains, &err);
    for (uint32_t i = 0; i < taken; i++)
        sent += gso_datagrams(&t->trains[i]);
    for (uint32_t i = 0; i < sent; i++)
        seq_sent(&c->seq, t->meter.now_ns, t->due_ns[i]);
    for (uint32_t i = sent; i < count; i++)
        meter_give_up(&t->meter, t->due_ns[i]);
    if (sent)
        t->last_sent_ns = t->meter.now_ns;
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
    while (want && t->meter.phase <= PHASE_WINDOW) {
        uint32_t some = (uint32_t)client_least(want, t->send_cap), sent;

        for (uint32_t i = 0; i < some; i++)
            t->due_ns[i] = meter_begin(&t->meter, false);
        sent = send_messages(t, index, some);
        c->left -= t->measuring ? sent : 0;
        want -= sent;
        if (sent < some)
            break;
    }
}

/* Takes what is due off the schedule, but not of the warm-up and of the window at once. */
static uint32_t take_due(struct client_thread *t, uint64_t most)
{
    struct meter *m = &t->meter;
    uint64_t before_ns = t->measuring ? CLOCK_NEVER_NS : m->edges.start_ns;
    uint32_t due = 0;

    while (due < most && meter_request_due(m) && m->schedule.pace.due_ns < before_ns)
        t->due_ns[due++] = meter_begin(m, false);
    return due;
}

/* Open loop: the messages that are due now, to one client; what cannot be sent is given up. */
static uint32_t send_due(struct client_thread *t, uint32_t index)
{
    struct client *c = &t->clients[index];
    uint32_t due = take_due(t, client_least(client_least(t->send_cap, c->left), DUE_PER_ROUND));
    uint32_t room = (uint32_t)client_least(due, seq_room(&c->seq)), sent = 0;

    for (uint32_t i = room; i < due; i++)
        meter_give_up(&t->meter, t->due_ns[i]);
    if (room)
        sent = send_messages(t, index, room);
    if (t->measuring) {
        c->left -= due;
        t->crowded_out += due - room;
        t->accounted += due - sent;
    }
    return due;
}

void client_run_schedule(struct client_thread *t)
{
    struct meter *m = &t->meter;

    for (uint32_t round = 0; round < DUE_PER_ROUND && meter_request_due(m);) {
        if (!t->measuring && m->schedule.pace.due_ns >= m->edges.start_ns)
            client_begin_measuring(t);
        round += send_due(t, t->turn);
        t->turn = t->turn + 1 == t->count ? 0 : t->turn + 1;
        window_move_on(m, m->now_ns);
    }
}
