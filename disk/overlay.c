#include "disk/overlay.h"
#include "disk/raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLUSTER = 4096, GROUP = 1024, NOT_HERE = 0 };

/* A cluster that was written again, or for the first time, after a mark: where it was before. */
struct moved {
    u64 cluster;
    u32 slot;
};

/*
 * Clusters lie in the temporary file in the order in which they were first written, in slots that are numbered from 1.
 * A slot that was there at the last mark is not written again: its cluster moves to a new one.
 */
struct overlay {
    struct block block;
    struct block *base;
    int fd;
    u32 **map; /* slots, or NOT_HERE, by cluster, in groups that are made when needed */
    u64 groups;
    u32 slots;  /* used */
    u32 sealed; /* at the last mark */
    bool marked;
    struct moved *log; /* since the first mark */
    size_t logged, cap;
};

static u32 slot_of(const struct overlay *o, u64 cluster)
{
    const u32 *group = o->map[cluster / GROUP];
    return group ? group[cluster % GROUP] : NOT_HERE;
}

static u64 place(u32 slot)
{
    return (u64)(slot - 1) * CLUSTER;
}

/* The part of [offset, offset + len) that lies in OFFSET's cluster. */
static size_t in_cluster(u64 offset, size_t len)
{
    return MIN(len, (size_t)(CLUSTER - offset % CLUSTER));
}

/* How much from OFFSET on can be read at once, because it lies together. */
static size_t together(const struct overlay *o, u64 offset, size_t len)
{
    u64 first = offset / CLUSTER;
    u32 slot = slot_of(o, first);
    size_t n = in_cluster(offset, len);
    for (u32 i = 1; n < len; i++) {
        if (slot_of(o, first + i) != (slot == NOT_HERE ? NOT_HERE : slot + i))
            break;
        n += in_cluster(offset + n, len - n);
    }
    return n;
}

static int read_overlay(struct block *b, u64 offset, void *data, size_t len)
{
    struct overlay *o = (struct overlay *)b;
    u8 *p = data;
    size_t inside = offset >= b->size ? 0 : (size_t)MIN((u64)len, b->size - offset);

    memset(p + inside, 0, len - inside);
    while (inside > 0) {
        u32 slot = slot_of(o, offset / CLUSTER);
        size_t n = together(o, offset, inside);
        int err = slot == NOT_HERE ? block_read(o->base, offset, p, n)
                                   : raw_pread(o->fd, place(slot) + offset % CLUSTER, p, n);
        if (err)
            return err;
        p += n;
        offset += n;
        inside -= n;
    }
    return 0;
}

/* Remembers where CLUSTER is, to go back to the last mark. */
static int log_move(struct overlay *o, u64 cluster, u32 slot)
{
    if (!o->marked)
        return 0;
    if (o->logged == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 256;
        struct moved *more = realloc(o->log, cap * sizeof *more);
        if (!more)
            return -ENOMEM;
        o->log = more;
        o->cap = cap;
    }
    o->log[o->logged++] = (struct moved){cluster, slot};
    return 0;
}

static int set_slot(struct overlay *o, u64 cluster, u32 slot)
{
    u32 **group = &o->map[cluster / GROUP];
    if (!*group)
        *group = calloc(GROUP, sizeof **group);
    if (!*group)
        return -ENOMEM;
    int err = log_move(o, cluster, (*group)[cluster % GROUP]);
    if (!err)
        (*group)[cluster % GROUP] = slot;
    return err;
}

/* Writes N bytes that lie in one cluster; the first write to a cluster takes all of it over. */
static int write_cluster(struct overlay *o, u64 offset, const u8 *data, size_t n)
{
    u64 cluster = offset / CLUSTER;
    u32 slot = slot_of(o, cluster);
    u8 whole[CLUSTER];

    if (slot > o->sealed)
        return raw_pwrite(o->fd, place(slot) + offset % CLUSTER, data, n);
    if (o->slots == ~(u32)0)
        return -ENOSPC;
    int err = n == CLUSTER ? 0 : read_overlay(&o->block, cluster * CLUSTER, whole, CLUSTER);
    if (err)
        return err;
    memcpy(whole + offset % CLUSTER, data, n);
    err = raw_pwrite(o->fd, place(o->slots + 1), whole, CLUSTER);
    if (!err)
        err = set_slot(o, cluster, o->slots + 1);
    if (!err)
        o->slots++;
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
    for (u64 i = 0; i < o->groups; i++)
        free(o->map[i]);
    free(o->map);
    free(o->log);
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
    u64 groups = base->size / CLUSTER / GROUP + 1;
    struct overlay *o = malloc(sizeof *o);
    u32 **map = calloc(groups, sizeof *map);

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
    *o = (struct overlay){
        .block = {.ops = &overlay_ops, .size = base->size}, .base = base, .fd = fd, .map = map, .groups = groups};
    *out = &o->block;
    return 0;
}

/* ---- back in time ---- */

bool block_is_overlay(const struct block *b)
{
    return b->ops == &overlay_ops;
}

struct block *overlay_base(struct block *b)
{
    assert(block_is_overlay(b));
    return ((struct overlay *)b)->base;
}

struct overlay_mark overlay_mark(struct block *b)
{
    struct overlay *o = (struct overlay *)b;
    assert(block_is_overlay(b));
    o->marked = true;
    o->sealed = o->slots;
    return (struct overlay_mark){o->logged, o->slots, b->generation};
}

void overlay_back(struct block *b, struct overlay_mark mark)
{
    struct overlay *o = (struct overlay *)b;
    assert(block_is_overlay(b) && mark.logged <= o->logged);
    while (o->logged > mark.logged) {
        const struct moved *m = &o->log[--o->logged];
        o->map[m->cluster / GROUP][m->cluster % GROUP] = m->slot;
    }
    o->slots = o->sealed = mark.slots;
    b->generation = mark.generation;
}
