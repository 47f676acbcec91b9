/*
 * softfp_core.h - the core that the formats of softfp.h share: numbers taken apart, the four operations
 * and the root on 64-bit significands, and rounding back into a format.
 *
 * Private to cpu/softfp*.c. A number taken apart has its significand normalized (bit 63 set), so
 * denormals are ordinary here; a computed one has 64 more bits below, of which the lowest is sticky.
 */
#ifndef OMBRA_CPU_SOFTFP_CORE_H
#define OMBRA_CPU_SOFTFP_CORE_H

#include "cpu/softfp.h"

typedef unsigned __int128 u128;

enum { F80_BIAS = 0x3FFF, F80_EXP_MAX = 0x7FFF, F80_WRAP = 24576 };

#define TOP_BIT 0x8000000000000000ull

/* An operand. For FP_FINITE the value is sig / 2^63 * 2^exp. For NaNs sig is the significand as in struct f80. */
struct fp_num {
    enum fp_class cls;
    bool sign;
    bool den; /* was denormal in its format */
    s32 exp;
    u64 sig;
};

/* A nonzero result before rounding: (sig + lo / 2^64) / 2^63 * 2^exp, bit 63 of sig set. */
struct fp_raw {
    bool sign;
    s32 exp;
    u64 sig, lo;
};

/* What tells one format from another. */
struct fp_format {
    u8 prec; /* significand bits with the leading one */
    u8 exp_bits;
    s32 bias;
};

static inline struct fp_num f80_unpack(struct f80 a)
{
    unsigned e = a.se & F80_EXP_MAX;
    struct fp_num n = {.cls = FP_FINITE, .sign = a.se >> 15, .exp = (s32)e - F80_BIAS, .sig = a.m};
    if (LIKELY(e != 0 && e != F80_EXP_MAX)) {
        if (UNLIKELY(!(a.m & TOP_BIT)))
            n.cls = FP_UNSUPPORTED;
        return n;
    }
    if (e == 0) {
        if (a.m == 0) {
            n.cls = FP_ZERO;
            return n;
        }
        int shift = __builtin_clzll(a.m);
        n.sig = a.m << shift;
        n.exp = 1 - F80_BIAS - shift;
        n.den = true;
        return n;
    }
    if (!(a.m & TOP_BIT))
        n.cls = FP_UNSUPPORTED;
    else if (a.m == TOP_BIT)
        n.cls = FP_INF;
    else
        n.cls = a.m & TOP_BIT >> 1 ? FP_QNAN : FP_SNAN;
    return n;
}

/* Takes a single or double (its bits right-aligned in V) apart. */
static inline struct fp_num fp_unpack(struct fp_format f, u64 v)
{
    unsigned fraction = f.prec - 1;
    unsigned exp_max = (1u << f.exp_bits) - 1;
    unsigned e = v >> fraction & exp_max;
    u64 m = v << (64 - fraction) >> 1; /* the fraction below bit 63 */
    struct fp_num n = {
        .cls = FP_FINITE, .sign = v >> (fraction + f.exp_bits) & 1, .exp = (s32)e - f.bias, .sig = m | TOP_BIT};
    if (LIKELY(e != 0 && e != exp_max))
        return n;
    if (e == 0) {
        if (m == 0) {
            n.cls = FP_ZERO;
            n.sig = 0;
            return n;
        }
        int shift = __builtin_clzll(m);
        n.sig = m << shift;
        n.exp = 1 - f.bias - shift;
        n.den = true;
        return n;
    }
    if (m == 0)
        n.cls = FP_INF;
    else
        n.cls = m & TOP_BIT >> 1 ? FP_QNAN : FP_SNAN;
    return n;
}

static inline bool fp_is_nan(const struct fp_num *n)
{
    return n->cls == FP_QNAN || n->cls == FP_SNAN;
}

/* Raises FLAG before the computation. True: it is not masked, the operation ends here. */
static inline bool fp_stop(struct fp_env *env, u8 flag)
{
    env->flags |= flag;
    return (flag & ~env->masked) != 0;
}

/* hi:lo shifted right by N, what falls out or-ed into the lowest bit. */
static inline u128 fp_shift_jam(u128 v, unsigned n)
{
    if (n == 0)
        return v;
    if (n >= 128)
        return v != 0;
    return v >> n | (v << (128 - n) != 0);
}

/*
 * Rounds sig:lo to the PREC leading bits of sig. REST (may be NULL) tells whether anything was lost. True: one
 * unit was added in the last place (sig may then have become 0, which stands for 2^64).
 */
