/*
 * fuzz_code.c - any bytes as code, in real mode, protected mode at both ends of privilege, 16-bit segments and
 * virtual-8086 mode, with and without paging, run by a whole machine for a bounded number of instructions. Handlers go
 * on behind the byte that faulted, so that one bad byte is not the end; NMIs and a timer's interrupts come in between. Two machines
 * that run in slices of different lengths must stay equal; or two with different engines, as OTHER_ENGINE says. With LOCKSTEP the
 * engine's blocks are compared with the interpreter too, and counted.
 *
 * An input is a header (struct setup), then code, or what code is made from (program.h, simd_code.h, x87_code.h).
 */
#define _GNU_SOURCE /* memfd_create */
#include "cpu/sys.h"
#include "frontend/blockview.h"
#include "tests/fuzz/machine.h"
#include "tests/fuzz/program.h"
#include "tests/fuzz/simd_code.h"
#include "tests/fuzz/x87_code.h"
#include "translator/engine.h"

#ifndef OTHER_ENGINE
#define OTHER_ENGINE PC_INTERP
#endif
#ifndef LOCKSTEP
#define LOCKSTEP false
#endif

enum { RUN = 3000, LOOKS = 40 /* x87 code: much does not last */, PAUSES = 10, HEADER = 8, CODE_MAX = 0x3000 };

/* Memory. The BIOS's stack is below 7000h; code may reach what it likes. */
enum {
    GDT = 0x1000,
    IDT = 0x1800,
    TSS_A = 0x2000,
    TSS_B = 0x2200,
    LDT = 0x2400,
    PAGE_DIR = 0x3000,
    PAGE_TAB = 0x4000,
    PAE_TOP = 0x8000,
    PAE_DIR = 0x9000,
    PAE_TAB = 0xA000,
    HANDLERS = 0xB000,
    OTHER_DIR = PAGE_DIR ^ PROGRAM_SPACES, /* of another address space, */
    OTHER_TOP = PAE_TOP ^ PROGRAM_SPACES,
    OTHER_TAB = 0xD000,
    OTHER_PAE_DIR = 0xE000,
    OTHER_PAE_TAB = 0xF000,
    CODE = 0x10000,
    CODE_COPY = 0x1A000, /* of the code's second page */
    STACK0 = 0x1E000,
    STACK3 = 0x1F000,
    CODE_OFFSET = 0xFFC, /* the code begins before the end of its page */
};

/* Selectors: 8 code, 10h data, 18h and 20h the same for DPL 3, 28h and 30h TSS, 38h LDT, 40h 16-bit code, 48h 16-bit
 * data, 50h call gate, 58h task gate, 60h expand-down data, 68h conforming code, 70h not present. */
enum { K_CODE = 8, K_DATA = 0x10, U_CODE = 0x1B, U_DATA = 0x23, SEL_TSS_A = 0x28, SEL_LDT = 0x38, CODE_16 = 0x40 };

enum mode { MODE_REAL, MODE_KERNEL, MODE_USER, MODE_16, MODE_VM86, MODES };

enum { OPTION_VME = 4 /* and PVI */, OPTION_SSE = 8 /* code of that kind */, OPTION_NMI = 0x10, OPTION_PROGRAM = 0x20, OPTION_TIMER = 0x40, OPTION_X87 = 0x80 };

enum { PAGING_STRINGS = 16 };

struct setup {
    u8 model, mode;
    u8 paging;     /* bits: on, PAE, WP, PGE; PAGING_STRINGS: programs of string instructions */
    u8 options;    /* IOPL; OPTION_... */
    u32 registers; /* where their values come from */
};

static void put(struct cpu *c, u32 addr, const void *p, size_t n)
{
    phys_write(c->mmu.phys, addr, p, n);
}

static void put32(struct cpu *c, u32 addr, u32 v)
{
    put(c, addr, &v, sizeof v);
}

static void put64(struct cpu *c, u32 addr, u64 v)
{
    put(c, addr, &v, sizeof v);
}

