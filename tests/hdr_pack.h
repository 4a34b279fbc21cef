/*
 * hdr_pack: wraps the plain form of an HdrHistogram (see common/base/hist_hdr.c), good or bad, as the
 * text that hist_decode_base64() takes. For tests only: a failure ends the program.
 */
#ifndef IOBENCH_TESTS_HDR_PACK_H
#define IOBENCH_TESTS_HDR_PACK_H

#include "common/base/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Returns a text to be freed. */
static char *hdr_pack(const uint8_t *plain, size_t size)
{
    uLongf len = compressBound(size);
    uint8_t *packed = malloc(8 + len);
    char *text = NULL;

    if (packed && compress2(packed + 8, &len, plain, size, 1) == Z_OK) {
        memcpy(packed, "\x1c\x84\x93\x14", 4);
        for (unsigned i = 0; i < 4; i++)
            packed[4 + i] = (uint8_t)(len >> (24 - 8 * i));
        text = base64_encode(packed, 8 + len);
    }
    if (!text)
        abort();
    free(packed);
    return text;
}

#endif
