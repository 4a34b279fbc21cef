#include "fileio/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { ALIGN_DEFAULT = 512 };

int storage_open_flags(bool direct, bool dsync, bool nonblock)
{
    return (direct ? O_DIRECT : 0) | (dsync ? O_DSYNC : 0) | (nonblock ? O_NONBLOCK : 0);
}

int storage_set_direct(int fd)
{
    (void)fd;
    return 0;
}

bool storage_is_direct(int fd, bool asked)
{
    (void)asked;
    return (fcntl(fd, F_GETFL) & O_DIRECT) != 0;
}

/* The mount table's row for a device number: "36 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw" */
static void find_mount(dev_t dev, struct storage *s)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    char *line = NULL;
    size_t cap = 0;

    while (mounts && getline(&line, &cap, mounts) > 0) {
        unsigned major, minor;
        const char *rest = strstr(line, " - ");

        if (rest && sscanf(line, "%*u %*u %u:%u", &major, &minor) == 2 &&
            makedev(major, minor) == dev)
            sscanf(rest, " - %31s %63s", s->filesystem, s->device);
    }
    free(line);
    if (mounts)
        fclose(mounts);
    if (s->device[0] && s->device[0] != '/')
        snprintf(s->device, sizeof s->device, "none");
}

void storage_describe(int fd, struct storage *s)
{
    struct statx sx;
    struct stat st;

    memset(s, 0, sizeof *s);
    s->align_bytes = ALIGN_DEFAULT;
#ifdef STATX_DIOALIGN
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 && sx.stx_dio_offset_align)
        s->align_bytes = sx.stx_dio_offset_align;
#else
    (void)sx;
#endif
    if (fstat(fd, &st) == 0)
        find_mount(st.st_dev, s);
}

int storage_invalidate(int fd)
{
    if (fdatasync(fd))
        return -errno;
    return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

int storage_sync_data(int fd)
{
    return fdatasync(fd);
}

void storage_advise(int fd, bool sequential)
{
    posix_fadvise(fd, 0, 0, sequential ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM);
}

/* mincore calls every page of other people's files resident (see mincore(2), since Linux 5.2). */
static bool cache_is_visible(int fd)
{
    struct stat st;

    return (fstat(fd, &st) == 0 && st.st_uid == geteuid()) ||
           faccessat(fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

int storage_resident(int fd, uint64_t bytes, uint64_t *resident, uint64_t *pages)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = (bytes + page - 1) / page;
    unsigned char *in_core;
    void *map;
    int err = 0;

    *resident = 0;
    *pages = count;
    if (count == 0)
        return 0;
    if (!cache_is_visible(fd))
        return -EACCES;
    map = mmap(NULL, count * page, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    in_core = malloc(count);
    if (!in_core || mincore(map, count * page, in_core))
        err = in_core ? -errno : -ENOMEM;
    for (size_t i = 0; i < count && !err; i++)
        *resident += in_core[i] & 1;
    free(in_core);
    munmap(map, count * page);
    return err;
}