static u64 descriptor(u32 base, u32 limit, u16 attr)
{
    return (limit & 0xFFFF) | (u64)(base & 0xFFFFFF) << 16 | (u64)attr << 40 | (u64)(limit & 0xF0000) << 32 |
           (u64)(base & 0xFF000000) << 32;
}

static u64 gate(u16 sel, u32 off, u8 rights, u8 params)
{
    return (off & 0xFFFF) | (u64)sel << 16 | (u64)params << 32 | (u64)rights << 40 | (u64)(off & 0xFFFF0000) << 32;
}

static void put_gdt(struct cpu *c)
{
    enum {
        FLAT = SEG_G | SEG_DB | SEG_P | SEG_S | SEG_RW,
        SMALL = SEG_P | SEG_S | SEG_RW,
        DPL3 = 3 << SEG_DPL_SHIFT,
    };
    const u64 table[] = {
        0,
        descriptor(0, 0xFFFFF, FLAT | SEG_CODE),
        descriptor(0, 0xFFFFF, FLAT),
        descriptor(0, 0xFFFFF, FLAT | SEG_CODE | DPL3),
        descriptor(0, 0xFFFFF, FLAT | DPL3),
        descriptor(TSS_A, 0x67, SEG_P | DESC_TSS32_BUSY),
        descriptor(TSS_B, 0x67, SEG_P | DESC_TSS32 | DPL3),
        descriptor(LDT, 0xFF, SEG_P | DESC_LDT),
        descriptor(CODE, 0xFFFF, SMALL | SEG_CODE),
        descriptor(CODE, 0xFFFF, SMALL),
        gate(K_CODE, HANDLERS, SEG_P | DESC_CALL32 | DPL3, 2),
        gate(0x30, 0, SEG_P | DESC_TASK_GATE | DPL3, 0),
        descriptor(0, 0xF, SMALL | SEG_ED_C | SEG_DB | SEG_G),
        descriptor(0, 0xFFFFF, FLAT | SEG_CODE | SEG_ED_C),
        descriptor(0, 0xFFFF, SEG_S | SEG_RW),
    };
    put(c, GDT, table, sizeof table);
    put(c, LDT, table, sizeof table);
}

static void put_tss(struct cpu *c, u32 at, u32 eip)
{
    put32(c, at + 4, STACK0);
    put32(c, at + 8, K_DATA);
    put32(c, at + 0x1C, PAGE_DIR);
    put32(c, at + 0x20, eip);
    put32(c, at + 0x24, F_ONE);
    put32(c, at + 0x38, STACK0 - 0x800);
    for (u32 seg = 0x48; seg <= 0x5C; seg += 4)
        put32(c, at + seg, K_DATA);
    put32(c, at + 0x4C, K_CODE);
    put32(c, at + 0x64, 0x680000); /* I/O map beyond the limit: no ports */
}

/* Handlers: EOI, then behind the byte at which it happened. 16-bit ones at HANDLERS for real mode. */
static void put_handlers(struct cpu *c)
{
    static const u8 real[] = {0x55, 0x89, 0xE5, 0xFF, 0x46, 0x02, 0x5D, 0xCF}; /* inc word [bp+2] */
    static const u8 plain[] = {0xFF, 0x04, 0x24, 0xCF};                        /* inc dword [esp]; iretd */
    static const u8 error[] = {0x83, 0xC4, 0x04, 0xFF, 0x04, 0x24, 0xCF};      /* add esp,4; the same */
    static const u8 irq[] = {0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF};
    static const u32 with_error = 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17;
    put(c, HANDLERS, real, sizeof real);
    put(c, HANDLERS + 0x10, plain, sizeof plain);
    put(c, HANDLERS + 0x20, error, sizeof error);
    put(c, HANDLERS + 0x30, irq, sizeof irq);
    for (u32 v = 0; v < 256; v++) {
        bool has_error = v < 32 && (with_error >> v & 1);
        u32 handler = HANDLERS + (has_error ? 0x20 : v < 32 ? 0x10 : 0x30);
        u8 rights = SEG_P | (v & 1 ? DESC_INT32 : DESC_TRAP32) | (v > 0x80 || v == 3 ? 3 << SEG_DPL_SHIFT : 0);
        put64(c, IDT + v * 8, gate(K_CODE, handler, rights, 0));
        if (v < 32 && (v < 8 || v > 15))
            put32(c, v * 4, HANDLERS);
    }
}

