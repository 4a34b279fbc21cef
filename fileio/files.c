#include "fileio/files.h"

#include "common/loop/net_option.h"
#include "fileio/block.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20, BUFFER_ALIGN = 4096, OTHER_DESCRIPTORS = 64, PATH_CAP = 4096 };

char *files_path(const struct files *f, unsigned file, char *path, size_t cap)
{
    unsigned per = (unsigned)f->config->files;

    if (f->config->existing)
        snprintf(path, cap, "%s", f->config->existing);
    else
        snprintf(path, cap, "%s/bench_file_io.%ld.%u.%u", f->config->dir, (long)getpid(),
                 file / per, file % per);
    return path;
}

/* ---- making them ---- */

static int complain_of(const struct files *f, const struct opt_table *table, unsigned file, int err)
{
    const char *existing = f->config->existing;
    char path[PATH_CAP];

    if (f->plan->direct && (err == -EINVAL || err == -ENOTSUP))
        return opt_complain(table, EXIT_UNSUPPORTED, "direct", "on",
                            "is refused by the file system");
    fprintf(stderr, "%s: --%s: '%s' cannot be used: %s: %s\n", table->program,
            existing ? "existing" : "dir", existing ? existing : f->config->dir,
            files_path(f, file, path, sizeof path), strerror(-err));
    return err == -ENOENT || err == -ENOTDIR || err == -EACCES || err == -EEXIST || err == -EROFS
               ? EXIT_USAGE
               : EXIT_FAILED;
}

static int make_empty(struct files *f, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    close(fd);
    return f->config->keep ? 0 : guard_add(&f->guard, path);
}

/* Some file systems refuse direct I/O only after the file was made, so it is told to the guard
 * before it is opened that way. */
static int open_one(struct files *f, unsigned file, int flags)
{
    const char *existing = f->config->existing;
    char made[PATH_CAP];
    const char *path = files_path(f, file, made, sizeof made);
    int err = existing ? 0 : make_empty(f, path);
    int fd = err ? -1 : open(path, (existing ? O_RDONLY : O_RDWR) | O_CLOEXEC | flags);

    if (fd < 0)
        return err ? err : -errno;
    f->fds[file] = fd;
    return f->plan->direct ? storage_set_direct(fd) : 0;
}

static int check_direct(struct files *f, const struct opt_table *table)
{
    char text[32], why[96];

    f->direct = storage_is_direct(f->fds[0], f->plan->direct);
    if (!f->direct || f->config->block_bytes % f->storage.align_bytes == 0)
        return 0;
    snprintf(text, sizeof text, "%" PRIu64, f->config->block_bytes);
    snprintf(why, sizeof why, "is not a multiple of %" PRIu64 ", which direct I/O needs here",
             f->storage.align_bytes);
    return opt_complain(table, EXIT_USAGE, "block", text, why);
}

int files_create(struct files *f, const struct file_config *config, const struct plan *plan,
                 const struct opt_table *table, bool nonblock)
{
    int flags = storage_open_flags(plan->direct, plan->sync == SYNC_DSYNC, nonblock);
    unsigned wanted = (unsigned)(config->workers * config->files);
    int err;

    *f = (struct files){.config = config, .plan = plan, .guard.pipe_fd = -1};
    err = net_option_descriptors(table, "files", config->files,
                                 wanted + OTHER_DESCRIPTORS + 4 * config->workers);
    if (err)
        return err;
    f->fds = calloc(wanted, sizeof *f->fds);
    if (!f->fds)
        return complain_of(f, table, 0, -ENOMEM);
    for (unsigned i = 0; i < wanted; i++)
        f->fds[i] = -1;
    err = guard_begin(&f->guard);
    while (!err && f->count < wanted)
        err = open_one(f, f->count++, flags);
    if (err)
        return complain_of(f, table, f->count ? f->count - 1 : 0, err);
    storage_describe(f->fds[0], &f->storage);
    return check_direct(f, table);
}

void files_end(struct files *f)
{
    for (unsigned i = 0; i < f->count; i++)
        if (f->fds[i] >= 0)
            close(f->fds[i]);
    free(f->fds);
    guard_end(&f->guard);
}

/* ---- filling them ---- */

/* Blocks that are to be verified name their places; the others are as the chunk was made. */
static void compose(const struct files *f, unsigned worker, uint64_t number, void *chunk,
                    uint64_t blocks)
{
    uint64_t bytes = f->config->block_bytes;

    if (!f->config->verify)
        return;
    for (uint64_t i = 0; i < blocks; i++)
        block_fill((char *)chunk + i * bytes, bytes, worker, number + i, 1);
}

static int write_whole(int fd, const char *bytes, uint64_t count, uint64_t offset)
{
    while (count > 0) {
        ssize_t put = pwrite(fd, bytes, count, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        bytes += put;
        offset += (uint64_t)put;
        count -= (uint64_t)put;
    }
    return 0;
}

static int fill_one(const struct files *f, unsigned worker, unsigned file, char *chunk,
                    uint64_t chunk_blocks, const atomic_bool *stop)
{
    const struct plan *p = f->plan;
    int fd = f->fds[worker * f->config->files + file], err = 0;
    uint64_t bytes = f->config->block_bytes;

    for (uint64_t at = 0; at < p->blocks_per_file && !err; at += chunk_blocks) {
        uint64_t left = p->blocks_per_file - at, blocks = left < chunk_blocks ? left : chunk_blocks;

        compose(f, worker, file * p->blocks_per_file + at, chunk, blocks);
        err = write_whole(fd, chunk, blocks * bytes, at * bytes);
        if (atomic_load_explicit(stop, memory_order_relaxed))
            err = -EINTR;
    }
    return err;
}

int files_fill(const struct files *f, unsigned worker, const atomic_bool *stop)
{
    uint64_t bytes = f->config->block_bytes;
    uint64_t blocks = bytes < CHUNK_BYTES ? CHUNK_BYTES / bytes : 1;
    void *chunk;
    int err = -posix_memalign(&chunk, BUFFER_ALIGN, blocks * bytes);

    if (err)
        return err;
    block_fill(chunk, blocks * bytes, worker, 0, 0); /* neither compresses nor repeats */
    for (unsigned file = 0; file < f->config->files && !err; file++)
        err = fill_one(f, worker, file, chunk, blocks, stop);
    for (unsigned file = 0; file < f->config->files && !err; file++)
        if (fsync(f->fds[worker * f->config->files + file]))
            err = -errno;
    free(chunk);
    return err;
}

int files_prepare_cache(const struct files *f, unsigned worker)
{
    int err = 0;

    for (unsigned file = 0; file < f->config->files && !err; file++) {
        int fd = f->fds[worker * f->config->files + file];

        storage_advise(fd, f->plan->pattern.kind == OFFSETS_SEQ);
        if (f->config->invalidate)
            err = storage_invalidate(fd);
    }
    return err;
}

int files_resident(const struct files *f, uint64_t *resident, uint64_t *pages)
{
    int err = 0;

    *resident = *pages = 0;
    for (unsigned i = 0; i < f->count && !err; i++) {
        uint64_t in_cache = 0, of = 0;

        err = storage_resident(f->fds[i], f->plan->file_bytes, &in_cache, &of);
        *resident += in_cache;
        *pages += of;
    }
    return err;
}
