/*
 * lift_int.c - integer arithmetic, moves, the stack and near transfers.
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

static ir_ref immediate(struct lift *l, unsigned w)
{
    return ir_const(l->b, w, w == 1 ? (u8)l->in->imm : w == 2 ? (u16)l->in->imm : (u32)l->in->imm);
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
        alu_r(l, op, 1, R_AX, immediate(l, 1));                                                                        \
    }                                                                                                                  \
    static void lift_##N##_AXIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_r(l, op, lift_width(l), R_AX, immediate(l, lift_width(l)));                                                \
    }                                                                                                                  \
    static void lift_##N##_EbIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_e(l, op, 1, immediate(l, 1));                                                                              \
    }                                                                                                                  \
    static void lift_##N##_EvIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        alu_e(l, op, lift_width(l), immediate(l, lift_width(l)));                                                      \
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
        look(l, op, 1, a, immediate(l, 1));                                                                            \
    }                                                                                                                  \
    static void lift_##N##_AXIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_get(l, lift_width(l), R_AX);                                                                   \
        look(l, op, lift_width(l), a, immediate(l, lift_width(l)));                                                    \
    }                                                                                                                  \
    static void lift_##N##_EbIb(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_rm(l, 1);                                                                                      \
        look(l, op, 1, a, immediate(l, 1));                                                                            \
    }                                                                                                                  \
    static void lift_##N##_EvIz(struct lift *l)                                                                        \
    {                                                                                                                  \
        ir_ref a = lift_rm(l, lift_width(l));                                                                          \
        look(l, op, lift_width(l), a, immediate(l, lift_width(l)));                                                    \
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
    multiply_into(l, a, immediate(l, lift_width(l)));
}

static void lift_AAM(struct lift *l)
{
    if (!(u8)l->in->imm) {
        lift_handler(l);
        return;
    }
    ir_ref low = lift_get(l, 1, R_AX * 8), zero = ir_const(l->b, 1, 0), by = immediate(l, 1);
    ir_ref tens = ir_add(l->b, (struct ir_op){.op = IR_DIV, .w = 1, .a = low, .b = zero, .c = by});
    ir_ref units = ir_1(l->b, IR_REST, 1, tens);
    lift_put(l, 1, R_AX * 8 + 1, tens);
    lift_put(l, 1, R_AX * 8, units);
    look(l, IR_AND, 1, units, units);
}

static void lift_AAD(struct lift *l)
{
    ir_ref tens = ir_2(l->b, IR_MUL, 1, lift_get(l, 1, R_AX * 8 + 1), immediate(l, 1));
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

/* ---- moves ---- */

static void lift_MOV_EbGb(struct lift *l)
{
    lift_set_rm(l, 1, lift_get(l, 1, l->in->reg));
}

static void lift_MOV_EvGv(struct lift *l)
{
    lift_set_rm(l, lift_width(l), lift_get(l, lift_width(l), l->in->reg));
}

static void lift_MOV_GbEb(struct lift *l)
{
    lift_put(l, 1, l->in->reg, lift_rm(l, 1));
}

static void lift_MOV_GvEv(struct lift *l)
{
    lift_put(l, lift_width(l), l->in->reg, lift_rm(l, lift_width(l)));
}

static void lift_MOV_ZbIb(struct lift *l)
{
    lift_put(l, 1, l->in->reg, immediate(l, 1));
}

static void lift_MOV_ZvIv(struct lift *l)
{
    lift_put(l, lift_width(l), l->in->reg, immediate(l, lift_width(l)));
}

static void lift_MOV_EbIb(struct lift *l)
{
    lift_set_rm(l, 1, immediate(l, 1));
}

static void lift_MOV_EvIz(struct lift *l)
{
    lift_set_rm(l, lift_width(l), immediate(l, lift_width(l)));
}

static ir_ref moffs(struct lift *l)
{
    return ir_const(l->b, 4, (u32)l->in->imm);
}

static void lift_MOV_ALOb(struct lift *l)
{
    lift_put(l, 1, 0, lift_load(l, 1, l->in->seg, moffs(l)));
}

static void lift_MOV_AXOv(struct lift *l)
{
    lift_put(l, lift_width(l), R_AX, lift_load(l, lift_width(l), l->in->seg, moffs(l)));
}

