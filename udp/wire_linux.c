#include "udp/wire.h"
#include "udp/wire_parts.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Newer than the C library's headers, but not than the kernel's interface. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Not a multiple of a page: else the first lines of all buffers would compete for one cache set. */
#define STRIDE_BYTES ((size_t)WIRE_BYTES + 1 + 5 * 64)

union control {
    struct cmsghdr header;
    unsigned char bytes[WIRE_CONTROL_BYTES];
};

struct wire {
    struct stats *stats;
    unsigned batch;
    bool gso, gro;
    unsigned char *buffers; /* batch of STRIDE_BYTES */
    size_t buffer_bytes;
    struct mmsghdr *in, *out;
    struct iovec *in_parts, *out_parts;
    struct udp_peer *peers;
    union control *in_controls, *out_controls;
};

/* ---- life ------------------------------------------------------------------------------------ */

static bool allocate(struct wire *w)
{
    size_t n = w->batch;

    w->buffer_bytes = n * STRIDE_BYTES;
    w->buffers = mmap(NULL, w->buffer_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w->buffers == MAP_FAILED)
        w->buffers = NULL;
    w->in = calloc(n, sizeof *w->in);
    w->out = calloc(n, sizeof *w->out);
    w->in_parts = calloc(n, sizeof *w->in_parts);
    w->out_parts = calloc(n, sizeof *w->out_parts);
    w->peers = calloc(n, sizeof *w->peers);
    w->in_controls = calloc(n, sizeof *w->in_controls);
    w->out_controls = calloc(n, sizeof *w->out_controls);
    return w->buffers && w->in && w->out && w->in_parts && w->out_parts && w->peers &&
           w->in_controls && w->out_controls;
}

struct wire *wire_open(unsigned batch, bool gso, bool gro, struct stats *stats)
{
    struct wire *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    *w = (struct wire){.stats = stats, .batch = batch, .gso = gso, .gro = gro};
    if (!allocate(w)) {
        wire_close(w);
        return NULL;
    }
    for (unsigned i = 0; i < batch; i++) {
        w->in_parts[i] = (struct iovec){w->buffers + i * STRIDE_BYTES, WIRE_BYTES};
        w->in[i].msg_hdr.msg_iov = &w->in_parts[i];
        w->in[i].msg_hdr.msg_iovlen = 1;
        w->in[i].msg_hdr.msg_name = &w->peers[i].address;
        w->in[i].msg_hdr.msg_control = gro ? &w->in_controls[i] : NULL;
        w->out[i].msg_hdr.msg_iov = &w->out_parts[i];
        w->out[i].msg_hdr.msg_iovlen = 1;
    }
    return w;
}

void wire_close(struct wire *w)
{
    if (!w)
        return;
    if (w->buffers)
        munmap(w->buffers, w->buffer_bytes);
    free(w->in);
    free(w->out);
    free(w->in_parts);
    free(w->out_parts);
    free(w->peers);
    free(w->in_controls);
    free(w->out_controls);
    free(w);
}

/* ---- receiving ------------------------------------------------------------------------------- */

uint32_t wire_segment(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        int segment;

        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&segment, CMSG_DATA(c), sizeof segment);
        return segment > 0 ? (uint32_t)segment : 0;
    }
    return 0;
}

static int receive_one(struct wire *w, int fd, struct udp_train *train)
{
    struct udp_peer *peer = &w->peers[0];
    ssize_t got;

    peer->len = sizeof peer->address;
    got = recvfrom(fd, w->buffers, WIRE_BYTES, MSG_DONTWAIT, &peer->address.any, &peer->len);
    w->stats->syscalls[SYSCALL_recvfrom]++;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    w->stats->rx_bytes += (uint64_t)got;
    w->stats->reads++;
    *train = (struct udp_train){w->buffers, (uint32_t)got, (uint32_t)got, peer, false};
    return 1;
}

static struct udp_train train_of(struct wire *w, unsigned i)
{
    struct msghdr *message = &w->in[i].msg_hdr;
    uint32_t segment = w->gro ? wire_segment(message) : 0;

    w->peers[i].len = message->msg_namelen;
    return (struct udp_train){
        .bytes = w->in_parts[i].iov_base,
        .len = w->in[i].msg_len,
        .segment = segment ? segment : w->in[i].msg_len,
        .peer = &w->peers[i],
        .cut = message->msg_flags & MSG_TRUNC,
    };
}

