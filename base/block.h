/*
 * block.h - what a disk controller knows of an image: the interface between hw/
 * (IDE, ATAPI, floppy) and disk/ (raw files, overlays, later formats).
 *
 * Transfers are whole sectors of the medium. Every call is synchronous from the
 * caller's view; when the guest sees completion is the controller's business: it
 * computes the completion time in virtual time from the request.
 */
#ifndef OMBRA_BASE_BLOCK_H
#define OMBRA_BASE_BLOCK_H

#include "base/types.h"

struct block_ops;

/* One opened image. Implementations embed it as their first member. */
struct block {
    const struct block_ops *ops;
    u64 size;      /* bytes; not necessarily a multiple of a sector */
    bool readonly;
    u32 generation; /* +1 for each write: what a save state records */
};

struct block_ops {
    const char *format; /* "raw", "overlay" */
    /* Bytes beyond the end read as zero; writes beyond the end are -ENOSPC. 0 or -errno (-EIO, -ENOSPC, -EROFS). */
    int (*read)(struct block *b, u64 offset, void *data, size_t len);
    int (*write)(struct block *b, u64 offset, const void *data, size_t len);
    /* Makes everything written so far durable on the host (fdatasync). 0 or -errno. */
    int (*flush)(struct block *b);
    void (*close)(struct block *b);
};

static inline int block_read(struct block *b, u64 offset, void *data, size_t len)
{
    return b->ops->read(b, offset, data, len);
}

static inline int block_write(struct block *b, u64 offset, const void *data, size_t len)
{
    b->generation++;
    return b->ops->write(b, offset, data, len);
}

static inline int block_flush(struct block *b)
{
    return b->ops->flush(b);
}

static inline void block_close(struct block *b)
{
    b->ops->close(b);
}

#endif
