#include "common/measure/gate.h"

#include "common/base/clock.h"
#include "common/host/os.h"
#include "common/host/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How long the opener may take to accept, when others wait for that before us. */
#define CONNECT_NS (5 * NS_PER_S)

/* A moment later than this is one of another clock. */
#define AHEAD_MAX_NS (3600 * NS_PER_S)

/* poll(2) sleeps in steps of 1 ms, so the rest is slept by a finer clock. */
#define NEAR_NS (2 * NS_PER_MS)

/* ---- what the opener says ------------------------------------------------------------------- */

int gate_parse(const char *line, size_t len, uint64_t *begin_ns)
{
    static const char word[] = "begin ";
    const size_t digits = sizeof word - 1;
    uint64_t ns = 0;

    for (size_t i = 0; i < len; i++) {
        if (i < digits && line[i] == word[i])
            continue;
        if (i > digits && line[i] == '\n' && ns > 0) {
            *begin_ns = ns;
            return 0;
        }
        if (i < digits || line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(ns, 10, &ns) ||
            __builtin_add_overflow(ns, (uint64_t)(line[i] - '0'), &ns))
            return -EINVAL;
    }
    return len < GATE_LINE_MAX ? -EAGAIN : -EINVAL;
}

static int complain(const struct gate *g, int status, const char *why)
{
    return opt_complain(g->table, status, "gate", g->path, why);
}

static int complain_of(const struct gate *g, int status, const char *what, int err)
{
    char why[128];

    snprintf(why, sizeof why, "%s: %s", what, strerror(err));
    return complain(g, status, why);
}

/* ---- connecting ----------------------------------------------------------------------------- */

static int connect_to(const struct sockaddr_un *address, socklen_t len)
{
    int fd = os_socket(AF_UNIX, SOCK_STREAM), err;

    if (fd < 0)
        return fd;
    err = unix_socket_connect(fd, (const struct sockaddr *)address, len, CONNECT_NS);
    if (err)
        close(fd);
    return err ? err : fd;
}

int gate_connect(struct gate *g, const struct opt_table *table, const char *path)
{
    struct sockaddr_un address;
    socklen_t len;
    char why[64];

    *g = (struct gate){.table = path ? table : NULL, .path = path, .fd = -1};
    if (!path)
        return 0;
    if (unix_socket_address(path, &address, &len, why, sizeof why))
        return complain(g, EXIT_USAGE, why);
    g->fd = connect_to(&address, len);
    return g->fd < 0 ? complain_of(g, EXIT_USAGE, "cannot be connected to", -g->fd) : 0;
}

void gate_close(struct gate *g)
{
    if (g->table && g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

/* ---- at the gate ---------------------------------------------------------------------------- */

static int announce(struct gate *g)
{
    static const char ready[] = "ready\n";
    ssize_t sent = os_send(g->fd, ready, sizeof ready - 1);

    g->announced = true;
    if (sent == (ssize_t)sizeof ready - 1)
        return 0;
    return complain_of(g, EXIT_FAILED, "could not be told that all is ready",
                       sent < 0 ? (int)-sent : EPIPE);
}

static int hear(struct gate *g)
{
    ssize_t got = os_recv(g->fd, g->line + g->len, sizeof g->line - g->len);
    int err;

    if (got == -EAGAIN || got == -EINTR)
        return 0;
    if (got == 0)
        return complain(g, EXIT_FAILED, "was closed without a moment to begin at");
    if (got < 0)
        return complain_of(g, EXIT_FAILED, "cannot be heard", (int)-got);
    g->len += (size_t)got;
    err = gate_parse(g->line, g->len, &g->begin_ns);
    if (err == -EINVAL)
        return complain(g, EXIT_FAILED, "said something else than 'begin NS'");
    if (!err && clock_left_ns(g->begin_ns) > AHEAD_MAX_NS)
        return complain(g, EXIT_FAILED,
                        "said to begin more than an hour from now, by CLOCK_MONOTONIC in ns");
    return 0;
}

int gate_attend(struct gate *g)
{
    int status = g->announced ? 0 : announce(g);

    return status || g->begin_ns ? status : hear(g);
}

uint64_t gate_look_ns(const struct gate *g)
{
    if (!g->begin_ns)
        return CLOCK_NEVER_NS;
    return g->begin_ns > NEAR_NS ? g->begin_ns - NEAR_NS : 0;
}

bool gate_passed(const struct gate *g)
{
    uint64_t left_ns = g->begin_ns ? clock_left_ns(g->begin_ns) : CLOCK_NEVER_NS;

    if (left_ns > 0 && left_ns <= NEAR_NS) {
        os_sleep_until(g->begin_ns);
        left_ns = clock_left_ns(g->begin_ns);
    }
    return left_ns == 0;
}
