/*
 * op_seg.c - segment registers and descriptor tables: MOV Sreg, PUSH/POP Sreg, LDS and
 * friends, LGDT LIDT SGDT SIDT LLDT LTR SLDT STR, LAR LSL VERR VERW ARPL, BOUND.
 *
 * SDM vol. 2 by name; vol. 3A 2.4, 5.10.
 */
#include "cpu/sys.h"

/* Instructions that exist in protected mode only. */
static void need_protected(struct cpu *c)
{
    if (!cpu_protected(c))
        cpu_raise(c, VEC_UD);
}

static void need_cpl0(struct cpu *c)
{
    if (c->cpl != 0)
        raise_gp0(c);
}

/* ---- moves ---- */

/* Memory gets 16 bits whatever the operand size; a 32-bit register gets zeros above. */
static ALWAYS_INLINE void store_selector(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM,
                                         u16 sel)
{
    if (MEM)
        mem_st(c, in, 2, sel);
    else
        reg_wr(c, W, in->rm, sel);
}

OPV(MOV_EvSw)
{
    if (in->reg >= SEG_COUNT)
        cpu_raise(c, VEC_UD);
    store_selector(c, in, W, MEM, c->seg[in->reg].sel);
}

/* A new SS lets the next instruction, which loads ESP, pass undisturbed. */
static void load_selector(struct cpu *c, enum seg_reg seg, u16 sel)
{
    seg_load(c, seg, sel);
    if (seg == SEG_SS) {
        cpu_shadow(c);
        c->ss_shadow = true;
    }
}

OPB(MOV_SwEw)
{
    if (in->reg >= SEG_COUNT || in->reg == SEG_CS)
        cpu_raise(c, VEC_UD);
    load_selector(c, (enum seg_reg)in->reg, (u16)rm_rd(c, in, 2, MEM));
}

/* Only the selector's two bytes are written, whatever ESP moves by. */
static ALWAYS_INLINE void push_selector(struct cpu *c, const unsigned W, enum seg_reg seg)
{
    u64 sp = (c->r[R_SP] - W) & stack_mask(c);
    seg_st(c, 2, SEG_SS, sp, c->seg[seg].sel);
    stack_set(c, sp);
}

/* ESP moves after the load succeeded, by the width of the stack that was popped. */
static ALWAYS_INLINE void pop_selector(struct cpu *c, const unsigned W, enum seg_reg seg)
{
    u64 sp = c->r[R_SP] + W;
    bool wide = c->stack32;
    load_selector(c, seg, (u16)stack_peek(c, 2, 0));
    if (wide)
        c->r[R_SP] = (u32)sp;
    else
        st16(&c->r[R_SP], (u16)sp);
}

