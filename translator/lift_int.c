/*
 * lift_int.c - integer arithmetic and flags.
 */
#include "translator/lift.h"

/* ---- ADD OR ADC SBB AND SUB XOR CMP ---- */

static ir_ref alu(struct lift *l, enum ir_opcode op, unsigned w, ir_ref a, ir_ref b)
{
    const struct ir_op *first = &l->b->op[a], *second = &l->b->op[b];
    bool same = first->op == IR_GET && second->op == IR_GET && first->aux == second->aux; /* XOR EAX,EAX */
    struct ir_op o = {.op = (u8)op, .w = (u8)w, .a = a, .b = same ? a : b};
    if (op == IR_ADC || op == IR_SBB)
        o.f = ir_flags(l->b);
    return ir_add(l->b, o);
}

/* E op= B. Flags change last, with the store done. */
static void alu_e(struct lift *l, enum ir_opcode op, unsigned w, ir_ref b)
{
    ir_ref a = lift_rmw(l, w), v = alu(l, op, w, a, b);
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, v);
}

static void alu_r(struct lift *l, enum ir_opcode op, unsigned w, unsigned reg, ir_ref b)
{
    ir_ref v = alu(l, op, w, lift_get(l, w, reg), b);
    lift_put(l, w, reg, v);
    ir_set_flags(l->b, v);
}

/* CMP and TEST: flags only. */
static void look(struct lift *l, enum ir_opcode op, unsigned w, ir_ref a, ir_ref b)
{
    ir_set_flags(l->b, ir_2(l->b, op, w, a, b));
}

#define ALU_LIFTS(N, op)                                                                                               \
    static void lift_##N##_EbGb(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_e(l, op, 1, lift_get(l, 1, l->in->reg));                                                                   \
    }                                                                                                                  \
    static void lift_##N##_EvGv(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_e(l, op, lift_width(l), lift_get(l, lift_width(l), l->in->reg));                                           \
    }                                                                                                                  \
    static void lift_##N##_GbEb(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_r(l, op, 1, l->in->reg, lift_rm(l, 1));                                                                    \
    }                                                                                                                  \
    static void lift_##N##_GvEv(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_r(l, op, lift_width(l), l->in->reg, lift_rm(l, lift_width(l)));                                            \
    }                                                                                                                  \
    static void lift_##N##_ALIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_r(l, op, 1, R_AX, lift_immediate(l, 1));                                                                        \
    }                                                                                                                  \
    static void lift_##N##_AXIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_r(l, op, lift_width(l), R_AX, lift_immediate(l, lift_width(l)));                                                \
    }                                                                                                                  \
    static void lift_##N##_EbIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_e(l, op, 1, lift_immediate(l, 1));                                                                              \
    }                                                                                                                  \
    static void lift_##N##_EvIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_e(l, op, lift_width(l), lift_immediate(l, lift_width(l)));                                                      \
    }

ALU_LIFTS(ADD, IR_ADD)
ALU_LIFTS(OR, IR_OR)
ALU_LIFTS(ADC, IR_ADC)
ALU_LIFTS(SBB, IR_SBB)
ALU_LIFTS(AND, IR_AND)
ALU_LIFTS(SUB, IR_SUB)
ALU_LIFTS(XOR, IR_XOR)

#define LOOK_LIFTS(N, op)                                                                                              \
    static void lift_##N##_EbGb(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_rm(l, 1);                                                                                      \
        look(l, op, 1, a, lift_get(l, 1, l->in->reg));                                                                 \
    }                                                                                                                  \
    static void lift_##N##_EvGv(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_rm(l, lift_width(l));                                                                          \
        look(l, op, lift_width(l), a, lift_get(l, lift_width(l), l->in->reg));                                         \
    }                                                                                                                  \
    static void lift_##N##_ALIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_get(l, 1, R_AX);                                                                               \
        look(l, op, 1, a, lift_immediate(l, 1));                                                                            \
    }                                                                                                                  \
    static void lift_##N##_AXIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_get(l, lift_width(l), R_AX);                                                                   \
        look(l, op, lift_width(l), a, lift_immediate(l, lift_width(l)));                                                    \
    }                                                                                                                  \
    static void lift_##N##_EbIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_rm(l, 1);                                                                                      \
        look(l, op, 1, a, lift_immediate(l, 1));                                                                            \
    }                                                                                                                  \
    static void lift_##N##_EvIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_rm(l, lift_width(l));                                                                          \
        look(l, op, lift_width(l), a, lift_immediate(l, lift_width(l)));                                                    \
    }

