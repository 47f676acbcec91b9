/*
 * x87_trans.c - transcendental functions while the guest's x87 state is in the host's unit: computed in software as
 * everywhere, but only their operands and results go back and forth.
 *
 * The usual cases alone: results that raise PE or nothing. PE and C1 in the unit's status word come from an addition to
 * the result that leaves it what it is, but is rounded in the direction wanted. FRSTOR would take longer than the rest
 * of it. What registers are empty is in no word that can be had fast: operands that are not there raise SF and give the
 * number that the result is then, and FXAM tells whether there is room for a second result.
 */
#include "cpu/isa.h"
#include "translator/x64/runtime.h"
#include "translator/x64/x87_unit.h"

struct operation {
    u16 op;
    bool binary; /* takes ST(1) and pops */
    bool two;    /* pushes a second result */
    bool c2;     /* clears C2 */
};

static const struct operation operations[] = {
    {ISA_F2XM1, .binary = false},
    {ISA_FYL2X, .binary = true},
    {ISA_FYL2XP1, .binary = true},
    {ISA_FPATAN, .binary = true},
    {ISA_FSIN, .c2 = true},
    {ISA_FCOS, .c2 = true},
    {ISA_FSINCOS, .two = true, .c2 = true},
    {ISA_FPTAN, .two = true, .c2 = true},
};

enum { EMPTY = X87_C0 | X87_C3, MODES = 0x0F00 /* of the control word: precision and rounding */ };

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
        if (!f80_ptan(env, x, v))
            return false;
        *second = f80_class(*v) == FP_QNAN ? *v : F80_ONE;
        return true;
    }
}

/* Is ST(7) empty? The condition codes are spoiled. */
static bool has_room(void)
{
    return (unit_examine_7() & X87_CC) == EMPTY;
}

/* C0 and C3, not both set, as they are in SW, C2 clear. There must be room. */
static void set_codes(u16 sw)
{
    static const u32 zero = 0, one = 0x3F800000, inf = 0x7F800000;
    unit_compare_one(sw & X87_C3 ? &one : sw & X87_C0 ? &inf : &zero);
}

/* PE, and C1 as it is wanted, whatever the control word says. */
static void raise_inexact(struct cpu *c, bool negative, bool c1)
{
    bool usual = (c->fpu.cw & MODES) == (X87_CW_INIT & MODES);
    if (!usual)
        unit_control(X87_CW_INIT);
    unit_add_tiny(negative ^ c1);
    if (!usual)
        unit_control(c->fpu.cw);
}

static void note(struct cpu *c, const struct insn *in)
{
    c->x87_ip = (u32)insn_ip(c, in);
    c->x87_op = in->imm & 0x7FF;
}

/* That an operand is missing has been raised when it was read. */
static void underflow(const struct operation *o)
{
    unit_push(F80_INDEFINITE);
    if (o->two)
        unit_push(F80_INDEFINITE);
    unit_clear_c1();
}

/* Is the result, if it is inexact, one that raise_inexact() leaves as it is? */
static bool is_usual(struct f80 v, u8 flags)
{
    return flags == 0 || (flags == FP_PE && (v.se & 0x7FFF) > 0x3FFF - 900);
}

static bool run(struct cpu *c, const struct operation *o)
{
    struct fp_env env = fp_env_x87(c->fpu.cw);
    struct f80 x, y = F80_ZERO, v, second = F80_ZERO;
    u16 sw = unit_status();
    if (sw & X87_SF || (sw & EMPTY) == EMPTY)
        return false;
    bool room = !o->two || has_room();
    x = unit_pop();
    if (o->binary)
        y = unit_pop();
    bool missing = unit_status() & X87_SF;
    if (o->two || (o->c2 && sw & X87_C2))
        set_codes(sw);
    if (missing) {
        underflow(o);
        return true;
    }
    if (!room || !compute(o->op, &env, x, y, &v, &second) || !is_usual(v, env.flags)) {
        if (o->binary)
            unit_push(y);
        unit_push(x);
        return false;
    }
    unit_push(v);
    if (o->op == ISA_FSINCOS)
        unit_push(second);
    if (env.flags)
        raise_inexact(c, (o->op == ISA_FSINCOS ? second : v).se >> 15, env.c1);
    if (o->op == ISA_FPTAN)
        unit_push(second);
    return true;
}

bool x64_x87_trans(struct cpu *c, const struct insn *in)
{
    for (unsigned i = 0; i < ARRAY_LEN(operations); i++) {
        if (in->op == operations[i].op) {
            if (!run(c, &operations[i]))
                return false;
            note(c, in);
            return true;
        }
    }
    return false;
}
