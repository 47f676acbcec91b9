/*
 * op_bit.c - BT BTS BTR BTC, BSF BSR.
 *
 * Bit tests change CF only (the other flags are undefined and stay). A memory operand with
 * a register bit offset is a bit string: the word that holds the bit lies
 * anywhere up to 2^28 bytes from the operand's address, in either direction.
 */
#include "cpu/exec.h"

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static ALWAYS_INLINE u64 bit_change(const enum bit_op op, u64 v, unsigned n)
{
    u64 m = (u64)1 << n;
    switch (op) {
    case BIT_SET:
        return v | m;
    case BIT_RESET:
        return v & ~m;
    case BIT_COMPLEMENT:
        return v ^ m;
    default:
        return v;
    }
}

/* The E operand itself, bit N modulo the width. */
static ALWAYS_INLINE void bit_e(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM,
                                const enum bit_op op, unsigned n)
{
    n &= W * 8 - 1;
    u64 v;
    if (op == BIT_TEST) {
        v = rm_rd(c, in, W, MEM);
    } else {
        struct rmw t;
        v = rm_begin(c, in, W, MEM, &t);
        rm_end(c, in, W, MEM, &t, bit_change(op, v, n));
    }
    flags_set_cf(c, v >> n & 1);
}

/* A bit string at the memory operand: the same instruction with the displacement moved to the word of the bit. */
static ALWAYS_INLINE void bit_eg(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM,
                                 const enum bit_op op)
{
    u64 n = reg_rd(c, W, in->reg);
    if (!MEM) {
        bit_e(c, in, W, false, op, (unsigned)n);
        return;
    }
    const unsigned shift = W == 2 ? 4 : 5;
    struct insn at = *in;
    at.disp = (s32)((u32)in->disp + (u32)((s64)sext(n, W) >> shift) * W);
    bit_e(c, &at, W, true, op, (unsigned)n);
}

#define BIT_ROWS(name, op)                                                                                             \
    OPV(name##_EvGv)                                                                                                   \
    {                                                                                                                  \
        bit_eg(c, in, W, MEM, op);                                                                                     \
    }                                                                                                                  \
    OPV(name##_EvIb)                                                                                                   \
    {                                                                                                                  \
        bit_e(c, in, W, MEM, op, (unsigned)in->imm);                                                                   \
    }

BIT_ROWS(BT, BIT_TEST)
BIT_ROWS(BTS, BIT_SET)
BIT_ROWS(BTR, BIT_RESET)
BIT_ROWS(BTC, BIT_COMPLEMENT)

/* ZF tells whether the source was zero (then the destination stays); the undefined flags: PF that of the index, the
 * others 0. */
static ALWAYS_INLINE void bit_scan(struct cpu *c, const struct insn *in, const unsigned W, u64 src, bool forward)
{
    c->lf_aux = 0;
    c->lf_res = 0;
    if (src == 0)
        return;
    unsigned n = forward ? (unsigned)__builtin_ctzll(src) : 63 - (unsigned)__builtin_clzll(src);
    reg_wr(c, W, in->reg, n);
    c->lf_res = 0x100 | n; /* not zero, the index in the byte that PF looks at */
}

OPV(BSF_GvEv)
{
    bit_scan(c, in, W, rm_rd(c, in, W, MEM), true);
}

OPV(BSR_GvEv)
{
    bit_scan(c, in, W, rm_rd(c, in, W, MEM), false);
}
