/*
 * softfp_cases.h - operands for the floating-point tests: a seeded generator that loves edges.
 * Header only; for tests/unit/test_softfp*.c and test_x87*.c.
 */
#ifndef OMBRA_TESTS_UNIT_SOFTFP_CASES_H
#define OMBRA_TESTS_UNIT_SOFTFP_CASES_H

#include "cpu/softfp.h"
#include <stdlib.h>

struct cases {
    u64 state;
    u64 hash; /* of everything told to cases_mix() */
};

static inline u64 cases_next(struct cases *c)
{
    c->state ^= c->state << 13;
    c->state ^= c->state >> 7;
    c->state ^= c->state << 17;
    return c->state * 0x2545F4914F6CDD1Dull;
}

static inline u32 cases_below(struct cases *c, u32 n)
{
    return (u32)((cases_next(c) >> 32) * n >> 32);
}

static inline void cases_mix(struct cases *c, u64 v)
{
    c->hash = (c->hash ^ v) * 0x9E3779B97F4A7C15ull;
    c->hash ^= c->hash >> 29;
}

/* 64 bits: random, or with long runs of equal bits, or few bits set. */
static inline u64 cases_bits(struct cases *c)
{
    u64 v = cases_next(c);
    unsigned n = 1 + cases_below(c, 63);
    switch (cases_below(c, 8)) {
    case 0:
        return 0;
    case 1:
        return ~(u64)0;
    case 2:
        return ~(u64)0 << n;
    case 3:
        return ((u64)1 << n) - 1 + cases_below(c, 2);
    case 4:
        return (v & 0x8000080000100401ull) ^ (v >> 63 ? ~(u64)0 : 0);
    case 5:
        return v << n;
    default:
        return v;
    }
}

static inline struct f80 cases_f80(struct cases *c)
{
    u16 sign = (u16)(cases_next(c) >> 63 << 15);
    u64 m = cases_bits(c);
    u64 top = 1ull << 63;
    switch (cases_below(c, 24)) {
    case 0:
        return (struct f80){0, sign};
    case 1:
        return (struct f80){top, sign | 0x7FFF};
    case 2:
        return (struct f80){m | top, sign | 0x7FFF}; /* NaN or infinity */
    case 3:
        return (struct f80){cases_next(c) | top, sign | 0x7FFF};
    case 4:
        return (struct f80){m, sign | 0x7FFF}; /* perhaps pseudo-NaN, pseudo-infinity */
    case 5:
        return (struct f80){m, sign}; /* denormal, pseudo-denormal */
    case 6:
        return (struct f80){m & ~top, (u16)(sign | cases_below(c, 0x7FFF))}; /* unnormal */
    case 7:
        return (struct f80){m | top, (u16)(sign | (1 + cases_below(c, 70)))};
    case 8:
        return (struct f80){m | top, (u16)(sign | (0x7FFE - cases_below(c, 70)))};
    case 9:
        return (struct f80){m | top, (u16)(sign | (0x1FFF + cases_below(c, 4)))}; /* squares near the smallest */
    case 10:
        return (struct f80){m | top, (u16)(sign | (0x5FFE + cases_below(c, 4)))}; /* squares near the largest */
    case 11:
        return (struct f80){m | top, (u16)(sign | cases_below(c, 0x7FFF))};
    case 12:
        return (struct f80){m | top, (u16)(sign | (0x3FFF - 127 - 30 + cases_below(c, 40)))}; /* near singles' limits */
    case 13:
        return (struct f80){m | top, (u16)(sign | (0x3FFF + 120 + cases_below(c, 12)))};
    case 14:
        return (struct f80){m | top, (u16)(sign | (0x3FFF - 1023 - 60 + cases_below(c, 70)))};
    case 15:
        return (struct f80){m | top, (u16)(sign | (0x3FFF + 1020 + cases_below(c, 8)))};
    case 16:
    case 17: { /* small integers and halves */
        u32 n = cases_below(c, 40) + 1;
        int shift = __builtin_clzll(n);
        return (struct f80){(u64)n << shift, (u16)(sign | (0x3FFF + 63 - shift - (int)cases_below(c, 3)))};
    }
    default:
        return (struct f80){m | top, (u16)(sign | (0x3FFF - 40 + cases_below(c, 110)))};
    }
}

static inline u64 cases_f64(struct cases *c)
{
    u64 sign = cases_next(c) & 1ull << 63;
    u64 f = cases_bits(c) >> 12;
    u64 e;
    switch (cases_below(c, 12)) {
    case 0:
        return sign;
    case 1:
        return sign | 0x7FFull << 52;
    case 2:
        return sign | 0x7FFull << 52 | f;
    case 3:
    case 4:
        return sign | f; /* denormal */
    case 5:
        e = 1 + cases_below(c, 60);
        break;
    case 6:
        e = 0x7FE - cases_below(c, 60);
        break;
    case 7:
        e = 0x1FF + cases_below(c, 3);
        break;
    case 8:
        e = 0x5FD + cases_below(c, 4);
        break;
    case 9:
        e = 1 + cases_below(c, 0x7FE);
        break;
    case 10:
        e = 0x3FF - 150 + cases_below(c, 300); /* what fits a single, or nearly */
        break;
    default:
        e = 0x3FF - 10 + cases_below(c, 80);
    }
    return sign | e << 52 | f;
}

static inline u32 cases_f32(struct cases *c)
{
    u32 sign = (u32)(cases_next(c) >> 32) & 1u << 31;
    u32 f = (u32)(cases_bits(c) >> 41);
    u32 e;
    switch (cases_below(c, 12)) {
    case 0:
        return sign;
    case 1:
        return sign | 0xFFu << 23;
    case 2:
        return sign | 0xFFu << 23 | f;
    case 3:
    case 4:
        return sign | f;
    case 5:
        e = 1 + cases_below(c, 26);
        break;
    case 6:
        e = 0xFE - cases_below(c, 26);
        break;
    case 7:
        e = 0x3F + cases_below(c, 3);
        break;
    case 8:
        e = 0xBD + cases_below(c, 4);
        break;
    case 9:
        e = 1 + cases_below(c, 0xFE);
        break;
    default:
        e = 0x7F - 10 + cases_below(c, 80);
    }
    return sign | e << 23 | f;
}

/* Cases per operation: OMBRA_TEST_CASES, else N. */
static inline u32 cases_count(u32 n)
{
    const char *s = getenv("OMBRA_TEST_CASES");
    return s ? (u32)strtoul(s, NULL, 10) : n;
}

#endif
