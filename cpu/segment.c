/*
 * segment.c - descriptors and segment registers: reading descriptor tables, loading
 * segment registers with all checks, deciding accesses that the fast check leaves open.
 *
 * SDM vol. 3A 3.4, 3.5, 5.2 to 5.7; vol. 2: MOV, POP, LDS.
 */
#include "cpu/sys.h"

/* ---- descriptors ---- */

void desc_split(struct desc *d, u64 raw)
{
    d->raw = raw;
    d->base = (raw >> 16 & 0xFFFFFF) | (raw >> 32 & 0xFF000000);
    d->limit = (u32)(raw & 0xFFFF) | (u32)(raw >> 32 & 0xF0000);
    d->attr = (u16)(raw >> 40 & 0xF0FF);
    if (d->attr & SEG_G)
        d->limit = d->limit << 12 | 0xFFF;
}

void gate_split(struct gate *g, u64 raw)
{
    g->sel = (u16)(raw >> 16);
    g->params = (u8)(raw >> 32 & 31);
    g->w = raw >> 40 & DESC_32 ? 4 : 2;
    g->off = (u32)(raw & 0xFFFF);
    if (g->w == 4)
        g->off |= (u32)(raw >> 32 & 0xFFFF0000);
}

bool desc_read(struct cpu *c, u16 sel, struct desc *d)
{
    u64 base = c->gdtr.base;
    u32 limit = c->gdtr.limit;
    if (sel & 4) {
        if (c->ldtr.null)
            return false;
        base = c->ldtr.base;
        limit = c->ldtr.limit;
    }
    if ((u32)(sel | 7) > limit)
        return false;
    d->sel = sel;
    d->lin = (u32)(base + (sel & 0xFFF8));
    desc_split(d, mmu_ld64_sys(&c->mmu, d->lin));
    return true;
}

/* Byte 5 of a descriptor holds P, DPL, S and the type. */
static u64 rights_byte(u64 lin)
{
    return (u32)(lin + 5);
}

void desc_mark_accessed(struct cpu *c, struct desc *d)
{
    if (!(d->attr & SEG_S) || (d->attr & SEG_A))
        return;
    d->attr |= SEG_A;
    mmu_st8_sys(&c->mmu, rights_byte(d->lin), (u8)d->attr);
}

void desc_set_busy(struct cpu *c, u64 lin, bool busy)
{
    u8 rights = mmu_ld8_sys(&c->mmu, rights_byte(lin));
    rights = (u8)(busy ? rights | DESC_BUSY : rights & ~DESC_BUSY);
    mmu_st8_sys(&c->mmu, rights_byte(lin), rights);
}

/* ---- descriptor caches ---- */

static bool expand_down(const struct segment *s)
{
    return (s->attr & (SEG_CODE | SEG_ED_C)) == SEG_ED_C;
}

static bool usable(const struct segment *s)
{
    return !s->null && (s->attr & SEG_P);
}

static bool readable(const struct segment *s)
{
    return usable(s) && (s->attr & (SEG_CODE | SEG_RW)) != SEG_CODE;
}

static bool writable(const struct segment *s)
{
    return usable(s) && (s->attr & (SEG_CODE | SEG_RW)) == SEG_RW;
}

void cpu_update_segment(struct cpu *c, struct segment *s)
{
    s64 top = expand_down(s) ? -1 : (s64)s->limit;
    s->rd_top = readable(s) ? top : -1;
    s->wr_top = writable(s) ? top : -1;
    if (s == &c->seg[SEG_CS])
        c->code_bits = s->attr & SEG_DB ? 32 : 16;
    else if (s == &c->seg[SEG_SS])
        c->stack32 = s->attr & SEG_DB;
}

void cpu_set_cpl(struct cpu *c, unsigned cpl)
{
    c->cpl = (u8)cpl;
    if (UNLIKELY((c->eflags & (F_VIF | F_VIP)) == (F_VIF | F_VIP)))
        c->attention |= ATT_VIP;
    mmu_set_priv(&c->mmu, cpl == 3 ? TLB_USER : TLB_SYSTEM);
}

