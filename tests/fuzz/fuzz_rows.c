/*
 * fuzz_rows.c - loops of instructions from all rows of isa.def (rows_code.h), translated and compared with the
 * interpreter
 * (every other input by --verify). A processor and memory, no devices: many loops in little time. Faults lead to the
 * code behind.
 *
 * An input says what the loop is made from.
 */
#define _GNU_SOURCE /* memfd_create */
#include "cpu/x87.h"
#include "frontend/blockview.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/rows_code.h"
#include "tests/fuzz/simd_code.h"
#include "tests/fuzz/x87_code.h"
#include "tests/unit/test_cpu_rig.h"

#ifndef BACKEND
#define BACKEND ENGINE_HOST
#endif

enum { COUNTS = 4000, INSNS = 60, LOOP_MAX = 0x800, LOOP16 = 0x8000, HANDLER16 = 0x7800, STACK = 0x1DC00 };

enum mode { MODE_FLAT, MODE_PAGED, MODE_USER, MODE_BASED, MODE_16, MODE_REAL, MODE_VM86, MODES };

enum { CODE_16 = SEL_FREE + 8, STACK_16 = SEL_FREE + 16 };

static u32 loop_at(enum mode mode)
{
    return mode == MODE_REAL ? LOOP16 : CODE;
}

static bool is_wide(enum mode mode)
{
    return mode < MODE_16;
}

/* Handlers: to the chunk of code behind that of the fault. */
static void put_handlers(struct rig *r)
{
    static const u8 with_code[] = {8, 10, 11, 12, 13, 14, 17}, code[] = {0x83, 0xC4, 4}; /* ADD ESP,4 */
    static const u8 next[] = {0x50, 0x8B, 0x44,           0x24, 4,                       /* PUSH EAX; MOV EAX,[ESP+4] */
                              0x83, 0xC8, ROWS_CHUNK - 1, 0x40,                          /* OR EAX,63; INC EAX */
                              0x89, 0x44, 0x24,           4,    0x58, 0xCF}; /* MOV [ESP+4],EAX; POP EAX; IRETD */
    static const u8 next16[] = {
        0x55, 0x89, 0xE5,           0x50, 0x8B, 0x46, 2, /* PUSH BP; MOV BP,SP; PUSH AX; MOV AX,[BP+2] */
        0x83, 0xC8, ROWS_CHUNK - 1, 0x40, 0x89, 0x46, 2, 0x58, 0x5D, 0xCF};
    for (unsigned v = 0; v < 32; v++) {
        u32 at = HANDLERS + v * 32;
        bool has_code = memchr(with_code, (int)v, sizeof with_code);
        if (has_code)
            phys_write(&r->phys, at, code, sizeof code);
        phys_write(&r->phys, at + (has_code ? sizeof code : 0), next, sizeof next);
        rig_idt(r, (u8)v, K_CODE, at, SEG_P | DESC_INT32);
        rig_put(r, v * 4, 4, HANDLER16);
    }
    phys_write(&r->phys, HANDLER16, next16, sizeof next16);
}

static void put_pages(struct rig *r)
{
    rig_paging(r);
    rig_put(r, PAGE_TAB + 0x16 * 4, 4, 0x16005); /* may not be written */
    rig_put(r, PAGE_TAB + 0x17 * 4, 4, 0x17006); /* is not there */
    mmu_load_cr3(&r->cpu->mmu, r->cpu->cr3);
}

