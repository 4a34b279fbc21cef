/* loop_uring_probe: what this kernel's io_uring can do for TCP. */
#include "common/loop/loop_uring.h"
#include "common/uring/uring_buffers.h"
#include "common/uring/uring_setup.h"

#include <errno.h>
#include <stdio.h>

/* Multishot accept came with buffer rings (5.19), multishot recv with SEND_ZC (6.0). */
static void note_features(struct choice *c, struct io_uring *ring)
{
    choice_feature(c, URING_BUFFER_RING, NULL);
    choice_feature(c, URING_MULTISHOT_RECV, uring_lacks_operation(ring, IORING_OP_SEND_ZC));
    choice_feature(c, LOOP_URING_MULTISHOT_ACCEPT, NULL);
    uring_note_setup(c, NULL);
}

static int uring_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    struct io_uring ring;
    struct uring_buffers buffers;
    int err = uring_open_probe(&ring, why, why_cap);

    (void)about;
    if (err)
        return -ENOTSUP;
    err = uring_buffers_open(&buffers, &ring, 8, 1, 64);
    if (err || !(ring.features & IORING_FEAT_EXT_ARG)) {
        snprintf(why, why_cap, "io_uring here has no buffer rings (Linux 5.19)");
        err = -ENOTSUP;
    } else {
        note_features(c, &ring);
    }
    io_uring_queue_exit(&ring);
    if (!err)
        uring_buffers_close(&buffers);
    return err;
}

static const struct feature features[] = {
    {"multishot_accept", LOOP_URING_MULTISHOT_ACCEPT, FEATURE_USUAL,
     "one request goes on accepting"},
    URING_RECV_ROWS(FEATURE_USUAL),
    URING_SETUP_ROWS,
    {0},
};

static const struct feature_key keys[] = {
    LOOP_KEY_ROWS,
    [LOOP_URING_SQ] = {"sq", 1, 1 << 15, NULL, "entries of the submission queue"},
    [LOOP_URING_BUFFERS] = {"buffers", 1, 1 << 15, NULL, "receive buffers"},
    [LOOP_URING_FLUSH] = {"flush", 1, 1 << 20, NULL, "submit when so many sends are queued"},
    {0},
};

const struct loop_backend loop_uring = {
    .backend = {.name = "io_uring",
                .summary = "io_uring with multishot receive into a buffer ring",
                .features = features,
                .keys = keys,
                .probe = uring_probe},
    .run = loop_uring_run,
};
