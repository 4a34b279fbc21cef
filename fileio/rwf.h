/*
 * rwf: flags for single reads and writes (preadv2(2), pwritev2(2)). rwf_linux.c and rwf_darwin.c.
 */
#ifndef IOBENCH_FILEIO_RWF_H
#define IOBENCH_FILEIO_RWF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Flags for the kernel; 0: a plain pread or pwrite. */
struct rwf {
    int reads, writes;
};

/* Their names, NULL-terminated; the first is "none". And what a name stands for, by index. */
extern const char *const rwf_names[];
struct rwf rwf_at(unsigned index);

/* Whether they are for direct I/O alone. */
bool rwf_needs_direct(struct rwf rwf);

/* Whether a call with these flags may fail with EAGAIN rather than sleep. */
bool rwf_refuses_to_sleep(int flags);

ssize_t rwf_read(int fd, void *buf, size_t len, off_t offset, int flags);
ssize_t rwf_write(int fd, const void *buf, size_t len, off_t offset, int flags);

#endif