/* SUB and AND of which nobody takes the value. */
LOOK_LIFTS(CMP, IR_SUB)
LOOK_LIFTS(TEST, IR_AND)

static void lift_CMP_GbEb(struct lift *l)
{
    ir_ref a = lift_get(l, 1, l->in->reg);
    look(l, IR_SUB, 1, a, lift_rm(l, 1));
}

static void lift_CMP_GvEv(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_get(l, w, l->in->reg);
    look(l, IR_SUB, w, a, lift_rm(l, w));
}

/* ---- INC DEC NEG NOT ---- */

static void step(struct lift *l, enum ir_opcode op, unsigned w)
{
    ir_ref a = lift_rmw(l, w);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = a, .f = ir_flags(l->b)});
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, v);
}

static void step_reg(struct lift *l, enum ir_opcode op)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_get(l, w, l->in->reg);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = a, .f = ir_flags(l->b)});
    lift_put(l, w, l->in->reg, v);
    ir_set_flags(l->b, v);
}

static void lift_INC_Zv(struct lift *l)
{
    step_reg(l, IR_INC);
}

static void lift_DEC_Zv(struct lift *l)
{
    step_reg(l, IR_DEC);
}

static void lift_INC_Eb(struct lift *l)
{
    step(l, IR_INC, 1);
}

static void lift_INC_Ev(struct lift *l)
{
    step(l, IR_INC, lift_width(l));
}

static void lift_DEC_Eb(struct lift *l)
{
    step(l, IR_DEC, 1);
}

static void lift_DEC_Ev(struct lift *l)
{
    step(l, IR_DEC, lift_width(l));
}

static void unary(struct lift *l, enum ir_opcode op, unsigned w)
{
    ir_ref a = lift_rmw(l, w), v = ir_1(l->b, op, w, a);
    lift_rmw_end(l, w, a, v);
    if (op == IR_NEG)
        ir_set_flags(l->b, v);
}

static void lift_NEG_Eb(struct lift *l)
{
    unary(l, IR_NEG, 1);
}

static void lift_NEG_Ev(struct lift *l)
{
    unary(l, IR_NEG, lift_width(l));
}

static void lift_NOT_Eb(struct lift *l)
{
    unary(l, IR_NOT, 1);
}

static void lift_NOT_Ev(struct lift *l)
{
    unary(l, IR_NOT, lift_width(l));
}

/* ---- shifts ---- */

/* By a number that is known: one of 0 changes nothing but is checked for writing. By CL: the flags may be the old ones. */
static void shift(struct lift *l, enum ir_opcode op, unsigned w, ir_ref n, bool known)
{
    ir_ref a = lift_rmw(l, w);
    if (known && (l->b->op[n].imm & 31) == 0)
        return;
    bool old = !known || op == IR_ROL || op == IR_ROR || op == IR_RCL || op == IR_RCR;
    ir_ref v = ir_add(l->b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = a, .b = n, .f = old ? ir_flags(l->b) : 0});
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, v);
}

static ir_ref count_in_cl(struct lift *l)
{
    return lift_get(l, 1, R_CX * 8);
}

#define SHIFT_LIFTS(N, op)                                                                                             \
    static void lift_##N##_EbIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        shift(l, op, 1, ir_const(l->b, 1, l->in->imm & 31), true);                                                     \
    }                                                                                                                  \
    static void lift_##N##_EvIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        shift(l, op, lift_width(l), ir_const(l->b, 1, l->in->imm & 31), true);                                         \
    }                                                                                                                  \
    static void lift_##N##_Eb1(struct lift *l)                                                                         \
    {                                                                                                                  \
        shift(l, op, 1, ir_const(l->b, 1, 1), true);                                                                   \
    }                                                                                                                  \
    static void lift_##N##_Ev1(struct lift *l)                                                                         \
    {                                                                                                                  \
        shift(l, op, lift_width(l), ir_const(l->b, 1, 1), true);                                                       \
    }                                                                                                                  \
    static void lift_##N##_EbCL(struct lift *l)                                                                        \
    {                                                                                                                  \
        shift(l, op, 1, count_in_cl(l), false);                                                                        \
    }                                                                                                                  \
    static void lift_##N##_EvCL(struct lift *l)                                                                        \
    {                                                                                                                  \
        shift(l, op, lift_width(l), count_in_cl(l), false);                                                            \
    }