static void lift_MOV_ObAL(struct lift *l)
{
    lift_store(l, 1, l->in->seg, moffs(l), lift_get(l, 1, 0));
}

static void lift_MOV_OvAX(struct lift *l)
{
    lift_store(l, lift_width(l), l->in->seg, moffs(l), lift_get(l, lift_width(l), R_AX));
}

static void widen(struct lift *l, enum ir_opcode op, unsigned from)
{
    ir_ref v = lift_rm(l, from);
    bool wide = op == IR_ZEXT && l->in->mem; /* as LD has it */
    lift_put(l, lift_width(l), l->in->reg, wide ? v : ir_1(l->b, op, from, v));
}

static void lift_MOVZX_GvEb(struct lift *l)
{
    widen(l, IR_ZEXT, 1);
}

static void lift_MOVZX_GvEw(struct lift *l)
{
    widen(l, IR_ZEXT, 2);
}

static void lift_MOVSX_GvEb(struct lift *l)
{
    widen(l, IR_SEXT, 1);
}

static void lift_MOVSX_GvEw(struct lift *l)
{
    widen(l, IR_SEXT, 2);
}

static void lift_LEA_GvM(struct lift *l)
{
    lift_put(l, lift_width(l), l->in->reg, lift_offset(l));
}

static void exchange(struct lift *l, unsigned w)
{
    ir_ref a = lift_rmw(l, w), b = lift_get(l, w, l->in->reg);
    lift_rmw_end(l, w, a, b);
    lift_put(l, w, l->in->reg, a);
}

static void lift_XCHG_EbGb(struct lift *l)
{
    exchange(l, 1);
}

static void lift_XCHG_EvGv(struct lift *l)
{
    exchange(l, lift_width(l));
}

/* The accumulator gets what was there: where they are equal, what it has. */
static void compare_exchange(struct lift *l, unsigned w)
{
    ir_ref a = lift_rmw(l, w), was = lift_get(l, w, w == 1 ? 0 : R_AX), b = lift_get(l, w, l->in->reg);
    ir_ref same = ir_2(l->b, IR_SUB, w, was, a);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = IR_SELECT, .w = 4, .a = b, .b = a, .f = same, .cc = 4});
    lift_put(l, w, w == 1 ? 0 : R_AX, a);
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, same);
}

static void lift_CMPXCHG_EbGb(struct lift *l)
{
    compare_exchange(l, 1);
}

static void lift_CMPXCHG_EvGv(struct lift *l)
{
    compare_exchange(l, lift_width(l));
}

static void lift_CMPXCHG8B_Mq(struct lift *l)
{
    ir_ref lin = lift_linear(l, l->in->seg, lift_offset(l), 8, true);
    u32 flat = lift_unchecked(l, l->in->seg, true);
    ir_set_flags(l->b, ir_add(l->b, (struct ir_op){.op = IR_CAS8, .w = 8, .a = lin, .aux = flat}));
}

/* XADD of a register with itself leaves the sum. */
static void exchange_add(struct lift *l, unsigned w)
{
    ir_ref a = lift_rmw(l, w), v = ir_2(l->b, IR_ADD, w, a, lift_get(l, w, l->in->reg));
    lift_put(l, w, l->in->reg, a);
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, v);
}

static void lift_XADD_EbGb(struct lift *l)
{
    exchange_add(l, 1);
}

static void lift_XADD_EvGv(struct lift *l)
{
    exchange_add(l, lift_width(l));
}

static void lift_XCHG_ZvAX(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_get(l, w, R_AX), b = lift_get(l, w, l->in->reg);
    lift_put(l, w, R_AX, b);
    lift_put(l, w, l->in->reg, a);
}

static void lift_XLAT(struct lift *l)
{
    ir_ref index = ir_1(l->b, IR_ZEXT, 1, lift_get(l, 1, 0));
    ir_ref off = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = lift_get(l, 4, R_BX), .b = index});
    lift_put(l, 1, 0, lift_load(l, 1, l->in->seg, l->in->adsize == 0 ? ir_1(l->b, IR_ZEXT, 2, off) : off));
}

