/*
 * x87_code.h - turns any bytes into code that is mostly x87 instructions, with MMX ones in between and operands near the
 * pages that fault, and makes a state for it to start from.
 */
#ifndef OMBRA_TESTS_X87_CODE_H
#define OMBRA_TESTS_X87_CODE_H

#include "cpu/x87.h"
#include "tests/fuzz/fuzz.h"

/* Code under construction: for 32-bit or 16-bit segments, and where the bytes that choose come from. */
struct x87_code {
    struct fuzz_in in;
    u8 *out;
    size_t n, max;
    bool wide;
};

static inline void x87_put(struct x87_code *g, u64 v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes && g->n < g->max; i++)
        g->out[g->n++] = (u8)(v >> i * 8);
}

/* Where (E)BX and (E)SI point: numbers, also over the ends of pages that are there and pages that are not. */
static inline u32 x87_pointer(u32 r)
{
    static const u32 near[] = {0x15F00, 0x15F40, 0x15FF8, 0x16100, 0x16FF0,
                               0x16FFC, 0x17800, 0x18000, 0x18FF9, 0x19010};
    return near[r % ARRAY_LEN(near)];
}

/* [(E)BX + n] or [(E)SI + n], REG in the ModRM byte. */
static inline void x87_operand(struct x87_code *g, unsigned reg)
{
    u8 r = fuzz_take8(&g->in);
    unsigned rm = g->wide ? (r & 1 ? 3 : 6) : (r & 1 ? 7 : 4);
    x87_put(g, 0x40 | reg << 3 | rm, 1);
    x87_put(g, r & 0x78, 1);
}

/* MOV word [(E)BX+n],V */
static inline void x87_store_word(struct x87_code *g, unsigned n, u32 v)
{
    if (g->wide)
        x87_put(g, 0x66, 1);
    x87_put(g, (g->wide ? 0x0043C7 : 0x0047C7) | n << 16, 3);
    x87_put(g, v, 2);
}

/* FLDCW of a word that was just stored: any rounding and precision, mostly nothing unmasked. */
static inline void x87_control(struct x87_code *g)
{
    u16 cw = fuzz_take16(&g->in);
    if (cw & 0xE000)
        cw |= FP_ALL;
    x87_store_word(g, 0x10, cw);
    x87_put(g, g->wide ? 0x106BD9 : 0x106FD9, 3);
}

/* What C makes of a conversion: FLDCW, FISTP, FLDCW, often back to the word that FNSTCW has stored in front of it. */
static inline void x87_convert(struct x87_code *g)
{
    static const u32 fistp[] = {0x1BDF, 0x1BDB, 0x3BDF}; /* [(E)BX] and [BP+DI] */
    u8 r = fuzz_take8(&g->in), kind = fuzz_take8(&g->in);
    x87_store_word(g, 0x10, 0x037F | (kind & 0x80 ? 0xC00 : r << 6 & 0xC00));
    if (kind & 0x60)
        x87_put(g, g->wide ? 0x127BD9 : 0x127FD9, 3);
    else
        x87_store_word(g, 0x12, 0x037F ^ (r << 4 & 0xF00));
    x87_put(g, g->wide ? 0x106BD9 : 0x106FD9, 3);
    if (kind & 8)
        x87_put(g, 0xC1D9, 2); /* FLD ST(1) */
    x87_put(g, fistp[r % 3], 2);
    if (kind & 4)
        x87_put(g, 0x5BDB | 0x20 << 16, 3);
    if (kind & 16)
        x87_put(g, kind & 2 ? 0xFCD9 : 0xFED9, 2); /* FRNDINT, FSIN */
    x87_put(g, g->wide ? 0x126BD9 : 0x126FD9, 3);
}

/* On the same registers; shifts by immediates have no memory operand. */
static inline void x87_mmx(struct x87_code *g)
{
    static const u8 ops[] = {0x60, 0x61, 0x62, 0x63, 0x67, 0x68, 0x6B, 0x6E, 0x6E, 0x6F, 0x6F, 0x6F, 0x74, 0x7E, 0x7E, 0x7F,
                             0x7F, 0x7F, 0xD1, 0xD5, 0xDB, 0xDF, 0xE2, 0xE5, 0xEF, 0xF3, 0xF5, 0xFC, 0xFE, 0x71, 0x72, 0x73};
    u8 r = fuzz_take8(&g->in), op = ops[r % ARRAY_LEN(ops)], rm = fuzz_take8(&g->in);
    x87_put(g, 0x0F | op << 8, 2);
    if (op >= 0x71 && op <= 0x73)
        x87_put(g, 0xD0 | (rm & 0x27) | (u32)(rm & 0x1F) << 8, 2);
    else if (r & 0x80)
        x87_put(g, 0xC0 | (rm & 0x3F), 1);
    else
        x87_operand(g, rm & 7);
}