SHIFT_LIFTS(SHL, IR_SHL)
SHIFT_LIFTS(SHR, IR_SHR)
SHIFT_LIFTS(SAR, IR_SAR)
SHIFT_LIFTS(ROL, IR_ROL)
SHIFT_LIFTS(ROR, IR_ROR)
SHIFT_LIFTS(RCL, IR_RCL)
SHIFT_LIFTS(RCR, IR_RCR)

/* Of 16-bit operands by more than 16 every processor makes something else: its handler knows. */
static void shift_two(struct lift *l, enum ir_opcode op, bool by_cl)
{
    if (lift_width(l) == 2 || (!by_cl && (l->in->imm & 31) == 0)) {
        lift_handler(l);
        return;
    }
    ir_ref a = lift_rmw(l, 4), b = lift_get(l, 4, l->in->reg);
    ir_ref n = by_cl ? count_in_cl(l) : ir_const(l->b, 1, l->in->imm & 31);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = (u8)op, .w = 4, .a = a, .b = b, .c = n, .f = by_cl ? ir_flags(l->b) : 0});
    lift_rmw_end(l, 4, a, v);
    ir_set_flags(l->b, v);
}

static void lift_SHLD_EvGvIb(struct lift *l)
{
    shift_two(l, IR_SHLD, false);
}

static void lift_SHLD_EvGvCL(struct lift *l)
{
    shift_two(l, IR_SHLD, true);
}

static void lift_SHRD_EvGvIb(struct lift *l)
{
    shift_two(l, IR_SHRD, false);
}

static void lift_SHRD_EvGvCL(struct lift *l)
{
    shift_two(l, IR_SHRD, true);
}

/* ---- BT BTS BTR BTC, BSF BSR ---- */

/* The word of a string of bits that has bit N in it. */
static ir_ref bit_string(struct lift *l, enum ir_opcode op, unsigned w, ir_ref n)
{
    bool write = op != IR_BT;
    ir_ref words = ir_2(l->b, IR_SAR, 4, w == 2 ? ir_1(l->b, IR_SEXT, 2, n) : n, ir_const(l->b, 1, w == 2 ? 4 : 5));
    ir_ref off = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = lift_offset(l), .b = words, .aux = w == 2 ? 1 : 2});
    if (l->in->adsize == 0)
        off = ir_1(l->b, IR_ZEXT, 2, off);
    ir_ref lin = lift_linear(l, l->in->seg, off, w, write);
    u32 flat = lift_unchecked(l, l->in->seg, write);
    return ir_add(l->b, (struct ir_op){.op = write ? IR_LDW : IR_LD, .w = (u8)w, .a = lin, .aux = flat});
}

static void bit(struct lift *l, enum ir_opcode op, bool by_register)
{
    unsigned w = lift_width(l);
    ir_ref n = by_register ? lift_get(l, w, l->in->reg) : ir_const(l->b, 1, l->in->imm & (w * 8 - 1));
    ir_ref a = by_register && l->in->mem ? bit_string(l, op, w, n) : op == IR_BT ? lift_rm(l, w) : lift_rmw(l, w);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = a, .b = n, .f = ir_flags(l->b)});
    if (op != IR_BT)
        lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, v);
}

#define BIT_LIFTS(N)                                                                                                   \
    static void lift_##N##_EvGv(struct lift *l)                                                                        \
    {                                                                                                                  \
        bit(l, IR_##N, true);                                                                                          \
    }                                                                                                                  \
    static void lift_##N##_EvIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        bit(l, IR_##N, false);                                                                                         \
    }

BIT_LIFTS(BT)
BIT_LIFTS(BTS)
BIT_LIFTS(BTR)
BIT_LIFTS(BTC)

static void scan(struct lift *l, enum ir_opcode op)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_rm(l, w), v = ir_2(l->b, op, w, a, lift_get(l, w, l->in->reg));
    lift_put(l, w, l->in->reg, v);
    ir_set_flags(l->b, v);
}

static void lift_BSF_GvEv(struct lift *l)
{
    scan(l, IR_BSF);
}

static void lift_BSR_GvEv(struct lift *l)
{
    scan(l, IR_BSR);
}

/* ---- flags themselves ---- */

