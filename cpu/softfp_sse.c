/*
 * softfp_sse.c - single and double precision as SSE and SSE2 compute them (SDM vol. 1, ch. 11.5).
 *
 * Each operation is written once for both formats, taking and giving right-aligned bits in a u64.
 */
#include "cpu/softfp_core.h"

static inline u64 sign_bit(struct fp_format f)
{
    return (u64)1 << (f.prec - 1 + f.exp_bits);
}

static inline u64 quiet_bit(struct fp_format f)
{
    return (u64)1 << (f.prec - 2);
}

static inline u64 infinity(struct fp_format f, bool sign)
{
    return (sign ? sign_bit(f) : 0) | (((u64)1 << f.exp_bits) - 1) << (f.prec - 1);
}

static inline u64 signed_zero(struct fp_format f, bool sign)
{
    return sign ? sign_bit(f) : 0;
}

static u64 invalid(struct fp_env *env, struct fp_format f)
{
    env->flags |= FP_IE;
    return infinity(f, true) | quiet_bit(f);
}

/* Takes an operand apart; with DAZ a denormal is a zero of its sign. */
static inline struct fp_num operand(const struct fp_env *env, struct fp_format f, u64 v)
{
    struct fp_num n = fp_unpack(f, v);
    if (UNLIKELY(n.den) && env->daz) {
        n.cls = FP_ZERO;
        n.den = false;
    }
    return n;
}

/* One of the operands is a NaN: the first one that is, made quiet. */
static u64 nan_result(struct fp_env *env, struct fp_format f, u64 a, u64 b, const struct fp_num *x,
                      const struct fp_num *y)
{
    if (x->cls == FP_SNAN || y->cls == FP_SNAN)
        env->flags |= FP_IE;
    return (fp_is_nan(x) ? a : b) | quiet_bit(f);
}

static inline u64 add(struct fp_env *env, struct fp_format f, u64 a, u64 b, bool subtract)
{
    struct fp_num x = operand(env, f, a), y = operand(env, f, b);
    struct fp_raw r;
    if (UNLIKELY(fp_is_nan(&x) || fp_is_nan(&y)))
        return nan_result(env, f, a, b, &x, &y);
    y.sign ^= subtract;
    if (x.cls == FP_INF && y.cls == FP_INF && x.sign != y.sign)
        return invalid(env, f);
    if ((x.den | y.den) && fp_stop(env, FP_DE))
        return a;
    if (LIKELY(x.cls == FP_FINITE && y.cls == FP_FINITE))
        return fp_add_core(&x, &y, &r) ? fp_round_pack(env, f, r) : signed_zero(f, env->rc == FP_DOWN);
    if (x.cls == FP_INF || y.cls == FP_INF)
        return infinity(f, x.cls == FP_INF ? x.sign : y.sign);
    if (x.cls == FP_ZERO && y.cls == FP_ZERO)
        return signed_zero(f, x.sign == y.sign ? x.sign : env->rc == FP_DOWN);
    const struct fp_num *n = x.cls == FP_FINITE ? &x : &y;
    return fp_round_pack(env, f, (struct fp_raw){n->sign, n->exp, n->sig, 0});
}

static inline u64 mul(struct fp_env *env, struct fp_format f, u64 a, u64 b)
{
    struct fp_num x = operand(env, f, a), y = operand(env, f, b);
    struct fp_raw r;
    if (UNLIKELY(fp_is_nan(&x) || fp_is_nan(&y)))
        return nan_result(env, f, a, b, &x, &y);
    if ((x.cls == FP_INF && y.cls == FP_ZERO) || (x.cls == FP_ZERO && y.cls == FP_INF))
        return invalid(env, f);
    if ((x.den | y.den) && fp_stop(env, FP_DE))
        return a;
    if (LIKELY(x.cls == FP_FINITE && y.cls == FP_FINITE)) {
        fp_mul_core(&x, &y, &r);
        return fp_round_pack(env, f, r);
    }
    bool sign = x.sign ^ y.sign;
    return x.cls == FP_INF || y.cls == FP_INF ? infinity(f, sign) : signed_zero(f, sign);
}

