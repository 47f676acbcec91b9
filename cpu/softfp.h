/*
 * softfp.h - floating point without a floating-point unit: the x87's 80-bit format and
 * the single and double formats of SSE, bit by bit as the silicon computes them.
 *
 * Integer-only C; no float, double or long double anywhere, so every host gives the same bits.
 * Everybody in cpu/ and translator/ may call it. No function fails or keeps state:
 * what an operation reads and reports is in the caller's struct fp_env.
 *
 * Two dialects share one core, and the type tells which one is spoken:
 *
 *   f80_*        x87 (SDM vol. 1, ch. 8): results rounded to env->pc bits, two NaNs give the one with the
 *                larger significand, unsupported encodings are invalid, unmasked overflow and underflow
 *                wrap the exponent by 24576, env->c1 tells whether the significand was rounded up.
 *   f32_*, f64_* SSE (SDM vol. 1, ch. 11): DAZ and FTZ honoured, two NaNs give the first operand.
 *
 * Flags are only ever set, never cleared: clear env->flags before an operation, look at it after. With the
 * exceptions IE, DE and ZE the silicon stops before it computes: if one of them is raised and not masked,
 * the returned value means nothing, must not be stored, and no OE, UE or PE comes from that operation. For packed SSE
 * instructions run all elements on one env, then call fp_sse_settle(): one element's unmasked IE, DE or ZE hides the
 * OE, UE and PE of all others.
 * Tininess is detected after rounding. UE means tiny and inexact while masked, tiny while unmasked.
 */
#ifndef OMBRA_CPU_SOFTFP_H
#define OMBRA_CPU_SOFTFP_H

#include "base/types.h"

/* Double extended precision: se = sign (bit 15) and exponent biased by 16383, m = significand with its explicit
 * integer bit 63. The first ten bytes are the format in memory. */
struct f80 {
    u64 m;
    u16 se;
};

/* Exceptions, as in the x87 status word and MXCSR (flags) and the x87 control word (masks). */
enum fp_flag {
    FP_IE = 0x01,
    FP_DE = 0x02,
    FP_ZE = 0x04,
    FP_OE = 0x08,
    FP_UE = 0x10,
    FP_PE = 0x20,
    FP_PRE = FP_IE | FP_DE | FP_ZE, /* found before the computation */
    FP_ALL = 0x3F
};

/* Rounding control, as in the x87 control word and MXCSR. */
enum fp_rounding { FP_NEAREST = 0, FP_DOWN = 1, FP_UP = 2, FP_CHOP = 3 };

enum fp_order { FP_LESS, FP_EQUAL, FP_GREATER, FP_UNORDERED };

enum fp_class { FP_ZERO, FP_FINITE, FP_INF, FP_QNAN, FP_SNAN, FP_UNSUPPORTED };

struct fp_env {
    /* In */
    u8 rc;     /* enum fp_rounding */
    u8 pc;     /* f80 results of + - * / sqrt: 24, 53 or 64 significand bits; other operations ignore it */
    u8 masked; /* enum fp_flag bits whose exception is masked */
    bool daz;  /* f32/f64: denormal operands are zeros */
    bool ftz;  /* f32/f64: tiny results are zeros (while UE is masked) */
    bool den;  /* f80: one operand was denormal in the memory format it came from (see f80_expand32) */
    /* Out */
    u8 flags; /* exceptions raised, or-ed in */
    bool c1;  /* f80: the last operation that rounded did so away from zero */
};

/* The environments that an x87 control word and MXCSR describe, with clear flags. */
static inline struct fp_env fp_env_x87(u16 fcw)
{
    static const u8 bits[4] = {24, 64, 53, 64}; /* PC = 01 is reserved and works as 11 */
    return (struct fp_env){.rc = fcw >> 10 & 3, .pc = bits[fcw >> 8 & 3], .masked = fcw & FP_ALL};
}

static inline struct fp_env fp_env_sse(u32 mxcsr)
{
    return (struct fp_env){
        .rc = mxcsr >> 13 & 3, .pc = 64, .masked = mxcsr >> 7 & FP_ALL, .daz = mxcsr >> 6 & 1, .ftz = mxcsr >> 15 & 1};
}

