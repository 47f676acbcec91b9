/*
 * softfp_trans.c - the x87's transcendental functions: F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS, FSINCOS.
 *
 * Integer arithmetic with 128-bit significands: results carry some 115 good bits before they are rounded
 * once, by env->rc, to 64. Angles are reduced with the 66-bit pi of the silicon (SDM vol. 1, 8.3.8), so
 * that sines near multiples of pi come out as guests know them.
 *
 * Q127 below means: a u128 that counts units of 2^-127.
 */
#include "cpu/softfp_trans.h"

/* 1 / n!, Q127 */
static const u128 inv_factorial[] = {
    W(0x8000000000000000, 0x0000000000000000), W(0x8000000000000000, 0x0000000000000000),
    W(0x4000000000000000, 0x0000000000000000), W(0x1555555555555555, 0x5555555555555555),
    W(0x0555555555555555, 0x5555555555555555), W(0x0111111111111111, 0x1111111111111111),
    W(0x002D82D82D82D82D, 0x82D82D82D82D82D8), W(0x0006806806806806, 0x8068068068068068),
    W(0x0000D00D00D00D00, 0xD00D00D00D00D00D), W(0x0000171DE3A556C7, 0x338FAAC1C88E5001),
    W(0x0000024FC9F6EF13, 0xEB8E5DE02DA7D4CD), W(0x00000035CC8ACFEA, 0x89C71FCE8FC97070),
    W(0x000000047BB63BFE, 0x3625ED5136A61EB4), W(0x000000005849184E, 0xA1B425F28E0CC749),
    W(0x00000000064E5D2A, 0x301F27482EB7C517), W(0x00000000006B9FCF, 0x9CCEE07C476195AC),
    W(0x000000000006B9FC, 0xF9CCEE07C476195B), W(0x000000000000654B, 0x1DC0C2B529AC9814),
    W(0x00000000000005A0, 0x9E18EE5F65DEEC01), W(0x000000000000004B, 0xD26D1A05055C9328),
    W(0x0000000000000003, 0xCA8574804044A0F5), W(0x0000000000000000, 0x2E371DEDB9EAE318),
    W(0x0000000000000000, 0x0219C72DB6FF0A53), W(0x0000000000000000, 0x001761B41316381A),
    W(0x0000000000000000, 0x0000F96780CB97AC), W(0x0000000000000000, 0x000009F9E66E8B30),
    W(0x0000000000000000, 0x000000623A17F1A9), W(0x0000000000000000, 0x00000003A356385C),
};

/* 1 / (2n + 1), Q127 */
#define INV_ODD(n) ONE / (2 * (n) + 1)
static const u128 inv_odd[] = {
    INV_ODD(0),  INV_ODD(1),  INV_ODD(2),  INV_ODD(3),  INV_ODD(4),  INV_ODD(5),  INV_ODD(6),  INV_ODD(7),
    INV_ODD(8),  INV_ODD(9),  INV_ODD(10), INV_ODD(11), INV_ODD(12), INV_ODD(13), INV_ODD(14), INV_ODD(15),
    INV_ODD(16), INV_ODD(17), INV_ODD(18), INV_ODD(19), INV_ODD(20), INV_ODD(21),
};

static const struct wide pi = {false, 1, W(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1)};
static const struct wide half_pi = {false, 0, W(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1)};
static const struct wide ln_2 = {false, -1, W(0xB17217F7D1CF79AB, 0xC9E3B39803F2F6AF)};
static const struct wide two_log2_e = {false, 1, W(0xB8AA3B295C17F0BB, 0xBE87FED0691D3E89)};

static struct wide wide_of(const struct fp_num *n)
{
    return (struct wide){n->sign, n->exp, (u128)n->sig << 64};
}

static struct wide wide_mul(struct wide a, struct wide b)
{
    return wide_make(a.sign ^ b.sign, a.exp + b.exp + 1, mulhi(a.sig, b.sig));
}

static struct wide wide_add(struct wide a, struct wide b)
{
    if (a.sig == 0)
        return b;
    if (b.sig == 0)
        return a;
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct wide t = a;
        a = b;
        b = t;
    }
    u128 y = fp_shift_jam(b.sig, (unsigned)(a.exp - b.exp));
    if (a.sign != b.sign)
        return wide_make(a.sign, a.exp, a.sig - y);
    u128 sum = a.sig + y;
    if (sum >= a.sig)
        return (struct wide){a.sign, a.exp, sum};
    return (struct wide){a.sign, a.exp + 1, sum >> 1 | ONE};
}

