/*
 * softfp_f80.c - the x87's arithmetic on 80-bit numbers.
 */
#include "cpu/softfp_core.h"

enum fp_class f80_class(struct f80 a)
{
    return f80_unpack(a).cls;
}

static struct f80 quieted(struct f80 a)
{
    a.m |= TOP_BIT >> 1;
    return a;
}

static struct f80 invalid(struct fp_env *env)
{
    env->flags |= FP_IE;
    env->c1 = false;
    return F80_INDEFINITE;
}

/*
 * The result when an operand is unsupported or a NaN (SDM vol. 1, table 4-7): a QNaN before an SNaN, of two of the same
 * kind the one with the larger significand, of two equal ones the positive one.
 */
static struct f80 nan_result(struct fp_env *env, struct f80 a, struct f80 b)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    env->c1 = false;
    if (x.cls == FP_UNSUPPORTED || y.cls == FP_UNSUPPORTED)
        return invalid(env);
    if (x.cls == FP_SNAN || y.cls == FP_SNAN)
        env->flags |= FP_IE;
    if (!fp_is_nan(&y))
        return quieted(a);
    if (!fp_is_nan(&x))
        return quieted(b);
    if (x.cls != y.cls)
        return x.cls == FP_QNAN ? a : b;
    if (a.m != b.m)
        return quieted(a.m > b.m ? a : b);
    return quieted(a.se < b.se ? a : b);
}

static inline bool special(const struct fp_num *x)
{
    return x->cls > FP_INF;
}

/* DE of either operand. True: stop. */
static inline bool stop_denormal(struct fp_env *env, bool den)
{
    return UNLIKELY(den) && fp_stop(env, FP_DE);
}

static struct f80 inf(bool sign)
{
    return f80_make(sign, F80_EXP_MAX, TOP_BIT);
}

static struct f80 zero(bool sign)
{
    return f80_make(sign, 0, 0);
}

/* An operand that is the result, rounded to the precision in force (FADD of 0 rounds the other one). */
static struct f80 round_num(struct fp_env *env, const struct fp_num *x, unsigned prec)
{
    return f80_round_pack(env, (struct fp_raw){x->sign, x->exp, x->sig, 0}, prec);
}

/* Both operands are normal numbers: nearly all are, and nothing needs to be classified. */
static ALWAYS_INLINE bool both_normal(const struct fp_env *env, struct f80 a, struct f80 b)
{
    unsigned x = (a.se & F80_EXP_MAX) - 1u, y = (b.se & F80_EXP_MAX) - 1u;
    return (a.m & b.m & TOP_BIT) && x < F80_EXP_MAX - 1 && y < F80_EXP_MAX - 1 && !env->den;
}

static ALWAYS_INLINE struct fp_num normal(struct f80 a)
{
    return (struct fp_num){FP_FINITE, a.se >> 15, false, (s32)(a.se & F80_EXP_MAX) - F80_BIAS, a.m};
}

static NOINLINE struct f80 add_special(struct fp_env *env, struct f80 a, struct f80 b, bool subtract)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    struct fp_raw r;
    if (UNLIKELY(special(&x) || special(&y)))
        return nan_result(env, a, b);
    y.sign ^= subtract;
    if (x.cls == FP_INF && y.cls == FP_INF && x.sign != y.sign)
        return invalid(env);
    if (stop_denormal(env, x.den | y.den | env->den))
        return a;
    if (LIKELY(x.cls == FP_FINITE && y.cls == FP_FINITE)) {
        if (fp_add_core(&x, &y, &r))
            return f80_round_pack(env, r, env->pc);
        env->c1 = false;
        return zero(env->rc == FP_DOWN);
    }
    env->c1 = false;
    if (x.cls == FP_INF || y.cls == FP_INF)
        return inf(x.cls == FP_INF ? x.sign : y.sign);
    if (x.cls == FP_FINITE)
        return round_num(env, &x, env->pc);
    if (y.cls == FP_FINITE)
        return round_num(env, &y, env->pc);
    return zero(x.sign == y.sign ? x.sign : env->rc == FP_DOWN);
}

static ALWAYS_INLINE struct f80 add(struct fp_env *env, struct f80 a, struct f80 b, bool subtract)
{
    struct fp_raw r;
    if (UNLIKELY(!both_normal(env, a, b)))
        return add_special(env, a, b, subtract);
    struct fp_num x = normal(a), y = normal(b);
    y.sign ^= subtract;
    if (LIKELY(fp_add_core(&x, &y, &r)))
        return f80_round_pack(env, r, env->pc);
    env->c1 = false;
    return zero(env->rc == FP_DOWN);
}

