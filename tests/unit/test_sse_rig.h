/*
 * test_sse_rig.h - MMX, SSE and SSE2 instructions one at a time, taken from the rows of isa.def: encoded, run by our handler
 * and on the host's own silicon, compared. For test_mmx.c and test_sse*.c.
 *
 * The state is the FXSAVE image of both sides. What the host's processor does not define, or defines otherwise than the one
 * that is emulated, is left out in simd_same().
 */
#ifndef OMBRA_TESTS_UNIT_TEST_SSE_RIG_H
#define OMBRA_TESTS_UNIT_TEST_SSE_RIG_H

#define _GNU_SOURCE /* registers by name in ucontext.h; this header comes first */
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
    u64 eflags; /* arithmetic flags */
    u64 gpr[SIMD_REGS];
    u64 at; /* offset of the operand in mem */
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

/* Name of the row's operand whose letter is in LETTERS ("GPV" for ModRM.reg, "EWQNUM" for ModRM.rm), or "". */
static inline const char *simd_operand(const struct isa_row *row, const char *letters)
{
    static const char *const names[] = {
#define O(name) #name,
        ISA_OPERANDS(O)
#undef O
    };
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++)
        if (row->operand[i] != OPERAND_NO && strchr(letters, names[row->operand[i]][0]))
            return names[row->operand[i]];
    return "";
}

/* Bytes of the memory operand. */
static inline unsigned simd_mem_bytes(const struct isa_row *row)
{
    switch (simd_operand(row, "EWQM")[1]) {
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
    default:
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

/* The row writes its memory operand: it is the first one and not only compared or loaded from. */
static inline bool simd_stores(const struct isa_row *row)
{
    static const char letters[] = {['E'] = 1, ['W'] = 1, ['Q'] = 1, ['M'] = 1};
    static const char *const names[] = {
#define O(name) #name,
        ISA_OPERANDS(O)
#undef O
    };
    return letters[names[row->operand[0]][0] & 0x5F] && !simd_is(row, "ldmxcsr") && !simd_is(row, "fxrstor");
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
        sw |= (u16) ~cw & FP_ALL;
    }
    if (sw & ~cw & FP_ALL)
        sw |= X87_ES | X87_B;
    st16(fx + FX_CW, cw);
    st16(fx + FX_SW, sw);
    fx[FX_TAGS] = (u8)(v >> 24);
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
        if (i > 1 && cases_below(c, 6) == 0) /* equal, or nearly */
            st64(lane, ld64(lane - 16) ^ (u64)cases_below(c, 2) << 63 ^ cases_below(c, 2));
        else
            st64(lane, simd_lane(c, lanes));
    }
    for (unsigned i = 0; i < SIMD_MEM_BYTES; i += 8)
        st64(s->mem + i, simd_lane(c, lanes));
    s->at = simd_aligned(row) ? 0 : cases_below(c, 16);
    st64(s->mem + s->at, simd_lane(c, lanes));
    if (simd_is(row, "ldmxcsr"))
        st32(s->mem + s->at, (u16)cases_next(c));
    for (unsigned i = 0; i < SIMD_REGS; i++)
        s->gpr[i] = (u32)cases_bits(c);
    s->eflags = cases_next(c) & F_ARITH;
}

static inline void simd_load(struct rig *r, const struct simd_state *s)
{
    struct cpu *c = r->c;
    x87_fxrstor(c, 4, s->fx);
    c->mxcsr = ld32(s->fx + FX_MXCSR);
    memcpy(c->xmm, s->fx + FX_XMM, 128);
    memcpy(c->r, s->gpr, sizeof s->gpr);
    c->r[R_SI] = c->r[R_DI] = SIMD_MEM + s->at;
    flags_set_arith(c, (u32)s->eflags);
    memcpy(r->ram + SIMD_MEM, s->mem, SIMD_MEM_BYTES);
}

