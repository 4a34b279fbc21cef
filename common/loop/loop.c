#include "common/loop/loop.h"

#include "common/base/clock.h"
#include "common/base/units.h"
#include "common/loop/loop_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long accepting pauses when descriptors ran out: others may free some without our notice. */
#define LISTEN_PAUSE_NS (50 * NS_PER_MS)

enum { DEFAULT_RECV_BYTES = 64 * 1024 };

/* ---- choosing ------------------------------------------------------------------------------- */

static const struct loop_backend *find_backend(const char *name)
{
    for (size_t i = 0; loop_table[i]; i++)
        if (strcmp(loop_table[i]->name, name) == 0)
            return loop_table[i];
    return NULL;
}

static int set_tuning(struct loop_tuning *tuning, const char *key, const char *value)
{
    const struct {
        const char *key;
        uint32_t *number;
        uint32_t most;
    } known[] = {
        {"recv", &tuning->recv_bytes, 1 << 20}, {"send", &tuning->send_bytes, 1 << 20},
        {"sq", &tuning->sq_entries, 1 << 15}, /* io_uring_setup(2) allows no more */
        {"buffers", &tuning->buffers, 1 << 15}, {"flush", &tuning->flush, 1 << 20},
    };
    uint64_t number;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].key, key) != 0)
            continue;
        if (units_parse_bytes(value, &number) || number < 1 || number > known[i].most)
            return -EINVAL;
        *known[i].number = (uint32_t)number;
        return 0;
    }
    return -EINVAL;
}

static bool has_variant(const struct loop_backend *backend, const char *name)
{
    for (size_t i = 0; backend->variants && backend->variants[i]; i++)
        if (strcmp(backend->variants[i], name) == 0)
            return true;
    return false;
}

/* One item after the colon: "-feature", "key=number" or a variant. */
static int take_item(struct loop_config *config, char *item)
{
    char *equals = strchr(item, '=');

    if (item[0] == '-') {
        if (config->refused_count == LOOP_LIST_CAP)
            return -EINVAL;
        snprintf(config->refused[config->refused_count++], LOOP_NAME_CAP, "%s", item + 1);
        return 0;
    }
    if (equals) {
        *equals = '\0';
        return set_tuning(&config->tuning, item, equals + 1);
    }
    if (!has_variant(config->backend, item))
        return -EINVAL;
    snprintf(config->variant, sizeof config->variant, "%s", item);
    return 0;
}

static bool refused(const struct loop_config *config, const char *feature)
{
    for (unsigned i = 0; i < config->refused_count; i++)
        if (strcmp(config->refused[i], feature) == 0)
            return true;
    return false;
}

static void append_name(char list[][LOOP_NAME_CAP], unsigned *count, const char *name,
                        const char *reason)
{
    if (*count == LOOP_LIST_CAP)
        return;
    if (reason)
        snprintf(list[(*count)++], LOOP_NAME_CAP, "%s (%s)", name, reason);
    else
        snprintf(list[(*count)++], LOOP_NAME_CAP, "%s", name);
}

bool loop_feature(struct loop_config *config, const char *name, const char *why_not)
{
    if (refused(config, name))
        append_name(config->left_out, &config->left_out_count, name, "asked not to");
    else if (why_not)
        append_name(config->left_out, &config->left_out_count, name, why_not);
    else {
        append_name(config->features, &config->feature_count, name, NULL);
        return true;
    }
    return false;
}

void loop_uses(struct loop_config *config, const char *name)
{
    append_name(config->features, &config->feature_count, name, NULL);
}

/* Every feature that was refused must have been one that the backend knows. */
static int check_refused(const struct loop_config *config, char *why, size_t why_cap)
{
    for (unsigned i = 0; i < config->refused_count; i++) {
        const char *name = config->refused[i];
        bool known = false;

        for (unsigned j = 0; j < config->left_out_count; j++)
            known |= strncmp(config->left_out[j], name, strlen(name)) == 0 &&
                     config->left_out[j][strlen(name)] == ' ';
        if (!known) {
            snprintf(why, why_cap, "asks to leave out '%s', which is no feature of %s (see --help)",
                     name, config->backend->name);
            return -EINVAL;
        }
    }
    return 0;
}

