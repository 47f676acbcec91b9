/*
 * test_sse_rig.h - MMX, SSE and SSE2 instructions one at a time, taken from the rows of isa.def: encoded, given a
 * random state, run by our handler. For test_sse*.c.
 */
#ifndef OMBRA_TESTS_UNIT_TEST_SSE_RIG_H
#define OMBRA_TESTS_UNIT_TEST_SSE_RIG_H

#include "op_rig.h"
#include "cpu/decode.h"
#include "cpu/isa.h"
#include "cpu/x87.h"
#include "tests/unit/softfp_cases.h"
#include <stdio.h>

enum {
    SIMD_MEM = 0x2000, /* where memory operands are; ESI points there */
    SIMD_MEM_BYTES = 48,
    SIMD_REGS = 3, /* EAX, ECX, EDX take part */
    SIMD_CODE = 16,
    FX_CW = 0,
    FX_SW = 2,
    FX_TAGS = 4,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160,
    MXCSR_MASKED = 0x1F80,
};

/* All that an instruction can see or change. */
struct simd_state {
    _Alignas(16) u8 fx[512];
    _Alignas(16) u8 mem[SIMD_MEM_BYTES];
    u32 eflags; /* arithmetic flags */
    u32 gpr[SIMD_REGS];
    u32 at;     /* offset of the operand in mem */
    int vector; /* of the exception, or RIG_OK */
};

struct simd_insn {
    const struct isa_row *row;
    bool mem;
    u8 code[SIMD_CODE];
    unsigned len;
    struct insn in;
};

struct simd_rig {
    struct rig r;
    struct decoder *decoder;
};

static inline void simd_init(struct simd_rig *s)
{
    rig_init(&s->r, 32);
    s->r.c->features = cpu_model_find("p4")->features;
    s->r.c->cr0 |= CR0_NE;
    s->r.c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    s->decoder = decoder_new(s->r.c->features);
    assert_non_null(s->decoder);
}

static inline void simd_free(struct simd_rig *s)
{
    decoder_free(s->decoder);
    rig_free(&s->r);
}

/* ---- rows ---- */

static inline const char *simd_operand_name(u8 kind)
{
    static const char *const names[] = {
#define O(name) #name,
        ISA_OPERANDS(O)
#undef O
    };
    return kind == OPERAND_NO ? "" : names[kind];
}

/* The row's operand whose letter is in LETTERS ("GPV" for ModRM.reg, "EWQNUM" for ModRM.rm), or "". */
static inline const char *simd_operand(const struct isa_row *row, const char *letters)
{
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        const char *name = simd_operand_name(row->operand[i]);
        if (name[0] && strchr(letters, name[0]))
            return name;
    }
    return "";
}

/* Bytes of the memory operand; 0 if there is none. */
static inline unsigned simd_mem_bytes(const struct isa_row *row)
{
    const char *name = simd_operand(row, "EWQM");
    switch (name[0] ? name[1] : 'n') {
    case 'n':
        return 0;
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'd':
        return 4;
    case 'q':
        return 8;
    case 'o':
        return 16;
    default: /* M */
        return 512;
    }
}

static inline bool simd_is(const struct isa_row *row, const char *start)
{
    return strncmp(row->mnemonic, start, strlen(start)) == 0;
}

/* The memory operand must be aligned. */
static inline bool simd_aligned(const struct isa_row *row)
{
    return simd_mem_bytes(row) >= 16 && !simd_is(row, "movup") && !simd_is(row, "movdqu");
}

/* The row writes its memory operand. */
static inline bool simd_stores(const struct isa_row *row)
{
    char first = simd_operand_name(row->operand[0])[0];
    return first && strchr("EWQM", first) && !simd_is(row, "ldmxcsr") && !simd_is(row, "fxrstor");
}

static inline bool simd_has_form(const struct isa_row *row, bool mem)
{
    switch (row->modrm & 0xFF00) {
    case MODRM_NO:
    case MODRM_REG:
    case MODRM_RR:
        return !mem;
    case MODRM_MEM:
    case MODRM_RM:
        return mem;
    default:
        return true;
    }
}

static inline unsigned simd_pick(struct cases *c, const struct isa_row *row, const char *letters)
{
    char letter = simd_operand(row, letters)[0];
    return cases_below(c, letter == 'G' || letter == 'E' ? SIMD_REGS : 8);
}

