/*
 * emu.c - our side of the oracle.
 *
 * Physical memory, which the system sees at linear 96A00000h: GDT 1000h, IDT 1800h, LDT 2400h, TSS 2600h, page
 * tables 3000h, handlers (a HLT for each vector) 18000h, stack of CPL 0 below 1F000h; the case's pages from 20000h on.
 */
#include "tests/oracle/emu.h"
#include "cpu/sys.h"
#include "tests/unit/engine_mode.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    RAM = 1 << 20,
    GDT = 0x1000,
    GDT_LIMIT = 0x7F, /* Linux's has 16 entries */
    IDT = 0x1800,
    LDT = 0x2400,
    LDT_LIMIT = 0x1FF,
    TSS = 0x2600,
    PDPT = 0x3000, /* the directories follow, then the tables */
    TABLES = 0x8000,
    HANDLERS = 0x18000,
    STACK0 = 0x1F000,
    CODE_PAGES = 0x20000,
    DATA_PAGES = 0x30000,
    EXIT_PAGE = 0x40000,
};

#define SYSTEM 0x96A00000u /* a page whose neighbourhood no case aims at */
#define EFER_NXE BIT(11)

enum { SEL_KERNEL_CODE = 0x10, SEL_KERNEL_DATA = 0x18, SEL_TSS = 0x40, SEL_LDT = 0x50 };

struct emu {
    struct physmem phys;
    struct log log;
    struct clock clock;
    struct cpu_model model;
    struct cpu *cpu;
    struct engine *engine; /* NULL: the interpreter alone */
    struct engine_observer observer;
    u32 case_ip;
    u64 translated;
    u8 *ram;
    u32 next_table;
    bool triple_fault;
    u8 pristine[ORACLE_DATA_SIZE] __attribute__((aligned(64)));
};

/* ---- a machine with nothing in it ---- */

static u32 no_in(void *ctx, u16 port, unsigned size)
{
    return ~(u32)0;
}

static void no_out(void *ctx, u16 port, u32 value, unsigned size)
{
}

static int no_ack(void *ctx)
{
    return -1;
}

static void no_line(void *ctx, bool level)
{
}

static void no_apic(void *ctx, u64 msr)
{
}

static u64 no_tpr(void *ctx, bool write, u8 tpr)
{
    return 0;
}

static void triple_fault(void *ctx)
{
    ((struct emu *)ctx)->triple_fault = true;
}

/* ---- tables ---- */

static void put64(struct emu *e, u32 at, u64 v)
{
    st64(e->ram + at, v);
}

static u64 descriptor(u32 base, u32 limit, u16 attr)
{
    if (limit > 0xFFFFF) {
        limit >>= 12;
        attr |= SEG_G;
    }
    return (limit & 0xFFFF) | (u64)(base & 0xFFFFFF) << 16 | (u64)attr << 40 | (u64)(limit & 0xF0000) << 32 |
           (u64)(base & 0xFF000000) << 32;
}

static void make_segment(struct emu *e, const struct oracle_segment *s)
{
    u16 attr = SEG_P | SEG_S | 3 << SEG_DPL_SHIFT | SEG_A;
    attr |= s->code ? SEG_CODE : 0;
    attr |= s->wide ? SEG_DB : 0;
    attr |= s->down ? SEG_ED_C : 0;
    attr |= s->read_only ? 0 : SEG_RW;
    u32 table = s->sel & 4 ? LDT : GDT;
    put64(e, table + (s->sel & 0xFFF8), descriptor(s->base, s->limit, attr));
}