static int probe(struct loop_config *config, const struct loop_backend *backend, char *why,
                 size_t why_cap)
{
    config->backend = backend;
    config->feature_count = config->left_out_count = 0;
    config->ability = 0;
    snprintf(config->name, sizeof config->name, "%s", backend->name);
    return backend->probe(config, why, why_cap) ? -ENOTSUP : check_refused(config, why, why_cap);
}

static int choose_automatically(struct loop_config *config, const char *const *order, char *why,
                                size_t why_cap)
{
    for (size_t i = 0; order[i]; i++) {
        const struct loop_backend *backend = find_backend(order[i]);

        if (backend && probe(config, backend, why, why_cap) == 0)
            return 0;
    }
    return -ENOTSUP;
}

int loop_choose(struct loop_config *config, const char *spec, const char *const *order, char *why,
                size_t why_cap)
{
    char words[256], *rest = words, *name, *item;
    char list[512];

    if (strcmp(spec, "auto") == 0)
        return choose_automatically(config, order, why, why_cap);
    if (snprintf(words, sizeof words, "%s", spec) >= (int)sizeof words) {
        snprintf(why, why_cap, "is too long");
        return -EINVAL;
    }
    name = strsep(&rest, ":");
    config->backend = find_backend(name);
    if (!config->backend) {
        snprintf(why, why_cap, "is not a backend; there are: auto %s",
                 loop_list(list, sizeof list));
        return -EINVAL;
    }
    while ((item = strsep(&rest, ",")) != NULL) {
        if (take_item(config, item)) {
            snprintf(why, why_cap,
                     "has an item that %s does not know: allowed are %s-FEATURE, recv, send or "
                     "flush=1..1M, and sq or buffers=1..32k",
                     name, config->backend->variants ? "a method (see --help), " : "");
            return -EINVAL;
        }
    }
    return probe(config, config->backend, why, why_cap);
}

char *loop_list(char *buf, size_t cap)
{
    size_t used = 0;

    buf[0] = '\0';
    for (size_t i = 0; loop_table[i] && used < cap; i++) {
        struct loop_config config = {0};
        char why[160];
        int err = probe(&config, loop_table[i], why, sizeof why);

        used += (size_t)snprintf(buf + used, cap - used, "%s%s", i ? " " : "", loop_table[i]->name);
        if (err && used < cap)
            used += (size_t)snprintf(buf + used, cap - used, " (not here: %s)", why);
    }
    return buf;
}

/* ---- connections ---------------------------------------------------------------------------- */

int loop_fault(struct loop *l, enum stats_error kind, int err)
{
    l->stats->errors[kind]++;
    return err;
}

static void count_close(struct loop *l, int fd)
{
    close(fd);
    l->stats->syscalls[SYSCALL_close]++;
}

void loop_forget(struct loop *l, struct conn *c, int err)
{
    on_close(l, c, err);
    count_close(l, c->fd);
    conn_free(&l->conns, c);
    l->stats->closed++;
}

/* Gives fd a slot and has the backend watch it; NULL when it could not be, and then it is closed.
 */
static struct conn *begin(struct loop *l, int fd, uint64_t begun_ns, bool connecting)
{
    struct conn *c = conn_new(&l->conns, fd);

    if (c) {
        c->connecting = connecting;
        c->begun_ns = begun_ns;
        if (l->actions->watch(l, c) == 0)
            return c;
        conn_free(&l->conns, c);
    }
    count_close(l, fd);
    on_close(l, NULL, loop_fault(l, ERROR_out_of_memory, ENOMEM));
    return NULL;
}

static void opened(struct loop *l, struct conn *c)
{
    struct span first = on_open(l, c);

    if (c->close_asked)
        l->actions->close(l, c, 0);
    else if (first.len)
        l->actions->send(l, c, first);
}

static void adopt(struct loop *l, int fd)
{
    struct conn *c = begin(l, fd, 0, false);

    if (c)
        opened(l, c);
}

void loop_accepted(struct loop *l, int fd)
{
    l->stats->accepted++;
    if (on_accept(l, fd))
        adopt(l, fd);
}

