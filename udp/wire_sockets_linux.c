/* What a datagram socket can do here, and what it says of itself. */
#include "udp/udp_linux.h"
#include "udp/wire.h"
#include "udp/wire_parts.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <unistd.h>

static bool accepts(int level, int option, int value, const char **why_not)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && setsockopt(fd, level, option, &value, sizeof value) == 0;

    if (fd >= 0)
        close(fd);
    *why_not = has ? NULL : "kernel lacks it";
    return has;
}

unsigned wire_batch(unsigned asked)
{
    return asked;
}

bool wire_has_gso(const char **why_not)
{
    return accepts(SOL_UDP, UDP_SEGMENT, 1000, why_not);
}

bool wire_has_gro(const char **why_not)
{
    return accepts(SOL_UDP, UDP_GRO, 1, why_not);
}

bool wire_has_zerocopy(const char **why_not)
{
    return accepts(SOL_SOCKET, SO_ZEROCOPY, 1, why_not);
}

bool wire_fits(const struct net_address *address, uint64_t size)
{
    bool v6 = address->storage.ss_family == AF_INET6;
    uint64_t headers = v6 ? 48 : 28;
    int fd = wire_socket(address->storage.ss_family, NULL, address, &(struct wire_options){0});
    int mtu = 0;
    socklen_t len = sizeof mtu;
    bool known = fd >= 0 && getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU,
                                       &mtu, &len) == 0;

    if (fd >= 0)
        close(fd);
    return known && size + headers <= (uint64_t)mtu;
}

void wire_set_buffer(int fd, bool sending, uint64_t bytes)
{
    int value = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;

    if (setsockopt(fd, SOL_SOCKET, sending ? SO_SNDBUFFORCE : SO_RCVBUFFORCE, &value,
                   sizeof value) < 0)
        setsockopt(fd, SOL_SOCKET, sending ? SO_SNDBUF : SO_RCVBUF, &value, sizeof value);
}

static int switch_on(int fd, int level, int option)
{
    int on = 1;

    return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

int wire_set_gro(int fd)
{
    return switch_on(fd, SOL_UDP, UDP_GRO);
}

int wire_set_zerocopy(int fd)
{
    return switch_on(fd, SOL_SOCKET, SO_ZEROCOPY);
}

int64_t wire_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t len = sizeof info;

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0 ||
        len <= SK_MEMINFO_DROPS * sizeof info[0])
        return -1;
    return info[SK_MEMINFO_DROPS];
}
