/*
 * op_shift.c - ROL ROR RCL RCR SHL SHR SAR (by 1, by CL, by an immediate) and SHLD SHRD.
 *
 * Counts are masked to five bits. A count of 0 changes neither the operand nor a
 * flag, but a memory operand is still checked for writing. What the manual leaves undefined is
 * given what processors do: OF for counts above 1 as for the last single step, AF 0
 * after shifts, CF after SHL and SHR by more than the width 0.
 */
#include "cpu/exec.h"

enum shift { SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAL, SH_SAR };

/* All flags from the result and two bits: CF, and PO = CF ^ OF. */
static ALWAYS_INLINE void flags_shift(struct cpu *c, const unsigned W, u64 res, bool cf, bool po)
{
    c->lf_res = sext(res, W);
    c->lf_aux = (u32)cf << LF_CF | (u32)po << LF_PO;
}

/* The result of shifting A (zero-extended from W bytes) by N, 1..31; sets the flags. */
static ALWAYS_INLINE u64 shift(struct cpu *c, const enum shift op, const unsigned W, u64 a, unsigned n)
{
    const unsigned bits = W * 8, top = bits - 1;
    unsigned k = n & top;
    u64 res = 0, last;
    bool cf;
    switch (op) {
    case SH_SHL:
    case SH_SAL:
        res = a << n;
        flags_shift(c, W, res, res >> bits & 1, res >> top & 1);
        break;
    case SH_SHR:
        last = a >> (n - 1);
        res = last >> 1;
        flags_shift(c, W, res, last & 1, (last ^ last >> top) & 1);
        break;
    case SH_SAR:
        last = (u64)((s64)sext(a, W) >> (n - 1));
        res = (u64)((s64)last >> 1);
        flags_shift(c, W, res, last & 1, last & 1);
        break;
    case SH_ROL:
        res = a << k | a >> (bits - k); /* k = 0: a >> bits is 0, a has only W bytes */
        flags_set_cf_of(c, res & 1, (res ^ res >> top) & 1);
        break;
    case SH_ROR:
        res = a >> k | a << (bits - k);
        flags_set_cf_of(c, res >> top & 1, (res >> top ^ res >> (top - 1)) & 1);
        break;
    case SH_RCL: /* a ring of bits + 1 with CF on top; it may have gone round once or more */
        k = n % (bits + 1);
        a |= (u64)flag_cf(c) << bits;
        res = a << k | a >> (bits + 1 - k);
        cf = res >> bits & 1;
        flags_set_cf_of(c, cf, cf ^ (res >> top & 1));
        break;
    case SH_RCR:
        k = n % (bits + 1);
        a |= (u64)flag_cf(c) << bits;
        res = a >> k | a << (bits + 1 - k);
        flags_set_cf_of(c, res >> bits & 1, (res >> top ^ res >> (top - 1)) & 1);
        break;
    }
    return res;
}

static ALWAYS_INLINE void shift_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM,
                                  const enum shift op, unsigned n)
{
    struct rmw t;
    u64 a = rm_begin(c, in, W, MEM, &t);
    n &= 31;
    if (n)
        rm_end(c, in, W, MEM, &t, shift(c, op, W, a, n));
}

#define SHIFT_ROWS(name, op)                                                                                           \
    OPB(name##_EbIb)                                                                                                   \
    {                                                                                                                  \
        shift_e(c, in, W, MEM, op, (unsigned)in->imm);                                                                 \
    }                                                                                                                  \
    OPV(name##_EvIb)                                                                                                   \
    {                                                                                                                  \
        shift_e(c, in, W, MEM, op, (unsigned)in->imm);                                                                 \
    }                                                                                                                  \
    OPB(name##_Eb1)                                                                                                    \
    {                                                                                                                  \
        shift_e(c, in, W, MEM, op, 1);                                                                                 \
    }                                                                                                                  \
    OPV(name##_Ev1)                                                                                                    \
    {                                                                                                                  \
        shift_e(c, in, W, MEM, op, 1);                                                                                 \
    }                                                                                                                  \
    OPB(name##_EbCL)                                                                                                   \
    {                                                                                                                  \
        shift_e(c, in, W, MEM, op, (unsigned)c->r[R_CX]);                                                              \
    }                                                                                                                  \
    OPV(name##_EvCL)                                                                                                   \
    {                                                                                                                  \
        shift_e(c, in, W, MEM, op, (unsigned)c->r[R_CX]);                                                              \
    }

SHIFT_ROWS(ROL, SH_ROL)
SHIFT_ROWS(ROR, SH_ROR)
SHIFT_ROWS(RCL, SH_RCL)
SHIFT_ROWS(RCR, SH_RCR)
SHIFT_ROWS(SHL, SH_SHL)
SHIFT_ROWS(SHR, SH_SHR)
SHIFT_ROWS(SAR, SH_SAR)

/* /6 is SHL once more. */
OP_SAME(SAL_EbIb, SHL_EbIb)
OP_SAME(SAL_EvIb, SHL_EvIb)
OP_SAME(SAL_Eb1, SHL_Eb1)
OP_SAME(SAL_Ev1, SHL_Ev1)
OP_SAME(SAL_EbCL, SHL_EbCL)
OP_SAME(SAL_EvCL, SHL_EvCL)

/*
 * SHLD and SHRD. A 16-bit operand with a count above 16 is undefined; the P6 family shifts the ring
 * destination:source:destination, and so do we. OF is the change of the sign in the last step, as for the plain shifts.
 */
static ALWAYS_INLINE u64 shift_double(struct cpu *c, const unsigned W, u64 a, u64 b, unsigned n, bool left)
{
    const unsigned bits = W * 8, top = bits - 1;
    u64 last, res;
    if (left) {
        u64 ring = W == 2 ? a << 32 | b << 16 | a : a << 32 | b;
        last = ring << (n - 1) >> 32;
        res = ring << n >> 32;
        flags_shift(c, W, res, last >> top & 1, res >> top & 1);
    } else {
        u64 ring = W == 2 ? a << 32 | b << 16 | a : b << 32 | a;
        last = ring >> (n - 1);
        res = last >> 1;
        flags_shift(c, W, res, last & 1, (last ^ last >> top ^ res >> top) & 1);
    }
    return res;
}

static ALWAYS_INLINE void shift_double_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM,
                                         unsigned n, bool left)
{
    struct rmw t;
    u64 a = rm_begin(c, in, W, MEM, &t);
    n &= 31;
    if (n)
        rm_end(c, in, W, MEM, &t, shift_double(c, W, a, reg_rd(c, W, in->reg), n, left));
}

OPV(SHLD_EvGvIb)
{
    shift_double_e(c, in, W, MEM, (unsigned)in->imm, true);
}

OPV(SHLD_EvGvCL)
{
    shift_double_e(c, in, W, MEM, (unsigned)c->r[R_CX], true);
}

OPV(SHRD_EvGvIb)
{
    shift_double_e(c, in, W, MEM, (unsigned)in->imm, false);
}

OPV(SHRD_EvGvCL)
{
    shift_double_e(c, in, W, MEM, (unsigned)c->r[R_CX], false);
}
