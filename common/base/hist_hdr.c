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

#include <stdlib.h>
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

static uint8_t *put_varint(uint8_t *at, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);

    for (unsigned i = 1; i < VARINT_BYTES_MAX && rest > 0x7f; i++, rest >>= 7)
        *at++ = (uint8_t)(rest | 0x80);
    *at++ = (uint8_t)rest;
    return at;
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
