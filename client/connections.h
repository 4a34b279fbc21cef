/*
 * connections: made, made anew, lost, and closed when something takes too long.
 */
#ifndef IOBENCH_CLIENT_CONNECTIONS_H
#define IOBENCH_CLIENT_CONNECTIONS_H

#include "client/client.h"

/* How often overdue connects and replies are looked for. */
#define CONNECTIONS_CHECK_NS (100 * NS_PER_MS)

/* Whether each connection was made once, or could not be: from then on they are made anew. */
bool connections_all_tried(const struct client_thread *t);

/*
 * True when a first connection is to be begun now; else *wake_ns is when the next one is,
 * CLOCK_NEVER_NS if all were begun.
 */
bool connections_first_due(struct client_thread *t, struct due *due, uint64_t *wake_ns);

/* True when a connection is to be made anew now. */
bool connections_reopen_due(struct client_thread *t, struct due *due);

/* When to make a connection anew; CLOCK_NEVER_NS if none is to be, or enough are connecting. */
uint64_t connections_reopen_ns(const struct client_thread *t);

/* True when a connection is to be closed now: its connect or a reply has taken too long. */
bool connections_overdue(struct client_thread *t, struct loop *l, struct due *due);

/*
 * Whether nobody is left who could complete anything. A run that ends with a number of requests
 * would else try to connect for ever, such as for want of ports; one that ends with the clock does
 * end.
 */
bool connections_deserted(const struct client_thread *t, const struct loop *l);

#endif
