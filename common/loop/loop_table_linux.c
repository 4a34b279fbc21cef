#include "common/loop/loop_table.h"

const struct loop_backend *const loop_table[] = {&loop_epoll, &loop_uring, &loop_libev, NULL};
