/*
 * loop_table: the event backends that this platform has, NULL-terminated.
 * loop_table_linux.c and loop_table_darwin.c.
 */
#ifndef IOBENCH_LOOP_TABLE_H
#define IOBENCH_LOOP_TABLE_H

#include "common/loop/loop.h"

extern const struct loop_backend *const loop_table[];

#endif
