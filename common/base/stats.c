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

/* What an errno is called; rows end with one of 0, for all others. */
struct errno_kind {
    int err;
    enum stats_error kind;
};

static enum stats_error kind_of(const struct errno_kind *rows, int err)
{
    while (rows->err && rows->err != err)
        rows++;
    return rows->kind;
}

enum stats_error stats_connect_error(int err)
{
    static const struct errno_kind rows[] = {
        {ECONNREFUSED, ERROR_connect_refused},  {ETIMEDOUT, ERROR_connect_timeout},
        {ENETDOWN, ERROR_connect_unreachable},  {ENETUNREACH, ERROR_connect_unreachable},
        {EHOSTDOWN, ERROR_connect_unreachable}, {EHOSTUNREACH, ERROR_connect_unreachable},
        {EADDRNOTAVAIL, ERROR_out_of_ports},    {EMFILE, ERROR_out_of_descriptors},
        {ENFILE, ERROR_out_of_descriptors},     {ENOMEM, ERROR_out_of_memory},
        {ENOBUFS, ERROR_out_of_memory},         {0, ERROR_connect_other},
    };

    return kind_of(rows, err);
}

/* What receiving and sending have in common; other is what is left for the rest. */
static enum stats_error transfer_error(int err, enum stats_error other)
{
    const struct errno_kind rows[] = {
        {ECONNRESET, ERROR_reset},     {EPIPE, ERROR_reset},           {ETIMEDOUT, ERROR_timeout},
        {ENOMEM, ERROR_out_of_memory}, {ENOBUFS, ERROR_out_of_memory}, {0, other},
    };

    return kind_of(rows, err);
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
    static const struct errno_kind rows[] = {
        {EAGAIN, ERROR_eagain}, {EBADF, ERROR_ebadf},
        {EFBIG, ERROR_efbig},   {EINVAL, ERROR_einval},
        {EIO, ERROR_eio},       {ENOSPC, ERROR_enospc},
        {EDQUOT, ERROR_enospc}, {EOPNOTSUPP, ERROR_eopnotsupp},
        {0, ERROR_other},
    };

    return kind_of(rows, err);
}
