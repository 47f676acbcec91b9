/*
 * spaces.h - address spaces that were left: what the TLB held of them comes back when CR3 is loaded with them again. Private to
 * softmmu/.
 *
 * The TLB is coherent, so what was kept is as good as what a walk would say; whatever drops an entry drops it here too.
 * Global pages are in all of them and stay where they are.
 */
#ifndef OMBRA_SOFTMMU_SPACES_H
#define OMBRA_SOFTMMU_SPACES_H

#include "softmmu/mmu.h"

/* CR3, and with PAE the PDPTEs, are about to become these. */
void spaces_switch(struct mmu *m, u64 cr3, const u64 pdpte[4]);

/* Nothing that was kept is right any more; of the second level too if ALL. */
void spaces_forget(struct mmu *m, bool all);

void spaces_drop_page(struct mmu *m, u64 lin);

/* Writable entries in SLOT, or in any if that is TLB_SIZE, of the page at HOST. */
void spaces_drop_write(struct mmu *m, unsigned slot, u64 host);

/* Drops those whose page directory FRAME is. True: it is the active one's, of which more may have come from it. */
bool spaces_forget_dir(struct mmu *m, u32 frame);

/* All of 1 << BITS bytes from LIN on. */
void spaces_drop_region(struct mmu *m, u64 lin, unsigned bits);

#endif
