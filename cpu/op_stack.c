/*
 * op_stack.c - PUSH POP PUSHA POPA ENTER LEAVE (segment registers: op_seg.c; flags: op_flags.c).
 *
 * The stack pointer commits last. Instructions that push several values find out first
 * whether all of them can be written.
 */
#include "cpu/exec.h"

OPW(PUSH_Zv)
{
    push(c, W, reg_rd(c, W, in->reg)); /* PUSH ESP: the value before */
}

OPW(PUSH_Iz)
{
    push(c, W, in->imm);
}

OP_SAME(PUSH_Ib, PUSH_Iz)

OPV(PUSH_Ev)
{
    push(c, W, rm_rd(c, in, W, MEM));
}

OPW(POP_Zv)
{
    u64 v = pop(c, W);
    reg_wr(c, W, in->reg, v); /* POP ESP: the popped value stays */
}

/* The stack pointer as it will be after N bytes were popped. */
static ALWAYS_INLINE u64 popped_sp(const struct cpu *c, u32 n)
{
    u64 sp = c->r[R_SP], mask = stack_mask(c);
    return (sp & ~mask) | ((sp + n) & mask);
}

/* A destination addressed by ESP uses ESP as it is after the pop. */
OPV(POP_Ev)
{
    u64 v = stack_peek(c, W, 0);
    if (MEM) {
        struct insn at = *in;
        if (in->base == R_SP)
            at.disp = (s32)((u32)in->disp + (u32)(popped_sp(c, W) - c->r[R_SP]));
        mem_st(c, &at, W, v);
        stack_drop(c, W);
    } else {
        stack_drop(c, W);
        reg_wr(c, W, in->rm, v);
    }
}

/* Raises what storing W bytes at SS:OFF would raise. */
static void probe_store(struct cpu *c, unsigned w, u64 off)
{
    u64 lin = seg_lin_wr(c, SEG_SS, off, w);
    align_check(c, lin, w);
    if (!tlb_hit(c->mmu.wr, lin, w))
        mmu_probe(&c->mmu, lin, w, true, c->mmu.priv);
}

static void probe_load(struct cpu *c, unsigned w, u64 off)
{
    u64 lin = seg_lin_rd(c, SEG_SS, off, w);
    align_check(c, lin, w);
    if (!tlb_hit(c->mmu.rd, lin, w))
        mmu_probe(&c->mmu, lin, w, false, c->mmu.priv);
}

/* As if N values of W bytes were pushed one after the other. */
static void probe_pushes(struct cpu *c, unsigned w, unsigned n)
{
    for (unsigned i = 1; i <= n; i++)
        probe_store(c, w, (c->r[R_SP] - i * w) & stack_mask(c));
}

/* In real mode an SP that would wrap inside the eight pushes is #GP, or (SP 1, 3, 5) #SS, of which the processor dies.
 */
OPW(PUSHA)
{
    u64 sp = c->r[R_SP], mask = stack_mask(c);
    if (UNLIKELY(!cpu_pe(c) && (sp & mask & 1) && (sp & mask) > 6 && (sp & mask) < 16))
        raise_gp0(c);
    probe_pushes(c, W, 8);
    for (unsigned i = 0; i < 8; i++)
        seg_st(c, W, SEG_SS, (sp - (i + 1) * W) & mask, reg_rd(c, W, i));
    stack_set(c, sp - 8 * W);
}

/* ESP's slot is read too, and what it holds forgotten: a fault can name it (AMD). */
OPW(POPA)
{
    u64 v[8];
    for (unsigned i = 0; i < 8; i++)
        v[i] = stack_peek(c, W, i * W);
    stack_drop(c, 8 * W);
    for (unsigned i = 0; i < 8; i++) {
        if (i != 7 - R_SP)
            reg_wr(c, W, 7 - i, v[i]);
    }
}

/*
 * ENTER with a nesting level: also copies LEVEL - 1 frame pointers of the enclosing procedures and pushes the new one.
 * The copies go one by one because a frame pointer just pushed may be the next one read.
 */
static NOINLINE void enter_display(struct cpu *c, unsigned w, unsigned level, u64 frame)
{
    u64 mask = stack_mask(c), sp = c->r[R_SP] - w, bp = c->r[R_BP];
    seg_st(c, w, SEG_SS, sp & mask, bp);
    for (unsigned i = 1; i < level; i++) {
        sp -= w;
        bp -= w;
        seg_st(c, w, SEG_SS, sp & mask, seg_ld(c, w, SEG_SS, bp & mask));
    }
    seg_st(c, w, SEG_SS, (sp - w) & mask, frame);
}

/* The word at the final stack pointer must be writable though nothing is stored there. */
OPW(ENTER_IwIb)
{
    unsigned level = in->imm >> 16 & 31, size = (u16)in->imm;
    u64 mask = stack_mask(c), frame = c->r[R_SP] - W;
    if (c->stack32)
        frame = (u32)frame;
    else
        frame = (c->r[R_SP] & 0xFFFF0000) | (u16)frame;
    u64 sp = frame - level * W - size;
    probe_pushes(c, W, level + 1);
    for (unsigned i = 1; i < level; i++)
        probe_load(c, W, (c->r[R_BP] - i * W) & mask);
    probe_store(c, W, sp & mask);
    if (level)
        enter_display(c, W, level, frame);
    else
        seg_st(c, W, SEG_SS, frame & mask, c->r[R_BP]);
    reg_wr(c, W, R_BP, frame);
    stack_set(c, sp);
}

OPW(LEAVE)
{
    u64 bp = c->r[R_BP], mask = stack_mask(c);
    u64 v = seg_ld(c, W, SEG_SS, bp & mask);
    stack_set(c, bp + W);
    reg_wr(c, W, R_BP, v);
}
