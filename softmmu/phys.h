/*
 * phys.h - guest-physical memory of one machine: what backs each page, who is
 * told when it is written.
 *
 * All backing memory (RAM, ROM, video RAM) is carved from one host reservation, so
 * that a frame id is the page's index in it: host address = backing + id * 4096.
 * A frame id names backing memory after A20, SMM and BIOS shadowing were decoded.
 * Frame 0 is never used: it means "none".
 *
 * The processor's accesses come through mmu.h/access.h; devices come through
 * phys_read() and phys_write() (DMA). One phys_store() serves every write that can hit a
 * watch, from either side.
 */
#ifndef OMBRA_SOFTMMU_PHYS_H
#define OMBRA_SOFTMMU_PHYS_H

#include "base/bus.h"
#include "base/state.h"
#include "base/types.h"

enum { PAGE_BITS = 12, PAGE_SIZE = 1 << PAGE_BITS, GRANULE_BITS = 6 };
#define PAGE_MASK (~(u64)(PAGE_SIZE - 1))

/* Flags of a frame. A watched-clean flag means: tell (once) when anything in the page is written. */
enum {
    FRAME_DISPLAY = 1,  /* shown on a display and clean since ram_dirty() asked */
    FRAME_DIRTY = 2,    /* not written since phys_watch_dirty() */
    FRAME_WTLB = 4,     /* a writable TLB entry may exist in wtlb_slot: drop it before watching */
    FRAME_WTLB_MANY = 32, /* ... or in any slot */
    FRAME_ROM = 8,      /* backing of a ROM: never writable by the guest */
    FRAME_VISITED = 16, /* ram_dirty() has asked for this page before */
    FRAME_BESIDE = 64,  /* with FRAME_WTLB: entries for granules may exist */
    FRAME_ENTRIES = FRAME_WTLB | FRAME_WTLB_MANY | FRAME_BESIDE,
};

struct frame {
    u64 code;       /* 64-byte granules that hold bytes of decoded or translated code */
    u64 pagetable;  /* granules that a page walk took live entries from */
    void *blocks;   /* the engine's blocks that start in or reach into this frame */
    u32 pt_region;  /* which linear region the entries map: see walk.c */
    u16 wtlb_slot;
    u8 flags;
};

/* How one mapping treats an access kind. */
enum phys_mode { PHYS_THROUGH, /* the layer below answers */ PHYS_BACKED, PHYS_VANISH /* reads all ones, writes vanish */ };

/* Page map entry: frame id, or one of these bits for "look at the layers". */
#define PHYS_SLOW 0x80000000u /* MMIO or a mixed page */

struct phys_layer; /* private */

struct physmem {
    struct log *log;
    u8 *backing;        /* the reservation */
    u64 backing_size;   /* bytes reserved */
    u64 backing_used;
    struct frame *frames; /* one per page of the reservation */
    u32 *rmap, *wmap;     /* per guest-physical page: frame id for reading and writing, 0 = hole, PHYS_SLOW */
    u64 npages;           /* entries in the maps; pages above are holes */
    struct phys_layer *layers; /* newest last */
    unsigned layer_count, layer_cap;
    int next_handle;
    /* Told after the map changed in any way: TLBs must go. */
    void (*map_changed)(void *ctx);
    /* Told before guest bytes that hold code are overwritten (already filtered by granule). */
    void (*code_write)(void *ctx, u32 frame, u32 offset, u32 len);
    /* Told before a live page-table granule is overwritten. */
    void (*pagetable_write)(void *ctx, u32 frame, u32 offset, u32 len);
    /* Drops all writable TLB entries of FRAME. */
    void (*drop_write_tlb)(void *ctx, u32 frame);
    void *ctx;
    /* Told before the first write to a frame that phys_watch_dirty() watches; it is watched no more. */
    void (*first_write)(void *ctx, u32 frame);
    void *first_write_ctx;
    /* Journal hook: when set, no writable TLB entries exist and every store is reported before it happens. */
    void (*journal_store)(void *ctx, u32 frame, u32 offset, u32 len);
    void *journal_ctx;
};

/* Reserves backing for RAM_SIZE bytes of RAM and DEVICE_SIZE bytes of device memory and a map for MAX_PHYS bytes of address space. 0 or -ENOMEM. */
int phys_init(struct physmem *p, struct log *log, u64 ram_size, u64 device_size, u64 max_phys);
void phys_free(struct physmem *p);

/* Carves SIZE bytes (multiple of 4096) off the reservation. Returns the first frame id, or 0 if the reservation is full. */
u32 phys_alloc(struct physmem *p, u64 size);

static inline u8 *phys_frame_host(const struct physmem *p, u32 frame)
{
    return p->backing + ((u64)frame << PAGE_BITS);
}