static void make_descriptors(struct emu *e)
{
    static const struct oracle_segment segments[] = {
        {ORACLE_SEL_CODE, 1, 1, 0, 0, 0, 0xFFFFFFFF}, {ORACLE_SEL_DATA, 0, 1, 0, 0, 0, 0xFFFFFFFF}, ORACLE_SEGMENTS};
    for (unsigned i = 0; i < ARRAY_LEN(segments); i++)
        make_segment(e, &segments[i]);
    u16 kernel = SEG_P | SEG_S | SEG_A | SEG_RW | SEG_DB;
    put64(e, GDT + SEL_KERNEL_CODE, descriptor(0, 0xFFFFFFFF, kernel | SEG_CODE));
    put64(e, GDT + SEL_KERNEL_DATA, descriptor(0, 0xFFFFFFFF, kernel));
    put64(e, GDT + SEL_TSS, descriptor(SYSTEM + TSS, 0x67, SEG_P | DESC_TSS32_BUSY));
    put64(e, GDT + SEL_LDT, descriptor(SYSTEM + LDT, LDT_LIMIT, SEG_P | DESC_LDT));
    st32(e->ram + TSS + 4, SYSTEM + STACK0);
    st16(e->ram + TSS + 8, SEL_KERNEL_DATA);
    st16(e->ram + TSS + 0x66, 0x68); /* no ports */
    for (u32 v = 0; v < 256; v++) {
        u32 handler = SYSTEM + HANDLERS + v * 16;
        u16 rights = SEG_P | DESC_INT32 | (v == VEC_BP || v == VEC_OF ? 3 << SEG_DPL_SHIFT : 0);
        put64(e, IDT + v * 8,
              (handler & 0xFFFF) | SEL_KERNEL_CODE << 16 | (u64)rights << 32 << 8 | (u64)(handler >> 16) << 48);
        e->ram[HANDLERS + v * 16] = 0xF4;
    }
}

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4 };
#define PTE_NX BIT64(63)

static void map_page(struct emu *e, u32 lin, u32 phys, u64 rights)
{
    u32 pde = PDPT + PAGE_SIZE * (1 + (lin >> 30)) + (lin >> 21 & 511) * 8;
    if (!ld64(e->ram + pde)) {
        put64(e, pde, e->next_table | PTE_P | PTE_W | PTE_U);
        e->next_table += PAGE_SIZE;
    }
    u32 pte = ((u32)ld64(e->ram + pde) & ~0xFFFu) + (lin >> 12 & 511) * 8;
    put64(e, pte, phys | PTE_P | rights);
}

static void make_pages(struct emu *e)
{
    for (u32 i = 0; i < 4; i++)
        put64(e, PDPT + i * 8, (PDPT + PAGE_SIZE * (i + 1)) | PTE_P);
    for (u32 at = 0; at < RAM; at += PAGE_SIZE)
        map_page(e, SYSTEM + at, at, PTE_W);
    for (u32 at = 0; at < ORACLE_CODE_SIZE; at += PAGE_SIZE)
        map_page(e, ORACLE_CODE + at, CODE_PAGES + at, PTE_U);
    for (u32 at = 0; at < ORACLE_DATA_SIZE; at += PAGE_SIZE)
        map_page(e, ORACLE_DATA + at, DATA_PAGES + at, PTE_U | PTE_NX | (at < ORACLE_WRITABLE ? PTE_W : 0));
    map_page(e, ORACLE_EXIT, EXIT_PAGE, PTE_U);
    st16(e->ram + EXIT_PAGE, 0xFEEB); /* JMP to itself */
    memset(e->ram + CODE_PAGES, 0xCC, ORACLE_CODE_SIZE);
}

static void switch_on(struct emu *e)
{
    struct cpu *c = e->cpu;
    struct desc d;
    c->gdtr = (struct dtable){SYSTEM + GDT, GDT_LIMIT};
    c->idtr = (struct dtable){SYSTEM + IDT, 0x7FF};
    desc_split(&d, ld64(e->ram + GDT + SEL_TSS));
    segment_fill(&c->tr, &d, SEL_TSS);
    desc_split(&d, ld64(e->ram + GDT + SEL_LDT));
    segment_fill(&c->ldtr, &d, SEL_LDT);
    c->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
    c->cr4 = CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    c->efer = EFER_NXE;
    c->cr3 = PDPT;
    cpu_update_mode(c);
    mmu_load_cr3(&c->mmu, c->cr3);
}

static void note_translated(void *ctx, const struct engine_view *v)
{
    struct emu *e = ctx;
    e->translated += v->host && v->part[0].ip == e->case_ip;
}