static void lift_BSWAP_Zv(struct lift *l)
{
    if (lift_width(l) == 2) {
        lift_handler(l);
        return;
    }
    lift_put(l, 4, l->in->reg, ir_1(l->b, IR_BSWAP, 4, lift_get(l, 4, l->in->reg)));
}

static void lift_NOP(struct lift *l)
{
}

static ir_ref condition(struct lift *l)
{
    return ir_add(l->b, (struct ir_op){.op = IR_SETCC, .w = 1, .f = ir_flags(l->b), .cc = l->in->modrm & 15});
}

static void lift_SETcc_Eb(struct lift *l)
{
    lift_set_rm(l, 1, condition(l));
}

/* Memory is read, and a register of 32 bits written, whether the condition holds or not. */
static void lift_CMOVcc_GvEv(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref v = lift_rm(l, w), old = lift_get(l, w, l->in->reg);
    lift_put(l, w, l->in->reg,
             ir_add(l->b, (struct ir_op){.op = IR_SELECT, .w = (u8)w, .a = v, .b = old, .f = ir_flags(l->b), .cc = l->in->modrm & 15}));
}

/* ---- stack ---- */

static void lift_PUSH_Zv(struct lift *l)
{
    lift_push(l, lift_width(l), lift_get(l, lift_width(l), l->in->reg));
}

static void lift_PUSH_Iz(struct lift *l)
{
    lift_push(l, lift_width(l), immediate(l, lift_width(l)));
}

static void lift_PUSH_Ev(struct lift *l)
{
    lift_push(l, lift_width(l), lift_rm(l, lift_width(l)));
}

/* POP ESP: what was popped stays. */
static void lift_POP_Zv(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref v = lift_peek(l, w);
    lift_drop(l, w);
    lift_put(l, w, l->in->reg, v);
}

/* An address that begins with ESP has it as it is behind POP. */
static void lift_POP_Ev(struct lift *l)
{
    if (!l->in->mem) {
        unsigned w = lift_width(l);
        ir_ref v = lift_peek(l, w);
        lift_drop(l, w);
        lift_put(l, w, l->in->rm, v);
    } else if (l->in->base == R_SP && !l->mode->stack32) {
        lift_handler(l);
    } else {
        const struct insn *in = l->in;
        struct insn at = *in;
        unsigned w = lift_width(l);
        ir_ref v = lift_peek(l, w);
        if (in->base == R_SP)
            at.disp = (s32)((u32)in->disp + w);
        l->in = &at;
        lift_store(l, w, in->seg, lift_offset(l), v);
        l->in = in;
        lift_drop(l, w);
    }
}

static void lift_LEAVE(struct lift *l)
{
    unsigned w = lift_width(l), stack = l->mode->stack32 ? 4 : 2;
    ir_ref bp = lift_get(l, 4, R_BP), at = l->mode->stack32 ? bp : ir_1(l->b, IR_ZEXT, 2, bp);
    ir_ref v = lift_load(l, w, SEG_SS, at);
    ir_ref sp = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = at, .imm = w});
    lift_put(l, stack, R_SP, sp);
    lift_put(l, w, R_BP, v);
}

/*
 * Linear addresses of what eight pushes or pops of W bytes touch, the lowest first: all are found in the segment, and
 * aligned.
 */
static void eight_slots(struct lift *l, unsigned w, ir_ref lowest, bool write, ir_ref slot[8])
{
    const bool wraps = !l->mode->stack32; /* SP may, between any two */
    struct ir_op check = {.op = IR_SEG, .w = 4, .a = lowest, .aux = SEG_SS, .imm = wraps ? w : 8 * w, .cc = (u8)(write | (w - 1) << 1)};
    slot[0] = ir_add(l->b, check);
    for (unsigned i = 1; i < 8; i++) {
        ir_ref at = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = wraps ? lowest : slot[0], .imm = i * w});
        slot[i] = wraps ? lift_linear(l, SEG_SS, ir_1(l->b, IR_ZEXT, 2, at), w, write) : at;
    }
}

