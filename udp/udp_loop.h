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
#include "common/loop/spin.h"
#include "common/measure/crew.h"
#include "udp/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct udp_loop;

struct udp_socket {
    int fd;
    uint32_t index; /* in the loop's array */
};

struct udp_role {
    /* Trains arrived at s; they may be changed, and are gone when the hook returns. */
    void (*receive)(struct udp_loop *l, struct udp_socket *s, struct udp_train *trains,
                    unsigned count);
    /* Asked each time round: does what is due, and says when to wake. False ends the loop. */
    bool (*due)(struct udp_loop *l, uint64_t *wake_ns);
};

struct udp_backend;

enum { UDP_LIST_CAP = 12, UDP_NAME_CAP = 48 };

/* Filled by udp_loop_choose(), then constant and shared by all threads. */
struct udp_setup {
    const struct udp_backend *backend;
    enum spin_mode mode;
    struct wire_ways ways;

    char name[UDP_NAME_CAP];                   /* effective: "libev:epoll" */
    char features[UDP_LIST_CAP][UDP_NAME_CAP]; /* what will be used */
    char left_out[UDP_LIST_CAP][UDP_NAME_CAP]; /* what will not, and why in brackets */
    unsigned feature_count, left_out_count;
    uint32_t ability; /* the backend's own bits, from its probe */
};

struct udp_backend {
    const char *name;
    /* Notes name, features and ability in setup. 0, or -errno and the reason. */
    int (*probe)(struct udp_setup *setup, char *why, size_t why_cap);
    int (*run)(struct udp_loop *l); /* until due() says so: 0 or -errno */
};

/* Receives of one socket before the others have their turn, where that does not matter. */
enum { UDP_RECEIVES_MOST = 64 };

struct udp_loop {
    struct worker *worker;
    struct stats *stats; /* the worker's */
    const struct udp_setup *setup;
    const struct udp_role *role;
    struct udp_socket *sockets;
    uint32_t socket_count;
    /* Set by the role, of trains: what may lie at one socket, at most batch; and what is received
     * of one before the others have their turn. */
    unsigned receive_most, turn_most;
    struct wire *wire;
    struct udp_train *trains; /* setup->ways.batch of them, for the backend */
    struct spin spin;
    struct spell spell; /* of looks without an event */
    uint64_t asleep_ns; /* when the last sleep began; 0: it was none */
    void *program;      /* the role's own state for this thread */
    void *backend;      /* the running backend's */
};

/*
 * Takes "auto" (the best that can run here) or a name, and probes it. The ways of setup
 * are set already and listed among the features. 0; -EINVAL for a name that is none; -ENOTSUP for a
 * backend that cannot run here: both with the reason in why.
 */
int udp_loop_choose(struct udp_setup *setup, const char *name, char *why, size_t why_cap);

/* "epoll io_uring libev (not here: ...)"; returns buf. */
char *udp_loop_list(char *buf, size_t cap);

/* Runs the loop in this thread over l->sockets; the other members are filled in. 0 or -errno. */
int udp_loop_run(struct udp_loop *l, struct worker *w, const struct udp_setup *setup,
                 const struct udp_role *role, void *program);

/* ---- shared by the backends ------------------------------------------------------------------ */

/* Notes a feature as used (why_not NULL) or as left out; true if it is used. */
bool udp_feature(struct udp_setup *setup, const char *name, const char *why_not);

/* Until when to sleep at most, by the mode; 0: do not sleep, look again at once. */
uint64_t udp_sleep_until(struct udp_loop *l, uint64_t wake_ns);

/* After each wait: how many events it brought. */
void udp_waited(struct udp_loop *l, uint64_t events);

/*
 * In mode latency over few sockets a loop asks the sockets themselves, round and round: a receive
 * that finds nothing costs less than a wait and the receive that would follow it, and the sender is
 * spared waking a queue of waiters for each datagram (measured: 0.5 us of a round trip of 4.5 us).
 */
bool udp_asks(const struct udp_loop *l);

/*
 * Such a loop, until due() says so: 0 or -errno. ask() receives what lies at s and hands it over:
 * how many trains, or -errno, which ends the loop.
 */
int udp_ask_on(struct udp_loop *l, int (*ask)(struct udp_loop *l, struct udp_socket *s));

/* Readiness loops: receives what lies at s and hands it over. Returns how many trains. */
int udp_readable(struct udp_loop *l, struct udp_socket *s);

/* Receiving failed with err > 0: counted. */
void udp_receive_failed(struct udp_loop *l, int err);

extern const struct udp_backend udp_epoll, udp_uring, udp_libev;

/* The backends of this platform, the best first; NULL-terminated. */
extern const struct udp_backend *const udp_backends[];

#endif
