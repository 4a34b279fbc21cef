/*
 * seq: which datagram this is, and what became of each one that was sent.
 *
 * Every message begins with a header; a message shorter than that carries none, and then replies
 * can only be counted, not told apart.
 *
 * The first byte of a message of any length says whether it is a request or a reply. A server
 * answers requests alone, and marks what it sends back as a reply. Without that, one datagram with
 * a forged source would make two servers answer each other's answers for ever. The marks differ in
 * all eight bits, and a reply's check word is the complement of the request's, so that damage does
 * not turn one into the other.
 *
 * Each client keeps a window over its latest messages. A message is in flight until it is answered
 * or its timeout has passed, then it is answered or lost for good:
 *
 *     sent = received + lost + in flight
 *
 * and `late` are those of `lost` whose answer came after all. Times decide, not the moment at which
 * somebody looked: an answer that is older than the timeout is late even if the loss was not yet
 * noticed. An answer that comes again is a duplicate, one that nobody asked for is foreign, one
 * older than the window is stale (it is late or a duplicate, which cannot be told any more).
 */
#ifndef IOBENCH_UDP_SEQ_H
#define IOBENCH_UDP_SEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEQ_HEADER_BYTES = 32,
    SEQ_REQUEST_BYTE = 0x55, /* the U of "UDPE", with which a header begins */
    SEQ_REPLY_BYTE = 0xaa,
};

enum seq_kind { SEQ_NEITHER, SEQ_REQUEST, SEQ_REPLY };

struct seq_header {
    uint32_t run;    /* random: tells one run's datagrams from another's */
    uint32_t client; /* counted from 0 over the whole run */
    uint64_t number; /* of the message, counted from 0 per client */
    uint64_t sent_ns;
};

/* Fills the first SEQ_HEADER_BYTES of bytes, in little endian, as those of a request. */
void seq_header_write(unsigned char *bytes, const struct seq_header *h);

/* SEQ_NEITHER unless a datagram of len bytes begins with an intact header; else h is written. */
enum seq_kind seq_header_read(const unsigned char *bytes, size_t len, struct seq_header *h);

/* The same for messages without a header: the first byte alone decides. */
enum seq_kind seq_mark_read(const unsigned char *bytes, size_t len);

/* Turns a request of len bytes, with a header if they are enough for one, into its reply. */
void seq_mark_reply(unsigned char *bytes, size_t len);

/* What became of messages, by the names that a report has for them. */
#define SEQ_COUNTS(X) \
    X(sent)           \
    X(received)       \
    X(lost)           \
    X(late)           \
    X(reordered)      \
    X(duplicated)     \
    X(corrupted)      \
    X(foreign)        \
    X(stale)

#define SEQ_COUNTS_FIELD(name) uint64_t name;
#define SEQ_COUNTS_ENUM(name)  SEQ_##name,
enum { SEQ_COUNTS(SEQ_COUNTS_ENUM) SEQ_COUNT_KINDS };

struct seq_counts {
    union {
        struct {
            SEQ_COUNTS(SEQ_COUNTS_FIELD)
        };
        uint64_t kinds[SEQ_COUNT_KINDS];
    };
};

extern const char *const seq_count_names[SEQ_COUNT_KINDS];

void seq_counts_add(struct seq_counts *into, const struct seq_counts *from);

struct seq_window {
    uint64_t *slots;  /* sent_ns and the state of the latest messages, by number */
    uint64_t *due_ns; /* their intended moments; NULL in a closed loop */
    uint64_t mask;    /* slots - 1 */
    uint64_t next;    /* number of the next message */
    uint64_t oldest;  /* no message before this one is in flight */
    uint64_t highest; /* one more than the highest number that was received; 0: none */
    uint64_t measured_from;
    uint64_t in_flight;
    struct seq_counts counts[2]; /* [1]: of messages from measured_from on, [0]: of those before */
};

/* slots is rounded up to a power of two. 0 or -ENOMEM. */
int seq_init(struct seq_window *w, uint64_t slots, bool with_due);
void seq_free(struct seq_window *w);

/* How many messages may be sent before the oldest one in flight would be forgotten. */
uint64_t seq_room(struct seq_window *w);

/* The kernel has taken message number next. Times never go back from one call to the next. */
void seq_sent(struct seq_window *w, uint64_t sent_ns, uint64_t due_ns);

/* Marks as lost what was sent longer than timeout_ns ago. */
void seq_expire(struct seq_window *w, uint64_t now_ns, uint64_t timeout_ns);

/* The measurement begins: what was counted so far, and messages sent so far, are kept apart. */
void seq_measure(struct seq_window *w);

enum seq_verdict { SEQ_RECEIVED, SEQ_LATE, SEQ_DUPLICATED, SEQ_STALE, SEQ_FOREIGN };

struct seq_answer {
    uint64_t sent_ns, due_ns;
    bool measured;
};

/* Judges and counts an answer. The last argument is filled for SEQ_RECEIVED only. */
enum seq_verdict seq_receive(struct seq_window *w, uint64_t number, uint64_t sent_ns,
                             uint64_t now_ns, uint64_t timeout_ns, struct seq_answer *answer);

/* An answer without a header: taken to be that of the oldest message in flight. */
enum seq_verdict seq_receive_unnumbered(struct seq_window *w, uint64_t now_ns, uint64_t timeout_ns,
                                        struct seq_answer *answer);

/* Messages from measured_from on that are in flight, counted one by one. */
uint64_t seq_count_in_flight(const struct seq_window *w);

#endif