static inline u32 phys_host_frame(const struct physmem *p, const void *host)
{
    return (u32)((u64)((const u8 *)host - p->backing) >> PAGE_BITS);
}

/* Lays backing memory from FRAME on over [BASE, BASE+SIZE), both multiples of 4096. Returns a handle > 0 or -errno. */
int phys_map(struct physmem *p, u64 base, u64 size, u32 frame, enum phys_mode read, enum phys_mode write);

/* Lays registers over any byte range. Returns a handle > 0 or -errno. */
int phys_map_mmio(struct physmem *p, u64 base, u64 size, const struct mmio_ops *ops, void *opaque, const char *name);

/* Changes how an existing mapping answers (BIOS shadowing), or takes it away. */
void phys_remap(struct physmem *p, int handle, enum phys_mode read, enum phys_mode write);
void phys_unmap(struct physmem *p, int handle);

/* The frame that answers reads or writes at ADDR, 0 for a hole, PHYS_SLOW for registers. */
static inline u32 phys_read_frame(const struct physmem *p, u64 addr)
{
    u64 page = addr >> PAGE_BITS;
    return page < p->npages ? p->rmap[page] : 0;
}

static inline u32 phys_write_frame(const struct physmem *p, u64 addr)
{
    u64 page = addr >> PAGE_BITS;
    return page < p->npages ? p->wmap[page] : 0;
}

/* Any length, any alignment, any address: DMA and slow paths. */
void phys_read(struct physmem *p, u64 addr, void *data, size_t len);
void phys_write(struct physmem *p, u64 addr, const void *data, size_t len);

/* One access of SIZE 1, 2, 4 or 8 within a page, registers included. */
u64 phys_read_slow(struct physmem *p, u64 addr, unsigned size);
void phys_write_slow(struct physmem *p, u64 addr, u64 value, unsigned size);

/* Stores into a backing frame, honouring journal and watches. OFFSET+LEN lies within the page. */
void phys_store(struct physmem *p, u32 frame, u32 offset, const void *data, u32 len);

/* True if plain stores to FRAME need no telling: it may enter a write TLB. */
static inline bool phys_plain_write(const struct physmem *p, u32 frame)
{
    const struct frame *f = &p->frames[frame];
    return !(f->code | f->pagetable) && !(f->flags & (FRAME_DISPLAY | FRAME_DIRTY | FRAME_ROM)) && !p->journal_store;
}

/* Granules that [OFFSET, OFFSET+LEN) of a page touches. */
static inline u64 phys_granules(u32 offset, u32 len)
{
    u32 first = offset >> GRANULE_BITS, last = (offset + len - 1) >> GRANULE_BITS;
    u64 upto = last == 63 ? ~(u64)0 : BIT64(last + 1) - 1;
    return upto & ~(BIT64(first) - 1);
}

/* True if some of FRAME is watched, but nobody wants to be told of a store to [OFFSET, OFFSET+LEN) of it. */
static inline bool phys_beside_watched(const struct physmem *p, u32 frame, u32 offset, u32 len)
{
    const struct frame *f = &p->frames[frame];
    u64 granules = f->code | f->pagetable;
    return granules && !(granules & phys_granules(offset, len)) &&
           !(f->flags & (FRAME_DISPLAY | FRAME_DIRTY | FRAME_ROM));
}

/* A write TLB is given an entry of FRAME in SLOT: plain, or of some granules. */
static inline void phys_note_wtlb(struct physmem *p, u32 frame, u16 slot)
{
    struct frame *f = &p->frames[frame];
    if (f->flags & FRAME_WTLB && f->wtlb_slot != slot)
        f->flags |= FRAME_WTLB_MANY;
    f->flags |= FRAME_WTLB;
    f->wtlb_slot = slot;
}

/* Starts watching granules; drops writable TLB entries where there may be some. */
void phys_watch_code(struct physmem *p, u32 frame, u32 offset, u32 len);
void phys_watch_pagetable(struct physmem *p, u32 frame, u32 offset);

/* The next write to FRAME will be told to first_write, once; then it is as it was. */
void phys_watch_dirty(struct physmem *p, u32 frame);
void phys_unwatch_dirty(struct physmem *p, u32 frame);

/* The owner of a frame writes to it by its host address: to be called before. */
static inline void phys_touch(struct physmem *p, u32 frame)
{
    struct frame *f = &p->frames[frame];
    if (!(f->flags & FRAME_DIRTY))
        return;
    f->flags &= (u8)~FRAME_DIRTY;
    p->first_write(p->first_write_ctx, frame);
}

/* As bus->ram_dirty, by frame. */
u64 phys_take_dirty(struct physmem *p, u32 frame);

#endif
