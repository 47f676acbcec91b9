/*
 * op_bcd.c - decimal adjustment: DAA DAS AAA AAS AAM AAD.
 *
 * The undefined flags are those of the addition or subtraction that the adjustment is made of, as
 * processors leave them: 8 bits wide for DAA, DAS and AAD, 16 bits wide
 * (AX +- 106h, before AL is masked) for AAA and AAS with OF 0.
 */
#include "cpu/exec.h"

static ALWAYS_INLINE void daa_das(struct cpu *c, bool subtract)
{
    u8 al = (u8)c->r[R_AX];
    bool af = (al & 15) > 9 || flag_af(c);
    bool cf = al > 0x99 || flag_cf(c);
    u8 adjust = (af ? 0x06 : 0) | (cf ? 0x60 : 0);
    u8 res = subtract ? al - adjust : al + adjust;
    /* DAS: the low digit's borrow may run out of AL below 6 */
    if (subtract && af && al < 6)
        cf = true;
    bool of = (subtract ? al & ~res : ~al & res) & 0x80;
    reg_wr(c, 1, R_AX, res);
    c->lf_res = sext(res, 1);
    c->lf_aux = (u32)cf << LF_CF | (u32)(cf ^ of) << LF_PO | (u32)af << LF_AF;
}

OP0(DAA)
{
    daa_das(c, false);
}

OP0(DAS)
{
    daa_das(c, true);
}

static ALWAYS_INLINE void aaa_aas(struct cpu *c, bool subtract)
{
    u16 ax = (u16)c->r[R_AX];
    bool adjust = (ax & 15) > 9 || flag_af(c);
    if (adjust)
        ax = subtract ? ax - 0x106 : ax + 0x106;
    reg_wr(c, 2, R_AX, ax & 0xFF0F);
    c->lf_res = sext(ax, 2);
    c->lf_aux = (u32)adjust << LF_CF | (u32)adjust << LF_PO | (u32)adjust << LF_AF;
}

OP0(AAA)
{
    aaa_aas(c, false);
}

OP0(AAS)
{
    aaa_aas(c, true);
}

OP0(AAM_Ib)
{
    u8 base = (u8)in->imm, al = (u8)c->r[R_AX];
    if (base == 0)
        cpu_raise(c, VEC_DE);
    reg_wr(c, 2, R_AX, (u64)(al / base) << 8 | al % base);
    flags_logic(c, 1, al % base);
}

OP0(AAD_Ib)
{
    u64 al = (u8)c->r[R_AX], tens = (u8)((u8)(c->r[R_AX] >> 8) * (u8)in->imm);
    reg_wr(c, 2, R_AX, (u8)(al + tens));
    flags_add(c, 1, al, tens, al + tens);
}
