/*
 * op_simd_fp.c - floating-point arithmetic, comparisons and conversions of SSE and SSE2.
 *
 * SDM vol. 2 by name; vol. 1, 11.5 (exceptions), E.4 (results with exceptions masked).
 */
#include "cpu/simd.h"

/* ---- the host's floating point, where it gives the same bits ---- */

/*
 * With all exceptions masked, rounding to nearest, no DAZ and FTZ, and PE set already, an operation on zeros and normal
 * numbers with a normal result (above the smallest binade, where tininess is subtle) leaves nothing else to find out:
 * IEEE 754 fixes the result, and MXCSR does not change. --soft-float keeps to the slow twin.
 */
static ALWAYS_INLINE bool host_fp(const struct cpu *c)
{
    enum { CONTROL = 0xFFE0, PLAIN = 0x1FA0 };
    return (c->mxcsr & CONTROL) == PLAIN && !c->force_soft_fp;
}

#define HOST_OP(N, bits, type, exp_shift, exp_mask, op, sum)                                                           \
    static ALWAYS_INLINE bool host_##N##bits(u##bits a, u##bits b, u##bits *result)                                    \
    {                                                                                                                  \
        type x, y;                                                                                                     \
        u##bits r, ea = a >> exp_shift & exp_mask, eb = b >> exp_shift & exp_mask;                                     \
        bool zero_a = (u##bits)(a << 1) == 0, zero_b = (u##bits)(b << 1) == 0;                                         \
        if ((ea - 1 >= exp_mask - 1 && !zero_a) || (eb - 1 >= exp_mask - 1 && (sum < 0 || !zero_b)))                   \
            return false;                                                                                              \
        memcpy(&x, &a, sizeof x);                                                                                      \
        memcpy(&y, &b, sizeof y);                                                                                      \
        x = x op y;                                                                                                    \
        memcpy(&r, &x, sizeof r);                                                                                      \
        *result = r;                                                                                                   \
        bool exact_zero = (u##bits)(r << 1) == 0 && (sum > 0 || zero_a || zero_b);                                     \
        return (r >> exp_shift & exp_mask) - 2 < exp_mask - 2 || exact_zero;                                           \
    }
/* SUM: 1 where a zero result is exact, 0 where it is so of a zero operand, -1 where also the second must not be zero.
 */
#define HOST_OPS(N, op, sum)                                                                                           \
    HOST_OP(N, 32, float, 23, 0xFFu, op, sum)                                                                          \
    HOST_OP(N, 64, double, 52, 0x7FFull, op, sum)
HOST_OPS(add, +, 1)
HOST_OPS(sub, -, 1)
HOST_OPS(mul, *, 0)
HOST_OPS(div, /, -1)

/* Operations without a fast twin. */
static ALWAYS_INLINE bool host_none32(u32 a, u32 b, u32 *result)
{
    return false;
}

static ALWAYS_INLINE bool host_none64(u64 a, u64 b, u64 *result)
{
    return false;
}

/* ---- arithmetic: packed on all elements, scalar on the lowest ---- */

/* OP32 and OP64 take (env, destination, source). */
#define ARITH(N, op32, op64, host)                                                                                     \
    OPB(N##PS_VoWo)                                                                                                    \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg], r;                                                      \
        if (host_fp(c) && host_##host##32(a.d[0], b.d[0], &r.d[0]) && host_##host##32(a.d[1], b.d[1], &r.d[1]) &&      \
            host_##host##32(a.d[2], b.d[2], &r.d[2]) && host_##host##32(a.d[3], b.d[3], &r.d[3])) {                    \
            c->xmm[in->reg] = r;                                                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        for (unsigned i = 0; i < 4; i++)                                                                               \
            a.d[i] = op32(&env, a.d[i], b.d[i]);                                                                       \
        sse_end(c, &env);                                                                                              \
        c->xmm[in->reg] = a;                                                                                           \
    }                                                                                                                  \
    OPB(N##PD_VoWo)                                                                                                    \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg], r;                                                      \
        if (host_fp(c) && host_##host##64(a.q[0], b.q[0], &r.q[0]) && host_##host##64(a.q[1], b.q[1], &r.q[1])) {      \
            c->xmm[in->reg] = r;                                                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        for (unsigned i = 0; i < 2; i++)                                                                               \
            a.q[i] = op64(&env, a.q[i], b.q[i]);                                                                       \
        sse_end(c, &env);                                                                                              \
        c->xmm[in->reg] = a;                                                                                           \
    }                                                                                                                  \
    OPB(N##SS_VdWd)                                                                                                    \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u32 r, b = xmm_rm32(c, in, MEM);                                                                               \
        if (host_fp(c) && host_##host##32(c->xmm[in->reg].d[0], b, &r)) {                                              \
            c->xmm[in->reg].d[0] = r;                                                                                  \
            return;                                                                                                    \
        }                                                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        r = op32(&env, c->xmm[in->reg].d[0], b);                                                                       \
        sse_end(c, &env);                                                                                              \
        c->xmm[in->reg].d[0] = r;                                                                                      \
    }                                                                                                                  \
    OPB(N##SD_VqWq)                                                                                                    \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u64 r, b = xmm_rm64(c, in, MEM);                                                                               \
        if (host_fp(c) && host_##host##64(c->xmm[in->reg].q[0], b, &r)) {                                              \
            c->xmm[in->reg].q[0] = r;                                                                                  \
            return;                                                                                                    \
        }                                                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        r = op64(&env, c->xmm[in->reg].q[0], b);                                                                       \
        sse_end(c, &env);                                                                                              \
        c->xmm[in->reg].q[0] = r;                                                                                      \
    }

#define SQRT32(env, a, b) f32_sqrt(env, b)
#define SQRT64(env, a, b) f64_sqrt(env, b)

ARITH(ADD, f32_add, f64_add, add)
ARITH(SUB, f32_sub, f64_sub, sub)
ARITH(MUL, f32_mul, f64_mul, mul)
ARITH(DIV, f32_div, f64_div, div)
ARITH(MIN, f32_min, f64_min, none)
ARITH(MAX, f32_max, f64_max, none)
ARITH(SQRT, SQRT32, SQRT64, none)

/* ---- approximations: no rounding, no flags ---- */

#define APPROXIMATE(N, op)                                                                                             \
    OPB(N##PS_VoWo)                                                                                                    \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm v = xmm_rm(c, in, MEM);                                                                              \
        for (unsigned i = 0; i < 4; i++)                                                                               \
            c->xmm[in->reg].d[i] = op(v.d[i]);                                                                         \
    }                                                                                                                  \
    OPB(N##SS_VdWd)                                                                                                    \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        c->xmm[in->reg].d[0] = op(xmm_rm32(c, in, MEM));                                                               \
    }
APPROXIMATE(RCP, f32_rcp)
APPROXIMATE(RSQRT, f32_rsqrt)

/* ---- comparisons ---- */

OPB(CMPPS_VoWoIb)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    struct fp_env env = fp_env_sse(c->mxcsr);
    for (unsigned i = 0; i < 4; i++)
        a.d[i] = f32_predicate(&env, a.d[i], b.d[i], in->imm & 7) ? 0xFFFFFFFF : 0;
    sse_end(c, &env);
    c->xmm[in->reg] = a;
}

OPB(CMPPD_VoWoIb)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    struct fp_env env = fp_env_sse(c->mxcsr);
    for (unsigned i = 0; i < 2; i++)
        a.q[i] = f64_predicate(&env, a.q[i], b.q[i], in->imm & 7) ? ~(u64)0 : 0;
    sse_end(c, &env);
    c->xmm[in->reg] = a;
}

OPB(CMPSS_VdWdIb)
{
    sse_begin(c);
    u32 b = xmm_rm32(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    bool holds = f32_predicate(&env, c->xmm[in->reg].d[0], b, in->imm & 7);
    sse_end(c, &env);
    c->xmm[in->reg].d[0] = holds ? 0xFFFFFFFF : 0;
}

OPB(CMPSD_VqWqIb)
{
    sse_begin(c);
    u64 b = xmm_rm64(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    bool holds = f64_predicate(&env, c->xmm[in->reg].q[0], b, in->imm & 7);
    sse_end(c, &env);
    c->xmm[in->reg].q[0] = holds ? ~(u64)0 : 0;
}

static void set_order(struct cpu *c, enum fp_order order)
{
    static const u32 flags[] = {
        [FP_LESS] = F_CF, [FP_EQUAL] = F_ZF, [FP_GREATER] = 0, [FP_UNORDERED] = F_ZF | F_PF | F_CF};
    flags_set_arith(c, flags[order]);
}

#define COMPARE(SS, SD, quiet)                                                                                         \
    OPB(SS)                                                                                                            \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u32 b = xmm_rm32(c, in, MEM);                                                                                  \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        enum fp_order order = f32_compare(&env, c->xmm[in->reg].d[0], b, quiet);                                       \
        sse_end(c, &env);                                                                                              \
        set_order(c, order);                                                                                           \
    }                                                                                                                  \
    OPB(SD)                                                                                                            \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u64 b = xmm_rm64(c, in, MEM);                                                                                  \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        enum fp_order order = f64_compare(&env, c->xmm[in->reg].q[0], b, quiet);                                       \
        sse_end(c, &env);                                                                                              \
        set_order(c, order);                                                                                           \
    }
COMPARE(UCOMISS_VdWd, UCOMISD_VqWq, true)
COMPARE(COMISS_VdWd, COMISD_VqWq, false)

/* ---- conversions from integers ---- */

OPB(CVTSI2SS_VdEd)
{
    sse_begin(c);
    s32 v = (s32)rm_rd(c, in, 4, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    u32 r = f32_from_s64(&env, v);
    sse_end(c, &env);
    c->xmm[in->reg].d[0] = r;
}

OPB(CVTSI2SD_VqEd)
{
    sse_begin(c);
    s32 v = (s32)rm_rd(c, in, 4, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    c->xmm[in->reg].q[0] = f64_from_s64(&env, v); /* exact */
}

OPB(CVTPI2PS_VqQq)
{
    sse_begin(c);
    x87_begin_mmx(c);
    u64 v = mm_rm(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    u32 low = f32_from_s64(&env, (s32)v), high = f32_from_s64(&env, (s32)(v >> 32));
    x87_enter_mmx(c); /* even if an exception comes of it */
    sse_end(c, &env);
    c->xmm[in->reg].q[0] = (u64)high << 32 | low;
}

/* From memory no MMX register is involved, and the x87 stays as it is. */
OPB(CVTPI2PD_VoQq)
{
    sse_begin(c);
    if (!MEM)
        x87_begin_mmx(c);
    u64 v = mm_rm(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    if (!MEM)
        x87_enter_mmx(c);
    c->xmm[in->reg] = (union xmm){.q = {f64_from_s64(&env, (s32)v), f64_from_s64(&env, (s32)(v >> 32))}};
}

OPB(CVTDQ2PS_VoWo)
{
    sse_begin(c);
    union xmm v = xmm_rm(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    for (unsigned i = 0; i < 4; i++)
        v.d[i] = f32_from_s64(&env, (s32)v.d[i]);
    sse_end(c, &env);
    c->xmm[in->reg] = v;
}

OPB(CVTDQ2PD_VoWq)
{
    sse_begin(c);
    u64 v = xmm_rm64(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    c->xmm[in->reg] = (union xmm){.q = {f64_from_s64(&env, (s32)v), f64_from_s64(&env, (s32)(v >> 32))}};
}

/* ---- conversions to integers ---- */

#define SCALAR_TO_INT(N, type, read, convert, chop)                                                                    \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        type v = read(c, in, MEM);                                                                                     \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        s32 r = convert(&env, v, chop);                                                                                \
        sse_end(c, &env);                                                                                              \
        reg_wr(c, 4, in->reg, (u32)r);                                                                                 \
    }
SCALAR_TO_INT(CVTSS2SI_GdWd, u32, xmm_rm32, f32_to_s32, false)
SCALAR_TO_INT(CVTTSS2SI_GdWd, u32, xmm_rm32, f32_to_s32, true)
SCALAR_TO_INT(CVTSD2SI_GdWq, u64, xmm_rm64, f64_to_s32, false)
SCALAR_TO_INT(CVTTSD2SI_GdWq, u64, xmm_rm64, f64_to_s32, true)

#define SINGLES_TO_MMX(N, chop)                                                                                        \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        u64 v = xmm_rm64(c, in, MEM);                                                                                  \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        u32 low = (u32)f32_to_s32(&env, (u32)v, chop), high = (u32)f32_to_s32(&env, (u32)(v >> 32), chop);             \
        x87_enter_mmx(c); /* even if an exception comes of it */                                                       \
        sse_end(c, &env);                                                                                              \
        mm_wr(c, in->reg, (u64)high << 32 | low);                                                                      \
    }
SINGLES_TO_MMX(CVTPS2PI_PqWq, false)
SINGLES_TO_MMX(CVTTPS2PI_PqWq, true)

/* Two doubles as integers in 64 bits. */
static ALWAYS_INLINE u64 doubles_to_ints(struct fp_env *env, union xmm v, bool chop)
{
    u32 low = (u32)f64_to_s32(env, v.q[0], chop), high = (u32)f64_to_s32(env, v.q[1], chop);
    return (u64)high << 32 | low;
}

#define DOUBLES_TO_MMX(N, chop)                                                                                        \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        union xmm v = xmm_rm(c, in, MEM);                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        u64 r = doubles_to_ints(&env, v, chop);                                                                        \
        x87_enter_mmx(c); /* even if an exception comes of it */                                                       \
        sse_end(c, &env);                                                                                              \
        mm_wr(c, in->reg, r);                                                                                          \
    }
DOUBLES_TO_MMX(CVTPD2PI_PqWo, false)
DOUBLES_TO_MMX(CVTTPD2PI_PqWo, true)

#define DOUBLES_TO_INTS(N, chop)                                                                                       \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm v = xmm_rm(c, in, MEM);                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        u64 r = doubles_to_ints(&env, v, chop);                                                                        \
        sse_end(c, &env);                                                                                              \
        c->xmm[in->reg] = (union xmm){.q = {r}};                                                                       \
    }
DOUBLES_TO_INTS(CVTPD2DQ_VoWo, false)
DOUBLES_TO_INTS(CVTTPD2DQ_VoWo, true)

#define SINGLES_TO_INTS(N, chop)                                                                                       \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm v = xmm_rm(c, in, MEM);                                                                              \
        struct fp_env env = fp_env_sse(c->mxcsr);                                                                      \
        for (unsigned i = 0; i < 4; i++)                                                                               \
            v.d[i] = (u32)f32_to_s32(&env, v.d[i], chop);                                                              \
        sse_end(c, &env);                                                                                              \
        c->xmm[in->reg] = v;                                                                                           \
    }
SINGLES_TO_INTS(CVTPS2DQ_VoWo, false)
SINGLES_TO_INTS(CVTTPS2DQ_VoWo, true)

/* ---- conversions between singles and doubles ---- */

OPB(CVTPS2PD_VoWq)
{
    sse_begin(c);
    u64 v = xmm_rm64(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    union xmm r = {.q = {f32_to_f64(&env, (u32)v), f32_to_f64(&env, (u32)(v >> 32))}};
    sse_end(c, &env);
    c->xmm[in->reg] = r;
}

OPB(CVTPD2PS_VoWo)
{
    sse_begin(c);
    union xmm v = xmm_rm(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    union xmm r = {.d = {f64_to_f32(&env, v.q[0]), f64_to_f32(&env, v.q[1])}};
    sse_end(c, &env);
    c->xmm[in->reg] = r;
}

OPB(CVTSS2SD_VqWd)
{
    sse_begin(c);
    u32 v = xmm_rm32(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    u64 r = f32_to_f64(&env, v);
    sse_end(c, &env);
    c->xmm[in->reg].q[0] = r;
}

OPB(CVTSD2SS_VdWq)
{
    sse_begin(c);
    u64 v = xmm_rm64(c, in, MEM);
    struct fp_env env = fp_env_sse(c->mxcsr);
    u32 r = f64_to_f32(&env, v);
    sse_end(c, &env);
    c->xmm[in->reg].d[0] = r;
}
