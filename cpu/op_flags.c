/*
 * op_flags.c - instructions on EFLAGS: PUSHF POPF LAHF SAHF, CLC STC CMC CLD STD CLI STI,
 * SALC, SETcc and CMOVcc.
 *
 * SDM vol. 2: PUSHF, POPF, CLI, STI; vol. 3A 20.3 (virtual-8086 extensions), 20.4
 * (protected-mode virtual interrupts).
 */
#include "cpu/op_cond.h"
#include "cpu/sys.h"

/* In virtual-8086 mode below IOPL 3 the interrupt flag belongs to the monitor; with VME its copy VIF stands in for it.
 */
static bool vm86_restricted(const struct cpu *c)
{
    return cpu_vm86(c) && cpu_iopl(c) < 3;
}

OPW(PUSHF)
{
    u32 f = c->eflags | flags_arith(c);
    if (vm86_restricted(c)) {
        if (W != 2 || !(c->cr4 & CR4_VME))
            raise_gp0(c);
        f |= F_IOPL;
        f = f & F_VIF ? f | F_IF : f & ~(u32)F_IF;
    }
    push(c, W, f & ~(u32)(F_VM | F_RF));
}

/* POPF with VME below IOPL 3: IF goes to VIF; #GP(0) if that would let a pending interrupt in or start single-stepping.
 */
static void popf_vme(struct cpu *c, u32 f)
{
    if ((f & F_TF) || ((f & F_IF) && (c->eflags & F_VIP)))
        raise_gp0(c);
    stack_drop(c, 2);
    f = (f & ~(u32)F_VIF) | (f & F_IF ? F_VIF : 0);
    cpu_write_flags(c, f, F_ARITH | F_TF | F_DF | F_NT | F_VIF);
}

/* What may change: IOPL at CPL 0 only (never in virtual-8086 mode), IF with CPL <= IOPL, AC and ID with 32 bits. VIF,
 * VIP and VM stay, RF is cleared. */
OPW(POPF)
{
    u32 f = (u32)stack_peek(c, W, 0);
    if (vm86_restricted(c)) {
        if (W != 2 || !(c->cr4 & CR4_VME))
            raise_gp0(c);
        popf_vme(c, f);
        return;
    }
    u32 change = F_ARITH | F_TF | F_DF | F_NT | F_RF;
    if (W == 4)
        change |= F_AC | F_ID;
    if (c->cpl == 0)
        change |= F_IOPL;
    if (c->cpl <= cpu_iopl(c))
        change |= F_IF;
    stack_drop(c, W);
    cpu_write_flags(c, f & ~(u32)F_RF, change);
}

OP0(LAHF)
{
    ((u8 *)c->r)[1] = (u8)(flags_arith(c) | F_ONE);
}

OP0(SAHF)
{
    flags_set_arith(c, ((const u8 *)c->r)[1] | (flag_of(c) ? F_OF : 0));
}

OP0(CLC)
{
    flags_set_cf(c, false);
}

OP0(STC)
{
    flags_set_cf(c, true);
}

OP0(CMC)
{
    flags_set_cf(c, !flag_cf(c));
}

OP0(CLD)
{
    c->eflags &= ~(u32)F_DF;
}

OP0(STD)
{
    c->eflags |= F_DF;
}

/*
 * Who owns the flag that CLI and STI change: IF when CPL <= IOPL (always in real mode), else VIF in virtual-8086 mode
 * with VME and at CPL 3 with PVI, else #GP(0).
 */
static u32 interrupt_flag(struct cpu *c)
{
    if (c->cpl <= cpu_iopl(c) || !cpu_pe(c))
        return F_IF;
    if (c->cpl == 3 && (c->cr4 & (cpu_vm86(c) ? CR4_VME : CR4_PVI)))
        return F_VIF;
    raise_gp0(c);
}

OP0(CLI)
{
    c->eflags &= ~interrupt_flag(c);
    cpu_flags_changed(c);
}

