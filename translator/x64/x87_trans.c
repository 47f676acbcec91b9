/*
 * x87_trans.c - transcendental functions while the guest's x87 state is in the host's unit: computed in software as
 * everywhere, but only their operands and results go back and forth.
 *
 * The usual case alone: finite results that raise PE and no more, to nearest. PE and C1 in the unit's status word come
 * from an FST of the result, to that of two formats in which it is rounded in the direction wanted. FRSTOR would take
 * longer than the rest of it.
 */
#include "cpu/isa.h"
#include "translator/x64/runtime.h"
#include "translator/x64/x87_unit.h"

struct operation {
    u16 op;
    bool binary; /* takes ST(1) and pops */
    bool two;    /* pushes a second result */
};

static const struct operation operations[] = {
    {ISA_F2XM1, false, false}, {ISA_FYL2X, true, false}, {ISA_FYL2XP1, true, false}, {ISA_FPATAN, true, false},
    {ISA_FSIN, false, false},  {ISA_FCOS, false, false}, {ISA_FSINCOS, false, true}, {ISA_FPTAN, false, true},
};

/* False: nothing was computed. */
static bool compute(u16 op, struct fp_env *env, struct f80 x, struct f80 y, struct f80 *v, struct f80 *second)
{
    switch (op) {
    case ISA_F2XM1:
        *v = f80_2xm1(env, x);
        return true;
    case ISA_FYL2X:
        *v = f80_yl2x(env, x, y);
        return true;
    case ISA_FYL2XP1:
        *v = f80_yl2xp1(env, x, y);
        return true;
    case ISA_FPATAN:
        *v = f80_patan(env, x, y);
        return true;
    case ISA_FSIN:
        return f80_sincos(env, x, v, NULL);
    case ISA_FCOS:
        return f80_sincos(env, x, NULL, v);
    case ISA_FSINCOS:
        return f80_sincos(env, x, v, second);
    default:
        *second = F80_ONE;
        return f80_ptan(env, x, v);
    }
}

enum how { NO_WAY, TO_SINGLE, TO_DOUBLE, AND_CLEAR_C1 };

/* How FST of V raises PE and leaves C1. */
static enum how how_to_round(struct f80 v, bool c1)
{
    const u64 half32 = (u64)1 << 39, half64 = 1 << 10;
    u64 rest32 = v.m & (half32 * 2 - 1), rest64 = v.m & (half64 * 2 - 1);
    unsigned e = v.se & 0x7FFF;
    if (e < 0x3FFF - 120 || e > 0x3FFF + 120 || rest32 == 0 || rest32 == half32)
        return NO_WAY;
    if ((rest32 > half32) == c1)
        return TO_SINGLE;
    if (rest64 != 0 && rest64 != half64 && (rest64 > half64) == c1)
        return TO_DOUBLE;
    return c1 ? NO_WAY : AND_CLEAR_C1;
}

static void note(struct cpu *c, const struct insn *in)
{
    c->x87_ip = (u32)insn_ip(c, in);
    c->x87_op = in->imm & 0x7FF;
}

/* Are the operands there, room for a second result, and C2 as it will be? */
static bool ready(const struct fxsave *i, const struct operation *o)
{
    unsigned top = i->sw >> 11 & 7;
    u8 wanted = (u8)(1u << top | (o->binary ? 1u << ((top + 1) & 7) : 0));
    return (i->valid & wanted) == wanted && !(o->two && (i->valid >> ((top + 7) & 7) & 1)) && !(i->sw & X87_C2);
}

static bool run(struct cpu *c, const struct insn *in, const struct operation *o)
{
    struct fp_env env = fp_env_x87(c->fpu.cw);
    struct f80 v = F80_ZERO, second = F80_ZERO;
    struct fxsave i;
    unit_save(&i);
    if (env.rc != FP_NEAREST || !ready(&i, o))
        return false;
    if (!compute(o->op, &env, f80_load(i.st[0]), f80_load(i.st[1]), &v, &second) || env.flags != FP_PE)
        return false;
    bool last = o->op != ISA_FPTAN; /* the 1 that this pushes is rounded to itself, and clears C1 */
    enum how how = how_to_round(o->op == ISA_FSINCOS ? second : v, last && env.c1);
    if (how == NO_WAY || (!last && env.c1))
        return false;
    unit_pop();
    if (o->binary)
        unit_pop();
    unit_push(v);
    if (o->two && last)
        unit_push(second);
    unit_round(how == TO_DOUBLE);
    if (!last)
        unit_push(second);
    else if (how == AND_CLEAR_C1)
        unit_clear_c1();
    note(c, in);
    return true;
}

bool x64_x87_trans(struct cpu *c, const struct insn *in)
{
    for (unsigned i = 0; i < ARRAY_LEN(operations); i++) {
        if (in->op == operations[i].op)
            return run(c, in, &operations[i]);
    }
    return false;
}
