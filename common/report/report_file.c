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
    bool in_place;       /* a device or pipe: there is nothing to rename onto */
    mode_t mode;         /* of the file that is to be */
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

/* Its descriptor, or -errno. */
static int open_temporary(const struct target *target, char *path, size_t cap)
{
    int fd;

    if (snprintf(path, cap, "%s.XXXXXX", target->path) >= (int)cap)
        return -ENAMETOOLONG;
    fd = mkostemp(path, O_CLOEXEC);
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
    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return 0;
    return errno ? -errno : -EIO;
}

static int write_in_place(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int err;

    if (fd < 0)
        return -errno;
    err = write_all(fd, text);
    if (close(fd) != 0 && !err)
        err = -errno;
    return err;
}

static int write_beside(const struct target *target, const char *text)
{
    char temporary[PATH_MAX];
    int fd = open_temporary(target, temporary, sizeof(temporary));
    int err;

    if (fd < 0)
        return fd;
    err = write_all(fd, text);
    if (!err && (fchmod(fd, target->mode) != 0 || fsync(fd) != 0))
        err = -errno;
    if (close(fd) != 0 && !err)
        err = -errno;
    if (!err && rename(temporary, target->path) != 0)
        err = -errno;
    if (err)
        unlink(temporary);
    return err;
}

int report_file_write(const char *target_path, const char *text)
{
    struct target target = {.path = ""};
    int err;

    if (strcmp(target_path, "-") == 0)
        return write_stdout(text);
    err = find_target(target_path, &target);
    if (err)
        return err;
    return target.in_place ? write_in_place(target.path, text) : write_beside(&target, text);
}

int report_file_check(const char *target_path)
{
    struct target target = {.path = ""};
    char temporary[PATH_MAX];
    int err, fd;

    if (strcmp(target_path, "-") == 0)
        return 0;
    err = find_target(target_path, &target);
    if (err)
        return err;
    if (target.in_place) /* opening and closing a pipe would end its reader */
        return access(target.path, W_OK) == 0 ? 0 : -errno;
    fd = open_temporary(&target, temporary, sizeof(temporary));
    if (fd < 0)
        return fd;
    close(fd);
    unlink(temporary);
    return 0;
}
