#include "udp/seq.h"

#include <errno.h>
#include <stdlib.h>

/* "UDPE", written as a little-endian number; and the same with the mark of a reply. */
#define MAGIC       0x45504455u
#define MAGIC_REPLY (MAGIC ^ SEQ_REQUEST_BYTE ^ SEQ_REPLY_BYTE)

/* A slot: the send time, shifted up, and the state. A clock of 61 bits lasts for 73 years. */
enum state { FREE, IN_FLIGHT, ANSWERED, LOST, LATE, STATE_BITS = 3, STATE_MASK = 7 };

/* ---- the header ------------------------------------------------------------------------------ */

static void put32(unsigned char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static void put64(unsigned char *at, uint64_t value)
{
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const unsigned char *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

/*
 * Multiply and fold, field by field, as in SplitMix64: damage passes with a chance of about 2^-32.
 * Cheaper than a CRC of 24 bytes, and nobody attacks it.
 */
static uint32_t check_of(const struct seq_header *h)
{
    uint64_t sum = ((uint64_t)h->run << 32 | h->client) + MAGIC;

    sum = (sum ^ sum >> 31) * 0x9e3779b97f4a7c15u + h->number;
    sum = (sum ^ sum >> 30) * 0xbf58476d1ce4e5b9u + h->sent_ns;
    sum = (sum ^ sum >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(sum ^ sum >> 32);
}

void seq_header_write(unsigned char *bytes, const struct seq_header *h)
{
    put32(bytes, MAGIC);
    put32(bytes + 4, check_of(h));
    put32(bytes + 8, h->run);
    put32(bytes + 12, h->client);
    put64(bytes + 16, h->number);
    put64(bytes + 24, h->sent_ns);
}

enum seq_kind seq_header_read(const unsigned char *bytes, size_t len, struct seq_header *h)
{
    struct seq_header found;
    uint32_t magic, check;

    if (len < SEQ_HEADER_BYTES)
        return SEQ_NEITHER;
    magic = get32(bytes);
    check = get32(bytes + 4);
    if (magic != MAGIC && magic != MAGIC_REPLY)
        return SEQ_NEITHER;
    found.run = get32(bytes + 8);
    found.client = get32(bytes + 12);
    found.number = get64(bytes + 16);
    found.sent_ns = get64(bytes + 24);
    if ((magic == MAGIC ? check : ~check) != check_of(&found))
        return SEQ_NEITHER;
    *h = found;
    return magic == MAGIC ? SEQ_REQUEST : SEQ_REPLY;
}

enum seq_kind seq_mark_read(const unsigned char *bytes, size_t len)
{
    if (len == 0)
        return SEQ_NEITHER;
    return bytes[0] == SEQ_REQUEST_BYTE ? SEQ_REQUEST
           : bytes[0] == SEQ_REPLY_BYTE ? SEQ_REPLY
                                        : SEQ_NEITHER;
}

void seq_mark_reply(unsigned char *bytes, size_t len)
{
    bytes[0] = SEQ_REPLY_BYTE;
    if (len >= SEQ_HEADER_BYTES)
        put32(bytes + 4, ~get32(bytes + 4));
}

/* ---- the window ------------------------------------------------------------------------------ */

#define SEQ_COUNTS_NAME(name) #name,
const char *const seq_count_names[SEQ_COUNT_KINDS] = {SEQ_COUNTS(SEQ_COUNTS_NAME)};

void seq_counts_add(struct seq_counts *into, const struct seq_counts *from)
{
    for (unsigned i = 0; i < SEQ_COUNT_KINDS; i++)
        into->kinds[i] += from->kinds[i];
}

static uint64_t *slot_of(const struct seq_window *w, uint64_t number)
{
    return &w->slots[number & w->mask];
}

static enum state state_of(uint64_t slot)
{
    return (enum state)(slot & STATE_MASK);
}

static void set_state(uint64_t *slot, enum state state)
{
    *slot = (*slot & ~(uint64_t)STATE_MASK) | state;
}

static struct seq_counts *counts_of(struct seq_window *w, uint64_t number)
{
    return &w->counts[number >= w->measured_from];
}

int seq_init(struct seq_window *w, uint64_t slots, bool with_due)
{
    uint64_t size = 1;

    while (size < slots)
        size *= 2;
    *w = (struct seq_window){.mask = size - 1};
    w->slots = calloc(size, sizeof *w->slots);
    if (with_due)
        w->due_ns = calloc(size, sizeof *w->due_ns);
    if (w->slots && (w->due_ns || !with_due))
        return 0;
    seq_free(w);
    return -ENOMEM;
}

void seq_free(struct seq_window *w)
{
    free(w->slots);
    free(w->due_ns);
    w->slots = w->due_ns = NULL;
}

/* Skips what is answered or lost at the old end of the window. */
static void advance(struct seq_window *w)
{
    while (w->oldest < w->next && state_of(*slot_of(w, w->oldest)) != IN_FLIGHT)
        w->oldest++;
}

uint64_t seq_room(struct seq_window *w)
{
    if (w->next - w->oldest > w->mask / 2)
        advance(w);
    return w->mask + 1 - (w->next - w->oldest);
}

void seq_sent(struct seq_window *w, uint64_t sent_ns, uint64_t due_ns)
{
    *slot_of(w, w->next) = sent_ns << STATE_BITS | IN_FLIGHT;
    if (w->due_ns)
        w->due_ns[w->next & w->mask] = due_ns;
    counts_of(w, w->next)->sent++;
    w->in_flight++;
    w->next++;
}

static bool too_old(uint64_t slot, uint64_t now_ns, uint64_t timeout_ns)
{
    uint64_t sent_ns = slot >> STATE_BITS;

    return now_ns > sent_ns && now_ns - sent_ns > timeout_ns;
}

static void lose(struct seq_window *w, uint64_t number)
{
    set_state(slot_of(w, number), LOST);
    counts_of(w, number)->lost++;
    w->in_flight--;
}

void seq_expire(struct seq_window *w, uint64_t now_ns, uint64_t timeout_ns)
{
    for (; w->oldest < w->next; w->oldest++) {
        uint64_t slot = *slot_of(w, w->oldest);

        if (state_of(slot) != IN_FLIGHT)
            continue;
        if (!too_old(slot, now_ns, timeout_ns))
            break; /* all that were sent after it are younger */
        lose(w, w->oldest);
    }
}

void seq_measure(struct seq_window *w)
{
    w->measured_from = w->next;
    seq_counts_add(&w->counts[0], &w->counts[1]);
    w->counts[1] = (struct seq_counts){0};
}

static enum seq_verdict answer_in_flight(struct seq_window *w, uint64_t number,
                                         struct seq_answer *answer)
{
    struct seq_counts *counts = counts_of(w, number);
    uint64_t *slot = slot_of(w, number);

    set_state(slot, ANSWERED);
    w->in_flight--;
    counts->received++;
    if (number < w->highest)
        counts->reordered++;
    else
        w->highest = number + 1;
    answer->sent_ns = *slot >> STATE_BITS;
    answer->due_ns = w->due_ns ? w->due_ns[number & w->mask] : answer->sent_ns;
    answer->measured = number >= w->measured_from;
    return SEQ_RECEIVED;
}

enum seq_verdict seq_receive(struct seq_window *w, uint64_t number, uint64_t sent_ns,
                             uint64_t now_ns, uint64_t timeout_ns, struct seq_answer *answer)
{
    struct seq_counts *counts = counts_of(w, number);
    uint64_t *slot = slot_of(w, number);

    if (number < w->next && w->next - number > w->mask + 1) {
        counts->stale++;
        return SEQ_STALE;
    }
    if (number >= w->next || *slot >> STATE_BITS != sent_ns) {
        counts->foreign++;
        return SEQ_FOREIGN;
    }
    if (state_of(*slot) == IN_FLIGHT && !too_old(*slot, now_ns, timeout_ns))
        return answer_in_flight(w, number, answer);
    if (state_of(*slot) == IN_FLIGHT)
        lose(w, number);
    if (state_of(*slot) == LOST) {
        set_state(slot, LATE);
        counts->late++;
        return SEQ_LATE;
    }
    counts->duplicated++;
    return SEQ_DUPLICATED;
}

enum seq_verdict seq_receive_unnumbered(struct seq_window *w, uint64_t now_ns, uint64_t timeout_ns,
                                        struct seq_answer *answer)
{
    seq_expire(w, now_ns, timeout_ns);
    if (w->oldest < w->next)
        return answer_in_flight(w, w->oldest, answer);
    w->counts[w->next > w->measured_from].foreign++;
    return SEQ_FOREIGN;
}

uint64_t seq_count_in_flight(const struct seq_window *w)
{
    uint64_t first = w->next > w->mask + 1 ? w->next - w->mask - 1 : 0, count = 0;

    for (uint64_t n = first < w->measured_from ? w->measured_from : first; n < w->next; n++)
        count += state_of(*slot_of(w, n)) == IN_FLIGHT;
    return count;
}