static inline bool fp_round_sig(u8 rc, bool sign, unsigned prec, u64 *sig, u64 lo, bool *inexact)
{
    u64 ulp = 1, rest = lo; /* the lost bits, aligned to bit 63 */
    if (prec < 64) {
        ulp = (u64)1 << (64 - prec);
        rest = *sig << prec | (lo != 0);
        *sig &= -ulp;
    }
    *inexact = rest != 0;
    if (rest == 0)
        return false;
    bool up;
    if (rc == FP_NEAREST)
        up = rest > TOP_BIT || (rest == TOP_BIT && (*sig & ulp));
    else
        up = rc != FP_CHOP && (rc == FP_DOWN) == sign;
    if (up)
        *sig += ulp;
    return up;
}

/* a + b (a - b: with b's sign turned by the caller) of finite nonzero numbers. False: the sum is exactly zero. */
static ALWAYS_INLINE bool fp_add_core(const struct fp_num *a, const struct fp_num *b, struct fp_raw *r)
{
    bool swap = a->exp < b->exp || (a->exp == b->exp && a->sig < b->sig);
    u64 big = swap ? b->sig : a->sig, small = swap ? a->sig : b->sig;
    s32 d = swap ? b->exp - a->exp : a->exp - b->exp;
    r->sign = swap ? b->sign : a->sign;
    r->exp = swap ? b->exp : a->exp;
    u64 hi, lo; /* the smaller one, aligned */
    if (LIKELY(d < 64)) {
        hi = small >> d;
        lo = small << 1 << (63 - d);
    } else {
        hi = 0;
        lo = d < 127 ? small >> (d - 64) | (small << 1 << (127 - d) != 0) : 1;
    }
    if (a->sign == b->sign) {
        r->sig = big + hi;
        r->lo = lo;
        if (r->sig < big) {
            r->lo = r->sig << 63 | lo >> 1 | (lo & 1);
            r->sig = r->sig >> 1 | TOP_BIT;
            r->exp++;
        }
        return true;
    }
    r->sig = big - hi - (lo != 0);
    r->lo = -lo;
    if (UNLIKELY(r->sig == 0)) {
        if (r->lo == 0)
            return false;
        r->sig = r->lo;
        r->lo = 0;
        r->exp -= 64;
    }
    int shift = __builtin_clzll(r->sig);
    r->sig = r->sig << shift | r->lo >> 1 >> (63 - shift);
    r->lo <<= shift;
    r->exp -= shift;
    return true;
}

static inline void fp_mul_core(const struct fp_num *a, const struct fp_num *b, struct fp_raw *r)
{
    u128 p = (u128)a->sig * b->sig;
    r->sign = a->sign ^ b->sign;
    r->exp = a->exp + b->exp + 1;
    if (!(p >> 127)) {
        p <<= 1;
        r->exp--;
    }
    r->sig = (u64)(p >> 64);
    r->lo = (u64)p;
}

/* hi:lo / d for d with bit 63 set and hi < d: the schoolbook's two digits of 32 bits. */
static inline u64 fp_div128(u64 hi, u64 lo, u64 d, u64 *rem)
{
    u64 d1 = d >> 32, d0 = (u32)d;
    u64 q1 = hi / d1, r = hi % d1;
    while (q1 >> 32 || q1 * d0 > (r << 32 | lo >> 32)) {
        q1--;
        r += d1;
        if (r >> 32)
            break;
    }
    u64 mid = (hi << 32 | lo >> 32) - q1 * d;
    u64 q0 = mid / d1;
    r = mid % d1;
    while (q0 >> 32 || q0 * d0 > (r << 32 | (u32)lo)) {
        q0--;
        r += d1;
        if (r >> 32)
            break;
    }
    *rem = (mid << 32 | (u32)lo) - q0 * d;
    return q1 << 32 | q0;
}

static inline void fp_div_core(const struct fp_num *a, const struct fp_num *b, struct fp_raw *r)
{
    u64 rem;
    r->sign = a->sign ^ b->sign;
    if (a->sig < b->sig) {
        r->exp = a->exp - b->exp - 1;
        r->sig = fp_div128(a->sig, 0, b->sig, &rem);
    } else {
        r->exp = a->exp - b->exp;
        r->sig = fp_div128(a->sig >> 1, a->sig << 63, b->sig, &rem);
    }
    /* Below the quotient only matters: nothing, under half, half, over half. Exactly half cannot be. */
    r->lo = rem == 0 ? 0 : rem >= b->sig - rem ? TOP_BIT | 1 : 1;
}

