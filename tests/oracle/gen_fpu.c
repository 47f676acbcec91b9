/*
 * gen_fpu.c - the state of x87, MMX and SSE, and memory operands that hold such states.
 */
#include "tests/oracle/gen.h"

/* Offsets in the FXSAVE image, SDM vol. 1 10.5.1. */
enum {
    FX_FCW = 0,
    FX_FSW = 2,
    FX_FTW = 4,
    FX_FOP = 6,
    FX_FIP = 8,
    FX_FDP = 16,
    FX_MXCSR = 24,
    FX_MASK = 28,
    FX_ST = 32,
    FX_XMM = 160
};

enum { FSW_TOP = 7 << 11, FSW_C = 0x4700, FSW_ES = 0x8080 };

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static enum value_type sse_type(const char *mnemonic)
{
    const char *end = mnemonic + strlen(mnemonic);
    const char *at = end - 2;
    if (starts(mnemonic, "cvt"))
        at = mnemonic + (mnemonic[3] == 't' ? 4 : 3);
    if (end - mnemonic < 4 || at[0] == 0)
        return VALUE_INT;
    if (starts(at, "ps") || starts(at, "ss"))
        return VALUE_F32;
    if (starts(at, "pd") || starts(at, "sd"))
        return VALUE_F64;
    return VALUE_INT;
}

enum value_type gen_type(const struct isa_row *row)
{
    if (row->attrs & (A_SSE | A_MMX))
        return sse_type(row->mnemonic);
    if (!(row->attrs & A_FPU) || starts(row->mnemonic, "fi"))
        return VALUE_INT;
    if (starts(row->mnemonic, "fb"))
        return VALUE_BCD;
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        if (row->operand[i] == OPERAND_Md)
            return VALUE_F32;
        if (row->operand[i] == OPERAND_Mq)
            return VALUE_F64;
        if (row->operand[i] == OPERAND_Mt)
            return VALUE_F80;
    }
    return VALUE_INT;
}

static u16 control_word(struct rng *r)
{
    u32 pick = rng_below(r, 10);
    if (pick < 3)
        return 0x037F;
    u16 cw = (u16)(0x40 | (rng_next(r) & 0x1F00));
    if (pick < 8)
        return cw | 0x3F;
    return cw | (rng_next(r) & 0x3F);
}

/* Mostly without a pending unmasked exception, which would hide the instruction. */
static u16 status_word(struct rng *r, u16 cw)
{
    u16 sw = (u16)(rng_next(r) & (FSW_TOP | FSW_C));
    if (rng_percent(r, 30))
        sw |= rng_next(r) & 0x7F;
    if (rng_percent(r, 90))
        sw &= (u16) ~(~cw & 0x3F);
    if (sw & ~cw & 0x3F)
        sw |= FSW_ES;
    return sw;
}

static void stack_values(struct rng *r, u8 *fx)
{
    for (unsigned i = 0; i < 8; i++) {
        u8 *st = fx + FX_ST + i * 16;
        value_f80(r, st);
        if (i && rng_percent(r, 15)) /* the same as another, or only in sign or last bit different */
            memcpy(st, st - 16, 10);
        if (i && rng_percent(r, 5))
            st[rng_percent(r, 50) ? 0 : 9] ^= rng_percent(r, 50) ? 1 : 0x80;
    }
}

static void vector_values(struct rng *r, enum value_type type, u8 *xmm)
{
    for (unsigned i = 0; i < 8; i++) {
        enum value_type t = rng_percent(r, 85) ? type : VALUE_INT;
        if (t == VALUE_F80 || t == VALUE_BCD)
            t = VALUE_INT;
        value_fill(r, t, xmm + i * 16, 16);
        if (i && rng_percent(r, 10))
            memcpy(xmm + i * 16, xmm + i * 16 - 16, 16);
    }
}

static u32 mxcsr(struct rng *r)
{
    u32 pick = rng_below(r, 10), any = (u32)rng_next(r);
    if (pick < 3)
        return 0x1F80;
    u32 flags = rng_percent(r, 30) ? any & 0x3F : 0;
    u32 zeros = rng_percent(r, 30) ? any & 0x8040 : 0; /* FTZ, DAZ */
    if (pick < 8)
        return 0x1F80 | (any & 0x6000) | flags | zeros;
    return (any & 0x7F80) | flags | zeros;
}

static void random_image(struct rng *r, enum value_type type, u8 *fx)
{
    memset(fx, 0, 512);
    u16 cw = control_word(r);
    st16(fx + FX_FCW, cw);
    st16(fx + FX_FSW, status_word(r, cw));
    fx[FX_FTW] = rng_percent(r, 60) ? 0xFF : (u8)rng_next(r);
    st16(fx + FX_FOP, (u16)(rng_next(r) & 0x7FF));
    st32(fx + FX_FIP, (u32)rng_next(r));
    st32(fx + FX_FDP, (u32)rng_next(r));
    st32(fx + FX_MXCSR, mxcsr(r));
    stack_values(r, fx);
    vector_values(r, type, fx + FX_XMM);
}

static void plain_image(u8 *fx)
{
    memset(fx, 0, 512);
    st16(fx + FX_FCW, 0x037F);
    st32(fx + FX_MXCSR, 0x1F80);
}

/* ---- quiet registers ---- */

