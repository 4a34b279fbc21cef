/*
 * floor_server PORT CPU: the least that an echo server asks of the kernel.
 *
 * Level-triggered epoll in one thread, one recv and one send per request and nothing else: what
 * the real server is measured against (see compare). For messages that fit a socket's buffer.
 * SIGTERM or SIGINT ends it; it then prints the CPU time it took.
 */
#include <arpa/inet.h>
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512 };

static char buffer[64 * 1024];

static void pin(const char *cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(strtoul(cpu, NULL, 10), &set);
    if (sched_setaffinity(0, sizeof set, &set))
        err(2, "CPU %s", cpu);
}

static void watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
        err(1, "epoll_ctl");
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 4096) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        err(2, "port %s", port);
    printf("floor_server: listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* A descriptor to read instead of a handler: no signal is lost, and a request pays nothing. */
static int signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, 0);
}

static void serve(int epoll_fd, int listen_fd, int signal_fd)
{
    struct epoll_event events[EVENTS];

    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;

            if (fd == signal_fd)
                return;
            if (fd == listen_fd) {
                watch(epoll_fd, accept(fd, NULL, NULL));
            } else {
                ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);

                if (got <= 0 || send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
                    close(fd);
            }
        }
    }
}

int main(int argc, char **argv)
{
    int epoll_fd = epoll_create1(0), signal_fd = signals(), listen_fd;
    struct rusage used;

    if (argc != 3)
        errx(2, "usage: floor_server PORT CPU");
    pin(argv[2]);
    listen_fd = listen_on(argv[1]);
    watch(epoll_fd, signal_fd);
    watch(epoll_fd, listen_fd);
    serve(epoll_fd, listen_fd, signal_fd);
    getrusage(RUSAGE_SELF, &used);
    printf("%ld.%06ld s user, %ld.%06ld s system\n", used.ru_utime.tv_sec, used.ru_utime.tv_usec,
           used.ru_stime.tv_sec, used.ru_stime.tv_usec);
    return 0;
}
