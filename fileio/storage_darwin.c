#include "fileio/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <unistd.h>

/* Direct I/O has no alignment to keep here, and is a property of the open file, not of open(). */
enum { ALIGN_BYTES = 1 };

int storage_open_flags(bool direct, bool dsync, bool nonblock)
{
    (void)direct, (void)nonblock;
    return dsync ? O_DSYNC : 0;
}

int storage_set_direct(int fd)
{
    return fcntl(fd, F_NOCACHE, 1) < 0 ? -errno : 0;
}

/* The system does not tell; F_NOCACHE that was accepted is all that can be known. */
bool storage_is_direct(int fd, bool asked)
{
    (void)fd;
    return asked;
}

void storage_describe(int fd, struct storage *s)
{
    struct statfs fs;

    memset(s, 0, sizeof *s);
    s->align_bytes = ALIGN_BYTES;
    if (fstatfs(fd, &fs))
        return;
    snprintf(s->filesystem, sizeof s->filesystem, "%s", fs.f_fstypename);
    snprintf(s->device, sizeof s->device, "%s", fs.f_mntfromname);
}

int storage_invalidate(int fd)
{
    (void)fd;
    return -ENOTSUP;
}

int storage_sync_data(int fd)
{
    return fsync(fd);
}

void storage_advise(int fd, bool sequential)
{
    fcntl(fd, F_RDAHEAD, sequential ? 1 : 0);
}

int storage_resident(int fd, uint64_t bytes, uint64_t *resident, uint64_t *pages)
{
    (void)fd, (void)bytes;
    *resident = *pages = 0;
    return -ENOTSUP;
}
