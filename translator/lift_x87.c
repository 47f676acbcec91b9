/*
 * lift_x87.c - x87 instructions. Those that the host's own unit does bit for bit as the interpreter stay what they are;
 * X87IN in front of a run of them sees to it that the guest's registers are in that unit. Transcendental
 * functions go that way too: a backend has them computed in software. Packed decimals, images of the state and undocumented
 * encodings are their handlers'.
 */
#include "translator/lift.h"
#include "cpu/x87.h"

bool lift_enter_x87(struct lift *l)
{
    if (!l->mode->x87) {
        lift_handler(l);
        return false;
    }
    if (!l->x87)
        ir_add(l->b, (struct ir_op){.op = IR_X87IN, .imm = l->k});
    l->x87 = true;
    return true;
}

static void plain(struct lift *l)
{
    if (lift_enter_x87(l))
        ir_add(l->b, (struct ir_op){.op = IR_X87, .imm = l->k});
}

/* Bytes of the memory operand by the low three bits of the opcode, for arithmetic and for loads and stores by the
 * ModRM's .reg. */
static unsigned bytes(const struct insn *in)
{
    static const u8 arithmetic[4] = {4, 4, 8, 2};
    static const u8 moves[4][8] = {
        {4, 0, 4, 4, 0, 2, 0, 2}, {4, 0, 4, 4, 0, 10, 0, 10}, {8, 0, 8, 8, 0, 0, 0, 2}, {2, 0, 2, 2, 10, 8, 10, 8}};
    unsigned opcode = in->imm >> 8 & 7;
    return opcode & 1 ? moves[opcode >> 1][in->modrm >> 3] : arithmetic[opcode >> 1];
}

static void memory(struct lift *l, bool write)
{
    if (!lift_enter_x87(l))
        return;
    unsigned w = bytes(l->in);
    ir_ref off = lift_offset(l), lin = lift_linear(l, l->in->seg, off, w, write);
    ir_add(l->b, (struct ir_op){.op = IR_X87M,
                                .w = (u8)w,
                                .a = lin,
                                .b = off,
                                .imm = l->k,
                                .aux = lift_unchecked(l, l->in->seg, write),
                                .cc = write});
}

static void source(struct lift *l)
{
    memory(l, false);
}

static void target(struct lift *l)
{
    memory(l, true);
}

static void to_flags(struct lift *l)
{
    if (lift_enter_x87(l))
        ir_set_flags(l->b, ir_add(l->b, (struct ir_op){.op = IR_X87F, .imm = l->k}));
}

static void by_flags(struct lift *l)
{
    if (!lift_enter_x87(l))
        return;
    ir_ref f = ir_flags(l->b);
    ir_add(l->b, (struct ir_op){.op = IR_X87C, .f = f, .imm = l->k});
}

/* Nothing to wait for: no exception is pending. */
static void lift_FWAIT(struct lift *l)
{
    lift_enter_x87(l);
}

static ir_ref word(struct lift *l, bool control)
{
    return ir_add(l->b, (struct ir_op){.op = IR_X87SW, .w = 2, .aux = control});
}

static void lift_FNSTSW_AX(struct lift *l)
{
    if (lift_enter_x87(l))
        lift_put(l, 2, R_AX, word(l, false));
}

static void lift_FNSTSW_M16(struct lift *l)
{
    if (lift_enter_x87(l))
        lift_store(l, 2, l->in->seg, lift_offset(l), word(l, false));
}

static void lift_FNSTCW(struct lift *l)
{
    if (lift_enter_x87(l))
        lift_store(l, 2, l->in->seg, lift_offset(l), word(l, true));
}

static void lift_FLDCW(struct lift *l)
{
    if (!lift_enter_x87(l))
        return;
    ir_ref v = lift_load(l, 2, l->in->seg, lift_offset(l));
    ir_add(l->b, (struct ir_op){.op = IR_X87CW, .w = 2, .a = v, .imm = l->k});
}

/* What FNSTSW AX is for. */
static void lift_SAHF(struct lift *l)
{
    ir_ref old = ir_flags(l->b), ah = lift_get(l, 1, R_AX * 8 + 1);
    ir_set_flags(l->b, ir_add(l->b, (struct ir_op){.op = IR_AHF, .w = 1, .a = ah, .f = old}));
}

