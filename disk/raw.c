#include "disk/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct raw {
    struct block block;
    int fd;
};

int raw_pread(int fd, u64 offset, void *data, size_t len)
{
    u8 *p = data;

    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -EIO;
        if (n == 0) { /* the end, or a file that somebody has cut short meanwhile */
            memset(p, 0, len);
            return 0;
        }
        p += n;
        offset += (u64)n;
        len -= (size_t)n;
    }
    return 0;
}

int raw_pwrite(int fd, u64 offset, const void *data, size_t len)
{
    const u8 *p = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? -ENOSPC : -EIO;
        if (n == 0)
            return -ENOSPC;
        p += n;
        offset += (u64)n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_raw(struct block *b, u64 offset, void *data, size_t len)
{
    struct raw *r = (struct raw *)b;
    size_t inside = offset >= b->size ? 0 : (size_t)MIN((u64)len, b->size - offset);

    memset((u8 *)data + inside, 0, len - inside);
    return raw_pread(r->fd, offset, data, inside);
}

static int write_raw(struct block *b, u64 offset, const void *data, size_t len)
{
    struct raw *r = (struct raw *)b;

    if (b->readonly)
        return -EROFS;
    if (offset > b->size || len > b->size - offset)
        return -ENOSPC;
    return raw_pwrite(r->fd, offset, data, len);
}

static int flush_raw(struct block *b)
{
    struct raw *r = (struct raw *)b;

    if (b->readonly)
        return 0;
    while (fdatasync(r->fd) < 0) {
        if (errno == EROFS || errno == EINVAL)
            return 0; /* a special file that has nothing to make durable */
        if (errno != EINTR)
            return errno == ENOSPC || errno == EDQUOT ? -ENOSPC : -EIO;
    }
    return 0;
}

static void close_raw(struct block *b)
{
    struct raw *r = (struct raw *)b;
    close(r->fd); /* gives the lock back, too */
    free(r);
}

static const struct block_ops raw_ops = {
    .format = "raw",
    .read = read_raw,
    .write = write_raw,
    .flush = flush_raw,
    .close = close_raw,
};

struct block *raw_new(int fd, u64 size, bool readonly)
{
    struct raw *r = malloc(sizeof *r);

    if (!r)
        return NULL;
    *r = (struct raw){.block = {.ops = &raw_ops, .size = size, .readonly = readonly}, .fd = fd};
    return &r->block;
}
