/*
 * mmu.c - the shadow TLB: filling it, dropping from it, and the slow halves of the
 * accesses in access.h.
 */
#include "softmmu/mmu.h"
#include "softmmu/access.h"
#include "softmmu/spaces.h"
#include "softmmu/walk.h"

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

static void clear_half(struct tlb_entry *e)
{
    for (unsigned i = 0; i < TLB_SIZE; i++)
        e[i].tag = TLB_NONE;
}

static void clear_beside(struct mmu *m)
{
    if (m->beside_used)
        memset(m->beside, 0xFF, sizeof m->beside); /* TLB_NONE */
    m->beside_used = 0;
}

static void clear_first_level(struct mmu *m)
{
    clear_beside(m);
    for (unsigned p = 0; p < 2; p++) {
        clear_half(m->ctx.read[p]);
        clear_half(m->ctx.write[p]);
        clear_half(m->ctx.fetch[p]);
    }
}

u32 mmu_new_generation(struct mmu *m)
{
    if (++m->generation == 0) { /* wrapped: old entries could look valid again */
        for (unsigned i = 0; i < TLB2_SIZE; i++)
            m->second[i].generation = 0;
        spaces_forget(m, true);
        m->generation = 1;
    }
    return m->generation;
}

/* Pages that code may have been fetched from since they were dropped. */
static u64 *fetched_word(struct mmu *m, u64 lin)
{
    return &m->fetched[(lin >> PAGE_BITS) / 64 % MMU_FETCHED];
}

static u64 fetched_bit(u64 lin)
{
    return BIT64((lin >> PAGE_BITS) & 63);
}

static void note_fetched(struct mmu *m, u64 lin)
{
    u64 word = (lin >> PAGE_BITS) / 64 % MMU_FETCHED;
    m->fetched[word] |= fetched_bit(lin);
    m->some_fetched[word / 64] |= BIT64(word % 64);
}

/* The page at LIN is dropped: was it? */
static bool take_fetched(struct mmu *m, u64 lin)
{
    bool was = *fetched_word(m, lin) & fetched_bit(lin);
    *fetched_word(m, lin) &= ~fetched_bit(lin);
    return was;
}

static void forget_fetched(struct mmu *m)
{
    for (unsigned i = 0; i < ARRAY_LEN(m->some_fetched); i++) {
        for (u64 left = m->some_fetched[i]; left; left &= left - 1)
            m->fetched[i * 64 + (unsigned)__builtin_ctzll(left)] = 0;
        m->some_fetched[i] = 0;
    }
}

void mmu_flush_all(struct mmu *m)
{
    clear_first_level(m);
    spaces_forget(m, true);
    mmu_renew_fetch_epoch(m);
    forget_fetched(m);
    memset(m->large, 0, sizeof m->large);
    m->generation_all = mmu_new_generation(m);
    m->generation_local = mmu_new_generation(m);
    m->flushes++;
}

void mmu_init(struct mmu *m, struct physmem *phys, void *owner)
{
    memset(m, 0, sizeof *m);
    m->phys = phys;
    m->owner = owner;
    m->a20_mask = ~(u64)0;
    m->phys_mask = BIT64(36) - 1;
    m->beside_used = ~(u64)0;
    mmu_set_priv(m, TLB_SYSTEM);
    mmu_flush_all(m);
}

void mmu_set_mode(struct mmu *m, u64 cr0, u64 cr4, u64 efer)
{
    bool paging = cr0 >> 31 & 1, wp = cr0 >> 16 & 1;
    bool pse = cr4 >> 4 & 1, pae = cr4 >> 5 & 1, pge = cr4 >> 7 & 1;
    bool lma = efer >> 10 & 1, nxe = efer >> 11 & 1;
    if (paging == m->paging && wp == m->wp && pse == m->pse && pae == m->pae && pge == m->pge && nxe == m->nxe &&
        lma == m->lma)
        return;
    m->paging = paging;
    m->wp = wp;
    m->pse = pse;
    m->pae = pae;
    m->pge = pge;
    m->nxe = nxe;
    m->lma = lma;
    mmu_flush_all(m);
}

