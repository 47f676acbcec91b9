/*
 * phys.c - layers of guest-physical memory, the page maps made from them, and the
 * one store path that honours watches.
 */
#include "softmmu/phys.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct phys_layer {
    int handle;
    u64 base, size;
    u32 frame; /* backing, or 0 for registers */
    enum phys_mode read, write;
    const struct mmio_ops *ops;
    void *opaque;
    const char *name;
};

enum { HUGE_BITS = 21 };

/* SIZE bytes of zeros, in huge pages of the host where it has some: the guest's pages are scattered, and the host's TLB is small. */
static u8 *reserve(u64 size)
{
    const u64 huge = BIT64(HUGE_BITS);
    u8 *m = mmap(NULL, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m == MAP_FAILED)
        return NULL;
    u64 before = -(u64)(uintptr_t)m & (huge - 1);
    if (before)
        munmap(m, before);
    if (before < huge)
        munmap(m + before + size, huge - before);
#ifdef MADV_HUGEPAGE
    madvise(m + before, size, MADV_HUGEPAGE);
#endif
    return m + before;
}

int phys_init(struct physmem *p, struct log *log, u64 ram_size, u64 device_size, u64 max_phys)
{
    memset(p, 0, sizeof *p);
    p->log = log;
    p->backing_size = PAGE_SIZE + ram_size + device_size;
    p->npages = max_phys >> PAGE_BITS;
    p->backing = reserve(p->backing_size);
    p->frames = calloc(p->backing_size >> PAGE_BITS, sizeof *p->frames);
    p->rmap = calloc(p->npages, sizeof *p->rmap);
    p->wmap = calloc(p->npages, sizeof *p->wmap);
    if (!p->backing || !p->frames || !p->rmap || !p->wmap) {
        phys_free(p);
        return -ENOMEM;
    }
    p->backing_used = PAGE_SIZE; /* frame 0 means none */
    return 0;
}

void phys_free(struct physmem *p)
{
    if (p->backing)
        munmap(p->backing, p->backing_size);
    free(p->frames);
    free(p->rmap);
    free(p->wmap);
    free(p->layers);
    memset(p, 0, sizeof *p);
}

u32 phys_alloc(struct physmem *p, u64 size)
{
    if (size > p->backing_size - p->backing_used)
        return 0;
    u32 frame = (u32)(p->backing_used >> PAGE_BITS);
    p->backing_used += size;
    return frame;
}

/* ---- layers ---- */

static bool layer_covers(const struct phys_layer *l, u64 addr, u64 size)
{
    return addr < l->base + l->size && addr + size > l->base;
}

static enum phys_mode layer_mode(const struct phys_layer *l, bool write)
{
    return write ? l->write : l->read;
}

/* What the page map says for one page and one kind of access. */
static u32 page_entry(const struct physmem *p, u64 page_addr, bool write)
{
    for (unsigned i = p->layer_count; i-- > 0;) {
        const struct phys_layer *l = &p->layers[i];
        if (!layer_covers(l, page_addr, PAGE_SIZE))
            continue;
        if (l->ops || l->base > page_addr || l->base + l->size < page_addr + PAGE_SIZE)
            return PHYS_SLOW;
        if (layer_mode(l, write) == PHYS_BACKED)
            return l->frame + (u32)((page_addr - l->base) >> PAGE_BITS);
        if (layer_mode(l, write) == PHYS_VANISH)
            return 0;
    }
    return 0;
}

static void map_update(struct physmem *p, u64 base, u64 size)
{
    u64 last = (base + size - 1) >> PAGE_BITS;
    for (u64 page = base >> PAGE_BITS; page <= last && page < p->npages; page++) {
        p->rmap[page] = page_entry(p, page << PAGE_BITS, false);
        p->wmap[page] = page_entry(p, page << PAGE_BITS, true);
    }
    if (p->map_changed)
        p->map_changed(p->ctx);
}

static int layer_add(struct physmem *p, struct phys_layer l)
{
    if (l.size == 0 || l.base + l.size < l.base || l.base >= p->npages << PAGE_BITS)
        return -EINVAL;
    if (p->layer_count == p->layer_cap) {
        unsigned cap = p->layer_cap ? p->layer_cap * 2 : 32;
        struct phys_layer *n = realloc(p->layers, cap * sizeof *n);
        if (!n)
            return -ENOMEM;
        p->layers = n;
        p->layer_cap = cap;
    }
    l.handle = ++p->next_handle;
    p->layers[p->layer_count++] = l;
    map_update(p, l.base, l.size);
    return l.handle;
}

