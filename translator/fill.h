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
    bool beside;  /* the probe is of granules: see struct mmu */
};

static inline bool fill_misaligned(u64 lin, const struct fill_group *g)
{
    return g->aligned && ((lin - g->delta + g->residue) & 15);
}

/* Does the group, or the one access of SIZE, lie in more than one page, or granule? */
static inline bool fill_straddles(u64 lin, unsigned size, const struct fill_group *g)
{
    u64 whole = g->beside ? 1 << GRANULE_BITS : PAGE_SIZE;
    return ((lin - g->delta) & (whole - 1)) + MAX(g->span, size) > whole;
}

/*
 * Has the walk put the page where the probe looks? Raises #PF. If not, the instruction's handler does the access, and the block is left
 * behind it: registers of devices, watched memory, two pages.
 */
static inline bool fill_probe(struct mmu *m, u64 lin, unsigned size, bool write, const struct fill_group *g)
{
    u32 avail;
    u64 drops = m->write_drops;
    if (fill_misaligned(lin, g) || fill_straddles(lin, size, g))
        return false;
    bool ready = g->write && !write && mmu_write_ready(m, lin); /* what may be written may be read */
    if ((!ready && !mmu_run(m, lin, write, &avail) && !g->beside) || m->write_drops != drops)
        return false;
    if (g->write && !write && !ready && !g->beside && !mmu_write_ready(m, lin))
        return false;
    if (g->beside)
        return mmu_enter_beside(m, lin - g->delta, MAX(g->span, size));
    return tlb_hit(write || g->write ? m->wr : m->rd, lin, size) != NULL;
}

/* Has a store, or one of its group, been refused only because something else in its page is watched? */
static inline bool fill_is_beside(struct mmu *m, u64 lin, unsigned size, bool write, const struct fill_group *g)
{
    return (write || g->write) && !fill_straddles(lin, size, g) && mmu_is_beside(m, lin - g->delta, MAX(g->span, size));
}

#endif
