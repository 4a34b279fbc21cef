#include "common/loop/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void conn_slab_init(struct conn_slab *slab, size_t conn_bytes)
{
    memset(slab, 0, sizeof *slab);
    slab->conn_bytes = (conn_bytes + 15) & ~(size_t)15;
}

static struct conn *slot(const struct conn_slab *slab, uint32_t index)
{
    unsigned char *chunk = slab->chunks[index / CONN_CHUNK];

    return (struct conn *)(void *)(chunk + index % CONN_CHUNK * slab->conn_bytes);
}

void conn_slab_free(struct conn_slab *slab)
{
    for (uint32_t i = 0; i < slab->chunk_count * CONN_CHUNK; i++)
        free(slot(slab, i)->tail);
    for (uint32_t i = 0; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    memset(slab, 0, sizeof *slab);
}

static void put_on_free_list(struct conn_slab *slab, uint32_t index)
{
    struct conn *c = slot(slab, index);

    memset(c, 0, slab->conn_bytes);
    c->fd = -1;
    c->index = index;
    c->next = slab->free;
    slab->free = c;
}

static int add_chunk(struct conn_slab *slab)
{
    unsigned char **chunks = realloc(slab->chunks, (slab->chunk_count + 1) * sizeof *chunks);
    unsigned char *chunk;

    if (!chunks)
        return -ENOMEM;
    slab->chunks = chunks;
    chunk = malloc(CONN_CHUNK * slab->conn_bytes);
    if (!chunk)
        return -ENOMEM;
    chunks[slab->chunk_count++] = chunk;
    for (uint32_t i = slab->chunk_count * CONN_CHUNK; i-- > (slab->chunk_count - 1) * CONN_CHUNK;)
        put_on_free_list(slab, i);
    return 0;
}

struct conn *conn_new(struct conn_slab *slab, int fd)
{
    struct conn *c;

    if (!slab->free && add_chunk(slab))
        return NULL;
    c = slab->free;
    if (!c)
        return NULL; /* cannot be: add_chunk() has just put some there */
    slab->free = c->next;
    c->next = NULL;
    c->fd = fd;
    slab->open++;
    if (slab->open > slab->open_peak)
        slab->open_peak = slab->open;
    return c;
}

void conn_free(struct conn_slab *slab, struct conn *c)
{
    free(c->tail);
    put_on_free_list(slab, c->index);
    slab->open--;
}

struct conn *conn_next(const struct conn_slab *slab, const struct conn *c)
{
    for (uint32_t i = c ? c->index + 1 : 0; i < slab->chunk_count * CONN_CHUNK; i++)
        if (slot(slab, i)->fd >= 0)
            return slot(slab, i);
    return NULL;
}

int conn_keep(struct conn *c, struct span bytes)
{
    size_t need = c->unsent.len + bytes.len;

    if (need > UINT32_MAX)
        return -ENOMEM;
    if (c->unsent.len)
        memmove(c->tail, c->unsent.bytes, c->unsent.len);
    if (need > c->tail_cap) {
        unsigned char *tail = realloc(c->tail, need);

        if (!tail)
            return -ENOMEM;
        c->tail = tail;
        c->tail_cap = (uint32_t)need;
    }
    memcpy(c->tail + c->unsent.len, bytes.bytes, bytes.len);
    c->unsent = (struct span){c->tail, need};
    return 0;
}
