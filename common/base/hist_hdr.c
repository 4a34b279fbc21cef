/*
 * hist_hdr: a histogram as HdrHistogram V2 text, for the tools that read that format.
 *
 * Plain form, all big-endian: cookie, payload length, normalizing offset and significant digits
 * (4 bytes each), lowest and highest trackable value and conversion ratio (8 bytes each), then the
 * slots up to the last one in use as ZigZag LEB128: a count, or minus the length of a run of
 * zeros. Compressed form: cookie, length, zlib stream of the plain form.
 * Source: HdrHistogram, AbstractHistogram.java and ZigZagEncoding.java (public domain, CC0).
 */
#include "common/base/base64.h"
#include "common/base/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The low digits 1 and 3 are those of the format, the 1 before them says "V2 counts". */
#define COOKIE_PLAIN      0x1c849313U
#define COOKIE_COMPRESSED 0x1c849314U
#define RATIO_ONE         0x3ff0000000000000ULL /* the IEEE double 1.0 */

enum {
    SIGNIFICANT_DIGITS = 2,
    PLAIN_HEADER_BYTES = 40,
    COMPRESSED_HEADER_BYTES = 8,
    VARINT_BYTES_MAX = 9, /* the ninth byte carries eight bits */
    PLAIN_BYTES_MAX = PLAIN_HEADER_BYTES + HIST_SLOTS * VARINT_BYTES_MAX,
};

static uint8_t *put_big_endian(uint8_t *at, unsigned bytes, uint64_t value)
{
    for (unsigned i = bytes; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
    return at + bytes;
}

static uint64_t get_big_endian(const uint8_t **at, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | *(*at)++;
    return value;
}

static uint8_t *put_varint(uint8_t *at, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);

    for (unsigned i = 1; i < VARINT_BYTES_MAX && rest > 0x7f; i++, rest >>= 7)
        *at++ = (uint8_t)(rest | 0x80);
    *at++ = (uint8_t)rest;
    return at;
}

static int get_varint(const uint8_t **at, const uint8_t *end, int64_t *value)
{
    uint64_t bits = 0;
    bool more = true;

    for (unsigned i = 0; more; i++) {
        bool last = i == VARINT_BYTES_MAX - 1;

        if (*at == end)
            return -EINVAL;
        more = !last && **at & 0x80;
        bits |= (uint64_t)(last ? **at : **at & 0x7f) << 7 * i;
        ++*at;
    }
    *value = (int64_t)(bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0));
    return 0;
}

/* Slots up to the last one in use; one when all are empty, as the format has it. */
static unsigned slots_in_use(const struct hist *h)
{
    unsigned slots = HIST_SLOTS;

    while (slots > 1 && !h->slots[slots - 1])
        slots--;
    return slots;
}

static uint8_t *put_slots(uint8_t *at, const struct hist *h)
{
    unsigned end = slots_in_use(h);

    for (unsigned slot = 0; slot < end;) {
        unsigned zeros = 0;

        while (slot + zeros < end && !h->slots[slot + zeros])
            zeros++;
        at = put_varint(at, zeros > 1 ? -(int64_t)zeros : (int64_t)h->slots[slot]);
        slot += zeros > 1 ? zeros : 1;
    }
    return at;
}

static size_t put_plain(uint8_t *plain, const struct hist *h)
{
    uint8_t *end = put_slots(plain + PLAIN_HEADER_BYTES, h);
    size_t len = (size_t)(end - plain);
    uint8_t *at = plain;

    at = put_big_endian(at, 4, COOKIE_PLAIN);
    at = put_big_endian(at, 4, len - PLAIN_HEADER_BYTES);
    at = put_big_endian(at, 4, 0); /* normalizing offset */
    at = put_big_endian(at, 4, SIGNIFICANT_DIGITS);
    at = put_big_endian(at, 8, 1); /* lowest value to tell from 0 */
    at = put_big_endian(at, 8, HIST_MAX_NS);
    put_big_endian(at, 8, RATIO_ONE);
    return len;
}

