#include "fileio/split.h"

#include "common/base/clock.h"
#include "common/measure/spin.h"
#include "fileio/event_count.h"
#include "fileio/queues.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 256 };

/* A refused submission is tried again so often, while nothing is in flight that could make room. */
enum { TRIES_IN_VAIN = 1000 };

#define TRY_AGAIN_NS (100 * NS_PER_US)

/* How often a sleeping poller looks whether there is still something to wait for. */
#define LOOK_NS NS_PER_S

struct split_user {
    struct split *split;
    bool in;
    unsigned owed;           /* pushed and not taken back yet; the user's own */
    struct file_op *fetched; /* come back, in order; the user's own */
    struct stack done;
    struct event_count changes;
};

/* What one of the two threads had counted when the window began and ended. */
struct noted {
    unsigned marks;
    struct stats at[2];
};

struct split {
    struct split_config config;
    struct engine engine;
    pthread_t submitter, poller;
    bool submitting, polling; /* the threads were started */
    struct queues queues;
    struct event_count changes; /* of the submitter */
    atomic_bool closing;
    atomic_uint marks;     /* 1: the window has begun; 2: it is over */
    struct noted noted[2]; /* as engine.sides */
    atomic_bool endless;   /* the read of no length could not be handed in */
    atomic_bool cramped;   /* the submitter waits for room, not for work */
    _Alignas(64) atomic_uint in_flight;
    struct file_op end; /* the read of no length */
    pthread_mutex_t joining;
    struct split_user users[];
};

/* ---- the window ---- */

void split_mark(struct split *s, enum split_mark mark)
{
    atomic_store_explicit(&s->marks, mark, memory_order_relaxed);
}

/* In the thread of that side. */
static void note_marks(struct split *s, unsigned side)
{
    struct noted *n = &s->noted[side];

    while (n->marks < atomic_load_explicit(&s->marks, memory_order_relaxed))
        n->at[n->marks++] = s->engine.sides[side].stats;
}

struct stats split_window(const struct split *s, unsigned side)
{
    return stats_between(&s->noted[side].at[0], &s->noted[side].at[1]);
}

/* ---- giving back ---- */

/* A user is woken once for a run of its operations. */
static void give_back(struct file_op **ops, unsigned n, struct stats *stats)
{
    for (unsigned i = 0; i < n; i++) {
        struct split_user *u = ops[i]->owner;
        bool last = i + 1 == n || ops[i + 1]->owner != u;

        stack_push(&u->done, ops[i]);
        if (last)
            stats->syscalls[SYSCALL_futex] += event_count_advance(&u->changes);
    }
}

/* ---- the submitter ---- */

/* Fills ops with what may fly; what was cancelled on the way goes back at once. */
static unsigned collect(struct split *s, struct file_op **ops, unsigned max)
{
    unsigned n = 0;
    struct file_op *op;

    while (n < max && (op = queues_take(&s->queues))) {
        uint8_t hop = HOP_WAITING;

        if (atomic_compare_exchange_strong(&op->hop, &hop, HOP_FLYING)) {
            ops[n++] = op;
        } else {
            op->result = -ECANCELED;
            give_back(&op, 1, s->engine.submitting);
        }
    }
    return n;
}

static unsigned room(struct split *s)
{
    unsigned depth = s->config.engine.depth, flying = atomic_load(&s->in_flight);
    unsigned left = depth > flying ? depth - flying : 0;

    return left < s->config.budget ? left : s->config.budget;
}

/*
 * After the engine has refused operations, of which `own` are counted as in flight: true, a little
 * later, when it should be asked once more. What else is in flight makes room when it is done. With
 * nothing else in flight something is wrong that may pass, but is not waited for without end.
 */
static bool try_again(struct split *s, unsigned own, unsigned *in_vain)
{
    const struct timespec a_little = clock_timespec(TRY_AGAIN_NS);

    if (atomic_load(&s->in_flight) == own && ++*in_vain > TRIES_IN_VAIN)
        return false;
    nanosleep(&a_little, NULL);
    return true;
}

