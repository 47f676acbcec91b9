/*
 * paging.h - a page walk for people: every level with the entry that was found there. It reads
 * tables by a callback and control registers from the processor, and changes nothing.
 *
 * SDM vol. 3A 4.3 (32-bit and PSE), 4.4 (PAE).
 */
#ifndef OMBRA_FRONTEND_STEP_PAGING_H
#define OMBRA_FRONTEND_STEP_PAGING_H

#include "cpu/cpu.h"
#include "frontend/step/peek.h"

enum paging_kind { PAGING_OFF, PAGING_32, PAGING_PAE };

struct page_step {
    const char *table;      /* "page directory" */
    const char *entry_name; /* "PDE" */
    u64 addr, entry;
    unsigned index;
    bool readable, leaf;
};

struct page_walk {
    enum paging_kind kind;
    struct page_step step[3];
    unsigned steps;
    bool mapped, reserved;        /* reserved: a bit that must be 0 is set */
    bool user, writable, execute; /* all levels together */
    unsigned page_bits;           /* 12, 21 or 22 if mapped */
    u64 phys;                     /* of the address itself if mapped */
};

enum paging_kind paging_kind(const struct cpu *c);
void page_walk(const struct cpu *c, const struct peek *peek, u64 lin, struct page_walk *w);

/* What is against an access at LIN as user or supervisor, or NULL: a word like "not mapped". */
const char *page_objection(const struct cpu *c, const struct page_walk *w, bool write, bool user);

#endif
