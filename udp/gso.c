#include "udp/gso.h"

#include <string.h>

uint32_t gso_most(uint32_t size)
{
    uint32_t most = GSO_MAX_BYTES / size;

    return most > GSO_MAX_SEGMENTS ? GSO_MAX_SEGMENTS : most ? most : 1;
}

uint32_t gso_couple(unsigned char *bytes, uint32_t size, uint32_t count, uint32_t most,
                    const struct udp_peer *peer, struct udp_train *trains)
{
    uint32_t n = 0;

    while (count) {
        uint32_t datagrams = count < most ? count : most;

        trains[n++] = (struct udp_train){bytes, datagrams * size, size, peer, false};
        bytes += datagrams * size;
        count -= datagrams;
    }
    return n;
}

static bool same_peer(const struct udp_peer *a, const struct udp_peer *b)
{
    return a == b || (a && b && a->len == b->len && memcmp(&a->address, &b->address, a->len) == 0);
}

uint32_t gso_joins(const struct udp_train *trains, uint32_t count)
{
    uint32_t segment = trains->segment, datagrams = gso_datagrams(trains), n = 1;

    if (segment == 0)
        return 1;
    while (n < count && trains[n].segment == segment && trains[n - 1].len % segment == 0 &&
           same_peer(trains[n].peer, trains->peer)) {
        datagrams += gso_datagrams(&trains[n]);
        if (datagrams > gso_most(segment))
            break;
        n++;
    }
    return n;
}

uint32_t gso_split(const struct udp_train *train, uint32_t first, struct udp_train *single,
                   uint32_t cap)
{
    uint32_t datagrams = gso_datagrams(train), n = 0;

    while (n < cap && first + n < datagrams) {
        uint32_t offset = (first + n) * train->segment;
        uint32_t len = gso_datagram_len(train, offset);

        single[n++] = (struct udp_train){train->bytes + offset, len, len, train->peer, train->cut};
    }
    return n;
}

uint32_t gso_filter(struct udp_train *train,
                    bool (*passes)(void *context, unsigned char *bytes, uint32_t len),
                    void *context)
{
    uint32_t datagrams = gso_datagrams(train), offset = 0, kept_bytes = 0, kept = 0;

    for (uint32_t i = 0; i < datagrams; i++) {
        uint32_t len = gso_datagram_len(train, offset);

        if (passes(context, train->bytes + offset, len)) {
            if (kept_bytes != offset)
                memmove(train->bytes + kept_bytes, train->bytes + offset, len);
            kept_bytes += len;
            kept++;
        }
        offset += len;
    }
    train->len = kept_bytes;
    return datagrams - kept;
}
