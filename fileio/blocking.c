#include "fileio/blocking.h"

#include <errno.h>
#include <unistd.h>

#ifdef __APPLE__
#define fdatasync fsync
#endif

static ssize_t call(const struct file_op *op, int fd, struct traffic *traffic)
{
    switch ((enum file_kind)op->kind) {
    case FILE_READ:
        traffic->calls[CALL_pread64]++;
        return pread(fd, op->buf, op->len, (off_t)op->offset);
    case FILE_WRITE:
        traffic->calls[CALL_pwrite64]++;
        return pwrite(fd, op->buf, op->len, (off_t)op->offset);
    case FILE_FSYNC:
        traffic->calls[CALL_fsync]++;
        return fsync(fd);
    case FILE_FDATASYNC:
        traffic->calls[CALL_fdatasync]++;
        return fdatasync(fd);
    }
    errno = EINVAL;
    return -1;
}

void blocking_do(struct file_op *op, int fd, struct traffic *traffic)
{
    ssize_t moved;

    do
        moved = call(op, fd, traffic);
    while (moved < 0 && errno == EINTR);
    op->result = moved < 0 ? -errno : (int32_t)moved;
}