static inline u64 divide(struct fp_env *env, struct fp_format f, u64 a, u64 b)
{
    struct fp_num x = operand(env, f, a), y = operand(env, f, b);
    struct fp_raw r;
    if (UNLIKELY(fp_is_nan(&x) || fp_is_nan(&y)))
        return nan_result(env, f, a, b, &x, &y);
    if (x.cls == y.cls && x.cls != FP_FINITE)
        return invalid(env, f);
    bool sign = x.sign ^ y.sign;
    if (y.cls == FP_ZERO && x.cls == FP_FINITE) {
        env->flags |= FP_ZE;
        return infinity(f, sign);
    }
    if ((x.den | y.den) && fp_stop(env, FP_DE))
        return a;
    if (LIKELY(x.cls == FP_FINITE && y.cls == FP_FINITE)) {
        fp_div_core(&x, &y, &r);
        return fp_round_pack(env, f, r);
    }
    return x.cls == FP_INF || y.cls == FP_ZERO ? infinity(f, sign) : signed_zero(f, sign);
}

static inline u64 square_root(struct fp_env *env, struct fp_format f, u64 a)
{
    struct fp_num x = operand(env, f, a);
    struct fp_raw r;
    if (UNLIKELY(fp_is_nan(&x)))
        return nan_result(env, f, a, a, &x, &x);
    if (x.cls == FP_ZERO)
        return signed_zero(f, x.sign);
    if (x.sign)
        return invalid(env, f);
    if (x.cls == FP_INF || (x.den && fp_stop(env, FP_DE)))
        return a;
    fp_sqrt_core(&x, &r);
    return fp_round_pack(env, f, r);
}

static inline enum fp_order compare(struct fp_env *env, struct fp_format f, u64 a, u64 b, bool quiet)
{
    struct fp_num x = operand(env, f, a), y = operand(env, f, b);
    if (UNLIKELY(fp_is_nan(&x) || fp_is_nan(&y))) {
        if (!quiet || x.cls == FP_SNAN || y.cls == FP_SNAN)
            env->flags |= FP_IE;
        return FP_UNORDERED;
    }
    if (x.den | y.den)
        env->flags |= FP_DE;
    return fp_order_core(&x, &y);
}

/* MIN takes a only if it is less, MAX only if it is greater; with DAZ a denormal comes out as the zero it counts for.
 */
static inline u64 pick(struct fp_env *env, struct fp_format f, u64 a, u64 b, enum fp_order order)
{
    u64 v = compare(env, f, a, b, false) == order ? a : b;
    struct fp_num n = fp_unpack(f, v);
    return n.den && env->daz ? signed_zero(f, n.sign) : v;
}

static inline bool predicate(struct fp_env *env, struct fp_format f, u64 a, u64 b, unsigned p)
{
    bool quiet = (p & 3) == 0 || (p & 3) == 3; /* LT, LE and their opposites signal */
    enum fp_order o = compare(env, f, a, b, quiet);
    static const u8 holds[4] = {
        [0] = 1 << FP_EQUAL,
        [1] = 1 << FP_LESS,
        [2] = 1 << FP_LESS | 1 << FP_EQUAL,
        [3] = 1 << FP_UNORDERED,
    };
    return (holds[p & 3] >> o & 1) ^ (p >> 2 & 1);
}

static inline s64 to_int(struct fp_env *env, struct fp_format f, u64 a, bool chop, unsigned bits)
{
    struct fp_num n = operand(env, f, a);
    s64 v;
    fp_to_int(env, &n, chop ? FP_CHOP : env->rc, bits, &v);
    return v;
}

static inline u64 from_int(struct fp_env *env, struct fp_format f, s64 v)
{
    if (v == 0)
        return 0;
    u64 m = v < 0 ? -(u64)v : (u64)v;
    int shift = __builtin_clzll(m);
    return fp_round_pack(env, f, (struct fp_raw){v < 0, 63 - shift, m << shift, 0});
}

static u64 convert(struct fp_env *env, struct fp_format from, struct fp_format to, u64 a)
{
    struct fp_num n = operand(env, from, a);
    switch (n.cls) {
    case FP_ZERO:
        return signed_zero(to, n.sign);
    case FP_INF:
        return infinity(to, n.sign);
    case FP_FINITE:
        if (n.den && fp_stop(env, FP_DE))
            return 0;
        return fp_round_pack(env, to, (struct fp_raw){n.sign, n.exp, n.sig, 0});
    default:
        if (n.cls == FP_SNAN)
            env->flags |= FP_IE;
        return infinity(to, n.sign) | quiet_bit(to) | (n.sig & ~TOP_BIT) >> (64 - to.prec);
    }
}

