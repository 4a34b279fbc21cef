#include "common/host/os.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <sys/resource.h>
#include <unistd.h>

void os_save_affinity(struct os_affinity *affinity)
{
    (void)affinity;
}

void os_restore_affinity(const struct os_affinity *affinity)
{
    (void)affinity;
}

int os_pin_thread(unsigned cpu)
{
    (void)cpu;
    return -ENOTSUP; /* macOS has affinity hints between threads, but no binding to a CPU */
}

int os_pin_thread_nth(unsigned nth)
{
    return os_pin_thread(nth);
}

static uint64_t time_value_ns(time_value_t tv)
{
    return (uint64_t)tv.seconds * NS_PER_S + (uint64_t)tv.microseconds * NS_PER_US;
}

struct os_cpu_time os_thread_cpu_time(void)
{
    thread_basic_info_data_t info = {0};
    mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;
    mach_port_t self = mach_thread_self();

    thread_info(self, THREAD_BASIC_INFO, (thread_info_t)&info, &count);
    mach_port_deallocate(mach_task_self(), self);
    return (struct os_cpu_time){time_value_ns(info.user_time), time_value_ns(info.system_time)};
}

static uint64_t timeval_ns(struct timeval tv)
{
    return (uint64_t)tv.tv_sec * NS_PER_S + (uint64_t)tv.tv_usec * NS_PER_US;
}

struct os_cpu_time os_process_cpu_time(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct os_cpu_time){timeval_ns(usage.ru_utime), timeval_ns(usage.ru_stime)};
}

/* There are no clocks of another process's or thread's CPU time. */
int os_process_cpu_clock(pid_t pid, clockid_t *clock)
{
    (void)pid;
    (void)clock;
    return -ENOTSUP;
}

int os_thread_cpu_clock(pthread_t thread, clockid_t *clock)
{
    (void)thread;
    (void)clock;
    return -ENOTSUP;
}

/* The scheduler does not say how long a thread waited. */
struct os_run_time os_thread_run_time(void)
{
    return (struct os_run_time){0};
}

/* There is no such setting per thread. */
void os_timers_on_time(void)
{
}

/* There is no clock_nanosleep(). */
void os_sleep_until(uint64_t until_ns)
{
    struct timespec left = clock_left(until_ns);

    nanosleep(&left, NULL);
}

uint64_t os_peak_rss_bytes(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss; /* bytes here, KiB on Linux */
}

/* There is no SOCK_NONBLOCK, SOCK_CLOEXEC, accept4 or pipe2: set the flags after the fact. */
static int prepare_fd(int fd)
{
    int flags;

    if (fd < 0)
        return -errno;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        int err = errno;

        close(fd);
        return -err;
    }
    return fd;
}

ssize_t os_recv(int fd, void *buf, size_t len)
{
    ssize_t got = recv(fd, buf, len, 0);

    return got < 0 ? -errno : got;
}

ssize_t os_send(int fd, const void *buf, size_t len)
{
    ssize_t taken = send(fd, buf, len, 0);

    return taken < 0 ? -errno : taken;
}

int os_socket(int family, int type)
{
    return prepare_fd(socket(family, type, 0));
}

int os_accept(int listen_fd)
{
    return prepare_fd(accept(listen_fd, NULL, NULL));
}

int os_pipe(int ends[2])
{
    if (pipe(ends) < 0)
        return -errno;
    for (int i = 0; i < 2; i++) {
        int err = prepare_fd(ends[i]);

        if (err < 0) {
            close(ends[!i]);
            return err;
        }
    }
    return 0;
}

void os_own_descriptors(void)
{
    /* Tables belong to processes here. */
}

bool os_reuseport_balances(void)
{
    return false; /* the last socket bound takes them all */
}
