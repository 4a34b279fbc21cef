/*
 * codec_echo: every byte comes back.
 *
 * Each connection sends one endless stream: random bytes that repeat after PERIOD, entered at a
 * place of its own. The period is prime, so requests of any length start at ever different places,
 * and a reply that belongs to another connection or another request does not compare equal. The
 * bytes are stored a little beyond the period, so that all requests begun together are one span.
 */
#include "client/codec.h"
#include "client/sizes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD = 8191 };

/* Requests are mostly shorter than the period, and a division costs more than all of the rest. */
static uint32_t advance(uint32_t at, uint32_t len)
{
    at += len;
    return at < PERIOD ? at : at % PERIOD;
}

static void begin(const struct codec *codec, struct codec_stream *s, uint64_t n)
{
    (void)codec;
    s->tx_at = s->rx_at = (uint32_t)(n * 1009 % PERIOD);
    s->received = 0;
}

static struct span next_request(const struct codec *codec, struct codec_stream *s, struct rng *rng,
                                struct span out)
{
    const unsigned char *start = out.len ? out.bytes : codec->bytes + s->tx_at;
    uint32_t bytes = sizes_draw(codec->sizes, rng);

    s->tx_at = advance(s->tx_at, bytes);
    return (struct span){start, out.len + bytes};
}

static struct codec_parsed parse(const struct codec *codec, struct codec_stream *s,
                                 uint32_t request_bytes, struct span in, bool last)
{
    uint32_t awaited = request_bytes - s->received;
    uint32_t bytes = in.len < awaited ? (uint32_t)in.len : awaited;

    if (last && in.len > awaited)
        return (struct codec_parsed){CODEC_EXCESS, 0};
    (void)codec;
    s->rx_at = advance(s->rx_at, bytes);
    s->received = bytes == awaited ? 0 : s->received + bytes;
    return (struct codec_parsed){bytes == awaited ? CODEC_REPLY : CODEC_PARTIAL, bytes};
}

/* The same, when every byte of a reply is to be compared and not only its length. */
static struct codec_parsed parse_and_verify(const struct codec *codec, struct codec_stream *s,
                                            uint32_t request_bytes, struct span in, bool last)
{
    const unsigned char *expected = codec->bytes + s->rx_at;
    struct codec_parsed parsed = parse(codec, s, request_bytes, in, last);

    if (memcmp(in.bytes, expected, parsed.bytes) != 0)
        return (struct codec_parsed){CODEC_CORRUPT, 0};
    return parsed;
}

static const struct codec_type echo = {begin, next_request, parse},
                               verified = {begin, next_request, parse_and_verify};

int codec_echo_init(struct codec *codec, const struct sizes *sizes, uint64_t most, bool verify)
{
    size_t len = PERIOD + sizes->longest_bytes * most;
    struct rng rng = {1}; /* the same bytes in every run */

    *codec = (struct codec){verify ? &verified : &echo, sizes, malloc(len)};
    if (!codec->bytes)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++)
        codec->bytes[i] = i < PERIOD ? (unsigned char)rng_next(&rng) : codec->bytes[i - PERIOD];
    return 0;
}
