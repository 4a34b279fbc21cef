/*
 * client: the messages in flight of one thread's clients, as a workload of common/measure.
 *
 * A client is a socket with a sequence of messages of its own. In a closed loop it keeps `pipeline`
 * of them in flight; in an open loop a schedule says when the next one is due and the clients take
 * turns.
 *
 * Measured are, in a closed loop, the messages sent in the window, in an open loop those that were
 * due in it. Each is followed until it is answered or lost, in the drain as well, which lasts for
 * up to two timeouts if some are missing, so that late answers are seen too. With a number of
 * messages the window ends at the last answer to one of them.
 */
#ifndef IOBENCH_UDP_CLIENT_H
#define IOBENCH_UDP_CLIENT_H

#include "common/measure/drive.h"
#include "udp/config.h"
#include "udp/send_errors.h"
#include "udp/seq.h"
#include "udp/udp_loop.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    struct seq_window seq;
    uint64_t left; /* measured messages that it may still send */
};

struct client_run;

/* One thread's part; its worker's program. Results are read after the thread was joined. */
struct client_thread {
    struct meter meter;
    struct client_run *run;
    struct udp_loop loop; /* socket i is that of client i */
    struct client *clients;
    uint32_t count, first; /* how many clients, and the first one's number in the run */

    unsigned char *messages; /* send_cap of them, side by side */
    uint64_t *due_ns;        /* send_cap: their intended moments */
    struct udp_train *trains;
    uint32_t send_cap;
    uint32_t begun; /* clients that have begun */
    uint32_t turn;  /* the client that the schedule takes next */
    bool blocked;   /* a send failed: try again soon */
    bool measuring; /* messages sent from now on are measured */

    uint64_t next_check_ns; /* when to look for losses again */
    uint64_t accounted;     /* measured messages that were answered, lost or given up */
    uint64_t last_answer_ns, last_sent_ns;

    bool gave_up;
    struct send_errors send_errors;
    uint64_t crowded_out; /* due, but too many were in flight to tell them apart */
    int64_t kernel_drops; /* at its sockets: before the window, in the end since then; -1 unknown */
    bool drops_read;      /* those before the window were read */
};

/* Shared by the threads; for them, constant. */
struct client_run {
    struct drive drive;
    const struct udp_config *config;
    const struct udp_setup *setup;
    struct net_address server;
    struct udp_peer peer; /* the server's address, as trains want it */
    struct client_thread *threads;
    uint32_t id;  /* of this run, in every header */
    bool checked; /* messages are long enough for a header */
};

/* Prepares a run by run->config, run->setup and run->server: 0 or -errno. Close it in any case. */
int client_open(struct client_run *run);
void client_close(struct client_run *run);

/* ---- what the files of the client share among themselves --------------------------------------
 *
 *     client.c           memory and sockets, before and after
 *     client_due.c       what a thread does each time round
 *     client_send.c      closed loop and schedule
 *     client_receive.c   what an answer is worth
 *     client_loss.c      what is lost: in time, or at a full receive buffer
 */

static inline uint64_t client_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline struct client_thread *client_thread(struct meter *m)
{
    return (struct client_thread *)(void *)m;
}

/* With a number of messages: each was answered, lost or given up. */
static inline bool client_all_accounted(const struct client_thread *t)
{
    return t->run->config->messages && t->measuring && t->accounted == t->meter.quota;
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

/* The counts of a client before something happens to its messages. */
struct client_mark {
    uint64_t in_flight, lost, received;
};

struct client_mark client_mark(const struct client *c);

/* Adds to the thread's sums what happened to a client's messages since `before`. */
void client_account(struct client_thread *t, const struct client *c, struct client_mark before);

/*
 * Looks for losses if it is time to. Closed loop: clients that lost messages, or could not send,
 * fill their pipelines up again.
 */
void client_check(struct client_thread *t);

/* Before the window: when to read what the kernel has dropped so far; CLOCK_NEVER_NS: it is read.
 */
uint64_t client_drops_due_ns(const struct client_thread *t);
void client_read_drops(struct client_thread *t);

/* When the thread is done: sets kernel_drops to what was dropped since client_read_drops(). */
void client_count_drops(struct client_thread *t);

#endif
