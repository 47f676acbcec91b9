/*
 * memory.c - a read-only medium in memory.
 */
#include "disk/memory.h"
#include <errno.h>
#include <stdlib.h>

struct memory {
    struct block block;
    const u8 *data;
    size_t len;
};

static int memory_read(struct block *b, u64 offset, void *data, size_t len)
{
    const struct memory *m = (const struct memory *)b;
    size_t have = offset < m->len ? MIN(len, m->len - (size_t)offset) : 0;
    if (have)
        memcpy(data, m->data + offset, have);
    memset((u8 *)data + have, 0, len - have);
    return 0;
}

static int memory_write(struct block *b, u64 offset, const void *data, size_t len)
{
    return -EROFS;
}

static int memory_flush(struct block *b)
{
    return 0;
}

static void memory_close(struct block *b)
{
    free(b);
}

struct block *memory_open(const u8 *data, size_t len, u64 size)
{
    static const struct block_ops ops = {"memory", memory_read, memory_write, memory_flush, memory_close};
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    *m = (struct memory){.block = {.ops = &ops, .size = size, .readonly = true}, .data = data, .len = len};
    return &m->block;
}
