/* What a datagram socket can do here, and what it says of itself. */
#include "udp/udp_linux.h"
#include "udp/wire.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <unistd.h>

unsigned wire_batch(unsigned asked)
{
    return asked;
}

int wire_switch_on(int fd, enum wire_offload offload)
{
    static const struct {
        int level, option, value;
    } options[] = {
        [WIRE_GSO] = {SOL_UDP, UDP_SEGMENT, 1000}, /* a length of segments, as good as any */
        [WIRE_GRO] = {SOL_UDP, UDP_GRO, 1},
        [WIRE_ZEROCOPY] = {SOL_SOCKET, SO_ZEROCOPY, 1},
    };
    int value = options[offload].value;

    return setsockopt(fd, options[offload].level, options[offload].option, &value, sizeof value) < 0
               ? -errno
               : 0;
}

const char *wire_lacks(enum wire_offload offload)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && wire_switch_on(fd, offload) == 0;

    if (fd >= 0)
        close(fd);
    return has ? NULL : "kernel lacks it";
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

int64_t wire_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t len = sizeof info;

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0 ||
        len <= SK_MEMINFO_DROPS * sizeof info[0])
        return -1;
    return info[SK_MEMINFO_DROPS];
}
