/*
 * simd_code.h - code for the fuzz targets that is mostly MMX, SSE and SSE2: an endless loop of instructions picked from
 * the rows of isa.def by the bytes of an input, with operands in and around pages that fault, and values near the
 * edges.
 *
 * Four bytes of input make an instruction.
 */
#ifndef OMBRA_TESTS_FUZZ_SIMD_CODE_H
#define OMBRA_TESTS_FUZZ_SIMD_CODE_H

#include "cpu/isa.h"
#include "cpu/x87.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/softfp_cases.h"

enum {
    SIMD_DATA = 0x15000, /* two pages of it; what follows depends on the pages */
    SIMD_DATA_BYTES = 0x2000,
    SIMD_MXCSRS = SIMD_DATA, /* the first bytes are values for LDMXCSR */
    SIMD_MXCSRS_BYTES = 0x40,
    SIMD_INSN_MAX = 12,
};

static inline bool simd_is_row(const struct cpu *c, const struct isa_row *row)
{
    const u32 mine = FEAT_MMX | FEAT_FXSR | FEAT_SSE | FEAT_SSE2;
    return (row->feature & mine) && (row->feature & c->features) == row->feature;
}

/* One of the rows that the model has. */
static inline const struct isa_row *simd_row(const struct cpu *c, u32 from)
{
    unsigned count = 0, rows[ISA_COUNT];
    for (unsigned i = 0; i < ISA_COUNT; i++) {
        if (simd_is_row(c, &isa_rows[i]))
            rows[count++] = i;
    }
    return &isa_rows[rows[from % count]];
}

/* Where a memory operand is: usually aligned; also at the end of a page behind which something else begins, in code,
 * anywhere. */
static inline u32 simd_address(u16 from)
{
    u32 low = from >> 4 & 0x1FF0;
    switch (from & 15) {
    case 0:
    case 1:
        return SIMD_DATA + low + (from >> 8 & 15);
    case 2:
        return SIMD_DATA + SIMD_DATA_BYTES - 32 + (from >> 4 & 63);
    case 3:
        return SIMD_DATA + 0x1000 - 32 + (from >> 4 & 63);
    case 4:
        return SIMD_DATA + SIMD_DATA_BYTES + (from & 0x3FF0);
    case 5:
        return 0x10FF0 + (from >> 4 & 0xFF);
    default:
        return SIMD_DATA + (low & (from & 16 ? 0x1FF0 : 0xF0));
    }
}

/* What is between SSE instructions: flags made and used, the stack, jumps, what decides whether SSE may run, and x87
 * instructions, which share their registers with MMX. */
static inline unsigned simd_other(u32 from, u8 *out)
{
    static const struct {
        u8 len, bytes[4];
    } others[] = {
        {2, {0x01, 0xD8}},       {2, {0x11, 0xCA}}, {1, {0x40}},       {2, {0x29, 0xC8}},
        {2, {0x72, 0x00}},       {2, {0x7A, 0x00}}, {2, {0x7C, 0x00}}, {2, {0xEB, 0x00}},
        {2, {0x74, 0x00}},       {2, {0x73, 0x00}}, {2, {0xEB, 0x00}}, {3, {0x0F, 0x93, 0xC0}},
        {3, {0x0F, 0x46, 0xC2}}, {2, {0xD1, 0xE0}}, {1, {0x9C}},       {1, {0x59}},
        {3, {0x0F, 0xAF, 0xC2}}, {2, {0x8B, 0x06}}, {2, {0x89, 0x06}}, {2, {0x0F, 0x06}},
        {3, {0x0F, 0x01, 0xF0}}, {2, {0xD9, 0xE8}}, {2, {0xDE, 0xC1}}, {1, {0x90}},
        {2, {0xDD, 0xD8}},       {2, {0xD8, 0xC2}}, {2, {0xD9, 0xCB}}, {2, {0xDF, 0xE0}},
        {2, {0xDD, 0x06}},       {2, {0xDB, 0x3E}}, {2, {0xDF, 0x2E}}, {2, {0xD9, 0xF7}},
        {3, {0x8D, 0x7E, 0x38}}, {1, {0x47}},       {2, {0x0F, 0x77}}, {2, {0xDB, 0xE3}}, {2, {0xD9, 0xFE}}, {2, {0xD9, 0xC3}},
    };
    unsigned n = from % ARRAY_LEN(others);
    memcpy(out, others[n].bytes, others[n].len);
    return others[n].len;
}

