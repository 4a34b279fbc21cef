/*
 * client: messages in flight on one thread's clients.
 *
 * A client is a socket with a sequence of messages of its own. In a closed loop it keeps `pipeline`
 * of them in flight; in an open loop a schedule says when the next one is due and the clients take
 * turns. A thread goes through phases:
 *
 *     READY -> WARM_UP -> WINDOW -> DRAIN -> done
 *
 * The last thread that is ready sets the common start. The window ends by the clock or, with a
 * number of messages, at the last answer to one of them. Messages sent in the window are measured:
 * each is followed until it is answered or lost, in the drain as well, which lasts for up to two
 * timeouts if some are missing, so that late answers are seen too.
 */
#ifndef IOBENCH_UDP_CLIENT_H
#define IOBENCH_UDP_CLIENT_H

#include "common/base/hist.h"
#include "common/host/os.h"
#include "common/measure/crew.h"
#include "common/measure/pace.h"
#include "common/measure/ticks.h"
#include "udp/config.h"
#include "udp/send_errors.h"
#include "udp/seq.h"
#include "udp/udp_loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct client {
    struct seq_window seq;
    uint64_t left; /* measured messages that it may still send */
};

enum client_phase { PHASE_READY, PHASE_WARM_UP, PHASE_WINDOW, PHASE_DRAIN };

struct client_run;

/* One thread's part; its worker's program. Results are read after the thread was joined. */
struct client_thread {
    struct client_run *run;
    struct udp_loop loop; /* socket i is that of client i */
    struct client *clients;
    uint32_t count, first; /* how many clients, and the first one's number in the run */
    enum client_phase phase;
    uint64_t now_ns;
    uint64_t deadline_ns; /* of the current tick or phase, whichever is sooner */
    uint64_t next_check_ns;
    bool blocked; /* a send failed: try again soon */

    unsigned char *messages; /* send_cap of them, side by side */
    uint64_t *due_ns;        /* send_cap: their intended moments */
    struct udp_train *trains;
    uint32_t send_cap;
    uint32_t kicked; /* clients that have begun */
    struct pace pace;
    uint32_t turn; /* the client that the schedule takes next */

    bool ready;
    uint64_t scheduled; /* open loop: measured ones that the schedule has handed out */
    uint64_t quota;     /* with a number of messages: measured ones to be settled */
    uint64_t settled;   /* measured ones answered, lost or given up */
    uint64_t in_flight;
    uint64_t measured_lost, rejected; /* for the ticks: lost; and arrived, but no answer */
    uint64_t last_answer_ns, last_sent_ns;

    bool measured, gave_up;
    struct hist service, response;
    struct send_errors send_errors;
    uint64_t unsent;      /* due or allowed in the window, but never sent */
    uint64_t crowded_out; /* of these: because too many were in flight to tell them apart */
    struct stats at_start, at_end;
    struct os_cpu_time cpu_at_start, cpu_at_end;
    uint64_t window_start_ns, window_end_ns, drain_end_ns, done_ns;
    int64_t kernel_drops; /* of its sockets, since right before the window; -1 unknown */
    bool drops_read;      /* kernel_drops is what there was before the window */
    struct ticks ticks;
};

/* Shared by the threads; constant but for the atomics. */
struct client_run {
    const struct udp_config *config;
    const struct udp_setup *setup;
    struct net_address server;
    struct udp_peer peer; /* the same */
    struct crew crew;
    struct client_thread *threads;
    enum pace_arrivals arrivals;
    uint32_t id;  /* of this run, in every header */
    bool checked; /* messages are long enough for a header */
    atomic_uint ready;
    atomic_uint_fast64_t start_ns; /* 0 until all are ready */
    atomic_bool stop;              /* end early, keep what was measured */
};

/* Opens the sockets for an initialised crew: 0 or -errno. */
int client_open(struct client_run *run);
void client_close(struct client_run *run);

/* The body of a worker thread. */
int client_body(struct worker *w);

/* Ends the threads soon; safe from any thread. */
void client_stop(struct client_run *run);

#endif
