#include "fileio/rwf.h"

#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80 /* Linux 6.14; older headers have it not */
#endif

const char *const rwf_names[] = {"none", "dsync", "hipri", "nowait", "uncached", NULL};

static const struct rwf flags_of[] = {
    {0, 0},
    {0, RWF_DSYNC},
    {RWF_HIPRI, RWF_HIPRI},
    {RWF_NOWAIT, 0}, /* many file systems refuse it for buffered writes */
    {RWF_DONTCACHE, RWF_DONTCACHE},
};

struct rwf rwf_at(unsigned index)
{
    return flags_of[index];
}

bool rwf_needs_direct(struct rwf rwf)
{
    return (rwf.reads & RWF_HIPRI) != 0;
}

bool rwf_refuses_to_sleep(int flags)
{
    return (flags & RWF_NOWAIT) != 0;
}

ssize_t rwf_read(int fd, void *buf, size_t len, off_t offset, int flags)
{
    return preadv2(fd, &(struct iovec){buf, len}, 1, offset, flags);
}

ssize_t rwf_write(int fd, const void *buf, size_t len, off_t offset, int flags)
{
    return pwritev2(fd, &(struct iovec){(void *)buf, len}, 1, offset, flags);
}
