#include "common/loop/loop.h"

const struct backend *const loop_table[] = {&loop_epoll.backend, &loop_uring.backend,
                                            &loop_libev.backend, NULL};
