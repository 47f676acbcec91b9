/*
 * values.c - operand values, see values.h.
 */
#include "tests/oracle/values.h"

u64 rng_next(struct rng *r)
{
    u64 z = r->state += 0x9E3779B97F4A7C15; /* SplitMix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static u64 mask_of(unsigned w)
{
    return w >= 8 ? ~(u64)0 : (BIT64(w * 8) - 1);
}

u64 value_int(struct rng *r, unsigned w)
{
    unsigned bits = w * 8;
    u64 v;
    switch (rng_below(r, 10)) {
    case 0:
        v = 0;
        break;
    case 1:
        v = ~(u64)0;
        break;
    case 2:
        v = rng_below(r, 40);
        break;
    case 3:
        v = (u64)0 - rng_below(r, 40);
        break;
    case 4: /* around the sign */
        v = BIT64(bits - 1) + (u64)(s64)((s32)rng_below(r, 5) - 2);
        break;
    case 5:
        v = BIT64(rng_below(r, bits));
        break;
    case 6: /* around a power of two */
        v = BIT64(rng_below(r, bits)) + (u64)(s64)((s32)rng_below(r, 3) - 1);
        break;
    case 7: /* bytes alike */
        v = (rng_next(r) & 0xFF) * 0x0101010101010101;
        break;
    default:
        v = rng_next(r);
    }
    return v & mask_of(w);
}

/* A biased exponent of BITS bits: the ends and the middle of the range more often than the rest. */
static u32 exponent(struct rng *r, unsigned bits)
{
    u32 max = (1u << bits) - 1, bias = max >> 1;
    switch (rng_below(r, 12)) {
    case 0:
    case 1:
        return 0;
    case 2:
    case 3:
        return max;
    case 4:
        return 1 + rng_below(r, 3);
    case 5:
        return max - 1 - rng_below(r, 3);
    case 6:
    case 7:
        return bias + rng_below(r, 70) - 4;
    case 8:
        return bias - rng_below(r, bits > 8 ? 70 : 30);
    case 9: /* halves of the range: products and quotients at the ends */
        return (rng_percent(r, 50) ? bias / 2 : bias + bias / 2) + rng_below(r, 80) - 40;
    default:
        return bias + rng_below(r, 8) - 4;
    }
}

/* BITS bits below the point. */
static u64 fraction(struct rng *r, unsigned bits)
{
    u64 all = bits == 64 ? ~(u64)0 : BIT64(bits) - 1;
    switch (rng_below(r, 8)) {
    case 0:
    case 1:
        return 0;
    case 2:
        return all;
    case 3:
        return BIT64(bits - 1);
    case 4:
        return BIT64(rng_below(r, bits));
    case 5: /* few significant bits */
        return (rng_next(r) << (bits - 1 - rng_below(r, bits / 2))) & all;
    case 6: /* what straddles rounding to a shorter format */
        return (rng_next(r) & all & ~(u64)0x7FF) | (rng_percent(r, 50) ? 0x400 : rng_below(r, 3) + 0x3FF);
    default:
        return rng_next(r) & all;
    }
}

u32 value_f32(struct rng *r)
{
    u32 e = exponent(r, 8);
    return (u32)(rng_next(r) & BIT(31)) | e << 23 | (u32)fraction(r, 23);
}

u64 value_f64(struct rng *r)
{
    u64 e = exponent(r, 11);
    if (rng_percent(r, 10)) /* around the range of singles */
        e = (rng_percent(r, 50) ? 1023 - 127 - 24 : 1023 + 127) + rng_below(r, 30) - 2;
    return (rng_next(r) & BIT64(63)) | e << 52 | fraction(r, 52);
}

void value_f80(struct rng *r, u8 *to)
{
    u32 e = exponent(r, 15);
    u64 m = fraction(r, 63);
    if (rng_percent(r, 12)) /* around the ranges of single and double */
        e = (rng_percent(r, 50) ? 16383 - (rng_percent(r, 50) ? 127 + 24 : 1023 + 53)
                                : 16383 + (rng_percent(r, 50) ? 127 : 1023)) +
            rng_below(r, 60) - 2;
    if (e != 0)
        m |= BIT64(63);
    if (rng_percent(r, 4)) /* pseudo-denormals, unnormals, pseudo-infinities and pseudo-NaNs */
        m ^= BIT64(63);
    st64(to, m);
    st16(to + 8, (u16)(e | (rng_next(r) & 0x8000)));
}

void value_bcd(struct rng *r, u8 *to)
{
    unsigned digits = rng_percent(r, 50) ? 9 : rng_below(r, 10);
    memset(to, 0, 10);
    for (unsigned i = 0; i < digits; i++)
        to[i] = (u8)(rng_below(r, 10) << 4 | rng_below(r, 10));
    if (rng_percent(r, 15))
        memset(to, 0x99, 9);
    to[9] = rng_percent(r, 50) ? 0x80 : 0;
    if (rng_percent(r, 10)) /* not decimal, or bits that mean nothing */
        to[rng_below(r, 10)] = (u8)rng_next(r);
}

static unsigned fill_one(struct rng *r, enum value_type type, unsigned w, u8 *to)
{
    switch (type) {
    case VALUE_F32:
        st32(to, value_f32(r));
        return 4;
    case VALUE_F64:
        st64(to, value_f64(r));
        return 8;
    case VALUE_F80:
        value_f80(r, to);
        return 10;
    case VALUE_BCD:
        value_bcd(r, to);
        return 10;
    default:
        st64(to, value_int(r, w));
        return w;
    }
}

void value_fill(struct rng *r, enum value_type type, u8 *to, unsigned n)
{
    unsigned w = n <= 8 ? n : 1u << rng_below(r, 4);
    if (n <= 8 && rng_percent(r, 20))
        w = 1u << rng_below(r, 3);
    for (unsigned at = 0; at < n;) {
        u8 element[10];
        unsigned size = fill_one(r, type, MAX(w, 1u), element);
        memcpy(to + at, element, MIN(size, n - at));
        at += size;
    }
}
