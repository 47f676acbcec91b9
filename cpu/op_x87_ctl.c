/*
 * op_x87_ctl.c - x87 control: control, status and environment; FSAVE, FRSTOR; FINIT, FCLEX, WAIT.
 *
 * None of these touches the instruction and data pointers.
 */
#include "cpu/x87.h"

enum { REGS_BYTES = 80, IMAGE_MAX = 28 + REGS_BYTES };

/* WAIT, FWAIT: TS matters only with MP. */
OP0(FWAIT)
{
    if ((c->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
        cpu_raise(c, VEC_NM);
    if (!(c->fpu.sw & X87_ES))
        return;
    if (c->cr0 & CR0_NE)
        cpu_raise(c, VEC_MF);
    x87_update_es(c);
}

OP0(FNINIT)
{
    x87_begin_nowait(c);
    x87_init(c);
}

OP0(FNCLEX)
{
    x87_begin_nowait(c);
    c->fpu.sw &= (u16) ~(FP_ALL | X87_SF);
    x87_update_es(c);
}

/* The 8087's interrupt enable and disable, the 287's protected mode: nothing since the 387. */
OP0(FNENI)
{
    x87_begin_nowait(c);
}
OP_SAME(FNDISI, FNENI)
OP_SAME(FNSETPM, FNENI)

OP0(FNSTCW)
{
    x87_begin_nowait(c);
    mem_st(c, in, 2, c->fpu.cw);
}

OP0(FLDCW)
{
    x87_begin(c);
    u16 cw = (u16)mem_ld(c, in, 2);
    x87_load(c, cw, x87_status(c), x87_tags(c));
}

OP0(FNSTSW_M16)
{
    x87_begin_nowait(c);
    mem_st(c, in, 2, x87_status(c));
}

OP0(FNSTSW_AX)
{
    x87_begin_nowait(c);
    reg_wr(c, 2, R_AX, x87_status(c));
}

/* ---- images ---- */

static void read_image(struct cpu *c, const struct insn *in, u8 *image, u32 len)
{
    u64 lin = seg_lin_rd(c, in->seg, ea(c, in), len);
    align_check(c, lin, insn_width(in));
    for (u32 i = 0; i < len; i += 2)
        st16(image + i, mmu_ld16(&c->mmu, (u32)(lin + i)));
}

/* All of it or nothing. */
static void write_image(struct cpu *c, const struct insn *in, const u8 *image, u32 len)
{
    u64 lin = seg_lin_wr(c, in->seg, ea(c, in), len);
    align_check(c, lin, insn_width(in));
    mmu_probe(&c->mmu, lin, len, true, c->mmu.priv);
    for (u32 i = 0; i < len; i += 2)
        mmu_st16(&c->mmu, (u32)(lin + i), ld16(image + i));
}

OP0(FNSTENV)
{
    u8 image[IMAGE_MAX];
    unsigned w = insn_width(in);
    x87_begin_nowait(c);
    x87_env_image(c, w, image);
    write_image(c, in, image, x87_env_bytes(w));
    c->fpu.cw |= FP_ALL;
    x87_update_es(c);
}

OP0(FLDENV)
{
    u8 image[IMAGE_MAX];
    unsigned w = insn_width(in);
    x87_begin(c);
    read_image(c, in, image, x87_env_bytes(w));
    x87_env_load(c, w, image);
}

OP0(FNSAVE)
{
    u8 image[IMAGE_MAX];
    unsigned w = insn_width(in), env = x87_env_bytes(w);
    x87_begin_nowait(c);
    x87_env_image(c, w, image);
    for (unsigned i = 0; i < 8; i++)
        f80_store(image + env + 10 * i, x87_get(c, i));
    write_image(c, in, image, env + REGS_BYTES);
    x87_init(c);
}

OP0(FRSTOR)
{
    u8 image[IMAGE_MAX];
    unsigned w = insn_width(in), env = x87_env_bytes(w);
    x87_begin(c);
    read_image(c, in, image, env + REGS_BYTES);
    x87_env_load(c, w, image);
    for (unsigned i = 0; i < 8; i++)
        c->fpu.st[x87_phys(c, i)] = f80_load(image + env + 10 * i);
}
