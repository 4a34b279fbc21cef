#include "fileio/engine.h"

const struct file_engine *const engine_table[] = {&engine_uring, &engine_libaio, &engine_threads,
                                                  &engine_sync,  &engine_null,   NULL};