/* Exceptions that were raised and are not masked. */
static inline u8 fp_unmasked(const struct fp_env *env)
{
    return env->flags & ~env->masked;
}

/* After the last element of an SSE instruction: drops the flags that an unmasked IE, DE or ZE hides. The flags then go
 * into MXCSR in any case. Returns the unmasked ones: nonzero means #XM, and no element is stored. */
static inline u8 fp_sse_settle(struct fp_env *env)
{
    if (fp_unmasked(env) & FP_PRE)
        env->flags &= FP_PRE;
    return fp_unmasked(env);
}

static inline struct f80 f80_make(bool sign, unsigned biased_exp, u64 m)
{
    return (struct f80){.m = m, .se = (u16)(sign << 15 | biased_exp)};
}

#define F80_INDEFINITE ((struct f80){0xC000000000000000ull, 0xFFFF}) /* the default NaN */
#define F80_ZERO ((struct f80){0, 0})
#define F80_ONE ((struct f80){0x8000000000000000ull, 0x3FFF})
#define F32_INDEFINITE 0xFFC00000u
#define F64_INDEFINITE 0xFFF8000000000000ull

static inline struct f80 f80_load(const void *p)
{
    return (struct f80){.m = ld64(p), .se = ld16((const u8 *)p + 8)};
}

static inline void f80_store(void *p, struct f80 v)
{
    st64(p, v.m);
    st16((u8 *)p + 8, v.se);
}

/* ---- x87: arithmetic (softfp_f80.c) ---- */

/* The class for FXAM and special cases; denormals are FP_FINITE. */
enum fp_class f80_class(struct f80 a);

struct f80 f80_add(struct fp_env *env, struct f80 a, struct f80 b);
struct f80 f80_sub(struct fp_env *env, struct f80 a, struct f80 b); /* a - b */
struct f80 f80_mul(struct fp_env *env, struct f80 a, struct f80 b);
struct f80 f80_div(struct fp_env *env, struct f80 a, struct f80 b); /* a / b */
struct f80 f80_sqrt(struct fp_env *env, struct f80 a);

/* FRNDINT: to an integer by env->rc. */
struct f80 f80_round_int(struct fp_env *env, struct f80 a);

/* FSCALE: a * 2^trunc(b). */
struct f80 f80_scale(struct fp_env *env, struct f80 a, struct f80 b);

/* FXTRACT: returns the significand, *EXPONENT gets the unbiased exponent. */
struct f80 f80_extract(struct fp_env *env, struct f80 a, struct f80 *exponent);

/* FPREM (NEAREST false) and FPREM1 (true): a - b * q. *QUOTIENT gets q's low three bits (C1 = bit 0, C3 = bit 1, C0 =
 * bit 2; 0 where there is none), or -1 while the reduction is partial (C2 = 1). */
struct f80 f80_rem(struct fp_env *env, struct f80 a, struct f80 b, bool nearest, int *quotient);

/* FCOM, FTST (QUIET false: any NaN is invalid) and FUCOM (QUIET true: only SNaNs are). */
enum fp_order f80_compare(struct fp_env *env, struct f80 a, struct f80 b, bool quiet);

/* ---- x87: transcendental functions (softfp_trans.c); results within 1 ulp, always 64 bits, rounded by env->rc ---- */

struct f80 f80_2xm1(struct fp_env *env, struct f80 x);                 /* 2^x - 1, |x| <= 1 */
struct f80 f80_yl2x(struct fp_env *env, struct f80 x, struct f80 y);   /* y * log2(x) */
struct f80 f80_yl2xp1(struct fp_env *env, struct f80 x, struct f80 y); /* y * log2(x + 1) */
struct f80 f80_patan(struct fp_env *env, struct f80 x, struct f80 y);  /* atan2(y, x); x = ST(0), y = ST(1) */

/* Sine and cosine, either of which may be NULL, and tangent. False: |x| >= 2^63, nothing computed (C2 = 1). */
bool f80_sincos(struct fp_env *env, struct f80 x, struct f80 *sine, struct f80 *cosine);
bool f80_ptan(struct fp_env *env, struct f80 x, struct f80 *tangent);

/* ---- x87: conversions (softfp_conv.c) ---- */