bool mmu_load_cr3(struct mmu *m, u64 cr3)
{
    u64 pdpte[4];
    memcpy(pdpte, m->pdpte, sizeof pdpte);
    if (m->paging && m->pae) {
        u64 base = cr3 & 0xFFFFFFE0 & m->a20_mask;
        phys_read(m->phys, base, pdpte, sizeof pdpte);
        for (unsigned i = 0; i < 4; i++) {
            u64 reserved = ~m->phys_mask | 0x1E6;
            if (pdpte[i] & PTE_P && pdpte[i] & reserved)
                return false;
        }
    }
    if (m->unwatched)
        mmu_flush_all(m);
    m->unwatched = false;
    clear_beside(m);
    spaces_switch(m, cr3, pdpte);
    memcpy(m->pdpte, pdpte, sizeof pdpte);
    m->cr3 = cr3;
    return true;
}

void mmu_set_a20(struct mmu *m, bool enabled)
{
    u64 mask = enabled ? ~(u64)0 : ~BIT64(20);
    if (mask == m->a20_mask)
        return;
    m->a20_mask = mask;
    mmu_flush_all(m);
}

static void drop_entry(struct tlb_entry *half, u64 lin)
{
    struct tlb_entry *e = &half[(lin >> PAGE_BITS) & (TLB_SIZE - 1)];
    if ((e->tag & PAGE_MASK) == (lin & PAGE_MASK))
        e->tag = TLB_NONE;
}

/* Entries for granules of the page at LIN, or of the one at HOST. */
static void drop_beside(struct mmu *m, u64 lin, u64 host)
{
    for (u64 left = m->beside_used; left; left &= left - 1)
        for (unsigned p = 0; p < 2; p++) {
            struct tlb_entry *e = &m->beside[p][__builtin_ctzll(left)];
            if ((e->tag & PAGE_MASK) == lin || ((e->tag + e->addend) & PAGE_MASK) == host)
                e->tag = TLB_NONE;
        }
}

static struct tlb2_entry *second_slot(struct mmu *m, u64 lin)
{
    return &m->second[(lin >> PAGE_BITS) & (TLB2_SIZE - 1)];
}

static bool second_valid(const struct mmu *m, const struct tlb2_entry *e, u64 lin)
{
    return mmu_second_current(m, e) && ((e->page ^ lin) & PAGE_MASK) == 0;
}

static void renew_epochs(struct mmu *m, bool global)
{
    if (global)
        mmu_renew_fetch_epoch(m);
    else
        mmu_renew_local_epochs(m);
}

void mmu_drop_page(struct mmu *m, u64 lin, bool global)
{
    struct tlb2_entry *e = second_slot(m, lin);
    if (((e->page ^ lin) & PAGE_MASK) == 0)
        e->generation = 0;
    spaces_drop_page(m, lin);
    for (unsigned p = 0; p < 2; p++) {
        drop_entry(m->ctx.read[p], lin);
        drop_entry(m->ctx.write[p], lin);
        drop_entry(m->ctx.fetch[p], lin);
    }
    drop_beside(m, lin & PAGE_MASK, TLB_NONE);
    if (take_fetched(m, lin)) /* else no link leads there */
        renew_epochs(m, global);
}

void mmu_drop_region(struct mmu *m, u64 lin, unsigned bits, bool global)
{
    struct tlb_entry *e = (struct tlb_entry *)&m->ctx, *end = e + sizeof m->ctx / sizeof *e;
    bool fetched = false;
    clear_beside(m);
    for (; e < end; e++)
        if (e->tag >> bits == lin >> bits)
            e->tag = TLB_NONE;
    for (u64 page = lin; page >> bits == lin >> bits; page += PAGE_SIZE) {
        struct tlb2_entry *second = second_slot(m, page);
        if (second->page >> bits == lin >> bits)
            second->generation = 0;
        fetched |= take_fetched(m, page);
    }
    spaces_drop_region(m, lin, bits);
    if (fetched)
        renew_epochs(m, global);
}

