#include "server/echo.h"

#include "common/base/clock.h"

#include <errno.h>
#include <stdlib.h>

/* After a stop: how long clients may go on at most, and how long nothing moves until it is over. */
#define DRAIN_NS (2 * NS_PER_S)
#define QUIET_NS (100 * NS_PER_MS)
#define LOOK_NS  (20 * NS_PER_MS)

/* ---- handing connections to the thread whose turn it is -------------------------------------- */

static bool inbox_grow(struct inbox *inbox)
{
    unsigned cap = inbox->cap ? inbox->cap * 2 : 64;
    int *fds = realloc(inbox->fds, cap * sizeof *fds);

    if (!fds)
        return false;
    inbox->fds = fds;
    inbox->cap = cap;
    return true;
}

static bool inbox_put(struct inbox *inbox, int fd)
{
    bool room;

    pthread_mutex_lock(&inbox->lock);
    room = inbox->count < inbox->cap || inbox_grow(inbox);
    if (room)
        inbox->fds[inbox->count++] = fd;
    atomic_store_explicit(&inbox->filled, inbox->count > 0, memory_order_relaxed);
    pthread_mutex_unlock(&inbox->lock);
    return room;
}

/* A descriptor, or -1 when there is none. */
static int inbox_take(struct inbox *inbox)
{
    int fd = -1;

    if (!atomic_load_explicit(&inbox->filled, memory_order_relaxed))
        return -1;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->count)
        fd = inbox->fds[--inbox->count];
    atomic_store_explicit(&inbox->filled, inbox->count > 0, memory_order_relaxed);
    pthread_mutex_unlock(&inbox->lock);
    return fd;
}

bool on_accept(struct loop *l, int fd)
{
    struct echo_thread *me = l->program;
    struct echo *echo = me->echo;
    unsigned turn = atomic_fetch_add_explicit(&echo->ticket, 1, memory_order_relaxed);
    unsigned target = turn % echo->serve.crew.count;

    if (target == l->worker->index || !inbox_put(&echo->threads[target].inbox, fd))
        return true;
    worker_wake(&echo->serve.crew.workers[target]);
    l->stats->syscalls[SYSCALL_write]++;
    return false;
}

/* ---- echoing --------------------------------------------------------------------------------- */

struct span on_open(struct loop *l, struct conn *c)
{
    (void)l;
    (void)c;
    return SPAN_NONE;
}

struct span on_sent(struct loop *l, struct conn *c)
{
    (void)l;
    (void)c;
    return SPAN_NONE;
}

struct span on_bytes(struct loop *l, struct conn *c, struct span in)
{
    struct echo_thread *me = l->program;

    (void)c;
    if (me->work.each_ns)
        work_do(&me->work, 1);
    return in;
}

void on_close(struct loop *l, struct conn *c, int err)
{
    (void)l;
    (void)c;
    (void)err;
}

/* ---- stopping -------------------------------------------------------------------------------- */

/* Whether bytes have stopped moving for QUIET_NS. */
static bool quiet(struct echo_thread *me, const struct loop *l, uint64_t now_ns)
{
    uint64_t bytes = l->stats->rx_bytes + l->stats->tx_bytes;

    if (bytes != me->quiet_bytes) {
        me->quiet_bytes = bytes;
        me->quiet_since_ns = now_ns;
    }
    return now_ns - me->quiet_since_ns >= QUIET_NS;
}

static void stop_due(struct echo_thread *me, struct loop *l, struct due *due)
{
    uint64_t now_ns = clock_now_ns();

    if (!me->unlistened) {
        me->unlistened = true;
        me->drain_end_ns = now_ns + DRAIN_NS;
        me->quiet_since_ns = now_ns;
        due->kind = DUE_UNLISTEN;
    } else if (l->conns.open == 0 || now_ns >= me->drain_end_ns || quiet(me, l, now_ns)) {
        due->kind = DUE_QUIT;
    } else {
        due->kind = DUE_WAIT;
        due->wake_ns = now_ns + LOOK_NS;
    }
}

/* A loop that asks what is due has all the descriptors that it needs for itself. */
static void come_up(struct echo_thread *me)
{
    me->up = true;
    serve_up(&me->echo->serve);
}

void next_due(struct loop *l, struct due *due)
{
    struct echo_thread *me = l->program;
    int fd = inbox_take(&me->inbox);

    if (!me->up)
        come_up(me);
    if (fd >= 0) {
        due->kind = DUE_ADOPT;
        due->fd = fd;
    } else if (atomic_load_explicit(&me->echo->serve.stopping, memory_order_relaxed)) {
        stop_due(me, l, due);
    } else {
        due->kind = DUE_WAIT;
        due->wake_ns = me->timers.count ? timers_fire(&me->timers, clock_now_ns()) : CLOCK_NEVER_NS;
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

int echo_run(struct worker *w)
{
    struct echo_thread *me = w->program;

    timers_start(&me->timers, crew_share(me->echo->timer_count, w->index, w->crew->count),
                 me->echo->timer_period_ns, clock_now_ns());
    if (me->echo->serve.crew.count == 1)
        os_own_descriptors(); /* several threads hand descriptors to each other */
    return loop_run(w, &me->echo->loop, me->listen_fd, me);
}

int echo_init(struct echo *echo)
{
    echo->threads = calloc(echo->serve.crew.count, sizeof *echo->threads);
    if (!echo->threads)
        return -ENOMEM;
    for (unsigned i = 0; i < echo->serve.crew.count; i++) {
        echo->threads[i].echo = echo;
        echo->threads[i].listen_fd = -1;
        pthread_mutex_init(&echo->threads[i].inbox.lock, NULL);
        echo->serve.crew.workers[i].program = &echo->threads[i];
        echo->threads[i].work.each_ns = echo->work_ns;
    }
    return 0;
}

void echo_free(struct echo *echo)
{
    for (unsigned i = 0; i < echo->serve.crew.count; i++) {
        pthread_mutex_destroy(&echo->threads[i].inbox.lock);
        free(echo->threads[i].inbox.fds);
    }
    free(echo->threads);
}
