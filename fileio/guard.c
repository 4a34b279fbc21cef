#include "fileio/guard.h"

#include "common/host/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Paths come with their terminating 0; the guard has no descriptor but the pipe and the standard
 * ones, and these it closes, lest a reader of our output waits for it. */
static _Noreturn void run_guard(int fd)
{
    FILE *paths = fdopen(fd, "r");
    char *path = NULL;
    size_t cap = 0;
    char **list = NULL;
    size_t count = 0;

    while (paths && getdelim(&path, &cap, '\0', paths) > 0) {
        char **longer = realloc(list, (count + 1) * sizeof *list);

        if (!longer)
            continue;
        list = longer;
        list[count++] = strdup(path);
    }
    for (size_t i = 0; i < count; i++)
        if (list[i])
            unlink(list[i]);
    _exit(0);
}

static void become_guard(int fds[2])
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    close(fds[1]);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    run_guard(fds[0]);
}

int guard_begin(struct guard *g)
{
    int fds[2], err = 0;

    if (pipe(fds))
        return -errno;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    g->pid = fork();
    if (g->pid == 0)
        become_guard(fds);
    if (g->pid < 0)
        err = -errno;
    close(fds[0]);
    if (err)
        close(fds[1]);
    g->pipe_fd = err ? -1 : fds[1];
    return err;
}

int guard_add(struct guard *g, const char *path)
{
    size_t left = strlen(path) + 1;

    while (left > 0) {
        ssize_t put = write(g->pipe_fd, path, left);

        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            path += put;
            left -= (size_t)put;
        }
    }
    return 0;
}

void guard_end(struct guard *g)
{
    if (g->pipe_fd < 0)
        return;
    close(g->pipe_fd);
    g->pipe_fd = -1;
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
