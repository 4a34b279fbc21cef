/*
 * os: the few system calls that differ between platforms. os_linux.c and os_darwin.c.
 */
#ifndef IOBENCH_OS_H
#define IOBENCH_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

/* CPU time used so far, in nanoseconds. */
struct os_cpu_time {
    uint64_t user_ns, system_ns;
};

/* The CPUs that the calling thread may run on, to be put back after it was bound elsewhere. */
struct os_affinity {
    _Alignas(8) unsigned char bytes[128];
};

void os_save_affinity(struct os_affinity *affinity);
void os_restore_affinity(const struct os_affinity *affinity);

/* Binds the calling thread to one CPU: 0 or -errno (-ENOTSUP where threads cannot be bound). */
int os_pin_thread(unsigned cpu);

/* Binds it to the nth (from 0) of the CPUs that it may run on now; -EINVAL when there are fewer. */
int os_pin_thread_nth(unsigned nth);

/*
 * What the scheduler knows of a thread, in nanoseconds: how long it was on a CPU, and how long it
 * was ready to run but had none. `known` is false where the system does not say.
 */
struct os_run_time {
    uint64_t on_cpu_ns, waited_ns;
    bool known;
};

struct os_run_time os_thread_run_time(void);

/*
 * For the calling thread and those that it starts: timers end on time. Linux otherwise delays them
 * by up to 50 us to save wake-ups, which an open loop would measure as response time.
 */
void os_timers_on_time(void);

/* Sleeps until a moment of clock_now_ns(), or until a signal comes. */
void os_sleep_until(uint64_t until_ns);

struct os_cpu_time os_thread_cpu_time(void);
struct os_cpu_time os_process_cpu_time(void);

/*
 * The clock of the CPU time, for clock_gettime(), of another process or of a thread of this one: 0
 * or -errno (-ENOTSUP where the system has no such clocks). Reading it fails once that has ended.
 */
int os_process_cpu_clock(pid_t pid, clockid_t *clock);
int os_thread_cpu_clock(pthread_t thread, clockid_t *clock);

/* Largest resident set so far, in bytes. */
uint64_t os_peak_rss_bytes(void);

/*
 * recv(2) and send(2) without flags: bytes, or -errno. On Linux they are plain system calls.
 * glibc's are cancellation points, which nobody needs here and which cost a third of the user-space
 * work of an echo.
 */
ssize_t os_recv(int fd, void *buf, size_t len);
ssize_t os_send(int fd, const void *buf, size_t len);

/* Sockets come non-blocking and closed on exec; descriptor or -errno. */
int os_socket(int family, int type);
int os_accept(int listen_fd);

/* Both ends non-blocking and closed on exec: 0 or -errno. */
int os_pipe(int ends[2]);

/*
 * Gives the calling thread a descriptor table of its own, a copy of what is open now. While a table
 * has one user the kernel need not count references around each system call (measured: 2-4 % more
 * requests per second). Descriptors opened from then on exist for this thread alone.
 */
void os_own_descriptors(void);

/* Whether SO_REUSEPORT spreads connections over the listening sockets of one port. */
bool os_reuseport_balances(void);

#endif