void cpu_update_mode(struct cpu *c)
{
    c->code_bits = c->seg[SEG_CS].attr & SEG_DB ? 32 : 16;
    c->stack32 = c->seg[SEG_SS].attr & SEG_DB;
    mmu_set_mode(&c->mmu, c->cr0, c->cr4, c->efer);
    cpu_set_cpl(c, c->cpl);
}

void segment_fill(struct segment *s, const struct desc *d, u16 sel)
{
    s->sel = sel;
    s->attr = d->attr;
    s->base = d->base;
    s->limit = d->limit;
    s->null = false;
}

void seg_commit(struct cpu *c, enum seg_reg seg, const struct desc *d, u16 sel)
{
    segment_fill(&c->seg[seg], d, sel);
    cpu_update_segment(c, &c->seg[seg]);
}

void seg_commit_null(struct cpu *c, enum seg_reg seg, u16 sel)
{
    struct segment *s = &c->seg[seg];
    s->sel = sel;
    s->null = true;
    cpu_update_segment(c, s);
}

/* ---- accesses ---- */

bool seg_allows(const struct segment *s, u64 off, u32 len, bool write)
{
    if (!(write ? writable(s) : readable(s)))
        return false;
    u64 last = off + len - 1;
    if (expand_down(s))
        return off > s->limit && last <= (s->attr & SEG_DB ? 0xFFFFFFFF : 0xFFFF);
    return last <= s->limit; /* a flat segment does not wrap around either: the manual leaves it open, silicon (AMD) faults */
}

void seg_check_slow(struct cpu *c, const struct segment *s, u64 off, u32 len, bool write)
{
    if (seg_allows(s, off, len, write))
        return;
    cpu_raise_err(c, s == &c->seg[SEG_SS] ? VEC_SS : VEC_GP, 0);
}

void cpu_align_fault(struct cpu *c)
{
    if ((c->cr0 & CR0_AM) && c->cpl == 3)
        cpu_raise_err(c, VEC_AC, 0);
}

/* ---- loading ---- */

/*
 * Real mode changes selector and base and makes the segment ordinary writable data; limit and size stay, which is what
 * "unreal" mode lives on. Virtual-8086 mode gives every cache fixed values.
 */
void seg_load_real(struct cpu *c, enum seg_reg seg, u16 sel)
{
    struct segment *s = &c->seg[seg];
    s->sel = sel;
    s->base = (u32)sel << 4;
    s->null = false;
    if (cpu_vm86(c)) {
        s->attr = SEG_P | 3 << SEG_DPL_SHIFT | SEG_S | SEG_RW | SEG_A;
        s->limit = 0xFFFF;
    } else {
        s->attr = (s->attr & (SEG_G | SEG_DB | SEG_AVL)) | SEG_P | SEG_S | SEG_RW | SEG_A;
    }
    cpu_update_segment(c, s);
}

/* BAD is #GP, or #TS where a task switch or an inner stack loads it. */
void seg_check_stack(struct cpu *c, u16 sel, unsigned cpl, enum vector bad, struct desc *d)
{
    if (sel_null(sel))
        cpu_raise_err(c, bad, 0);
    if (!desc_read(c, sel, d) || sel_rpl(sel) != cpl || !attr_is_writable_data(d->attr) || attr_dpl(d->attr) != cpl)
        raise_sel(c, bad, sel);
    if (!(d->attr & SEG_P))
        raise_sel(c, VEC_SS, sel);
}