/* One encoding of ROW with registers and immediate at random; the decoder must find the row again. */
static inline void simd_encode(struct simd_rig *s, const struct isa_row *row, bool mem, struct cases *c,
                               struct simd_insn *out)
{
    static const u8 prefix[] = {[PREFIX_66] = 0x66, [PREFIX_F2] = 0xF2, [PREFIX_F3] = 0xF3};
    *out = (struct simd_insn){.row = row, .mem = mem};
    unsigned n = 0;
    if (prefix[row->prefix])
        out->code[n++] = prefix[row->prefix];
    out->code[n++] = 0x0F;
    out->code[n++] = row->opcode;
    if (row->modrm != MODRM_NO) {
        bool group = (row->modrm & 0xFF00) >= MODRM_R;
        unsigned reg = group ? row->modrm & 7u : simd_pick(c, row, "GPV");
        unsigned rm = mem ? (unsigned)R_SI : simd_pick(c, row, "EWQNU");
        out->code[n++] = (u8)((mem ? 0 : 0xC0) | reg << 3 | rm);
    }
    if (simd_operand(row, "I")[0])
        out->code[n++] = (u8)(cases_below(c, 2) ? cases_below(c, 70) : cases_below(c, 256));
    out->len = n;
    struct decode_mode mode = {.decoder = s->decoder, .bits = 32};
    assert_int_equal(decode(&mode, out->code, SIMD_CODE, &out->in), DECODE_OK);
    assert_int_equal(out->in.len, n);
    assert_string_equal(isa_rows[out->in.op].id, row->id);
}

/* ---- states ---- */

enum simd_lanes { LANES_INT, LANES_F32, LANES_F64 };

/* What the row's source operand holds. */
static inline enum simd_lanes simd_lanes_of(const struct isa_row *row)
{
    const char *name = row->mnemonic, *kind = name + strlen(name) - 2;
    if (simd_is(row, "cvt"))
        kind = name + (name[3] == 't' ? 4 : 3);
    if (memcmp(kind, "ps", 2) == 0 || memcmp(kind, "ss", 2) == 0)
        return LANES_F32;
    return memcmp(kind, "pd", 2) == 0 || memcmp(kind, "sd", 2) == 0 ? LANES_F64 : LANES_INT;
}

/* Elements of one width, each at an edge or random. */
static inline u64 simd_int64(struct cases *c)
{
    u64 v = cases_next(c), pattern = cases_next(c);
    unsigned width = 8u << cases_below(c, 4);
    if (cases_below(c, 5) == 0)
        return cases_below(c, 80); /* a shift count */
    for (unsigned i = 0; i < 64; i += width) {
        u64 ones = ~(u64)0 >> (64 - width), edge = 0;
        switch (pattern >> i & 7) {
        case 0:
            edge = (u64)1 << (width - 1);
            break;
        case 1:
            edge = ones >> 1;
            break;
        case 2:
            edge = ones;
            break;
        case 3:
            edge = v >> i & 1;
            break;
        default:
            continue;
        }
        v = (v & ~(ones << i)) | edge << i;
    }
    return v;
}

static inline u64 simd_lane(struct cases *c, enum simd_lanes lanes)
{
    switch (lanes) {
    case LANES_F32: {
        u32 low = cases_f32(c);
        return low | (u64)cases_f32(c) << 32;
    }
    case LANES_F64:
        return cases_f64(c);
    default:
        return simd_int64(c);
    }
}

static inline u32 simd_mxcsr(struct cases *c)
{
    u32 v = (u32)cases_next(c);
    u32 masks = cases_below(c, 4) ? MXCSR_MASKED : v & MXCSR_MASKED;
    u32 sticky = cases_below(c, 2) ? v >> 16 & FP_ALL : 0;
    return masks | sticky | (v & 0xE040); /* RC, FTZ and DAZ */
}

static inline void simd_x87(struct cases *c, u8 *fx)
{
    u32 v = (u32)cases_next(c);
    u16 cw = 0x037F, sw = v & (X87_CC | X87_C1 | FP_ALL | 0x3800);
    if (cases_below(c, 32) == 0) { /* an exception waits */
        cw &= (u16) ~(1u << (v >> 16) % 6);
        sw |= (u16)~cw & FP_ALL;
    }
    if (sw & ~cw & FP_ALL)
        sw |= X87_ES | X87_B;
    st16(fx + FX_CW, cw);
    st16(fx + FX_SW, sw);
    fx[FX_TAGS] = (u8)(v >> 24);
}

/* No x87 exception waits. */
static inline void simd_forget_pending(u8 *fx)
{
    st16(fx + FX_CW, 0x037F);
    st16(fx + FX_SW, ld16(fx + FX_SW) & (u16) ~(X87_ES | X87_B));
}

