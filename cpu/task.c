/*
 * task.c - hardware task switches through 16- and 32-bit TSSs.
 *
 * SDM vol. 3A chapter 7 (7.2 structures, 7.3 switching and its checks).
 */
#include "cpu/debug.h"
#include "cpu/sys.h"

enum { TASK_GPRS = 8 };

/* What an incoming task's TSS holds. */
struct task_state {
    u32 cr3, ip, flags;
    u32 gpr[TASK_GPRS]; /* in register-number order */
    u16 sel[SEG_COUNT];
    u16 ldt;
    bool trap;
};

/* Offsets of the dynamic fields. */
struct tss_layout {
    u8 w; /* width of registers */
    u8 ip, flags, gpr, seg, ldt;
    u8 segs; /* segment registers that it has: ES CS SS DS (FS GS) */
    u8 min_limit;
    u8 saved_from, saved_to; /* range that the outgoing task writes */
};

static const struct tss_layout tss16 = {
    .w = 2,
    .ip = 0x0E,
    .flags = 0x10,
    .gpr = 0x12,
    .seg = 0x22,
    .ldt = 0x2A,
    .segs = 4,
    .min_limit = 0x2B,
    .saved_from = 0x0E,
    .saved_to = 0x29,
};
static const struct tss_layout tss32 = {
    .w = 4,
    .ip = 0x20,
    .flags = 0x24,
    .gpr = 0x28,
    .seg = 0x48,
    .ldt = 0x60,
    .segs = 6,
    .min_limit = 0x67,
    .saved_from = 0x20,
    .saved_to = 0x5F,
};

enum { TSS32_CR3 = 0x1C, TSS32_TRAP = 0x64 };

static const struct tss_layout *layout_of(u16 attr)
{
    return attr & DESC_32 ? &tss32 : &tss16;
}

static u32 tss_read(struct cpu *c, u64 base, u32 off, unsigned w)
{
    u64 lin = (u32)(base + off);
    return w == 4 ? mmu_ld32_sys(&c->mmu, lin) : mmu_ld16_sys(&c->mmu, lin);
}

static void tss_write(struct cpu *c, u64 base, u32 off, unsigned w, u32 v)
{
    u64 lin = (u32)(base + off);
    if (w == 4)
        mmu_st32_sys(&c->mmu, lin, v);
    else
        mmu_st16_sys(&c->mmu, lin, (u16)v);
}

/* The registers that a 16-bit TSS does not have: upper halves read as ones, FS and GS as null. */
static void read_state(struct cpu *c, const struct desc *d, struct task_state *t)
{
    const struct tss_layout *l = layout_of(d->attr);
    u32 high = l->w == 2 ? 0xFFFF0000 : 0;
    memset(t, 0, sizeof *t);
    t->ip = tss_read(c, d->base, l->ip, l->w);
    t->flags = tss_read(c, d->base, l->flags, l->w);
    for (unsigned i = 0; i < TASK_GPRS; i++)
        t->gpr[i] = tss_read(c, d->base, l->gpr + i * l->w, l->w) | high;
    for (unsigned i = 0; i < l->segs; i++)
        t->sel[i] = (u16)tss_read(c, d->base, l->seg + i * l->w, 2);
    t->ldt = (u16)tss_read(c, d->base, l->ldt, 2);
    if (l->w == 4) {
        t->cr3 = tss_read(c, d->base, TSS32_CR3, 4);
        t->trap = tss_read(c, d->base, TSS32_TRAP, 2) & 1;
    }
}

static void save_state(struct cpu *c, u32 flags)
{
    const struct tss_layout *l = layout_of(c->tr.attr);
    u64 base = c->tr.base;
    tss_write(c, base, l->ip, l->w, (u32)c->ip);
    tss_write(c, base, l->flags, l->w, flags);
    for (unsigned i = 0; i < TASK_GPRS; i++)
        tss_write(c, base, l->gpr + i * l->w, l->w, (u32)c->r[i]);
    for (unsigned i = 0; i < l->segs; i++)
        tss_write(c, base, l->seg + i * l->w, 2, c->seg[i].sel);
}

/* Everything that the switch will touch is there, so that it cannot stop half way. */
static void check_tables(struct cpu *c, const struct desc *d, enum task_reason why)
{
    const struct tss_layout *next = layout_of(d->attr), *old = layout_of(c->tr.attr);
    if (d->limit < next->min_limit)
        raise_sel(c, VEC_TS, d->sel);
    if (c->tr.limit < old->min_limit)
        raise_sel(c, VEC_TS, c->tr.sel);
    bool nests = why == TASK_CALL || why == TASK_INT;
    mmu_probe(&c->mmu, (u32)(c->tr.base + old->saved_from), old->saved_to - old->saved_from + 1u, true, TLB_SYSTEM);
    mmu_probe(&c->mmu, (u32)d->base, next->min_limit + 1u, false, TLB_SYSTEM);
    if (nests)
        mmu_probe(&c->mmu, (u32)d->base, 2, true, TLB_SYSTEM);
    if (!nests)
        mmu_probe(&c->mmu, (u32)(c->gdtr.base + (c->tr.sel & 0xFFF8)), 8, true, TLB_SYSTEM);
    if (why != TASK_IRET)
        mmu_probe(&c->mmu, d->lin, 8, true, TLB_SYSTEM);
}

