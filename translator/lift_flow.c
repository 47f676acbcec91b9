/*
 * lift_flow.c - near transfers, PUSHF and POPF: what ends a block, or leads to the next part of a trace.
 */
#include "translator/lift.h"

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

#define SAME(id) [ISA_##id] = lift_##id

const lift_fn lift_flow_table[ISA_COUNT] = {
    SAME(PUSHF), SAME(POPF), [ISA_JMP_Jb] = lift_JMP, [ISA_JMP_Jz] = lift_JMP, [ISA_Jcc_Jb] = lift_Jcc,
    [ISA_Jcc_Jz] = lift_Jcc, SAME(LOOP_Jb), SAME(JCXZ_Jb), SAME(CALL_Jz), SAME(CALL_Ev), SAME(JMP_Ev), SAME(RET),
    SAME(RET_Iw),
};