static void launch(struct split *s, struct file_op **ops, unsigned n)
{
    unsigned at = 0, in_vain = 0;

    atomic_fetch_add(&s->in_flight, n);
    while (at < n) {
        int taken = engine_submit(&s->engine, ops + at, n - at, 0);

        if (taken > 0) {
            at += (unsigned)taken;
            in_vain = 0;
        } else if (taken != -EAGAIN || !try_again(s, n - at, &in_vain)) {
            ops[at]->result = taken;
            atomic_fetch_sub(&s->in_flight, 1);
            give_back(&ops[at++], 1, s->engine.submitting);
        }
    }
}

/* Lack of room is the poller's to end; it looks at `cramped` after it has made some. */
static void await_room(struct split *s)
{
    unsigned seen = event_count_read(&s->changes);

    atomic_store(&s->cramped, true);
    if (room(s) == 0)
        event_count_await(&s->changes, seen, s->config.spin_ns, CLOCK_NEVER_NS,
                          s->engine.submitting);
    atomic_store(&s->cramped, false);
}

static void launch_end(struct split *s)
{
    struct file_op *op = &s->end;
    unsigned in_vain = 0;
    int taken;

    op->kind = FILE_READ;
    op->buf = s->config.engine.buffers;
    do
        taken = engine_submit(&s->engine, &op, 1, 0);
    while (taken == -EAGAIN && try_again(s, 0, &in_vain));
    if (taken != 1)
        atomic_store(&s->endless, true);
}

static void *run_submitter(void *argument)
{
    struct split *s = argument;
    struct file_op *ops[BATCH_MAX];

    for (;;) {
        unsigned seen = event_count_read(&s->changes), most = room(s), n;
        bool closing = atomic_load(&s->closing);

        note_marks(s, SPLIT_SUBMITTING);
        if (!queues_fetch(&s->queues)) {
            if (closing)
                break;
            event_count_await(&s->changes, seen, s->config.spin_ns, CLOCK_NEVER_NS,
                              s->engine.submitting);
            continue;
        }
        if (most == 0) {
            await_room(s);
            continue;
        }
        n = collect(s, ops, most);
        if (n)
            launch(s, ops, n);
    }
    launch_end(s);
    return NULL;
}

/* ---- the poller ---- */

/* Returns how many of the n are operations of users; those stay, in order. */
static unsigned without_end(struct split *s, struct file_op **ops, unsigned n, bool *ended)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        if (ops[i] == &s->end)
            *ended = true;
        else
            ops[kept++] = ops[i];
    }
    return kept;
}

static int reap(struct split *s, struct file_op **ops)
{
    struct spin spin = {.look_ns = s->config.spin_ns, .stats = s->engine.reaping};
    struct spin_wait wait = {0};
    int got = 0;

    while (got == 0 && spin_look(&spin, &wait, CLOCK_NEVER_NS))
        got = engine_reap(&s->engine, ops, 0, BATCH_MAX, CLOCK_NEVER_NS);
    return got ? got : engine_reap(&s->engine, ops, 1, BATCH_MAX, clock_now_ns() + LOOK_NS);
}

static void *run_poller(void *argument)
{
    struct split *s = argument;
    struct file_op *ops[BATCH_MAX];
    bool ended = false;

    while ((!ended && !atomic_load(&s->endless)) || atomic_load(&s->in_flight) > 0) {
        int got = reap(s, ops);
        unsigned n = got > 0 ? without_end(s, ops, (unsigned)got, &ended) : 0;

        note_marks(s, SPLIT_REAPING);
        if (n == 0)
            continue;
        atomic_fetch_sub(&s->in_flight, n);
        if (atomic_load(&s->cramped))
            s->engine.reaping->syscalls[SYSCALL_futex] += event_count_advance(&s->changes);
        give_back(ops, n, s->engine.reaping);
    }
    note_marks(s, SPLIT_REAPING);
    return NULL;
}

/* ---- users ---- */

struct split_user *split_join(struct split *s)
{
    struct split_user *free_user = NULL;

