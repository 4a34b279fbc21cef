/*
 * stats: what one thread counts, and how the threads' counts become one.
 *
 * A thread owns its struct stats and writes it with plain stores. Others read it only after the
 * thread was joined. Counters only grow, so a window is the difference of two copies.
 */
#ifndef IOBENCH_STATS_H
#define IOBENCH_STATS_H

#include <stdint.h>

/* System calls by kind, under the name that strace would print. */
#define STATS_SYSCALLS(X) \
    X(accept4)            \
    X(close)              \
    X(connect)            \
    X(epoll_ctl)          \
    X(epoll_pwait2)       \
    X(epoll_wait)         \
    X(fcntl)              \
    X(fdatasync)          \
    X(fsync)              \
    X(futex)              \
    X(getsockopt)         \
    X(io_getevents)       \
    X(io_submit)          \
    X(io_uring_enter)     \
    X(io_uring_register)  \
    X(kevent)             \
    X(nanosleep)          \
    X(poll)               \
    X(pread64)            \
    X(preadv2)            \
    X(pwrite64)           \
    X(pwritev2)           \
    X(read)               \
    X(recv)               \
    X(recvfrom)           \
    X(recvmmsg)           \
    X(recvmsg)            \
    X(sched_yield)        \
    X(select)             \
    X(send)               \
    X(sendmmsg)           \
    X(sendmsg)            \
    X(sendto)             \
    X(setsockopt)         \
    X(shutdown)           \
    X(socket)             \
    X(write)

/* Faults by kind: a name for the report, and what a person is told. */
#define STATS_ERRORS(X)                                                            \
    X(connect_refused, "connection refused")                                       \
    X(connect_timeout, "no connection within the timeout")                         \
    X(connect_unreachable, "host or network unreachable")                          \
    X(connect_other, "connect failed for another reason")                          \
    X(out_of_ports, "no free local port (EADDRNOTAVAIL)")                          \
    X(out_of_descriptors, "no free file descriptor (EMFILE, ENFILE)")              \
    X(out_of_memory, "no memory for a connection or its unsent bytes")             \
    X(reset, "connection reset by the peer")                                       \
    X(closed_early, "connection closed by the peer before the reply was complete") \
    X(timeout, "no complete reply within the timeout")                             \
    X(corrupt, "bytes differ from what was sent or written")                       \
    X(excess, "more bytes came back than were sent")                               \
    X(recv_other, "receiving failed for another reason")                           \
    X(send_other, "sending failed for another reason")                             \
    X(accept_other, "accepting failed for another reason")                         \
    X(eagain, "resource not available now (EAGAIN)")                               \
    X(ebadf, "bad file descriptor (EBADF)")                                        \
    X(efbig, "file size limit reached (EFBIG)")                                    \
    X(einval, "refused as invalid (EINVAL)")                                       \
    X(eio, "input/output error (EIO)")                                             \
    X(enospc, "no space left on the device (ENOSPC, EDQUOT)")                      \
    X(eopnotsupp, "not supported by the file or the device (EOPNOTSUPP)")          \
    X(end_of_file, "the file ended where data was expected")                       \
    X(misplaced, "a block read belongs elsewhere")                                 \
    X(stale, "a block read is not the one written last")                           \
    X(other, "another error")

#define STATS_SYSCALL_ENUM(name)     SYSCALL_##name,
#define STATS_ERROR_ENUM(name, text) ERROR_##name,
enum stats_syscall { STATS_SYSCALLS(STATS_SYSCALL_ENUM) SYSCALL_KINDS };
enum stats_error { STATS_ERRORS(STATS_ERROR_ENUM) ERROR_KINDS };

struct stats {
    uint64_t requests; /* completed: every byte of the echo has come back */
    uint64_t begun;    /* requests that were handed over to be sent */
    uint64_t tx_bytes, rx_bytes;
    uint64_t reads, writes; /* that moved bytes, by system call or by ring operation */
    uint64_t short_writes;  /* the kernel took fewer bytes than were offered, or none */
    uint64_t waits;         /* times the loop asked for events */
    uint64_t events;        /* events or CQEs that came of it */
    uint64_t events_max;    /* most from one wait */
    uint64_t accepted, connected, closed;
    uint64_t open_peak;   /* connections open at once, at most */
    uint64_t buffers_dry; /* receives that found the buffer ring empty */
    uint64_t queue_full;  /* times the submission queue had no room */
    /* Sends with MSG_ZEROCOPY; and those of them that the kernel copied all the same. */
    uint64_t zerocopy_sends, zerocopy_copied;
    uint64_t batches, batched; /* files: submissions, and operations in them */
    uint64_t batched_max;      /* most in one submission */
    uint64_t looking_ns;       /* spent looking for events in vain: on the CPU, but free for work */
    /* Datagrams: not answered in time; and arrived, but no answer to anything. */
    uint64_t lost, rejected;
    uint64_t syscalls[SYSCALL_KINDS];
    uint64_t errors[ERROR_KINDS];
};

extern const char *const stats_syscall_names[SYSCALL_KINDS];
extern const char *const stats_error_names[ERROR_KINDS];
extern const char *const stats_error_texts[ERROR_KINDS];

/* Adds from to into; maxima and peaks: events_max is the larger, open_peak the sum. */
void stats_merge(struct stats *into, const struct stats *from);

/* What was counted after since was copied; maxima and peaks are kept as they stand in now. */
struct stats stats_between(const struct stats *since, const struct stats *now);

uint64_t stats_syscalls_total(const struct stats *s);
uint64_t stats_errors_total(const struct stats *s);

/* Errors, and datagrams that were lost or rejected: what a tick shows as gone wrong. */
uint64_t stats_faults_total(const struct stats *s);

/* Which kind of fault an errno is (err > 0) when connecting, receiving, sending or with a file. */
enum stats_error stats_connect_error(int err);
enum stats_error stats_recv_error(int err);
enum stats_error stats_send_error(int err);
enum stats_error stats_file_error(int err);

static inline void stats_submitted(struct stats *s, uint64_t operations)
{
    s->batches++;
    s->batched += operations;
    if (operations > s->batched_max)
        s->batched_max = operations;
}

static inline void stats_waited(struct stats *s, uint64_t events)
{
    s->waits++;
    s->events += events;
    if (events > s->events_max)
        s->events_max = events;
}

#endif
