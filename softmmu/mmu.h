/*
 * mmu.h - one processor's memory management unit: page walks and the shadow TLB.
 *
 * The TLB is always coherent with the guest's page tables: a write to an entry in
 * use (by the processor or by DMA) drops what came from it. So its contents are never
 * visible to the guest, and INVLPG or a CR3 load are only hints that cost little:
 * what was left of an address space comes back with it (spaces.h). Global pages of one that
 * was left stay until INVLPG, as in a processor, whatever is written to its directory.
 *
 * Above it, cpu/ sees linear addresses only (access.h). Faults are reported through
 * the fault callback, which does not return.
 *
 * Intel SDM vol. 3A chapter 4 (paging).
 */
#ifndef OMBRA_SOFTMMU_MMU_H
#define OMBRA_SOFTMMU_MMU_H

#include "base/types.h"
#include "softmmu/phys.h"

enum { TLB_BITS = 10, TLB_SIZE = 1 << TLB_BITS, TLB2_BITS = 13, TLB2_SIZE = 1 << TLB2_BITS };
enum { TLB_BESIDE = PAGE_SIZE >> GRANULE_BITS };
#define GRANULE_MASK (~(u64)((1 << GRANULE_BITS) - 1))

#define TLB_NONE (~(u64)0)

/* In the tag of a write entry: part of the page is watched. The page compare misses and mmu_write_slow() looks closer.
 * Not among the bits that are compared as well where an access must be aligned. */
#define TLB_WATCHED 0x10u

/* tag: page of the linear address, or TLB_NONE. host address = linear address + addend. */
struct tlb_entry {
    u64 tag;
    u64 addend;
};

enum tlb_priv { TLB_SYSTEM = 0, TLB_USER = 1 };

struct tlb_ctx {
    struct tlb_entry read[2][TLB_SIZE];
    struct tlb_entry write[2][TLB_SIZE];
    struct tlb_entry fetch[2][TLB_SIZE];
};

/* An entry of the first level of an address space that is not the active one. */
struct tlb_kept {
    struct tlb_entry entry;
    u16 at; /* counted from the first of struct tlb_ctx */
};

enum { MMU_FETCHED = BIT(20) / 64 /* a bit for each page of 4 GiB */, MMU_SPACES = 8, SPACE_ENTRIES = 128 };
enum { LARGE_BITS = 22, MMU_LARGE = BIT(32 - LARGE_BITS) / 64 };

/* An address space that was left, by what was in CR3: see spaces.h. */
struct mmu_space {
    u64 cr3, pdpte[4];
    u64 left_at;     /* the older the smaller; 0: never */
    u64 epoch;       /* of its fetches, right if RENEWALS still is */
    u64 renewals;
    u32 generation;  /* of its entries in the second level; 0: it has none */
    unsigned count;
    u64 slots[TLB_SIZE / 64]; /* in which some are */
    struct tlb_kept kept[SPACE_ENTRIES];
};

/* Second level: what a walk said, for any kind of access. Valid while its generation is the current one. */
struct tlb2_entry {
    u64 page; /* linear page | TLB2_* rights */
    u64 phys; /* guest-physical page */
    u32 generation;
};

enum {
    TLB2_USER = 1,   /* user accesses allowed */
    TLB2_WRITE = 2,  /* R/W set at all levels */
    TLB2_DIRTY = 4,  /* D set: writes need no walk */
    TLB2_GLOBAL = 8,
    TLB2_NX = 16,
    TLB2_LARGE = 32,
};

/* Page-fault error code, SDM vol. 3A 4.7. */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

struct mmu {
    struct tlb_entry *rd, *wr, *fe; /* the halves of ctx for the current privilege */
    struct physmem *phys;
    struct tlb_ctx ctx;
    struct tlb2_entry second[TLB2_SIZE];
    /* For stores near watched memory: granules that are not watched, by privilege. Tags are of granules, not of pages. An entry
     * goes when its page's write entry would: before anything more of the page is watched. */
    struct tlb_entry beside[2][TLB_BESIDE];
    u64 beside_used; /* slots, by bit, that may hold something */
    enum tlb_priv priv; /* USER exactly at CPL 3 */
    /* What decides a walk; set by mmu_set_mode() and mmu_load_cr3(). */
    bool paging, wp, pse, pae, pge, nxe, lma;
    u64 cr3;
    u64 pdpte[4];   /* PAE: loaded with CR3 */
    u64 a20_mask;   /* ~0, or with bit 20 clear */
    u64 phys_mask;  /* MAXPHYADDR as a mask */
    bool nx_supported;
    /* Raises #PF (sets CR2); does not return. */
    void (*fault)(void *owner, u64 lin, u32 error);
    /* Linear pages with a data breakpoint: accesses to them always take the slow path and are reported. */
    bool (*watched_page)(void *owner, u64 lin);
    void (*watch_hit)(void *owner, u64 lin, u64 value, unsigned size, bool write);
    bool watching;
    void *owner;
    u32 generation;        /* last one given out; 0 is never valid */
    u32 generation_all;    /* of global entries: renewed by a flush of everything */
    u32 generation_local;  /* of the others: each address space has its own */
    u64 last_epoch;         /* that was given out */
    u64 renewals;           /* how often both were renewed */
    u64 fetch_epoch;        /* renewed whenever what is fetched at some address may be another thing; bit 0 is the privilege */
    u64 fetch_epoch_global; /* the same for global pages: stays over a CR3 load. cpu/ renews both when it drops decoded code */
    u64 fetched[MMU_FETCHED]; /* bits for mmu_drop_page(): pages that an epoch may stand for, */
    u64 some_fetched[MMU_FETCHED / 64]; /* and which words of it are not 0 */
    u64 large[MMU_LARGE]; /* bits of 4 MiB of which there may be parts of large pages: INVLPG means all of one */
    u64 misses, walks, flushes; /* statistics */
    u64 local[sizeof(struct tlb_ctx) / sizeof(struct tlb_entry) / 64]; /* bits of CTX's entries that are not of global pages */
    struct mmu_space space[MMU_SPACES];
    u64 switches;  /* of address spaces */
    bool unwatched; /* a walk has led over entries that cannot be watched: the next load of CR3 drops all */
    u64 write_drops; /* calls of mmu_drop_write(): who keeps what a write entry said looks whether there were any */
};