struct f80 f80_add(struct fp_env *env, struct f80 a, struct f80 b)
{
    return add(env, a, b, false);
}

struct f80 f80_sub(struct fp_env *env, struct f80 a, struct f80 b)
{
    return add(env, a, b, true);
}

static NOINLINE struct f80 mul_special(struct fp_env *env, struct f80 a, struct f80 b)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    struct fp_raw r;
    if (UNLIKELY(special(&x) || special(&y)))
        return nan_result(env, a, b);
    if ((x.cls == FP_INF && y.cls == FP_ZERO) || (x.cls == FP_ZERO && y.cls == FP_INF))
        return invalid(env);
    if (stop_denormal(env, x.den | y.den | env->den))
        return a;
    if (LIKELY(x.cls == FP_FINITE && y.cls == FP_FINITE)) {
        fp_mul_core(&x, &y, &r);
        return f80_round_pack(env, r, env->pc);
    }
    env->c1 = false;
    if (x.cls == FP_INF || y.cls == FP_INF)
        return inf(x.sign ^ y.sign);
    return zero(x.sign ^ y.sign);
}

struct f80 f80_mul(struct fp_env *env, struct f80 a, struct f80 b)
{
    struct fp_raw r;
    if (UNLIKELY(!both_normal(env, a, b)))
        return mul_special(env, a, b);
    struct fp_num x = normal(a), y = normal(b);
    fp_mul_core(&x, &y, &r);
    return f80_round_pack(env, r, env->pc);
}

struct f80 f80_div(struct fp_env *env, struct f80 a, struct f80 b)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    struct fp_raw r;
    if (UNLIKELY(special(&x) || special(&y)))
        return nan_result(env, a, b);
    if (x.cls == y.cls && x.cls != FP_FINITE)
        return invalid(env);
    if (y.cls == FP_ZERO && x.cls == FP_FINITE) {
        env->c1 = false;
        env->flags |= FP_ZE;
        return inf(x.sign ^ y.sign);
    }
    if (stop_denormal(env, x.den | y.den | env->den))
        return a;
    if (LIKELY(x.cls == FP_FINITE && y.cls == FP_FINITE)) {
        fp_div_core(&x, &y, &r);
        return f80_round_pack(env, r, env->pc);
    }
    env->c1 = false;
    return x.cls == FP_INF || y.cls == FP_ZERO ? inf(x.sign ^ y.sign) : zero(x.sign ^ y.sign);
}

struct f80 f80_sqrt(struct fp_env *env, struct f80 a)
{
    struct fp_num x = f80_unpack(a);
    struct fp_raw r;
    if (UNLIKELY(special(&x)))
        return nan_result(env, a, a);
    env->c1 = false;
    if (x.cls == FP_ZERO)
        return a;
    if (x.sign)
        return invalid(env);
    if (x.cls == FP_INF || stop_denormal(env, x.den))
        return a;
    fp_sqrt_core(&x, &r);
    return f80_round_pack(env, r, env->pc);
}

struct f80 f80_round_int(struct fp_env *env, struct f80 a)
{
    struct fp_num x = f80_unpack(a);
    if (UNLIKELY(special(&x)))
        return nan_result(env, a, a);
    env->c1 = false;
    if (x.cls != FP_FINITE || stop_denormal(env, x.den) || x.exp >= 63)
        return a;
    bool inexact;
    u128 v = fp_shift_jam((u128)x.sig << 64, (unsigned)(63 - x.exp));
    u64 m = (u64)(v >> 64);
    bool up = fp_round_sig(env->rc, x.sign, 64, &m, (u64)v, &inexact);
    if (inexact) {
        env->flags |= FP_PE;
        env->c1 = up;
    }
    if (m == 0)
        return zero(x.sign);
    int shift = __builtin_clzll(m);
    return f80_make(x.sign, (unsigned)(F80_BIAS + 63 - shift), m << shift);
}

