#include "common/report/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct target {
    char path[PATH_MAX]; /* what a link leads to */
    char temporary[PATH_MAX];
    bool in_place; /* a device or pipe: there is nothing to rename onto */
    mode_t mode;   /* of the file that is to be */
};

static mode_t default_mode(void)
{
    mode_t mask = umask(0); /* the only way to read it is to set it */

    umask(mask);
    return 0666 & ~mask;
}

static int find_target(const char *path, struct target *target)
{
    struct stat st;

    if (snprintf(target->path, sizeof(target->path), "%s", path) >= (int)sizeof(target->path))
        return -ENAMETOOLONG;
    target->in_place = false;
    target->mode = default_mode();
    if (stat(path, &st) != 0)
        return errno == ENOENT && path[0] ? 0 : -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    target->mode = st.st_mode & 0777;
    target->in_place = !S_ISREG(st.st_mode);
    return target->in_place || realpath(path, target->path) ? 0 : -errno;
}

/* What the text is written to first. Its descriptor, or -errno. */
static int open_target(struct target *t)
{
    int fd;

    if (!t->in_place &&
        snprintf(t->temporary, PATH_MAX, "%s.XXXXXX", t->path) >= (int)sizeof t->temporary)
        return -ENAMETOOLONG;
    fd = t->in_place ? open(t->path, O_WRONLY | O_CLOEXEC) : mkostemp(t->temporary, O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

static int write_stdout(const char *text)
{
    errno = 0;
    if (puts(text) >= 0 && fflush(stdout) == 0)
        return 0;
    return errno ? -errno : -EIO;
}

static int write_target(const struct target *t, int fd, const char *text)
{
    int err = write_all(fd, text);

    if (!err)
        err = write_all(fd, "\n");
    if (!err && !t->in_place && (fchmod(fd, t->mode) != 0 || fsync(fd) != 0))
        err = -errno;
    if (close(fd) != 0 && !err)
        err = -errno;
    if (!err && !t->in_place && rename(t->temporary, t->path) != 0)
        err = -errno;
    if (err && !t->in_place)
        unlink(t->temporary);
    return err;
}

int report_file_write(const char *path, const char *text)
{
    struct target target;
    int err, fd;

    if (strcmp(path, "-") == 0)
        return write_stdout(text);
    err = find_target(path, &target);
    fd = err ? err : open_target(&target);
    return fd < 0 ? fd : write_target(&target, fd, text);
}

int report_file_check(const char *path)
{
    struct target target;
    int err, fd;

    if (strcmp(path, "-") == 0)
        return 0;
    err = find_target(path, &target);
    if (err)
        return err;
    if (target.in_place) /* opening and closing a pipe would end its reader */
        return access(target.path, W_OK) == 0 ? 0 : -errno;
    fd = open_target(&target);
    if (fd < 0)
        return fd;
    close(fd);
    unlink(target.temporary);
    return 0;
}
