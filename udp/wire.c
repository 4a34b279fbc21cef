/* The parts of wire that are the same on every system. */
#include "udp/wire.h"

#include "common/host/os.h"

#include <errno.h>
#include <unistd.h>

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

static int bind_to(int fd, struct net_address *local)
{
    if (local->storage.ss_family == AF_INET6)
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(fd, (struct sockaddr *)&local->storage, local->len) < 0)
        return -errno;
    local->len = sizeof local->storage;
    return getsockname(fd, (struct sockaddr *)&local->storage, &local->len) < 0 ? -errno : 0;
}

static int set_up(int fd, struct net_address *local, const struct net_address *peer,
                  const struct wire_options *options)
{
    int err = 0;

    if (options->rcvbuf_bytes)
        wire_set_buffer(fd, false, options->rcvbuf_bytes);
    if (options->sndbuf_bytes)
        wire_set_buffer(fd, true, options->sndbuf_bytes);
    if (options->gro)
        err = wire_switch_on(fd, WIRE_GRO);
    if (!err && options->zerocopy)
        err = wire_switch_on(fd, WIRE_ZEROCOPY);
    if (!err && options->share)
        err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err && local)
        err = bind_to(fd, local);
    if (!err && peer && connect(fd, (const struct sockaddr *)&peer->storage, peer->len) < 0)
        err = -errno;
    return err;
}

int wire_socket(int family, struct net_address *local, const struct net_address *peer,
                const struct wire_options *options)
{
    int fd = os_socket(family, SOCK_DGRAM), err;

    if (fd < 0)
        return fd;
    err = set_up(fd, local, peer, options);
    if (err)
        close(fd);
    return err ? err : fd;
}

uint64_t wire_rcvbuf_bytes(int fd)
{
    int bytes = 0;
    socklen_t len = sizeof bytes;

    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len) < 0 ? 0 : (uint64_t)bytes;
}