static inline void x87_one(struct x87_code *g)
{
    static const struct {
        u8 n;
        u32 bytes;
    } others[] = {
        {3, 0x9EE0DF}, /* FNSTSW AX; SAHF */
        {2, 0x9E9F},   /* LAHF; SAHF */
        {3, 0x45C4F6}, /* TEST AH,45h */
        {1, 0xA4},     /* MOVSB */
        {2, 0xA4F3},   /* REP MOVSB */
        {1, 0xF8},     /* CLC */
        {2, 0x770F},   /* EMMS */
        {2, 0x060F},   /* CLTS */
        {3, 0x55AE0F}, /* FXSAVE [DI/EBP+n] */
        {1, 0x9B},     /* WAIT */
        {2, 0xE2DB},   /* FNCLEX */
        {2, 0xE3DB},   /* FNINIT */
    };
    u8 kind = fuzz_take8(&g->in), r = fuzz_take8(&g->in);
    if (kind < 0xA0) {
        x87_put(g, 0xD8 | (kind & 7), 1);
        if (kind & 8)
            x87_put(g, 0xC0 | (r & 0x3F), 1);
        else
            x87_operand(g, r & 7);
    } else if (kind < 0xB0) {
        x87_put(g, 0xD9 | (0xE8 | (r % 7)) << 8, 2); /* constants */
    } else if (kind < 0xC0) {
        x87_control(g);
    } else if (kind < 0xD0) {
        x87_put(g, 0x70 | (r & 15) | 2 << 8, 2); /* Jcc over two bytes */
    } else if (kind < 0xD8) {
        x87_put(g, r & 1 ? 0xBB : 0xBE, 1); /* MOV (E)BX or (E)SI */
        x87_put(g, x87_pointer(r >> 1) - (g->wide ? 0 : 0x10000), g->wide ? 4 : 2);
    } else if (kind < 0xE0) {
        x87_put(g, 0x40 | (r & 15), 1); /* INC, DEC */
    } else if (kind < 0xEC) {
        x87_mmx(g);
    } else if (kind < 0xF2) {
        x87_convert(g);
    } else {
        unsigned i = r % ARRAY_LEN(others);
        x87_put(g, others[i].bytes, others[i].n);
    }
}

/* Code for a segment of BITS made from N bytes; it runs in a circle. Its length. */
static inline size_t x87_code(const u8 *from, size_t n, bool wide, u8 *out, size_t max)
{
    struct x87_code g = {.in = {from, n}, .out = out, .max = max - 5, .wide = wide};
    while (g.in.left && g.n < g.max)
        x87_one(&g);
    g.max = max;
    x87_put(&g, 0xE9, 1);
    x87_put(&g, (u64)0 - g.n - (wide ? 4 : 2), wide ? 4 : 2);
    return g.n;
}

static inline u32 x87_random(u32 *r)
{
    return *r = *r * 1664525u + 1013904223u;
}

/* Numbers of all kinds, as bits of singles, doubles and the upper ends of both. */
static inline u64 x87_number(u32 *r)
{
    static const u64 special[] = {0,
                                  1,
                                  0x3F800000,
                                  0x7F800000,
                                  0x7F800001,
                                  0x7FC00000,
                                  0x00400000,
                                  0x80000000,
                                  0xBF800000,
                                  0x0010000000000000,
                                  0x3FF0000000000000,
                                  0x7FF0000000000000,
                                  0x7FF0000000000001,
                                  0x7FF8000000000000,
                                  0x000FFFFFFFFFFFFF,
                                  0x8000000000000000,
                                  0x4059000000000000,
                                  0xC000000000000000};
    u32 a = x87_random(r), b = x87_random(r);
    if (a & 0x10000000)
        return special[(a >> 16) % ARRAY_LEN(special)];
    if (a & 0x20000000)
        return (u64)((a >> 8 & 63) + 992) << 52 | b;
    return (u64)a << 32 | b;
}

static inline struct f80 x87_value(u32 *r)
{
    static const u16 exponents[] = {0,      1,      0x3FFF, 0x4000, 0x3FFE, 0x403E, 0x7FFE,
                                    0x7FFF, 0x3F80, 0x43FE, 0x3C00, 0x8000, 0xBFFF, 0xFFFF};
    u64 m = x87_number(r);
    u32 a = x87_random(r);
    if (a & 0x70000000)
        m |= 1ull << 63;
    u16 se = a & 0x08000000 ? (u16)(0x3FF0 + (a >> 8 & 31)) : exponents[(a >> 16) % ARRAY_LEN(exponents)];
    return (struct f80){m, se};
}

static inline void x87_start(struct cpu *c, bool wide, u32 r)
{
    u32 base = wide ? 0 : 0x10000;
    u32 a = x87_random(&r);
    u16 cw = (u16)(a >> 16), tags = (u16)x87_random(&r);
    if (a & 0x300)
        cw |= FP_ALL;
    if (a & 0x400)
        c->cr0 |= CR0_NE;
    x87_load(c, cw, (u16)(x87_random(&r) >> 12), a & 0x1000 ? 0xFFFF : a & 0x2000 ? 0xFF0F : tags);
    for (unsigned i = 0; i < 8; i++)
        c->fpu.st[i] = x87_value(&r);
    for (u32 at = 0x15F00; at < 0x19100; at += 8) {
        u64 v = x87_number(&r);
        phys_write(c->mmu.phys, at, &v, sizeof v);
    }
    c->r[R_BX] = x87_pointer(x87_random(&r) >> 8) - base;
    c->r[R_SI] = x87_pointer(x87_random(&r) >> 8) - base;
    c->r[R_DI] = c->r[R_BP] = 0x1A000 - base;
}

#endif
