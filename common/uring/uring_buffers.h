/*
 * uring_buffers: the receive buffers that io_uring picks from, and gives by number.
 *
 * One mapping holds every buffer; the kernel sees those that were offered on the ring. Only some
 * are offered at first, and more when a receive found none: untouched pages cost no memory, and a
 * small message touches one page of its buffer.
 */
#ifndef IOBENCH_URING_BUFFERS_H
#define IOBENCH_URING_BUFFERS_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { URING_BUFFER_GROUP = 0, URING_NO_BUFFER = UINT16_MAX };

/* Of a buffer in a queue of those that the program has not looked at yet. */
struct uring_kept {
    uint32_t len;
    uint16_t next; /* in the queue; URING_NO_BUFFER at its end */
};

struct uring_buffers {
    struct io_uring_buf_ring *ring;
    unsigned char *bytes;
    struct uring_kept *kept; /* one per buffer */
    uint32_t buffer_bytes;
    uint32_t capacity; /* buffers that may be offered at most; a power of two */
    uint32_t offered;  /* buffers that take part so far */
    uint32_t taken;    /* filled by the kernel, and not yet returned */
    uint32_t returned; /* given to the kernel since a receive was last retried; offered at most */
    size_t ring_bytes, mapped_bytes;
};

/*
 * Registers a ring of capacity buffers (rounded up to a power of two, at most 32768) of
 * buffer_bytes each, and offers the first `first` of them. 0 or -errno.
 */
int uring_buffers_open(struct uring_buffers *b, struct io_uring *ring, uint32_t capacity,
                       uint32_t first, uint32_t buffer_bytes);

/* After io_uring_queue_exit(), which ends the registration. */
void uring_buffers_close(struct uring_buffers *b);

/* Offers as many buffers again as take part now: false when there are no more. */
bool uring_buffers_grow(struct uring_buffers *b);

/* Gives one taken buffer back to the kernel, which may use it at once. */
void uring_buffers_return(struct uring_buffers *b, uint16_t id);

static inline unsigned char *uring_buffer(const struct uring_buffers *b, uint16_t id)
{
    return b->bytes + (size_t)id * b->buffer_bytes;
}

#endif
