/*
 * simd_lanes.h - integer operations on the elements of 64 bits, which MMX and SSE2 share:
 * lane_<op>(a, b) with the destination as A. Pure functions. SDM vol. 2 by name.
 */
#ifndef OMBRA_CPU_SIMD_LANES_H
#define OMBRA_CPU_SIMD_LANES_H

#include "base/types.h"

static ALWAYS_INLINE s8 sat_s8(s32 v)
{
    return (s8)(v < -128 ? -128 : v > 127 ? 127 : v);
}

static ALWAYS_INLINE u8 sat_u8(s32 v)
{
    return (u8)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static ALWAYS_INLINE s16 sat_s16(s32 v)
{
    return (s16)(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}

static ALWAYS_INLINE u16 sat_u16(s32 v)
{
    return (u16)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

/* EXPR for each element x of A and y of B. */
#define LANE(name, type, expr)                                                                                         \
    static ALWAYS_INLINE u64 lane_##name(u64 a64, u64 b64)                                                             \
    {                                                                                                                  \
        type a[8 / sizeof(type)], b[8 / sizeof(type)];                                                                 \
        memcpy(a, &a64, 8);                                                                                            \
        memcpy(b, &b64, 8);                                                                                            \
        for (unsigned i = 0; i < 8 / sizeof(type); i++) {                                                              \
            type x = a[i], y = b[i];                                                                                   \
            a[i] = (type)(expr);                                                                                       \
        }                                                                                                              \
        memcpy(&a64, a, 8);                                                                                            \
        return a64;                                                                                                    \
    }

LANE(paddb, u8, x + y)
LANE(paddw, u16, x + y)
LANE(paddd, u32, x + y)
LANE(paddq, u64, x + y)
LANE(psubb, u8, x - y)
LANE(psubw, u16, x - y)
LANE(psubd, u32, x - y)
LANE(psubq, u64, x - y)
LANE(paddsb, s8, sat_s8(x + y))
LANE(paddsw, s16, sat_s16(x + y))
LANE(paddusb, u8, sat_u8(x + y))
LANE(paddusw, u16, sat_u16(x + y))
LANE(psubsb, s8, sat_s8(x - y))
LANE(psubsw, s16, sat_s16(x - y))
LANE(psubusb, u8, sat_u8(x - y))
LANE(psubusw, u16, sat_u16(x - y))
LANE(pcmpeqb, u8, x == y ? 0xFF : 0)
LANE(pcmpeqw, u16, x == y ? 0xFFFF : 0)
LANE(pcmpeqd, u32, x == y ? 0xFFFFFFFF : 0)
LANE(pcmpgtb, s8, x > y ? -1 : 0)
LANE(pcmpgtw, s16, x > y ? -1 : 0)
LANE(pcmpgtd, s32, x > y ? -1 : 0)
LANE(pminub, u8, x < y ? x : y)
LANE(pmaxub, u8, x > y ? x : y)
LANE(pminsw, s16, x < y ? x : y)
LANE(pmaxsw, s16, x > y ? x : y)
LANE(pavgb, u8, (x + y + 1) >> 1)
LANE(pavgw, u16, (x + y + 1) >> 1)
LANE(pmullw, s16, x * y)
LANE(pmulhw, s16, (x * y) >> 16)
LANE(pmulhuw, u16, ((u32)x * y) >> 16)
LANE(pand, u64, x & y)
LANE(pandn, u64, ~x & y)
LANE(por, u64, x | y)
LANE(pxor, u64, x ^ y)
LANE(pmuludq, u64, (u64)(u32)x * (u32)y)
#undef LANE

static ALWAYS_INLINE u64 lane_pmaddwd(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 64; i += 32) {
        s32 low = (s16)(a >> i) * (s16)(b >> i), high = (s16)(a >> (i + 16)) * (s16)(b >> (i + 16));
        r |= (u64)((u32)low + (u32)high) << i; /* 8000h four times over wraps to 80000000h */
    }
    return r;
}

static ALWAYS_INLINE u64 lane_psadbw(u64 a, u64 b)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < 64; i += 8) {
        int d = (int)(u8)(a >> i) - (int)(u8)(b >> i);
        sum += (unsigned)(d < 0 ? -d : d);
    }
    return sum;
}

