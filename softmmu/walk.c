/*
 * walk.c - 32-bit, PSE and PAE page walks (SDM vol. 3A 4.3, 4.4), and what is
 * remembered about page-table frames so that a write to one drops the right pages.
 */
#include "softmmu/spaces.h"
#include "softmmu/walk.h"

/*
 * struct frame.pt_region: what kind of table a frame was last used as. LEAF: its entries map 4-KiB pages
 * from one linear region, whose base >> 21 is in the upper bits; DIR: its entries name tables or large pages of one. MIXED:
 * tables that appear at several places; a write to a present entry drops everything.
 */
enum { PT_NONE, PT_LEAF4, PT_LEAF8, PT_DIR4, PT_DIR8, PT_MIXED, PT_KIND = 7, PT_SHIFT = 3 };

static u64 read_entry(const struct mmu *m, u64 addr, unsigned size)
{
    u32 frame = phys_read_frame(m->phys, addr);
    if (frame & PHYS_SLOW)
        return phys_read_slow(m->phys, addr, size);
    if (!frame)
        return size == 8 ? ~(u64)0 : 0xFFFFFFFF;
    const u8 *p = phys_frame_host(m->phys, frame) + (addr & (PAGE_SIZE - 1));
    return size == 8 ? ld64(p) : ld32(p);
}

static u64 walk_step(const struct mmu *m, struct walk *w, u64 addr, unsigned level)
{
    struct walk_level *s = &w->step[w->steps++];
    s->entry_addr = addr & m->a20_mask;
    s->entry = read_entry(m, s->entry_addr, w->entry_size);
    s->level = (u8)level;
    return s->entry;
}

static void add_rights(struct walk *w, u64 entry)
{
    if (!(entry & PTE_U))
        w->rights &= ~(u32)TLB2_USER;
    if (!(entry & PTE_W))
        w->rights &= ~(u32)TLB2_WRITE;
    if (w->entry_size == 8 && entry & PTE_NX)
        w->rights |= TLB2_NX;
}

static void add_leaf(const struct mmu *m, struct walk *w, u64 entry)
{
    if (entry & PTE_D)
        w->rights |= TLB2_DIRTY;
    if (entry & PTE_G && m->pge)
        w->rights |= TLB2_GLOBAL;
    w->present = true;
}

static void walk_32(const struct mmu *m, u64 lin, struct walk *w)
{
    u64 pde = walk_step(m, w, (m->cr3 & 0xFFFFF000) + (lin >> 22) * 4, 2);
    if (!(pde & PTE_P))
        return;
    add_rights(w, pde);
    if (pde & PTE_PS && m->pse) {
        u64 high = pde >> 13 & 0xFF; /* PSE-36: address bits 39-32 */
        w->reserved = (pde & BIT(21)) || (high << 32 & ~m->phys_mask);
        w->phys = high << 32 | (pde & 0xFFC00000) | (lin & 0x3FF000);
        w->rights |= TLB2_LARGE;
        add_leaf(m, w, pde);
        return;
    }
    u64 pte = walk_step(m, w, (pde & 0xFFFFF000) + (lin >> 12 & 0x3FF) * 4, 1);
    if (!(pte & PTE_P))
        return;
    add_rights(w, pte);
    w->phys = pte & 0xFFFFF000;
    add_leaf(m, w, pte);
}

/* Bits that must be zero in every PAE entry. */
static u64 pae_reserved(const struct mmu *m)
{
    u64 high = ~m->phys_mask & 0x000FFFFFFFFFF000ull;
    return high | 0x7FF0000000000000ull | (m->nxe ? 0 : PTE_NX);
}

static void walk_pae(const struct mmu *m, u64 lin, struct walk *w)
{
    const u64 addr_mask = m->phys_mask & 0x000FFFFFFFFFF000ull;
    u64 pdpte = m->pdpte[lin >> 30 & 3];
    if (!(pdpte & PTE_P))
        return;
    u64 pde = walk_step(m, w, (pdpte & addr_mask) + (lin >> 21 & 0x1FF) * 8, 2);
    if (!(pde & PTE_P))
        return;
    w->reserved = (pde & pae_reserved(m)) != 0;
    add_rights(w, pde);
    if (pde & PTE_PS) {
        w->reserved |= (pde & 0x1FE000) != 0;
        w->phys = (pde & addr_mask & ~(u64)0x1FFFFF) | (lin & 0x1FF000);
        w->rights |= TLB2_LARGE;
        add_leaf(m, w, pde);
        return;
    }
    if (w->reserved) {
        w->present = true; /* the fault is reported as a reserved bit in a present entry */
        return;
    }
    u64 pte = walk_step(m, w, (pde & addr_mask) + (lin >> 12 & 0x1FF) * 8, 1);
    if (!(pte & PTE_P))
        return;
    w->reserved = (pte & pae_reserved(m)) != 0;
    add_rights(w, pte);
    w->phys = pte & addr_mask;
    add_leaf(m, w, pte);
}

