#include "common/base/stats.h"

#include <errno.h>
#include <stddef.h>

#define STATS_SYSCALL_NAME(name)     #name,
#define STATS_ERROR_NAME(name, text) #name,
#define STATS_ERROR_TEXT(name, text) text,

const char *const stats_syscall_names[SYSCALL_KINDS] = {STATS_SYSCALLS(STATS_SYSCALL_NAME)};
const char *const stats_error_names[ERROR_KINDS] = {STATS_ERRORS(STATS_ERROR_NAME)};
const char *const stats_error_texts[ERROR_KINDS] = {STATS_ERRORS(STATS_ERROR_TEXT)};

/* Every member is a counter, so sums and differences need no list that a new member could miss. */
enum { STATS_WORDS = sizeof(struct stats) / sizeof(uint64_t) };

_Static_assert(sizeof(struct stats) % sizeof(uint64_t) == 0, "stats holds uint64_t only");

static uint64_t sum(const uint64_t *counts, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += counts[i];
    return total;
}

void stats_merge(struct stats *into, const struct stats *from)
{
    uint64_t events_max = into->events_max > from->events_max ? into->events_max : from->events_max;
    uint64_t batched_max =
        into->batched_max > from->batched_max ? into->batched_max : from->batched_max;
    uint64_t *total = (uint64_t *)into;
    const uint64_t *part = (const uint64_t *)from;

    for (size_t i = 0; i < STATS_WORDS; i++)
        total[i] += part[i];
    into->events_max = events_max;
    into->batched_max = batched_max;
}

struct stats stats_between(const struct stats *since, const struct stats *now)
{
    struct stats between = *now;
    uint64_t *word = (uint64_t *)&between;
    const uint64_t *start = (const uint64_t *)since;

    for (size_t i = 0; i < STATS_WORDS; i++)
        word[i] -= start[i];
    between.events_max = now->events_max;
    between.open_peak = now->open_peak;
    between.batched_max = now->batched_max;
    return between;
}

uint64_t stats_syscalls_total(const struct stats *s)
{
    return sum(s->syscalls, SYSCALL_KINDS);
}

uint64_t stats_errors_total(const struct stats *s)
{
    return sum(s->errors, ERROR_KINDS);
}

uint64_t stats_faults_total(const struct stats *s)
{
    return stats_errors_total(s) + s->lost + s->rejected;
}

enum stats_error stats_connect_error(int err)
{
    switch (err) {
    case ECONNREFUSED:
        return ERROR_connect_refused;
    case ETIMEDOUT:
        return ERROR_connect_timeout;
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
        return ERROR_connect_unreachable;
    case EADDRNOTAVAIL:
        return ERROR_out_of_ports;
    case EMFILE:
    case ENFILE:
        return ERROR_out_of_descriptors;
    case ENOMEM:
    case ENOBUFS:
        return ERROR_out_of_memory;
    default:
        return ERROR_connect_other;
    }
}

/* What receiving and sending have in common; other is what is left for the rest. */
static enum stats_error transfer_error(int err, enum stats_error other)
{
    switch (err) {
    case ECONNRESET:
    case EPIPE:
        return ERROR_reset;
    case ETIMEDOUT:
        return ERROR_timeout;
    case ENOMEM:
    case ENOBUFS:
        return ERROR_out_of_memory;
    default:
        return other;
    }
}

enum stats_error stats_recv_error(int err)
{
    return transfer_error(err, ERROR_recv_other);
}

enum stats_error stats_send_error(int err)
{
    return transfer_error(err, ERROR_send_other);
}

enum stats_error stats_file_error(int err)
{
    switch (err) {
    case EAGAIN:
        return ERROR_eagain;
    case EBADF:
        return ERROR_ebadf;
    case EFBIG:
        return ERROR_efbig;
    case EINVAL:
        return ERROR_einval;
    case EIO:
        return ERROR_eio;
    case ENOSPC:
    case EDQUOT:
        return ERROR_enospc;
    case EOPNOTSUPP:
        return ERROR_eopnotsupp;
    default:
        return ERROR_other;
    }
}
