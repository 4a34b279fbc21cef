#include "common/host/os.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(cpu_set_t) <= sizeof(struct os_affinity), "room for a CPU set");

void os_save_affinity(struct os_affinity *affinity)
{
    sched_getaffinity(0, sizeof(cpu_set_t), (cpu_set_t *)affinity->bytes);
}

void os_restore_affinity(const struct os_affinity *affinity)
{
    sched_setaffinity(0, sizeof(cpu_set_t), (const cpu_set_t *)affinity->bytes);
}

int os_pin_thread(unsigned cpu)
{
    cpu_set_t set;

    if (cpu >= CPU_SETSIZE)
        return -EINVAL;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int os_pin_thread_nth(unsigned nth)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return -errno;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && nth-- == 0)
            return os_pin_thread(cpu);
    return -EINVAL;
}

static uint64_t timeval_ns(struct timeval tv)
{
    return (uint64_t)tv.tv_sec * NS_PER_S + (uint64_t)tv.tv_usec * NS_PER_US;
}

static struct os_cpu_time cpu_time(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (struct os_cpu_time){timeval_ns(usage.ru_utime), timeval_ns(usage.ru_stime)};
}

struct os_cpu_time os_thread_cpu_time(void)
{
    return cpu_time(RUSAGE_THREAD);
}

struct os_cpu_time os_process_cpu_time(void)
{
    return cpu_time(RUSAGE_SELF);
}

int os_process_cpu_clock(pid_t pid, clockid_t *clock)
{
    return -clock_getcpuclockid(pid, clock);
}

int os_thread_cpu_clock(pthread_t thread, clockid_t *clock)
{
    return -pthread_getcpuclockid(thread, clock);
}

/*
 * /proc/thread-self/schedstat: ns on a CPU, ns ready but without one, times run (proc(5)). The
 * first of them may be as old as the last timer tick, so the thread's clock says it instead.
 */
struct os_run_time os_thread_run_time(void)
{
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    struct os_run_time t = {0};
    struct timespec on_cpu;
    char text[96];
    ssize_t len;

    if (fd < 0)
        return t;
    len = read(fd, text, sizeof text - 1);
    close(fd);
    if (len <= 0)
        return t;
    text[len] = '\0';
    t.known = sscanf(text, "%*u %" SCNu64, &t.waited_ns) == 1 &&
              clock_gettime(CLOCK_THREAD_CPUTIME_ID, &on_cpu) == 0;
    if (t.known)
        t.on_cpu_ns = (uint64_t)on_cpu.tv_sec * NS_PER_S + (uint64_t)on_cpu.tv_nsec;
    return t;
}

void os_timers_on_time(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void os_sleep_until(uint64_t until_ns)
{
    struct timespec until = clock_timespec(until_ns);

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* ru_maxrss survives exec, and so may tell the size of whoever started this program. */
uint64_t os_peak_rss_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    struct rusage usage;
    char line[128];

    getrusage(RUSAGE_SELF, &usage);
    uint64_t kib = (uint64_t)usage.ru_maxrss;
    if (file) {
        while (fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %" SCNu64, &kib) != 1)
            ;
        fclose(file);
    }
    return kib * 1024;
}

ssize_t os_recv(int fd, void *buf, size_t len)
{
    ssize_t got = syscall(SYS_recvfrom, fd, buf, len, 0, NULL, NULL);

    return got < 0 ? -errno : got;
}

ssize_t os_send(int fd, const void *buf, size_t len)
{
    ssize_t taken = syscall(SYS_sendto, fd, buf, len, 0, NULL, 0);

    return taken < 0 ? -errno : taken;
}

int os_socket(int family, int type)
{
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

int os_accept(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int os_pipe(int ends[2])
{
    return pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0 ? -errno : 0;
}

void os_own_descriptors(void)
{
#ifndef __SANITIZE_THREAD__ /* which takes equal numbers in two tables for one descriptor */
    unshare(CLONE_FILES);   /* when it cannot be had, all that is lost is some speed */
#endif
}

bool os_reuseport_balances(void)
{
    return true;
}
