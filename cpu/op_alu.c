/*
 * op_alu.c - ADD OR ADC SBB AND SUB XOR CMP in their nine encodings, INC DEC NEG NOT
 * TEST, and the compare-and-exchange family.
 *
 * SDM vol. 2, the instructions by name. AF, where the manual leaves it undefined
 * (OR AND XOR TEST), is 0.
 */
#include "cpu/exec.h"

enum alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

/* Sets the flags of A op B and returns the result, of which the low W bytes count. */
static ALWAYS_INLINE u64 alu(struct cpu *c, const enum alu op, const unsigned W, u64 a, u64 b)
{
    u64 res = 0;
    switch (op) {
    case ALU_ADD:
        res = a + b;
        flags_add(c, W, a, b, res);
        break;
    case ALU_ADC:
        res = a + b + flag_cf(c);
        flags_add(c, W, a, b, res);
        break;
    case ALU_SUB:
    case ALU_CMP:
        res = a - b;
        flags_sub(c, W, a, b, res);
        break;
    case ALU_SBB:
        res = a - b - flag_cf(c);
        flags_sub(c, W, a, b, res);
        break;
    case ALU_OR:
        res = a | b;
        flags_logic(c, W, res);
        break;
    case ALU_AND:
        res = a & b;
        flags_logic(c, W, res);
        break;
    case ALU_XOR:
        res = a ^ b;
        flags_logic(c, W, res);
        break;
    }
    return res;
}

/* E op= B. */
static ALWAYS_INLINE void alu_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM,
                                const enum alu op, u64 b)
{
    if (op == ALU_CMP) {
        alu(c, op, W, rm_rd(c, in, W, MEM), b);
        return;
    }
    struct rmw t;
    u64 a = rm_begin(c, in, W, MEM, &t);
    rm_end(c, in, W, MEM, &t, alu(c, op, W, a, b));
}

/* Register REG op= B. */
static ALWAYS_INLINE void alu_r(struct cpu *c, const unsigned W, unsigned reg, const enum alu op, u64 b)
{
    u64 res = alu(c, op, W, reg_rd(c, W, reg), b);
    if (op != ALU_CMP)
        reg_wr(c, W, reg, res);
}