/* Where PAGE leads in the other address space: data elsewhere, and a page of the code to one that is alike. */
static u32 other_page(u32 page)
{
    enum { DATA = 0x15 };
    return page == DATA || page == DATA + 1 ? page ^ DATA ^ (DATA + 1) : page == (CODE >> 12) + 1 ? CODE_COPY >> 12 : page;
}

static void put_directory(struct cpu *c, u32 dir, u32 tab)
{
    put32(c, dir, tab | 7);
    put32(c, dir + 4, 0x87);
    put32(c, dir + 0x3FB * 4, 0xFEC00087);
}

static void put_pae_directory(struct cpu *c, u32 top, u32 dir, u32 tab)
{
    put64(c, top, dir | 1);
    put64(c, dir, tab | 7);
    put64(c, dir + 8, 0x87);
}

/* Identity, a few pages that are not there or may not be written, large pages above; 32-bit and PAE forms. Tables are in global pages. */
static void put_pages(struct cpu *c)
{
    for (u32 page = 0; page < 512; page++) {
        u32 rights = page == 0x17 ? 6 : page == 0x18 ? 5 : page == 0x19 ? 3 : 7, global = page < 0xC ? 0x100 : 0;
        u32 other = page == 0x19 ? 6 : page == 0x17 ? 7 : rights;
        put32(c, PAGE_TAB + page * 4, page << 12 | rights | global);
        put64(c, PAE_TAB + page * 8, page << 12 | rights | global);
        put32(c, OTHER_TAB + page * 4, other_page(page) << 12 | other | global);
        put64(c, OTHER_PAE_TAB + page * 8, other_page(page) << 12 | other | global);
    }
    put_directory(c, PAGE_DIR, PAGE_TAB);
    put_directory(c, OTHER_DIR, OTHER_TAB);
    put_pae_directory(c, PAE_TOP, PAE_DIR, PAE_TAB);
    put_pae_directory(c, OTHER_TOP, OTHER_PAE_DIR, OTHER_PAE_TAB);
}

static void load_seg(struct cpu *c, enum seg_reg seg, u16 sel)
{
    struct desc d;
    u64 raw;
    phys_read(c->mmu.phys, GDT + (sel & 0xFFF8), &raw, sizeof raw);
    desc_split(&d, raw);
    seg_commit(c, seg, &d, sel);
}

static void switch_paging(struct cpu *c, const struct setup *s)
{
    if (!(s->paging & 1))
        return;
    bool pae = (s->paging & 2) && (c->features & FEAT_PAE);
    c->cr4 |= pae ? CR4_PAE : 0;
    c->cr4 |= c->features & FEAT_PSE ? CR4_PSE : 0;
    c->cr4 |= c->features & FEAT_PGE && s->paging & 8 ? CR4_PGE : 0;
    c->cr3 = pae ? PAE_TOP : PAGE_DIR;
    c->cr0 |= CR0_PG | (s->paging & 4 ? CR0_WP : 0);
    mmu_load_cr3(&c->mmu, c->cr3);
}

static void enter_protected(struct cpu *c, const struct setup *s, enum mode mode)
{
    struct desc d;
    u64 raw;
    c->gdtr = (struct dtable){GDT, 0x7F};
    c->idtr = (struct dtable){IDT, 0x7FF};
    c->cr0 |= CR0_PE;
    phys_read(c->mmu.phys, GDT + SEL_TSS_A, &raw, sizeof raw);
    desc_split(&d, raw);
    segment_fill(&c->tr, &d, SEL_TSS_A);
    u16 data = mode == MODE_USER ? U_DATA : K_DATA;
    load_seg(c, SEG_CS, mode == MODE_USER ? U_CODE : mode == MODE_16 ? CODE_16 : K_CODE);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (i != SEG_CS)
            load_seg(c, (enum seg_reg)i, mode == MODE_16 && i == SEG_SS ? CODE_16 + 8 : data);
    c->cpl = mode == MODE_USER ? 3 : 0;
    c->ip = mode == MODE_16 ? CODE_OFFSET : CODE + CODE_OFFSET;
    c->r[R_SP] = mode == MODE_USER ? STACK3 : mode == MODE_16 ? 0x6000 : STACK0;
    switch_paging(c, s);
}

