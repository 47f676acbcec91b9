/*
 * op_io.c - IN, OUT, INS, OUTS.
 *
 * SDM vol. 2: IN, OUT, INS, OUTS, REP.
 */
#include "cpu/sys.h"

/* Bytes moved by the v forms: 4 at most, whatever the operand size. */
static ALWAYS_INLINE void in_port(struct cpu *c, u16 port, const unsigned W)
{
    io_check(c, port, W);
    reg_wr(c, W, R_AX, io_in(c, port, W));
}

static ALWAYS_INLINE void out_port(struct cpu *c, u16 port, const unsigned W)
{
    io_check(c, port, W);
    io_out(c, port, (u32)reg_rd(c, W, R_AX), W);
}

OP0(IN_ALIb)
{
    in_port(c, (u8)in->imm, W);
}

OPW(IN_AXIb)
{
    in_port(c, (u8)in->imm, W);
}

OP0(IN_ALDX)
{
    in_port(c, (u16)c->r[R_DX], W);
}

OPW(IN_AXDX)
{
    in_port(c, (u16)c->r[R_DX], W);
}

OP0(OUT_IbAL)
{
    out_port(c, (u8)in->imm, W);
}

OPW(OUT_IbAX)
{
    out_port(c, (u8)in->imm, W);
}

OP0(OUT_DXAL)
{
    out_port(c, (u16)c->r[R_DX], W);
}

OPW(OUT_DXAX)
{
    out_port(c, (u16)c->r[R_DX], W);
}

/* ---- INS and OUTS ---- */

static ALWAYS_INLINE u64 addr_mask(const struct insn *in)
{
    return in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
}

/* Moves a pointer or counter register of the address size; the rest of a 16-bit one stays. */
static ALWAYS_INLINE void addr_reg_add(struct cpu *c, u64 mask, unsigned reg, u64 delta)
{
    u64 v = c->r[reg];
    c->r[reg] = ((v + delta) & mask) | (mask == 0xFFFF ? v & ~mask : 0);
}

static ALWAYS_INLINE u64 addr_step(const struct cpu *c, const unsigned W)
{
    return c->eflags & F_DF ? (u64)0 - W : W;
}

/* The destination is known to be writable before the port is read: reading cannot be undone. */
static ALWAYS_INLINE void ins_one(struct cpu *c, const struct insn *in, const unsigned W, u64 mask)
{
    u16 port = (u16)c->r[R_DX];
    u64 lin = seg_lin_wr(c, SEG_ES, c->r[R_DI] & mask, W);
    align_check(c, lin, W);
    mmu_probe(&c->mmu, lin, W, true, c->mmu.priv);
    lin_st(c, W, lin, io_in(c, port, W));
    addr_reg_add(c, mask, R_DI, addr_step(c, W));
}

static ALWAYS_INLINE void outs_one(struct cpu *c, const struct insn *in, const unsigned W, u64 mask)
{
    u64 v = seg_ld(c, W, in->seg, c->r[R_SI] & mask);
    io_out(c, (u16)c->r[R_DX], (u32)v, W);
    addr_reg_add(c, mask, R_SI, addr_step(c, W));
}

typedef void (*one_fn)(struct cpu *c, const struct insn *in, unsigned w, u64 mask);

/* F2 repeats as F3 does. A device that raises attention is heard after the iteration that made it do so. */
static ALWAYS_INLINE void rep_io(struct cpu *c, const struct insn *in, const unsigned W, one_fn one)
{
    const u64 mask = addr_mask(in);
    io_check(c, (u16)c->r[R_DX], W); /* even if nothing is repeated, as silicon has it */
    if (!in->rep) {
        one(c, in, W, mask);
        return;
    }
    u64 n = MIN(c->r[R_CX] & mask, rep_left(c));
    if (n == 0)
        return;
    do {
        one(c, in, W, mask);
        addr_reg_add(c, mask, R_CX, ~(u64)0);
        c->rep_done++;
    } while (--n && !c->attention);
    if (c->r[R_CX] & mask)
        c->ip = insn_ip(c, in);
}

OP0(INSB)
{
    rep_io(c, in, W, ins_one);
}

OPW(INSV)
{
    rep_io(c, in, W, ins_one);
}

OP0(OUTSB)
{
    rep_io(c, in, W, outs_one);
}

OPW(OUTSV)
{
    rep_io(c, in, W, outs_one);
}