static struct phys_layer *layer_find(struct physmem *p, int handle)
{
    for (unsigned i = 0; i < p->layer_count; i++)
        if (p->layers[i].handle == handle)
            return &p->layers[i];
    return NULL;
}

int phys_map(struct physmem *p, u64 base, u64 size, u32 frame, enum phys_mode read, enum phys_mode write)
{
    return layer_add(p, (struct phys_layer){.base = base, .size = size, .frame = frame, .read = read, .write = write});
}

int phys_map_mmio(struct physmem *p, u64 base, u64 size, const struct mmio_ops *ops, void *opaque, const char *name)
{
    return layer_add(p, (struct phys_layer){.base = base, .size = size, .ops = ops, .opaque = opaque, .name = name});
}

void phys_remap(struct physmem *p, int handle, enum phys_mode read, enum phys_mode write)
{
    struct phys_layer *l = layer_find(p, handle);
    if (!l || (l->read == read && l->write == write))
        return;
    l->read = read;
    l->write = write;
    map_update(p, l->base, l->size);
}

void phys_unmap(struct physmem *p, int handle)
{
    struct phys_layer *l = layer_find(p, handle);
    if (!l)
        return;
    u64 base = l->base, size = l->size;
    struct phys_layer *end = p->layers + p->layer_count;
    memmove(l, l + 1, (size_t)(end - l - 1) * sizeof *l);
    p->layer_count--;
    map_update(p, base, size);
}

/* ---- slow accesses: registers and mixed pages ---- */

/* The topmost layer that answers an access at ADDR; NULL for a hole. */
static const struct phys_layer *layer_at(const struct physmem *p, u64 addr, bool write)
{
    for (unsigned i = p->layer_count; i-- > 0;) {
        const struct phys_layer *l = &p->layers[i];
        if (layer_covers(l, addr, 1) && (l->ops || layer_mode(l, write) != PHYS_THROUGH))
            return l;
    }
    return NULL;
}

/* The largest part of an access that the registers take at once. */
static unsigned mmio_part(const struct phys_layer *l, u64 offset, unsigned size)
{
    unsigned part = size;
    while (part > 1 && (!(l->ops->sizes & part) || offset + part > l->size || (offset & (part - 1) && part < size)))
        part >>= 1;
    return part;
}

static u64 read_part(struct physmem *p, u64 addr, unsigned size, unsigned *done)
{
    const struct phys_layer *l = layer_at(p, addr, false);
    if (l && l->ops) {
        u64 offset = addr - l->base;
        unsigned part = mmio_part(l, offset, size);
        u64 mask = part == 8 ? ~(u64)0 : BIT64(part * 8) - 1;
        *done = part;
        return (l->ops->read ? l->ops->read(l->opaque, offset, part) : ~(u64)0) & mask;
    }
    *done = 1;
    if (!l || l->read != PHYS_BACKED)
        return 0xFF;
    return *(phys_frame_host(p, l->frame) + (addr - l->base));
}

static unsigned write_part(struct physmem *p, u64 addr, u64 value, unsigned size)
{
    const struct phys_layer *l = layer_at(p, addr, true);
    if (l && l->ops) {
        u64 offset = addr - l->base;
        unsigned part = mmio_part(l, offset, size);
        u64 mask = part == 8 ? ~(u64)0 : BIT64(part * 8) - 1;
        if (l->ops->write)
            l->ops->write(l->opaque, offset, value & mask, part);
        return part;
    }
    if (l && l->write == PHYS_BACKED) {
        u8 byte = (u8)value;
        u64 offset = addr - l->base;
        phys_store(p, l->frame + (u32)(offset >> PAGE_BITS), offset & (PAGE_SIZE - 1), &byte, 1);
    }
    return 1;
}

/* SIZE as the power of two that the access really is: 3 bytes of a page crossing are done as 2 + 1. */
static unsigned pow2_floor(unsigned size)
{
    return size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
}

u64 phys_read_slow(struct physmem *p, u64 addr, unsigned size)
{
    u32 frame = phys_read_frame(p, addr);
    u64 value = 0;
    if (!(frame & PHYS_SLOW)) {
        value = ~(u64)0;
        if (frame)
            memcpy(&value, phys_frame_host(p, frame) + (addr & (PAGE_SIZE - 1)), size);
        return size == 8 ? value : value & (BIT64(size * 8) - 1);
    }
    for (unsigned i = 0, done; i < size; i += done)
        value |= read_part(p, addr + i, pow2_floor(size - i), &done) << (i * 8);
    return value;
}

