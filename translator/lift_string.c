/*
 * lift_string.c - MOVS STOS LODS CMPS SCAS, CLD and STD. What is repeated is one operation: see x64/string.c.
 */
#include "translator/lift.h"

static unsigned address_width(const struct lift *l)
{
    return l->in->adsize == 0 ? 2 : 4;
}

/* SI or DI as an offset. */
static ir_ref offset_in(struct lift *l, unsigned reg)
{
    ir_ref v = lift_get(l, 4, reg);
    return address_width(l) == 2 ? ir_1(l->b, IR_ZEXT, 2, v) : v;
}

static void move_on(struct lift *l, unsigned reg, ir_ref step)
{
    ir_ref v = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = lift_get(l, 4, reg), .b = step});
    lift_put(l, address_width(l), reg, v);
}

static void both_move_on(struct lift *l, unsigned w)
{
    ir_ref step = ir_add(l->b, (struct ir_op){.op = IR_STEP, .w = 4, .imm = w});
    move_on(l, R_SI, step);
    move_on(l, R_DI, step);
}

static void one_moves_on(struct lift *l, unsigned reg, unsigned w)
{
    move_on(l, reg, ir_add(l->b, (struct ir_op){.op = IR_STEP, .w = 4, .imm = w}));
}

static ir_ref source(struct lift *l, unsigned w)
{
    return lift_load(l, w, l->in->seg, offset_in(l, R_SI));
}

static ir_ref destination(struct lift *l, unsigned w)
{
    return lift_load(l, w, SEG_ES, offset_in(l, R_DI));
}

static void store(struct lift *l, unsigned w, ir_ref v)
{
    lift_store(l, w, SEG_ES, offset_in(l, R_DI), v);
}

static void movs(struct lift *l, unsigned w)
{
    store(l, w, source(l, w));
    both_move_on(l, w);
}

static void stos(struct lift *l, unsigned w)
{
    store(l, w, lift_get(l, w, w == 1 ? 0 : R_AX));
    one_moves_on(l, R_DI, w);
}

static void lods(struct lift *l, unsigned w)
{
    lift_put(l, w, w == 1 ? 0 : R_AX, source(l, w));
    one_moves_on(l, R_SI, w);
}

static void scas(struct lift *l, unsigned w)
{
    ir_ref b = destination(l, w), a = lift_get(l, w, w == 1 ? 0 : R_AX);
    one_moves_on(l, R_DI, w);
    ir_set_flags(l->b, ir_2(l->b, IR_SUB, w, a, b));
}

static void cmps(struct lift *l, unsigned w)
{
    ir_ref a = source(l, w), b = destination(l, w);
    both_move_on(l, w);
    ir_set_flags(l->b, ir_2(l->b, IR_SUB, w, a, b));
}

static void repeated(struct lift *l)
{
    bool flags = isa_rows[l->in->op].writes & F_ARITH;
    ir_add(l->b, (struct ir_op){.op = IR_REP, .imm = l->k, .aux = flags});
    l->x87 = false;
    if (flags)
        l->b->flags = 0;
}

static void direction(struct lift *l, bool down)
{
    ir_add(l->b, (struct ir_op){.op = IR_DF, .cc = down});
}

bool lift_string(struct lift *l)
{
    unsigned op = l->in->op;
    if (isa_is_string(op) && l->in->rep) {
        repeated(l);
        return true;
    }
    switch (op) {
    case ISA_MOVSB:
    case ISA_MOVSV:
        movs(l, op == ISA_MOVSB ? 1 : lift_width(l));
        return true;
    case ISA_STOSB:
    case ISA_STOSV:
        stos(l, op == ISA_STOSB ? 1 : lift_width(l));
        return true;
    case ISA_LODSB:
    case ISA_LODSV:
        lods(l, op == ISA_LODSB ? 1 : lift_width(l));
        return true;
    case ISA_SCASB:
    case ISA_SCASV:
        scas(l, op == ISA_SCASB ? 1 : lift_width(l));
        return true;
    case ISA_CMPSB:
    case ISA_CMPSV:
        cmps(l, op == ISA_CMPSB ? 1 : lift_width(l));
        return true;
    case ISA_CLD:
    case ISA_STD:
        direction(l, op == ISA_STD);
        return true;
    default:
        return false;
    }
}
