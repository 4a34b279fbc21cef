/*
 * Datagrams of any kind: what passes for a header is one, byte for byte, and however it is taken
 * by a window, nothing is counted as an echo that was not in flight.
 */
#include "udp/gso.h"
#include "udp/seq.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_NS 1000

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* What a server does; context counts what it takes out. */
static bool to_reply(void *context, unsigned char *bytes, uint32_t len)
{
    struct seq_header h;
    bool request = seq_header_read(bytes, len, &h) == SEQ_REQUEST;

    if (request)
        seq_mark_reply(bytes, len);
    else
        ++*(uint32_t *)context;
    return request;
}

static void check_header(const unsigned char *bytes, size_t len)
{
    struct seq_header h, again;
    unsigned char written[SEQ_HEADER_BYTES];
    enum seq_kind kind = seq_header_read(bytes, len, &h);

    if (kind == SEQ_NEITHER)
        return;
    must(len >= SEQ_HEADER_BYTES && seq_mark_read(bytes, len) == kind);
    seq_header_write(written, &h);
    if (kind == SEQ_REPLY)
        seq_mark_reply(written, sizeof written);
    must(memcmp(written, bytes, sizeof written) == 0);
    must(seq_header_read(written, sizeof written, &again) == kind);
    must(memcmp(&h, &again, sizeof h) == 0);
}

/* Any field values make a header that is read back, whatever follows it, and so does its reply. */
static void check_written(const unsigned char *data, size_t len)
{
    struct seq_header h, again;
    unsigned char *bytes;

    if (len < sizeof h)
        return;
    memcpy(&h, data, sizeof h);
    bytes = malloc(SEQ_HEADER_BYTES + len);
    memcpy(bytes + SEQ_HEADER_BYTES, data, len);
    seq_header_write(bytes, &h);
    must(seq_header_read(bytes, SEQ_HEADER_BYTES + len, &again) == SEQ_REQUEST);
    must(memcmp(&h, &again, sizeof h) == 0);
    must(seq_header_read(bytes, SEQ_HEADER_BYTES - 1, &again) == SEQ_NEITHER);
    seq_mark_reply(bytes, SEQ_HEADER_BYTES + len);
    must(seq_header_read(bytes, SEQ_HEADER_BYTES + len, &again) == SEQ_REPLY);
    must(memcmp(&h, &again, sizeof h) == 0);
    must(memcmp(bytes + SEQ_HEADER_BYTES, data, len) == 0);
    free(bytes);
}

static void check_filter(const unsigned char *data, size_t len, uint32_t segment)
{
    unsigned char *bytes = malloc(len + 1);
    struct udp_train train = {.bytes = bytes, .len = (uint32_t)len, .segment = segment};
    uint32_t before = gso_datagrams(&train), refused = 0, removed;
    struct seq_header h;

    memcpy(bytes, data, len);
    removed = gso_filter(&train, to_reply, &refused);
    must(removed <= before && removed == refused && train.len <= len);
    for (uint32_t at = 0, n = 0; at < train.len; at += gso_datagram_len(&train, at), n++) {
        must(n < before - removed);
        must(seq_header_read(bytes + at, gso_datagram_len(&train, at), &h) == SEQ_REPLY);
    }
    free(bytes);
}

/* Each 17 bytes are an event: an answer with some number and send time, at some moment. */
static void check_window(const unsigned char *data, size_t len)
{
    struct seq_window w;
    struct seq_answer answer;
    uint64_t now_ns = 1000, in_flight;

    must(seq_init(&w, 8, len & 1) == 0);
    for (; len >= 17; data += 17, len -= 17) {
        uint64_t number, sent_ns;
        enum seq_verdict verdict;

        memcpy(&number, data, sizeof number);
        memcpy(&sent_ns, data + 8, sizeof sent_ns);
        now_ns += data[16];
        if (data[16] & 1) {
            number %= 16;
            sent_ns = w.slots[number & w.mask] >> 3;
        }
        if (data[16] & 2 && seq_room(&w))
            seq_sent(&w, now_ns, now_ns);
        in_flight = w.in_flight;
        verdict = seq_receive(&w, number, sent_ns, now_ns, TIMEOUT_NS, &answer);
        must(verdict != SEQ_RECEIVED || (w.in_flight == in_flight - 1 && number < w.next));
        must(w.counts[1].sent == w.counts[1].received + w.counts[1].lost + seq_count_in_flight(&w));
        must(w.counts[1].late <= w.counts[1].lost);
        must(w.counts[1].reordered <= w.counts[1].received);
    }
    seq_free(&w);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    check_header(data, len);
    check_written(data, len);
    if (len > 1)
        check_filter(data + 1, len - 1, (uint32_t)data[0] + 1);
    check_window(data, len);
    return 0;
}