static void enter_real(struct cpu *c, u16 segment)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(c, (enum seg_reg)i, segment);
    c->ip = CODE_OFFSET;
    c->r[R_SP] = 0x6000;
}

static void set_registers(struct cpu *c, u32 from)
{
    for (unsigned i = R_AX; i <= R_DI; i++) {
        from = from * 1664525u + 1013904223u;
        if (i != R_SP)
            c->r[i] = from & 0x80000000u ? from & 0x1FFFF : from >> (from & 31);
    }
}

/* The timer's interrupt is vector 20h, every few hundred or thousand instructions. */
static void start_timer(struct cpu *c, const struct setup *s)
{
    static const u8 out[][2] = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 4},    {0x21, 1}, {0x21, 0xFE}, {0xA0, 0x11},
                                {0xA1, 0x28}, {0xA1, 2},    {0xA1, 1}, {0xA1, 0xFF}, {0x43, 0x34}};
    for (unsigned i = 0; i < ARRAY_LEN(out); i++)
        c->host.out(c->host.ctx, out[i][0], out[i][1], 1);
    c->host.out(c->host.ctx, 0x40, 1 + (s->registers >> 8 & 3), 1);
    c->host.out(c->host.ctx, 0x40, 0, 1);
}

/* The input's code, or what is made from it. */
static void put_code(struct cpu *c, const struct setup *s, enum mode mode, const u8 *code, size_t n)
{
    bool wide = mode == MODE_KERNEL || mode == MODE_USER;
    u8 made[CODE_MAX];
    struct fuzz_in in = {code, n};
    if (s->options & OPTION_SSE && c->features & FEAT_SSE) {
        n = simd_code(c, wide ? 32 : 16, &in, made, CODE_MAX);
        code = made;
        simd_state(c, s->registers);
    } else if (s->options & OPTION_X87) {
        n = x87_code(code, n, wide, made, CODE_MAX);
        code = made;
        x87_start(c, wide, s->registers);
    } else if (s->options & OPTION_PROGRAM) {
        enum { INSNS = 200 };
        bool strings = s->paging & PAGING_STRINGS;
        n = program_make(state_hash_bytes(s->registers, code, n), wide, strings, made, sizeof made, INSNS);
        code = made;
    }
    put(c, CODE + CODE_OFFSET, code, MIN(n, (size_t)CODE_MAX));
    if (n > PAGE_SIZE - CODE_OFFSET)
        put(c, CODE_COPY, code + (PAGE_SIZE - CODE_OFFSET), MIN(n - (PAGE_SIZE - CODE_OFFSET), (size_t)PAGE_SIZE));
}

static void start(struct cpu *c, const struct setup *s, const u8 *code, size_t n)
{
    enum mode mode = (enum mode)(s->mode % MODES);
    put_gdt(c);
    put_tss(c, TSS_A, HANDLERS + 0x10);
    put_tss(c, TSS_B, CODE + CODE_OFFSET);
    put_handlers(c);
    put_pages(c);
    if (s->options & OPTION_TIMER)
        start_timer(c, s);
    set_registers(c, s->registers);
    if (s->registers & 7)
        c->fpu.cw = X87_CW_INIT;
    put_code(c, s, mode, code, n);
    u32 flags = F_ONE | F_IF | (u32)(s->options & 3) << 12 | (mode == MODE_VM86 ? F_VM : 0);
    if (mode == MODE_REAL)
        enter_real(c, CODE >> 4);
    else
        enter_protected(c, s, mode);
    if (c->features & FEAT_FXSR)
        c->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (s->options & OPTION_VME && c->features & FEAT_VME)
        c->cr4 |= CR4_VME | CR4_PVI;
    cpu_set_eflags(c, flags);
    if (mode == MODE_VM86) {
        c->cpl = 3;
        enter_real(c, CODE >> 4);
    }
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
    cpu_update_mode(c);
}

