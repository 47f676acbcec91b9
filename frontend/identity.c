/*
 * identity.c - what images hold, roughly but quickly.
 */
#include "frontend/identity.h"
#include "disk/overlay.h"

#include "base/clock.h"

#include <sys/stat.h>

enum { PART = 64 << 10, PARTS = 1024 };
#define WHOLE ((u64)PART * PARTS)

const struct field image_identity_fields[] = {
    FIELD(struct image_identity, size),
    FIELD(struct image_identity, hash),
    FIELD(struct image_identity, mtime),
    FIELD_END,
};

static u64 hash_parts(struct block *b)
{
    static const u8 unreadable[] = "unreadable";
    u8 data[PART];
    u64 hash = b->size, n = MIN((b->size + PART - 1) / PART, (u64)PARTS);
    for (u64 i = 0; i < n; i++) {
        u64 at = b->size <= WHOLE ? i * PART : muldiv64(i, b->size - PART, PARTS - 1);
        bool read = block_read(b, at, data, PART) == 0;
        hash = state_hash_bytes(hash, read ? data : unreadable, read ? PART : sizeof unreadable);
    }
    return hash;
}

struct image_identity image_identify(struct block *b, const char *path)
{
    struct stat st;
    if (!b)
        return (struct image_identity){0};
    struct block *file = block_is_overlay(b) ? overlay_base(b) : b;
    struct image_identity id = {.size = file->size, .hash = hash_parts(file)};
    if (!b->readonly && file->size > WHOLE && *path && stat(path, &st) == 0)
        id.mtime = (u64)st.st_mtim.tv_sec * NS_PER_SEC + (u64)st.st_mtim.tv_nsec;
    return id;
}

bool image_same(const struct image_identity *then, const struct image_identity *now)
{
    return then->size == now->size && then->hash == now->hash && then->mtime == now->mtime;
}