/* Neither may be a NaN or unsupported. */
static inline enum fp_order fp_order_core(const struct fp_num *a, const struct fp_num *b)
{
    if (a->cls == FP_ZERO && b->cls == FP_ZERO)
        return FP_EQUAL;
    if (a->cls == FP_ZERO)
        return b->sign ? FP_GREATER : FP_LESS;
    if (b->cls == FP_ZERO || a->sign != b->sign)
        return a->sign ? FP_LESS : FP_GREATER;
    if (a->cls == FP_INF || b->cls == FP_INF) {
        if (a->cls == b->cls)
            return FP_EQUAL;
        return (a->cls == FP_INF) == a->sign ? FP_LESS : FP_GREATER;
    }
    if (a->exp == b->exp && a->sig == b->sig)
        return FP_EQUAL;
    bool smaller = a->exp < b->exp || (a->exp == b->exp && a->sig < b->sig);
    return smaller != a->sign ? FP_LESS : FP_GREATER;
}

/* ---- not inline: softfp_core.c ---- */

/* floor(sqrt(n)), *REM = n - root^2, for n >= 2^62. */
u32 fp_sqrt64(u64 n, u64 *rem);

/* The square root of a positive finite number. */
void fp_sqrt_core(const struct fp_num *a, struct fp_raw *r);

/* The rest of f80_round_pack(): biased exponent E <= 0; the rounded result's biased exponent E too large. */
struct f80 f80_pack_small(struct fp_env *env, struct fp_raw r, s32 e, unsigned prec);
struct f80 f80_pack_large(struct fp_env *env, struct fp_raw r, s32 e, unsigned prec, bool up, bool inexact);

/* Rounds into the x87 format with PREC significant bits: OE, UE, PE, C1, wrapped exponents when unmasked. */
static ALWAYS_INLINE struct f80 f80_round_pack(struct fp_env *env, struct fp_raw r, unsigned prec)
{
    s32 e = r.exp + F80_BIAS;
    bool inexact;
    if (UNLIKELY(e <= 0))
        return f80_pack_small(env, r, e, prec);
    bool up = fp_round_sig(env->rc, r.sign, prec, &r.sig, r.lo, &inexact);
    if (UNLIKELY(r.sig == 0)) {
        r.sig = TOP_BIT;
        e++;
    }
    if (UNLIKELY(e >= F80_EXP_MAX))
        return f80_pack_large(env, r, e, prec, up, inexact);
    env->flags |= inexact ? FP_PE : 0;
    env->c1 = up;
    return f80_make(r.sign, (unsigned)e, r.sig);
}

/* Puts sign, biased exponent and a rounded significand (bit 63 = its integer bit) together. */
static ALWAYS_INLINE u64 fp_encode(struct fp_format f, bool sign, unsigned e, u64 sig)
{
    unsigned fraction = f.prec - 1;
    return (u64)sign << (f.exp_bits + fraction) | (u64)e << fraction | (sig & ~TOP_BIT) >> (64 - f.prec);
}

/* The rest of fp_round_pack(), which see: E is the biased exponent before rounding. */
u64 fp_pack_edge(struct fp_env *env, struct fp_format f, struct fp_raw r, s32 e);

/* Rounds into a single or double (bits right-aligned). FTZ as env says. */
static ALWAYS_INLINE u64 fp_round_pack(struct fp_env *env, struct fp_format f, struct fp_raw r)
{
    s32 e = r.exp + f.bias;
    bool inexact;
    if (UNLIKELY(e <= 0 || e >= (1 << f.exp_bits) - 2))
        return fp_pack_edge(env, f, r, e);
    bool up = fp_round_sig(env->rc, r.sign, f.prec, &r.sig, r.lo, &inexact);
    e += r.sig == 0; /* a carry: the fraction is zero in any case */
    env->flags |= inexact ? FP_PE : 0;
    env->c1 = up;
    return fp_encode(f, r.sign, (unsigned)e, r.sig);
}

/* Rounds |n| * sign to an integer in [min, max]; false with IE if it does not fit or is no number. Raises PE and sets
 * C1 */
bool fp_to_int(struct fp_env *env, const struct fp_num *n, u8 rc, unsigned bits, s64 *value);

#define FP_FORMAT_32 ((struct fp_format){24, 8, 127})
#define FP_FORMAT_64 ((struct fp_format){53, 11, 1023})

#endif
