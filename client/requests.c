/* The loop's hooks on_bytes() and on_sent() are here, too. */
#include "client/requests.h"

#include "client/idle.h"

#include <limits.h>

unsigned requests_room(const struct client_thread *t, const struct client_conn *c)
{
    unsigned room = t->pipeline - c->in_flight;

    if (c->base.unsent.len || c->base.close_asked)
        return 0; /* asked again by on_sent() */
    return c->left < room ? (unsigned)c->left : room;
}

static struct span begin_one(struct client_thread *t, struct client_conn *c, struct span out)
{
    unsigned place = (unsigned)c->oldest + c->in_flight;
    struct request *r = &c->ring[place < t->pipeline ? place : place - t->pipeline];
    bool queued = TAILQ_EMPTY(&t->ready); /* they wait for a connection, not for this thread */

    r->due_ns = meter_begin(&t->meter, queued);
    r->sent_ns = t->meter.now_ns;
    r->bytes = (uint32_t)out.len;
    out = t->codec->type->next_request(t->codec, &c->stream, &t->rng, out);
    r->bytes = (uint32_t)out.len - r->bytes;
    c->in_flight++;
    c->left--;
    return out;
}

struct span requests_begin(struct client_thread *t, struct client_conn *c, unsigned most)
{
    unsigned room = requests_room(t, c);
    struct span out = SPAN_NONE;

    for (unsigned i = 0; i < most && room && meter_request_due(&t->meter); i++, room--)
        out = begin_one(t, c, out);
    idle_end(t, c);
    if (room)
        idle_ready(t, c);
    return out;
}

/* The oldest request's reply is complete. */
static void complete_one(struct client_thread *t, struct client_conn *c)
{
    const struct request *r = &c->ring[c->oldest];

    c->requests++;
    if (++c->oldest == t->pipeline)
        c->oldest = 0;
    c->in_flight--;
    meter_complete(&t->meter, r->sent_ns, r->due_ns);
}

/* What a connection does after replies have come in. */
static struct span go_on(struct client_thread *t, struct client_conn *c)
{
    if (c->left == 0 && c->in_flight == 0) {
        c->retiring = c->base.close_asked = true;
        return SPAN_NONE;
    }
    if (t->config->think_ns) {
        idle_think(t, c);
        return SPAN_NONE;
    }
    return requests_begin(t, c, UINT_MAX);
}

/* A reply that cannot be right: the connection is of no further use. */
static struct span reject(struct loop *l, struct client_conn *c, enum stats_error kind)
{
    loop_fault(l, kind, 0);
    c->base.close_asked = true;
    return SPAN_NONE;
}

/* Flattened: what it calls is so short that the calls would cost a tenth of an echo's user time. */
__attribute__((flatten)) struct span on_bytes(struct loop *l, struct conn *base, struct span in)
{
    struct client_thread *t = l->program;
    struct client_conn *c = client_conn(base);
    bool completed = false;

    while (in.len) {
        struct codec_parsed parsed;

        if (c->in_flight == 0)
            return reject(l, c, ERROR_excess);
        parsed = t->codec->type->parse(t->codec, &c->stream, c->ring[c->oldest].bytes, in,
                                       c->in_flight == 1);
        if (parsed.verdict == CODEC_PARTIAL)
            break;
        if (parsed.verdict != CODEC_REPLY)
            return reject(l, c, parsed.verdict == CODEC_EXCESS ? ERROR_excess : ERROR_corrupt);
        in = (struct span){in.bytes + parsed.bytes, in.len - parsed.bytes};
        if (!completed)
            window_read_clock(&t->meter); /* one arrival, one moment, however many it ends */
        completed = true;
        complete_one(t, c);
    }
    return completed ? go_on(t, c) : SPAN_NONE;
}

/* The reply may be here before the loop knows that the request is out: then it goes on now. */
struct span on_sent(struct loop *l, struct conn *base)
{
    struct client_thread *t = l->program;
    struct client_conn *c = client_conn(base);

    if (c->in_flight == t->pipeline || c->idle != IDLE_NONE || requests_room(t, c) == 0)
        return SPAN_NONE;
    window_read_clock(&t->meter);
    return requests_begin(t, c, UINT_MAX);
}
