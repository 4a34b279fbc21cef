/*
 * files: the files that a run works on: made, filled, and gone at the end.
 *
 * All are made anew (O_EXCL): a file that is there already is somebody else's and is left alone.
 * They are bench_file_io.<pid>.<worker>.<number> in --dir, and a guard process removes them
 * whatever happens to us, unless --keep.
 */
#ifndef IOBENCH_FILEIO_FILES_H
#define IOBENCH_FILEIO_FILES_H

#include "fileio/config.h"
#include "fileio/guard.h"
#include "fileio/plan.h"
#include "fileio/storage.h"

#include <stdatomic.h>

struct files {
    const struct file_config *config;
    const struct plan *plan;
    struct guard guard;
    unsigned count; /* of all workers; those of worker i begin at i * config->files */
    int *fds;
    struct storage storage;
    bool direct; /* the kernel says so */
};

/* Makes empty files for all workers. 0 or an exit status, after one line on stderr. */
int files_create(struct files *f, const struct file_config *config, const struct plan *plan,
                 const struct opt_table *table, bool nonblock);

/* Closes and removes them; also after a files_create() that failed. */
void files_end(struct files *f);

/* For messages. */
char *files_path(const struct files *f, unsigned file, char *path, size_t cap);

/*
 * Writes a worker's files in full, blocks of generation 1 when they are to be verified, and writes
 * them out. 0 or -errno; -EINTR when stop was set meanwhile.
 */
int files_fill(const struct files *f, unsigned worker, const atomic_bool *stop);

/* Tells the kernel how a worker's files will be read, and to forget them if asked. 0 or -errno. */
int files_prepare_cache(const struct files *f, unsigned worker);

/* Pages of all files in the page cache, of how many. 0 or -errno. */
int files_resident(const struct files *f, uint64_t *resident, uint64_t *pages);

#endif
