/*
 * op_x87.c - x87 arithmetic and comparisons: FADD FSUB FMUL FDIV and their relatives, FSQRT, FCOM, FUCOM,
 * FCOMI, FTST, FXAM.
 *
 * Software arithmetic on every host: with the flags wanted after each operation it measures faster than the host's own
 * x87 (4 to 7 ns against 6.5 ns, of which FNSTSW alone takes 4).
 */
#include "cpu/x87.h"

enum kind { ADD, MUL, SUB, SUBR, DIV, DIVR };

/* DST op SRC; the R forms turn it around. */
static ALWAYS_INLINE struct f80 compute(struct fp_env *env, const enum kind kind, struct f80 dst, struct f80 src)
{
    switch (kind) {
    case ADD:
        return f80_add(env, dst, src);
    case MUL:
        return f80_mul(env, dst, src);
    case SUB:
        return f80_sub(env, dst, src);
    case SUBR:
        return f80_sub(env, src, dst);
    case DIV:
        return f80_div(env, dst, src);
    default:
        return f80_div(env, src, dst);
    }
}

/* ST(DST) = ST(DST) op ST(SRC) */
static ALWAYS_INLINE void arith_reg(struct cpu *c, const struct insn *in, const enum kind kind, unsigned dst,
                                    unsigned src, const bool pop)
{
    struct f80 v = F80_INDEFINITE;
    x87_begin(c);
    x87_note(c, in);
    if (UNLIKELY(x87_empty(c, dst) || x87_empty(c, src))) {
        if (!x87_stack_fault(c, false))
            return;
    } else {
        struct fp_env env = x87_env(c);
        v = compute(&env, kind, x87_get(c, dst), x87_get(c, src));
        if (x87_commit(c, &env) & FP_PRE)
            return;
    }
    x87_set(c, dst, v);
    if (pop)
        x87_pop(c);
}

enum source { M32, M64, I16, I32 };

/* The memory operand's bits; all faults. */
static ALWAYS_INLINE u64 load_bits(struct cpu *c, const struct insn *in, const enum source source)
{
    static const u8 bytes[] = {[M32] = 4, [M64] = 8, [I16] = 2, [I32] = 4};
    return mem_ld(c, in, bytes[source]);
}

static ALWAYS_INLINE struct f80 expand(struct fp_env *env, const enum source source, u64 bits)
{
    switch (source) {
    case M32:
        return f80_expand32(env, (u32)bits);
    case M64:
        return f80_expand64(env, bits);
    case I16:
        return f80_from_s64((s16)bits);
    default:
        return f80_from_s64((s32)bits);
    }
}

/* ST(0) = ST(0) op memory */
static ALWAYS_INLINE void arith_mem(struct cpu *c, const struct insn *in, const enum kind kind,
                                    const enum source source)
{
    struct f80 v = F80_INDEFINITE;
    x87_begin(c);
    u64 bits = load_bits(c, in, source);
    x87_note_mem(c, in);
    if (UNLIKELY(x87_empty(c, 0))) {
        if (!x87_stack_fault(c, false))
            return;
    } else {
        struct fp_env env = x87_env(c);
        struct f80 src = expand(&env, source, bits);
        v = compute(&env, kind, x87_get(c, 0), src);
        if (x87_commit(c, &env) & FP_PRE)
            return;
    }
    x87_set(c, 0, v);
}

