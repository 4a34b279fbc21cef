#include "common/loop/loop_uring_conn.h"

enum { BUFFERS_PER_CONN = 4 };

void uring_starved_add(struct uring_loop *u, struct conn *c)
{
    struct uring_conn *s = uring_conn(c);

    u->stats->buffers_dry++;
    /* Even more buffers would only pile up what slow peers have yet to take. */
    if (u->buffers.offered < BUFFERS_PER_CONN * u->l->conns.open)
        uring_buffers_grow(&u->buffers);
    s->starved = true;
    s->next_starved = NULL;
    if (u->starved)
        uring_conn(u->starved_last)->next_starved = c;
    else
        u->starved = c;
    u->starved_last = c;
}

void uring_starved_retry_some(struct uring_loop *u)
{
    while (u->starved && u->buffers.returned) {
        struct conn *c = u->starved;
        struct uring_conn *s = uring_conn(c);

        u->buffers.returned--;
        u->starved = s->next_starved;
        s->starved = false;
        uring_conn_proceed(u, c);
    }
}

uint64_t uring_starved_before_wait(struct uring_loop *u, uint64_t wake_ns)
{
    if (!u->starved || u->buffers.taken)
        return wake_ns;
    u->buffers.returned = u->buffers.offered;
    uring_starved_retry_some(u);
    return u->starved ? 0 : wake_ns;
}
