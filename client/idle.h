/*
 * idle: connections without anything to do: ready for a request, or thinking until they are.
 */
#ifndef IOBENCH_CLIENT_IDLE_H
#define IOBENCH_CLIENT_IDLE_H

#include "client/client.h"

static inline void idle_end(struct client_thread *t, struct client_conn *c)
{
    if (c->idle == IDLE_READY)
        TAILQ_REMOVE(&t->ready, c, link);
    else if (c->idle == IDLE_THINKING)
        TAILQ_REMOVE(&t->thinking, c, link);
    c->idle = IDLE_NONE;
}

static inline void idle_ready(struct client_thread *t, struct client_conn *c)
{
    if (c->idle != IDLE_NONE)
        return;
    c->idle = IDLE_READY;
    TAILQ_INSERT_TAIL(&t->ready, c, link);
}

static inline void idle_think(struct client_thread *t, struct client_conn *c)
{
    c->idle = IDLE_THINKING;
    c->ready_ns = t->meter.now_ns + t->config->think_ns;
    TAILQ_INSERT_TAIL(&t->thinking, c, link);
}

/* Those that have thought enough become ready. */
static inline void idle_wake_thinkers(struct client_thread *t)
{
    struct client_conn *c;

    while ((c = TAILQ_FIRST(&t->thinking)) != NULL && c->ready_ns <= t->meter.now_ns) {
        idle_end(t, c);
        idle_ready(t, c);
    }
}

#endif