#define ARITH(name, kind)                                                                                              \
    OP0(name##_M32)                                                                                                    \
    {                                                                                                                  \
        arith_mem(c, in, kind, M32);                                                                                   \
    }                                                                                                                  \
    OP0(name##_M64)                                                                                                    \
    {                                                                                                                  \
        arith_mem(c, in, kind, M64);                                                                                   \
    }                                                                                                                  \
    OP0(name##_ST0STi)                                                                                                 \
    {                                                                                                                  \
        arith_reg(c, in, kind, 0, in->modrm & 7, false);                                                               \
    }                                                                                                                  \
    OP0(name##_STiST0)                                                                                                 \
    {                                                                                                                  \
        arith_reg(c, in, kind, in->modrm & 7, 0, false);                                                               \
    }                                                                                                                  \
    OP0(name##P)                                                                                                       \
    {                                                                                                                  \
        arith_reg(c, in, kind, in->modrm & 7, 0, true);                                                                \
    }

#define ARITH_INT(name, kind)                                                                                          \
    OP0(name##_M16)                                                                                                    \
    {                                                                                                                  \
        arith_mem(c, in, kind, I16);                                                                                   \
    }                                                                                                                  \
    OP0(name##_M32)                                                                                                    \
    {                                                                                                                  \
        arith_mem(c, in, kind, I32);                                                                                   \
    }

ARITH(FADD, ADD)
ARITH(FMUL, MUL)
ARITH(FSUB, SUB)
ARITH(FSUBR, SUBR)
ARITH(FDIV, DIV)
ARITH(FDIVR, DIVR)
ARITH_INT(FIADD, ADD)
ARITH_INT(FIMUL, MUL)
ARITH_INT(FISUB, SUB)
ARITH_INT(FISUBR, SUBR)
ARITH_INT(FIDIV, DIV)
ARITH_INT(FIDIVR, DIVR)

/* ---- one operand ---- */

static ALWAYS_INLINE void unary(struct cpu *c, const struct insn *in,
                                struct f80 (*op)(struct fp_env *env, struct f80 a))
{
    struct f80 v = F80_INDEFINITE;
    x87_begin(c);
    x87_note(c, in);
    if (UNLIKELY(x87_empty(c, 0))) {
        if (!x87_stack_fault(c, false))
            return;
    } else {
        struct fp_env env = x87_env(c);
        v = op(&env, x87_get(c, 0));
        if (x87_commit(c, &env) & FP_PRE)
            return;
    }
    x87_set(c, 0, v);
}

OP0(FSQRT)
{
    unary(c, in, f80_sqrt);
}

OP0(FRNDINT)
{
    unary(c, in, f80_round_int);
}

OP0(F2XM1)
{
    unary(c, in, f80_2xm1);
}

static struct f80 change_sign(struct fp_env *env, struct f80 a)
{
    a.se ^= 0x8000;
    return a;
}

static struct f80 absolute(struct fp_env *env, struct f80 a)
{
    a.se &= 0x7FFF;
    return a;
}

/* Any bits, no exception. */
OP0(FCHS)
{
    unary(c, in, change_sign);
}

OP0(FABS)
{
    unary(c, in, absolute);
}

/* ---- comparisons ---- */

static const u16 order_cc[4] = {
    [FP_LESS] = X87_C0,
    [FP_EQUAL] = X87_C3,
    [FP_GREATER] = 0,
    [FP_UNORDERED] = X87_CC,
};

static ALWAYS_INLINE void set_cc(struct cpu *c, u16 cc)
{
    c->fpu.sw = (u16)((c->fpu.sw & ~X87_CC) | cc);
}

/* Compares A with B, which are there unless MISSING. True: nothing forbids the pops. */
static ALWAYS_INLINE bool compare(struct cpu *c, struct fp_env *env, bool missing, struct f80 a, struct f80 b,
                                  const bool quiet)
{
    if (UNLIKELY(missing)) {
        set_cc(c, X87_CC);
        return x87_stack_fault(c, false);
    }
    set_cc(c, order_cc[f80_compare(env, a, b, quiet)]);
    return !(x87_commit(c, env) & FP_PRE);
}

static ALWAYS_INLINE void compare_reg(struct cpu *c, const struct insn *in, unsigned i, const bool quiet,
                                      const unsigned pops)
{
    x87_begin(c);
    x87_note(c, in);
    struct fp_env env = x87_env(c);
    if (!compare(c, &env, x87_empty(c, 0) || x87_empty(c, i), x87_get(c, 0), x87_get(c, i), quiet))
        return;
    for (unsigned n = 0; n < pops; n++)
        x87_pop(c);
}

static ALWAYS_INLINE void compare_mem(struct cpu *c, const struct insn *in, const enum source source,
                                      const unsigned pops)
{
    x87_begin(c);
    u64 bits = load_bits(c, in, source);
    x87_note_mem(c, in);
    struct fp_env env = x87_env(c);
    struct f80 b = expand(&env, source, bits);
    if (compare(c, &env, x87_empty(c, 0), x87_get(c, 0), b, false) && pops)
        x87_pop(c);
}

#define COMPARE_MEM(id, source, pops)                                                                                  \
    OP0(id)                                                                                                            \
    {                                                                                                                  \
        compare_mem(c, in, source, pops);                                                                              \
    }
#define COMPARE_REG(id, quiet, pops)                                                                                   \
    OP0(id)                                                                                                            \
    {                                                                                                                  \
        compare_reg(c, in, in->modrm & 7, quiet, pops);                                                                \
    }

COMPARE_MEM(FCOM_M32, M32, 0)
COMPARE_MEM(FCOM_M64, M64, 0)
COMPARE_MEM(FCOMP_M32, M32, 1)
COMPARE_MEM(FCOMP_M64, M64, 1)
COMPARE_MEM(FICOM_M16, I16, 0)
COMPARE_MEM(FICOM_M32, I32, 0)
COMPARE_MEM(FICOMP_M16, I16, 1)
COMPARE_MEM(FICOMP_M32, I32, 1)
COMPARE_REG(FCOM_STi, false, 0)
COMPARE_REG(FCOMP_STi, false, 1)
COMPARE_REG(FUCOM_STi, true, 0)
COMPARE_REG(FUCOMP_STi, true, 1)
OP_SAME(FCOM_STi_DC, FCOM_STi)
OP_SAME(FCOMP_STi_DC, FCOMP_STi)
OP_SAME(FCOMP_STi_DE, FCOMP_STi)

OP0(FCOMPP)
{
    compare_reg(c, in, 1, false, 2);
}

OP0(FUCOMPP)
{
    compare_reg(c, in, 1, true, 2);
}

OP0(FTST)
{
    x87_begin(c);
    x87_note(c, in);
    struct fp_env env = x87_env(c);
    compare(c, &env, x87_empty(c, 0), x87_get(c, 0), F80_ZERO, false);
}

/* FCOMI and FUCOMI: into ZF, PF, CF; OF, SF, AF cleared. */
static ALWAYS_INLINE void compare_eflags(struct cpu *c, const struct insn *in, const bool quiet, const bool pop)
{
    static const u8 flags[4] = {
        [FP_LESS] = F_CF, [FP_EQUAL] = F_ZF, [FP_GREATER] = 0, [FP_UNORDERED] = F_ZF | F_PF | F_CF};
    enum fp_order order = FP_UNORDERED;
    unsigned i = in->modrm & 7;
    x87_begin(c);
    x87_note(c, in);
    bool go_on;
    if (UNLIKELY(x87_empty(c, 0) || x87_empty(c, i))) {
        go_on = x87_stack_fault(c, false);
    } else {
        struct fp_env env = x87_env(c);
        order = f80_compare(&env, x87_get(c, 0), x87_get(c, i), quiet);
        go_on = !(x87_commit(c, &env) & FP_PRE);
    }
    flags_set_arith(c, flags[order]);
    if (pop && go_on)
        x87_pop(c);
}

OP0(FCOMI)
{
    compare_eflags(c, in, false, false);
}

OP0(FCOMIP)
{
    compare_eflags(c, in, false, true);
}

OP0(FUCOMI)
{
    compare_eflags(c, in, true, false);
}

OP0(FUCOMIP)
{
    compare_eflags(c, in, true, true);
}

/* C1 is the sign even of an empty register. */
OP0(FXAM)
{
    x87_begin(c);
    x87_note(c, in);
    struct f80 v = x87_get(c, 0);
    u16 cc = X87_C3 | X87_C0;
    if (!x87_empty(c, 0)) {
        static const u16 classes[] = {
            [FP_ZERO] = X87_C3, [FP_FINITE] = X87_C2, [FP_INF] = X87_C2 | X87_C0,
            [FP_QNAN] = X87_C0, [FP_SNAN] = X87_C0,   [FP_UNSUPPORTED] = 0,
        };
        enum fp_class class = f80_class(v);
        bool denormal = class == FP_FINITE && (v.se & 0x7FFF) == 0;
        cc = denormal ? X87_C3 | X87_C2 : classes[class];
    }
    set_cc(c, cc);
    x87_set_c1(c, v.se >> 15);
}
