/*
 * client_parts: what the files of the client share among themselves; see udp/client.h.
 *
 *     client.c           memory and sockets, before and after
 *     client_due.c       what a thread does each time round
 *     client_send.c      closed loop and schedule
 *     client_receive.c   what an answer is worth
 *     client_loss.c      what is lost: in time, or at a full receive buffer
 */
#ifndef IOBENCH_UDP_CLIENT_PARTS_H
#define IOBENCH_UDP_CLIENT_PARTS_H

#include "udp/client.h"

static inline uint64_t client_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline struct client_thread *client_thread(struct meter *m)
{
    return (struct client_thread *)(void *)m;
}

/* With a number of messages: each was answered or lost, or cannot be sent. */
static inline bool client_all_settled(const struct client_thread *t)
{
    return t->run->config->messages && t->measuring && t->settled == t->meter.quota;
}

/* The hooks of the role. */
bool client_due(struct udp_loop *l, uint64_t *wake_ns);
void client_receive(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                    unsigned count);

/* ---- client_send.c --------------------------------------------------------------------------- */

/* From now on messages are measured. */
void client_begin_measuring(struct client_thread *t);

/* Closed loop: fills a client's pipeline up again. */
void client_pump(struct client_thread *t, uint32_t index);

/* Open loop: sends what is due. */
void client_run_schedule(struct client_thread *t);

/* ---- client_loss.c --------------------------------------------------------------------------- */

/* Brings the thread's sums in line after anything happened to a client's messages. */
struct client_mark {
    uint64_t in_flight, lost, received;
};

struct client_mark client_mark(const struct client *c);
void client_settle(struct client_thread *t, const struct client *c, struct client_mark before);

/* Looks for losses if it is time to; closed loop: clients go on that lost messages or were blocked.
 */
void client_check(struct client_thread *t);

/* Before the window: when to read what the kernel has dropped so far; CLOCK_NEVER_NS: it is read.
 */
uint64_t client_drops_due_ns(const struct client_thread *t);
void client_read_drops(struct client_thread *t);

/* When the thread is done: what the kernel has dropped since then. */
void client_count_drops(struct client_thread *t);

#endif
