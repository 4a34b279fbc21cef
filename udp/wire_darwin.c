/* Systems without recvmmsg, sendmmsg, UDP_SEGMENT and UDP_GRO: one datagram per system call. */
#include "udp/wire.h"

#include <errno.h>
#include <stdlib.h>

struct wire {
    struct stats *stats;
    struct udp_peer peer;
    unsigned char bytes[WIRE_BYTES];
};

struct wire *wire_open(const struct wire_ways *ways, struct stats *stats)
{
    struct wire *w = calloc(1, sizeof *w);

    (void)ways;
    if (w)
        w->stats = stats;
    return w;
}

void wire_close(struct wire *w)
{
    free(w);
}

int wire_receive(struct wire *w, int fd, struct udp_train *trains, unsigned most)
{
    ssize_t got;

    (void)most;
    w->peer.len = sizeof w->peer.address;
    got = recvfrom(fd, w->bytes, sizeof w->bytes, 0, &w->peer.address.any, &w->peer.len);
    w->stats->syscalls[SYSCALL_recvfrom]++;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    w->stats->rx_bytes += (uint64_t)got;
    w->stats->reads++;
    trains[0] = (struct udp_train){w->bytes, (uint32_t)got, (uint32_t)got, &w->peer, false};
    return 1;
}

unsigned wire_send(struct wire *w, int fd, const struct udp_train *trains, unsigned count, int *err)
{
    for (unsigned i = 0; i < count; i++) {
        const struct udp_peer *peer = trains[i].peer;

        w->stats->syscalls[SYSCALL_sendto]++;
        if (sendto(fd, trains[i].bytes, trains[i].len, 0, peer ? &peer->address.any : NULL,
                   peer ? peer->len : 0) < 0) {
            *err = errno;
            return i;
        }
        w->stats->tx_bytes += trains[i].len;
        w->stats->writes++;
    }
    return count;
}

unsigned wire_batch(unsigned asked)
{
    (void)asked;
    return 1;
}

const char *wire_lacks(enum wire_offload offload)
{
    (void)offload;
    return "no such option on this system";
}

bool wire_fits(const struct net_address *address, uint64_t size)
{
    (void)address;
    (void)size;
    return false;
}

void wire_set_buffer(int fd, bool sending, uint64_t bytes)
{
    int value = bytes > INT32_MAX ? INT32_MAX : (int)bytes;

    setsockopt(fd, SOL_SOCKET, sending ? SO_SNDBUF : SO_RCVBUF, &value, sizeof value);
}

int wire_switch_on(int fd, enum wire_offload offload)
{
    (void)fd, (void)offload;
    return -ENOTSUP;
}

int64_t wire_drops(int fd)
{
    (void)fd;
    return -1;
}
