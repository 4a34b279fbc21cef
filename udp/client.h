/*
 * client: messages in flight on one thread's clients, as a tenant of common/measure.
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
    uint32_t kicked; /* clients that have begun */
    uint32_t turn;   /* the client that the schedule takes next */
    bool blocked;    /* a send failed: try again soon */
    bool measuring;  /* messages sent from now on are measured */

    uint64_t next_check_ns; /* when to look for losses again */
    uint64_t settled;       /* measured ones answered, lost or given up */
    uint64_t last_answer_ns, last_sent_ns;

    bool gave_up;
    struct send_errors send_errors;
    uint64_t crowded_out; /* due, but too many were in flight to tell them apart */
    int64_t kernel_drops; /* of its sockets, since right before the window; -1 unknown */
    bool drops_read;      /* kernel_drops is what there was before the window */
};

/* Shared by the threads; for them, constant. */
struct client_run {
    struct drive drive;
    const struct udp_config *config;
    const struct udp_setup *setup;
    struct net_address server;
    struct udp_peer peer; /* the same */
    struct client_thread *threads;
    uint32_t id;  /* of this run, in every header */
    bool checked; /* messages are long enough for a header */
};

/* Prepares a run by run->config, run->setup and run->server: 0 or -errno. Close it in any case. */
int client_open(struct client_run *run);
void client_close(struct client_run *run);

#endif
