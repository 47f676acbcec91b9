/*
 * blocks.c - keeping decoded blocks: hash, per-frame lists, precise dropping.
 */
#include "cpu/blocks.h"
#include "base/host_pages.h"
#include <stdlib.h>

static size_t block_size(unsigned count)
{
    return sizeof(struct iblock) + count * sizeof(struct insn);
}

struct block_cache *blocks_new(struct mmu *mmu)
{
    struct block_cache *bc = host_pages_new(sizeof *bc);
    if (!bc)
        return NULL;
    bc->mmu = mmu;
    bc->phys = mmu->phys;
    bc->arena = host_pages_new(BLOCK_ARENA);
    bc->scratch = calloc(1, block_size(1));
    if (!bc->arena || !bc->scratch) {
        blocks_free(bc);
        return NULL;
    }
    return bc;
}

void blocks_free(struct block_cache *bc)
{
    if (!bc)
        return;
    host_pages_free(bc->arena, BLOCK_ARENA);
    free(bc->scratch);
    host_pages_free(bc, sizeof *bc);
}

/* Which of the block's two list links belongs to FRAME. */
static unsigned link_of(const struct iblock *b, u32 frame)
{
    return b->frame[0] == frame ? 0 : 1;
}

/* Bytes [*FIRST, return value) of FRAME that the block covers. */
static u32 bytes_in_frame(const struct iblock *b, u32 frame, u32 *first)
{
    u32 end = (u32)b->offset + b->bytes;
    if (b->frame[0] == frame) {
        *first = b->offset;
        return MIN(end, (u32)PAGE_SIZE);
    }
    *first = 0;
    return end - PAGE_SIZE;
}

/* The frame's code mask from the blocks that are left: nothing new is in it. */
static void rewatch(struct block_cache *bc, u32 frame)
{
    struct frame *f = &bc->phys->frames[frame];
    f->code = 0;
    for (struct iblock *b = f->blocks; b; b = b->frame_next[link_of(b, frame)]) {
        u32 first, end = bytes_in_frame(b, frame, &first);
        f->code |= phys_granules(first, end - first);
    }
}

static void unlink_from_frame(struct block_cache *bc, struct iblock *b, u32 frame)
{
    struct frame *f = &bc->phys->frames[frame];
    struct iblock *head = f->blocks, **at = &head;
    while (*at && *at != b)
        at = &(*at)->frame_next[link_of(*at, frame)];
    if (*at)
        *at = b->frame_next[link_of(b, frame)];
    f->blocks = head;
}

static void unlink_from_hash(struct block_cache *bc, struct iblock *b)
{
    struct iblock **at = &bc->table[blocks_hash(b->host)];
    while (*at && *at != b)
        at = &(*at)->hash_next;
    if (*at)
        *at = b->hash_next;
}

void blocks_drop(struct block_cache *bc, struct iblock *b)
{
    b->bits = 0;
    if (b->translated || b->inside)
        bc->engine->dropped(bc->engine, b);
    unlink_from_hash(bc, b);
    for (unsigned i = 0; i < 2; i++)
        if (b->frame[i]) {
            unlink_from_frame(bc, b, b->frame[i]);
            rewatch(bc, b->frame[i]);
        }
}

void blocks_flush(struct block_cache *bc)
{
    for (unsigned i = 0; i < ARRAY_LEN(bc->table); i++) {
        for (struct iblock *b = bc->table[i]; b; b = b->hash_next)
            for (unsigned k = 0; k < 2; k++)
                if (b->frame[k]) {
                    bc->phys->frames[b->frame[k]].blocks = NULL;
                    bc->phys->frames[b->frame[k]].code = 0;
                }
        bc->table[i] = NULL;
    }
    bc->used = 0;
    if (bc->engine)
        bc->engine->flushed(bc->engine);
    mmu_renew_fetch_epoch(bc->mmu); /* no link leads to what is gone */
}

void blocks_split(struct block_cache *bc, u32 offset)
{
    for (unsigned i = 0; i < ARRAY_LEN(bc->table); i++)
        for (struct iblock *b = bc->table[i], *next; b; b = next) {
            next = b->hash_next;
            if (b->offset < offset && offset < (u32)b->offset + b->bytes)
                blocks_drop(bc, b);
        }
    mmu_renew_fetch_epoch(bc->mmu);
}

/* Where code is written again and again, and little else is meanwhile. */
static struct rewritten *rewritten_at(struct block_cache *bc, const u8 *host)
{
    enum { SOON = 64 };
    struct rewritten *r = &bc->rewritten[blocks_hash(host) % BLOCK_REWRITTEN];
    if (r->host != host || bc->drops - r->at > SOON)
        *r = (struct rewritten){.host = host};
    return r;
}

static void note_rewritten(struct block_cache *bc, const struct iblock *b)
{
    struct rewritten *r = rewritten_at(bc, b->host);
    r->times += r->times < UINT8_MAX;
    r->at = ++bc->drops;
}

struct iblock *blocks_alloc(struct block_cache *bc, unsigned count)
{
    size_t size = block_size(count);
    if (bc->used + size > BLOCK_ARENA)
        blocks_flush(bc);
    struct iblock *b = (struct iblock *)(bc->arena + bc->used);
    bc->used += size;
    return b;
}

void blocks_insert(struct block_cache *bc, struct iblock *b)
{
    struct iblock **bucket = &bc->table[blocks_hash(b->host)];
    b->link[0].epoch = b->link[1].epoch = 0;
    b->heat = 0;
    b->apart = false;
    b->beside = 0;
    b->taken = 0;
    b->unsteady = MIN(rewritten_at(bc, b->host)->times, BLOCK_UNSTEADY);
    b->translated = b->inside = NULL;
    b->hash_next = *bucket;
    *bucket = b;
    for (unsigned i = 0; i < 2; i++) {
        if (!b->frame[i])
            continue;
        struct frame *f = &bc->phys->frames[b->frame[i]];
        b->frame_next[i] = f->blocks;
        f->blocks = b;
        u32 first, end = bytes_in_frame(b, b->frame[i], &first);
        phys_watch_code(bc->phys, b->frame[i], first, end - first);
    }
}

bool blocks_written(struct block_cache *bc, u32 frame, u32 offset, u32 len)
{
    bool running = false;
    struct iblock *next;
    for (struct iblock *b = bc->phys->frames[frame].blocks; b; b = next) {
        next = b->frame_next[link_of(b, frame)];
        u32 first, end = bytes_in_frame(b, frame, &first);
        if (offset >= end || offset + len <= first)
            continue;
        running |= b == bc->running;
        if (b->translated || b->inside)
            note_rewritten(bc, b);
        blocks_drop(bc, b);
    }
    return running;
}

void cpu_code_write(struct cpu *c, u32 frame, u32 offset, u32 len)
{
    if (blocks_written(c->blocks, frame, offset, len))
        c->attention |= ATT_CODE;
}