/* One Newton step on a 64-bit reciprocal. */
static struct wide wide_div(struct wide a, struct wide b)
{
    u64 rem;
    u128 r = (u128)fp_div128(TOP_BIT - 1, ~(u64)0, (u64)(b.sig >> 64), &rem) << 64; /* units of 2^-128 */
    u128 p = mulhi(b.sig, r);                                                       /* Q127, near 1 */
    if (p <= ONE)
        r += mulhi(r, (ONE - p) << 1);
    else
        r -= mulhi(r, (p - ONE) << 1);
    return wide_make(a.sign ^ b.sign, a.exp - b.exp, mulhi(a.sig, r));
}

/* |a| < 1 in units of 2^-128. */
static u128 wide_fraction(struct wide a)
{
    return a.exp < -128 ? 0 : a.sig >> (-1 - a.exp);
}

/* Rounds an inexact result. */
static struct f80 wide_round(struct fp_env *env, struct wide a)
{
    return f80_round_pack(env, (struct fp_raw){a.sign, a.exp, (u64)(a.sig >> 64), (u64)a.sig | 1}, 64);
}

/* May a number that is off by less than OFF in the last place of A be rounded as A is? */
static bool is_clear(struct wide a, u64 off)
{
    return a.exp > -F80_BIAS && ((u64)a.sig + off) << 1 > off << 2;
}

/* ---- operands ---- */

static bool special(const struct fp_num *x)
{
    return x->cls > FP_INF;
}

static struct f80 invalid(struct fp_env *env)
{
    env->flags |= FP_IE;
    env->c1 = false;
    return F80_INDEFINITE;
}

static struct f80 inf(bool sign)
{
    return f80_make(sign, F80_EXP_MAX, TOP_BIT);
}

static struct f80 zero(bool sign)
{
    return f80_make(sign, 0, 0);
}

/* ---- sine, cosine, tangent ---- */

/*
 * x = quadrant * pi/2 + r, |r| <= pi/4. FALSE: |x| >= 2^63. pi has 66 significant bits, so x and pi/2 are
 * integers in units of 2^-65 and the remainder is exact.
 */
static bool reduce(const struct fp_num *x, struct wide *r, unsigned *quadrant)
{
    const u128 half_pi_66 = W(0x3, 0x243F6A8885A308D3);
    const u128 inverse = W(0xA2F9836E4E44152A, 0x00062BC40DA276BE); /* 2^193 / half_pi_66, chopped */
    *quadrant = 0;
    *r = wide_of(x);
    if (x->exp >= 63)
        return false;
    if (x->exp < -1)
        return true;
    u128 v = (u128)x->sig << (x->exp + 2);
    u128 q = mulhi(v, inverse) >> 65; /* too small by at most 2 */
    v -= q * half_pi_66;
    for (; v >= half_pi_66; q++)
        v -= half_pi_66;
    bool over = v > half_pi_66 - v;
    if (over) {
        v = half_pi_66 - v;
        q++;
    }
    *quadrant = (unsigned)(x->sign ? -q : q) & 3;
    *r = wide_make(x->sign ^ over, 127 - 65, v);
    return true;
}

/* The sums of (-z)^n / (2n)! and (-z)^n / (2n + 1)!, Q127, and one unit less: the true values are below 1 even where z
 * vanishes. */
static void sine_and_cosine(struct wide r, struct wide *sine, struct wide *cosine)
{
    u128 z = wide_fraction(wide_mul(r, r)), s = 0, c = 0;
    for (unsigned n = 14; n-- > 0;) { /* they do not wait for each other */
        s = inv_factorial[2 * n + 1] - mulhi(s, z);
        c = inv_factorial[2 * n] - mulhi(c, z);
    }
    *sine = wide_mul(r, wide_make(false, 0, s - 1));
    *cosine = wide_make(false, 0, c - 1);
}