void mmu_flush_page(struct mmu *m, u64 lin)
{
    u64 region = (u32)lin >> LARGE_BITS, bit = BIT64(region % 64), *large = &m->large[region / 64];
    if (*large & bit)
        mmu_drop_region(m, region << LARGE_BITS, LARGE_BITS, true);
    else
        mmu_drop_page(m, lin, true);
    *large &= ~bit;
}

u64 mmu_fetch_epoch_of(struct mmu *m, u64 lin)
{
    const struct tlb2_entry *e = second_slot(m, lin);
    bool global = !m->paging || (second_valid(m, e, lin) && (e->page & TLB2_GLOBAL));
    return global ? m->fetch_epoch_global : m->fetch_epoch;
}

void mmu_set_watching(struct mmu *m, bool watching)
{
    m->watching = watching;
    spaces_forget(m, false);
    clear_first_level(m); /* of data breakpoints, so what is fetched stays */
}

/* Entries whose tag says "watched" may stay: they ask before every store. */
void mmu_drop_write(struct mmu *m, u32 frame)
{
    m->write_drops++;
    u64 host = (u64)(uintptr_t)phys_frame_host(m->phys, frame);
    const struct frame *f = &m->phys->frames[frame];
    bool many = f->flags & FRAME_WTLB_MANY;
    unsigned first = many ? 0 : f->wtlb_slot, last = many ? TLB_SIZE - 1 : first;
    for (unsigned p = 0; p < 2; p++)
        for (unsigned i = first; i <= last; i++) {
            struct tlb_entry *e = &m->ctx.write[p][i];
            if (e->tag != TLB_NONE && e->tag + e->addend == host)
                e->tag = TLB_NONE;
        }
    if (f->flags & FRAME_BESIDE)
        drop_beside(m, TLB_NONE, host);
    spaces_drop_write(m, many ? TLB_SIZE : first, host);
}

void mmu_pagetable_written(struct mmu *m, u32 frame, u32 offset, u32 len)
{
    walk_entries_written(m, frame, offset, len);
}

/* ---- translation ---- */

static NORETURN void page_fault(struct mmu *m, u64 lin, u32 error, enum access kind, enum tlb_priv priv)
{
    if (kind == ACCESS_WRITE)
        error |= PF_W;
    if (priv == TLB_USER)
        error |= PF_U;
    if (kind == ACCESS_FETCH && m->nxe && m->pae)
        error |= PF_I;
    m->fault(m->owner, lin, error);
    __builtin_unreachable();
}

static bool allowed(const struct mmu *m, u32 rights, enum access kind, enum tlb_priv priv)
{
    if (priv == TLB_USER && !(rights & TLB2_USER))
        return false;
    if (kind == ACCESS_FETCH)
        return !(rights & TLB2_NX);
    if (kind == ACCESS_WRITE && !(rights & TLB2_WRITE))
        return priv == TLB_SYSTEM && !m->wp;
    return true;
}

/* Walks, checks, sets A and D, and fills the second level. */
static struct tlb2_entry *walk_fill(struct mmu *m, u64 lin, enum access kind, enum tlb_priv priv)
{
    struct walk w;
    m->walks++;
    walk_read(m, lin, &w);
    if (!w.present)
        page_fault(m, lin, 0, kind, priv);
    if (w.reserved)
        page_fault(m, lin, PF_P | PF_RSVD, kind, priv);
    if (!allowed(m, w.rights, kind, priv))
        page_fault(m, lin, PF_P, kind, priv);
    walk_commit(m, &w, lin, kind == ACCESS_WRITE);
    struct tlb2_entry *e = second_slot(m, lin);
    e->page = (lin & PAGE_MASK) | w.rights;
    e->phys = w.phys;
    e->generation = w.rights & TLB2_GLOBAL ? m->generation_all : m->generation_local;
    if (w.rights & TLB2_LARGE)
        m->large[(u32)lin >> LARGE_BITS >> 6] |= BIT64((u32)lin >> LARGE_BITS & 63);
    return e;
}