/* ROW with the operands that FROM says at OUT; its length. BITS of the code segment. */
static inline unsigned simd_encode(const struct isa_row *row, unsigned bits, u32 from, u8 *out)
{
    static const u8 prefix[] = {[PREFIX_66] = 0x66, [PREFIX_F2] = 0xF2, [PREFIX_F3] = 0xF3};
    bool group = (row->modrm & 0xFF00) >= MODRM_R, can_mem = row->modrm == MODRM_ANY;
    unsigned kind = row->modrm & 0xFF00, n = 0, reg = group ? row->modrm & 7u : from >> 9 & 7, rm = from >> 12 & 7;
    bool mem = kind == MODRM_MEM || kind == MODRM_RM || (can_mem && (from >> 15 & 1));
    if (mem && bits == 16)
        out[n++] = 0x67;
    if (prefix[row->prefix])
        out[n++] = prefix[row->prefix];
    out[n++] = 0x0F;
    out[n++] = row->opcode;
    if (mem) {
        u32 at = simd_address((u16)(from >> 16));
        if (row->opcode == 0xAE && reg == 2 && (from >> 16 & 7))
            at = SIMD_MXCSRS + (from >> 16 & (SIMD_MXCSRS_BYTES - 4));
        at -= bits == 16 ? 0x10000 : 0; /* where its segments begin */
        out[n++] = (u8)(reg << 3 | 5);
        memcpy(out + n, &at, 4);
        n += 4;
    } else if (row->modrm != MODRM_NO) {
        out[n++] = (u8)(0xC0 | reg << 3 | rm);
    }
    if (row->operand[1] == OPERAND_Ib || row->operand[2] == OPERAND_Ib)
        out[n++] = (u8)(from >> 16);
    return n;
}

static inline unsigned simd_insn(const struct cpu *c, unsigned bits, u32 from, u8 *out)
{
    if (from >> 30 == 0)
        return simd_other(from >> 9, out);
    const struct isa_row *row = from >> 27 == 31 ? &isa_rows[ISA_LDMXCSR_Md] : simd_row(c, from & 0x1FF);
    return simd_encode(row, bits, from, out);
}

/* The loop; its length. */
static inline size_t simd_code(const struct cpu *c, unsigned bits, struct fuzz_in *in, u8 *out, size_t max)
{
    size_t n = 0;
    while (in->left && n + SIMD_INSN_MAX + 5 <= max)
        n += simd_insn(c, bits, fuzz_take32(in), out + n);
    s32 back = -(s32)(n + (bits == 16 ? 3 : 5));
    out[n] = 0xE9;
    memcpy(out + n + 1, &back, 4);
    return n + 5;
}

static inline u64 simd_value(struct cases *c)
{
    u32 low = cases_f32(c);
    return cases_below(c, 2) ? cases_f64(c) : low | (u64)cases_f32(c) << 32;
}

static inline u32 simd_mxcsr_value(struct cases *c)
{
    u32 v = (u32)cases_next(c), masks = cases_below(c, 4) ? 0x1F80 : v & 0x1F80;
    return masks | (v & (cases_below(c, 16) ? 0xE03F : 0x1E03F)) | (cases_below(c, 4) ? 0 : 0x40);
}

/* Registers, MXCSR and the data, all from SEED. */
static inline void simd_state(struct cpu *c, u32 seed)
{
    struct cases r = {.state = seed * 0x9E3779B97F4A7C15ull + 1};
    for (unsigned i = 0; i < 16; i++)
        c->xmm[i / 2].q[i % 2] = simd_value(&r);
    for (unsigned i = 0; i < 8; i++)
        c->fpu.st[i].m = simd_value(&r);
    c->fpu.empty = (u8)cases_next(&r);
    c->fpu.top = cases_next(&r) & 7;
    c->fpu.cw = cases_below(&r, 16) ? X87_CW_INIT : X87_CW_FIXED;
    c->mxcsr = simd_mxcsr_value(&r) & 0xFFBF;
    c->r[R_SI] = SIMD_DATA + 0x100;
    c->r[R_DI] = SIMD_DATA + cases_below(&r, SIMD_DATA_BYTES); /* MASKMOVQ */
    for (u32 at = 0; at < SIMD_DATA_BYTES; at += 8) {
        u64 v = at < SIMD_MXCSRS_BYTES ? simd_mxcsr_value(&r) | (u64)simd_mxcsr_value(&r) << 32 : simd_value(&r);
        phys_write(c->mmu.phys, SIMD_DATA + at, &v, sizeof v);
    }
}

#endif