/* QUADRANT quarter turns are added. */
static void turn(unsigned quadrant, struct wide *sine, struct wide *cosine)
{
    struct wide s = *sine, c = *cosine;
    *sine = quadrant & 1 ? c : s;
    *cosine = quadrant & 1 ? s : c;
    sine->sign ^= quadrant >> 1 & 1;
    cosine->sign ^= (quadrant + 1) >> 1 & 1;
}

bool f80_sincos(struct fp_env *env, struct f80 x, struct f80 *sine, struct f80 *cosine)
{
    struct fp_num n = f80_unpack(x);
    struct wide r;
    struct f80 s = x, c = F80_ONE;
    unsigned quadrant;
    env->c1 = false;
    if (special(&n)) {
        s = c = f80_add(env, x, x);
    } else if (n.cls == FP_INF) {
        s = c = invalid(env);
    } else if (n.cls == FP_FINITE && !(n.den && fp_stop(env, FP_DE))) {
        struct wide ws, wc;
        if (fast_sincos(env, &n, sine, cosine))
            return true;
        if (!reduce(&n, &r, &quadrant))
            return false;
        sine_and_cosine(r, &ws, &wc);
        turn(quadrant, &ws, &wc);
        if (cosine)
            c = wide_round(env, wc);
        if (sine) /* last: C1 tells of the sine */
            s = wide_round(env, ws);
    }
    if (sine)
        *sine = s;
    if (cosine)
        *cosine = c;
    return true;
}

bool f80_ptan(struct fp_env *env, struct f80 x, struct f80 *tangent)
{
    struct fp_num n = f80_unpack(x);
    struct wide r;
    unsigned quadrant;
    env->c1 = false;
    *tangent = x;
    if (special(&n)) {
        *tangent = f80_add(env, x, x);
    } else if (n.cls == FP_INF) {
        *tangent = invalid(env);
    } else if (n.cls == FP_FINITE && !(n.den && fp_stop(env, FP_DE))) {
        if (fast_tangent(env, &n, tangent))
            return true;
        if (!reduce(&n, &r, &quadrant))
            return false;
        if (n.exp < -64) { /* x + x^3 / 3 */
            *tangent = wide_round(env, r);
        } else {
            struct wide sine, cosine;
            sine_and_cosine(r, &sine, &cosine);
            turn(quadrant, &sine, &cosine);
            *tangent = wide_round(env, wide_div(sine, cosine));
        }
    }
    return true;
}

/* ---- arc tangent ---- */

/* Sum of z^n / (2n + 1), of alternating signs if ALTERNATE. */
static u128 odd_series(u128 z, unsigned terms, bool alternate)
{
    u128 acc = 0;
    for (unsigned n = terms; n-- > 0;) {
        u128 t = mulhi(acc, z);
        acc = alternate ? inv_odd[n] - t : inv_odd[n] + t;
    }
    return acc;
}

/* Arc tangent of a number up to 1/64 or so, the fast way: off by 2^-72.5 of itself. Squares have units of 2^-74 (Z) and
 * 2^-64 (T). */
static struct wide fast_atan(struct wide u)
{
    u64 hi = (u64)(u.sig >> 64);
    unsigned shift = (unsigned)(-12 - 2 * u.exp);
    u64 z = shift < 64 ? mulhi64(hi, hi) >> shift : 0, t = z >> 10;
    u64 q = 0x1C71C71C71C71C72 - mulhi64(t, 0x1745D1745D1745D1 - mulhi64(t, 0x13B13B13B13B13B1));
    q = 0x3333333333333333 - mulhi64(t, 0x2492492492492492 - mulhi64(t, q));
    q = mulhi64(z, 0x5555555555555555 - mulhi64(t, q)); /* 1 - atan u / u */
    return wide_make(u.sign, u.exp, u.sig - ((u128)hi * q >> 10));
}