static void load_data(struct cpu *c, enum seg_reg seg, u16 sel)
{
    struct desc d;
    if (sel_null(sel)) {
        seg_commit_null(c, seg, sel);
        return;
    }
    if (!desc_read(c, sel, &d) || !attr_is_readable(d.attr))
        raise_sel(c, VEC_GP, sel);
    unsigned dpl = attr_dpl(d.attr);
    if (!attr_is_conforming(d.attr) && (sel_rpl(sel) > dpl || c->cpl > dpl))
        raise_sel(c, VEC_GP, sel);
    if (!(d.attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    desc_mark_accessed(c, &d);
    seg_commit(c, seg, &d, sel);
}

void seg_load(struct cpu *c, enum seg_reg seg, u16 sel)
{
    if (!cpu_protected(c)) {
        seg_load_real(c, seg, sel);
    } else if (seg == SEG_SS) {
        struct desc d;
        seg_check_stack(c, sel, c->cpl, VEC_GP, &d);
        desc_mark_accessed(c, &d);
        seg_commit(c, SEG_SS, &d, sel);
    } else {
        load_data(c, seg, sel);
    }
}

/* ---- stacks of event delivery ---- */

static void stack_start(struct stack *st, const struct segment *ss, u32 esp)
{
    st->ss = ss;
    st->mask = ss->attr & SEG_DB ? 0xFFFFFFFF : 0xFFFF;
    st->esp = esp;
    st->sp = esp & st->mask;
}

void stack_current(struct cpu *c, struct stack *st)
{
    st->current = true;
    st->system = c->cpl != 3;
    st->error = 0;
    stack_start(st, &c->seg[SEG_SS], (u32)c->r[R_SP]);
}

/* SS and ESP for CPL from the TSS; #TS(TR) if its limit does not cover them. */
static u16 tss_stack(struct cpu *c, unsigned cpl, u32 *esp)
{
    bool wide = c->tr.attr & DESC_32;
    u32 at = wide ? cpl * 8 + 4 : cpl * 4 + 2;
    if (at + (wide ? 5 : 3) > c->tr.limit)
        raise_sel(c, VEC_TS, c->tr.sel);
    u64 lin = c->tr.base + at;
    if (!wide) {
        *esp = mmu_ld16_sys(&c->mmu, (u32)lin);
        return mmu_ld16_sys(&c->mmu, (u32)(lin + 2));
    }
    *esp = mmu_ld32_sys(&c->mmu, (u32)lin);
    return mmu_ld16_sys(&c->mmu, (u32)(lin + 4));
}

void stack_inner(struct cpu *c, unsigned cpl, struct stack *st)
{
    u32 esp;
    struct desc d;
    u16 sel = tss_stack(c, cpl, &esp);
    seg_check_stack(c, sel, cpl, VEC_TS, &d);
    desc_mark_accessed(c, &d);
    segment_fill(&st->inner, &d, sel);
    st->current = false;
    st->system = true; /* inner means CPL 0, 1 or 2 */
    st->error = sel;
    stack_start(st, &st->inner, esp);
}

/* One range of a stack: inside the segment and writable pages behind it. */
static void reserve_range(struct cpu *c, const struct stack *st, u32 off, u32 len)
{
    if (!seg_allows(st->ss, off, len, true))
        raise_sel(c, VEC_SS, st->error);
    mmu_probe(&c->mmu, (u32)(st->ss->base + off), len, true, st->system ? TLB_SYSTEM : TLB_USER);
}

void stack_reserve(struct cpu *c, const struct stack *st, unsigned count, unsigned w)
{
    u32 len = count * w, low = (st->sp - len) & st->mask;
    if (low <= st->mask - (len - 1)) {
        reserve_range(c, st, low, len);
        return;
    }
    for (unsigned i = 1; i <= count; i++) /* wraps around the end of the segment */
        reserve_range(c, st, (st->sp - i * w) & st->mask, w);
}

void stack_put(struct cpu *c, struct stack *st, unsigned w, u32 v)
{
    st->sp = (st->sp - w) & st->mask;
    u64 lin = (u32)(st->ss->base + st->sp);
    if (w == 2 && st->system)
        mmu_st16_sys(&c->mmu, lin, (u16)v);
    else if (w == 2)
        mmu_st16(&c->mmu, lin, (u16)v);
    else if (st->system)
        mmu_st32_sys(&c->mmu, lin, v);
    else
        mmu_st32(&c->mmu, lin, v);
}

void stack_commit(struct cpu *c, const struct stack *st)
{
    if (!st->current) {
        c->seg[SEG_SS] = st->inner;
        cpu_update_segment(c, &c->seg[SEG_SS]);
        c->r[R_SP] = st->esp;
    }
    stack_set(c, st->sp);
}
