/*
 * softfp_core.c - rounding computed numbers back into their formats, and what is too large to be inline.
 */
#include "cpu/softfp_core.h"

/*
 * The host's root of the nearest double is off by one at most, so what
 * comes out does not depend on the host.
 */
u32 fp_sqrt64(u64 n, u64 *rem)
{
    u64 s = MIN((u64)__builtin_sqrt((double)n), (u64)UINT32_MAX);
    if (s * s > n)
        s--;
    else if (n - s * s > 2 * s)
        s++;
    *rem = n - s * s;
    return (u32)s;
}

void fp_sqrt_core(const struct fp_num *a, struct fp_raw *r)
{
    /* The radicand is sig * 2^63 or sig * 2^64, so that an even exponent remains: hi:lo >= 2^126. */
    bool odd = a->exp & 1;
    u64 hi = odd ? a->sig : a->sig >> 1;
    u64 lo = odd ? 0 : a->sig << 63;
    u64 r0;
    u64 s = fp_sqrt64(hi, &r0);
    /* (r0 << 32 | top of lo) / 2s, halved on both sides to fit; where it gives 2^32, one less is right. */
    u64 half = r0 << 31 | lo >> 33;
    u64 q = half / s;
    u64 u = (half % s) << 1 | (lo >> 32 & 1);
    if (q >> 32) {
        q--;
        u += 2 * s;
    }
    u64 root = (s << 32) + q;
    __int128 rem = (__int128)((u128)u << 32 | (u32)lo) - (__int128)((u128)q * q);
    while (rem < 0) {
        rem += (__int128)2 * root - 1;
        root--;
    }
    r->sign = false;
    r->exp = a->exp >> 1;
    r->sig = root;
    /* (root + 1/2)^2 = root^2 + root + 1/4 */
    r->lo = rem == 0 ? 0 : rem > (__int128)root ? TOP_BIT | 1 : 1;
}

static struct f80 f80_overflow(struct fp_env *env, bool sign, unsigned prec)
{
    bool to_inf = env->rc == FP_NEAREST || (env->rc != FP_CHOP && (env->rc == FP_DOWN) == sign);
    env->flags |= FP_OE | FP_PE;
    env->c1 = to_inf;
    if (to_inf)
        return f80_make(sign, F80_EXP_MAX, TOP_BIT);
    return f80_make(sign, F80_EXP_MAX - 1, ~(u64)0 << (64 - prec));
}

struct f80 f80_pack_small(struct fp_env *env, struct fp_raw r, s32 e, unsigned prec)
{
    bool inexact;
    env->c1 = false;
    u64 sig = r.sig;
    bool up = fp_round_sig(env->rc, r.sign, prec, &sig, r.lo, &inexact);
    bool tiny = e < 0 || sig != 0;
    if (tiny && !(env->masked & FP_UE)) {
        env->flags |= FP_UE;
        e += F80_WRAP;
        if (e <= 0) { /* only FSCALE gets here */
            env->flags |= FP_PE;
            return f80_make(r.sign, 0, 0);
        }
        if (inexact) {
            env->flags |= FP_PE;
            env->c1 = up;
        }
        return sig ? f80_make(r.sign, (unsigned)e, sig) : f80_make(r.sign, (unsigned)e + 1, TOP_BIT);
    }
    u128 x = fp_shift_jam((u128)r.sig << 64 | r.lo, (unsigned)(1 - e));
    sig = (u64)(x >> 64);
    up = fp_round_sig(env->rc, r.sign, prec, &sig, (u64)x, &inexact);
    if (inexact) {
        env->flags |= tiny ? FP_UE | FP_PE : FP_PE;
        env->c1 = up;
    }
    return f80_make(r.sign, sig >> 63, sig);
}

struct f80 f80_pack_large(struct fp_env *env, struct fp_raw r, s32 e, unsigned prec, bool up, bool inexact)
{
    if (env->masked & FP_OE)
        return f80_overflow(env, r.sign, prec);
    env->flags |= inexact ? FP_OE | FP_PE : FP_OE;
    env->c1 = up;
    e -= F80_WRAP;
    if (e >= F80_EXP_MAX) { /* only FSCALE gets here: an infinity whatever the rounding */
        env->flags |= FP_PE;
        env->c1 = true;
        return f80_make(r.sign, F80_EXP_MAX, TOP_BIT);
    }
    return f80_make(r.sign, (unsigned)e, r.sig);
}

u64 fp_pack_edge(struct fp_env *env, struct fp_format f, struct fp_raw r, s32 e)
{
    s32 exp_max = (1 << f.exp_bits) - 1;
    bool inexact;
    u64 sig = r.sig;
    env->c1 = false;
    bool up = fp_round_sig(env->rc, r.sign, f.prec, &sig, r.lo, &inexact);
    bool carry = sig == 0;
    bool tiny = e < 0 || (e == 0 && !carry);
    if (tiny && !(env->masked & FP_UE)) { /* will not be stored; PE tells of the rounding just done */
        env->flags |= inexact ? FP_UE | FP_PE : FP_UE;
        return 0;
    }
    if (tiny && env->ftz) {
        env->flags |= FP_UE | FP_PE;
        return fp_encode(f, r.sign, 0, 0);
    }
    if (e <= 0) {
        u128 x = fp_shift_jam((u128)r.sig << 64 | r.lo, (unsigned)(1 - e));
        sig = (u64)(x >> 64);
        up = fp_round_sig(env->rc, r.sign, f.prec, &sig, (u64)x, &inexact);
        if (inexact) {
            env->flags |= tiny ? FP_UE | FP_PE : FP_PE;
            env->c1 = up;
        }
        return fp_encode(f, r.sign, sig >> 63, sig);
    }
    e += carry;
    if (e >= exp_max) {
        bool to_inf = env->rc == FP_NEAREST || (env->rc != FP_CHOP && (env->rc == FP_DOWN) == r.sign);
        env->flags |= FP_OE;
        if (env->masked & FP_OE || inexact)
            env->flags |= FP_PE;
        env->c1 = to_inf;
        return to_inf ? fp_encode(f, r.sign, (unsigned)exp_max, 0)
                      : fp_encode(f, r.sign, (unsigned)exp_max - 1, ~(u64)0);
    }
    if (inexact) {
        env->flags |= FP_PE;
        env->c1 = up;
    }
    return fp_encode(f, r.sign, (unsigned)e, sig);
}

bool fp_to_int(struct fp_env *env, const struct fp_num *n, u8 rc, unsigned bits, s64 *value)
{
    bool inexact = false, up = false;
    u64 v = 0;
    env->c1 = false;
    if (n->cls == FP_FINITE && n->exp < 64) {
        u128 x = fp_shift_jam((u128)n->sig << 64, (unsigned)(63 - n->exp));
        v = (u64)(x >> 64);
        up = fp_round_sig(rc, n->sign, 64, &v, (u64)x, &inexact);
    }
    u64 limit = (u64)1 << (bits - 1);
    if (n->cls > FP_FINITE || (n->cls == FP_FINITE && n->exp >= 64) || v > limit || (v == limit && !n->sign)) {
        env->flags |= FP_IE;
        *value = (s64)(~(u64)0 << (bits - 1));
        return false;
    }
    if (inexact) {
        env->flags |= FP_PE;
        env->c1 = up;
    }
    *value = (s64)(n->sign ? -v : v);
    return true;
}