/* atan(a / b) for positive a <= b: atan(k/32) + atan(u) with u = (a - b k/32) / (b + a k/32), |u| <= 1/64 or so. */
static struct wide atan_ratio(const struct fp_num *a, const struct fp_num *b, bool fast)
{
    u64 k = 0;
    s32 d = b->exp - a->exp;
    struct wide u;
    if (d < 7) {
        u64 as = a->sig >> 32, bs = b->sig >> 32 << d;
        k = (64 * as + bs) / (2 * bs);
    }
    if (k == 0) {
        u = wide_div((struct wide){false, a->exp, (u128)a->sig << 64},
                     (struct wide){false, b->exp, (u128)b->sig << 64});
    } else {
        u128 x = (u128)b->sig << d, y = a->sig;
        bool minus = 32 * y < k * x;
        u128 num = minus ? k * x - 32 * y : 32 * y - k * x;
        u = num ? wide_div(wide_make(minus, 127, num), wide_make(false, 127, 32 * x + k * y)) : (struct wide){0};
    }
    if (u.sig && fast) {
        u = fast_atan(u);
    } else if (u.sig) {
        u128 z = wide_fraction(wide_mul(u, u));
        u = wide_mul(u, wide_make(false, 0, odd_series(z, 11, true) - 1));
    }
    return wide_add(wide_make(false, -1, atan_table[k]), u);
}

/* Angle of the point (x, y) where at least one is zero or infinite: a multiple of pi/4. */
static struct f80 axis_angle(struct fp_env *env, const struct fp_num *x, const struct fp_num *y)
{
    struct wide v;
    bool both_inf = x->cls == FP_INF && y->cls == FP_INF;
    if (!both_inf && (y->cls == FP_ZERO || x->cls == FP_INF)) {
        if (!x->sign)
            return zero(y->sign);
        v = pi;
    } else {
        v = half_pi;
        if (both_inf) {
            v.exp--;
            if (x->sign)
                v = wide_add(v, half_pi);
        }
    }
    v.sign = y->sign;
    return wide_round(env, v);
}

/* Of the point (x, y) elsewhere. */
static struct wide angle(const struct fp_num *x, const struct fp_num *y, bool fast)
{
    bool steep = y->exp > x->exp || (y->exp == x->exp && y->sig > x->sig);
    struct wide v = steep ? atan_ratio(x, y, fast) : atan_ratio(y, x, fast);
    if (steep) {
        v.sign = true;
        v = wide_add(half_pi, v);
    }
    if (x->sign) {
        v.sign ^= true;
        v = wide_add(pi, v);
    }
    v.sign = y->sign;
    return v;
}

struct f80 f80_patan(struct fp_env *env, struct f80 x, struct f80 y)
{
    struct fp_num a = f80_unpack(x), b = f80_unpack(y);
    if (special(&a) || special(&b))
        return f80_add(env, x, y);
    env->c1 = false;
    if ((a.den || b.den) && fp_stop(env, FP_DE))
        return y;
    if (a.cls != FP_FINITE || b.cls != FP_FINITE)
        return axis_angle(env, &a, &b);
    struct f80 near;
    if (fast_angle(env, &a, &b, &near))
        return near;
    struct wide v = angle(&a, &b, true);
    if (!is_clear(v, (u64)1 << 57))
        v = angle(&a, &b, false);
    return wide_round(env, v);
}

/* ---- exponential and logarithm ---- */

struct f80 f80_2xm1(struct fp_env *env, struct f80 x)
{
    struct fp_num n = f80_unpack(x);
    if (special(&n))
        return f80_add(env, x, x);
    env->c1 = false;
    if (n.cls == FP_INF)
        return n.sign ? f80_make(true, F80_BIAS, TOP_BIT) : x;
    if (n.cls == FP_ZERO || (n.den && fp_stop(env, FP_DE)))
        return x;
    if (n.exp >= 0) { /* 1, -1 and what the manual leaves undefined: there the silicon gives the operand back */
        env->flags |= FP_PE;
        if (n.exp == 0 && n.sig == TOP_BIT && n.sign)
            return f80_make(true, F80_BIAS - 1, TOP_BIT);
        return x;
    }
    struct f80 r;
    if (fast_2xm1(env, &n, &r))
        return r;
    struct wide y = wide_mul(wide_of(&n), ln_2);
    u128 f = wide_fraction(y);
    u128 acc = 0;
    for (unsigned k = 27; k >= 1; k--) {
        u128 t = mulhi(acc, f);
        acc = n.sign ? inv_factorial[k] - t : inv_factorial[k] + t;
    }
    return wide_round(env, wide_mul(y, wide_make(false, 0, acc)));
}

