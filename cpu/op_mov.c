/*
 * op_mov.c - data movement without flags: MOV MOVZX MOVSX LEA XCHG XLAT BSWAP CBW CWD.
 */
#include "cpu/exec.h"

OPB(MOV_EbGb)
{
    rm_wr(c, in, W, MEM, reg_rd(c, W, in->reg));
}

OPV(MOV_EvGv)
{
    rm_wr(c, in, W, MEM, reg_rd(c, W, in->reg));
}

OPB(MOV_GbEb)
{
    reg_wr(c, W, in->reg, rm_rd(c, in, W, MEM));
}

OPV(MOV_GvEv)
{
    reg_wr(c, W, in->reg, rm_rd(c, in, W, MEM));
}

OPB(MOV_EbIb)
{
    rm_wr(c, in, W, MEM, in->imm);
}

OPV(MOV_EvIz)
{
    rm_wr(c, in, W, MEM, in->imm);
}

OP0(MOV_ZbIb)
{
    reg_wr(c, W, in->reg, in->imm);
}

OPW(MOV_ZvIv)
{
    reg_wr(c, W, in->reg, in->imm);
}

/* moffs: the offset is in imm, zero-extended from the address size. */

OP0(MOV_ALOb)
{
    reg_wr(c, W, R_AX, seg_ld(c, W, in->seg, in->imm));
}

OPW(MOV_AXOv)
{
    reg_wr(c, W, R_AX, seg_ld(c, W, in->seg, in->imm));
}

OP0(MOV_ObAL)
{
    seg_st(c, W, in->seg, in->imm, reg_rd(c, W, R_AX));
}

OPW(MOV_OvAX)
{
    seg_st(c, W, in->seg, in->imm, reg_rd(c, W, R_AX));
}

OPV(MOVZX_GvEb)
{
    reg_wr(c, W, in->reg, rm_rd(c, in, 1, MEM));
}

OPV(MOVZX_GvEw)
{
    reg_wr(c, W, in->reg, rm_rd(c, in, 2, MEM));
}

OPV(MOVSX_GvEb)
{
    reg_wr(c, W, in->reg, sext(rm_rd(c, in, 1, MEM), 1));
}

OPV(MOVSX_GvEw)
{
    reg_wr(c, W, in->reg, sext(rm_rd(c, in, 2, MEM), 2));
}

OPW(LEA_GvM)
{
    reg_wr(c, W, in->reg, ea(c, in));
}

/* XCHG with memory is a locked read-modify-write. */

static ALWAYS_INLINE void xchg_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    struct rmw t;
    u64 e = rm_begin(c, in, W, MEM, &t), g = reg_rd(c, W, in->reg);
    rm_end(c, in, W, MEM, &t, g);
    reg_wr(c, W, in->reg, e);
}

OPB(XCHG_EbGb)
{
    xchg_e(c, in, W, MEM);
}

OPV(XCHG_EvGv)
{
    xchg_e(c, in, W, MEM);
}

OPW(XCHG_ZvAX)
{
    u64 a = reg_rd(c, W, R_AX), z = reg_rd(c, W, in->reg);
    reg_wr(c, W, R_AX, z);
    reg_wr(c, W, in->reg, a);
}

OP0(XLAT)
{
    u64 off = c->r[R_BX] + (u8)c->r[R_AX];
    off = in->adsize == 0 ? (u16)off : (u32)off;
    reg_wr(c, W, R_AX, seg_ld(c, W, in->seg, off));
}

/* With a 16-bit operand BSWAP is undefined; silicon clears the register's low half. */
OPW(BSWAP_Zv)
{
    reg_wr(c, W, in->reg, W == 2 ? 0 : __builtin_bswap32((u32)c->r[in->reg]));
}

/* CBW, CWDE */
OPW(CBW)
{
    reg_wr(c, W, R_AX, sext(c->r[R_AX], W / 2));
}

/* CWD, CDQ */
OPW(CWD)
{
    reg_wr(c, W, R_DX, sext(c->r[R_AX], W) >> 63 ? ~(u64)0 : 0);
}
