/*
 * walk.h - page walks. Private to softmmu/ and to views that draw a walk.
 */
#ifndef OMBRA_SOFTMMU_WALK_H
#define OMBRA_SOFTMMU_WALK_H

#include "softmmu/mmu.h"

/* Page-table entry bits, SDM vol. 3A 4.3 to 4.4. */
enum {
    PTE_P = 1 << 0,
    PTE_W = 1 << 1,
    PTE_U = 1 << 2,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
    PTE_G = 1 << 8,
};
#define PTE_NX ((u64)1 << 63)

enum { WALK_MAX_LEVELS = 4 };

struct walk_level {
    u64 entry_addr; /* guest-physical address of the entry */
    u64 entry;
    u8 level;       /* 1: page table, 2: page directory, 3: directory pointers */
};

struct walk {
    struct walk_level step[WALK_MAX_LEVELS];
    unsigned steps;
    unsigned entry_size; /* 4 or 8 */
    u64 phys;     /* of the 4-KiB page that holds the address; valid if present and !reserved */
    u32 rights;   /* TLB2_* */
    bool present;
    bool reserved; /* a reserved bit is set: #PF with RSVD */
};

/* Reads the entries for LIN; changes nothing. Paging must be on. */
void walk_read(const struct mmu *m, u64 lin, struct walk *w);

/* Sets A in every entry of a successful walk and D in the last if WRITE, and starts watching them. */
void walk_commit(struct mmu *m, struct walk *w, u64 lin, bool write);

/* Linear pages that came from the entries in [OFFSET, OFFSET+LEN) of a page-table frame: drops them, or everything. */
void walk_entries_written(struct mmu *m, u32 frame, u32 offset, u32 len);

#endif
