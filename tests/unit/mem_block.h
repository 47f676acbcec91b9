/*
 * mem_block.h - an image in memory for the tests of disk controllers, with one sector that may fail.
 */
#ifndef OMBRA_TESTS_MEM_BLOCK_H
#define OMBRA_TESTS_MEM_BLOCK_H

#include "base/block.h"

#include <errno.h>
#include <stdlib.h>

struct mem_block {
    struct block block;
    u8 *data;
    u64 bad_offset; /* an access that covers this byte fails with BAD_ERROR, if that is not 0 */
    int bad_error;
    unsigned flushes;
};

static inline bool mem_block_bad(const struct mem_block *m, u64 offset, size_t len)
{
    return m->bad_error && offset <= m->bad_offset && m->bad_offset < offset + len;
}

static int mem_block_read(struct block *b, u64 offset, void *data, size_t len)
{
    struct mem_block *m = (struct mem_block *)b;
    size_t inside = offset >= b->size ? 0 : (size_t)MIN((u64)len, b->size - offset);

    if (mem_block_bad(m, offset, len))
        return m->bad_error;
    memset(data, 0, len);
    memcpy(data, m->data + (inside ? offset : 0), inside);
    return 0;
}

static int mem_block_write(struct block *b, u64 offset, const void *data, size_t len)
{
    struct mem_block *m = (struct mem_block *)b;

    if (b->readonly)
        return -EROFS;
    if (mem_block_bad(m, offset, len))
        return m->bad_error;
    if (offset > b->size || len > b->size - offset)
        return -ENOSPC;
    memcpy(m->data + offset, data, len);
    return 0;
}

static int mem_block_flush(struct block *b)
{
    ((struct mem_block *)b)->flushes++;
    return 0;
}

static void mem_block_close(struct block *b)
{
    free(((struct mem_block *)b)->data);
}

static const struct block_ops mem_block_ops = {
    .format = "memory",
    .read = mem_block_read,
    .write = mem_block_write,
    .flush = mem_block_flush,
    .close = mem_block_close,
};

/* SIZE bytes in which every sector of SECTOR bytes begins with its number and goes on with a pattern. */
static inline void mem_block_init(struct mem_block *m, u64 size, unsigned sector)
{
    *m = (struct mem_block){.block = {.ops = &mem_block_ops, .size = size}, .data = calloc(1, size)};
    if (!m->data)
        abort();
    for (u64 i = 0; i + 4 <= size; i += 4)
        st32(m->data + i, i % sector ? (u32)(i * 2654435761u) : (u32)(i / sector));
}

#endif