/* Nothing is half done: the first two find both ends writable, and none lies on two pages. */
static void lift_PUSHA(struct lift *l)
{
    unsigned w = lift_width(l), unchecked = lift_unchecked(l, SEG_SS, true);
    if (unchecked && !l->mode->stack32) {
        lift_handler(l);
        return;
    }
    ir_ref sp = lift_stack_at(l, -8 * (s32)w), slot[8];
    eight_slots(l, w, sp, true, slot);
    ir_ref held = ir_add(l->b, (struct ir_op){.op = IR_LDW, .w = (u8)w, .a = slot[7], .aux = unchecked});
    for (unsigned i = 0; i < 7; i++)
        ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = slot[i], .b = lift_get(l, w, 7 - i), .aux = unchecked});
    ir_2(l->b, IR_STW, w, held, lift_get(l, w, 0));
    lift_stack_set(l, sp);
}

/* ESP's slot is read too. */
static void lift_POPA(struct lift *l)
{
    unsigned w = lift_width(l), unchecked = lift_unchecked(l, SEG_SS, false);
    if (unchecked && !l->mode->stack32) {
        lift_handler(l);
        return;
    }
    ir_ref slot[8], v[8];
    eight_slots(l, w, lift_stack_at(l, 0), false, slot);
    for (unsigned i = 0; i < 8; i++)
        v[i] = ir_add(l->b, (struct ir_op){.op = IR_LD, .w = (u8)w, .a = slot[i], .aux = unchecked});
    lift_drop(l, 8 * w);
    for (unsigned i = 0; i < 8; i++) {
        if (i != 7 - R_SP)
            lift_put(l, w, 7 - i, v[i]);
    }
}

/* All is found to be writable before anything is stored, and the word at the final stack pointer though nothing is stored there. */
static void lift_ENTER(struct lift *l)
{
    unsigned w = lift_width(l), level = l->in->imm >> 16 & 31, size = (u16)l->in->imm;
    if (level > 1 || (w == 4 && !l->mode->stack32)) {
        lift_handler(l);
        return;
    }
    u32 unchecked = lift_unchecked(l, SEG_SS, true);
    ir_ref frame = lift_stack_at(l, -(s32)w), sp = lift_stack_at(l, -(s32)(w + level * w + size)), bp = lift_get(l, w, R_BP);
    ir_ref at = lift_linear(l, SEG_SS, frame, w, true), end = lift_linear(l, SEG_SS, sp, w, true);
    ir_ref touched[] = {at, level ? lift_linear(l, SEG_SS, lift_stack_at(l, -2 * (s32)w), w, true) : at, end};
    for (unsigned i = 0; i < ARRAY_LEN(touched); i++)
        ir_add(l->b, (struct ir_op){.op = IR_LDW, .w = (u8)w, .a = touched[i], .aux = unchecked});
    ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = at, .b = bp, .aux = unchecked});
    if (level)
        ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = touched[1], .b = frame, .aux = unchecked});
    lift_put(l, w, R_BP, frame);
    lift_stack_set(l, sp);
}

/* ---- near transfers ---- */

/* False if the target is beyond the segment: the handler raises #GP(0) then, if it comes to the jump. */
static bool target_inside(struct lift *l, u32 *target)
{
    *target = lift_next(l) + (u32)l->in->imm;
    if (lift_width(l) == 2)
        *target &= 0xFFFF;
    return *target <= l->mode->code_limit;
}

/* In the middle of a trace: what leads to the next part goes on there, what may lead elsewhere leaves. */
static bool goes_on(struct lift *l, const struct ir_op *o)
{
    struct ir_op leave = {.op = IR_EXIT, .f = o->f, .cc = o->cc, .imm = o->imm, .aux = l->k + 1};
    switch (o->op) {
    case IR_JMP:
        return o->imm == l->follow;
    case IR_JCC:
        if (o->imm != l->follow && o->aux != l->follow)
            return false;
        if (o->imm == l->follow) {
            leave.cc ^= 1;
            leave.imm = o->aux;
        }
        ir_add(l->b, leave);
        return true;
    case IR_JMPV:
        ir_add(l->b, (struct ir_op){.op = IR_GUARD, .w = 4, .a = o->a, .imm = l->follow, .aux = l->k + 1});
        return true;
    default:
        return false;
    }
}

static void end(struct lift *l, struct ir_op o)
{
    if (l->follows && goes_on(l, &o))
        return;
    ir_add(l->b, o);
    l->ended = true;
}

