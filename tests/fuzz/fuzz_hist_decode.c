/*
 * Any text is refused, leaving the histogram as it was, or decodes to one that is consistent and
 * that encodes to a text which decodes to the same.
 *
 * The compressed form all but ends at zlib's checksum, so half of the inputs are packed here: they
 * are plain bytes (see common/base/hist_hdr.c) and reach the decoder of the slots.
 */
#include "common/base/hist.h"
#include "tests/hdr_pack.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_consistent(const struct hist *h)
{
    uint64_t count = 0;

    for (unsigned slot = 0; slot < HIST_SLOTS; slot++)
        count += h->slots[slot];
    require(h->count == count && h->over_range == 0);
    if (count == 0) {
        require(h->min_ns == UINT64_MAX && h->max_ns == 0 && h->sum_ns == 0);
        return;
    }
    require(h->min_ns <= h->max_ns);
    require(h->sum_ns >= (hist_sum)h->min_ns * count && h->sum_ns <= (hist_sum)h->max_ns * count);
    require(hist_percentile_ns(h, 0) >= h->min_ns && hist_percentile_ns(h, 100) <= h->max_ns);
    require(hist_percentile_ns(h, 50) <= hist_percentile_ns(h, 99));
}

static void require_round_trip(const struct hist *h)
{
    static struct hist again;
    char *text = hist_encode_base64(h);

    require(text);
    require(hist_decode_base64(text, &again) == 0);
    require(memcmp(again.slots, h->slots, sizeof(h->slots)) == 0);
    require(again.count == h->count && again.sum_ns == h->sum_ns);
    require(again.min_ns == h->min_ns && again.max_ns == h->max_ns);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hist h, before;
    char *text;

    if (size < 1)
        return 0;
    text = data[0] % 2 ? strndup((const char *)data + 1, size - 1) : hdr_pack(data + 1, size - 1);
    require(text);
    memset(&h, 0x5a, sizeof(h));
    before = h;
    if (hist_decode_base64(text, &h) == 0) {
        require_consistent(&h);
        require_round_trip(&h);
    } else {
        require(memcmp(&h, &before, sizeof(h)) == 0);
    }
    free(text);
    return 0;
}