/* The public functions of one format. */
#define SSE_FORMAT(uint, name, format)                                                                                 \
    uint name##_add(struct fp_env *env, uint a, uint b)                                                                \
    {                                                                                                                  \
        return (uint)add(env, format, a, b, false);                                                                    \
    }                                                                                                                  \
    uint name##_sub(struct fp_env *env, uint a, uint b)                                                                \
    {                                                                                                                  \
        return (uint)add(env, format, a, b, true);                                                                     \
    }                                                                                                                  \
    uint name##_mul(struct fp_env *env, uint a, uint b)                                                                \
    {                                                                                                                  \
        return (uint)mul(env, format, a, b);                                                                           \
    }                                                                                                                  \
    uint name##_div(struct fp_env *env, uint a, uint b)                                                                \
    {                                                                                                                  \
        return (uint)divide(env, format, a, b);                                                                        \
    }                                                                                                                  \
    uint name##_sqrt(struct fp_env *env, uint a)                                                                       \
    {                                                                                                                  \
        return (uint)square_root(env, format, a);                                                                      \
    }                                                                                                                  \
    uint name##_min(struct fp_env *env, uint a, uint b)                                                                \
    {                                                                                                                  \
        return (uint)pick(env, format, a, b, FP_LESS);                                                                 \
    }                                                                                                                  \
    uint name##_max(struct fp_env *env, uint a, uint b)                                                                \
    {                                                                                                                  \
        return (uint)pick(env, format, a, b, FP_GREATER);                                                              \
    }                                                                                                                  \
    enum fp_order name##_compare(struct fp_env *env, uint a, uint b, bool quiet)                                       \
    {                                                                                                                  \
        return compare(env, format, a, b, quiet);                                                                      \
    }                                                                                                                  \
    bool name##_predicate(struct fp_env *env, uint a, uint b, unsigned p)                                              \
    {                                                                                                                  \
        return predicate(env, format, a, b, p);                                                                        \
    }                                                                                                                  \
    s32 name##_to_s32(struct fp_env *env, uint a, bool chop)                                                           \
    {                                                                                                                  \
        return (s32)to_int(env, format, a, chop, 32);                                                                  \
    }                                                                                                                  \
    s64 name##_to_s64(struct fp_env *env, uint a, bool chop)                                                           \
    {                                                                                                                  \
        return to_int(env, format, a, chop, 64);                                                                       \
    }                                                                                                                  \
    uint name##_from_s64(struct fp_env *env, s64 v)                                                                    \
    {                                                                                                                  \
        return (uint)from_int(env, format, v);                                                                         \
    }

SSE_FORMAT(u32, f32, FP_FORMAT_32)
SSE_FORMAT(u64, f64, FP_FORMAT_64)

u64 f32_to_f64(struct fp_env *env, u32 a)
{
    return convert(env, FP_FORMAT_32, FP_FORMAT_64, a);
}

u32 f64_to_f32(struct fp_env *env, u64 a)
{
    return (u32)convert(env, FP_FORMAT_64, FP_FORMAT_32, a);
}

/*
 * The reciprocals as a table of 2048 intervals gives them: the value at the middle of the interval, rounded to 12
 * fraction bits. So 1/1 is 0.99976, as on the silicon.
 */
static u32 approximate_special(u32 a)
{
    struct fp_num n = fp_unpack(FP_FORMAT_32, a);
    switch (n.cls) {
    case FP_ZERO:
    case FP_FINITE: /* denormal */
        return (u32)infinity(FP_FORMAT_32, n.sign);
    case FP_INF:
        return (u32)signed_zero(FP_FORMAT_32, n.sign);
    default:
        return a | (u32)quiet_bit(FP_FORMAT_32);
    }
}

u32 f32_rcp(u32 a)
{
    u32 e = a >> 23 & 0xFF, sign = a & 0x80000000;
    if (e == 0 || e == 0xFF)
        return approximate_special(a);
    if (e >= 253)
        return sign;
    u32 middle = (a >> 12 & 0x7FF) << 1 | 0x1001; /* 1 <= middle / 2^12 < 2 */
    u32 frac = ((1u << 25) + middle / 2) / middle;
    return sign | (253 - e) << 23 | (frac & 0xFFF) << 11;
}

u32 f32_rsqrt(u32 a)
{
    u32 e = a >> 23 & 0xFF;
    if (a > 0x80000000 && e && a <= 0xFF800000)
        return F32_INDEFINITE;
    if (e == 0 || e == 0xFF)
        return approximate_special(a);
    u64 middle = (a >> 13 & 0x3FF) << 1 | 0x801, rem;
    u32 s = fp_sqrt64(middle << (52 - (e & 1)), &rem);
    u32 frac = (u32)((((u64)1 << 44) + s / 2) / s);
    return ((380 - e) / 2) << 23 | (frac & 0xFFF) << 11;
}