void loop_accept_failed(struct loop *l, int err)
{
    switch (err) {
    case EAGAIN:
    case EINTR:
    case ECANCELED:
    case ECONNABORTED: /* the peer gave up before we came to it */
        return;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        loop_fault(l, ERROR_out_of_descriptors, err);
        if (!l->told_out_of_descriptors)
            fprintf(stderr,
                    "%s: out of file descriptors (%s): %u connections are served, more "
                    "are accepted as some close\n",
                    l->config->program, strerror(err), l->conns.open);
        l->told_out_of_descriptors = true;
        break;
    default:
        loop_fault(l, ERROR_accept_other, err);
    }
    l->actions->listen(l, false);
    l->listening = false;
    l->listen_again_ns = clock_now_ns() + LISTEN_PAUSE_NS;
}

static void connect_to_peer(struct loop *l)
{
    const struct loop_config *config = l->config;
    uint64_t begun_ns = clock_now_ns(); /* loopback's handshake is over when connect(2) returns */
    bool pending;
    int fd = net_connect(&config->peer, &config->socket_options, config->connect_timeout_ns,
                         &pending, l->stats);
    struct conn *c;

    if (fd < 0) {
        on_close(l, NULL, loop_fault(l, stats_connect_error(-fd), -fd));
        return;
    }
    c = begin(l, fd, begun_ns, pending);
    if (c && !pending) {
        l->stats->connected++;
        opened(l, c);
    }
}

bool loop_connect_done(struct loop *l, struct conn *c, struct span *first, int *err)
{
    *err = -net_connect_result(c->fd);
    l->stats->syscalls[SYSCALL_getsockopt]++;
    if (*err) {
        loop_fault(l, stats_connect_error(*err), *err);
        return false;
    }
    c->connecting = false;
    l->stats->connected++;
    *first = on_open(l, c);
    return !c->close_asked;
}

/* ---- what is due ---------------------------------------------------------------------------- */

static void stop_listening(struct loop *l)
{
    if (l->listen_fd < 0)
        return;
    if (l->listening)
        l->actions->listen(l, false);
    shutdown(l->listen_fd, SHUT_RDWR); /* refuse at once, whoever else holds the descriptor */
    count_close(l, l->listen_fd);
    l->listen_fd = -1;
    l->listening = false;
}

/* After a pause: accept again. Returns the sooner of wake_ns and the end of the pause. */
static uint64_t resume_listening(struct loop *l, uint64_t wake_ns)
{
    if (l->listen_fd < 0 || l->listening)
        return wake_ns;
    if (clock_now_ns() >= l->listen_again_ns && l->actions->listen(l, true) == 0) {
        l->listening = true;
        return wake_ns;
    }
    return l->listen_again_ns < wake_ns ? l->listen_again_ns : wake_ns;
}

uint64_t loop_pump(struct loop *l, bool *quit)
{
    for (;;) {
        struct due due;

        next_due(l, &due);
        switch (due.kind) {
        case DUE_WAIT:
            return resume_listening(l, due.wake_ns);
        case DUE_SEND:
            l->actions->send(l, due.conn, due.out);
            break;
        case DUE_CONNECT:
            connect_to_peer(l);
            break;
        case DUE_ADOPT:
            adopt(l, due.fd);
            break;
        case DUE_CLOSE:
            l->actions->close(l, due.conn, due.err);
            break;
        case DUE_UNLISTEN:
            stop_listening(l);
            break;
        case DUE_QUIT:
            *quit = true;
            return 0;
        }
    }
}

/* ---- running -------------------------------------------------------------------------------- */

static void close_all(struct loop *l)
{
    for (struct conn *c = conn_next(&l->conns, NULL); c; c = conn_next(&l->conns, c))
        count_close(l, c->fd);
    if (l->listen_fd >= 0)
        count_close(l, l->listen_fd);
}

int loop_run(struct worker *w, const struct loop_config *config, int listen_fd, void *program)
{
    const struct loop_tuning *tuning = &config->tuning;
    struct loop l = {
        .worker = w,
        .stats = &w->stats,
        .config = config,
        .recv_bytes = tuning->recv_bytes ? tuning->recv_bytes : DEFAULT_RECV_BYTES,
        .send_bytes = tuning->send_bytes ? tuning->send_bytes : SIZE_MAX,
        .listen_fd = listen_fd,
        .program = program,
    };
    int err;

    conn_slab_init(&l.conns, config->conn_bytes);
    spin_init(&l.spin, config->mode, &w->stats);
    err = config->backend->run(&l);
    close_all(&l);
    w->stats.open_peak = l.conns.open_peak;
    conn_slab_free(&l.conns);
    return err;
}
