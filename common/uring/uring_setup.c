#include "common/uring/uring_setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int uring_open(struct io_uring *ring, unsigned sq_entries, unsigned cq_entries, unsigned flags)
{
    struct io_uring_params params = {
        .flags = flags | IORING_SETUP_CQSIZE,
        .cq_entries = cq_entries,
    };

    return io_uring_queue_init_params(sq_entries, ring, &params);
}

static int open_small(struct io_uring *ring, unsigned flags)
{
    return uring_open(ring, 4, 8, flags);
}

int uring_open_probe(struct io_uring *ring, char *why, size_t why_cap)
{
    int err = open_small(ring, 0);

    if (err)
        snprintf(why, why_cap, "io_uring_setup: %s%s", strerror(-err),
                 err == -EPERM ? " (kernel.io_uring_disabled or a seccomp filter)" : "");
    return err;
}

static const char *lacks(bool has)
{
    return has ? NULL : "kernel lacks it";
}

const char *uring_lacks_flags(unsigned flags)
{
    struct io_uring ring;

    if (open_small(&ring, flags))
        return lacks(false);
    io_uring_queue_exit(&ring);
    return lacks(true);
}

const char *uring_lacks_operation(struct io_uring *ring, int operation)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    bool has = probe && io_uring_opcode_supported(probe, operation);

    io_uring_free_probe(probe);
    return lacks(has);
}

void uring_cancel_all(struct io_uring *ring)
{
    struct io_uring_sync_cancel_reg everything = {
        .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
        .timeout = {.tv_sec = 1},
    };

    io_uring_register_sync_cancel(ring, &everything);
    io_uring_get_events(ring); /* only then are the cancelled operations let go */
}