char *hist_encode_base64(const struct hist *h)
{
    uLongf packed_len = compressBound(PLAIN_BYTES_MAX);
    uint8_t *plain = malloc(PLAIN_BYTES_MAX);
    uint8_t *packed = malloc(COMPRESSED_HEADER_BYTES + packed_len);
    char *text = NULL;

    if (plain && packed &&
        compress(packed + COMPRESSED_HEADER_BYTES, &packed_len, plain, put_plain(plain, h)) ==
            Z_OK) {
        put_big_endian(put_big_endian(packed, 4, COOKIE_COMPRESSED), 4, packed_len);
        text = base64_encode(packed, COMPRESSED_HEADER_BYTES + packed_len);
    }
    free(packed);
    free(plain);
    return text;
}

static int get_slots(const uint8_t *at, const uint8_t *end, uint64_t *slots)
{
    uint64_t slot = 0;

    while (at < end) {
        int64_t count;
        int err = get_varint(&at, end, &count);
        uint64_t span = count < 0 ? -(uint64_t)count : 1;

        if (err || span > HIST_SLOTS - slot)
            return -EINVAL;
        if (count > 0)
            slots[slot] = (uint64_t)count;
        slot += span;
    }
    return 0;
}

/*
 * The highest trackable value may be another than ours: it decides how many slots there are, not
 * where a value falls.
 */
static int get_plain(const uint8_t *plain, size_t len, uint64_t *slots)
{
    const uint8_t *at = plain;

    if (len < PLAIN_HEADER_BYTES || get_big_endian(&at, 4) != COOKIE_PLAIN ||
        get_big_endian(&at, 4) != len - PLAIN_HEADER_BYTES || get_big_endian(&at, 4) != 0 ||
        get_big_endian(&at, 4) != SIGNIFICANT_DIGITS || get_big_endian(&at, 8) != 1 ||
        get_big_endian(&at, 8) < 2 || get_big_endian(&at, 8) != RATIO_ONE)
        return -EINVAL;
    return get_slots(at, plain + len, slots);
}

static int get_compressed(const uint8_t *packed, size_t len, uint8_t *plain, size_t *plain_len)
{
    const uint8_t *at = packed;
    uLong packed_len = (uLong)len - COMPRESSED_HEADER_BYTES;
    uLongf room = PLAIN_BYTES_MAX;
    int err;

    if (len < COMPRESSED_HEADER_BYTES || get_big_endian(&at, 4) != COOKIE_COMPRESSED ||
        get_big_endian(&at, 4) != packed_len)
        return -EINVAL;
    err = uncompress2(plain, &room, at, &packed_len);
    if (err == Z_MEM_ERROR)
        return -ENOMEM;
    if (err != Z_OK || packed_len != len - COMPRESSED_HEADER_BYTES)
        return -EINVAL;
    *plain_len = room;
    return 0;
}

/* Restores what the format leaves out. The total is bounded as the format's signed counts are. */
static int fill_totals(struct hist *h)
{
    for (unsigned slot = 0; slot < HIST_SLOTS; slot++) {
        uint64_t low_ns = hist_slot_low_ns(slot);
        uint64_t high_ns = hist_slot_high_ns(slot);

        if (!h->slots[slot])
            continue;
        if (h->slots[slot] > INT64_MAX - h->count)
            return -EINVAL;
        if (!h->count)
            h->min_ns = low_ns;
        h->max_ns = high_ns;
        h->count += h->slots[slot];
        h->sum_ns += (hist_sum)h->slots[slot] * (low_ns + (high_ns - low_ns + 1) / 2);
    }
    return 0;
}

struct decoding {
    struct hist hist;
    uint8_t plain[PLAIN_BYTES_MAX];
    uint8_t packed[];
};

static int decode(const char *text, struct decoding *d)
{
    size_t packed_len, plain_len;
    int err = base64_decode(text, d->packed, &packed_len);

    hist_reset(&d->hist);
    if (!err)
        err = get_compressed(d->packed, packed_len, d->plain, &plain_len);
    if (!err)
        err = get_plain(d->plain, plain_len, d->hist.slots);
    if (!err)
        err = fill_totals(&d->hist);
    return err;
}

int hist_decode_base64(const char *text, struct hist *h)
{
    struct decoding *d = malloc(sizeof(*d) + base64_decoded_max(strlen(text)));
    int err;

    if (!d)
        return -ENOMEM;
    err = decode(text, d);
    if (!err)
        *h = d->hist;
    free(d);
    return err;
}
