/*
 * debug.c - breakpoints by address: instructions (faults before), data and I/O (traps after).
 */
#include "cpu/debug.h"
#include "cpu/exec.h"

enum bp_kind { BP_INSN = 0, BP_WRITE = 1, BP_IO = 2, BP_ACCESS = 3 };

static enum bp_kind bp_kind(const struct cpu *c, unsigned n)
{
    return (enum bp_kind)(c->dr[7] >> (16 + n * 4) & 3);
}

/* Bytes that breakpoint N covers; LEN = 2 is 8 bytes on the parts that define it. */
static u32 bp_len(const struct cpu *c, unsigned n)
{
    static const u8 len[4] = {1, 2, 8, 4};
    return len[c->dr[7] >> (18 + n * 4) & 3];
}

/* Whether [ADDR, ADDR+SIZE) overlaps breakpoint N, which covers an aligned block. */
static bool bp_overlaps(const struct cpu *c, unsigned n, u64 addr, u32 size)
{
    u32 len = bp_len(c, n);
    u64 first = (u32)c->dr[n] & ~(u64)(len - 1);
    return addr < first + len && first < addr + size;
}

static bool observes_memory(const struct cpu *c)
{
    return c->observer && c->observer->memory;
}

void cpu_observe(struct cpu *c, const struct cpu_observer *o)
{
    c->observer = o;
    debug_update(c);
}

void debug_update(struct cpu *c)
{
    u8 insn = 0, data = 0, io = 0;
    for (unsigned n = 0; n < 4; n++) {
        u8 bit = (u8)(1u << n);
        if (!(c->dr[7] >> (n * 2) & 3))
            continue;
        enum bp_kind kind = bp_kind(c, n);
        if (kind == BP_INSN)
            insn |= bit;
        else if (kind == BP_IO)
            io |= c->cr4 & CR4_DE ? bit : 0;
        else
            data |= bit;
    }
    if (insn)
        c->attention |= ATT_CODE; /* leaves the fast loop, which does not look for them */
    c->bp_insn = insn;
    c->bp_io = io;
    c->bp_data = data;
    bool watching = data || c->stops.data || observes_memory(c);
    if (watching || c->mmu.watching)
        mmu_set_watching(&c->mmu, watching);
}

void debug_insn_check(struct cpu *c)
{
    if (c->eflags & F_RF)
        return;
    u32 hits = 0, lin = (u32)(c->seg[SEG_CS].base + c->ip);
    for (unsigned n = 0; n < 4; n++)
        if ((c->bp_insn >> n & 1) && (u32)c->dr[n] == lin)
            hits |= 1u << n;
    if (!hits)
        return;
    c->dr[6] |= hits;
    cpu_raise(c, VEC_DB);
}

static void pend_trap(struct cpu *c, u32 hits)
{
    if (!hits)
        return;
    c->db_pending |= hits;
    c->attention |= ATT_DB;
}

void debug_io_check(struct cpu *c, u16 port, unsigned size)
{
    u32 hits = 0;
    for (unsigned n = 0; n < 4; n++)
        if ((c->bp_io >> n & 1) && bp_overlaps(c, n, port, size))
            hits |= 1u << n;
    pend_trap(c, hits);
}

bool debug_watched_page(void *owner, u64 lin)
{
    const struct cpu *c = owner;
    for (unsigned n = 0; n < 4; n++)
        if ((c->bp_data >> n & 1) && bp_overlaps(c, n, lin & PAGE_MASK, PAGE_SIZE))
            return true;
    return observes_memory(c) || (c->stops.data && stops_watch_page(c, lin));
}

void debug_watch_hit(void *owner, u64 lin, u64 value, unsigned size, bool write)
{
    struct cpu *c = owner;
    u32 hits = 0;
    for (unsigned n = 0; n < 4; n++)
        if ((c->bp_data >> n & 1) && (write || bp_kind(c, n) == BP_ACCESS) && bp_overlaps(c, n, lin, size))
            hits |= 1u << n;
    pend_trap(c, hits);
    if (c->stops.data)
        stops_data(c, lin, size, write);
    if (observes_memory(c))
        c->observer->memory(c->observer->ctx, c, lin, value, size, write);
}