void gen_quiet(u64 *r, u8 *fx)
{
    plain_image(fx);
    st16(fx + FX_FOP, 0x123);
    st32(fx + FX_FIP, 0x20ABCDEF);
    st32(fx + FX_FDP, 0x40FEDCBA);
    for (unsigned i = 0; i < 8; i++) {
        r[i] = 0x91A2B3C4 ^ i * 0x01010101u;
        st64(fx + FX_ST + i * 16, 0x80C0FFEE00000000 | i);
        st16(fx + FX_ST + i * 16 + 8, (u16)(0x4000 + i));
        st64(fx + FX_XMM + i * 16, 0x3FF0000040000000 | i);
        st64(fx + FX_XMM + i * 16 + 8, 0x4010000040800000 | i);
    }
}

static bool has_operand(const struct isa_row *row, enum isa_operand first, enum isa_operand last)
{
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        if (row->operand[i] >= first && row->operand[i] <= last)
            return true;
    }
    return false;
}

/* Leaves what the instruction may read: ST0, ST1, and the registers of the ModRM byte and of addresses. */
static void make_lean(const struct gen *g, u8 *fx)
{
    u8 quiet[512];
    u64 quiet_r[8];
    unsigned reg = g->modrm >> 3 & 7, rm = g->modrm & 7, top = ld16(fx + FX_FSW) >> 11 & 7;
    bool general = has_operand(g->row, OPERAND_Eb, OPERAND_Zv) || has_operand(g->row, OPERAND_Rd, OPERAND_Rd);
    bool mmx = has_operand(g->row, OPERAND_Pq, OPERAND_Nq), sse = g->row->attrs & A_SSE, x87 = g->row->attrs & A_FPU;
    gen_quiet(quiet_r, quiet);
    memcpy(fx + FX_FOP, quiet + FX_FOP, FX_MXCSR - FX_FOP);
    for (unsigned i = 0; i < 8; i++) {
        if (!(general && (i == reg || i == rm)) && !(g->used & BIT(i)))
            g->c->r[i] = quiet_r[i];
        unsigned number = (top + i) & 7;
        bool st = (x87 && (i <= 1 || i == rm)) || (mmx && (number == reg || number == rm));
        if (!st)
            memcpy(fx + FX_ST + i * 16, quiet + FX_ST + number * 16, 10);
        if (!sse || (i != reg && i != rm))
            memcpy(fx + FX_XMM + i * 16, quiet + FX_XMM + i * 16, 16);
    }
}

/* ---- states in memory ---- */

/* The environment of FLDENV in the 32-bit or 16-bit protected-mode format; returns its length. */
static unsigned environment(struct gen *g, u8 *to)
{
    struct rng *r = &g->rng;
    u16 cw = control_word(r), sw = status_word(r, cw);
    unsigned step = g->opw;
    memset(to, 0, 7 * step);
    if (rng_percent(r, 10))
        sw ^= FSW_ES;
    st16(to, cw);
    st16(to + step, sw);
    st16(to + 2 * step, (u16)(rng_percent(r, 40) ? 0 : rng_next(r)));
    for (unsigned i = 3; i < 7; i++)
        st16(to + i * step, (u16)rng_next(r));
    if (step == 4) {
        st16(to + 14, 0);
        st32(to + 12, (u32)rng_next(r));
        st32(to + 20, (u32)rng_next(r));
        st32(to + 16, (u32)rng_next(r) & 0x07FF0000);
    }
    return 7 * step;
}

static void memory_state(struct gen *g)
{
    u8 bytes[128];
    unsigned n = environment(g, bytes);
    if (strcmp(g->row->mnemonic, "frstor") == 0) {
        for (unsigned i = 0; i < 8; i++, n += 10)
            value_f80(&g->rng, bytes + n);
    }
    gen_patch(g, g->target, bytes, n);
}

static void memory_image(struct gen *g)
{
    u8 fx[512];
    random_image(&g->rng, VALUE_INT, fx);
    if (rng_percent(&g->rng, 5))
        st32(fx + FX_MXCSR, (u32)rng_next(&g->rng));
    gen_patch(g, g->target, fx, sizeof fx);
}

void gen_fpu(struct gen *g)
{
    const char *mnemonic = g->row->mnemonic;
    u64 quiet_r[8];
    if (!(g->row->attrs & (A_FPU | A_MMX | A_SSE)) && !starts(mnemonic, "fx")) {
        plain_image(g->c->fx);
        if (g->options->lean)
            gen_quiet(quiet_r, g->c->fx);
        return;
    }
    random_image(&g->rng, gen_type(g->row), g->c->fx);
    if (g->options->lean && g->size_mem < 94) /* not those that save or load all registers */
        make_lean(g, g->c->fx);
    if (!g->mem)
        return;
    if (strcmp(mnemonic, "frstor") == 0 || strcmp(mnemonic, "fldenv") == 0)
        memory_state(g);
    else if (strcmp(mnemonic, "fldcw") == 0) {
        u16 cw = control_word(&g->rng);
        gen_patch(g, g->target, &cw, 2);
    } else if (strcmp(mnemonic, "ldmxcsr") == 0) {
        u32 v = rng_percent(&g->rng, 90) ? mxcsr(&g->rng) : (u32)rng_next(&g->rng);
        gen_patch(g, g->target, &v, 4);
    } else if (strcmp(mnemonic, "fxrstor") == 0) {
        memory_image(g);
    }
}
