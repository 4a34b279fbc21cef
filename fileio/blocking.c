#include "fileio/blocking.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIAL_BYTES = 4096 };

#ifdef __APPLE__
#define fdatasync fsync
#endif

static ssize_t do_read(const struct file_op *op, int fd, int flags, struct traffic *traffic)
{
    traffic->calls[flags ? CALL_preadv2 : CALL_pread64]++;
    return flags ? rwf_read(fd, op->buf, op->len, (off_t)op->offset, flags)
                 : pread(fd, op->buf, op->len, (off_t)op->offset);
}

static ssize_t do_write(const struct file_op *op, int fd, int flags, struct traffic *traffic)
{
    traffic->calls[flags ? CALL_pwritev2 : CALL_pwrite64]++;
    return flags ? rwf_write(fd, op->buf, op->len, (off_t)op->offset, flags)
                 : pwrite(fd, op->buf, op->len, (off_t)op->offset);
}

static ssize_t call(const struct file_op *op, int fd, struct rwf rwf, struct traffic *traffic)
{
    ssize_t moved;

    switch ((enum file_kind)op->kind) {
    case FILE_READ:
        moved = do_read(op, fd, rwf.reads, traffic);
        if (moved < 0 && errno == EAGAIN && rwf_refuses_to_sleep(rwf.reads))
            moved = do_read(op, fd, 0, traffic);
        return moved;
    case FILE_WRITE:
        return do_write(op, fd, rwf.writes, traffic);
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

void blocking_do(struct file_op *op, int fd, struct rwf rwf, struct traffic *traffic)
{
    ssize_t moved;

    do
        moved = call(op, fd, rwf, traffic);
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