/* FLD m32/m64: SNaNs become quiet with IE, denormals raise DE. Exact. */
struct f80 f80_from_f32(struct fp_env *env, u32 v);
struct f80 f80_from_f64(struct fp_env *env, u64 v);

/* A memory operand of FADD m32 and so on: the value as it is, SNaN or not, no flag raised; env->den is set as
 * the arithmetic that follows on the same env wants it. */
struct f80 f80_expand32(struct fp_env *env, u32 v);
struct f80 f80_expand64(struct fp_env *env, u64 v);

/* FST m32/m64. With unmasked IE, OE or UE raised nothing may be stored. */
u32 f80_to_f32(struct fp_env *env, struct f80 a);
u64 f80_to_f64(struct fp_env *env, struct f80 a);

struct f80 f80_from_s64(s64 v); /* FILD, FIADD, ...; exact */

/* FIST(P): rounded by env->rc (set FP_CHOP to truncate); IE and the integer indefinite (the most negative number) if it
 * does not fit. */
s16 f80_to_s16(struct fp_env *env, struct f80 a);
s32 f80_to_s32(struct fp_env *env, struct f80 a);
s64 f80_to_s64(struct fp_env *env, struct f80 a);

/* FBLD, FBSTP: 18 packed decimal digits and a sign byte. */
struct f80 f80_from_bcd(const u8 bcd[10]);
void f80_to_bcd(struct fp_env *env, struct f80 a, u8 bcd[10]);

/* ---- SSE: single and double (softfp_sse.c) ---- */

u32 f32_add(struct fp_env *env, u32 a, u32 b);
u32 f32_sub(struct fp_env *env, u32 a, u32 b);
u32 f32_mul(struct fp_env *env, u32 a, u32 b);
u32 f32_div(struct fp_env *env, u32 a, u32 b);
u32 f32_sqrt(struct fp_env *env, u32 a);
u32 f32_min(struct fp_env *env, u32 a, u32 b); /* a = destination, b = source: b wins ties of zeros and NaNs */
u32 f32_max(struct fp_env *env, u32 a, u32 b);
u64 f64_add(struct fp_env *env, u64 a, u64 b);
u64 f64_sub(struct fp_env *env, u64 a, u64 b);
u64 f64_mul(struct fp_env *env, u64 a, u64 b);
u64 f64_div(struct fp_env *env, u64 a, u64 b);
u64 f64_sqrt(struct fp_env *env, u64 a);
u64 f64_min(struct fp_env *env, u64 a, u64 b);
u64 f64_max(struct fp_env *env, u64 a, u64 b);

/* UCOMISx (QUIET true: only SNaNs are invalid) and COMISx (false: QNaNs too). */
enum fp_order f32_compare(struct fp_env *env, u32 a, u32 b, bool quiet);
enum fp_order f64_compare(struct fp_env *env, u64 a, u64 b, bool quiet);

/* CMPxx with the predicate of imm8 bits 2:0 (EQ LT LE UNORD NEQ NLT NLE ORD): true or false. */
bool f32_predicate(struct fp_env *env, u32 a, u32 b, unsigned predicate);
bool f64_predicate(struct fp_env *env, u64 a, u64 b, unsigned predicate);

u64 f32_to_f64(struct fp_env *env, u32 a); /* CVTSS2SD */
u32 f64_to_f32(struct fp_env *env, u64 a); /* CVTSD2SS */

/* CVTxx2SI (CHOP false: by env->rc) and CVTTxx2SI (true). */
s32 f32_to_s32(struct fp_env *env, u32 a, bool chop);
s64 f32_to_s64(struct fp_env *env, u32 a, bool chop);
s32 f64_to_s32(struct fp_env *env, u64 a, bool chop);
s64 f64_to_s64(struct fp_env *env, u64 a, bool chop);

u32 f32_from_s64(struct fp_env *env, s64 v); /* CVTSI2SS, 32-bit sources too */
u64 f64_from_s64(struct fp_env *env, s64 v);

/* RCPxS and RSQRTxS: relative error below 1.5 * 2^-12, denormal operands are zeros, no flags, no rounding control. */
u32 f32_rcp(u32 a);
u32 f32_rsqrt(u32 a);

#endif
