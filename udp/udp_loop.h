/*
 * udp_loop: the event-backend contract for datagrams.
 *
 * Here what the backends have in common is: datagrams arrived at a socket. A backend waits and
 * receives in its own best way and hands them over; the role (client or server) sends what it has
 * to send at once, through the thread's wire, and nothing is kept for later: a datagram that the
 * kernel does not take is not sent.
 *
 *     worker thread -> udp_loop_run() -> backend->run() -> hooks of the role
 *
 * The sockets of a thread are known before its loop begins and stay until it ends. Both roles live
 * in one program, so their hooks are functions of a table; a call is made per batch.
 */
#ifndef IOBENCH_UDP_UDP_LOOP_H
#define IOBENCH_UDP_UDP_LOOP_H

#include "common/base/stats.h"
#include "common/choose/choose.h"
#include "common/loop/poller.h"
#include "common/measure/crew.h"
#include "common/measure/spin.h"
#include "udp/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct udp_loop;

struct udp_socket {
    int fd;
    uint32_t index;     /* in the loop's array */
    struct watch watch; /* of a loop that waits for readiness */
};

struct udp_role {
    /* Trains arrived at s; they may be changed, and are gone when the hook returns. */
    void (*receive)(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                    unsigned count);
    /* Asked each time round: does what is due, and says when to wake. False ends the loop. */
    bool (*due)(struct udp_loop *l, uint64_t *wake_ns);
};

/* Filled by udp_loop_choose(), then constant and shared by all threads. */
struct udp_setup {
    struct choice choice; /* of a struct udp_backend */
    enum spin_mode mode;
    struct wire_ways ways;
    bool fits; /* messages pass in one piece, as trains must */
};

struct udp_backend {
    struct backend backend;
    int (*run)(struct udp_loop *l);   /* until due() says so: 0 or -errno */
    const struct poller_type *poller; /* for udp_ready_run() */
};

/* The backend that was chosen. */
static inline const struct udp_backend *udp_backend_of(const struct choice *c)
{
    return (const struct udp_backend *)(const void *)c->backend;
}

/* Features that all backends have: bits of choice.used, beyond a backend's own. */
enum udp_feature {
    UDP_RECVMMSG = 1 << 16,
    UDP_RECVFROM = 1 << 17,
    UDP_SENDMMSG = 1 << 18,
    UDP_SENDTO = 1 << 19,
    UDP_GSO = 1 << 20,
    UDP_GRO = 1 << 21,
    UDP_ZEROCOPY = 1 << 22,
    UDP_DIRECT_RECV = 1 << 23,
};

/* Their rows: how a thread receives from its wire, and what a wire does. */
/* clang-format off */
#define UDP_RECEIVE_ROWS                                                                          \
    {"recvmmsg", UDP_RECVMMSG, FEATURE_ALWAYS, NULL}, {"recvfrom", UDP_RECVFROM, FEATURE_ALWAYS, NULL}
#define UDP_DIRECT_ROW                                                                            \
    {"direct_recv", UDP_DIRECT_RECV, FEATURE_USUAL, "mode latency asks up to 2 sockets themselves"}
#define UDP_WIRE_ROWS                                                                             \
    {"sendmmsg", UDP_SENDMMSG, FEATURE_ALWAYS, NULL}, {"sendto", UDP_SENDTO, FEATURE_ALWAYS, NULL}, \
    {"gso", UDP_GSO, FEATURE_USUAL, "as --gso"}, {"gro", UDP_GRO, FEATURE_USUAL, "as --gro"},     \
    {"msg_zerocopy", UDP_ZEROCOPY, FEATURE_ASKED, "as --zerocopy on"}
/* clang-format on */

/* Receives of one socket before the others have their turn, where that does not matter. */
enum { UDP_RECEIVES_MOST = 64 };

struct udp_loop {
    struct worker *worker;
    struct stats *stats; /* the worker's */
    const struct udp_setup *setup;
    const struct udp_role *role;
    struct udp_socket *sockets;
    uint32_t socket_count;
    /* Numbers of trains, set by the role: how many may lie at one socket, at most batch; and how
     * many are received from one socket before the others have their turn. */
    unsigned receive_most, turn_most;
    struct wire *wire;
    struct udp_train *trains; /* setup->ways.batch of them, for the backend */
    struct spin spin;
    void *program; /* the role's own state for this thread */
    void *backend; /* the running backend's */
};

/*
 * Fills setup->choice and what follows from it, ways.gso and the like; the rest of setup is set
 * already. 0, or an exit status after one line on stderr.
 */
int udp_loop_choose(struct udp_setup *setup, const struct choose_from *from,
                    const struct opt_table *table, const char *spec);

/* Runs the loop in this thread over l->sockets; the other members are filled in. 0 or -errno. */
int udp_loop_run(struct udp_loop *l, struct worker *w, const struct udp_setup *setup,
                 const struct udp_role *role, void *program);

/* ---- shared by the backends ------------------------------------------------------------------ */

/* For probes: notes the features that all have, for a struct udp_setup. */
void udp_note_receiving(struct choice *c, const struct udp_setup *setup);
void udp_note_direct(struct choice *c, const struct udp_setup *setup);
void udp_note_wire(struct choice *c, const struct udp_setup *setup);

/* The run() of backends with a poller. */
int udp_ready_run(struct udp_loop *l);

/*
 * In mode latency over few sockets a loop asks the sockets themselves, round and round: a receive
 * that finds nothing costs less than a wait and the receive that would follow it, and the sender is
 * spared waking a queue of waiters for each datagram (measured: 0.5 us of a round trip of 4.5 us).
 */
bool udp_asks(const struct udp_loop *l);

/*
 * Runs a loop that asks its sockets, until due() ends it: 0 or -errno. ask() receives what lies at
 * s and hands it over: how many trains, or -errno, which ends the loop.
 */
int udp_ask_on(struct udp_loop *l, int (*ask)(struct udp_loop *l, struct udp_socket *s));

/* Readiness loops: receives what lies at s and hands it over. Returns how many trains. */
int udp_readable(struct udp_loop *l, struct udp_socket *s);

/* Receiving failed with err > 0: counted. */
void udp_receive_failed(struct udp_loop *l, int err);

extern const struct udp_backend udp_uring, udp_libev;

/* The backends of this platform, the best first; NULL-terminated. */
extern const struct backend *const udp_backends[];

#endif
