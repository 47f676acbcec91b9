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

/* By the opcode's last four bits. */
static const struct operation operations[16] = {
    [0x0] = {ISA_F2XM1, .binary = false},
    [0x1] = {ISA_FYL2X, .binary = true},
    [0x2] = {ISA_FPTAN, .two = true, .c2 = true},
    [0x3] = {ISA_FPATAN, .binary = true},
    [0x9] = {ISA_FYL2XP1, .binary = true},
    [0xB] = {ISA_FSINCOS, .two = true, .c2 = true},
    [0xE] = {ISA_FSIN, .c2 = true},
    [0xF] = {ISA_FCOS, .c2 = true},
};

bool x64_x87_is_function(const struct insn *in)
{
    return in->op && in->op == operations[in->imm & 15].op;
}

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

/* C0 and C3, not both set, as they are in SW, C2 clear. There must be room. */
static void set_codes(u16 sw)
{
    static const u32 zero = 0, one = 0x3F800000, inf = 0x7F800000;
    unit_compare_one(sw & X87_C3 ? &one : sw & X87_C0 ? &inf : &zero);
}

static bool usual_modes(const struct cpu *c)
{
    return (c->fpu.cw & MODES) == (X87_CW_INIT & MODES);
}

/* PE, and C1 as it is wanted, whatever the control word says. */
static void raise_inexact(struct cpu *c, bool negative, bool c1)
{
    bool usual = usual_modes(c);
    if (!usual)
        unit_control(X87_CW_INIT);
    unit_add_tiny(negative ^ c1);
    if (!usual)
        unit_control(c->fpu.cw);
}

/* That an operand is missing has been raised when it was read. */
static void underflow(const struct operation *o)
{
    const struct f80 v = F80_INDEFINITE;
    unit_push(&v);
    if (o->two)
        unit_push(&v);
    unit_clear_c1();
}

/* Is the result, if it is inexact, one that raise_inexact() leaves as it is? */
static bool is_usual(struct f80 v, u8 flags)
{
    return flags == 0 || (flags == FP_PE && (v.se & 0x7FFF) > 0x3FFF - 900);
}

static bool run(struct cpu *c, const struct operation *o)
{
    struct fp_env env = fp_env_x87(X87_CW_INIT);
    struct f80 x, y = F80_ZERO, v, second = F80_ZERO;
    u16 sw = unit_status();
    if (sw & X87_SF || (sw & EMPTY) == EMPTY)
        return false;
    x = unit_pop();
    if (o->binary)
        y = unit_pop();
    u16 now = o->two ? unit_examine_6() : unit_status();
    if (o->two || (o->c2 && sw & X87_C2))
        set_codes(sw);
    if (now & X87_SF) {
        underflow(o);
        return true;
    }
    if (!usual_modes(c))
        env = fp_env_x87(c->fpu.cw);
    bool room = !o->two || (now & X87_CC) == EMPTY;
    if (!room || !compute(o->op, &env, x, y, &v, &second) || !is_usual(v, env.flags)) {
        if (o->binary)
            unit_push(&y);
        unit_push(&x);
        return false;
    }
    unit_push(&v);
    if (o->two)
        unit_push(&second);
    if (env.flags)
        raise_inexact(c, (o->two ? second : v).se >> 15, env.c1);
    return true;
}

void x64_x87_function(struct cpu *c, const struct insn *in)
{
    if (!run(c, &operations[in->imm & 15]))
        x64_x87_by_handler(c, in);
}
