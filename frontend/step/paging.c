/*
 * paging.c - page walks over a callback.
 */
#include "frontend/step/paging.h"
#include "softmmu/walk.h"

#define EFER_NXE BIT(11)
#define PAE_ADDR 0x000FFFFFFFFFF000ull

enum paging_kind paging_kind(const struct cpu *c)
{
    if (!(c->cr0 & CR0_PG))
        return PAGING_OFF;
    return c->cr4 & CR4_PAE ? PAGING_PAE : PAGING_32;
}

/* Reads the entry at ADDR and adds the step. False: the walk ends here. */
static bool step_to(const struct peek *peek, struct page_walk *w, const char *table, const char *name, u64 addr,
                    unsigned index)
{
    struct page_step *s = &w->step[w->steps++];
    unsigned size = w->kind == PAGING_PAE ? 8 : 4;
    *s = (struct page_step){.table = table, .entry_name = name, .addr = addr, .index = index};
    s->readable = peek->phys && peek->phys(peek->ctx, addr, &s->entry, size);
    if (!s->readable)
        s->entry = 0;
    return s->entry & PTE_P;
}

static void add_rights(const struct cpu *c, struct page_walk *w, u64 entry)
{
    w->user &= (entry & PTE_U) != 0;
    w->writable &= (entry & PTE_W) != 0;
    w->execute &= !(w->kind == PAGING_PAE && entry & PTE_NX && c->efer & EFER_NXE);
}

static void finish(struct page_walk *w, u64 lin, u64 page, unsigned bits)
{
    w->step[w->steps - 1].leaf = true;
    w->mapped = true;
    w->page_bits = bits;
    w->phys = page | (lin & (BIT64(bits) - 1));
}

static void walk_32(const struct cpu *c, const struct peek *peek, u64 lin, struct page_walk *w)
{
    unsigned i = (unsigned)(lin >> 22) & 0x3FF;
    if (!step_to(peek, w, "page directory", "PDE", (c->cr3 & 0xFFFFF000) + i * 4u, i))
        return;
    u64 pde = w->step[0].entry;
    add_rights(c, w, pde);
    if (pde & PTE_PS && c->cr4 & CR4_PSE) {
        w->reserved = (pde & BIT(21)) != 0;
        finish(w, lin, (pde >> 13 & 0xFF) << 32 | (pde & 0xFFC00000), 22);
        return;
    }
    i = (unsigned)(lin >> 12) & 0x3FF;
    if (!step_to(peek, w, "page table", "PTE", (pde & 0xFFFFF000) + i * 4u, i))
        return;
    add_rights(c, w, w->step[1].entry);
    finish(w, lin, w->step[1].entry & 0xFFFFF000, 12);
}

static bool pae_reserved(const struct cpu *c, u64 entry)
{
    return entry & 0x7FF0000000000000ull || (entry & PTE_NX && !(c->efer & EFER_NXE));
}

/* The processor uses the directory pointers that it took when CR3 was loaded. */
static void step_pdpte(const struct cpu *c, u64 lin, struct page_walk *w)
{
    unsigned i = (unsigned)(lin >> 30) & 3;
    w->step[w->steps++] = (struct page_step){.table = "directory pointers",
                                             .entry_name = "PDPTE",
                                             .addr = (c->cr3 & 0xFFFFFFE0) + i * 8u,
                                             .entry = c->mmu.pdpte[i],
                                             .index = i,
                                             .readable = true};
}

static void walk_pae(const struct cpu *c, const struct peek *peek, u64 lin, struct page_walk *w)
{
    step_pdpte(c, lin, w);
    u64 pdpte = w->step[0].entry;
    unsigned i = (unsigned)(lin >> 21) & 0x1FF;
    if (!(pdpte & PTE_P) || !step_to(peek, w, "page directory", "PDE", (pdpte & PAE_ADDR) + i * 8u, i))
        return;
    u64 pde = w->step[1].entry;
    add_rights(c, w, pde);
    w->reserved = pae_reserved(c, pde);
    if (pde & PTE_PS) {
        w->reserved |= (pde & 0x1FE000) != 0;
        finish(w, lin, pde & PAE_ADDR & ~(u64)0x1FFFFF, 21);
        return;
    }
    i = (unsigned)(lin >> 12) & 0x1FF;
    if (!step_to(peek, w, "page table", "PTE", (pde & PAE_ADDR) + i * 8u, i))
        return;
    u64 pte = w->step[2].entry;
    add_rights(c, w, pte);
    w->reserved |= pae_reserved(c, pte);
    finish(w, lin, pte & PAE_ADDR, 12);
}

void page_walk(const struct cpu *c, const struct peek *peek, u64 lin, struct page_walk *w)
{
    *w = (struct page_walk){.kind = paging_kind(c), .user = true, .writable = true, .execute = true};
    if (w->kind == PAGING_OFF) {
        w->mapped = true;
        w->phys = lin;
        w->page_bits = 12;
    } else if (w->kind == PAGING_32) {
        walk_32(c, peek, lin, w);
    } else {
        walk_pae(c, peek, lin, w);
    }
}

const char *page_objection(const struct cpu *c, const struct page_walk *w, bool write, bool user)
{
    if (w->kind == PAGING_OFF || !w->step[w->steps - 1].readable)
        return NULL; /* a table where no memory is: cannot be told */
    if (!w->mapped)
        return "not mapped";
    if (w->reserved)
        return "mapped by an entry with a reserved bit set";
    if (user && !w->user)
        return "a supervisor page";
    if (write && !w->writable && (user || c->cr0 & CR0_WP))
        return "a read-only page";
    return NULL;
}
