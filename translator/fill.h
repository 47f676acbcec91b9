/*
 * fill.h - what backends do when the probe of the TLB refuses an access.
 */
#ifndef OMBRA_TRANSLATOR_FILL_H
#define OMBRA_TRANSLATOR_FILL_H

#include "softmmu/access.h"

/* Of an access that is the first of a group: its place in it. SPAN 0: it is not. */
struct fill_group {
    u16 span, delta;
    bool write; /* some of the group are writes */
    bool aligned; /* to 16 bytes what is RESIDUE bytes into it; also of an access without a group */
    u8 residue;
};

static inline bool fill_misaligned(u64 lin, const struct fill_group *g)
{
    return g->aligned && ((lin - g->delta + g->residue) & 15);
}

/* Does the group lie in more than one page? */
static inline bool fill_straddles(u64 lin, const struct fill_group *g)
{
    return ((lin - g->delta) & (PAGE_SIZE - 1)) + g->span > PAGE_SIZE;
}

/*
 * Has the walk put the page where the probe looks? Raises #PF. If not, the instruction's handler does the access, and the block is left
 * behind it: registers of devices, watched memory, two pages.
 */
static inline bool fill_probe(struct mmu *m, u64 lin, unsigned size, bool write, const struct fill_group *g)
{
    u32 avail;
    u64 drops = m->write_drops;
    if (fill_misaligned(lin, g) || (lin & (PAGE_SIZE - 1)) + size > PAGE_SIZE)
        return false;
    bool one_page = g->span && !fill_straddles(lin, g);
    bool ready = one_page && g->write && !write && mmu_write_ready(m, lin); /* what may be written may be read */
    if ((!ready && !mmu_run(m, lin, write, &avail)) || m->write_drops != drops)
        return false;
    if (!g->span)
        return tlb_hit(write ? m->wr : m->rd, lin, size) != NULL;
    if (!one_page || (g->write && !write && !ready && !mmu_write_ready(m, lin)))
        return false;
    return tlb_hit(g->write ? m->wr : m->rd, lin, size) != NULL;
}

#endif
