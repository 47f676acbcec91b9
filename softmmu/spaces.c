/*
 * spaces.c - the TLB's entries of address spaces that were left.
 */
#include "softmmu/spaces.h"

static struct tlb_entry *entry_at(struct mmu *m, unsigned at)
{
    return (struct tlb_entry *)&m->ctx + at;
}

static bool same_pdptes(const struct mmu *m, const u64 a[4], const u64 b[4])
{
    return !m->pae || memcmp(a, b, 4 * sizeof *a) == 0;
}

static void empty(struct mmu_space *s)
{
    s->count = 0;
    memset(s->slots, 0, sizeof s->slots);
}

static void keep(struct mmu_space *s, unsigned at, const struct tlb_entry *e)
{
    unsigned slot = at % TLB_SIZE;
    if (s->count == ARRAY_LEN(s->kept))
        return;
    s->kept[s->count++] = (struct tlb_kept){*e, (u16)at};
    s->slots[slot / 64] |= BIT64(slot % 64);
}

/* The active space's own entries go from the first level into S. */
static void leave(struct mmu *m, struct mmu_space *s)
{
    for (unsigned i = 0; i < ARRAY_LEN(m->local); i++) {
        for (u64 left = m->local[i]; left; left &= left - 1) {
            unsigned at = i * 64 + (unsigned)__builtin_ctzll(left);
            struct tlb_entry *e = entry_at(m, at);
            if (e->tag != TLB_NONE)
                keep(s, at, e);
            e->tag = TLB_NONE;
        }
        m->local[i] = 0;
    }
    s->cr3 = m->cr3;
    memcpy(s->pdpte, m->pdpte, sizeof s->pdpte);
    s->generation = m->generation_local;
    s->epoch = m->fetch_epoch;
    s->renewals = m->renewals;
    s->left_at = ++m->switches;
}

/* Epochs of links stay right where nothing has been dropped since and no counter has wrapped (x64_jump_era() looks at its upper bits). */
static bool epoch_holds(const struct mmu *m, const struct mmu_space *s)
{
    return s->renewals == m->renewals && s->epoch >> MMU_ERA_BITS == m->last_epoch >> MMU_ERA_BITS;
}

/* S is no longer one that was left. */
static void enter(struct mmu *m, struct mmu_space *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        unsigned at = s->kept[i].at;
        *entry_at(m, at) = s->kept[i].entry;
        m->local[at / 64] |= BIT64(at % 64);
    }
    m->generation_local = s->generation ? s->generation : mmu_new_generation(m);
    m->fetch_epoch = epoch_holds(m, s) ? (s->epoch & ~(u64)1) | m->priv : mmu_new_epoch(m);
    empty(s);
    s->generation = 0;
    s->left_at = 0;
}

static void enter_new(struct mmu *m)
{
    m->generation_local = mmu_new_generation(m);
    m->fetch_epoch = mmu_new_epoch(m);
}

static struct mmu_space *find(struct mmu *m, u64 cr3, const u64 pdpte[4])
{
    for (unsigned i = 0; i < MMU_SPACES; i++) {
        struct mmu_space *s = &m->space[i];
        if (s->left_at && s->cr3 == cr3 && same_pdptes(m, s->pdpte, pdpte))
            return s;
    }
    return NULL;
}

/* Room for one that is left; not in BUT. */
static struct mmu_space *oldest(struct mmu *m, const struct mmu_space *but)
{
    struct mmu_space *s = but == &m->space[0] ? &m->space[1] : &m->space[0];
    for (unsigned i = 0; i < MMU_SPACES; i++)
        if (&m->space[i] != but && m->space[i].left_at < s->left_at)
            s = &m->space[i];
    empty(s);
    return s;
}

void spaces_switch(struct mmu *m, u64 cr3, const u64 pdpte[4])
{
    if (cr3 == m->cr3 && same_pdptes(m, m->pdpte, pdpte))
        return;
    struct mmu_space *next = find(m, cr3, pdpte);
    leave(m, oldest(m, next));
    if (next)
        enter(m, next);
    else
        enter_new(m);
    if (m->fetch_epoch_global >> MMU_ERA_BITS != m->last_epoch >> MMU_ERA_BITS)
        mmu_renew_fetch_epoch(m);
}

void spaces_forget(struct mmu *m, bool all)
{
    memset(m->local, 0, sizeof m->local);
    for (unsigned i = 0; i < MMU_SPACES; i++) {
        empty(&m->space[i]);
        if (all)
            m->space[i].generation = 0;
    }
}

static bool may_have(const struct mmu_space *s, unsigned slot)
{
    return s->slots[slot / 64] >> slot % 64 & 1;
}

void spaces_drop_page(struct mmu *m, u64 lin)
{
    for (unsigned i = 0; i < MMU_SPACES; i++) {
        struct mmu_space *s = &m->space[i];
        if (!may_have(s, (lin >> PAGE_BITS) % TLB_SIZE))
            continue;
        for (unsigned k = 0; k < s->count; k++)
            if ((s->kept[k].entry.tag & PAGE_MASK) == (lin & PAGE_MASK))
                s->kept[k--] = s->kept[--s->count];
    }
}

void spaces_drop_region(struct mmu *m, u64 lin, unsigned bits)
{
    for (unsigned i = 0; i < MMU_SPACES; i++) {
        struct mmu_space *s = &m->space[i];
        for (unsigned k = 0; k < s->count; k++)
            if (s->kept[k].entry.tag >> bits == lin >> bits)
                s->kept[k--] = s->kept[--s->count];
    }
}

static bool has_dir(const struct mmu *m, u64 cr3, const u64 pdpte[4], u32 frame)
{
    if (!m->pae)
        return phys_read_frame(m->phys, cr3 & 0xFFFFF000 & m->a20_mask) == frame;
    bool has = false;
    for (unsigned i = 0; i < 4; i++)
        has |= phys_read_frame(m->phys, pdpte[i] & m->phys_mask & PAGE_MASK & m->a20_mask) == frame;
    return has;
}

bool spaces_forget_dir(struct mmu *m, u32 frame)
{
    for (unsigned i = 0; i < MMU_SPACES; i++) {
        struct mmu_space *s = &m->space[i];
        if (s->left_at && has_dir(m, s->cr3, s->pdpte, frame)) {
            empty(s);
            s->generation = 0;
            s->renewals = m->renewals - 1;
        }
    }
    return has_dir(m, m->cr3, m->pdpte, frame);
}

void spaces_drop_write(struct mmu *m, unsigned slot, u64 host)
{
    enum { FIRST = offsetof(struct tlb_ctx, write) / sizeof(struct tlb_entry), END = FIRST + 2 * TLB_SIZE };
    for (unsigned i = 0; i < MMU_SPACES; i++) {
        struct mmu_space *s = &m->space[i];
        if (slot < TLB_SIZE && !may_have(s, slot))
            continue;
        for (unsigned k = 0; k < s->count; k++) {
            const struct tlb_kept *p = &s->kept[k];
            if (p->at >= FIRST && p->at < END && p->entry.tag + p->entry.addend == host)
                s->kept[k--] = s->kept[--s->count];
        }
    }
}