static void carry(struct lift *l, unsigned how)
{
    ir_set_flags(l->b, ir_add(l->b, (struct ir_op){.op = IR_CARRY, .aux = how, .f = ir_flags(l->b)}));
}

static void lift_CLC(struct lift *l)
{
    carry(l, 0);
}

static void lift_STC(struct lift *l)
{
    carry(l, 1);
}

static void lift_CMC(struct lift *l)
{
    carry(l, 2);
}

static void lift_LAHF(struct lift *l)
{
    lift_put(l, 1, R_AX * 8 + 1, ir_add(l->b, (struct ir_op){.op = IR_LOWF, .w = 1, .f = ir_flags(l->b)}));
}

/* ---- MUL IMUL DIV IDIV, and what widens ---- */

static void multiply(struct lift *l, enum ir_opcode op, unsigned w)
{
    ir_ref by = lift_rm(l, w), v = ir_2(l->b, op, w, lift_get(l, w, w == 1 ? 0 : R_AX), by);
    ir_ref high = w == 1 ? 0 : ir_1(l->b, IR_HIGH, w, v);
    lift_put(l, w == 1 ? 2 : w, R_AX, v);
    if (high)
        lift_put(l, w, R_DX, high);
    ir_set_flags(l->b, v);
}

static void lift_MUL_Eb(struct lift *l)
{
    multiply(l, IR_MUL, 1);
}

static void lift_MUL_Ev(struct lift *l)
{
    multiply(l, IR_MUL, lift_width(l));
}

static void lift_IMUL_Eb(struct lift *l)
{
    multiply(l, IR_IMUL, 1);
}

static void lift_IMUL_Ev(struct lift *l)
{
    multiply(l, IR_IMUL, lift_width(l));
}

static void multiply_into(struct lift *l, ir_ref a, ir_ref b)
{
    unsigned w = lift_width(l);
    ir_ref v = ir_2(l->b, IR_IMUL, w, a, b);
    lift_put(l, w, l->in->reg, v);
    ir_set_flags(l->b, v);
}

static void lift_IMUL_GvEv(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_rm(l, w);
    multiply_into(l, a, lift_get(l, w, l->in->reg));
}

static void lift_IMUL_GvEvIz(struct lift *l)
{
    ir_ref a = lift_rm(l, lift_width(l));
    multiply_into(l, a, lift_immediate(l, lift_width(l)));
}

static void lift_AAM(struct lift *l)
{
    if (!(u8)l->in->imm) {
        lift_handler(l);
        return;
    }
    ir_ref low = lift_get(l, 1, R_AX * 8), zero = ir_const(l->b, 1, 0), by = lift_immediate(l, 1);
    ir_ref tens = ir_add(l->b, (struct ir_op){.op = IR_DIV, .w = 1, .a = low, .b = zero, .c = by});
    ir_ref units = ir_1(l->b, IR_REST, 1, tens);
    lift_put(l, 1, R_AX * 8 + 1, tens);
    lift_put(l, 1, R_AX * 8, units);
    look(l, IR_AND, 1, units, units);
}

static void lift_AAD(struct lift *l)
{
    ir_ref tens = ir_2(l->b, IR_MUL, 1, lift_get(l, 1, R_AX * 8 + 1), lift_immediate(l, 1));
    ir_ref v = ir_2(l->b, IR_ADD, 1, lift_get(l, 1, R_AX * 8), tens);
    lift_put(l, 2, R_AX, ir_1(l->b, IR_ZEXT, 1, v));
    ir_set_flags(l->b, v);
}

/* Flags, undefined, stay. */
static void divide(struct lift *l, enum ir_opcode op, unsigned w, unsigned low_reg, unsigned high_reg)
{
    ir_ref by = lift_rm(l, w), low = lift_get(l, w, low_reg), high = lift_get(l, w, high_reg);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = low, .b = high, .c = by});
    ir_ref rest = ir_1(l->b, IR_REST, w, v);
    lift_put(l, w, low_reg, v);
    lift_put(l, w, high_reg, rest);
}

static void lift_DIV_Eb(struct lift *l)
{
    divide(l, IR_DIV, 1, R_AX * 8, R_AX * 8 + 1);
}

static void lift_DIV_Ev(struct lift *l)
{
    divide(l, IR_DIV, lift_width(l), R_AX, R_DX);
}

