#include "common/uring/uring_buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t power_of_two(uint32_t n)
{
    uint32_t p = 1;

    while (p < n && p < 32768)
        p *= 2;
    return p;
}

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void give(struct uring_buffers *b, uint16_t id)
{
    io_uring_buf_ring_add(b->ring, uring_buffer(b, id), b->buffer_bytes, id,
                          io_uring_buf_ring_mask(b->capacity), 0);
    io_uring_buf_ring_advance(b->ring, 1);
    if (b->returned < b->offered)
        b->returned++; /* more retries than buffers would only find none again */
}

static void offer(struct uring_buffers *b, uint32_t upto)
{
    while (b->offered < upto)
        give(b, (uint16_t)b->offered++);
}

int uring_buffers_open(struct uring_buffers *b, struct io_uring *ring, uint32_t capacity,
                       uint32_t first, uint32_t buffer_bytes)
{
    struct io_uring_buf_reg reg = {.bgid = URING_BUFFER_GROUP};
    int err;

    memset(b, 0, sizeof *b);
    b->capacity = power_of_two(capacity);
    b->buffer_bytes = buffer_bytes;
    b->ring_bytes = b->capacity * sizeof(struct io_uring_buf);
    b->mapped_bytes = (size_t)b->capacity * buffer_bytes;
    b->ring = map(b->ring_bytes);
    b->bytes = map(b->mapped_bytes);
    b->kept = calloc(b->capacity, sizeof *b->kept);
    if (!b->ring || !b->bytes || !b->kept) {
        uring_buffers_close(b);
        return -ENOMEM;
    }
    reg.ring_addr = (uint64_t)(uintptr_t)b->ring;
    reg.ring_entries = b->capacity;
    err = io_uring_register_buf_ring(ring, &reg, 0);
    if (err) {
        uring_buffers_close(b);
        return err;
    }
    io_uring_buf_ring_init(b->ring);
    offer(b, first < b->capacity ? first : b->capacity);
    return 0;
}

void uring_buffers_close(struct uring_buffers *b)
{
    if (b->ring)
        munmap(b->ring, b->ring_bytes);
    if (b->bytes)
        munmap(b->bytes, b->mapped_bytes);
    free(b->kept);
    memset(b, 0, sizeof *b);
}

bool uring_buffers_grow(struct uring_buffers *b)
{
    if (b->offered == b->capacity)
        return false;
    offer(b, b->offered * 2 < b->capacity ? b->offered * 2 : b->capacity);
    return true;
}

void uring_buffers_return(struct uring_buffers *b, uint16_t id)
{
    b->taken--;
    give(b, id);
}