static void open_machine(struct fuzz_machine *m, enum pc_engine engine, const struct engine_observer *verify, const struct setup *s,
                         const u8 *code, size_t n)
{
    unsigned models = 0;
    while (cpu_models[models].name)
        models++;
    fuzz_machine_open_with(m, &cpu_models[s->model % models], engine, verify);
    fuzz_machine_run(m, 2000, 2000, 0); /* the BIOS's vectors */
    start(pc_cpu(m->pc), s, code, n);
}

static u64 cpu_hash(struct cpu *c)
{
    cpu_settle(c);
    return state_hash(0, cpu_fields, c);
}

/* COUNTS, NMIs at some of them. */
static bool run(struct fuzz_machine *m, const struct setup *s, u64 counts, u64 slice)
{
    u32 random = s->registers;
    u64 left = counts;
    bool on = true;
    while (on && left) {
        u64 n = left;
        if (s->options & OPTION_NMI) {
            random = random * 1664525u + 1013904223u;
            n = MIN(left, (u64)(1 + (random >> 16) % 700));
        }
        on = fuzz_machine_run(m, n, slice, PAUSES);
        left -= n;
        if (left)
            cpu_nmi(pc_cpu(m->pc));
    }
    return on;
}

/* What has been compared so far, in this process. */
static struct verify_stats compared;

static void tell_compared(void)
{
    printf("%llu blocks, %llu instructions compared\n", (unsigned long long)compared.blocks, (unsigned long long)compared.insns);
}

static void count_compared(struct pc *pc)
{
    const struct verify_stats *v = pc_verified(pc);
    if (!v)
        return;
    if (compared.windows == 0)
        atexit(tell_compared);
    compared.windows += v->windows;
    compared.blocks += v->blocks;
    compared.insns += v->insns;
}

static void never(void *ctx, const struct engine_difference *d)
{
    struct blockview view;
    fuzz_check(blockview_open(&view, NULL, stderr) == 0);
    view.observer.differs(&view, d);
    fuzz_check(!"a difference");
}

/* COUNTS further both are in the same state. False if the machines ended. */
static bool run_both(struct fuzz_machine *one, struct fuzz_machine *other, const struct setup *s, u64 counts)
{
    bool on = run(one, s, counts, counts);
    fuzz_check(run(other, s, counts, OTHER_ENGINE == PC_INTERP ? 7 : counts) == on);
    fuzz_check(cpu_count(pc_cpu(one->pc)) == cpu_count(pc_cpu(other->pc)));
    fuzz_check(cpu_hash(pc_cpu(one->pc)) == cpu_hash(pc_cpu(other->pc)));
    return on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct engine_observer verify = {.differs = never};
    struct fuzz_in in = {data, size};
    struct setup s = {.model = fuzz_take8(&in), .mode = fuzz_take8(&in), .paging = fuzz_take8(&in)};
    s.options = fuzz_take8(&in);
    s.registers = fuzz_take32(&in);
    struct fuzz_machine one, other;
    open_machine(&one, PC_INTERP, NULL, &s, in.p, in.left);
    open_machine(&other, OTHER_ENGINE, LOCKSTEP ? &verify : NULL, &s, in.p, in.left);
    unsigned looks = s.options & OPTION_X87 ? LOOKS : 1;
    for (bool on = true; on && looks > 0; looks--)
        on = run_both(&one, &other, &s, (s.paging & PAGING_STRINGS ? 4 * RUN : RUN) / looks);
    if (size % 4 == 0) /* memory and devices: that takes longer than the rest */
        fuzz_check(pc_hash(one.pc) == pc_hash(other.pc));
    count_compared(other.pc);
    fuzz_machine_close(&one);
    fuzz_machine_close(&other);
    return 0;
}

