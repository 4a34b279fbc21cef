#include "common/loop/loop.h"

static const struct feature epoll_features[] = {POLLER_EPOLL_ROWS, {0}};

static const struct feature_key keys[] = {LOOP_KEY_ROWS, {0}};

static const struct loop_backend loop_epoll = {
    .backend = {.name = "epoll",
                .summary = "level-triggered epoll, one registration per connection",
                .features = epoll_features,
                .keys = keys,
                .probe = poller_epoll_probe},
    .run = loop_ready_run,
    .poller = &poller_epoll,
};

const struct backend *const loop_table[] = {&loop_epoll.backend, &loop_uring.backend,
                                            &loop_libev.backend, NULL};