static void enter(struct rig *r, enum mode mode, u32 base)
{
    struct cpu *c = r->cpu;
    if (mode == MODE_REAL) {
        rig_real(r, "");
        for (unsigned i = 0; i < SEG_COUNT; i++)
            if (i != SEG_CS)
                seg_load_real(c, (enum seg_reg)i, (u16)(base >> 4));
        cpu_update_mode(c);
        return;
    }
    rig_protected(r, mode == MODE_USER ? 3 : 0, "");
    if (mode == MODE_BASED) {
        rig_gdt(r, SEL_FREE, base, 0xFFFF, AR_DATA32 & ~SEG_G);
        for (unsigned i = 0; i < SEG_COUNT; i++)
            if (i != SEG_CS && (i != SEG_SS || base & 0x1000))
                rig_seg(r, (enum seg_reg)i, SEL_FREE);
        cpu_update_mode(c);
    }
    if (mode == MODE_16) {
        rig_gdt(r, CODE_16, CODE, 0xFFFF, AR_CODE32 & ~(SEG_G | SEG_DB));
        rig_gdt(r, STACK_16, 0, 0xFFFF, AR_DATA32 & ~(SEG_G | SEG_DB));
        rig_gdt(r, SEL_FREE, base, 0xFFFF, AR_DATA32 & ~SEG_G);
        rig_seg(r, SEG_CS, CODE_16);
        rig_seg(r, SEG_SS, base & 0x1000 ? STACK_16 : K_DATA);
        r->cpu->r[R_SP] &= base & 0x1000 ? 0xFFFF : 0xFFFFFFFF;
        rig_seg(r, SEG_DS, SEL_FREE);
        rig_seg(r, SEG_ES, SEL_FREE);
        r->cpu->ip = 0;
        cpu_update_mode(r->cpu);
    }
    if (mode != MODE_FLAT)
        put_pages(r);
    if (mode == MODE_VM86)
        rig_vm86(r, 3, "");
}

static u32 base_of(struct program *g, enum mode mode)
{
    return mode == MODE_VM86                         ? CODE
           : mode == MODE_BASED || mode == MODE_REAL ? 0xE000 + 0x1000 * program_below(g, 4)
                                                     : 0;
}

static void set_state(struct rig *r, struct rows *w, enum mode mode)
{
    struct cpu *c = r->cpu;
    struct program *g = &w->g;
    struct cases values = {.state = program_random(g)};
    x87_start(c, is_wide(mode), program_random(g));
    if (program_below(g, 8))
        c->fpu.cw |= FP_ALL;
    for (unsigned i = 0; i < 16; i++)
        c->xmm[i / 2].q[i % 2] = simd_value(&values);
    c->mxcsr = program_below(g, 3) ? 0x1F80 : simd_mxcsr_value(&values) & 0xFFBF;
    c->cr4 |= CR4_OSFXSR;
    c->fpu.cw |= X87_CW_FIXED;
    for (u32 at = ROWS_DATA; at < ROWS_DATA + ROWS_DATA_BYTES + 0x2000; at += 8)
        rig_put(r, at, 8, simd_value(&values));
    u32 top = STACK - (c->seg[SEG_SS].base ? w->base : 0);
    for (unsigned reg = 3; reg < 8; reg++)
        rig_put(r, ROWS_POINTERS + 4 * reg, 4, reg == 4 ? top - 4 * program_below(g, 8) : rows_address(w));
    for (unsigned i = 0; i < 16; i++)
        rig_put(r, ROWS_NUMBERS + 4 * i, 4, program_number(g));
    for (unsigned i = R_AX; i <= R_DI; i++)
        if (i != R_SP)
            c->r[i] = program_number(g);
    cpu_update_mode(c);
}

static void differs(void *ctx, const struct engine_difference *d)
{
    struct blockview view;
    fuzz_check(blockview_open(&view, NULL, stderr) == 0);
    view.observer.differs(&view, d);
    fuzz_check(!"a difference");
}

/* What has been compared so far, in this process. */
static struct verify_stats compared;
static u64 refused;

static void tell_compared(void)
{
    printf("%llu blocks, %llu instructions compared, %llu translations refused\n", (unsigned long long)compared.blocks,
           (unsigned long long)compared.insns, (unsigned long long)refused);
}

