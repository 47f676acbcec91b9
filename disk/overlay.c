#include "disk/overlay.h"
#include "disk/raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLUSTER = 4096 };

struct overlay {
    struct block block;
    struct block *base;
    int fd;
    u8 *map; /* bit n: cluster n is in the temporary file, at the offset that it has on the medium */
};

static bool present(const struct overlay *o, u64 cluster)
{
    return o->map[cluster / 8] >> (cluster % 8) & 1;
}

/* The part of [offset, offset + len) that lies in OFFSET's cluster. */
static size_t in_cluster(u64 offset, size_t len)
{
    return MIN(len, (size_t)(CLUSTER - offset % CLUSTER));
}

static int read_overlay(struct block *b, u64 offset, void *data, size_t len)
{
    struct overlay *o = (struct overlay *)b;
    u8 *p = data;
    size_t inside = offset >= b->size ? 0 : (size_t)MIN((u64)len, b->size - offset);

    memset(p + inside, 0, len - inside);
    while (inside > 0) {
        /* As many clusters at once as come from the same file. */
        bool ours = present(o, offset / CLUSTER);
        size_t n = in_cluster(offset, inside);
        while (n < inside && present(o, (offset + n) / CLUSTER) == ours)
            n += in_cluster(offset + n, inside - n);
        int err = ours ? raw_pread(o->fd, offset, p, n) : block_read(o->base, offset, p, n);
        if (err)
            return err;
        p += n;
        offset += n;
        inside -= n;
    }
    return 0;
}

/* Writes N bytes that lie in one cluster; the first write to a cluster takes all of it over. */
static int write_cluster(struct overlay *o, u64 offset, const u8 *data, size_t n)
{
    u64 cluster = offset / CLUSTER;
    u8 whole[CLUSTER];

    if (present(o, cluster) || n == CLUSTER) {
        int err = raw_pwrite(o->fd, offset, data, n);
        if (!err)
            o->map[cluster / 8] |= (u8)BIT(cluster % 8);
        return err;
    }
    int err = block_read(o->base, cluster * CLUSTER, whole, CLUSTER);
    if (err)
        return err;
    memcpy(whole + offset % CLUSTER, data, n);
    err = raw_pwrite(o->fd, cluster * CLUSTER, whole, CLUSTER);
    if (!err)
        o->map[cluster / 8] |= (u8)BIT(cluster % 8);
    return err;
}

static int write_overlay(struct block *b, u64 offset, const void *data, size_t len)
{
    struct overlay *o = (struct overlay *)b;
    const u8 *p = data;

    if (offset > b->size || len > b->size - offset)
        return -ENOSPC;
    while (len > 0) {
        size_t n = in_cluster(offset, len);
        int err = write_cluster(o, offset, p, n);
        if (err)
            return err;
        p += n;
        offset += n;
        len -= n;
    }
    return 0;
}

/* Nothing here is meant to outlive the process. */
static int flush_overlay(struct block *b)
{
    return 0;
}

static void close_overlay(struct block *b)
{
    struct overlay *o = (struct overlay *)b;
    block_close(o->base);
    close(o->fd);
    free(o->map);
    free(o);
}

static const struct block_ops overlay_ops = {
    .format = "overlay",
    .read = read_overlay,
    .write = write_overlay,
    .flush = flush_overlay,
    .close = close_overlay,
};

/* A file without a name. Not in /tmp by default, which is often memory. */
static int temporary_file(void)
{
    const char *dir = getenv("TMPDIR");
    const char *const dirs[] = {dir && *dir ? dir : "/var/tmp", "/tmp"};
    int err = ENOENT;

    for (unsigned i = 0; i < ARRAY_LEN(dirs); i++) {
        char name[4096];
        if (snprintf(name, sizeof name, "%s/ombra-snapshot-XXXXXX", dirs[i]) >= (int)sizeof name)
            continue;
        int fd = mkstemp(name);
        if (fd >= 0) {
            unlink(name);
            return fd;
        }
        err = errno;
    }
    return -err;
}

int overlay_new(struct block *base, struct block **out)
{
    u64 clusters = base->size / CLUSTER + 1;
    struct overlay *o = malloc(sizeof *o);
    u8 *map = calloc(clusters / 8 + 1, 1);

    if (!o || !map) {
        free(o);
        free(map);
        return -ENOMEM;
    }
    int fd = temporary_file();
    if (fd < 0) {
        free(o);
        free(map);
        return fd;
    }
    *o = (struct overlay){.block = {.ops = &overlay_ops, .size = base->size}, .base = base, .fd = fd, .map = map};
    *out = &o->block;
    return 0;
}