/* False without memory. */
static bool set_engine(struct emu *e, const char *mode)
{
    struct engine_config config;
    if (!test_engine_named(mode, &config))
        return true;
    e->observer = (struct engine_observer){.ctx = e, .translated = note_translated, .differs = test_engine_differs};
    config.observer = &e->observer;
    e->engine = engine_new(e->cpu, &config);
    return e->engine;
}

struct emu *emu_new(const u8 *pristine, bool soft, const char *mode)
{
    struct emu *e = aligned_alloc(64, (sizeof *e + 63) & ~(size_t)63);
    if (!e)
        return NULL;
    memset(e, 0, sizeof *e);
    memcpy(e->pristine, pristine, sizeof e->pristine);
    log_init(&e->log, stderr);
    clock_init(&e->clock, 1000, NULL, NULL, NULL);
    if (phys_init(&e->phys, &e->log, RAM, 0, 1u << 22) < 0) {
        free(e);
        return NULL;
    }
    u32 frame = phys_alloc(&e->phys, RAM);
    phys_map(&e->phys, 0, RAM, frame, PHYS_BACKED, PHYS_BACKED);
    e->ram = phys_frame_host(&e->phys, frame);
    e->model = *cpu_model_find("p4");
    e->model.features |= FEAT_NX; /* error codes of a host that has it */
    struct cpu_host host = {.ctx = e,
                            .log = &e->log,
                            .clock = &e->clock,
                            .in = no_in,
                            .out = no_out,
                            .int_ack = no_ack,
                            .ferr = no_line,
                            .smm = no_line,
                            .apic_base = no_apic,
                            .triple_fault = triple_fault,
                            .tpr = no_tpr};
    e->cpu = cpu_new(&e->model, &e->phys, &host);
    if (!e->cpu || !set_engine(e, mode)) {
        emu_free(e);
        return NULL;
    }
    e->cpu->force_soft_fp = soft;
    e->next_table = TABLES;
    make_descriptors(e);
    make_pages(e);
    memcpy(e->ram + DATA_PAGES, pristine, ORACLE_DATA_SIZE);
    switch_on(e);
    return e;
}

void emu_free(struct emu *e)
{
    engine_free(e->engine);
    cpu_free(e->cpu);
    phys_free(&e->phys);
    log_close(&e->log);
    free(e);
}

/* ---- state in and out ---- */

static void load_fx(struct cpu *c, const u8 *fx)
{
    struct x87 *f = &c->fpu;
    u16 sw = ld16(fx + 2);
    f->cw = ld16(fx);
    f->top = sw >> 11 & 7;
    f->sw = sw & (u16) ~(7 << 11);
    f->empty = (u8)~fx[4];
    f->fop = ld16(fx + 6);
    f->fip = ld32(fx + 8);
    f->fcs = ld16(fx + 12);
    f->fdp = ld32(fx + 16);
    f->fds = ld16(fx + 20);
    c->mxcsr = ld32(fx + 24);
    for (unsigned i = 0; i < 8; i++) {
        struct f80 *st = &f->st[(f->top + i) & 7];
        st->m = ld64(fx + 32 + i * 16);
        st->se = ld16(fx + 40 + i * 16);
        memcpy(&c->xmm[i], fx + 160 + i * 16, 16);
    }
}

static void store_fx(const struct cpu *c, u8 *fx)
{
    const struct x87 *f = &c->fpu;
    memset(fx, 0, 512);
    st16(fx, f->cw);
    st16(fx + 2, (u16)(f->sw | f->top << 11));
    fx[4] = (u8)~f->empty;
    st16(fx + 6, f->fop);
    st32(fx + 8, (u32)f->fip);
    st16(fx + 12, f->fcs);
    st32(fx + 16, (u32)f->fdp);
    st16(fx + 20, f->fds);
    st32(fx + 24, c->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        const struct f80 *st = &f->st[(f->top + i) & 7];
        st64(fx + 32 + i * 16, st->m);
        st16(fx + 40 + i * 16, st->se);
        memcpy(fx + 160 + i * 16, &c->xmm[i], 16);
    }
}

