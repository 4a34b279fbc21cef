#include "common/loop/net.h"

#include "common/host/os.h"
#include "common/host/unix_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int net_resolve(const char *host, uint16_t port, int type, struct net_address *address, char *why,
                size_t why_cap)
{
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    char service[8];
    int err;

    if (!host) {
        hints.ai_flags |= AI_PASSIVE;
        /* One IPv6 socket serves both families, where the machine has IPv6 at all. */
        int probe = os_socket(AF_INET6, type);
        hints.ai_family = probe < 0 ? AF_INET : AF_INET6;
        if (probe >= 0)
            close(probe);
    }
    snprintf(service, sizeof service, "%u", port);
    err = getaddrinfo(host, service, &hints, &found);
    if (err) {
        snprintf(why, why_cap, "%s", err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
        return -EADDRNOTAVAIL;
    }
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int net_unix_address(const char *path, struct net_address *address, char *why, size_t why_cap)
{
    memset(address, 0, sizeof *address);
    return unix_socket_address(path, (struct sockaddr_un *)&address->storage, &address->len, why,
                               why_cap);
}

bool net_is_unix(const struct net_address *address)
{
    return address->storage.ss_family == AF_UNIX;
}

char *net_text(char *buf, size_t cap, const struct net_address *address)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool v6 = address->storage.ss_family == AF_INET6;

    if (net_is_unix(address)) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;

        snprintf(buf, cap, "unix:%s", un->sun_path);
    } else if (getnameinfo((const struct sockaddr *)&address->storage, address->len, host,
                           sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) {
        snprintf(buf, cap, "?");
    } else {
        snprintf(buf, cap, v6 ? "[%s]:%s" : "%s:%s", host, port);
    }
    return buf;
}

/* A socket file outlives its server. Remove it, but only when it is one and nobody answers. */
static int remove_stale_socket(const struct net_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    struct stat st;
    int fd, refused;

    if (lstat(un->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    fd = os_socket(AF_UNIX, SOCK_STREAM);
    if (fd < 0)
        return fd;
    refused = connect(fd, (const struct sockaddr *)un, address->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    if (!refused)
        return -EADDRINUSE;
    return unlink(un->sun_path) < 0 ? -errno : 0;
}

static int bind_and_listen(int fd, struct net_address *address, int backlog)
{
    if (bind(fd, (struct sockaddr *)&address->storage, address->len) < 0 || listen(fd, backlog) < 0)
        return -errno;
    if (net_is_unix(address))
        return 0;
    address->len = sizeof address->storage;
    return getsockname(fd, (struct sockaddr *)&address->storage, &address->len) < 0 ? -errno : 0;
}

int net_listen(struct net_address *address, int backlog, bool share)
{
    int on = 1, off = 0, err, fd;

    if (net_is_unix(address)) {
        err = remove_stale_socket(address);
        if (err)
            return err;
    }
    fd = os_socket(address->storage.ss_family, SOCK_STREAM);
    if (fd < 0)
        return fd;
    if (!net_is_unix(address)) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (share)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (address->storage.ss_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    err = bind_and_listen(fd, address, backlog);
    if (err) {
        close(fd);
        return err;
    }
    return fd;
}

static unsigned set_int_option(int fd, int level, int name, uint64_t value)
{
    int number = value > INT32_MAX ? INT32_MAX : (int)value;

    setsockopt(fd, level, name, &number, sizeof number);
    return 1;
}

static unsigned set_reset_on_close(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return 1;
}

unsigned net_set_options(int fd, const struct net_options *options)
{
    unsigned calls = 0;

    if (options->sndbuf_bytes)
        calls += set_int_option(fd, SOL_SOCKET, SO_SNDBUF, options->sndbuf_bytes);
    if (options->rcvbuf_bytes)
        calls += set_int_option(fd, SOL_SOCKET, SO_RCVBUF, options->rcvbuf_bytes);
    if (options->nodelay)
        calls += set_int_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (options->reset_on_close)
        calls += set_reset_on_close(fd);
    return calls;
}

void net_reset(int fd)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    (void)connect(fd, &nobody, sizeof nobody);
}

/* Blocks, at most timeout_ns: a non-blocking connect to a full backlog fails with EAGAIN. */
static int connect_unix(int fd, const struct net_address *address, uint64_t timeout_ns,
                        struct stats *stats)
{
    int err = unix_socket_connect(fd, (const struct sockaddr *)&address->storage, address->len,
                                  timeout_ns);

    stats->syscalls[SYSCALL_fcntl] += err ? 2 : 3;
    stats->syscalls[SYSCALL_setsockopt]++;
    return err;
}

int net_connect(const struct net_address *address, const struct net_options *options,
                uint64_t timeout_ns, bool *pending, struct stats *stats)
{
    int fd = os_socket(address->storage.ss_family, SOCK_STREAM), err = 0;
    struct net_options wanted = *options;

    stats->syscalls[SYSCALL_socket]++;
    if (fd < 0)
        return fd;
    *pending = false;
    if (net_is_unix(address))
        wanted.nodelay = wanted.reset_on_close = false;
    stats->syscalls[SYSCALL_setsockopt] += net_set_options(fd, &wanted);
    stats->syscalls[SYSCALL_connect]++;
    if (net_is_unix(address)) {
        err = connect_unix(fd, address, timeout_ns, stats);
    } else if (connect(fd, (const struct sockaddr *)&address->storage, address->len) < 0) {
        *pending = errno == EINPROGRESS || errno == EINTR;
        err = *pending ? 0 : -errno;
    }
    if (err) {
        stats->syscalls[SYSCALL_close]++;
        close(fd);
        return err;
    }
    return fd;
}

int net_connect_result(int fd)
{
    int err = 0;
    socklen_t len = sizeof err;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -errno;
    return -err;
}

uint64_t net_raise_descriptor_limit(uint64_t want)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    if (limit.rlim_cur < want) {
        limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}
