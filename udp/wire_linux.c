/* Datagrams in and out, in batches and as trains. */
#include "udp/udp_linux.h"
#include "udp/wire.h"
#include "udp/zerocopy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Not a multiple of a page: else the first lines of all buffers would compete for one cache set. */
#define STRIDE_BYTES ((size_t)WIRE_BYTES + 1 + 5 * 64)

union control {
    struct cmsghdr header;
    unsigned char bytes[WIRE_CONTROL_BYTES];
};

struct wire {
    struct stats *stats;
    struct wire_ways ways;
    int send_flags;
    uint32_t longest_segment; /* of datagrams that may be joined, as far as is known */
    unsigned char *buffers;   /* batch of STRIDE_BYTES */
    size_t buffer_bytes;
    struct mmsghdr *in, *out;
    struct iovec *in_parts, *out_parts;
    struct udp_peer *peers;
    union control *in_controls, *out_controls;
};

/* ---- life ------------------------------------------------------------------------------------ */

static bool allocate(struct wire *w)
{
    size_t n = w->ways.batch;

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

struct wire *wire_open(const struct wire_ways *ways, struct stats *stats)
{
    struct wire *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    *w = (struct wire){
        .stats = stats,
        .ways = *ways,
        .send_flags = MSG_DONTWAIT | (ways->zerocopy ? MSG_ZEROCOPY : 0),
        .longest_segment = GSO_MAX_BYTES,
    };
    if (!allocate(w)) {
        wire_close(w);
        return NULL;
    }
    for (unsigned i = 0; i < ways->batch; i++) {
        w->in_parts[i] = (struct iovec){w->buffers + i * STRIDE_BYTES, WIRE_BYTES};
        w->in[i].msg_hdr.msg_iov = &w->in_parts[i];
        w->in[i].msg_hdr.msg_iovlen = 1;
        w->in[i].msg_hdr.msg_name = &w->peers[i].address;
        w->in[i].msg_hdr.msg_control = ways->gro ? &w->in_controls[i] : NULL;
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

/* Of the datagrams that were joined; 0: none were. */
static uint32_t segment_of(struct msghdr *message)
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

struct msghdr *wire_message(struct wire *w, unsigned i)
{
    struct msghdr *message = &w->in[i].msg_hdr;

    message->msg_namelen = sizeof w->peers[i].address;
    message->msg_controllen = w->ways.gro ? WIRE_CONTROL_BYTES : 0;
    return message;
}

struct udp_train wire_train(struct wire *w, unsigned i, uint32_t len)
{
    struct msghdr *message = &w->in[i].msg_hdr;
    uint32_t segment = w->ways.gro ? segment_of(message) : 0;

    w->stats->rx_bytes += len;
    w->stats->reads++;
    w->peers[i].len = message->msg_namelen;
    return (struct udp_train){
        .bytes = w->in_parts[i].iov_base,
        .len = len,
        .segment = segment ? segment : len,
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

    if (w->ways.batch == 1 && !w->ways.gro)
        return receive_one(w, fd, trains);
    for (unsigned i = 0; i < most; i++)
        wire_message(w, i);
    got = receive_messages(w, fd, most);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (unsigned i = 0; i < (unsigned)got; i++)
        trains[i] = wire_train(w, i, w->in[i].msg_len);
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

/* Describes as message i the trains that go as one; theirs are the parts from number `part` on. */
static void describe(struct wire *w, unsigned i, unsigned part, const struct udp_train *trains,
                     unsigned joined)
{
    struct msghdr *message = &w->out[i].msg_hdr;
    const struct udp_peer *peer = trains->peer;

    for (unsigned n = 0; n < joined; n++)
        w->out_parts[part + n] = (struct iovec){trains[n].bytes, trains[n].len};
    *message = (struct msghdr){
        .msg_name = peer ? (void *)(uintptr_t)&peer->address : NULL,
        .msg_namelen = peer ? peer->len : 0,
        .msg_iov = &w->out_parts[part],
        .msg_iovlen = joined,
    };
    if (joined > 1 || trains->len > trains->segment)
        set_segment(message, &w->out_controls[i], trains->segment);
}

/* Returns how many messages the trains became. */
static unsigned describe_all(struct wire *w, const struct udp_train *trains, unsigned count)
{
    unsigned messages = 0, joined;

    for (unsigned done = 0; done < count; done += joined) {
        bool join = w->ways.gso && trains[done].segment <= w->longest_segment;

        joined = join ? gso_joins(trains + done, count - done) : 1;
        describe(w, messages++, done, trains + done, joined);
    }
    return messages;
}

static int send_one(struct wire *w, int fd, const struct udp_train *train)
{
    const struct udp_peer *peer = train->peer;

    w->stats->syscalls[SYSCALL_sendto]++;
    return sendto(fd, train->bytes, train->len, w->send_flags, peer ? &peer->address.any : NULL,
                  peer ? peer->len : 0) < 0
               ? -1
               : 1;
}

/* At most batch trains: how many messages were taken, or -1 and errno. */
static int send_some(struct wire *w, int fd, const struct udp_train *trains, unsigned count)
{
    unsigned messages;

    if (w->ways.batch == 1 && !w->ways.gso)
        return send_one(w, fd, trains);
    messages = describe_all(w, trains, count);
    if (messages == 1) {
        w->stats->syscalls[SYSCALL_sendmsg]++;
        return sendmsg(fd, &w->out[0].msg_hdr, w->send_flags) < 0 ? -1 : 1;
    }
    w->stats->syscalls[SYSCALL_sendmmsg]++;
    return sendmmsg(fd, w->out, messages, w->send_flags);
}

/*
 * Whether the first message was refused because we had joined it: its datagrams may be too long for
 * the peer's path, which cuts them up by IP. True: it is worth another try, and will go unjoined.
 */
static bool stop_joining(struct wire *w, uint32_t segment)
{
    bool refused = errno == EMSGSIZE || errno == EINVAL || errno == EIO;

    if (!refused || w->out[0].msg_hdr.msg_iovlen == 1)
        return false;
    w->longest_segment = segment - 1;
    return true;
}

unsigned wire_send(struct wire *w, int fd, const struct udp_train *trains, unsigned count, int *err)
{
    unsigned done = 0, messages = 0;

    while (done < count) {
        unsigned some = count - done < w->ways.batch ? count - done : w->ways.batch;
        int taken = send_some(w, fd, trains + done, some);

        if (taken < 0 && (errno == EINTR || stop_joining(w, trains[done].segment)))
            continue;
        if (taken < 0) {
            *err = errno;
            break;
        }
        messages += (unsigned)taken;
        for (int i = 0; i < taken; i++)
            done += (unsigned)w->out[i].msg_hdr.msg_iovlen;
    }
    for (unsigned i = 0; i < done; i++)
        w->stats->tx_bytes += trains[i].len;
    w->stats->writes += messages;
    if (w->ways.zerocopy)
        zerocopy_wait(fd, messages, w->stats);
    return done;
}