/* A state in which ROW has something to do. */
static inline void simd_random(struct cases *c, const struct isa_row *row, struct simd_state *s)
{
    enum simd_lanes lanes = simd_lanes_of(row);
    memset(s, 0, sizeof *s);
    simd_x87(c, s->fx);
    st32(s->fx + FX_MXCSR, simd_mxcsr(c));
    for (unsigned i = 0; i < 8; i++) {
        st64(s->fx + FX_ST + 16 * i, simd_int64(c));
        st16(s->fx + FX_ST + 16 * i + 8, (u16)(cases_below(c, 2) ? cases_next(c) : 0xFFFF));
    }
    for (unsigned i = 0; i < 16; i++) {
        u8 *lane = s->fx + FX_XMM + 8 * i;
        u64 v = simd_lane(c, lanes), nearly = cases_below(c, 24);
        if (i > 1 && nearly < 4) /* the same again, the next number, the other sign */
            v = ld64(lane - 16) ^ (nearly & 1) << 63 ^ nearly >> 1;
        st64(lane, v);
    }
    for (unsigned i = 0; i < SIMD_MEM_BYTES; i += 8)
        st64(s->mem + i, simd_lane(c, lanes));
    s->at = simd_aligned(row) ? 0 : cases_below(c, 16);
    st64(s->mem + s->at, simd_lane(c, lanes));
    if (simd_is(row, "ldmxcsr"))
        st32(s->mem + s->at, (u16)cases_next(c));
    for (unsigned i = 0; i < SIMD_REGS; i++)
        s->gpr[i] = (u32)cases_bits(c);
    s->eflags = (u32)cases_next(c) & F_ARITH;
}

static inline void simd_load(struct rig *r, const struct simd_state *s)
{
    struct cpu *c = r->c;
    x87_fxrstor(c, 4, s->fx);
    c->mxcsr = ld32(s->fx + FX_MXCSR);
    memcpy(c->xmm, s->fx + FX_XMM, 128);
    for (unsigned i = 0; i < SIMD_REGS; i++)
        c->r[i] = s->gpr[i];
    c->r[R_SI] = c->r[R_DI] = SIMD_MEM + s->at;
    flags_set_arith(c, s->eflags);
    memcpy(r->ram + SIMD_MEM, s->mem, SIMD_MEM_BYTES);
}

static inline void simd_store(const struct rig *r, struct simd_state *s)
{
    const struct cpu *c = r->c;
    x87_fxsave(c, 4, s->fx);
    st32(s->fx + FX_MXCSR, c->mxcsr);
    memcpy(s->fx + FX_XMM, c->xmm, 128);
    for (unsigned i = 0; i < SIMD_REGS; i++)
        s->gpr[i] = (u32)c->r[i];
    s->eflags = flags_arith(c);
    memcpy(s->mem, r->ram + SIMD_MEM, SIMD_MEM_BYTES);
}

/* Executes IN on what the rig's processor holds. Returns RIG_OK or the vector. */
static inline int simd_step(struct rig *r, const struct insn *in)
{
    op_fn forms[EXEC_FORMS];
    for (unsigned i = 0; i < EXEC_FORMS; i++)
        forms[i] = in->fn;
    r->in = *in;
    return rig_run(r, forms);
}

static inline void simd_ours(struct rig *r, const struct simd_insn *i, struct simd_state *s)
{
    simd_load(r, s);
    s->vector = simd_step(r, &i->in);
    simd_store(r, s);
}

/* BYTES as an instruction. */
static inline int simd_bytes(struct simd_rig *s, u64 bytes)
{
    struct decode_mode mode = {.decoder = s->decoder, .bits = 32};
    struct insn in;
    u8 code[SIMD_CODE] = {0};
    memcpy(code, &bytes, sizeof bytes);
    assert_int_equal(decode(&mode, code, sizeof code, &in), DECODE_OK);
    return simd_step(&s->r, &in);
}

/* ---- every row ---- */

typedef bool (*simd_filter)(const struct isa_row *row);

/* Calls DO_ROW for each form of each row that FILTER takes. Returns how many there were. */
static inline unsigned simd_each(simd_filter filter, void (*do_row)(void *ctx, const struct isa_row *row, bool mem),
                                 void *ctx)
{
    unsigned n = 0;
    for (unsigned id = 1; id < ISA_COUNT; id++) {
        const struct isa_row *row = &isa_rows[id];
        if (!filter(row))
            continue;
        for (int mem = 0; mem < 2; mem++) {
            if (!simd_has_form(row, mem))
                continue;
            do_row(ctx, row, mem);
            n++;
        }
    }
    return n;
}

/* A generator that depends on the row's name only, so that other rows may come and go. */
static inline struct cases simd_cases(const struct isa_row *row, bool mem)
{
    struct cases c = {.state = 0x9E3779B97F4A7C15ull + mem};
    for (const char *p = row->id; *p; p++)
        c.state = (c.state ^ (u8)*p) * 0x100000001B3ull;
    cases_next(&c);
    return c;
}

#endif
