/*
 * op_muldiv.c - MUL IMUL DIV IDIV.
 *
 * MUL and IMUL: CF and OF say that the high half matters; the undefined SF, ZF and PF
 * are those of the low half and AF is 0. DIV and IDIV leave all flags as they were.
 */
#include "cpu/exec.h"

static ALWAYS_INLINE void flags_mul(struct cpu *c, const unsigned W, u64 low, bool overflow)
{
    c->lf_res = sext(low, W);
    c->lf_aux = (u32)overflow << LF_CF; /* CF = OF */
}

/* rDX:rAX, or AX for bytes */
static ALWAYS_INLINE void wide_wr(struct cpu *c, const unsigned W, u64 v)
{
    if (W == 1) {
        reg_wr(c, 2, R_AX, v);
        return;
    }
    reg_wr(c, W, R_AX, v);
    reg_wr(c, W, R_DX, v >> W * 8);
}

static ALWAYS_INLINE u64 wide_rd(struct cpu *c, const unsigned W)
{
    if (W == 1)
        return reg_rd(c, 2, R_AX);
    return reg_rd(c, W, R_AX) | reg_rd(c, W, R_DX) << W * 8;
}

static ALWAYS_INLINE void mul_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    u64 v = rm_rd(c, in, W, MEM) * reg_rd(c, W, R_AX);
    wide_wr(c, W, v);
    flags_mul(c, W, v, v >> W * 8 != 0);
}

OPB(MUL_Eb)
{
    mul_e(c, in, W, MEM);
}

OPV(MUL_Ev)
{
    mul_e(c, in, W, MEM);
}

/* The product of two W byte integers; sets the flags. */
static ALWAYS_INLINE u64 imul(struct cpu *c, const unsigned W, u64 a, u64 b)
{
    u64 v = sext(a, W) * sext(b, W);
    flags_mul(c, W, v, sext(v, W) != v);
    return v;
}

OPB(IMUL_Eb)
{
    wide_wr(c, W, imul(c, W, rm_rd(c, in, W, MEM), reg_rd(c, W, R_AX)));
}

OPV(IMUL_Ev)
{
    wide_wr(c, W, imul(c, W, rm_rd(c, in, W, MEM), reg_rd(c, W, R_AX)));
}

OPV(IMUL_GvEv)
{
    reg_wr(c, W, in->reg, imul(c, W, rm_rd(c, in, W, MEM), reg_rd(c, W, in->reg)));
}

OPV(IMUL_GvEvIz)
{
    reg_wr(c, W, in->reg, imul(c, W, rm_rd(c, in, W, MEM), in->imm));
}

OP_SAME(IMUL_GvEvIb, IMUL_GvEvIz)

/* Quotient to AL/rAX, remainder to AH/rDX. */
static ALWAYS_INLINE void div_wr(struct cpu *c, const unsigned W, u64 quotient, u64 remainder)
{
    if (W == 1) {
        reg_wr(c, 2, R_AX, (u8)quotient | (remainder & 0xFF) << 8);
        return;
    }
    reg_wr(c, W, R_AX, quotient);
    reg_wr(c, W, R_DX, remainder);
}

static ALWAYS_INLINE void div_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    u64 d = rm_rd(c, in, W, MEM), n = wide_rd(c, W);
    if (UNLIKELY(n >> W * 8 >= d)) /* quotient too large, or d = 0 */
        cpu_raise(c, VEC_DE);
    div_wr(c, W, n / d, n % d);
}

OPB(DIV_Eb)
{
    div_e(c, in, W, MEM);
}

OPV(DIV_Ev)
{
    div_e(c, in, W, MEM);
}

static ALWAYS_INLINE void idiv_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    s64 d = (s64)sext(rm_rd(c, in, W, MEM), W), n = (s64)sext(wide_rd(c, W), W * 2);
    /* INT64_MIN / -1 would trap on the host; it overflows the guest's quotient as well. */
    if (UNLIKELY(d == 0 || (d == -1 && n == INT64_MIN)))
        cpu_raise(c, VEC_DE);
    s64 q = n / d;
    if (UNLIKELY((s64)sext((u64)q, W) != q))
        cpu_raise(c, VEC_DE);
    div_wr(c, W, (u64)q, (u64)(n % d));
}

OPB(IDIV_Eb)
{
    idiv_e(c, in, W, MEM);
}

OPV(IDIV_Ev)
{
    idiv_e(c, in, W, MEM);
}
