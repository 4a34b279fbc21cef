/*
 * conn: a connection, and the slab that connections live in.
 *
 * The slab hands out fixed-size slots that never move, so a kernel queue may hold their addresses.
 * A slot is not given back while the kernel still owes an event for it (see the backends), so an
 * address in an event always names the connection it was meant for; no generation is needed.
 *
 * A program that keeps state per connection makes struct conn the first member of its own struct
 * and gives the slab that size.
 */
#ifndef IOBENCH_CONN_H
#define IOBENCH_CONN_H

#include "common/loop/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes somewhere; who keeps them alive is said where a span is passed. */
struct span {
    const unsigned char *bytes;
    size_t len;
};

#define SPAN_NONE ((struct span){NULL, 0})

enum { CONN_BACKEND_BYTES = sizeof(struct watch) };

struct conn {
    int fd; /* -1: the slot is free */
    uint32_t index;
    bool connecting;  /* the outcome of connect() is not known yet */
    bool at_eof;      /* the peer will send no more */
    bool close_asked; /* set by the program: close when the hook returns */
    uint32_t tail_cap;
    uint64_t begun_ns;      /* just before connect() was called; 0 for one that was accepted */
    unsigned char *tail;    /* own memory for unsent bytes; kept until the slot is freed */
    struct span unsent;     /* what the kernel has not taken yet */
    struct conn *next;      /* in a list of the slab's or the backend's */
    union {                 /* the backend's own state */
        struct watch watch; /* of one that waits for readiness */
        _Alignas(8) unsigned char backend[CONN_BACKEND_BYTES]; /* of others */
    };
};

enum { CONN_CHUNK = 64 };

struct conn_slab {
    size_t conn_bytes;
    struct conn *free;
    unsigned char **chunks; /* of CONN_CHUNK slots each */
    uint32_t chunk_count;
    uint32_t open; /* slots in use */
    uint32_t open_peak;
};

void conn_slab_init(struct conn_slab *slab, size_t conn_bytes);

/* Frees the memory; the connections' descriptors are the caller's to close first. */
void conn_slab_free(struct conn_slab *slab);

/* A zeroed connection on fd, or NULL when memory ran out. */
struct conn *conn_new(struct conn_slab *slab, int fd);

/* Gives the slot back; its descriptor must have been closed. */
void conn_free(struct conn_slab *slab, struct conn *c);

/* The open connection after c, or the first for NULL; NULL at the end. */
struct conn *conn_next(const struct conn_slab *slab, const struct conn *c);

/*
 * Appends bytes to the connection's own memory and makes all that lies there its unsent bytes.
 * What was unsent before must lie there too, or be empty. 0 or -ENOMEM.
 */
int conn_keep(struct conn *c, struct span bytes);

#endif