/* ---- seeds ---- */

static size_t x87_seed(unsigned n, u8 *out)
{
    enum { SEEDS = 4 * MODES, LEN = 120 };
    u32 r = n;
    if (n == SEEDS)
        return 0;
    const u8 header[HEADER] = {(u8)(n / 3), (u8)(n % MODES), n & 8 ? 5 : 0, 3 | OPTION_X87, (u8)n, 3, 7, 9};
    memcpy(out, header, HEADER);
    for (unsigned i = 0; i < LEN; i++)
        out[HEADER + i] = (u8)(x87_random(&r) >> 24);
    return HEADER + LEN;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const struct {
        u8 len, mode, paging, options;
        char bytes[40];
    } seeds[] = {
        {9, MODE_REAL, 0, 0, "\xB8\x34\x12\x50\x5B\x43\xEB\xFB\xF4"},                      /* a loop with a stack */
        {14, MODE_REAL, 0, 0, "\xFC\xB9\x00\x08\xF3\xA4\xF3\xAB\xCD\x80\xE4\x60\xE2\xF2"}, /* strings, INT, IN */
        {24, MODE_KERNEL, 7, 0,
         "\x0F\x20\xC0\x0F\x22\xC0\x0F\x01\x10\x0F\x00\xD8\x0F\x31\x0F\xA2\x0F\x32\x9A\0\0\0\0\x50"},
        {18, MODE_USER, 5, 3, "\xFA\xFB\xE6\x80\xF4\xCD\x81\x9C\x9D\x8E\xD8\xC7\x05\x00\x80\x01\0\0"},
        {20, MODE_16, 0, 0, "\x66\xB8\1\0\0\0\x8E\xE0\xEA\0\0\x08\0\x0F\xB2\x26\0\0\xCA\4"},
        {16, MODE_VM86, 1, 3, "\xFA\xFB\x9C\x9D\xCD\x10\xCF\xE4\x40\x8E\xD8\x0F\x08\x62\x03\xEB"},
        {19, MODE_KERNEL, 0, 0, "\xD9\xE8\xD9\xEB\xDE\xC1\xDD\x1D\0\0\2\0\x0F\x58\xC1\x66\x0F\xEF\xC0"}, /* x87, SSE */
        {15, MODE_KERNEL, 3, 0, "\x9C\x80\x4C\x24\x01\x01\x9D\x40\x40\x0F\x23\xF8\xCC\xCE\xCF"},         /* TF, debug */
        {32, MODE_KERNEL, 0, 8, "ADDSD from nothing, MOVAPS to it"}, /* SSE code, from any bytes */
        {36, MODE_USER, 5, 11, "some of them lie where no page may\x8E be"},
        {8, MODE_KERNEL, 1, 0x70, "kernel"}, /* programs are made from these */
        {8, MODE_USER, 5, 0x73, "user"},
        {8, MODE_KERNEL, 0, 0x70, "flat"},
        {8, MODE_USER, 3, 0x33, "PAE"},
        {8, MODE_REAL, 0, 0x70, "real"},
        {8, MODE_VM86, 5, 0x73, "vm86"},
        {8, MODE_16, 1, 0x60, "sixteen"},
        {8, MODE_KERNEL, 16, 0x20, "strings"},
        {8, MODE_USER, 29, 0x23, "strings"},
        {8, MODE_REAL, 16, 0x20, "strings"},
        {12, MODE_KERNEL, 1, 4, "\xEA\0\0\0\0\x30\0\xF3\xAA\xEB\xFE\x90"}, /* task switch, REP STOSB, a loop */
    };
    if (n >= ARRAY_LEN(seeds))
        return x87_seed(n - ARRAY_LEN(seeds), out);
    const u8 header[HEADER] = {3, seeds[n].mode, seeds[n].paging, seeds[n].options, (u8)n, 3, 7, 9};
    memcpy(out, header, HEADER);
    memcpy(out + HEADER, seeds[n].bytes, seeds[n].len);
    return HEADER + seeds[n].len;
}
