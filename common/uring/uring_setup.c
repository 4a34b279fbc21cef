#include "common/uring/uring_setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int open_small(struct io_uring *ring, unsigned flags)
{
    return io_uring_queue_init(4, ring, flags);
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