#define PUSH_SEG(seg)                                                                                                  \
    OPW(PUSH_##seg)                                                                                                    \
    {                                                                                                                  \
        push_selector(c, W, SEG_##seg);                                                                                \
    }
#define POP_SEG(seg)                                                                                                   \
    OPW(POP_##seg)                                                                                                     \
    {                                                                                                                  \
        pop_selector(c, W, SEG_##seg);                                                                                 \
    }

PUSH_SEG(ES)
PUSH_SEG(CS)
PUSH_SEG(SS)
PUSH_SEG(DS)
PUSH_SEG(FS)
PUSH_SEG(GS)
POP_SEG(ES)
POP_SEG(SS)
POP_SEG(DS)
POP_SEG(FS)
POP_SEG(GS)

static ALWAYS_INLINE void load_pointer(struct cpu *c, const struct insn *in, const unsigned W, enum seg_reg seg)
{
    u64 at = ea(c, in), mask = in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
    u64 off = seg_ld(c, W, in->seg, at);
    u16 sel = (u16)seg_ld(c, 2, in->seg, (at + W) & mask);
    seg_load(c, seg, sel);
    reg_wr(c, W, in->reg, off);
}

OPW(LES_GvMp)
{
    load_pointer(c, in, W, SEG_ES);
}

OPW(LDS_GvMp)
{
    load_pointer(c, in, W, SEG_DS);
}

OPW(LSS_GvMp)
{
    load_pointer(c, in, W, SEG_SS);
}

OPW(LFS_GvMp)
{
    load_pointer(c, in, W, SEG_FS);
}

OPW(LGS_GvMp)
{
    load_pointer(c, in, W, SEG_GS);
}

/* ---- descriptor-table registers ---- */

static u64 second_part(const struct insn *in, u64 at)
{
    return (at + 2) & (in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF);
}

static void store_table(struct cpu *c, const struct insn *in, const struct dtable *t)
{
    u64 at = ea(c, in);
    u64 first = seg_lin_wr(c, in->seg, at, 2);
    align_check(c, first, 2);
    mmu_probe(&c->mmu, first, 2, true, c->mmu.priv);
    mmu_probe(&c->mmu, seg_lin_wr(c, in->seg, second_part(in, at), 4), 4, true, c->mmu.priv);
    seg_st(c, 2, in->seg, at, t->limit);
    seg_st(c, 4, in->seg, second_part(in, at), (u32)t->base);
}

/* With a 16-bit operand size the base has 24 bits. */
static void load_table(struct cpu *c, const struct insn *in, struct dtable *t)
{
    need_cpl0(c);
    u64 at = ea(c, in);
    u16 limit = (u16)seg_ld(c, 2, in->seg, at);
    u32 base = (u32)seg_ld(c, 4, in->seg, second_part(in, at));
    t->limit = limit;
    t->base = in->opsize == 0 ? base & 0xFFFFFF : base;
}

OP0(SGDT_Ms)
{
    store_table(c, in, &c->gdtr);
}

OP0(SIDT_Ms)
{
    store_table(c, in, &c->idtr);
}

OP0(LGDT_Ms)
{
    load_table(c, in, &c->gdtr);
}

OP0(LIDT_Ms)
{
    load_table(c, in, &c->idtr);
}

OPV(SLDT_Ev)
{
    need_protected(c);
    store_selector(c, in, W, MEM, c->ldtr.sel);
}

OPV(STR_Ev)
{
    need_protected(c);
    store_selector(c, in, W, MEM, c->tr.sel);
}

/* LLDT and LTR take their descriptors from the GDT only. */
static void read_system(struct cpu *c, u16 sel, struct desc *d)
{
    if ((sel & 4) || !desc_read(c, sel, d))
        raise_sel(c, VEC_GP, sel);
}

OPB(LLDT_Ew)
{
    struct desc d;
    need_protected(c);
    need_cpl0(c);
    u16 sel = (u16)rm_rd(c, in, 2, MEM);
    if (sel_null(sel)) {
        c->ldtr.sel = sel;
        c->ldtr.null = true;
        return;
    }
    read_system(c, sel, &d);
    if (!attr_is_sys(d.attr, DESC_LDT))
        raise_sel(c, VEC_GP, sel);
    if (!(d.attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    segment_fill(&c->ldtr, &d, sel);
}

OPB(LTR_Ew)
{
    struct desc d;
    need_protected(c);
    need_cpl0(c);
    u16 sel = (u16)rm_rd(c, in, 2, MEM);
    if (sel_null(sel))
        raise_gp0(c);
    read_system(c, sel, &d);
    if (!attr_is_free_tss(d.attr))
        raise_sel(c, VEC_GP, sel);
    if (!(d.attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    desc_set_busy(c, d.lin, true);
    segment_fill(&c->tr, &d, sel);
    c->tr.attr |= DESC_BUSY;
}

/* ---- looking at selectors ---- */

static void set_zf(struct cpu *c, bool zf)
{
    u32 f = flags_arith(c);
    flags_set_arith(c, zf ? f | F_ZF : f & ~(u32)F_ZF);
}

/* Whether code at CPL may see the descriptor with a selector of this RPL; conforming code is visible to all. */
static bool visible(const struct cpu *c, u16 sel, u16 attr)
{
    unsigned dpl = attr_dpl(attr);
    return attr_is_conforming(attr) || (dpl >= c->cpl && dpl >= sel_rpl(sel));
}

/* System types that LAR (bits) and LSL know outside 64-bit mode. */
#define LAR_TYPES                                                                                                      \
    (BIT(DESC_TSS16) | BIT(DESC_LDT) | BIT(DESC_TSS16_BUSY) | BIT(DESC_CALL16) | BIT(DESC_TASK_GATE) |                 \
     BIT(DESC_TSS32) | BIT(DESC_TSS32_BUSY) | BIT(DESC_CALL32))
#define LSL_TYPES (BIT(DESC_TSS16) | BIT(DESC_LDT) | BIT(DESC_TSS16_BUSY) | BIT(DESC_TSS32) | BIT(DESC_TSS32_BUSY))

/* Reads what LAR and LSL ask about; false: ZF = 0. */
static bool look(struct cpu *c, u16 sel, u32 types, struct desc *d)
{
    if (sel_null(sel) || !desc_read(c, sel, d))
        return false;
    if (!(d->attr & SEG_S) && !(types >> (d->attr & SEG_TYPE) & 1))
        return false;
    return visible(c, sel, d->attr);
}

OPV(LAR_GvEw)
{
    struct desc d;
    need_protected(c);
    bool ok = look(c, (u16)rm_rd(c, in, 2, MEM), LAR_TYPES, &d);
    if (ok)
        reg_wr(c, W, in->reg, d.raw >> 32 & 0x00FFFF00);
    set_zf(c, ok);
}

OPV(LSL_GvEw)
{
    struct desc d;
    need_protected(c);
    bool ok = look(c, (u16)rm_rd(c, in, 2, MEM), LSL_TYPES, &d);
    if (ok)
        reg_wr(c, W, in->reg, d.limit);
    set_zf(c, ok);
}

static void verify(struct cpu *c, u16 sel, bool write)
{
    struct desc d;
    bool ok = look(c, sel, 0, &d);
    set_zf(c, ok && (write ? attr_is_writable_data(d.attr) : attr_is_readable(d.attr)));
}

OPB(VERR_Ew)
{
    need_protected(c);
    verify(c, (u16)rm_rd(c, in, 2, MEM), false);
}

OPB(VERW_Ew)
{
    need_protected(c);
    verify(c, (u16)rm_rd(c, in, 2, MEM), true);
}

OPB(ARPL_EwGw)
{
    need_protected(c);
    u16 dst = (u16)rm_rd(c, in, 2, MEM), src = (u16)c->r[in->reg];
    bool raise = sel_rpl(dst) < sel_rpl(src);
    if (raise) /* only then is the right to write needed */
        rm_wr(c, in, 2, MEM, (dst & 0xFFFC) | sel_rpl(src));
    set_zf(c, raise);
}

OPW(BOUND_GvMa)
{
    u64 at = ea(c, in), mask = in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
    s64 index = (s64)sext(reg_rd(c, W, in->reg), W);
    s64 low = (s64)sext(seg_ld(c, W, in->seg, at), W);
    s64 high = (s64)sext(seg_ld(c, W, in->seg, (at + W) & mask), W);
    if (index < low || index > high)
        cpu_raise(c, VEC_BR);
}
