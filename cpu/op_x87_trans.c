/*
 * op_x87_trans.c - transcendental functions, remainders, FSCALE and FXTRACT.
 */
#include "cpu/x87.h"

/* ST(0) op= ST(1) */
static ALWAYS_INLINE void binary(struct cpu *c, const struct insn *in,
                                 struct f80 (*op)(struct fp_env *env, struct f80 st0, struct f80 st1), const bool pop)
{
    struct f80 v = F80_INDEFINITE;
    x87_begin(c);
    x87_note(c, in);
    if (UNLIKELY(x87_empty(c, 0) || x87_empty(c, 1))) {
        if (!x87_stack_fault(c, false))
            return;
    } else {
        struct fp_env env = x87_env(c);
        v = op(&env, x87_get(c, 0), x87_get(c, 1));
        if (x87_commit(c, &env) & FP_PRE)
            return;
    }
    if (pop)
        x87_pop(c);
    x87_set(c, 0, v);
}

OP0(FSCALE)
{
    binary(c, in, f80_scale, false);
}

OP0(FYL2X)
{
    binary(c, in, f80_yl2x, true);
}

OP0(FYL2XP1)
{
    binary(c, in, f80_yl2xp1, true);
}

OP0(FPATAN)
{
    binary(c, in, f80_patan, true);
}

/* C2: |ST(0)| is too large and nothing was done, or the reduction is not finished. */
static void set_c2(struct cpu *c, bool c2)
{
    c->fpu.sw = (u16)((c->fpu.sw & ~X87_C2) | (c2 ? X87_C2 : 0));
}

/* C0, C3, C1 get bits 2, 1, 0 of the quotient; where there is none, C0 and C3 stay. */
static ALWAYS_INLINE void remainder_op(struct cpu *c, const struct insn *in, const bool nearest)
{
    x87_begin(c);
    x87_note(c, in);
    set_c2(c, false);
    if (UNLIKELY(x87_empty(c, 0) || x87_empty(c, 1))) {
        if (x87_stack_fault(c, false))
            x87_set(c, 0, F80_INDEFINITE);
        return;
    }
    struct fp_env env = x87_env(c);
    int q;
    struct f80 v = f80_rem(&env, x87_get(c, 0), x87_get(c, 1), nearest, &q);
    if (fp_unmasked(&env) & FP_PRE || f80_class(v) == FP_QNAN) {
        env.c1 = false;
    } else {
        env.c1 = q > 0 && (q & 1);
        u16 cc = q < 0 ? X87_C2 : (u16)((q & 2 ? X87_C3 : 0) | (q & 4 ? X87_C0 : 0));
        c->fpu.sw = (u16)((c->fpu.sw & ~X87_CC) | cc);
    }
    if (!(x87_commit(c, &env) & FP_PRE))
        x87_set(c, 0, v);
}

OP0(FPREM)
{
    remainder_op(c, in, false);
}

OP0(FPREM1)
{
    remainder_op(c, in, true);
}

static ALWAYS_INLINE void sine_or_cosine(struct cpu *c, const struct insn *in, const bool cosine)
{
    struct f80 v = F80_INDEFINITE;
    x87_begin(c);
    x87_note(c, in);
    set_c2(c, false);
    if (UNLIKELY(x87_empty(c, 0))) {
        if (!x87_stack_fault(c, false))
            return;
    } else {
        struct fp_env env = x87_env(c);
        v = x87_get(c, 0);
        set_c2(c, !f80_sincos(&env, v, cosine ? NULL : &v, cosine ? &v : NULL));
        if (x87_commit(c, &env) & FP_PRE)
            return;
    }
    x87_set(c, 0, v);
}

OP0(FSIN)
{
    sine_or_cosine(c, in, false);
}

OP0(FCOS)
{
    sine_or_cosine(c, in, true);
}

/* ST(0) gives two results: FIRST replaces it, SECOND is pushed. */
static void replace_and_push(struct cpu *c, struct f80 first, struct f80 second)
{
    x87_set(c, 0, first);
    x87_push(c, second);
}

/* The stack faults of those. True: there is one, and it has been dealt with. */
static bool two_results_fault(struct cpu *c)
{
    bool underflow = x87_empty(c, 0);
    if (LIKELY(!underflow && x87_empty(c, 7)))
        return false;
    if (x87_stack_fault(c, !underflow))
        replace_and_push(c, F80_INDEFINITE, F80_INDEFINITE);
    return true;
}

OP0(FSINCOS)
{
    struct f80 sine, cosine;
    x87_begin(c);
    x87_note(c, in);
    set_c2(c, false);
    if (two_results_fault(c))
        return;
    struct fp_env env = x87_env(c);
    bool done = f80_sincos(&env, x87_get(c, 0), &sine, &cosine);
    set_c2(c, !done);
    if (!(x87_commit(c, &env) & FP_PRE) && done)
        replace_and_push(c, sine, cosine);
}

/* The 1 that is pushed is there so that FDIV gives the cotangent; a NaN comes twice. */
OP0(FPTAN)
{
    struct f80 v;
    x87_begin(c);
    x87_note(c, in);
    set_c2(c, false);
    if (two_results_fault(c))
        return;
    struct fp_env env = x87_env(c);
    bool done = f80_ptan(&env, x87_get(c, 0), &v);
    set_c2(c, !done);
    if (!(x87_commit(c, &env) & FP_PRE) && done)
        replace_and_push(c, v, f80_class(v) == FP_QNAN ? v : F80_ONE);
}

OP0(FXTRACT)
{
    struct f80 exponent;
    x87_begin(c);
    x87_note(c, in);
    if (two_results_fault(c))
        return;
    struct fp_env env = x87_env(c);
    struct f80 significand = f80_extract(&env, x87_get(c, 0), &exponent);
    if (!(x87_commit(c, &env) & FP_PRE))
        replace_and_push(c, exponent, significand);
}