/* log2(1 + f) for 1 + f between about 1/sqrt(2) and sqrt(2): 2 log2(e) atanh(f / (2 + f)). */
static struct wide log2_1p(struct wide f)
{
    const struct wide two = {false, 1, ONE};
    struct wide s = wide_div(f, wide_add(two, f));
    u128 z = wide_fraction(wide_mul(s, s));
    return wide_mul(wide_mul(s, two_log2_e), wide_make(false, 0, odd_series(z, 22, false)));
}

/* log2 of a positive number other than 1. */
static struct wide log2_of(struct wide x)
{
    const struct wide minus_one = {true, 0, ONE};
    s32 e = x.exp;
    x.exp = 0;
    if (x.sig > W(0xB504F333F9DE6484, 0)) {
        x.exp = -1;
        e++;
    }
    struct wide f = wide_add(x, minus_one);
    struct wide whole = wide_make(e < 0, 127, (u128)(e < 0 ? -e : e));
    return f.sig ? wide_add(whole, log2_1p(f)) : whole;
}

/* y * 0 and y * infinity for the logarithms' limits: the log is zero, or infinite with sign SIGN. */
static struct f80 limit(struct fp_env *env, const struct fp_num *y, bool log_infinite, bool sign)
{
    if (y->cls == (log_infinite ? FP_ZERO : FP_INF))
        return invalid(env);
    if (y->den && fp_stop(env, FP_DE))
        return F80_ZERO;
    return log_infinite ? inf(y->sign ^ sign) : zero(y->sign ^ sign);
}

struct f80 f80_yl2x(struct fp_env *env, struct f80 x, struct f80 y)
{
    struct fp_num n = f80_unpack(x), f = f80_unpack(y);
    if (special(&n) || special(&f))
        return f80_add(env, x, y);
    env->c1 = false;
    if (n.cls == FP_ZERO) {
        if (f.cls == FP_FINITE)
            env->flags |= FP_ZE;
        return f.cls == FP_ZERO ? invalid(env) : inf(!f.sign);
    }
    if (n.sign)
        return invalid(env);
    if (n.cls == FP_INF)
        return limit(env, &f, true, false);
    bool below = n.exp < 0;
    bool power = n.sig == TOP_BIT; /* of two */
    if (power && n.exp == 0)
        return limit(env, &f, false, false);
    if ((n.den || f.den) && fp_stop(env, FP_DE))
        return y;
    if (f.cls == FP_INF)
        return inf(f.sign ^ below);
    if (f.cls == FP_ZERO)
        return zero(f.sign ^ below);
    if (power) {
        struct fp_num whole = f80_unpack(f80_from_s64(n.exp));
        struct fp_raw r;
        fp_mul_core(&whole, &f, &r);
        struct f80 v = f80_round_pack(env, r, 64);
        env->flags |= (v.se & F80_EXP_MAX) == 0 ? FP_PE | FP_UE : FP_PE; /* even where the product is exact */
        return v;
    }
    struct f80 v;
    if (fast_yl2x(env, &n, &f, &v))
        return v;
    return wide_round(env, wide_mul(log2_of(wide_of(&n)), wide_of(&f)));
}

struct f80 f80_yl2xp1(struct fp_env *env, struct f80 x, struct f80 y)
{
    struct fp_num n = f80_unpack(x), f = f80_unpack(y);
    if (special(&n) || special(&f))
        return f80_add(env, x, y);
    env->c1 = false;
    if (n.cls == FP_ZERO)
        return limit(env, &f, false, n.sign);
    if (n.sign && n.cls == FP_INF)
        return invalid(env);
    if (n.cls == FP_INF)
        return limit(env, &f, true, false);
    if ((n.den || f.den) && fp_stop(env, FP_DE))
        return y;
    if (f.cls == FP_INF)
        return inf(f.sign ^ n.sign);
    if (f.cls == FP_ZERO)
        return zero(f.sign ^ n.sign);
    if (n.sign && n.exp >= 0) { /* 1 + x <= 0, undefined by the manual: the silicon gives x */
        env->flags |= FP_PE;
        return x;
    }
    struct f80 r;
    if (fast_yl2xp1(env, &n, &f, &r))
        return r;
    const struct wide one = {false, 0, ONE};
    struct wide v = n.exp < -2 ? log2_1p(wide_of(&n)) : log2_of(wide_add(one, wide_of(&n)));
    return wide_round(env, wide_mul(v, wide_of(&f)));
}