#define ALU_ROWS(name, op)                                                                                             \
    OPB(name##_EbGb)                                                                                                   \
    {                                                                                                                  \
        alu_e(c, in, W, MEM, op, reg_rd(c, W, in->reg));                                                               \
    }                                                                                                                  \
    OPV(name##_EvGv)                                                                                                   \
    {                                                                                                                  \
        alu_e(c, in, W, MEM, op, reg_rd(c, W, in->reg));                                                               \
    }                                                                                                                  \
    OPB(name##_GbEb)                                                                                                   \
    {                                                                                                                  \
        alu_r(c, W, in->reg, op, rm_rd(c, in, W, MEM));                                                                \
    }                                                                                                                  \
    OPV(name##_GvEv)                                                                                                   \
    {                                                                                                                  \
        alu_r(c, W, in->reg, op, rm_rd(c, in, W, MEM));                                                                \
    }                                                                                                                  \
    OP0(name##_ALIb)                                                                                                   \
    {                                                                                                                  \
        alu_r(c, W, R_AX, op, (u8)in->imm);                                                                            \
    }                                                                                                                  \
    OPW(name##_AXIz)                                                                                                   \
    {                                                                                                                  \
        alu_r(c, W, R_AX, op, in->imm);                                                                                \
    }                                                                                                                  \
    OPB(name##_EbIb)                                                                                                   \
    {                                                                                                                  \
        alu_e(c, in, W, MEM, op, (u8)in->imm);                                                                         \
    }                                                                                                                  \
    OPV(name##_EvIz)                                                                                                   \
    {                                                                                                                  \
        alu_e(c, in, W, MEM, op, in->imm);                                                                             \
    }                                                                                                                  \
    OP_SAME(name##_EvIb, name##_EvIz)                                                                                  \
    OP_SAME(name##_EbIb_82, name##_EbIb)

ALU_ROWS(ADD, ALU_ADD)
ALU_ROWS(OR, ALU_OR)
ALU_ROWS(ADC, ALU_ADC)
ALU_ROWS(SBB, ALU_SBB)
ALU_ROWS(AND, ALU_AND)
ALU_ROWS(SUB, ALU_SUB)
ALU_ROWS(XOR, ALU_XOR)
ALU_ROWS(CMP, ALU_CMP)

/* TEST */

OPB(TEST_EbGb)
{
    flags_logic(c, W, rm_rd(c, in, W, MEM) & reg_rd(c, W, in->reg));
}

OPV(TEST_EvGv)
{
    flags_logic(c, W, rm_rd(c, in, W, MEM) & reg_rd(c, W, in->reg));
}

OP0(TEST_ALIb)
{
    flags_logic(c, W, reg_rd(c, W, R_AX) & in->imm);
}

OPW(TEST_AXIz)
{
    flags_logic(c, W, reg_rd(c, W, R_AX) & in->imm);
}

OPB(TEST_EbIb)
{
    flags_logic(c, W, rm_rd(c, in, W, MEM) & in->imm);
}

OPV(TEST_EvIz)
{
    flags_logic(c, W, rm_rd(c, in, W, MEM) & in->imm);
}

OP_SAME(TEST_EbIb_1, TEST_EbIb)
OP_SAME(TEST_EvIz_1, TEST_EvIz)

/* INC and DEC: CF stays. OF is the sign's change in the one direction that overflows, AF the change of bit 4. */

static ALWAYS_INLINE void flags_step(struct cpu *c, const unsigned W, u64 a, u64 res, bool up)
{
    u32 cf = c->lf_aux & 1u << LF_CF;
    u32 of = (u32)((up ? ~a & res : a & ~res) << (32 - W * 8)) & 1u << 31;
    c->lf_res = sext(res, W);
    c->lf_aux = cf | (cf ^ of) >> 1 | ((u32)(a ^ res) >> (4 - LF_AF) & 1u << LF_AF);
}

static ALWAYS_INLINE void step_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM, bool up)
{
    struct rmw t;
    u64 a = rm_begin(c, in, W, MEM, &t), res = up ? a + 1 : a - 1;
    rm_end(c, in, W, MEM, &t, res);
    flags_step(c, W, a, res, up);
}

static ALWAYS_INLINE void step_r(struct cpu *c, const struct insn *in, const unsigned W, bool up)
{
    u64 a = reg_rd(c, W, in->reg), res = up ? a + 1 : a - 1;
    reg_wr(c, W, in->reg, res);
    flags_step(c, W, a, res, up);
}

OPB(INC_Eb)
{
    step_e(c, in, W, MEM, true);
}

OPV(INC_Ev)
{
    step_e(c, in, W, MEM, true);
}

OPW(INC_Zv)
{
    step_r(c, in, W, true);
}

OPB(DEC_Eb)
{
    step_e(c, in, W, MEM, false);
}

OPV(DEC_Ev)
{
    step_e(c, in, W, MEM, false);
}

OPW(DEC_Zv)
{
    step_r(c, in, W, false);
}

/* NOT changes no flag; NEG is 0 - E. */

static ALWAYS_INLINE void not_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    struct rmw t;
    u64 a = rm_begin(c, in, W, MEM, &t);
    rm_end(c, in, W, MEM, &t, ~a);
}

static ALWAYS_INLINE void neg_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    struct rmw t;
    u64 a = rm_begin(c, in, W, MEM, &t);
    rm_end(c, in, W, MEM, &t, alu(c, ALU_SUB, W, 0, a));
}

OPB(NOT_Eb)
{
    not_e(c, in, W, MEM);
}

OPV(NOT_Ev)
{
    not_e(c, in, W, MEM);
}

OPB(NEG_Eb)
{
    neg_e(c, in, W, MEM);
}

OPV(NEG_Ev)
{
    neg_e(c, in, W, MEM);
}

/* CMPXCHG: the destination is written in either case, with its old value if the accumulator differs. */

static ALWAYS_INLINE void cmpxchg_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    struct rmw t;
    u64 dst = rm_begin(c, in, W, MEM, &t), acc = reg_rd(c, W, R_AX), src = reg_rd(c, W, in->reg);
    alu(c, ALU_CMP, W, acc, dst);
    rm_end(c, in, W, MEM, &t, acc == dst ? src : dst);
    if (acc != dst)
        reg_wr(c, W, R_AX, dst);
}

OPB(CMPXCHG_EbGb)
{
    cmpxchg_e(c, in, W, MEM);
}

OPV(CMPXCHG_EvGv)
{
    cmpxchg_e(c, in, W, MEM);
}

/* XADD: the register gets the old destination before the sum is written, so XADD r,r leaves the sum. */

static ALWAYS_INLINE void xadd_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
{
    struct rmw t;
    u64 dst = rm_begin(c, in, W, MEM, &t);
    u64 sum = alu(c, ALU_ADD, W, dst, reg_rd(c, W, in->reg));
    reg_wr(c, W, in->reg, dst);
    rm_end(c, in, W, MEM, &t, sum);
}

OPB(XADD_EbGb)
{
    xadd_e(c, in, W, MEM);
}

OPV(XADD_EvGv)
{
    xadd_e(c, in, W, MEM);
}

/* CMPXCHG8B: of the flags only ZF changes. */
OP0(CMPXCHG8B_Mq)
{
    struct rmw t;
    u64 dst = rm_begin(c, in, 8, true, &t);
    u64 want = c->r[R_DX] << 32 | (u32)c->r[R_AX];
    bool same = dst == want;
    rm_end(c, in, 8, true, &t, same ? c->r[R_CX] << 32 | (u32)c->r[R_BX] : dst);
    if (!same) {
        c->r[R_AX] = (u32)dst;
        c->r[R_DX] = dst >> 32;
    }
    flags_set_arith(c, (flags_arith(c) & ~(u32)F_ZF) | (same ? F_ZF : 0));
}
