/*
 * access.h - loads and stores by linear address, for all C code of the processor.
 *
 * mmu_ld*() and mmu_st*() act with the current privilege (USER at CPL 3); the _sys
 * forms act as supervisor whatever the CPL (descriptor tables, TSS, IDT). Linear
 * addresses are already truncated to 32 bits outside 64-bit mode. An access that
 * crosses a page checks both pages before it does anything. Page faults do not return.
 *
 * One compare detects a miss and a page crossing: the tag is compared with the page of
 * the access's last byte.
 */
#ifndef OMBRA_SOFTMMU_ACCESS_H
#define OMBRA_SOFTMMU_ACCESS_H

#include "softmmu/mmu.h"

u64 mmu_read_slow(struct mmu *m, u64 lin, unsigned size, enum tlb_priv priv);
void mmu_write_slow(struct mmu *m, u64 lin, u64 value, unsigned size, enum tlb_priv priv);

/* The read half of a read-modify-write: checks that the access may be written (#PF has W = 1), then reads. *HOST, NULL
 * before, becomes the place where the other half may store at once, if there is one. */
u64 mmu_rmw_slow(struct mmu *m, u64 lin, unsigned size, enum tlb_priv priv, u8 **host);

/* Checks [LIN, LIN+LEN) for the access; raises #PF for the first page that does not allow it. Sets A and D bits as an access would. */
void mmu_probe(struct mmu *m, u64 lin, u32 len, bool write, enum tlb_priv priv);

static ALWAYS_INLINE u8 *tlb_hit(const struct tlb_entry *half, u64 lin, unsigned size)
{
    const struct tlb_entry *e = &half[(lin >> PAGE_BITS) & (TLB_SIZE - 1)];
    if (UNLIKELY(e->tag != ((lin + size - 1) & PAGE_MASK)))
        return NULL;
    u8 *host = (u8 *)(uintptr_t)(lin + e->addend);
    if (!host)
        __builtin_unreachable(); /* spares the caller a second test */
    return host;
}

#define MMU_ACCESS(bits, type, load, store)                                                            \
    static ALWAYS_INLINE type mmu_ld##bits(struct mmu *m, u64 lin)                                     \
    {                                                                                                  \
        const u8 *p = tlb_hit(m->rd, lin, bits / 8);                                                   \
        return LIKELY(p != NULL) ? load(p) : (type)mmu_read_slow(m, lin, bits / 8, m->priv);           \
    }                                                                                                  \
    static ALWAYS_INLINE void mmu_st##bits(struct mmu *m, u64 lin, type v)                             \
    {                                                                                                  \
        u8 *p = tlb_hit(m->wr, lin, bits / 8);                                                         \
        if (LIKELY(p != NULL))                                                                         \
            store(p, v);                                                                               \
        else                                                                                           \
            mmu_write_slow(m, lin, v, bits / 8, m->priv);                                              \
    }                                                                                                  \
    static ALWAYS_INLINE type mmu_ld##bits##_sys(struct mmu *m, u64 lin)                               \
    {                                                                                                  \
        const u8 *p = tlb_hit(m->ctx.read[TLB_SYSTEM], lin, bits / 8);                                 \
        return LIKELY(p != NULL) ? load(p) : (type)mmu_read_slow(m, lin, bits / 8, TLB_SYSTEM);        \
    }                                                                                                  \
    static ALWAYS_INLINE void mmu_st##bits##_sys(struct mmu *m, u64 lin, type v)                       \
    {                                                                                                  \
        u8 *p = tlb_hit(m->ctx.write[TLB_SYSTEM], lin, bits / 8);                                      \
        if (LIKELY(p != NULL))                                                                         \
            store(p, v);                                                                               \
        else                                                                                           \
            mmu_write_slow(m, lin, v, bits / 8, TLB_SYSTEM);                                           \
    }                                                                                                  \
    /* Read-modify-write: *HOST receives where mmu_rmw_end may store directly, or NULL. */             \
    static ALWAYS_INLINE type mmu_rmw##bits(struct mmu *m, u64 lin, u8 **host)                         \
    {                                                                                                  \
        *host = tlb_hit(m->wr, lin, bits / 8);                                                         \
        return LIKELY(*host != NULL) ? load(*host) : (type)mmu_rmw_slow(m, lin, bits / 8, m->priv, host); \
    }                                                                                                  \
    static ALWAYS_INLINE void mmu_rmw_end##bits(struct mmu *m, u64 lin, u8 *host, type v)              \
    {                                                                                                  \
        if (LIKELY(host != NULL))                                                                      \
            store(host, v);                                                                            \
        else                                                                                           \
            mmu_write_slow(m, lin, v, bits / 8, m->priv);                                              \
    }

static ALWAYS_INLINE u8 access_ld8(const u8 *p)
{
    return *p;
}

static ALWAYS_INLINE void access_st8(u8 *p, u8 v)
{
    *p = v;
}

MMU_ACCESS(8, u8, access_ld8, access_st8)
MMU_ACCESS(16, u16, ld16, st16)
MMU_ACCESS(32, u32, ld32, st32)
MMU_ACCESS(64, u64, ld64, st64)

#undef MMU_ACCESS

/*
 * Direct host access to a run of bytes for REP: returns the host address of LIN if its page is in the TLB as plain memory (walking
 * if need be, #PF as an access would), and in *AVAIL how many bytes follow up to the end of the page. NULL: use single accesses.
 */
u8 *mmu_run(struct mmu *m, u64 lin, bool write, u32 *avail);

/* For writing, where mmu_run() has found no plain memory: the host address of [LIN, LIN+LEN) if only other parts of its page are
 * watched, else NULL. */
u8 *mmu_run_beside(struct mmu *m, u64 lin, u32 len);

#endif