static inline void simd_store(const struct rig *r, struct simd_state *s)
{
    const struct cpu *c = r->c;
    x87_fxsave(c, 4, s->fx);
    st32(s->fx + FX_MXCSR, c->mxcsr);
    memcpy(s->fx + FX_XMM, c->xmm, 128);
    memcpy(s->gpr, c->r, sizeof s->gpr);
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

/* ---- comparison ---- */

static inline bool simd_near(const u8 *a, const u8 *b)
{
    for (unsigned i = 0; i < 16; i += 4) {
        float x, y;
        memcpy(&x, a + i, 4);
        memcpy(&y, b + i, 4);
        float error = x > y ? x - y : y - x, size = y < 0 ? -y : y;
        if (memcmp(a + i, b + i, 4) != 0 && !(error <= size * (2 * 1.5f / 4096))) /* each to 1.5 * 2^-12 */
            return false;
    }
    return true;
}

/* CVTPI2PS from memory: Intel's processors enter MMX mode and wait for the x87, AMD's do neither. */
static inline bool simd_x87_differs(const struct simd_insn *i)
{
    return i->mem && simd_is(i->row, "cvtpi2ps");
}

static inline void simd_forget_pending(u8 *fx)
{
    st16(fx + FX_CW, 0x037F);
    st16(fx + FX_SW, ld16(fx + FX_SW) & (u16) ~(X87_ES | X87_B));
}

/* X87 pointers (bytes 6 to 23) are not compared: no instruction here sets them, and some hosts forget them. */
static inline const char *simd_same(const struct simd_insn *i, const struct simd_state *a, const struct simd_state *b)
{
    bool approximate = simd_is(i->row, "rcp") || simd_is(i->row, "rsqrt");
    if (a->vector != b->vector)
        return "exception";
    if (memcmp(a->fx + FX_CW, b->fx + FX_CW, FX_TAGS + 1) != 0 && !simd_x87_differs(i))
        return "x87 control, status, tags";
    if (ld32(a->fx + FX_MXCSR) != ld32(b->fx + FX_MXCSR))
        return "MXCSR";
    for (unsigned n = 0; n < 8; n++) {
        const u8 *x = a->fx + FX_XMM + 16 * n, *y = b->fx + FX_XMM + 16 * n;
        if (memcmp(a->fx + FX_ST + 16 * n, b->fx + FX_ST + 16 * n, 10) != 0 && !simd_x87_differs(i))
            return "MMX register";
        if (memcmp(x, y, 16) != 0 && !(approximate && simd_near(x, y)))
            return "XMM register";
    }
    if (memcmp(a->gpr, b->gpr, sizeof a->gpr) != 0)
        return "general register";
    if (a->eflags != b->eflags)
        return "EFLAGS";
    return memcmp(a->mem, b->mem, SIMD_MEM_BYTES) != 0 ? "memory" : NULL;
}

static inline void simd_print(const char *who, const struct simd_state *s)
{
    print_error("%-8s vector %d cw %04X sw %04X tags %02X mxcsr %04X eflags %03X eax %08X ecx %08X edx %08X\n", who,
                s->vector, ld16(s->fx + FX_CW), ld16(s->fx + FX_SW), s->fx[FX_TAGS], ld32(s->fx + FX_MXCSR),
                (u32)s->eflags, (u32)s->gpr[0], (u32)s->gpr[1], (u32)s->gpr[2]);
    for (unsigned n = 0; n < 8; n++)
        print_error("  %u st %04X %016llX  xmm %016llX %016llX\n", n, ld16(s->fx + FX_ST + 16 * n + 8),
                    (unsigned long long)ld64(s->fx + FX_ST + 16 * n),
                    (unsigned long long)ld64(s->fx + FX_XMM + 16 * n + 8),
                    (unsigned long long)ld64(s->fx + FX_XMM + 16 * n));
    for (unsigned n = 0; n < SIMD_MEM_BYTES; n += 16)
        print_error("  mem %016llX %016llX\n", (unsigned long long)ld64(s->mem + n + 8),
                    (unsigned long long)ld64(s->mem + n));
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

struct simd_run {
    struct simd_rig s;
    u64 cases, traps, hash;
};

enum { SIMD_ENCODINGS = 8, SIMD_HASHED = 64 };

/* The results of one row, added to the run's hash. */
static inline void simd_hash_row(void *ctx, const struct isa_row *row, bool mem)
{
    struct simd_run *t = ctx;
    struct cases c = simd_cases(row, mem);
    for (unsigned n = 0; n < SIMD_HASHED; n++) {
        struct simd_insn i;
        struct simd_state s;
        simd_encode(&t->s, row, mem, &c, &i);
        simd_random(&c, row, &s);
        simd_ours(&t->s.r, &i, &s);
        for (unsigned at = 0; at < FX_XMM + 128; at += 8)
            if (at < 8 || at >= FX_MXCSR)
                cases_mix(&c, ld64(s.fx + at));
        for (unsigned at = 0; at < SIMD_MEM_BYTES; at += 8)
            cases_mix(&c, ld64(s.mem + at));
        for (unsigned at = 0; at < SIMD_REGS; at++)
            cases_mix(&c, s.gpr[at]);
        cases_mix(&c, s.eflags << 8 | (u8)s.vector);
    }
    t->hash += c.hash;
}

static inline void simd_check_hash(simd_filter filter, u64 expected)
{
    struct simd_run t = {.cases = 0};
    simd_init(&t.s);
    simd_each(filter, simd_hash_row, &t);
    if (t.hash != expected)
        print_error("hash of the results is now 0x%016llx; take it over only where the native comparison passes\n",
                    (unsigned long long)t.hash);
    simd_free(&t.s);
    assert_true(t.hash == expected);
}

#ifdef __x86_64__
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

/* What the last SIGFPE told. RESUME is where the code under test ends. */
static struct {
    volatile int vector;
    volatile u32 mxcsr;
    volatile u64 resume;
} simd_trap;

static void simd_on_sigfpe(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    (void)sig;
    (void)info;
    simd_trap.vector = (int)u->uc_mcontext.gregs[REG_TRAPNO];
    simd_trap.mxcsr = u->uc_mcontext.fpregs->mxcsr;
    u->uc_mcontext.fpregs->mxcsr = MXCSR_MASKED;
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)simd_trap.resume;
}

/* Runs the code at CODE (LEN bytes, then RET) on S. */
static inline void simd_silicon(const u8 *code, unsigned len, struct simd_state *s)
{
    static const u32 mxcsr_default = MXCSR_MASKED;
    register struct simd_state *state __asm__("rbx") = s;
    register const u8 *entry __asm__("r8") = code;
    register const u32 *csr __asm__("r9") = &mxcsr_default;
    u8 *operand = s->mem + s->at;
    simd_trap.vector = RIG_OK;
    simd_trap.resume = (u64)(uintptr_t)(code + len);
    s->eflags |= F_ONE;
    __asm__ volatile("subq $128, %%rsp\n\t" /* the red zone */
                     "fxrstor %c[fx](%%rbx)\n\t"
                     "pushq %c[eflags](%%rbx)\n\t"
                     "popfq\n\t"
                     "movq %c[gpr](%%rbx), %%rax\n\t"
                     "movq %c[gpr]+8(%%rbx), %%rcx\n\t"
                     "movq %c[gpr]+16(%%rbx), %%rdx\n\t"
                     "call *%%r8\n\t"
                     "movq %%rax, %c[gpr](%%rbx)\n\t"
                     "movq %%rcx, %c[gpr]+8(%%rbx)\n\t"
                     "movq %%rdx, %c[gpr]+16(%%rbx)\n\t"
                     "pushfq\n\t"
                     "popq %c[eflags](%%rbx)\n\t"
                     "fxsave %c[fx](%%rbx)\n\t"
                     "fninit\n\t"
                     "ldmxcsr (%%r9)\n\t"
                     "addq $128, %%rsp"
                     :
                     : "r"(state), "r"(entry), "r"(csr), "S"(operand), "D"(operand),
                       [fx] "i"(offsetof(struct simd_state, fx)), [eflags] "i"(offsetof(struct simd_state, eflags)),
                       [gpr] "i"(offsetof(struct simd_state, gpr))
                     : "rax", "rcx", "rdx", "cc", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
                       "st(7)", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
                       "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    s->eflags &= F_ARITH;
    s->vector = simd_trap.vector;
    if (s->vector != RIG_OK)
        st32(s->fx + FX_MXCSR, simd_trap.mxcsr);
}

struct simd_native {
    struct simd_run run;
    u8 *code; /* one page */
    u32 per_form;
};

/* RET after each of some encodings of ROW, then random states for each. */
static void simd_native_row(void *ctx, const struct isa_row *row, bool mem)
{
    struct simd_native *t = ctx;
    struct cases c = simd_cases(row, mem);
    struct simd_insn i[SIMD_ENCODINGS];
    assert_int_equal(mprotect(t->code, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    for (unsigned n = 0; n < SIMD_ENCODINGS; n++) {
        simd_encode(&t->run.s, row, mem, &c, &i[n]);
        memcpy(t->code + 64 * n, i[n].code, i[n].len);
        t->code[64 * n + i[n].len] = 0xC3;
    }
    assert_int_equal(mprotect(t->code, PAGE_SIZE, PROT_READ | PROT_EXEC), 0);
    for (u32 k = 0; k < t->per_form; k++) {
        unsigned n = k % SIMD_ENCODINGS;
        struct simd_state start, ours, silicon;
        simd_random(&c, row, &start);
        if (simd_x87_differs(&i[n]))
            simd_forget_pending(start.fx);
        ours = silicon = start;
        simd_ours(&t->run.s.r, &i[n], &ours);
        simd_silicon(t->code + 64 * n, i[n].len, &silicon);
        t->run.cases++;
        t->run.traps += silicon.vector != RIG_OK;
        const char *what = simd_same(&i[n], &silicon, &ours);
        if (!what)
            continue;
        print_error("%s, case %u: %s\n", row->id, k, what);
        simd_print("before", &start);
        simd_print("silicon", &silicon);
        simd_print("ours", &ours);
        fail();
    }
}

/* All rows that FILTER takes against the host's silicon, PER_FORM cases for each form. */
static void simd_check_native(simd_filter filter, u32 per_form)
{
    struct simd_native t = {.per_form = cases_count(per_form)};
    struct sigaction act = {.sa_sigaction = simd_on_sigfpe, .sa_flags = SA_SIGINFO}, old;
    simd_init(&t.run.s);
    t.code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(t.code != MAP_FAILED);
    sigaction(SIGFPE, &act, &old);
    unsigned forms = simd_each(filter, simd_native_row, &t);
    sigaction(SIGFPE, &old, NULL);
    print_message("%u forms, %llu cases, %llu exceptions\n", forms, (unsigned long long)t.run.cases,
                  (unsigned long long)t.run.traps);
    munmap(t.code, PAGE_SIZE);
    simd_free(&t.run.s);
    assert_true(t.run.traps > 0);
}
#endif

#endif