static void load_registers(struct cpu *c, const struct desc *d, const struct task_state *t, u32 flags)
{
    segment_fill(&c->tr, d, d->sel);
    c->tr.attr |= DESC_BUSY;
    c->cr0 |= CR0_TS;
    c->dr[7] &= ~(u64)DR7_LOCAL;
    debug_update(c);
    for (unsigned i = 0; i < TASK_GPRS; i++)
        c->r[i] = t->gpr[i];
    c->ip = t->ip;
    /* Until they are loaded the segment registers show their selectors and cannot be used. */
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_commit_null(c, (enum seg_reg)i, t->sel[i]);
    c->ldtr.sel = t->ldt;
    c->ldtr.null = true;
    bool vm = flags & F_VM;
    cpu_set_cpl(c, vm ? 3 : sel_rpl(t->sel[SEG_CS]));
    cpu_set_eflags(c, flags);
}

/* ---- segments of the new task: faults are its own ---- */

static void load_ldt(struct cpu *c, u16 sel)
{
    struct desc d;
    if (sel_null(sel))
        return;
    if ((sel & 4) || !desc_read(c, sel, &d) || !attr_is_sys(d.attr, DESC_LDT) || !(d.attr & SEG_P))
        raise_sel(c, VEC_TS, sel);
    segment_fill(&c->ldtr, &d, sel);
}

/* The privilege of a code segment is checked before the stack, whether it is one at all after it (SDM vol. 3A table 8-1). */
static bool read_code(struct cpu *c, u16 sel, struct desc *d)
{
    if (sel_null(sel) || !desc_read(c, sel, d) || !attr_is_code(d->attr))
        return false;
    unsigned dpl = attr_dpl(d->attr), rpl = sel_rpl(sel);
    if (attr_is_conforming(d->attr) ? dpl > rpl : dpl != rpl)
        raise_sel(c, VEC_TS, sel);
    return true;
}

static void load_code(struct cpu *c, u16 sel, bool valid, struct desc *d)
{
    if (!valid)
        raise_sel(c, VEC_TS, sel);
    if (!(d->attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    desc_mark_accessed(c, d);
    seg_commit(c, SEG_CS, d, sel);
}

static void load_data(struct cpu *c, enum seg_reg seg, u16 sel)
{
    struct desc d;
    if (sel_null(sel))
        return;
    if (!desc_read(c, sel, &d) || !attr_is_readable(d.attr))
        raise_sel(c, VEC_TS, sel);
    unsigned dpl = attr_dpl(d.attr);
    if (!attr_is_conforming(d.attr) && (sel_rpl(sel) > dpl || c->cpl > dpl))
        raise_sel(c, VEC_TS, sel);
    if (!(d.attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    desc_mark_accessed(c, &d);
    seg_commit(c, seg, &d, sel);
}

static void load_segments(struct cpu *c, const struct task_state *t)
{
    static const u8 data[] = {SEG_DS, SEG_ES, SEG_FS, SEG_GS};
    load_ldt(c, t->ldt);
    if (cpu_vm86(c)) {
        for (unsigned i = 0; i < SEG_COUNT; i++)
            seg_load_real(c, (enum seg_reg)i, t->sel[i]);
        return;
    }
    struct desc cs, ss;
    bool is_code = read_code(c, t->sel[SEG_CS], &cs);
    seg_check_stack(c, t->sel[SEG_SS], c->cpl, VEC_TS, &ss);
    desc_mark_accessed(c, &ss);
    seg_commit(c, SEG_SS, &ss, t->sel[SEG_SS]);
    load_code(c, t->sel[SEG_CS], is_code, &cs);
    for (unsigned i = 0; i < ARRAY_LEN(data); i++)
        load_data(c, (enum seg_reg)data[i], t->sel[data[i]]);
}

/* A 32-bit TSS brings its own page directory. */
static void load_page_directory(struct cpu *c, const struct desc *d, u32 cr3)
{
    if (!(c->cr0 & CR0_PG) || !(d->attr & DESC_32))
        return;
    if (!mmu_load_cr3(&c->mmu, cr3))
        raise_sel(c, VEC_TS, d->sel);
    c->cr3 = cr3;
}

void task_switch(struct cpu *c, const struct desc *d, enum task_reason why, u32 flags)
{
    struct task_state t;
    u16 old_sel = c->tr.sel;
    bool nests = why == TASK_CALL || why == TASK_INT;
    check_tables(c, d, why);
    read_state(c, d, &t);

    save_state(c, why == TASK_IRET ? flags & ~(u32)F_NT : flags);
    if (!nests)
        desc_set_busy(c, c->gdtr.base + (old_sel & 0xFFF8), false);
    if (why != TASK_IRET)
        desc_set_busy(c, d->lin, true);
    if (nests)
        tss_write(c, d->base, 0, 2, old_sel);

    c->fault_at_ip = true;
    c->no_step |= (c->eflags & F_TF) != 0; /* the old task's TF is gone with its flags */
    load_registers(c, d, &t, nests ? t.flags | F_NT : t.flags);
    load_page_directory(c, d, t.cr3);
    load_segments(c, &t);
    if (c->ip > c->seg[SEG_CS].limit)
        raise_gp0(c);
    if (t.trap) {
        c->db_pending |= DR6_BT;
        c->attention |= ATT_DB;
    }
}

void task_return(struct cpu *c)
{
    struct desc d;
    u16 sel = mmu_ld16_sys(&c->mmu, (u32)c->tr.base);
    if ((sel & 4) || !desc_read(c, sel, &d) || !attr_is_busy_tss(d.attr))
        raise_sel(c, VEC_TS, sel);
    if (!(d.attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    task_switch(c, &d, TASK_IRET, cpu_eflags(c));
}