    pthread_mutex_lock(&s->joining);
    for (unsigned i = 0; i < s->config.users && !free_user; i++)
        if (!s->users[i].in)
            free_user = &s->users[i];
    if (free_user)
        free_user->in = true;
    pthread_mutex_unlock(&s->joining);
    return free_user;
}

unsigned split_push(struct split_user *u, struct file_op **ops, unsigned n)
{
    struct split *s = u->split;

    for (unsigned i = 0; i < n; i++) {
        ops[i]->owner = u;
        atomic_store_explicit(&ops[i]->hop, HOP_WAITING, memory_order_relaxed);
        queues_push(&s->queues, ops[i]);
    }
    u->owed += n;
    return event_count_advance(&s->changes);
}

bool split_cancel(struct file_op *op)
{
    uint8_t hop = HOP_WAITING;

    return atomic_compare_exchange_strong(&op->hop, &hop, HOP_CANCELLED);
}

unsigned split_take(struct split_user *u, struct file_op **done, unsigned min, unsigned max,
                    uint64_t until_ns, struct stats *stats)
{
    unsigned n = 0;

    for (;;) {
        unsigned seen = event_count_read(&u->changes);

        if (!u->fetched)
            u->fetched = stack_take_all(&u->done);
        for (; n < max && u->fetched; n++) {
            done[n] = u->fetched;
            u->fetched = done[n]->next;
        }
        if (n >= min)
            break;
        if (until_ns != CLOCK_NEVER_NS && clock_now_ns() >= until_ns)
            break;
        event_count_await(&u->changes, seen, u->split->config.spin_ns, until_ns, stats);
    }
    u->owed -= n;
    return n;
}

void split_leave(struct split_user *u)
{
    struct file_op *dropped[16];
    struct stats ignored = {0};

    while (u->owed > 0)
        split_take(u, dropped, 1, 16, CLOCK_NEVER_NS, &ignored);
    pthread_mutex_lock(&u->split->joining);
    u->in = false;
    pthread_mutex_unlock(&u->split->joining);
}

/* ---- the context ---- */

static int init(struct split *s)
{
    int err = event_count_init(&s->changes);

    pthread_mutex_init(&s->joining, NULL);
    for (unsigned i = 0; i < s->config.users && !err; i++) {
        s->users[i].split = s;
        err = event_count_init(&s->users[i].changes);
    }
    return err;
}

static int start(struct split *s)
{
    int err = -pthread_create(&s->poller, NULL, run_poller, s);

    s->polling = !err;
    if (!err)
        err = -pthread_create(&s->submitter, NULL, run_submitter, s);
    s->submitting = s->polling && !err;
    return err;
}

int split_open(struct split **split, const struct split_config *config, char *why, size_t why_cap)
{
    size_t bytes = sizeof(struct split) + config->users * sizeof(struct split_user);
    struct split *s = aligned_alloc(64, (bytes + 63) / 64 * 64);
    int err;

    snprintf(why, why_cap, "out of memory or threads");
    if (!s)
        return -ENOMEM;
    memset(s, 0, bytes);
    s->config = *config;
    s->config.engine.two_threads = true;
    if (s->config.budget > BATCH_MAX)
        s->config.budget = BATCH_MAX;
    err = init(s);
    if (!err)
        err = engine_open(&s->engine, config->type, &s->config.engine, why, why_cap);
    if (!err)
        err = start(s);
    if (err) {
        split_close(s);
        split_free(s);
        return err;
    }
    *split = s;
    return 0;
}

void split_close(struct split *s)
{
    split_mark(s, SPLIT_OVER);
    atomic_store(&s->closing, true);
    event_count_advance(&s->changes);
    if (s->submitting)
        pthread_join(s->submitter, NULL);
    else if (s->polling)
        launch_end(s);
    if (s->polling)
        pthread_join(s->poller, NULL);
    engine_close(&s->engine);
}

void split_free(struct split *s)
{
    for (unsigned i = 0; i < s->config.users; i++)
        event_count_free(&s->users[i].changes);
    event_count_free(&s->changes);
    pthread_mutex_destroy(&s->joining);
    free(s);
}

const struct engine *split_engine(const struct split *s)
{
    return &s->engine;
}