/* Blocks end behind PUSHF and POPF. */
static void lift_PUSHF(struct lift *l)
{
    unsigned w = lift_width(l);
    lift_push(l, w, ir_add(l->b, (struct ir_op){.op = IR_IMAGE, .w = (u8)w, .f = ir_flags(l->b)}));
    end(l, (struct ir_op){.op = IR_JMP, .imm = lift_next(l)});
}

static void lift_POPF(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref flags = ir_1(l->b, IR_POPPED, w, lift_peek(l, w));
    lift_drop(l, w);
    ir_set_flags(l->b, flags);
    end(l, (struct ir_op){.op = IR_JMP, .imm = lift_next(l)});
}

static void lift_JMP(struct lift *l)
{
    u32 target;
    if (target_inside(l, &target))
        end(l, (struct ir_op){.op = IR_JMP, .imm = target});
    else
        lift_handler(l);
}

static void lift_Jcc(struct lift *l)
{
    u32 target;
    if (target_inside(l, &target))
        end(l, (struct ir_op){.op = IR_JCC, .f = ir_flags(l->b), .cc = l->in->modrm & 15, .imm = target, .aux = lift_next(l)});
    else
        lift_handler(l);
}

static void lift_CALL_Jz(struct lift *l)
{
    u32 target;
    if (!target_inside(l, &target)) {
        lift_handler(l);
        return;
    }
    lift_push(l, lift_width(l), ir_const(l->b, 4, lift_next(l)));
    end(l, (struct ir_op){.op = IR_JMP, .imm = target});
}

/* The address size chooses CX or ECX. */
static ir_ref counter(struct lift *l)
{
    return lift_get(l, l->in->adsize == 0 ? 2 : 4, R_CX);
}

static void lift_LOOP_Jb(struct lift *l)
{
    unsigned w = l->in->adsize == 0 ? 2 : 4;
    u32 target;
    if (!target_inside(l, &target)) {
        lift_handler(l);
        return;
    }
    ir_ref less = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = counter(l), .imm = (u32)-1});
    lift_put(l, w, R_CX, less);
    end(l, (struct ir_op){.op = IR_TEST0, .w = (u8)w, .a = less, .imm = target, .aux = lift_next(l)});
}

static void lift_JCXZ_Jb(struct lift *l)
{
    unsigned w = l->in->adsize == 0 ? 2 : 4;
    u32 target;
    if (target_inside(l, &target))
        end(l, (struct ir_op){.op = IR_TEST0, .w = (u8)w, .a = counter(l), .imm = lift_next(l), .aux = target});
    else
        lift_handler(l);
}

/* A target of the operand's width, checked. */
static ir_ref target_in(struct lift *l, ir_ref v)
{
    if (lift_width(l) == 2)
        v = ir_1(l->b, IR_ZEXT, 2, v);
    u32 reach = lift_width(l) == 2 ? 0xFFFF : 0xFFFFFFFF;
    if (l->mode->code_limit < reach)
        ir_add(l->b, (struct ir_op){.op = IR_LIMIT, .a = v, .imm = l->mode->code_limit});
    return v;
}

static void lift_JMP_Ev(struct lift *l)
{
    end(l, (struct ir_op){.op = IR_JMPV, .w = 4, .a = target_in(l, lift_rm(l, lift_width(l)))});
}

static void lift_CALL_Ev(struct lift *l)
{
    ir_ref v = target_in(l, lift_rm(l, lift_width(l)));
    lift_push(l, lift_width(l), ir_const(l->b, 4, lift_next(l)));
    end(l, (struct ir_op){.op = IR_JMPV, .w = 4, .a = v});
}

static void give_back(struct lift *l, unsigned more)
{
    ir_ref v = target_in(l, lift_peek(l, lift_width(l)));
    lift_drop(l, lift_width(l) + more);
    end(l, (struct ir_op){.op = IR_JMPV, .w = 4, .a = v});
}

static void lift_RET(struct lift *l)
{
    give_back(l, 0);
}