void walk_read(const struct mmu *m, u64 lin, struct walk *w)
{
    w->steps = 0;
    w->phys = 0;
    w->present = w->reserved = false;
    w->rights = TLB2_USER | TLB2_WRITE;
    w->entry_size = m->pae ? 8 : 4;
    if (m->pae)
        walk_pae(m, lin, w);
    else
        walk_32(m, lin, w);
}

/* Our own update of an entry: no page-table watch may fire, all others must. */
static void set_entry_bits(struct mmu *m, const struct walk_level *s, u32 bits)
{
    u32 frame = phys_write_frame(m->phys, s->entry_addr);
    if (!frame || frame & PHYS_SLOW)
        return; /* tables in ROM, registers or a hole: nothing to set */
    struct frame *f = &m->phys->frames[frame];
    u64 watched = f->pagetable;
    u32 low = (u32)s->entry | bits;
    f->pagetable = 0;
    phys_store(m->phys, frame, s->entry_addr & (PAGE_SIZE - 1), &low, sizeof low);
    f->pagetable = watched;
}

static unsigned entry_size(u32 kind)
{
    return kind == PT_LEAF8 || kind == PT_DIR8 ? 8 : 4;
}

static bool is_dir(u32 kind)
{
    return kind == PT_DIR4 || kind == PT_DIR8;
}

/* Of what one entry maps. */
static unsigned entry_bits(u32 kind)
{
    return is_dir(kind) ? kind == PT_DIR8 ? 21 : 22 : PAGE_BITS;
}

static void remember_region(struct frame *f, u32 kind, u64 lin)
{
    unsigned bits = entry_bits(kind) + (entry_size(kind) == 8 ? 9 : 10);
    u32 region = (u32)(lin >> bits << (bits - 21)) << PT_SHIFT | kind;
    if (f->pt_region == PT_NONE || f->pagetable == 0)
        f->pt_region = region;
    else if (f->pt_region != region)
        f->pt_region = PT_MIXED;
}

void walk_commit(struct mmu *m, struct walk *w, u64 lin, bool write)
{
    for (unsigned i = 0; i < w->steps; i++) {
        struct walk_level *s = &w->step[i];
        bool leaf = i == w->steps - 1;
        u32 want = PTE_A | (leaf && write ? PTE_D : 0);
        if ((s->entry & want) != want)
            set_entry_bits(m, s, want);
        u32 frame = phys_read_frame(m->phys, s->entry_addr);
        if (!frame || frame & PHYS_SLOW) {
            m->unwatched = true;
            continue;
        }
        u32 small = s->level == 1 ? PT_LEAF4 : PT_DIR4, large = s->level == 1 ? PT_LEAF8 : PT_DIR8;
        remember_region(&m->phys->frames[frame], w->entry_size == 8 ? large : small, lin);
        phys_watch_pagetable(m->phys, frame, s->entry_addr & (PAGE_SIZE - 1));
    }
    if (write)
        w->rights |= TLB2_DIRTY;
}

static u64 entry_of(const u8 *host, u32 at, unsigned size)
{
    return size == 8 ? ld64(host + at) : ld32(host + at);
}

/* What came from the entries of granule G of FRAME. What is not present is never cached. */
static void drop_granule(struct mmu *m, u32 frame, u32 g)
{
    const struct frame *f = &m->phys->frames[frame];
    const u8 *host = phys_frame_host(m->phys, frame);
    u32 kind = f->pt_region & PT_KIND;
    unsigned size = entry_size(kind), bits = entry_bits(kind);
    u64 base = (u64)(f->pt_region >> PT_SHIFT) << 21;
    if (kind == PT_MIXED) {
        mmu_flush_all(m);
        return;
    }
    if (is_dir(kind) && !spaces_forget_dir(m, frame))
        return;
    for (u32 at = g << GRANULE_BITS; at < (g + 1) << GRANULE_BITS; at += size) {
        u64 entry = entry_of(host, at, size), lin = base + ((u64)(at / size) << bits);
        bool global = entry & PTE_G && m->pge;
        if (!(entry & PTE_P))
            continue;
        if (is_dir(kind))
            mmu_drop_region(m, lin, bits, global || !(entry & PTE_PS));
        else
            mmu_drop_page(m, lin, global);
    }
}

/* Where a present entry is about to be overwritten, its granule is watched no more. */
void walk_entries_written(struct mmu *m, u32 frame, u32 offset, u32 len)
{
    struct frame *f = &m->phys->frames[frame];
    const u8 *host = phys_frame_host(m->phys, frame);
    u32 kind = f->pt_region & PT_KIND;
    unsigned size = kind == PT_MIXED && m->pae ? 8 : entry_size(kind);
    for (u32 at = offset & ~(size - 1); at < offset + len; at += size) {
        u32 g = at >> GRANULE_BITS;
        if (!(f->pagetable >> g & 1) || !(host[at] & PTE_P))
            continue;
        f->pagetable &= ~BIT64(g);
        drop_granule(m, frame, g);
    }
}
