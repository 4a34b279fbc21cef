#include "common/loop/loop.h"

const struct backend *const loop_table[] = {&loop_libev.backend, NULL};
