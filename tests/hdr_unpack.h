/*
 * hdr_unpack: the plain form of an HdrHistogram (see common/base/hist_hdr.c) out of the text that
 * hist_encode_base64() writes, and the slots out of the plain form. For tests only: what is not
 * such a text ends the program.
 */
#ifndef IOBENCH_TESTS_HDR_UNPACK_H
#define IOBENCH_TESTS_HDR_UNPACK_H

#include "common/base/hist.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HDR_PLAIN_MAX = 40 + HIST_SLOTS * 9, HDR_HEADER = 40 };

static inline void hdr_require(bool holds)
{
    if (!holds)
        abort();
}

/* Returns the number of bytes that the text stands for. */
static inline size_t hdr_from_base64(const char *text, uint8_t *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strcspn(text, "=");
    uint32_t bits = 0;

    hdr_require(strlen(text) % 4 == 0 && strlen(text) - len <= 2);
    for (size_t i = 0; i < len; i++) {
        const char *digit = strchr(digits, text[i]);

        hdr_require(digit);
        bits = bits << 6 | (uint32_t)(digit - digits);
        if (i % 4)
            bytes[i / 4 * 3 + i % 4 - 1] = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
    return len * 3 / 4;
}

/* Fills plain (HDR_PLAIN_MAX bytes) and returns how many bytes it has. */
static inline size_t hdr_plain(const char *text, uint8_t *plain)
{
    uint8_t *packed = malloc(strlen(text) + 1);
    uLongf room = HDR_PLAIN_MAX;
    size_t len;

    hdr_require(packed);
    len = hdr_from_base64(text, packed);
    hdr_require(len > 8 && memcmp(packed, "\x1c\x84\x93\x14", 4) == 0);
    hdr_require((packed[6] << 8 | packed[7]) == (int)((len - 8) & 0xffff));
    hdr_require(uncompress(plain, &room, packed + 8, len - 8) == Z_OK);
    free(packed);
    return room;
}

/* Fills all of HIST_SLOTS slots from ZigZag LEB128: a count, or minus the length of a run of 0. */
static inline void hdr_slots(const char *text, uint64_t *slots)
{
    uint8_t *plain = malloc(HDR_PLAIN_MAX);
    size_t len, slot = 0;

    hdr_require(plain);
    len = hdr_plain(text, plain);
    memset(slots, 0, HIST_SLOTS * sizeof *slots);
    for (size_t at = HDR_HEADER; at < len; slot++) {
        uint64_t bits = 0;
        bool more = true;

        for (unsigned i = 0; more; i++, at++) {
            hdr_require(at < len);
            more = i < 8 && plain[at] & 0x80; /* the ninth byte carries eight bits */
            bits |= (uint64_t)(i < 8 ? plain[at] & 0x7f : plain[at]) << 7 * i;
        }
        if (bits & 1)
            slot += bits >> 1; /* minus n is 2 n - 1 */
        hdr_require(slot < HIST_SLOTS);
        if (!(bits & 1))
            slots[slot] = bits >> 1;
    }
    free(plain);
}

#endif