void mmu_init(struct mmu *m, struct physmem *phys, void *owner);

/* New control-register values. Flushes what must go. CR0, CR4 and EFER are raw register values. */
void mmu_set_mode(struct mmu *m, u64 cr0, u64 cr4, u64 efer);

/* Loads CR3; with PAE paging also the four PDPTEs. Returns false (nothing changed) if a PDPTE has reserved bits set: #GP(0). */
bool mmu_load_cr3(struct mmu *m, u64 cr3);

/* CPL changed to or from 3. */
static inline void mmu_set_priv(struct mmu *m, enum tlb_priv priv)
{
    m->priv = priv;
    m->rd = m->ctx.read[priv];
    m->wr = m->ctx.write[priv];
    m->fe = m->ctx.fetch[priv];
    m->fetch_epoch = (m->fetch_epoch & ~(u64)1) | priv;
    m->fetch_epoch_global = (m->fetch_epoch_global & ~(u64)1) | priv;
}

/* An epoch counts for what is given out while last_epoch's upper bits stay. */
enum { MMU_ERA_BITS = 23 };

/* Never one that was given out before. */
static inline u64 mmu_new_epoch(struct mmu *m)
{
    return (m->last_epoch += 2) | m->priv;
}

static inline void mmu_renew_fetch_epoch(struct mmu *m)
{
    m->fetch_epoch = mmu_new_epoch(m);
    m->fetch_epoch_global = mmu_new_epoch(m);
    m->renewals++;
}

/* Of this and the other address spaces, global pages apart. */
static inline void mmu_renew_local_epochs(struct mmu *m)
{
    m->fetch_epoch = mmu_new_epoch(m);
    m->renewals++;
}

u32 mmu_new_generation(struct mmu *m);

/* Which of the epochs counts for code at LIN. */
u64 mmu_fetch_epoch_of(struct mmu *m, u64 lin);

void mmu_set_a20(struct mmu *m, bool enabled);
void mmu_flush_all(struct mmu *m);
void mmu_flush_page(struct mmu *m, u64 lin); /* INVLPG */

/* The entry for the page at LIN, or for a table or a large page of 1 << BITS bytes, is about to change. GLOBAL: it may be of all spaces. */
void mmu_drop_page(struct mmu *m, u64 lin, bool global);
void mmu_drop_region(struct mmu *m, u64 lin, unsigned bits, bool global);

/* Is LIN in the first level for writing, or can it be put there without anything that the guest could see? */
bool mmu_write_ready(struct mmu *m, u64 lin);

/*
 * Of a page in the first level for writing, watched or not: may [LIN, LIN+LEN) be stored into unasked though its page is watched?
 * And puts the granule that they lie in, watched page or not, where translated code finds it. False: it may not be.
 */
bool mmu_is_beside(struct mmu *m, u64 lin, u32 len);
bool mmu_enter_beside(struct mmu *m, u64 lin, u32 len);

/* Breakpoint set changed: WATCHING says whether any data breakpoint is armed. */
void mmu_set_watching(struct mmu *m, bool watching);

/* Drops the writable entries of one frame; drops what came from page-table entries that are about to be overwritten. For
 * physmem's callbacks. */
void mmu_drop_write(struct mmu *m, u32 frame);
void mmu_pagetable_written(struct mmu *m, u32 frame, u32 offset, u32 len);

/*
 * Translates without any side effect (no A/D bits, no fault): for debuggers. Returns false if not mapped. USER 0.
 */
bool mmu_peek(const struct mmu *m, u64 lin, u64 *phys);

/* Whether E of the second level still counts: for views. */
static inline bool mmu_second_current(const struct mmu *m, const struct tlb2_entry *e)
{
    return e->generation == (e->page & TLB2_GLOBAL ? m->generation_all : m->generation_local);
}

/*
 * Instruction fetch: returns the host address of the byte at LIN and the frame it lies in, after access checks; sets A bits. NULL if the
 * page is not plain memory (registers, hole): *PHYS_ADDR is set then and the caller reads byte by byte. Raises #PF.
 */
const u8 *mmu_fetch_slow(struct mmu *m, u64 lin, u64 *phys_addr);

static inline const u8 *mmu_fetch(struct mmu *m, u64 lin, u64 *phys_addr)
{
    const struct tlb_entry *e = &m->fe[(lin >> PAGE_BITS) & (TLB_SIZE - 1)];
    if (LIKELY(e->tag == (lin & PAGE_MASK)))
        return (const u8 *)(uintptr_t)(lin + e->addend);
    return mmu_fetch_slow(m, lin, phys_addr);
}

#endif
