/*
 * loop: the event-backend contract for TCP and Unix streams.
 *
 * What epoll, io_uring and libev have in common is neither "ready" nor "complete". It is: bytes
 * arrived on a connection; which bytes go back? So a backend owns its whole loop, in its own best
 * way to receive, send and hold buffers, and calls the program's hooks, which are bound when the
 * program is linked and thus direct calls.
 *
 *     worker thread -> loop_run() -> backend->run() -> hooks of the program
 *
 * A thread has one loop, one slab of connections and one set of counters; nothing here is shared.
 */
#ifndef IOBENCH_LOOP_H
#define IOBENCH_LOOP_H

#include "common/base/stats.h"
#include "common/choose/choice.h"
#include "common/loop/conn.h"
#include "common/loop/net.h"
#include "common/measure/crew.h"
#include "common/measure/spin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_config;

/* ---- what a program defines: its hooks ------------------------------------------------------ */

/*
 * Bytes arrived. Returns the bytes to send now (SPAN_NONE for none), which lie in `in` or live as
 * long as the connection. `in` itself is gone when the hook returns. While an earlier answer is
 * still unsent (c->unsent.len) the hook is only called if the configuration says read_while_unsent,
 * and must return SPAN_NONE. To close the connection, set c->close_asked.
 */
struct span on_bytes(struct loop *l, struct conn *c, struct span in);

/*
 * All that was to be sent on c has gone out, after it had not gone at once. Returns the bytes to
 * send next (SPAN_NONE for none), which live as long as the connection. A reply may come before
 * this is called: the peer has the bytes sooner than the sender knows.
 */
struct span on_sent(struct loop *l, struct conn *c);

/* A connection stands (accepted, adopted or connected); returns what to send first. */
struct span on_open(struct loop *l, struct conn *c);

/* A descriptor was accepted. True: this loop keeps it. False: the hook has given it away. */
bool on_accept(struct loop *l, int fd);

/*
 * The connection is over and its slot about to be freed. err is 0 after an orderly end by the peer
 * or by ourselves, else the errno that ended it. The fault has been counted already; a fault that
 * only the program can judge (such as an early end) is for the hook to count.
 * c is NULL when a connection could not even be begun.
 */
void on_close(struct loop *l, struct conn *c, int err);

/*
 * What should be done now, asked each time round, until the answer is DUE_WAIT, which says when to
 * ask again if nothing else happens before.
 */
enum due_kind {
    DUE_WAIT,     /* nothing until wake_ns (CLOCK_NEVER_NS: until an event) */
    DUE_SEND,     /* send `out` on conn, which has nothing unsent; out lives as on_bytes says */
    DUE_CONNECT,  /* begin one connection to the configured peer */
    DUE_ADOPT,    /* take over the accepted descriptor fd */
    DUE_CLOSE,    /* close conn; err tells on_close() why */
    DUE_UNLISTEN, /* stop accepting, for good */
    DUE_QUIT,     /* close everything and return from run() */
};

struct due {
    enum due_kind kind;
    int fd;
    int err;
    struct conn *conn;
    struct span out;
    uint64_t wake_ns;
};

void next_due(struct loop *l, struct due *due);

/* ---- what a program configures -------------------------------------------------------------- */

/* Filled by choose_or_complain(), completed by the program, then constant and shared by all
 * threads. */
struct loop_config {
    struct choice choice; /* of a struct loop_backend */

    size_t conn_bytes; /* size of the program's struct conn */
    enum spin_mode mode;
    bool read_while_unsent; /* keep reading while an answer is unsent */
    struct net_options socket_options;
    struct net_address peer; /* for DUE_CONNECT */
    uint64_t connect_timeout_ns;
    const char *program; /* for the one line on stderr at EMFILE */
};

/* ---- what a backend is ---------------------------------------------------------------------- */

struct loop_backend {
    struct backend backend;
    int (*run)(struct loop *l);       /* until DUE_QUIT: 0 or -errno */
    const struct poller_type *poller; /* for loop_ready_run() */
};

/* The backend that was chosen. */
static inline const struct loop_backend *loop_backend_of(const struct choice *c)
{
    return (const struct loop_backend *)(const void *)c->backend;
}

