#include "fileio/engine.h"

const struct backend *const engine_table[] = {&engine_uring.backend,   &engine_libaio.backend,
                                              &engine_threads.backend, &engine_sync.backend,
                                              &engine_null.backend,    NULL};