/* Guest-physical address of LIN for one kind of access, A20 applied. Raises #PF. */
static u64 translate(struct mmu *m, u64 lin, enum access kind, enum tlb_priv priv)
{
    u64 off = lin & (PAGE_SIZE - 1);
    if (!m->paging)
        return lin & m->a20_mask;
    struct tlb2_entry *e = second_slot(m, lin);
    if (!second_valid(m, e, lin) || !allowed(m, (u32)e->page, kind, priv) ||
        (kind == ACCESS_WRITE && !(e->page & TLB2_DIRTY)))
        e = walk_fill(m, lin, kind, priv);
    return (e->phys | off) & m->a20_mask;
}

static unsigned tlb_slot(u64 lin)
{
    return (lin >> PAGE_BITS) & (TLB_SIZE - 1);
}

/* The second level has it: of a global page, or of this address space alone? */
static bool is_local(struct mmu *m, u64 lin)
{
    return m->paging && !(second_slot(m, lin)->page & TLB2_GLOBAL);
}

static void install(struct mmu *m, struct tlb_entry *half, u64 lin, const u8 *host_page, u64 mark)
{
    struct tlb_entry *e = &half[tlb_slot(lin)];
    size_t at = (size_t)(e - (struct tlb_entry *)&m->ctx);
    u64 bit = BIT64(at % 64), *local = &m->local[at / 64];
    *local = is_local(m, lin) ? *local | bit : *local & ~bit;
    e->tag = (lin & PAGE_MASK) | mark;
    e->addend = (u64)(uintptr_t)host_page - (lin & PAGE_MASK);
}

static bool watched(const struct mmu *m, u64 lin)
{
    return UNLIKELY(m->watching) && m->watched_page(m->owner, lin & PAGE_MASK);
}

/* Enters a page that was just translated into the first level, if it is plain memory. Returns its host address or NULL. */
static u8 *enter(struct mmu *m, u64 lin, u64 phys, enum access kind, enum tlb_priv priv)
{
    u32 frame = kind == ACCESS_WRITE ? phys_write_frame(m->phys, phys) : phys_read_frame(m->phys, phys);
    m->misses++;
    if (!frame || frame & PHYS_SLOW)
        return NULL;
    u8 *page = phys_frame_host(m->phys, frame);
    if (kind == ACCESS_WRITE) {
        /* Where reads come from elsewhere (a BIOS being shadowed), an entry would let a read-modify-write read the wrong memory. */
        if (watched(m, lin) || phys_read_frame(m->phys, phys) != frame || m->phys->journal_store)
            return NULL;
        bool plain = phys_plain_write(m->phys, frame);
        if (plain)
            phys_note_wtlb(m->phys, frame, (u16)tlb_slot(lin));
        install(m, m->ctx.write[priv], lin, page, plain ? 0 : TLB_WATCHED);
        if (!plain)
            return NULL;
    } else if (kind == ACCESS_READ) {
        if (watched(m, lin))
            return NULL;
        install(m, m->ctx.read[priv], lin, page, 0);
    } else {
        install(m, m->ctx.fetch[priv], lin, page, 0);
    }
    return page + (lin & (PAGE_SIZE - 1));
}

/* ---- slow halves of access.h ---- */

/* SIZE is 1, 2, 4 or 8: constant sizes, so that no copying function is called. */
static ALWAYS_INLINE void store_sized(u8 *host, u64 value, unsigned size)
{
    if (size == 4)
        memcpy(host, &value, 4);
    else if (size == 1)
        *host = (u8)value;
    else if (size == 2)
        memcpy(host, &value, 2);
    else
        memcpy(host, &value, size);
}

static ALWAYS_INLINE u64 load_sized(const u8 *host, unsigned size)
{
    u64 value = 0;
    if (size == 4)
        memcpy(&value, host, 4);
    else if (size == 1)
        value = *host;
    else if (size == 2)
        memcpy(&value, host, 2);
    else
        memcpy(&value, host, size);
    return value;
}

