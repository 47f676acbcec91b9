/*
 * op_flow.c - near transfers: JMP CALL RET Jcc LOOP JCXZ. Far ones are in flow_far.c.
 *
 * The operand size truncates the target: with 16 bits EIP's upper half becomes 0. A target
 * beyond the code segment's limit is #GP(0) in this instruction, before anything changed.
 */
#include "cpu/op_cond.h"

/* Rows here end a block: cpu->ip is the next instruction's. */
static ALWAYS_INLINE u64 rel_target(const struct cpu *c, const struct insn *in, const unsigned W)
{
    return zext(c->ip + in->imm, W);
}

OPW(JMP_Jz)
{
    jump_near(c, rel_target(c, in, W));
}

OP_SAME(JMP_Jb, JMP_Jz)

OPV(JMP_Ev)
{
    jump_near(c, rm_rd(c, in, W, MEM));
}

/* The limit is checked before the push. */
static ALWAYS_INLINE void call_near(struct cpu *c, const unsigned W, u64 target)
{
    u64 next = c->ip;
    jump_near(c, target);
    push(c, W, next); /* a fault here restores IP with the rest */
}

OPW(CALL_Jz)
{
    call_near(c, W, rel_target(c, in, W));
}

OPV(CALL_Ev)
{
    call_near(c, W, rm_rd(c, in, W, MEM));
}

OPW(RET)
{
    jump_near(c, stack_peek(c, W, 0));
    stack_drop(c, W);
}

OPW(RET_Iw)
{
    jump_near(c, stack_peek(c, W, 0));
    stack_drop(c, W + (u16)in->imm);
}

/* ---- Jcc ---- */

/* Without a branch on the condition: the host would have to predict the guest's branch here and once more when the next
 * instruction is looked up. */
static ALWAYS_INLINE void jcc(struct cpu *c, const struct insn *in, const unsigned W, bool taken)
{
    u64 next = c->ip;
    u64 target = zext(next + (in->imm & ((u64)0 - taken)), W);
    if (W == 2)
        target = taken ? target : next; /* a jump not taken truncates nothing */
    if (UNLIKELY(target > c->seg[SEG_CS].limit) && taken)
        raise_gp0(c);
    c->ip = target;
}

OPW(Jcc_Jz)
{
    jcc(c, in, W, flags_cond(c, in->modrm & 15));
}

OP_SAME(Jcc_Jb, Jcc_Jz)

#define JCC(cc)                                                                                                        \
    static void jcc_##cc##_16(struct cpu *c, const struct insn *in)                                                    \
    {                                                                                                                  \
        jcc(c, in, 2, flags_cond(c, cc));                                                                              \
    }                                                                                                                  \
    static void jcc_##cc##_32(struct cpu *c, const struct insn *in)                                                    \
    {                                                                                                                  \
        jcc(c, in, 4, flags_cond(c, cc));                                                                              \
    }
#define JCC_FORMS(cc)                                                                                                  \
    {                                                                                                                  \
        jcc_##cc##_16, jcc_##cc##_16, jcc_##cc##_32, jcc_##cc##_32, NULL, NULL                                         \
    }

JCC(0)
JCC(1)
JCC(2)
JCC(3)
JCC(4)
JCC(5)
JCC(6)
JCC(7)
JCC(8)
JCC(9)
JCC(10)
JCC(11)
JCC(12)
JCC(13)
JCC(14)
JCC(15)

const op_fn exec_Jcc_by_cond[16][EXEC_FORMS] = {
    JCC_FORMS(0),  JCC_FORMS(1),  JCC_FORMS(2),  JCC_FORMS(3),  JCC_FORMS(4),  JCC_FORMS(5),
    JCC_FORMS(6),  JCC_FORMS(7),  JCC_FORMS(8),  JCC_FORMS(9),  JCC_FORMS(10), JCC_FORMS(11),
    JCC_FORMS(12), JCC_FORMS(13), JCC_FORMS(14), JCC_FORMS(15),
};

/* ---- LOOP, JCXZ: the address size chooses CX or ECX ---- */

static ALWAYS_INLINE void loop(struct cpu *c, const struct insn *in, const unsigned W, bool condition)
{
    u64 cx = c->r[R_CX], mask = in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
    u64 count = (cx - 1) & mask;
    if (count && condition)
        jump_near(c, rel_target(c, in, W));
    c->r[R_CX] = in->adsize == 0 ? (cx & ~mask) | count : count;
}

OPW(LOOP_Jb)
{
    loop(c, in, W, true);
}

OPW(LOOPE_Jb)
{
    loop(c, in, W, flag_zf(c));
}

OPW(LOOPNE_Jb)
{
    loop(c, in, W, !flag_zf(c));
}

OPW(JCXZ_Jb)
{
    if ((in->adsize == 0 ? (u16)c->r[R_CX] : (u32)c->r[R_CX]) == 0)
        jump_near(c, rel_target(c, in, W));
}
