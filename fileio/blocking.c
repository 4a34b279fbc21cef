#include "fileio/blocking.h"

#include "fileio/storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIAL_BYTES = 4096 };

static ssize_t do_read(const struct file_op *op, int fd, int flags, uint64_t *calls)
{
    calls[flags ? SYSCALL_preadv2 : SYSCALL_pread64]++;
    return flags ? rwf_read(fd, op->buf, op->len, (off_t)op->offset, flags)
                 : pread(fd, op->buf, op->len, (off_t)op->offset);
}

static ssize_t do_write(const struct file_op *op, int fd, int flags, uint64_t *calls)
{
    calls[flags ? SYSCALL_pwritev2 : SYSCALL_pwrite64]++;
    return flags ? rwf_write(fd, op->buf, op->len, (off_t)op->offset, flags)
                 : pwrite(fd, op->buf, op->len, (off_t)op->offset);
}

static ssize_t call(const struct file_op *op, int fd, struct rwf rwf, uint64_t *calls)
{
    ssize_t moved;

    switch ((enum file_kind)op->kind) {
    case FILE_READ:
        moved = do_read(op, fd, rwf.reads, calls);
        if (moved < 0 && errno == EAGAIN && rwf_refuses_to_sleep(rwf.reads))
            moved = do_read(op, fd, 0, calls);
        return moved;
    case FILE_WRITE:
        return do_write(op, fd, rwf.writes, calls);
    case FILE_FSYNC:
        calls[SYSCALL_fsync]++;
        return fsync(fd);
    case FILE_FDATASYNC:
        calls[SYSCALL_fdatasync]++;
        return storage_sync_data(fd);
    }
    errno = EINVAL;
    return -1;
}

void blocking_do(struct file_op *op, int fd, struct rwf rwf, uint64_t *calls)
{
    ssize_t moved;

    do
        moved = call(op, fd, rwf, calls);
    while (moved < 0 && errno == EINTR);
    op->result = moved < 0 ? -errno : (int32_t)moved;
}

struct rwf blocking_rwf(const struct choice *c)
{
    return rwf_at((unsigned)choice_value(c, BLOCKING_RWF, 0));
}

int blocking_probe(struct choice *c, const void *about, char *why, size_t why_cap)
{
    const struct engine_work *work = about;
    struct rwf rwf = blocking_rwf(c);
    const char *needs = NULL;

    if (rwf.writes && !rwf.reads && !work->writes)
        needs = "needs a --rw that writes";
    else if (rwf.reads && !rwf.writes && !work->reads)
        needs = "needs a --rw that reads";
    else if (rwf_needs_direct(rwf) && !work->direct)
        needs = "needs --direct on";
    return needs ? choice_blame(c, -EINVAL, "rwf", needs, why, why_cap) : 0;
}

/*
 * A read shows it, also at the end of an empty file and for flags that are for writes alone: the
 * kernel looks at them before it looks for data.
 */
int blocking_try(const struct engine *e, struct rwf rwf, char *why, size_t why_cap)
{
    int flags = rwf.reads | rwf.writes, err = 0;
    void *buf = NULL;

    if (!flags)
        return 0;
    if (posix_memalign(&buf, TRIAL_BYTES, TRIAL_BYTES))
        return -ENOMEM;
    if (rwf_read(e->config.fds[0], buf, TRIAL_BYTES, 0, flags) < 0 && errno != EAGAIN)
        err = -errno;
    free(buf);
    if (err)
        snprintf(why, why_cap, "--rwf is refused by the kernel or the file system: %s",
                 strerror(-err));
    return err;
}
