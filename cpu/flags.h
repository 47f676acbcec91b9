/*
 * flags.h - the arithmetic flags, kept lazily and without branches.
 *
 * lf_res is the last result, sign-extended from the operand's width to 64 bits: ZF is
 * "lf_res is zero", SF its top bit, PF the parity of its low byte. lf_aux holds what
 * the result cannot tell: bit 31 CF, bit 30 CF ^ OF (the carry into the sign bit), bit 3 AF;
 * bits 8-15 are XORed into the byte that PF is computed from and bit 0 into SF, so that any combination of flags
 * can be represented after POPF or SAHF.
 *
 * cpu/ only. W is the operand width in bytes and a constant at every call.
 */
#ifndef OMBRA_CPU_FLAGS_H
#define OMBRA_CPU_FLAGS_H

#include "cpu/cpu.h"

enum { LF_CF = 31, LF_PO = 30, LF_AF = 3 };
#define LF_KEEP ((1u << LF_CF) | (1u << LF_PO) | (1u << LF_AF))

static ALWAYS_INLINE u64 sext(u64 v, unsigned w)
{
    switch (w) {
    case 1:
        return (u64)(s64)(s8)v;
    case 2:
        return (u64)(s64)(s16)v;
    case 4:
        return (u64)(s64)(s32)v;
    default:
        return v;
    }
}

static ALWAYS_INLINE u64 zext(u64 v, unsigned w)
{
    return w == 8 ? v : v & (((u64)1 << (w * 8 & 63)) - 1);
}

/* CV: the carry (or borrow) out of each bit position. */
static ALWAYS_INLINE void flags_from_carries(struct cpu *c, unsigned w, u64 res, u64 cv)
{
    u32 top = w == 8 ? (u32)(cv >> 32) : (u32)cv << (32 - w * 8);
    c->lf_res = sext(res, w);
    c->lf_aux = (top & (1u << LF_CF | 1u << LF_PO)) | ((u32)cv & (1u << LF_AF));
}

/* RES = A + B (+ carry). */
static ALWAYS_INLINE void flags_add(struct cpu *c, unsigned w, u64 a, u64 b, u64 res)
{
    flags_from_carries(c, w, res, (a & b) | ((a | b) & ~res));
}

/* RES = A - B (- borrow). */
static ALWAYS_INLINE void flags_sub(struct cpu *c, unsigned w, u64 a, u64 b, u64 res)
{
    flags_from_carries(c, w, res, (~a & b) | ((~a | b) & res));
}

/* AND, OR, XOR, TEST: CF = OF = 0; AF (undefined) is given 0. */
static ALWAYS_INLINE void flags_logic(struct cpu *c, unsigned w, u64 res)
{
    c->lf_res = sext(res, w);
    c->lf_aux = 0;
}

static ALWAYS_INLINE bool flag_cf(const struct cpu *c)
{
    return c->lf_aux >> LF_CF;
}

static ALWAYS_INLINE bool flag_of(const struct cpu *c)
{
    return (c->lf_aux ^ c->lf_aux << 1) >> LF_CF;
}

static ALWAYS_INLINE bool flag_af(const struct cpu *c)
{
    return c->lf_aux >> LF_AF & 1;
}

static ALWAYS_INLINE bool flag_zf(const struct cpu *c)
{
    return c->lf_res == 0;
}

static ALWAYS_INLINE bool flag_sf(const struct cpu *c)
{
    return (c->lf_res >> 63) ^ (c->lf_aux & 1);
}

static ALWAYS_INLINE bool flag_pf(const struct cpu *c)
{
    u32 v = ((u32)c->lf_res ^ c->lf_aux >> 8) & 0xFF;
    v ^= v >> 4;
    return ~(0x6996u >> (v & 15)) & 1;
}

/* CF and OF replaced, all others kept. */
static ALWAYS_INLINE void flags_set_cf_of(struct cpu *c, bool cf, bool of)
{
    c->lf_aux = (c->lf_aux & ~(1u << LF_CF | 1u << LF_PO)) | (u32)cf << LF_CF | (u32)(cf ^ of) << LF_PO;
}

static ALWAYS_INLINE void flags_set_cf(struct cpu *c, bool cf)
{
    flags_set_cf_of(c, cf, flag_of(c));
}

/* The six arithmetic flags as EFLAGS bits. */
static ALWAYS_INLINE u32 flags_arith(const struct cpu *c)
{
    return (u32)flag_cf(c) | (u32)flag_pf(c) << 2 | (u32)flag_af(c) << 4 | (u32)flag_zf(c) << 6 | (u32)flag_sf(c) << 7 |
           (u32)flag_of(c) << 11;
}

/* Sets the six arithmetic flags from EFLAGS bits; other bits of F are ignored. */
static inline void flags_set_arith(struct cpu *c, u32 f)
{
    bool zf = f & F_ZF, sf = f & F_SF, pf = f & F_PF, cf = f & F_CF, of = f & F_OF, af = f & F_AF;
    c->lf_res = zf ? 0 : 2; /* 0 has even parity, 2 odd */
    u32 flip = (zf ? !pf : pf) ? 1 : 0;
    c->lf_aux = (u32)cf << LF_CF | (u32)(cf ^ of) << LF_PO | (u32)af << LF_AF | flip << 8 | (u32)sf;
}

/* Condition code 0-15 of Jcc, SETcc, CMOVcc. */
static ALWAYS_INLINE bool flags_cond(const struct cpu *c, unsigned cc)
{
    bool v = false;
    switch (cc >> 1) {
    case 0:
        v = flag_of(c);
        break;
    case 1:
        v = flag_cf(c);
        break;
    case 2:
        v = flag_zf(c);
        break;
    case 3:
        v = flag_cf(c) | flag_zf(c);
        break;
    case 4:
        v = flag_sf(c);
        break;
    case 5:
        v = flag_pf(c);
        break;
    case 6:
        v = flag_sf(c) ^ flag_of(c);
        break;
    case 7:
        v = flag_zf(c) | (flag_sf(c) ^ flag_of(c));
        break;
    }
    return v ^ (cc & 1);
}

#endif
