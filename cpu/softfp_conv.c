/*
 * softfp_conv.c - between the x87's 80-bit format and what memory holds: singles, doubles, integers, packed decimals.
 */
#include "cpu/softfp_core.h"

static struct f80 expand(struct fp_env *env, struct fp_num n)
{
    env->den = n.den;
    switch (n.cls) {
    case FP_ZERO:
        return f80_make(n.sign, 0, 0);
    case FP_FINITE:
        return f80_make(n.sign, (unsigned)(n.exp + F80_BIAS), n.sig);
    default:
        return f80_make(n.sign, F80_EXP_MAX, n.sig);
    }
}

struct f80 f80_expand32(struct fp_env *env, u32 v)
{
    return expand(env, fp_unpack(FP_FORMAT_32, v));
}

struct f80 f80_expand64(struct fp_env *env, u64 v)
{
    return expand(env, fp_unpack(FP_FORMAT_64, v));
}

static struct f80 from_narrow(struct fp_env *env, struct fp_num n)
{
    env->c1 = false;
    if (n.cls == FP_SNAN) {
        env->flags |= FP_IE;
        n.sig |= TOP_BIT >> 1;
    }
    if (n.den)
        env->flags |= FP_DE;
    struct f80 v = expand(env, n);
    env->den = false;
    return v;
}

struct f80 f80_from_f32(struct fp_env *env, u32 v)
{
    return from_narrow(env, fp_unpack(FP_FORMAT_32, v));
}

struct f80 f80_from_f64(struct fp_env *env, u64 v)
{
    return from_narrow(env, fp_unpack(FP_FORMAT_64, v));
}

/* Rounds for a store. Unmasked overflow and underflow stop it: nothing is rounded, so no PE and no C1. */
static u64 round_narrow(struct fp_env *env, struct fp_format f, const struct fp_num *n)
{
    struct fp_env trial = *env;
    trial.flags = 0;
    u64 v = fp_round_pack(&trial, f, (struct fp_raw){n->sign, n->exp, n->sig, 0});
    if (fp_unmasked(&trial) & (FP_OE | FP_UE)) {
        env->flags |= trial.flags & ~FP_PE;
        return 0;
    }
    env->flags |= trial.flags;
    env->c1 = trial.c1;
    return v;
}

static ALWAYS_INLINE u64 to_narrow(struct fp_env *env, struct fp_format f, struct f80 a)
{
    struct fp_num n = f80_unpack(a);
    if (LIKELY(n.cls == FP_FINITE && n.exp > -f.bias && n.exp < f.bias))
        return fp_round_pack(env, f, (struct fp_raw){n.sign, n.exp, n.sig, 0});
    u64 exp_max = ((u64)1 << f.exp_bits) - 1;
    u64 sign = (u64)n.sign << (f.prec - 1 + f.exp_bits);
    env->c1 = false;
    switch (n.cls) {
    case FP_FINITE:
        return round_narrow(env, f, &n);
    case FP_ZERO:
        return sign;
    case FP_INF:
        return sign | exp_max << (f.prec - 1);
    case FP_UNSUPPORTED:
        env->flags |= FP_IE;
        return ((u64)1 << f.exp_bits | exp_max) << (f.prec - 1) | (u64)1 << (f.prec - 2);
    default:
        if (n.cls == FP_SNAN)
            env->flags |= FP_IE;
        return sign | exp_max << (f.prec - 1) | ((n.sig | TOP_BIT >> 1) & ~TOP_BIT) >> (64 - f.prec);
    }
}

u32 f80_to_f32(struct fp_env *env, struct f80 a)
{
    return (u32)to_narrow(env, FP_FORMAT_32, a);
}

u64 f80_to_f64(struct fp_env *env, struct f80 a)
{
    return to_narrow(env, FP_FORMAT_64, a);
}

struct f80 f80_from_s64(s64 v)
{
    if (v == 0)
        return F80_ZERO;
    u64 m = v < 0 ? -(u64)v : (u64)v;
    int shift = __builtin_clzll(m);
    return f80_make(v < 0, (unsigned)(F80_BIAS + 63 - shift), m << shift);
}

static s64 to_int(struct fp_env *env, struct f80 a, unsigned bits)
{
    struct fp_num n = f80_unpack(a);
    s64 v;
    fp_to_int(env, &n, env->rc, bits, &v);
    return v;
}

s16 f80_to_s16(struct fp_env *env, struct f80 a)
{
    return (s16)to_int(env, a, 16);
}

s32 f80_to_s32(struct fp_env *env, struct f80 a)
{
    return (s32)to_int(env, a, 32);
}

s64 f80_to_s64(struct fp_env *env, struct f80 a)
{
    return to_int(env, a, 64);
}

struct f80 f80_from_bcd(const u8 bcd[10])
{
    u64 v = 0;
    for (int i = 8; i >= 0; i--)
        v = v * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15);
    struct f80 r = f80_from_s64((s64)v);
    r.se |= (u16)(bcd[9] & 0x80) << 8;
    return r;
}

void f80_to_bcd(struct fp_env *env, struct f80 a, u8 bcd[10])
{
    static const u8 indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xC0, 0xFF, 0xFF};
    const u64 limit = 1000000000000000000ull; /* 18 digits */
    struct fp_num n = f80_unpack(a);
    struct fp_env trial = *env;
    s64 v;
    bool fits = fp_to_int(&trial, &n, env->rc, 64, &v);
    u64 m = v < 0 ? -(u64)v : (u64)v;
    if (!fits || m >= limit) {
        env->flags |= FP_IE;
        env->c1 = false;
        memcpy(bcd, indefinite, 10);
        return;
    }
    *env = trial;
    for (int i = 0; i < 9; i++, m /= 100)
        bcd[i] = (u8)(m / 10 % 10 << 4 | m % 10);
    bcd[9] = n.sign ? 0x80 : 0;
}