/* Where a write may go although its page is watched, because these bytes are not; else NULL. */
static ALWAYS_INLINE u8 *beside_watched(struct mmu *m, u64 lin, unsigned size, enum tlb_priv priv)
{
    const struct tlb_entry *e = &m->ctx.write[priv][tlb_slot(lin)];
    if (e->tag != (((lin + size - 1) & PAGE_MASK) | TLB_WATCHED))
        return NULL;
    u8 *host = (u8 *)(uintptr_t)(lin + e->addend);
    return phys_beside_watched(m->phys, phys_host_frame(m->phys, host), (u32)lin & (PAGE_SIZE - 1), size) ? host : NULL;
}

/* The same at once: nobody wants to be told of every store. */
static ALWAYS_INLINE u8 *at_once_beside(struct mmu *m, u64 lin, unsigned size, enum tlb_priv priv)
{
    return UNLIKELY(m->phys->journal_store) ? NULL : beside_watched(m, lin, size, priv);
}

u8 *mmu_run_beside(struct mmu *m, u64 lin, u32 len)
{
    return at_once_beside(m, lin, len, m->priv);
}

bool mmu_is_beside(struct mmu *m, u64 lin, u32 len)
{
    return beside_watched(m, lin, len, m->priv);
}

bool mmu_enter_beside(struct mmu *m, u64 lin, u32 len)
{
    const u8 *host = tlb_hit(m->wr, lin, len);
    if (!host && !(host = beside_watched(m, lin, len, m->priv)))
        return false;
    unsigned slot = lin >> GRANULE_BITS & (TLB_BESIDE - 1);
    u32 frame = phys_host_frame(m->phys, host);
    struct tlb_entry *e = &m->beside[m->priv][slot];
    e->tag = lin & GRANULE_MASK;
    e->addend = (u64)(uintptr_t)host - lin;
    m->beside_used |= BIT64(slot);
    phys_note_wtlb(m->phys, frame, (u16)tlb_slot(lin));
    m->phys->frames[frame].flags |= FRAME_BESIDE;
    return true;
}

/* Where a write to the translated address may go at once, or NULL. */
static u8 *writable(struct mmu *m, u64 lin, u64 phys, unsigned size, enum tlb_priv priv)
{
    u8 *host = enter(m, lin, phys, ACCESS_WRITE, priv);
    return host ? host : at_once_beside(m, lin, size, priv);
}

/* Outside 64-bit mode linear addresses wrap at 4 GiB. */
static u64 wrap(const struct mmu *m, u64 lin)
{
    return m->lma ? lin : (u32)lin;
}

static unsigned bytes_in_page(u64 lin, unsigned size)
{
    unsigned left = PAGE_SIZE - (unsigned)(lin & (PAGE_SIZE - 1));
    return MIN(left, size);
}

u64 mmu_read_slow(struct mmu *m, u64 lin, unsigned size, enum tlb_priv priv)
{
    unsigned n = bytes_in_page(lin, size);
    u64 phys = translate(m, lin, ACCESS_READ, priv);
    u64 value;
    if (n == size) {
        u8 *host = enter(m, lin, phys, ACCESS_READ, priv);
        value = 0;
        if (host)
            memcpy(&value, host, size);
        else
            value = phys_read_slow(m->phys, phys, size);
    } else {
        u64 next = wrap(m, lin + n);
        u64 phys2 = translate(m, next, ACCESS_READ, priv);
        value = phys_read_slow(m->phys, phys, n) | phys_read_slow(m->phys, phys2, size - n) << (n * 8);
    }
    if (UNLIKELY(m->watching))
        m->watch_hit(m->owner, lin, value, size, false);
    return value;
}