void phys_write_slow(struct physmem *p, u64 addr, u64 value, unsigned size)
{
    u32 frame = phys_write_frame(p, addr);
    if (!(frame & PHYS_SLOW)) {
        if (frame)
            phys_store(p, frame, addr & (PAGE_SIZE - 1), &value, size);
        return;
    }
    for (unsigned i = 0, done; i < size; i += done)
        done = write_part(p, addr + i, value >> (i * 8), pow2_floor(size - i));
}

/* ---- DMA ---- */

void phys_read(struct physmem *p, u64 addr, void *data, size_t len)
{
    u8 *out = data;
    while (len) {
        u32 off = addr & (PAGE_SIZE - 1);
        size_t n = MIN(len, (size_t)(PAGE_SIZE - off));
        u32 frame = phys_read_frame(p, addr);
        if (frame & PHYS_SLOW) {
            n = MIN(n, pow2_floor((unsigned)MIN(n, 8)));
            u64 v = phys_read_slow(p, addr, (unsigned)n);
            memcpy(out, &v, n);
        } else if (frame) {
            memcpy(out, phys_frame_host(p, frame) + off, n);
        } else {
            memset(out, 0xFF, n);
        }
        out += n;
        addr += n;
        len -= n;
    }
}

void phys_write(struct physmem *p, u64 addr, const void *data, size_t len)
{
    const u8 *in = data;
    while (len) {
        u32 off = addr & (PAGE_SIZE - 1);
        size_t n = MIN(len, (size_t)(PAGE_SIZE - off));
        u32 frame = phys_write_frame(p, addr);
        if (frame & PHYS_SLOW) {
            n = pow2_floor((unsigned)MIN(n, 8));
            u64 v = 0;
            memcpy(&v, in, n);
            phys_write_slow(p, addr, v, (unsigned)n);
        } else if (frame) {
            phys_store(p, frame, off, in, (u32)n);
        }
        in += n;
        addr += n;
        len -= n;
    }
}

/* ---- watches ---- */

void phys_store(struct physmem *p, u32 frame, u32 offset, const void *data, u32 len)
{
    struct frame *f = &p->frames[frame];
    if (f->flags & FRAME_ROM)
        return;
    if (p->journal_store)
        p->journal_store(p->journal_ctx, frame, offset, len);
    u64 g = phys_granules(offset, len);
    if (f->code & g && p->code_write)
        p->code_write(p->ctx, frame, offset, len);
    if (f->pagetable & g && p->pagetable_write)
        p->pagetable_write(p->ctx, frame, offset, len);
    phys_touch(p, frame);
    f->flags &= (u8)~FRAME_DISPLAY;
    memcpy(phys_frame_host(p, frame) + offset, data, len);
}

static void forget_writable(struct physmem *p, u32 frame)
{
    struct frame *f = &p->frames[frame];
    if (!(f->flags & FRAME_WTLB))
        return;
    if (p->drop_write_tlb)
        p->drop_write_tlb(p->ctx, frame);
    f->flags &= (u8)~FRAME_ENTRIES;
}

/* More granules in MASK of FRAME. Where one is watched already, so is the page. */
static void watch(struct physmem *p, u32 frame, u64 *mask, u64 granules)
{
    if (granules & ~*mask)
        forget_writable(p, frame);
    *mask |= granules;
}

void phys_watch_code(struct physmem *p, u32 frame, u32 offset, u32 len)
{
    watch(p, frame, &p->frames[frame].code, phys_granules(offset, len));
}

void phys_watch_pagetable(struct physmem *p, u32 frame, u32 offset)
{
    watch(p, frame, &p->frames[frame].pagetable, phys_granules(offset, 1));
}

void phys_watch_dirty(struct physmem *p, u32 frame)
{
    forget_writable(p, frame);
    p->frames[frame].flags |= FRAME_DIRTY;
}

void phys_unwatch_dirty(struct physmem *p, u32 frame)
{
    p->frames[frame].flags &= (u8)~FRAME_DIRTY;
}

u64 phys_take_dirty(struct physmem *p, u32 frame)
{
    struct frame *f = &p->frames[frame];
    if (f->flags & FRAME_VISITED && f->flags & FRAME_DISPLAY)
        return 0;
    forget_writable(p, frame);
    f->flags |= FRAME_DISPLAY | FRAME_VISITED;
    return ~(u64)0;
}
