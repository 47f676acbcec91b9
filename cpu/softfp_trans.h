/*
 * softfp_trans.h - wide numbers, and the fast ways of the transcendental functions. Private to cpu/softfp_trans*.c.
 *
 * Most results need no 115 good bits to be rounded right. The fast ways use products of 64 bits behind tables and know
 * how far off they may be: unless a boundary of rounding is that near, the long way comes to the same. They are for
 * finite numbers that are not denormal. False: not for this operand, or not clear; nothing but C1 and PE have changed,
 * which the long way then sets again.
 */
#ifndef OMBRA_CPU_SOFTFP_TRANS_H
#define OMBRA_CPU_SOFTFP_TRANS_H

#include "cpu/softfp_core.h"

/* sig / 2^127 * 2^exp, bit 127 of sig set; zero is sig = 0. */
struct wide {
    bool sign;
    s32 exp;
    u128 sig;
};

#define W(hi, lo) ((u128)(hi) << 64 | (lo))
#define ONE W(TOP_BIT, 0) /* 1 in Q127 */

/* ---- wide arithmetic; the last bits are approximate ---- */

/* The high half of the product. */
static inline u128 mulhi(u128 a, u128 b)
{
    u64 a1 = (u64)(a >> 64), a0 = (u64)a, b1 = (u64)(b >> 64), b0 = (u64)b;
    u128 mid = (u128)a1 * b0 + ((u128)a0 * b0 >> 64);
    u128 mid2 = (u128)a0 * b1 + (u64)mid;
    return (u128)a1 * b1 + (mid >> 64) + (mid2 >> 64);
}

static inline int clz128(u128 v)
{
    u64 hi = (u64)(v >> 64);
    return hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((u64)v);
}

/* The number V * 2^(exp - 127), brought to normal form. */
static inline struct wide wide_make(bool sign, s32 exp, u128 v)
{
    if (v == 0)
        return (struct wide){sign, 0, 0};
    int shift = clz128(v);
    return (struct wide){sign, exp - shift, v << shift};
}

static inline u64 mulhi64(u64 a, u64 b)
{
    return (u64)((u128)a * b >> 64);
}

/* atan(k / 32), units of 2^-128 */
extern const u128 atan_table[];

/* Of SINE and COSINE either may be NULL. C1 tells of the sine. */
bool fast_sincos(struct fp_env *env, const struct fp_num *x, struct f80 *sine, struct f80 *cosine);
bool fast_tangent(struct fp_env *env, const struct fp_num *x, struct f80 *tangent);

/* The angle of (x, y), where it is not small. */
bool fast_angle(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *angle);

/* 2^x - 1 for |x| < 1. */
bool fast_2xm1(struct fp_env *env, const struct fp_num *x, struct f80 *r);

/* y log2(x) for positive x, not 1; y log2(1 + x) for x from -1/2 to 1/2. */
bool fast_yl2x(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *r);
bool fast_yl2xp1(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *r);

#endif
