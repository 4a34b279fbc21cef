/*
 * storage: what is under a file, and how to get at it with or without the page cache.
 * storage_linux.c and storage_darwin.c.
 */
#ifndef IOBENCH_FILEIO_STORAGE_H
#define IOBENCH_FILEIO_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct storage {
    char filesystem[32];  /* "ext4"; empty: unknown */
    char device[64];      /* "/dev/vda", "none" when there is none; empty: unknown */
    uint64_t align_bytes; /* of offset, length and address with direct I/O */
};

/* Flags for open(2) besides access and creation. */
int storage_open_flags(bool direct, bool dsync, bool nonblock);

/* After open: turns direct I/O on where that is no flag of open. 0 or -errno. */
int storage_set_direct(int fd);

/* Whether the kernel says that reads and writes on fd go round the page cache. */
bool storage_is_direct(int fd, bool asked);

/* Of an open file. */
void storage_describe(int fd, struct storage *s);

/* Drops the file's pages from the cache, written ones after they were written out. 0 or -errno. */
int storage_invalidate(int fd);

/* fdatasync(2), or what does most like it here. 0, or -1 and errno. */
int storage_sync_data(int fd);

/* Tells the kernel whether reads will be in order. */
void storage_advise(int fd, bool sequential);

/*
 * How many of the file's pages are in the page cache, of how many. 0 or -errno: -EACCES where the
 * kernel does not tell, because the file is not the user's own.
 */
int storage_resident(int fd, uint64_t bytes, uint64_t *resident, uint64_t *pages);

#endif