static void lift_RET_Iw(struct lift *l)
{
    give_back(l, (u16)l->in->imm);
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
    ALU_ENTRIES(XOR), ALU_ENTRIES(CMP),
    SAME(TEST_EbGb), SAME(TEST_EvGv), SAME(TEST_ALIb), SAME(TEST_AXIz), SAME(TEST_EbIb), SAME(TEST_EvIz),
    SAME(INC_Zv), SAME(DEC_Zv), SAME(INC_Eb), SAME(INC_Ev), SAME(DEC_Eb), SAME(DEC_Ev),
    SAME(NEG_Eb), SAME(NEG_Ev), SAME(NOT_Eb), SAME(NOT_Ev),
    SHIFT_ENTRIES(SHL), SHIFT_ENTRIES(SHR), SHIFT_ENTRIES(SAR), SHIFT_ENTRIES(ROL), SHIFT_ENTRIES(ROR),
    SHIFT_ENTRIES(RCL), SHIFT_ENTRIES(RCR),
    SAME(SHLD_EvGvIb), SAME(SHLD_EvGvCL), SAME(SHRD_EvGvIb), SAME(SHRD_EvGvCL),
    SAME(BT_EvGv), SAME(BT_EvIb), SAME(BTS_EvGv), SAME(BTS_EvIb), SAME(BTR_EvGv), SAME(BTR_EvIb), SAME(BTC_EvGv), SAME(BTC_EvIb),
    SAME(BSF_GvEv), SAME(BSR_GvEv), SAME(CLC), SAME(STC), SAME(CMC), SAME(LAHF),
    SAME(MUL_Eb), SAME(MUL_Ev), SAME(IMUL_Eb), SAME(IMUL_Ev), SAME(IMUL_GvEv), SAME(IMUL_GvEvIz),
    [ISA_IMUL_GvEvIb] = lift_IMUL_GvEvIz,
    SAME(DIV_Eb), SAME(DIV_Ev), SAME(IDIV_Eb), SAME(IDIV_Ev), SAME(CBW), SAME(CWD),
    SAME(MOV_EbGb), SAME(MOV_EvGv), SAME(MOV_GbEb), SAME(MOV_GvEv), SAME(MOV_ZbIb), SAME(MOV_ZvIv), SAME(MOV_EbIb),
    SAME(MOV_EvIz), SAME(MOV_ALOb), SAME(MOV_AXOv), SAME(MOV_ObAL), SAME(MOV_OvAX),
    SAME(MOVZX_GvEb), SAME(MOVZX_GvEw), SAME(MOVSX_GvEb), SAME(MOVSX_GvEw), SAME(LEA_GvM),
    SAME(XCHG_EbGb), SAME(XCHG_EvGv), SAME(XCHG_ZvAX), SAME(BSWAP_Zv), SAME(XLAT), SAME(SETcc_Eb), SAME(CMOVcc_GvEv),
    SAME(CMPXCHG_EbGb), SAME(CMPXCHG_EvGv), SAME(CMPXCHG8B_Mq), SAME(XADD_EbGb), SAME(XADD_EvGv),
    SAME(NOP), [ISA_PAUSE] = lift_NOP, [ISA_NOP_Ev] = lift_NOP, [ISA_NOP_Ev_18] = lift_NOP, [ISA_NOP_Ev_19] = lift_NOP,
    [ISA_NOP_Ev_1A] = lift_NOP, [ISA_NOP_Ev_1B] = lift_NOP, [ISA_NOP_Ev_1C] = lift_NOP, [ISA_NOP_Ev_1D] = lift_NOP,
    [ISA_NOP_Ev_1E] = lift_NOP,
    SAME(PUSH_Zv), SAME(PUSH_Iz), [ISA_PUSH_Ib] = lift_PUSH_Iz, SAME(PUSH_Ev), SAME(POP_Zv), SAME(POP_Ev), SAME(LEAVE),
    SAME(PUSHA), SAME(POPA), [ISA_ENTER_IwIb] = lift_ENTER, [ISA_AAM_Ib] = lift_AAM, [ISA_AAD_Ib] = lift_AAD, SAME(PUSHF), SAME(POPF),
    [ISA_JMP_Jb] = lift_JMP, [ISA_JMP_Jz] = lift_JMP, [ISA_Jcc_Jb] = lift_Jcc, [ISA_Jcc_Jz] = lift_Jcc,
    SAME(LOOP_Jb), SAME(JCXZ_Jb), SAME(CALL_Jz), SAME(CALL_Ev), SAME(JMP_Ev), SAME(RET), SAME(RET_Iw),
};
