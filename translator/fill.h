/*
 * fill.h - what backends do when the probe of the TLB refuses an access.
 */
#ifndef OMBRA_TRANSLATOR_FILL_H
#define OMBRA_TRANSLATOR_FILL_H

#include "softmmu/access.h"

/*
 * Has the walk put the page where the probe looks? Raises #PF. If not, the instruction's handler does the access, and the block is left
 * behind it: registers of devices, watched memory, two pages.
 */
static inline bool fill_probe(struct mmu *m, u64 lin, unsigned size, bool write)
{
    u32 avail;
    if ((lin & (PAGE_SIZE - 1)) + size > PAGE_SIZE || !mmu_run(m, lin, write, &avail))
        return false;
    return tlb_hit(write ? m->wr : m->rd, lin, size) != NULL;
}

#endif
