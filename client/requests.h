/*
 * requests: begun and completed on the connections of one thread.
 */
#ifndef IOBENCH_CLIENT_REQUESTS_H
#define IOBENCH_CLIENT_REQUESTS_H

#include "client/client.h"

/* How many more requests this connection may begin now, as far as it is concerned. */
unsigned requests_room(const struct client_thread *t, const struct client_conn *c);

/*
 * Begins what is due on a connection, at most `most` requests, as one span: they lie side by side.
 * A connection that could take more is idle then.
 */
struct span requests_begin(struct client_thread *t, struct client_conn *c, unsigned most);

#endif