struct f80 f80_scale(struct fp_env *env, struct f80 a, struct f80 b)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    if (UNLIKELY(special(&x) || special(&y)))
        return nan_result(env, a, b);
    env->c1 = false;
    if (y.cls == FP_INF) {
        if (x.cls == (y.sign ? FP_INF : FP_ZERO))
            return invalid(env);
        if (stop_denormal(env, x.den))
            return a;
        return y.sign ? zero(x.sign) : inf(x.sign);
    }
    if (stop_denormal(env, x.den | y.den) || x.cls != FP_FINITE)
        return a;
    s32 n = 0; /* clamped far outside the exponent range */
    if (y.cls == FP_FINITE && y.exp >= 0)
        n = y.exp >= 17 ? 0x20000 : (s32)(y.sig >> (63 - y.exp));
    x.exp += y.sign ? -n : n;
    return round_num(env, &x, 64);
}

struct f80 f80_extract(struct fp_env *env, struct f80 a, struct f80 *exponent)
{
    struct fp_num x = f80_unpack(a);
    *exponent = a;
    if (UNLIKELY(special(&x)))
        return *exponent = nan_result(env, a, a);
    env->c1 = false;
    if (x.cls == FP_ZERO) {
        env->flags |= FP_ZE;
        *exponent = inf(true);
        return a;
    }
    if (x.cls == FP_INF) {
        *exponent = inf(false);
        return a;
    }
    if (stop_denormal(env, x.den))
        return a;
    *exponent = f80_from_s64(x.exp);
    return f80_make(x.sign, F80_BIAS, x.sig);
}

/* sig * 2^n mod d for sig < 2^64, d with bit 63 set; *Q gets the quotient's low 64 bits. */
static u64 mod_shifted(u64 sig, unsigned n, u64 d, u64 *q)
{
    u64 rem = sig;
    *q = 0;
    if (rem >= d) {
        rem -= d;
        *q = 1;
    }
    if (n) { /* n < 64 */
        u64 hi = rem >> (64 - n), lo = rem << n;
        *q = *q << n | fp_div128(hi, lo, d, &rem);
    }
    return rem;
}

struct f80 f80_rem(struct fp_env *env, struct f80 a, struct f80 b, bool nearest, int *quotient)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    *quotient = 0;
    if (UNLIKELY(special(&x) || special(&y)))
        return nan_result(env, a, b);
    env->c1 = false;
    if (x.cls == FP_INF || y.cls == FP_ZERO)
        return invalid(env);
    if (stop_denormal(env, x.den | y.den) || x.cls == FP_ZERO)
        return a;
    if (y.cls == FP_INF)
        return x.den ? round_num(env, &x, 64) : a;
    s32 d = x.exp - y.exp;
    u64 q = 0, rem = x.sig;
    bool up = false;
    s32 exp = x.exp; /* of rem's bit 63 */
    if (d >= 64) {
        /* A partial step as the silicon takes it: between 32 and 63 bits of the quotient. */
        unsigned n = ((unsigned)d & 31) | 32;
        rem = mod_shifted(x.sig, n, y.sig, &q);
        exp = x.exp - (s32)n;
        *quotient = -1;
    } else if (d >= 0) {
        rem = mod_shifted(x.sig, (unsigned)d, y.sig, &q);
        exp = y.exp;
    }
    if (nearest && d == -1 && rem > y.sig) { /* more than half the divisor, which is y.sig at this scale */
        rem = y.sig - (rem - y.sig);
        q = 1;
        up = true;
    } else if (nearest && d >= 0 && d < 64 && (rem > y.sig - rem || (rem == y.sig - rem && (q & 1)))) {
        rem = y.sig - rem;
        q++;
        up = true;
    }
    if (*quotient == 0)
        *quotient = (int)(q & 7);
    if (rem == 0)
        return zero(x.sign);
    int shift = __builtin_clzll(rem);
    x.sign ^= up;
    return f80_round_pack(env, (struct fp_raw){x.sign, exp - shift, rem << shift, 0}, 64);
}

enum fp_order f80_compare(struct fp_env *env, struct f80 a, struct f80 b, bool quiet)
{
    struct fp_num x = f80_unpack(a), y = f80_unpack(b);
    env->c1 = false;
    if (UNLIKELY(special(&x) || special(&y))) {
        if (!quiet || (x.cls > FP_INF && x.cls != FP_QNAN) || (y.cls > FP_INF && y.cls != FP_QNAN))
            env->flags |= FP_IE;
        return FP_UNORDERED;
    }
    if (UNLIKELY(x.den | y.den | env->den))
        env->flags |= FP_DE;
    return fp_order_core(&x, &y);
}
