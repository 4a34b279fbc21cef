#include "fileio/rwf.h"

#include <unistd.h>

/* There are no such calls. */
const char *const rwf_names[] = {"none", NULL};

struct rwf rwf_at(unsigned index)
{
    (void)index;
    return (struct rwf){0};
}

bool rwf_needs_direct(struct rwf rwf)
{
    (void)rwf;
    return false;
}

bool rwf_refuses_to_sleep(int flags)
{
    (void)flags;
    return false;
}

ssize_t rwf_read(int fd, void *buf, size_t len, off_t offset, int flags)
{
    (void)flags;
    return pread(fd, buf, len, offset);
}

ssize_t rwf_write(int fd, const void *buf, size_t len, off_t offset, int flags)
{
    (void)flags;
    return pwrite(fd, buf, len, offset);
}