void mmu_write_slow(struct mmu *m, u64 lin, u64 value, unsigned size, enum tlb_priv priv)
{
    u8 *beside = at_once_beside(m, lin, size, priv);
    if (LIKELY(beside)) {
        store_sized(beside, value, size);
        return;
    }
    unsigned n = bytes_in_page(lin, size);
    u64 phys = translate(m, lin, ACCESS_WRITE, priv);
    if (n == size) {
        u8 *host = writable(m, lin, phys, size, priv);
        if (LIKELY(host))
            store_sized(host, value, size);
        else
            phys_write_slow(m->phys, phys, value, size);
    } else {
        u64 next = wrap(m, lin + n);
        u64 phys2 = translate(m, next, ACCESS_WRITE, priv);
        phys_write_slow(m->phys, phys, value, n);
        phys_write_slow(m->phys, phys2, value >> (n * 8), size - n);
    }
    if (UNLIKELY(m->watching))
        m->watch_hit(m->owner, lin, value, size, true);
}

u64 mmu_rmw_slow(struct mmu *m, u64 lin, unsigned size, enum tlb_priv priv, u8 **host)
{
    *host = at_once_beside(m, lin, size, priv);
    if (LIKELY(*host))
        return load_sized(*host, size);
    unsigned n = bytes_in_page(lin, size);
    u64 phys = translate(m, lin, ACCESS_WRITE, priv);
    if (n == size) {
        u8 *p = writable(m, lin, phys, size, priv);
        if (UNLIKELY(!p))
            return phys_read_slow(m->phys, phys, size);
        *host = UNLIKELY(m->watching) ? NULL : p; /* a watchpoint wants to see the write */
        return load_sized(p, size);
    }
    u64 phys2 = translate(m, wrap(m, lin + n), ACCESS_WRITE, priv);
    return phys_read_slow(m->phys, phys, n) | phys_read_slow(m->phys, phys2, size - n) << (n * 8);
}

void mmu_probe(struct mmu *m, u64 lin, u32 len, bool write, enum tlb_priv priv)
{
    if (len == 0)
        return;
    u64 last = (lin + len - 1) & PAGE_MASK;
    for (u64 page = lin & PAGE_MASK; page <= last; page += PAGE_SIZE) {
        u64 at = wrap(m, page < lin ? lin : page);
        const struct tlb_entry *half = write ? m->ctx.write[priv] : m->ctx.read[priv];
        if (!tlb_hit(half, at, 1))
            translate(m, at, write ? ACCESS_WRITE : ACCESS_READ, priv);
    }
}

u8 *mmu_run(struct mmu *m, u64 lin, bool write, u32 *avail)
{
    *avail = PAGE_SIZE - (u32)(lin & (PAGE_SIZE - 1));
    u8 *host = tlb_hit(write ? m->wr : m->rd, lin, 1);
    if (LIKELY(host != NULL))
        return host;
    enum access kind = write ? ACCESS_WRITE : ACCESS_READ;
    return enter(m, lin, translate(m, lin, kind, m->priv), kind, m->priv);
}

bool mmu_write_ready(struct mmu *m, u64 lin)
{
    if (tlb_hit(m->wr, lin, 1))
        return true;
    u64 phys = lin & m->a20_mask;
    if (m->paging) {
        const struct tlb2_entry *e = second_slot(m, lin);
        if (!second_valid(m, e, lin) || !(e->page & TLB2_DIRTY) || !allowed(m, (u32)e->page, ACCESS_WRITE, m->priv))
            return false;
        phys = (e->phys | (lin & (PAGE_SIZE - 1))) & m->a20_mask;
    }
    return enter(m, lin, phys, ACCESS_WRITE, m->priv) != NULL;
}

const u8 *mmu_fetch_slow(struct mmu *m, u64 lin, u64 *phys_addr)
{
    *phys_addr = translate(m, lin, ACCESS_FETCH, m->priv);
    note_fetched(m, lin);
    return enter(m, lin, *phys_addr, ACCESS_FETCH, m->priv);
}

bool mmu_peek(const struct mmu *m, u64 lin, u64 *phys)
{
    if (!m->paging) {
        *phys = lin & m->a20_mask;
        return true;
    }
    struct walk w;
    walk_read(m, lin, &w);
    if (!w.present || w.reserved)
        return false;
    *phys = (w.phys | (lin & (PAGE_SIZE - 1))) & m->a20_mask;
    return true;
}
