/*
 * gso: several datagrams as one train.
 *
 * A train is a run of bytes that stands for datagrams of `segment` bytes each, the last of which
 * may be shorter. The kernel cuts a train into datagrams when it is sent (UDP_SEGMENT), and may
 * hand datagrams of one sender over as a train when they are received (UDP_GRO); both cost about as
 * much as one datagram. Where the kernel can do neither, every train is a single datagram.
 */
#ifndef IOBENCH_UDP_GSO_H
#define IOBENCH_UDP_GSO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Linux limits: UDP_MAX_SEGMENTS of its first version, and the longest datagram over IPv4. */
enum { GSO_MAX_SEGMENTS = 64, GSO_MAX_BYTES = 65507 };

/* Where a datagram comes from or goes to. */
struct udp_peer {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
};

struct udp_train {
    unsigned char *bytes;
    uint32_t len;
    uint32_t segment;            /* > 0, unless the train is an empty datagram; len: a single one */
    const struct udp_peer *peer; /* NULL: the peer that the socket is connected to */
    bool cut;                    /* received: the datagram was longer than its buffer */
};

/* How many datagrams a train is. */
static inline uint32_t gso_datagrams(const struct udp_train *t)
{
    return t->len <= t->segment ? 1 : (t->len + t->segment - 1) / t->segment;
}

/* Length of the datagram that begins at offset < len (or of an empty one at 0). */
static inline uint32_t gso_datagram_len(const struct udp_train *t, uint32_t offset)
{
    return t->len - offset < t->segment ? t->len - offset : t->segment;
}

/* Most datagrams of size bytes in one train. */
uint32_t gso_most(uint32_t size);

/*
 * Describes count datagrams of size bytes that lie side by side as trains of at most `most`
 * datagrams. trains has room for count / most, rounded up. Returns how many trains.
 */
uint32_t gso_couple(unsigned char *bytes, uint32_t size, uint32_t count, uint32_t most,
                    const struct udp_peer *peer, struct udp_train *trains);

/*
 * How many of the trains, from the first on, the kernel can be given as a single one: they go to
 * the same peer, in datagrams of the same length but for the very last. At least 1.
 */
uint32_t gso_joins(const struct udp_train *trains, uint32_t count);

/*
 * The reverse of coupling: fills single with the datagrams of a train, from number `first` on, at
 * most cap. Returns how many.
 */
uint32_t gso_split(const struct udp_train *train, uint32_t first, struct udp_train *single,
                   uint32_t cap);

/*
 * Asks for each datagram whether it passes, which may change its bytes, and keeps only those that
 * do, moved together: what is left is a train again, or len 0 when none passed. Returns how many
 * were taken out.
 */
uint32_t gso_filter(struct udp_train *train,
                    bool (*passes)(void *context, unsigned char *bytes, uint32_t len),
                    void *context);

#endif
