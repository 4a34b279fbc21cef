#include "common/uring/uring_features.h"

#include "common/uring/uring_setup.h"

unsigned uring_setup_flags(uint32_t used, bool tell)
{
    unsigned flags = (used & URING_SINGLE_ISSUER ? IORING_SETUP_SINGLE_ISSUER : 0) |
                     (used & URING_DEFER_TASKRUN ? IORING_SETUP_DEFER_TASKRUN : 0) |
                     (used & URING_COOP_TASKRUN ? IORING_SETUP_COOP_TASKRUN : 0);

    if (tell && used & (URING_DEFER_TASKRUN | URING_COOP_TASKRUN))
        flags |= IORING_SETUP_TASKRUN_FLAG;
    return flags;
}

static const char *lacks(uint32_t used)
{
    return uring_lacks_flags(uring_setup_flags(used, true));
}

void uring_note_setup(struct choice *c, const char *why_not)
{
    const uint32_t deferred = URING_SINGLE_ISSUER | URING_DEFER_TASKRUN;
    bool single =
        choice_feature(c, URING_SINGLE_ISSUER, why_not ? why_not : lacks(URING_SINGLE_ISSUER));
    bool defer = choice_feature(c, URING_DEFER_TASKRUN,
                                why_not   ? why_not
                                : !single ? "needs single_issuer"
                                          : lacks(deferred));

    choice_feature(c, URING_COOP_TASKRUN,
                   why_not ? why_not
                   : defer ? "defer_taskrun is used"
                           : lacks(URING_COOP_TASKRUN));
}