static void count_compared(struct engine *e)
{
    static const struct verify_stats none;
    const struct verify_stats *v = engine_verified(e) ? engine_verified(e) : &none;
    if (compared.windows == 0)
        atexit(tell_compared);
    compared.windows += v->windows + 1;
    compared.blocks += v->blocks;
    compared.insns += v->insns;
    refused += engine_stats(e)->refused;
}

struct machine {
    struct rig rig;
    struct engine *engine; /* NULL: the interpreter */
    struct rows rows;
    u8 code[LOOP_MAX];
};

/* All of it comes from SEED. Differences are told where they are with VERIFY; without it code is tied together as
 * always. */
static void open_machine(struct machine *m, u64 seed, bool engine, bool verify)
{
    static const u8 shares[][ROWS_KINDS] = {{16, 0, 0}, {16, 0, 0}, {8, 8, 0}, {8, 0, 8}, {6, 5, 5}, {12, 2, 2}};
    static const struct engine_observer observer = {.differs = differs};
    static const u8 thresholds[] = {0, 2, 4, 16};
    struct engine_config config = {.backend = BACKEND,
                                   .threshold = thresholds[seed >> 8 & 3],
                                   .cache_bytes = ENGINE_CACHE_MIN,
                                   .verify = verify,
                                   .observer = &observer};
    struct rows *w = &m->rows;
    *w = (struct rows){.g = {.random = seed, .p = m->code, .max = sizeof m->code}};
    enum mode mode = (enum mode)program_below(&w->g, MODES);
    rig_new(&m->rig, program_below(&w->g, 8) ? "p4" : "p3");
    m->engine = engine ? engine_new(m->rig.cpu, &config) : NULL;
    fuzz_check(m->engine || !engine);
    w->features = m->rig.cpu->features;
    w->base = base_of(&w->g, mode);
    w->g.wide = is_wide(mode);
    memcpy(w->share, shares[program_below(&w->g, ARRAY_LEN(shares))], sizeof w->share);
    enter(&m->rig, mode, w->base);
    put_handlers(&m->rig);
    set_state(&m->rig, w, mode);
    w->at = loop_at(mode);
    w->code_base = (u32)m->rig.cpu->seg[SEG_CS].base;
    w->tables = mode == MODE_PAGED || mode == MODE_USER ? PAGE_TAB : 0;
    w->real = mode == MODE_REAL || mode == MODE_VM86;
    w->tame = program_below(&w->g, 2);
    w->surprises = program_below(&w->g, 3) == 0;
    size_t n = rows_loop(w, 1 + program_below(&w->g, INSNS));
    phys_write(&m->rig.phys, loop_at(mode), m->code, (u32)n);
}

static void close_machine(struct machine *m)
{
    if (m->engine)
        engine_free(m->engine);
    rig_free(&m->rig);
}

static u64 hash(struct cpu *c)
{
    cpu_settle(c);
    return state_hash(0, cpu_fields, c);
}

/* In one slice, or in several with NMIs between them. */
static void run_both(struct machine *one, struct machine *other)
{
    struct program *g = &one->rows.g;
    bool slices = program_below(g, 3) == 0;
    for (unsigned left = COUNTS, n; left > 0; left -= n) {
        n = slices ? 1 + program_below(g, 700) : left;
        n = MIN(n, left);
        rig_run(&one->rig, n);
        rig_run(&other->rig, n);
        fuzz_check(hash(one->rig.cpu) == hash(other->rig.cpu));
        if (slices && program_below(g, 2)) {
            cpu_nmi(one->rig.cpu);
            cpu_nmi(other->rig.cpu);
        }
    }
    fuzz_check(!memcmp(one->rig.ram, other->rig.ram, RIG_RAM));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct machine one, other;
    u64 seed = state_hash_bytes(1, data, size);
    open_machine(&one, seed, false, false);
    open_machine(&other, seed, true, seed & 1);
    run_both(&one, &other);
    count_compared(other.engine);
    close_machine(&one);
    close_machine(&other);
    return 0;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    memcpy(out, "rows", 4);
    return n ? 0 : 4;
}