/* The keys that every backend has, by index, and their rows. */
enum { LOOP_RECV, LOOP_SEND, LOOP_KEYS };
/* clang-format off */
#define LOOP_KEY_ROWS                                                                             \
    [LOOP_RECV] = {"recv", 1, 1 << 20, NULL, "most bytes taken by one receive"},                  \
    [LOOP_SEND] = {"send", 1, 1 << 20, NULL, "most bytes offered in one send"}
/* clang-format on */

/* The backends of this platform, NULL-terminated. loop_table_linux.c and loop_table_darwin.c. */
extern const struct backend *const loop_table[];

extern const struct loop_backend loop_uring, loop_libev;

/* How a backend does what next_due() asks for; called by loop_pump(). */
struct loop_actions {
    int (*watch)(struct loop *l, struct conn *c); /* begin: connecting or open; 0 or -errno */
    void (*send)(struct loop *l, struct conn *c, struct span out);
    void (*close)(struct loop *l, struct conn *c, int err);
    int (*listen)(struct loop *l, bool on); /* watch the listening socket, or stop */
};

struct loop {
    struct worker *worker;
    struct stats *stats; /* the worker's */
    const struct loop_config *config;
    const struct loop_actions *actions; /* of the running backend */
    struct conn_slab conns;
    unsigned char *recv_buffer; /* readiness loops: where every receive goes */
    size_t recv_bytes;
    size_t send_bytes; /* SIZE_MAX: no limit */
    int listen_fd;     /* -1: none (any more) */
    bool listening;    /* false while accepting is paused for want of descriptors */
    bool told_out_of_descriptors;
    struct spin spin;
    uint64_t listen_again_ns;
    void *program; /* the program's own state for this thread */
    void *backend; /* the running backend's */
};

/* Option rows for a program with a loop; FIELD() names the program's field of that name. */
/* clang-format off */
#define LOOP_ROWS                                                                                 \
    {"backend", 'b', OPT_TEXT, FIELD(backend), "auto", "NAME", 0, 0, NULL,                        \
     "event backend, with what it is to use or leave out; see below"},                                                                 \
    {"mode", 0, OPT_CHOICE, FIELD(mode), "balanced", "MODE", 0, 0, spin_mode_names,               \
     "when nothing is there: look a short while before sleeping, never sleep, or always"},        \
    {"sndbuf", 0, OPT_BYTES, FIELD(sndbuf_bytes), NULL, "BYTES", 1, 1ULL << 30, NULL,             \
     "SO_SNDBUF of each connection"},                                                             \
    {"rcvbuf", 0, OPT_BYTES, FIELD(rcvbuf_bytes), NULL, "BYTES", 1, 1ULL << 30, NULL,             \
     "SO_RCVBUF of each connection"},                                                             \
    {"nodelay", 0, OPT_CHOICE, FIELD(nodelay), "on", "on|off", 0, 0, opt_on_off,                  \
     "TCP_NODELAY; off measures the wait of Nagle's algorithm for acknowledgements, too"}
/* clang-format on */

/* ---- running --------------------------------------------------------------------------------- */

/* Runs the configured backend in this thread. listen_fd may be -1. 0 or -errno. */
int loop_run(struct worker *w, const struct loop_config *config, int listen_fd, void *program);

/* ---- shared by the backends ----------------------------------------------------------------- */

/* Does all that is due; returns when to wake (CLOCK_NEVER_NS: not), sets *quit on DUE_QUIT. */
uint64_t loop_pump(struct loop *l, bool *quit);

/* After a descriptor was accepted: options, on_accept(), slot, on_open(). */
void loop_accepted(struct loop *l, int fd);

/* After accept failed with err > 0: counts it, and pauses accepting when descriptors ran out. */
void loop_accept_failed(struct loop *l, int err);

/* A connecting socket turned writable: on_open() and true, or the reason is counted and false. */
bool loop_connect_done(struct loop *l, struct conn *c, struct span *first, int *err);

/* The backend has nothing in flight for c any more: on_close(), close(2), free the slot. */
void loop_forget(struct loop *l, struct conn *c, int err);

/* Counts a fault and returns err, to be passed on to the backend's close. */
int loop_fault(struct loop *l, enum stats_error kind, int err);

/* The run() of backends with a poller. */
int loop_ready_run(struct loop *l);

#endif
