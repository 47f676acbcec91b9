/*
 * pc_pages.c - first writes through the DIRTY watch, and what is kept of pages.
 */
#include "hw/pc_int.h"
#include "hw/pc_pages.h"
#include <errno.h>
#include <stdlib.h>

enum { GRANULE = 1 << GRANULE_BITS, ARENA_PAGES = 256 };

/* Copies of pages lie in pieces that stay where they are. */
struct arena {
    struct arena *next;
    u8 page[ARENA_PAGES][PAGE_SIZE];
};

struct kept {
    u32 frame;
    u8 *copy;
};

struct pc_pages {
    struct pc *pc;
    struct kept *kept; /* since the last mark */
    size_t count, cap;
    struct arena *arenas; /* newest first; more than are used stay for the next time */
    struct arena *filling;
    unsigned filled; /* pages of FILLING */
    bool failed;
};

static struct physmem *phys_of(const struct pc_pages *p)
{
    return &p->pc->mem.phys;
}

/* ---- sets of changes ---- */

void pages_free(struct pages *p)
{
    free(p->page);
    free(p->data);
    *p = (struct pages){0};
}

size_t pages_bytes(const struct pages *p)
{
    return p->pages * sizeof *p->page + p->granules * GRANULE;
}

static int pages_alloc(struct pages *p, size_t pages, size_t granules)
{
    *p = (struct pages){.page = malloc(MAX(pages, (size_t)1) * sizeof *p->page),
                        .data = malloc(MAX(granules, (size_t)1) * GRANULE)};
    if (p->page && p->data)
        return 0;
    pages_free(p);
    return -ENOMEM;
}

/* FROM's page C goes to the end of TO. */
static void append(struct pages *to, const struct pages *from, const struct page_change *c)
{
    size_t n = (size_t)__builtin_popcountll(c->granules);
    memcpy(to->data + to->granules * GRANULE, from->data + (size_t)c->data * GRANULE, n * GRANULE);
    to->granules += n;
}

/* One page as both have it: where they differ in age, the older one counts. Granules of a page lie in order. */
static void append_both(struct pages *to, const struct pages *older, const struct page_change *a,
                        const struct pages *newer, const struct page_change *b)
{
    const u8 *old = older->data + (size_t)a->data * GRANULE, *new = newer->data + (size_t)b->data *GRANULE;
    for (u64 left = a->granules | b->granules; left; left &= left - 1) {
        u64 bit = left & -left;
        memcpy(to->data + to->granules++ * GRANULE, a->granules & bit ? old : new, GRANULE);
        old += a->granules & bit ? GRANULE : 0;
        new += b->granules &bit ? GRANULE : 0;
    }
}

static void shrink(struct pages *p)
{
    void *page = realloc(p->page, MAX(p->pages, (size_t)1) * sizeof *p->page);
    void *data = realloc(p->data, MAX(p->granules, (size_t)1) * GRANULE);
    p->page = page ? page : p->page;
    p->data = data ? data : p->data;
}

int pages_join(struct pages *older, const struct pages *newer)
{
    struct pages both;
    int r = pages_alloc(&both, older->pages + newer->pages, older->granules + newer->granules);
    if (r)
        return r;
    for (size_t i = 0, k = 0; i < older->pages || k < newer->pages;) {
        const struct page_change *a = i < older->pages ? &older->page[i] : NULL;
        const struct page_change *b = k < newer->pages ? &newer->page[k] : NULL;
        bool take_a = a && (!b || a->frame <= b->frame), take_b = b && (!a || b->frame <= a->frame);
        struct page_change *c = &both.page[both.pages++];
        *c = (struct page_change){take_a ? a->frame : b->frame, (u32)both.granules,
                                  (take_a ? a->granules : 0) | (take_b ? b->granules : 0)};
        if (take_a && take_b)
            append_both(&both, older, a, newer, b);
        else
            append(&both, take_a ? older : newer, take_a ? a : b);
        i += take_a;
        k += take_b;
    }
    shrink(&both);
    pages_free(older);
    *older = both;
    return 0;
}

/* ---- keeping ---- */

/* Room for one more page, or NULL. */
static u8 *take_page(struct pc_pages *p)
{
    if (!p->filling || p->filled == ARENA_PAGES) {
        struct arena *next = p->filling ? p->filling->next : p->arenas;
        if (!next) {
            next = malloc(sizeof *next);
            if (!next)
                return NULL;
            next->next = NULL;
            if (p->filling)
                p->filling->next = next;
            else
                p->arenas = next;
        }
        p->filling = next;
        p->filled = 0;
    }
    return p->filling->page[p->filled++];
}

