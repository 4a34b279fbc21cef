/* loop_uring_probe: what this kernel's io_uring can do for TCP. */
#include "common/loop/loop_uring.h"
#include "common/uring/uring_buffers.h"
#include "common/uring/uring_setup.h"

#include <errno.h>
#include <stdio.h>

unsigned loop_uring_setup_flags(uint32_t ability)
{
    return IORING_SETUP_SUBMIT_ALL | (ability & SINGLE_ISSUER ? IORING_SETUP_SINGLE_ISSUER : 0) |
           (ability & DEFER_TASKRUN ? IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG : 0) |
           (ability & COOP_TASKRUN ? IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG : 0);
}

static void note_features(struct loop_config *config, struct io_uring *ring)
{
    /* Multishot accept came with buffer rings (5.19), multishot recv with SEND_ZC (6.0). */
    if (loop_feature(config, "multishot_accept", NULL))
        config->ability |= MULTISHOT_ACCEPT;
    if (loop_feature(config, "multishot_recv", uring_lacks_operation(ring, IORING_OP_SEND_ZC)))
        config->ability |= MULTISHOT_RECV;
    if (loop_feature(config, "single_issuer",
                     uring_lacks_flags(loop_uring_setup_flags(SINGLE_ISSUER))))
        config->ability |= SINGLE_ISSUER;
    if (loop_feature(config, "defer_taskrun",
                     config->ability & SINGLE_ISSUER
                         ? uring_lacks_flags(loop_uring_setup_flags(SINGLE_ISSUER | DEFER_TASKRUN))
                         : "needs single_issuer"))
        config->ability |= DEFER_TASKRUN;
    if (loop_feature(config, "coop_taskrun",
                     config->ability & DEFER_TASKRUN
                         ? "defer_taskrun is used"
                         : uring_lacks_flags(loop_uring_setup_flags(COOP_TASKRUN))))
        config->ability |= COOP_TASKRUN;
}

static int uring_probe(struct loop_config *config, char *why, size_t why_cap)
{
    struct io_uring ring;
    struct uring_buffers buffers;
    int err = uring_open_probe(&ring, why, why_cap);

    if (err)
        return err;
    err = uring_buffers_open(&buffers, &ring, 8, 1, 64);
    if (err || !(ring.features & IORING_FEAT_EXT_ARG)) {
        snprintf(why, why_cap, "io_uring here has no buffer rings (Linux 5.19)");
        err = -ENOTSUP;
    } else {
        loop_uses(config, "buffer_ring");
        note_features(config, &ring);
    }
    io_uring_queue_exit(&ring);
    if (!err)
        uring_buffers_close(&buffers);
    return err;
}

const struct loop_backend loop_uring = {
    .name = "io_uring",
    .summary = "io_uring with multishot receive into a buffer ring",
    .probe = uring_probe,
    .run = loop_uring_run,
};