/* One message: recvmsg(2) is cheaper, because recvmmsg(2) would go on to look for a second one. */
static int receive_messages(struct wire *w, int fd, unsigned most)
{
    ssize_t got;

    if (most > 1) {
        w->stats->syscalls[SYSCALL_recvmmsg]++;
        return recvmmsg(fd, w->in, most, MSG_DONTWAIT, NULL);
    }
    w->stats->syscalls[SYSCALL_recvmsg]++;
    got = recvmsg(fd, &w->in[0].msg_hdr, MSG_DONTWAIT);
    w->in[0].msg_len = (unsigned)got;
    return got < 0 ? -1 : 1;
}

int wire_receive(struct wire *w, int fd, struct udp_train *trains, unsigned most)
{
    int got;

    if (w->batch == 1 && !w->gro)
        return receive_one(w, fd, trains);
    for (unsigned i = 0; i < most; i++) {
        w->in[i].msg_hdr.msg_namelen = sizeof w->peers[i].address;
        w->in[i].msg_hdr.msg_controllen = w->gro ? WIRE_CONTROL_BYTES : 0;
    }
    got = receive_messages(w, fd, most);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (int i = 0; i < got; i++) {
        trains[i] = train_of(w, (unsigned)i);
        w->stats->rx_bytes += trains[i].len;
    }
    w->stats->reads += (unsigned)got;
    return got;
}

/* ---- sending --------------------------------------------------------------------------------- */

static void set_segment(struct msghdr *message, union control *control, uint32_t segment)
{
    uint16_t bytes = (uint16_t)segment;

    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(sizeof bytes);
    control->header.cmsg_level = SOL_UDP;
    control->header.cmsg_type = UDP_SEGMENT;
    control->header.cmsg_len = CMSG_LEN(sizeof bytes);
    memcpy(CMSG_DATA(&control->header), &bytes, sizeof bytes);
}

static void describe(struct wire *w, unsigned i, const struct udp_train *train)
{
    struct msghdr *message = &w->out[i].msg_hdr;

    w->out_parts[i] = (struct iovec){train->bytes, train->len};
    message->msg_name = train->peer ? (void *)(uintptr_t)&train->peer->address : NULL;
    message->msg_namelen = train->peer ? train->peer->len : 0;
    message->msg_control = NULL;
    message->msg_controllen = 0;
    if (train->len > train->segment)
        set_segment(message, &w->out_controls[i], train->segment);
}

static int send_one(struct wire *w, int fd, const struct udp_train *train)
{
    const struct udp_peer *peer = train->peer;

    w->stats->syscalls[SYSCALL_sendto]++;
    return sendto(fd, train->bytes, train->len, MSG_DONTWAIT, peer ? &peer->address.any : NULL,
                  peer ? peer->len : 0) < 0
               ? -1
               : 1;
}

/* At most batch trains: how many were taken, or -1 and errno. */
static int send_some(struct wire *w, int fd, const struct udp_train *trains, unsigned count)
{
    if (w->batch == 1 && !w->gso)
        return send_one(w, fd, trains);
    for (unsigned i = 0; i < count; i++)
        describe(w, i, &trains[i]);
    if (count == 1) {
        w->stats->syscalls[SYSCALL_sendmsg]++;
        return sendmsg(fd, &w->out[0].msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1;
    }
    w->stats->syscalls[SYSCALL_sendmmsg]++;
    return sendmmsg(fd, w->out, count, MSG_DONTWAIT);
}

unsigned wire_send(struct wire *w, int fd, const struct udp_train *trains, unsigned count, int *err)
{
    unsigned done = 0;

    while (done < count) {
        unsigned some = count - done < w->batch ? count - done : w->batch;
        int taken = send_some(w, fd, trains + done, some);

        if (taken < 0 && errno == EINTR)
            continue;
        if (taken < 0) {
            *err = errno;
            break;
        }
        for (int i = 0; i < taken; i++)
            w->stats->tx_bytes += trains[done + (unsigned)i].len;
        w->stats->writes += (unsigned)taken;
        done += (unsigned)taken;
    }
    return done;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static bool accepts(int option, int value, const char **why_not)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && setsockopt(fd, SOL_UDP, option, &value, sizeof value) == 0;

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
    return accepts(UDP_SEGMENT, 1000, why_not);
}

bool wire_has_gro(const char **why_not)
{
    return accepts(UDP_GRO, 1, why_not);
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

int wire_set_gro(int fd)
{
    int on = 1;

    return setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on) < 0 ? -errno : 0;
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
