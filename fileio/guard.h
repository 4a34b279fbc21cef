/*
 * guard: a process that removes our files whatever becomes of us.
 *
 * It is told of each file by a pipe and removes them all when the pipe is closed: by guard_end(),
 * or by the kernel when this process is killed. It ignores SIGINT and SIGTERM, so that a terminal's
 * Ctrl-C leaves it its work.
 */
#ifndef IOBENCH_FILEIO_GUARD_H
#define IOBENCH_FILEIO_GUARD_H

#include <sys/types.h>

struct guard {
    pid_t pid;
    int pipe_fd;
};

/* Before any thread is started. 0 or -errno. */
int guard_begin(struct guard *g);

/* The file at path is ours and is removed at the end. 0 or -errno. */
int guard_add(struct guard *g, const char *path);

/* Returns when every file is removed. */
void guard_end(struct guard *g);

#endif