/* Shifts by a 64-bit COUNT: beyond the width nothing, or the sign, is left. */
#define LANE_SHIFT(name, type, beyond, expr)                                                                           \
    static ALWAYS_INLINE u64 lane_##name(u64 a64, u64 count)                                                           \
    {                                                                                                                  \
        enum { BITS = 8 * sizeof(type) };                                                                              \
        type a[8 / sizeof(type)];                                                                                      \
        if (count >= BITS)                                                                                             \
            count = beyond;                                                                                            \
        memcpy(a, &a64, 8);                                                                                            \
        for (unsigned i = 0; i < 8 / sizeof(type); i++) {                                                              \
            type x = a[i];                                                                                             \
            a[i] = (type)(count < BITS ? (expr) : 0);                                                                  \
        }                                                                                                              \
        memcpy(&a64, a, 8);                                                                                            \
        return a64;                                                                                                    \
    }

LANE_SHIFT(psllw, u16, BITS, x << count)
LANE_SHIFT(pslld, u32, BITS, x << count)
LANE_SHIFT(psllq, u64, BITS, x << count)
LANE_SHIFT(psrlw, u16, BITS, x >> count)
LANE_SHIFT(psrld, u32, BITS, x >> count)
LANE_SHIFT(psrlq, u64, BITS, x >> count)
LANE_SHIFT(psraw, s16, BITS - 1, x >> count)
LANE_SHIFT(psrad, s32, BITS - 1, x >> count)
#undef LANE_SHIFT

/* ---- packing: the elements of A to the lower half of the result, those of B to the upper ---- */

#define LANE_PACK(name, from, to, clamp)                                                                               \
    static ALWAYS_INLINE u64 lane_##name(u64 a64, u64 b64)                                                             \
    {                                                                                                                  \
        enum { N = 8 / sizeof(from) };                                                                                 \
        from a[2 * N];                                                                                                 \
        to r[2 * N];                                                                                                   \
        memcpy(a, &a64, 8);                                                                                            \
        memcpy(a + N, &b64, 8);                                                                                        \
        for (unsigned i = 0; i < 2 * N; i++)                                                                           \
            r[i] = clamp(a[i]);                                                                                        \
        memcpy(&a64, r, 8);                                                                                            \
        return a64;                                                                                                    \
    }
LANE_PACK(packsswb, s16, s8, sat_s8)
LANE_PACK(packuswb, s16, u8, sat_u8)
LANE_PACK(packssdw, s32, s16, sat_s16)
#undef LANE_PACK

/* ---- interleaving: the lower (upper) elements of A and B in turn ---- */

#define LANE_UNPACK(bits, type)                                                                                        \
    static ALWAYS_INLINE u64 lane_unpackl##bits(u64 a64, u64 b64)                                                      \
    {                                                                                                                  \
        enum { N = 8 / sizeof(type) };                                                                                 \
        type a[N], b[N], r[N];                                                                                         \
        memcpy(a, &a64, 8);                                                                                            \
        memcpy(b, &b64, 8);                                                                                            \
        for (unsigned i = 0; i < N / 2; i++) {                                                                         \
            r[2 * i] = a[i];                                                                                           \
            r[2 * i + 1] = b[i];                                                                                       \
        }                                                                                                              \
        memcpy(&a64, r, 8);                                                                                            \
        return a64;                                                                                                    \
    }                                                                                                                  \
    static ALWAYS_INLINE u64 lane_unpackh##bits(u64 a, u64 b)                                                          \
    {                                                                                                                  \
        return lane_unpackl##bits(a >> 32, b >> 32);                                                                   \
    }
LANE_UNPACK(8, u8)
LANE_UNPACK(16, u16)
LANE_UNPACK(32, u32)
#undef LANE_UNPACK

/* Bit i of the result is the top bit of byte i. */
static ALWAYS_INLINE u32 lane_movemask(u64 a)
{
    return (u32)((a >> 7 & 0x0101010101010101) * 0x0102040810204080 >> 56);
}

#endif