/* Interrupts stay out for one more instruction if they were disabled. */
OP0(STI)
{
    u32 flag = interrupt_flag(c);
    if (flag == F_VIF && (c->eflags & F_VIP))
        raise_gp0(c);
    bool shadow = flag == F_IF && !(c->eflags & F_IF);
    c->eflags |= flag;
    cpu_flags_changed(c);
    if (shadow)
        cpu_shadow(c);
}

/* SALC (undocumented, D6): AL = CF ? FFh : 0. */
OP0(SALC)
{
    reg_wr(c, W, R_AX, flag_cf(c) ? 0xFF : 0);
}

/* ---- by condition ---- */

static ALWAYS_INLINE void setcc(struct cpu *c, const struct insn *in, const bool MEM, bool condition)
{
    rm_wr(c, in, 1, MEM, condition);
}

/* The source is read, and may fault, whatever the condition. */
static ALWAYS_INLINE void cmovcc(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM, bool condition)
{
    u64 v = rm_rd(c, in, W, MEM), old = reg_rd(c, W, in->reg);
    reg_wr(c, W, in->reg, condition ? v : old);
}

OPB(SETcc_Eb)
{
    setcc(c, in, MEM, flags_cond(c, in->modrm & 15));
}

OPV(CMOVcc_GvEv)
{
    cmovcc(c, in, W, MEM, flags_cond(c, in->modrm & 15));
}

#define COND(cc)                                                                                                       \
    static void setcc_##cc##_r(struct cpu *c, const struct insn *in)                                                   \
    {                                                                                                                  \
        setcc(c, in, false, flags_cond(c, cc));                                                                        \
    }                                                                                                                  \
    static void setcc_##cc##_m(struct cpu *c, const struct insn *in)                                                   \
    {                                                                                                                  \
        setcc(c, in, true, flags_cond(c, cc));                                                                         \
    }                                                                                                                  \
    static void cmov_##cc##_16r(struct cpu *c, const struct insn *in)                                                  \
    {                                                                                                                  \
        cmovcc(c, in, 2, false, flags_cond(c, cc));                                                                    \
    }                                                                                                                  \
    static void cmov_##cc##_16m(struct cpu *c, const struct insn *in)                                                  \
    {                                                                                                                  \
        cmovcc(c, in, 2, true, flags_cond(c, cc));                                                                     \
    }                                                                                                                  \
    static void cmov_##cc##_32r(struct cpu *c, const struct insn *in)                                                  \
    {                                                                                                                  \
        cmovcc(c, in, 4, false, flags_cond(c, cc));                                                                    \
    }                                                                                                                  \
    static void cmov_##cc##_32m(struct cpu *c, const struct insn *in)                                                  \
    {                                                                                                                  \
        cmovcc(c, in, 4, true, flags_cond(c, cc));                                                                     \
    }
#define SETCC_FORMS(cc)                                                                                                \
    {                                                                                                                  \
        setcc_##cc##_r, setcc_##cc##_m, setcc_##cc##_r, setcc_##cc##_m, setcc_##cc##_r, setcc_##cc##_m                 \
    }
#define CMOV_FORMS(cc)                                                                                                 \
    {                                                                                                                  \
        cmov_##cc##_16r, cmov_##cc##_16m, cmov_##cc##_32r, cmov_##cc##_32m, NULL, NULL                                 \
    }
#define ALL_CONDS(forms)                                                                                               \
    {                                                                                                                  \
        forms(0), forms(1), forms(2), forms(3), forms(4), forms(5), forms(6), forms(7), forms(8), forms(9), forms(10), \
            forms(11), forms(12), forms(13), forms(14), forms(15)                                                      \
    }

COND(0)
COND(1)
COND(2)
COND(3)
COND(4)
COND(5)
COND(6)
COND(7)
COND(8)
COND(9)
COND(10)
COND(11)
COND(12)
COND(13)
COND(14)
COND(15)

const op_fn exec_SETcc_by_cond[16][EXEC_FORMS] = ALL_CONDS(SETCC_FORMS);
const op_fn exec_CMOVcc_by_cond[16][EXEC_FORMS] = ALL_CONDS(CMOV_FORMS);
