/*
 * io.c - port access: who may, and the access itself with its breakpoints.
 *
 * SDM vol. 1 chapter 18.5; vol. 3A 7.2.2 (the TSS's I/O map base).
 */
#include "cpu/debug.h"
#include "cpu/sys.h"

enum { TSS32_IOMAP = 0x66, TSS32_MIN_LIMIT = 0x67 };

/* The permission bits of SIZE ports from PORT on. The processor always reads two bytes, so both must lie in the TSS. */
static bool bitmap_allows(struct cpu *c, u16 port, unsigned size)
{
    if (c->tr.null || !(c->tr.attr & DESC_32) || c->tr.limit < TSS32_MIN_LIMIT)
        return false;
    u32 at = mmu_ld16_sys(&c->mmu, (u32)(c->tr.base + TSS32_IOMAP)) + port / 8u;
    if (at + 1 > c->tr.limit)
        return false;
    u16 bits = mmu_ld16_sys(&c->mmu, (u32)(c->tr.base + at));
    return !(bits >> (port & 7) & (BIT(size) - 1));
}

void io_check(struct cpu *c, u16 port, unsigned size)
{
    if (!cpu_pe(c) || (c->cpl <= cpu_iopl(c) && !cpu_vm86(c)))
        return;
    if (!bitmap_allows(c, port, size))
        raise_gp0(c);
}

static void observe(struct cpu *c, u16 port, u32 value, unsigned size, bool write)
{
    if (c->observer->port)
        c->observer->port(c->observer->ctx, c, port, value, size, write);
}

u32 io_in(struct cpu *c, u16 port, unsigned size)
{
    u32 v = c->host.in(c->host.ctx, port, size);
    if (UNLIKELY(c->bp_io))
        debug_io_check(c, port, size);
    if (UNLIKELY(c->observer))
        observe(c, port, v, size, false);
    return v;
}

void io_out(struct cpu *c, u16 port, u32 value, unsigned size)
{
    c->host.out(c->host.ctx, port, value, size);
    if (UNLIKELY(c->bp_io))
        debug_io_check(c, port, size);
    if (UNLIKELY(c->observer))
        observe(c, port, value, size, true);
}