static void lift_IDIV_Eb(struct lift *l)
{
    divide(l, IR_IDIV, 1, R_AX * 8, R_AX * 8 + 1);
}

static void lift_IDIV_Ev(struct lift *l)
{
    divide(l, IR_IDIV, lift_width(l), R_AX, R_DX);
}

static void lift_CBW(struct lift *l)
{
    unsigned w = lift_width(l);
    lift_put(l, w, R_AX, ir_1(l->b, IR_SEXT, w / 2, lift_get(l, w / 2, R_AX)));
}

static void lift_CWD(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_get(l, w, R_AX), n = ir_const(l->b, 1, w * 8 - 1);
    lift_put(l, w, R_DX, ir_2(l->b, IR_SAR, w, a, n));
}

/* ---- the table ---- */

#define ALU_ENTRIES(N)                                                                                                 \
    [ISA_##N##_EbGb] = lift_##N##_EbGb, [ISA_##N##_EvGv] = lift_##N##_EvGv, [ISA_##N##_GbEb] = lift_##N##_GbEb,        \
    [ISA_##N##_GvEv] = lift_##N##_GvEv, [ISA_##N##_ALIb] = lift_##N##_ALIb, [ISA_##N##_AXIz] = lift_##N##_AXIz,        \
    [ISA_##N##_EbIb] = lift_##N##_EbIb, [ISA_##N##_EvIz] = lift_##N##_EvIz, [ISA_##N##_EvIb] = lift_##N##_EvIz,        \
    [ISA_##N##_EbIb_82] = lift_##N##_EbIb
#define SHIFT_ENTRIES(N)                                                                                               \
    [ISA_##N##_EbIb] = lift_##N##_EbIb, [ISA_##N##_EvIb] = lift_##N##_EvIb, [ISA_##N##_Eb1] = lift_##N##_Eb1,          \
    [ISA_##N##_Ev1] = lift_##N##_Ev1, [ISA_##N##_EbCL] = lift_##N##_EbCL, [ISA_##N##_EvCL] = lift_##N##_EvCL
#define SAME(id) [ISA_##id] = lift_##id

const lift_fn lift_table[ISA_COUNT] = {
    ALU_ENTRIES(ADD), ALU_ENTRIES(OR), ALU_ENTRIES(ADC), ALU_ENTRIES(SBB), ALU_ENTRIES(AND), ALU_ENTRIES(SUB),
    ALU_ENTRIES(XOR), ALU_ENTRIES(CMP), SAME(TEST_EbGb), SAME(TEST_EvGv), SAME(TEST_ALIb), SAME(TEST_AXIz),
    SAME(TEST_EbIb), SAME(TEST_EvIz), SAME(INC_Zv), SAME(DEC_Zv), SAME(INC_Eb), SAME(INC_Ev), SAME(DEC_Eb),
    SAME(DEC_Ev), SAME(NEG_Eb), SAME(NEG_Ev), SAME(NOT_Eb), SAME(NOT_Ev), SHIFT_ENTRIES(SHL), SHIFT_ENTRIES(SHR),
    SHIFT_ENTRIES(SAR), SHIFT_ENTRIES(ROL), SHIFT_ENTRIES(ROR), SHIFT_ENTRIES(RCL), SHIFT_ENTRIES(RCR),
    SAME(SHLD_EvGvIb), SAME(SHLD_EvGvCL), SAME(SHRD_EvGvIb), SAME(SHRD_EvGvCL), SAME(BT_EvGv), SAME(BT_EvIb),
    SAME(BTS_EvGv), SAME(BTS_EvIb), SAME(BTR_EvGv), SAME(BTR_EvIb), SAME(BTC_EvGv), SAME(BTC_EvIb), SAME(BSF_GvEv),
    SAME(BSR_GvEv), SAME(CLC), SAME(STC), SAME(CMC), SAME(LAHF), SAME(MUL_Eb), SAME(MUL_Ev), SAME(IMUL_Eb),
    SAME(IMUL_Ev), SAME(IMUL_GvEv), SAME(IMUL_GvEvIz), [ISA_IMUL_GvEvIb] = lift_IMUL_GvEvIz, SAME(DIV_Eb),
    SAME(DIV_Ev), SAME(IDIV_Eb), SAME(IDIV_Ev), SAME(CBW), SAME(CWD), [ISA_AAM_Ib] = lift_AAM, [ISA_AAD_Ib] = lift_AAD,
};