static void load_segment(struct emu *e, enum seg_reg seg, u16 sel)
{
    struct desc d;
    if (sel == 0) {
        seg_commit_null(e->cpu, seg, 0);
        return;
    }
    desc_split(&d, ld64(e->ram + (sel & 4 ? LDT : GDT) + (sel & 0xFFF8)));
    seg_commit(e->cpu, seg, &d, sel);
}

static void load_case(struct emu *e, const struct oracle_case *k)
{
    struct cpu *c = e->cpu;
    phys_write(&e->phys, CODE_PAGES + k->code_at, k->code, k->code_len);
    for (unsigned i = 0; i < k->patches; i++)
        phys_write(&e->phys, DATA_PAGES + k->patch[i].off, k->bytes + k->patch[i].at, k->patch[i].len);
    c->halt = HALT_NONE;
    c->attention = 0;
    c->cpl = 3;
    c->cr2 = 0;
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = k->r[i];
    c->ip = k->ip;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        load_segment(e, (enum seg_reg)i, k->sel[i]);
    cpu_set_eflags(c, k->eflags);
    load_fx(c, k->fx);
    cpu_update_mode(c);
    e->triple_fault = false;
}

static bool has_error_code(u32 vector)
{
    return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

/* The exception whose handler has just halted, from its stack frame. */
static void store_fault(struct emu *e, struct oracle_result *r)
{
    struct cpu *c = e->cpu;
    r->vector = (s32)((u32)c->ip - (SYSTEM + HANDLERS)) / 16;
    const u8 *frame = e->ram + ((u32)c->r[R_SP] - SYSTEM);
    if (has_error_code((u32)r->vector)) {
        r->error = ld32(frame);
        frame += 4;
    }
    r->cr2 = r->vector == VEC_PF ? c->cr2 : 0;
    r->ip = ld32(frame);
    r->sel[OSEL_CS] = ld16(frame + 4);
    r->eflags = ld32(frame + 8);
    r->r[R_SP] = ld32(frame + 12);
    r->sel[OSEL_SS] = ld16(frame + 16);
}

static void store_result(struct emu *e, const struct oracle_case *k, struct oracle_result *r)
{
    struct cpu *c = e->cpu;
    memset(r, 0, offsetof(struct oracle_result, change));
    r->vector = EMU_LOST;
    for (unsigned i = 0; i < 8; i++)
        r->r[i] = c->r[i];
    for (unsigned i = 0; i < SEG_COUNT; i++)
        r->sel[i] = c->seg[i].sel;
    r->ip = c->ip;
    r->eflags = cpu_eflags(c);
    if (c->halt == HALT_HLT && c->cpl == 0) {
        store_fault(e, r);
    } else if (c->halt == HALT_NONE && c->ip == ORACLE_EXIT) {
        r->vector = -1;
        r->ip = k->ip + k->insn_len;
        r->sel[OSEL_CS] = k->sel[OSEL_CS];
    }
    store_fx(c, r->fx);
}

/* What is left of the slice is spent at ORACLE_EXIT. */
static void run_case(struct emu *e, const struct oracle_case *k)
{
    e->case_ip = (u32)k->ip;
    cpu_run(e->cpu, k->budget + (e->engine ? TEST_ENGINE_SLICE : 0));
}

u64 emu_translated(const struct emu *e)
{
    return e->translated;
}

void emu_run(struct emu *e, const struct oracle_case *k, struct oracle_result *r)
{
    load_case(e, k);
    run_case(e, k);
    store_result(e, k, r);
    u8 *data = e->ram + DATA_PAGES;
    oracle_note_changes(r, data, e->pristine);
    if (r->changes || k->patches)
        memcpy(data, e->pristine, ORACLE_DATA_SIZE);
    u8 trap[ORACLE_MAX_CODE];
    memset(trap, 0xCC, sizeof trap);
    phys_write(&e->phys, CODE_PAGES + k->code_at, trap, k->code_len);
}
