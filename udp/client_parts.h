/*
 * client_parts: what the files of the client share among themselves; see udp/client.h.
 *
 *     client.c           memory and sockets, before and after
 *     client_due.c       what a thread does each time round
 *     client_phases.c    from warm-up to drain, and the ticks, by the clock
 *     client_send.c      closed loop and schedule
 *     client_receive.c   what an answer is worth
 */
#ifndef IOBENCH_UDP_CLIENT_PARTS_H
#define IOBENCH_UDP_CLIENT_PARTS_H

#include "udp/client.h"

static inline uint64_t client_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline bool client_open_loop(const struct client_thread *t)
{
    return t->run->config->rate > 0;
}

/* With a number of messages: each was answered or lost, or cannot be sent. */
static inline bool client_all_settled(const struct client_thread *t)
{
    return t->run->config->messages && t->settled == t->quota;
}

/* The hooks of the role. */
bool client_due(struct udp_loop *l, uint64_t *wake_ns);
void client_receive(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                    unsigned count);

/* ---- client_phases.c ------------------------------------------------------------------------- */

void client_set_deadline(struct client_thread *t);
void client_end_window(struct client_thread *t, uint64_t end_ns);

/* Moves on through ticks and phases until they agree with the time in now_ns. */
void client_catch_up(struct client_thread *t);

/* The same for the time that it is. */
void client_read_clock(struct client_thread *t);

/* Datagrams that the kernel dropped at the thread's sockets; -1 unknown. */
int64_t client_drops(const struct client_thread *t);

/* Notes them as those of before the window: a system call per client, which it is spared. */
void client_read_drops(struct client_thread *t);

/* ---- client_send.c --------------------------------------------------------------------------- */

/* Closed loop: fills a client's pipeline up again. */
void client_pump(struct client_thread *t, uint32_t index);

/* Open loop: sends what is due. */
void client_run_schedule(struct client_thread *t);

/* Whether the schedule may have anything more to send. */
bool client_scheduling(const struct client_thread *t);

/* Brings the thread's sums in line after anything happened to a client's window. */
struct client_mark {
    uint64_t in_flight, lost, received;
};

struct client_mark client_mark(const struct client *c);
void client_settle(struct client_thread *t, const struct client *c, struct client_mark before);

#endif