/* clang-format off */
#define SAME(N) [ISA_##N] = lift_##N
#define ARITHMETIC(N)                                                                                                  \
    [ISA_F##N##_M32] = source, [ISA_F##N##_M64] = source, [ISA_F##N##_ST0STi] = plain, [ISA_F##N##_STiST0] = plain,    \
    [ISA_F##N##P] = plain, [ISA_FI##N##_M16] = source, [ISA_FI##N##_M32] = source

const lift_fn lift_x87_table[ISA_COUNT] = {
    ARITHMETIC(ADD), ARITHMETIC(MUL), ARITHMETIC(SUB), ARITHMETIC(SUBR), ARITHMETIC(DIV), ARITHMETIC(DIVR),
    [ISA_FSQRT] = plain, [ISA_FRNDINT] = plain, [ISA_FCHS] = plain, [ISA_FABS] = plain,
    [ISA_F2XM1] = plain, [ISA_FYL2X] = plain, [ISA_FYL2XP1] = plain, [ISA_FPATAN] = plain,
    [ISA_FSIN] = plain, [ISA_FCOS] = plain, [ISA_FSINCOS] = plain, [ISA_FPTAN] = plain,
    [ISA_FSCALE] = plain, [ISA_FXTRACT] = plain, [ISA_FPREM] = plain, [ISA_FPREM1] = plain,
    [ISA_FCOM_M32] = source, [ISA_FCOM_M64] = source, [ISA_FCOMP_M32] = source, [ISA_FCOMP_M64] = source,
    [ISA_FICOM_M16] = source, [ISA_FICOM_M32] = source, [ISA_FICOMP_M16] = source, [ISA_FICOMP_M32] = source,
    [ISA_FCOM_STi] = plain, [ISA_FCOMP_STi] = plain, [ISA_FUCOM_STi] = plain, [ISA_FUCOMP_STi] = plain,
    [ISA_FCOMPP] = plain, [ISA_FUCOMPP] = plain, [ISA_FTST] = plain, [ISA_FXAM] = plain,
    [ISA_FCOMI] = to_flags, [ISA_FCOMIP] = to_flags, [ISA_FUCOMI] = to_flags, [ISA_FUCOMIP] = to_flags,
    [ISA_FLD_M32] = source, [ISA_FLD_M64] = source, [ISA_FLD_M80] = source,
    [ISA_FILD_M16] = source, [ISA_FILD_M32] = source, [ISA_FILD_M64] = source,
    [ISA_FST_M32] = target, [ISA_FST_M64] = target, [ISA_FSTP_M32] = target, [ISA_FSTP_M64] = target, [ISA_FSTP_M80] = target,
    [ISA_FIST_M16] = target, [ISA_FIST_M32] = target,
    [ISA_FISTP_M16] = target, [ISA_FISTP_M32] = target, [ISA_FISTP_M64] = target,
    [ISA_FBSTP] = target,
    [ISA_FLD_STi] = plain, [ISA_FST_STi] = plain, [ISA_FSTP_STi] = plain, [ISA_FXCH_STi] = plain,
    [ISA_FLD1] = plain, [ISA_FLDZ] = plain, [ISA_FLDPI] = plain, [ISA_FLDL2T] = plain, [ISA_FLDL2E] = plain,
    [ISA_FLDLG2] = plain, [ISA_FLDLN2] = plain,
    [ISA_FCMOVB] = by_flags, [ISA_FCMOVE] = by_flags, [ISA_FCMOVBE] = by_flags, [ISA_FCMOVU] = by_flags,
    [ISA_FCMOVNB] = by_flags, [ISA_FCMOVNE] = by_flags, [ISA_FCMOVNBE] = by_flags, [ISA_FCMOVNU] = by_flags,
    [ISA_FDECSTP] = plain, [ISA_FINCSTP] = plain, [ISA_FFREE_STi] = plain, [ISA_FFREEP_STi] = plain, [ISA_FNOP] = plain,
    [ISA_FNCLEX] = plain,
    SAME(FWAIT), SAME(FNSTSW_AX), SAME(FNSTSW_M16), SAME(FNSTCW), SAME(FLDCW), SAME(SAHF),
};
