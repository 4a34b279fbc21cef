#include "udp/client.h"

#include <string.h>

static bool from_server(const struct client_thread *t, const struct udp_peer *from)
{
    const struct udp_peer *server = &t->run->peer;

    if (t->run->config->connected)
        return true;
    if (server->address.any.sa_family == AF_INET6)
        return from->address.v6.sin6_port == server->address.v6.sin6_port &&
               memcmp(&from->address.v6.sin6_addr, &server->address.v6.sin6_addr, 16) == 0;
    return from->address.v4.sin_port == server->address.v4.sin_port &&
           from->address.v4.sin_addr.s_addr == server->address.v4.sin_addr.s_addr;
}

/* SEQ_NEITHER unless a datagram is one of our messages, byte by byte but for mark and header. */
static enum seq_kind kind_of(const struct client_thread *t, const unsigned char *bytes,
                             uint32_t len, struct seq_header *h)
{
    size_t skip = t->run->checked ? SEQ_HEADER_BYTES : 1;

    if (len != t->run->config->size_bytes ||
        memcmp(bytes + skip, t->messages + skip, len - skip) != 0)
        return SEQ_NEITHER;
    return t->run->checked ? seq_header_read(bytes, len, h) : seq_mark_read(bytes, len);
}

/* A number of messages is exact: what the warm-up has left in flight is not among them. */
static bool left_over(const struct client_thread *t, const struct seq_answer *answer)
{
    return t->run->config->messages && !t->meter.open_loop && t->measuring && !answer->measured;
}

static void answered(struct client_thread *t, const struct seq_answer *answer)
{
    struct meter *m = &t->meter;

    t->last_answer_ns = m->now_ns;
    t->loop.stats->requests += !left_over(t, answer);
    meter_record_unfinished(m, m->now_ns - answer->sent_ns);
    if (t->measuring && answer->measured)
        meter_record(m, answer->sent_ns, answer->due_ns);
}

static void take(struct client_thread *t, uint32_t index, const unsigned char *bytes, uint32_t len)
{
    struct client *c = &t->clients[index];
    struct seq_counts *counts = &c->seq.counts[t->measuring];
    uint64_t timeout_ns = t->run->config->timeout_ns;
    enum seq_verdict verdict = SEQ_FOREIGN;
    struct seq_answer answer;
    struct seq_header h;
    enum seq_kind kind = kind_of(t, bytes, len, &h);

    if (kind == SEQ_NEITHER) {
        counts->corrupted++;
        t->loop.stats->rejected++;
        return;
    }
    if (kind == SEQ_REQUEST ||
        (t->run->checked && (h.run != t->run->id || h.client != t->first + index)))
        counts->foreign++;
    else if (t->run->checked)
        verdict = seq_receive(&c->seq, h.number, h.sent_ns, t->meter.now_ns, timeout_ns, &answer);
    else
        verdict = seq_receive_unnumbered(&c->seq, t->meter.now_ns, timeout_ns, &answer);
    if (verdict == SEQ_RECEIVED)
        answered(t, &answer);
    else
        t->loop.stats->rejected++;
}

static void take_train(struct client_thread *t, uint32_t index, const struct udp_train *train)
{
    uint32_t count = gso_datagrams(train), offset = 0;
    struct seq_counts *counts = &t->clients[index].seq.counts[t->measuring];

    if (!from_server(t, train->peer)) {
        counts->foreign += count;
        t->loop.stats->rejected += count;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = gso_datagram_len(train, offset);

        take(t, index, train->bytes + offset, train->cut ? 0 : len);
        offset += len;
    }
}

void client_receive(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                    unsigned count)
{
    struct client_thread *t = l->program;
    struct client *c = &t->clients[s->index];
    struct meter *m = &t->meter;
    struct client_mark before;

    window_read_clock(m);
    before = client_mark(c);
    for (unsigned i = 0; i < count; i++)
        take_train(t, s->index, &trains[i]);
    client_account(t, c, before);
    if (m->phase == PHASE_WINDOW && client_all_accounted(t))
        window_cut(m, t->last_answer_ns);
    else if (!m->open_loop && m->phase > PHASE_READY)
        client_pump(t, s->index);
}
