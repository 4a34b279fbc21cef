/*
 * codec: what a request's bytes are, and when its reply is complete. A protocol is one file.
 *
 * The client knows when a request is due and on which connection; a codec knows its bytes. A
 * connection's requests follow one another in one stream, so those that are begun together go out
 * as one span.
 */
#ifndef IOBENCH_CLIENT_CODEC_H
#define IOBENCH_CLIENT_CODEC_H

#include "common/base/rng.h"
#include "common/loop/conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct codec;
struct sizes;

/* How far a connection has come in both directions; the codec's own. All zero is no connection. */
struct codec_stream {
    uint32_t tx_at, rx_at;
    uint32_t received; /* bytes of the reply that is being received */
};

enum codec_verdict {
    CODEC_PARTIAL, /* all of the bytes belong to a reply that is not complete yet */
    CODEC_REPLY,   /* a reply is complete; the bytes that are left belong to the next one */
    CODEC_CORRUPT, /* the bytes are not what should come back */
    CODEC_EXCESS,  /* there are more of them than belong to all replies that are still to come */
};

/* What parse() found: the verdict, and how many bytes it took. Small enough for a register. */
struct codec_parsed {
    enum codec_verdict verdict;
    uint32_t bytes;
};

struct codec_type {
    /* Connection number n of the run is new. */
    void (*begin)(const struct codec *codec, struct codec_stream *s, uint64_t n);

    /*
     * Returns `out` with the stream's next request appended; `out` is empty or ends with the
     * request before. The request is as long as the span grew, which parse() is told as
     * request_bytes. The bytes live as long as the codec.
     */
    struct span (*next_request)(const struct codec *codec, struct codec_stream *s, struct rng *rng,
                                struct span out);

    /*
     * Takes from `in` what belongs to the reply to a request of request_bytes. last: no reply but
     * this one is to come, so nothing may follow it.
     */
    struct codec_parsed (*parse)(const struct codec *codec, struct codec_stream *s,
                                 uint32_t request_bytes, struct span in, bool last);
};

/* Constant while threads use it. */
struct codec {
    const struct codec_type *type;
    const struct sizes *sizes;
    unsigned char *bytes; /* what requests are made of; allocated */
};

/* Replies are the requests themselves. `most`: requests begun together. verify: every
 * byte of a reply is compared, not only its length. 0 or -ENOMEM. */
int codec_echo_init(struct codec *codec, const struct sizes *sizes, uint64_t most, bool verify);

static inline void codec_free(struct codec *codec)
{
    free(codec->bytes);
    codec->bytes = NULL;
}

#endif
