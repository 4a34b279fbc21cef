/*
 * floor_client PORT CONNECTIONS BYTES SECONDS CPU: the least that an echo client asks of the
 * kernel.
 *
 * Level-triggered epoll in one thread, each connection with one request in flight, and no latency
 * measured. After 0.5 s of warm-up and the window it prints one line: requests, seconds, requests
 * per second, and its own CPU time per request.
 */
#include <arpa/inet.h>
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define WARM_UP_S 0.5

enum { EVENTS = 512, DESCRIPTORS = 1 << 16, BYTES_MAX = 64 * 1024 };

static char message[BYTES_MAX], reply[BYTES_MAX];
static size_t received[DESCRIPTORS]; /* of the reply that a descriptor waits for */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void pin(const char *cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(strtoul(cpu, NULL, 10), &set);
    if (sched_setaffinity(0, sizeof set, &set))
        err(2, "CPU %s", cpu);
}

static void request(int fd, size_t bytes)
{
    if (send(fd, message, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        err(1, "send");
}

/* Connects them one by one, each with its first request on its way. */
static int connect_all(const char *port, int connections, size_t bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int epoll_fd = epoll_create1(0);

    for (int i = 0; i < connections; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        if (fd < 0 || fd >= DESCRIPTORS)
            err(1, "socket %d", i);
        if (connect(fd, (struct sockaddr *)&address, sizeof address))
            err(1, "port %s", port);
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
        request(fd, bytes);
    }
    return epoll_fd;
}

/* One wait, and all that came of it: how many requests were completed. */
static unsigned exchange(int epoll_fd, size_t bytes)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, 100);
    unsigned completed = 0;

    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        ssize_t got = recv(fd, reply, sizeof reply, MSG_DONTWAIT);

        if (got <= 0)
            err(1, "recv");
        received[fd] += (size_t)got;
        if (received[fd] == bytes) {
            received[fd] = 0;
            completed++;
            request(fd, bytes);
        }
    }
    return completed;
}

int main(int argc, char **argv)
{
    double start_s, end_s, now, cpu;
    unsigned long requests = 0;
    size_t bytes;
    int epoll_fd, connections;

    if (argc != 6 || (connections = atoi(argv[2])) < 1 ||
        (bytes = strtoul(argv[3], NULL, 10)) < 1 || bytes > BYTES_MAX)
        errx(2, "usage: floor_client PORT CONNECTIONS BYTES(1-%d) SECONDS CPU", BYTES_MAX);
    pin(argv[5]);
    epoll_fd = connect_all(argv[1], connections, bytes);
    for (end_s = now_s() + WARM_UP_S; now_s() < end_s;)
        exchange(epoll_fd, bytes);
    cpu = cpu_s();
    start_s = now_s();
    end_s = start_s + atof(argv[4]);
    do
        requests += exchange(epoll_fd, bytes);
    while ((now = now_s()) < end_s);
    cpu = cpu_s() - cpu;
    printf("%lu requests, %.3f s, %.0f qps, %.3f CPU us per request\n", requests, now - start_s,
           (double)requests / (now - start_s), cpu * 1e6 / (double)requests);
    return 0;
}