static void on_first_write(void *ctx, u32 frame)
{
    struct pc_pages *p = ctx;
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 1024;
        struct kept *more = realloc(p->kept, cap * sizeof *more);
        p->failed |= !more;
        if (!more)
            return;
        p->kept = more;
        p->cap = cap;
    }
    u8 *copy = take_page(p);
    p->failed |= !copy;
    if (!copy)
        return;
    memcpy(copy, phys_frame_host(phys_of(p), frame), PAGE_SIZE);
    p->kept[p->count++] = (struct kept){frame, copy};
}

static void for_all_frames(struct pc_pages *p, void (*fn)(struct physmem *phys, u32 frame))
{
    const struct pc_mem *m = &p->pc->mem;
    for (u64 i = 0; i < m->ram >> PAGE_BITS; i++)
        fn(phys_of(p), m->ram_frame + (u32)i);
    for (unsigned b = 0; b < m->blocks; b++)
        for (u64 i = 0; i < m->block[b].size >> PAGE_BITS; i++)
            fn(phys_of(p), m->block[b].frame + (u32)i);
}

struct pc_pages *pc_pages_open(struct pc *pc)
{
    struct pc_pages *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->pc = pc;
    phys_of(p)->first_write = on_first_write;
    phys_of(p)->first_write_ctx = p;
    for_all_frames(p, phys_watch_dirty);
    return p;
}

static void forget_kept(struct pc_pages *p)
{
    p->count = 0;
    p->filling = NULL;
    p->failed = false;
}

void pc_pages_close(struct pc_pages *p)
{
    if (!p)
        return;
    for_all_frames(p, phys_unwatch_dirty);
    phys_of(p)->first_write = NULL;
    for (struct arena *a = p->arenas, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    free(p->kept);
    free(p);
}

size_t pc_pages_held(const struct pc_pages *p)
{
    return p->count * PAGE_SIZE;
}

/* ---- marks ---- */

static int by_frame(const void *a, const void *b)
{
    u32 x = ((const struct kept *)a)->frame, y = ((const struct kept *)b)->frame;
    return x < y ? -1 : x > y;
}

/* The granules that differ. */
static u64 differing(const u8 *a, const u8 *b)
{
    u64 mask = 0;
    for (unsigned g = 0; g < PAGE_SIZE / GRANULE; g++)
        if (memcmp(a + g * GRANULE, b + g * GRANULE, GRANULE) != 0)
            mask |= BIT64(g);
    return mask;
}

/* KEPT's page as it was, where it is not so now. */
static void note_change(const struct pc_pages *p, const struct kept *k, struct pages *out)
{
    u64 mask = differing(k->copy, phys_frame_host(phys_of(p), k->frame));
    if (!mask)
        return;
    out->page[out->pages++] = (struct page_change){k->frame, (u32)out->granules, mask};
    for (u64 left = mask; left; left &= left - 1)
        memcpy(out->data + out->granules++ * GRANULE, k->copy + (size_t)__builtin_ctzll(left) * GRANULE, GRANULE);
}

int pc_pages_take(struct pc_pages *p, struct pages *out)
{
    int r = p->failed ? -ENOMEM : pages_alloc(out, p->count, p->count * (PAGE_SIZE / GRANULE));
    if (p->count)
        qsort(p->kept, p->count, sizeof *p->kept, by_frame);
    for (size_t i = 0; i < p->count; i++) {
        if (r == 0)
            note_change(p, &p->kept[i], out);
        phys_watch_dirty(phys_of(p), p->kept[i].frame);
    }
    if (r == 0)
        shrink(out);
    else if (p->failed) /* which frames were written is not known */
        for_all_frames(p, phys_watch_dirty);
    forget_kept(p);
    return r;
}

/* ---- going back ---- */

void pc_pages_back(struct pc_pages *p)
{
    for (size_t i = 0; i < p->count; i++) {
        memcpy(phys_frame_host(phys_of(p), p->kept[i].frame), p->kept[i].copy, PAGE_SIZE);
        phys_watch_dirty(phys_of(p), p->kept[i].frame);
    }
    forget_kept(p);
}

void pc_pages_put(struct pc_pages *p, const struct pages *changes)
{
    for (size_t i = 0; i < changes->pages; i++) {
        const struct page_change *c = &changes->page[i];
        u8 *page = phys_frame_host(phys_of(p), c->frame);
        const u8 *in = changes->data + (size_t)c->data * GRANULE;
        for (u64 left = c->granules; left; left &= left - 1, in += GRANULE)
            memcpy(page + (size_t)__builtin_ctzll(left) * GRANULE, in, GRANULE);
    }
}
