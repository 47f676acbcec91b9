/*
 * test_cpu_rig.h - a processor with 1 MiB of RAM and nothing else, for the system-level
 * CPU tests: code from hexadecimal text, descriptors by hand, and pins and ports that record.
 *
 * Memory: GDT 1000h, IDT 1800h, TSS 2000h and 2200h, LDT 2400h; page directory 3000h, page table 4000h; code 10000h,
 * stacks below 20000h; the rest is free.
 */
#ifndef OMBRA_TESTS_CPU_RIG_H
#define OMBRA_TESTS_CPU_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cpu/sys.h"
#include "tests/unit/engine_mode.h"

enum {
    RIG_RAM = 1 << 20,
    GDT = 0x1000,
    IDT = 0x1800,
    TSS_A = 0x2000,
    TSS_B = 0x2200,
    LDT = 0x2400,
    PAGE_DIR = 0x3000,
    PAGE_TAB = 0x4000,
    CODE = 0x10000,
    HANDLERS = 0x18000, /* vector n: a HLT at HANDLERS + n * 16 */
    STACK0 = 0x1E000,
    STACK3 = 0x1F000,
};

/* Selectors of the GDT that rig_protected() builds. */
enum {
    K_CODE = 0x08, /* flat, 32 bits, DPL 0 */
    K_DATA = 0x10,
    U_CODE = 0x1B, /* DPL 3, with RPL 3 */
    U_DATA = 0x23,
    SEL_TSS_A = 0x28,
    SEL_TSS_B = 0x30,
    SEL_LDT = 0x38,
    SEL_FREE = 0x40, /* from here on for the test */
};

/* Access rights as in struct segment. */
enum {
    AR_CODE32 = SEG_G | SEG_DB | SEG_P | SEG_S | SEG_CODE | SEG_RW,
    AR_DATA32 = SEG_G | SEG_DB | SEG_P | SEG_S | SEG_RW,
    AR_DPL3 = 3 << SEG_DPL_SHIFT,
};

struct rig {
    struct physmem phys;
    struct log log;
    struct clock clock;
    struct cpu *cpu;
    struct engine *engine; /* of the mode of the tests, or NULL */
    u8 *ram;
    int pending_vector; /* what int_ack gives; -1: nothing */
    u32 in_value;
    u32 last_out;
    u16 last_port;
    unsigned outs, ins, triple_faults;
    bool smm;
};

static inline u32 rig_in(void *ctx, u16 port, unsigned size)
{
    struct rig *r = ctx;
    r->ins++;
    r->last_port = port;
    return r->in_value++;
}

static inline void rig_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct rig *r = ctx;
    r->outs++;
    r->last_port = port;
    r->last_out = value;
}

static inline int rig_ack(void *ctx)
{
    struct rig *r = ctx;
    int v = r->pending_vector;
    r->pending_vector = -1;
    cpu_set_intr(r->cpu, false);
    return v;
}

static inline void rig_smm(void *ctx, bool active)
{
    ((struct rig *)ctx)->smm = active;
}

static inline void rig_ferr(void *ctx, bool asserted)
{
}

static inline void rig_apic(void *ctx, u64 msr)
{
}

static inline void rig_triple(void *ctx)
{
    ((struct rig *)ctx)->triple_faults++;
}

static inline u64 rig_tpr(void *ctx, bool write, u8 tpr)
{
    return 0;
}

static inline void rig_new(struct rig *r, const char *model)
{
    memset(r, 0, sizeof *r);
    r->pending_vector = -1;
    log_init(&r->log, stderr);
    clock_init(&r->clock, 1000, NULL, NULL, NULL);
    assert_int_equal(phys_init(&r->phys, &r->log, RIG_RAM, 0, 1u << 22), 0);
    u32 frame = phys_alloc(&r->phys, RIG_RAM);
    assert_true(phys_map(&r->phys, 0, RIG_RAM, frame, PHYS_BACKED, PHYS_BACKED) > 0);
    r->ram = phys_frame_host(&r->phys, frame);
    struct cpu_host host = {
        .ctx = r,
        .log = &r->log,
        .clock = &r->clock,
        .in = rig_in,
        .out = rig_out,
        .int_ack = rig_ack,
        .ferr = rig_ferr,
        .smm = rig_smm,
        .apic_base = rig_apic,
        .triple_fault = rig_triple,
        .tpr = rig_tpr,
    };
    r->cpu = cpu_new(cpu_model_find(model), &r->phys, &host);
    assert_non_null(r->cpu);
    struct engine_config config;
    if (test_engine_mode(&config))
        assert_non_null(r->engine = engine_new(r->cpu, &config));
}

static inline void rig_free(struct rig *r)
{
    engine_free(r->engine);
    cpu_free(r->cpu);
    phys_free(&r->phys);
    log_close(&r->log);
}

/* Writes bytes given as hexadecimal text with spaces to ADDR, as a device would. Returns the address behind them. */
static inline u32 rig_hex(struct rig *r, u32 addr, const char *text)
{
    for (char *end; *text; text = end) {
        u8 byte = (u8)strtoul(text, &end, 16);
        assert_ptr_not_equal(end, text);
        phys_write(&r->phys, addr++, &byte, 1);
        while (*end == ' ')
            end++;
    }
    return addr;
}

static inline void rig_put(struct rig *r, u32 addr, unsigned size, u64 value)
{
    phys_write(&r->phys, addr, &value, size);
}

static inline u32 rig_get32(const struct rig *r, u32 addr)
{
    return ld32(r->ram + addr);
}

static inline u16 rig_get16(const struct rig *r, u32 addr)
{
    return ld16(r->ram + addr);
}

/* ---- descriptors ---- */

/* LIMIT as in the descriptor: in pages when SEG_G is set. */
static inline u64 rig_descriptor(u32 base, u32 limit, u16 attr)
{
    return (limit & 0xFFFF) | (u64)(base & 0xFFFFFF) << 16 | (u64)attr << 40 | (u64)(limit & 0xF0000) << 32 |
           (u64)(base & 0xFF000000) << 32;
}

static inline void rig_gdt(struct rig *r, u16 sel, u32 base, u32 limit, u16 attr)
{
    rig_put(r, GDT + (sel & 0xFFF8), 8, rig_descriptor(base, limit, attr));
}

static inline u64 rig_gate(u16 sel, u32 off, u8 rights, u8 params)
{
    return (off & 0xFFFF) | (u64)sel << 16 | (u64)params << 32 | (u64)rights << 40 | (u64)(off & 0xFFFF0000) << 32;
}

static inline void rig_idt(struct rig *r, u8 vector, u16 sel, u32 off, u8 rights)
{
    rig_put(r, IDT + vector * 8u, 8, rig_gate(sel, off, rights, 0));
}

static inline u32 rig_handler(u8 vector)
{
    return HANDLERS + vector * 16u;
}

/* Loads a segment register from the GDT without any check. */
static inline void rig_seg(struct rig *r, enum seg_reg seg, u16 sel)
{
    struct desc d;
    desc_split(&d, ld64(r->ram + GDT + (sel & 0xFFF8)));
    seg_commit(r->cpu, seg, &d, sel);
}

/* ---- starting points ---- */

/* Real mode, all segments 0, code at 0:CODE - 8000h (8000h), stack at 0:7000h. */
static inline void rig_real(struct rig *r, const char *code)
{
    struct cpu *c = r->cpu;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(c, (enum seg_reg)i, 0);
    c->idtr.limit = 0x3FF;
    c->r[R_SP] = 0x7000;
    c->ip = 0x8000;
    rig_hex(r, 0x8000, code);
}

static inline void rig_tss32(struct rig *r, u32 at, u32 esp0)
{
    memset(r->ram + at, 0, 0x68);
    rig_put(r, at + 4, 4, esp0);
    rig_put(r, at + 8, 2, K_DATA);
    rig_put(r, at + 0x66, 2, 0x68); /* I/O map beyond the limit: no ports */
}

/* Flat 32-bit protected mode at CPL 0 or 3, code at CODE; every vector below 32 and 80h leads to its own HLT at CPL 0.
 */
static inline void rig_protected(struct rig *r, unsigned cpl, const char *code)
{
    struct cpu *c = r->cpu;
    rig_gdt(r, K_CODE, 0, 0xFFFFF, AR_CODE32);
    rig_gdt(r, K_DATA, 0, 0xFFFFF, AR_DATA32);
    rig_gdt(r, U_CODE, 0, 0xFFFFF, AR_CODE32 | AR_DPL3);
    rig_gdt(r, U_DATA, 0, 0xFFFFF, AR_DATA32 | AR_DPL3);
    rig_gdt(r, SEL_TSS_A, TSS_A, 0x67, SEG_P | DESC_TSS32_BUSY);
    rig_gdt(r, SEL_TSS_B, TSS_B, 0x67, SEG_P | DESC_TSS32);
    rig_gdt(r, SEL_LDT, LDT, 0xFF, SEG_P | DESC_LDT);
    rig_tss32(r, TSS_A, STACK0);
    for (unsigned v = 0; v < 32; v++) {
        rig_idt(r, (u8)v, K_CODE, rig_handler((u8)v), SEG_P | DESC_INT32);
        rig_hex(r, rig_handler((u8)v), "F4");
    }
    rig_idt(r, 0x80, K_CODE, rig_handler(0x20), SEG_P | AR_DPL3 | DESC_TRAP32);
    rig_hex(r, rig_handler(0x20), "F4");
    c->gdtr = (struct dtable){GDT, 0x3FF};
    c->idtr = (struct dtable){IDT, 0x7FF};
    c->cr0 |= CR0_PE;
    struct desc tss;
    desc_split(&tss, ld64(r->ram + GDT + SEL_TSS_A));
    segment_fill(&c->tr, &tss, SEL_TSS_A);
    u16 data = cpl ? U_DATA : K_DATA;
    rig_seg(r, SEG_CS, cpl ? U_CODE : K_CODE);
    rig_seg(r, SEG_SS, data);
    rig_seg(r, SEG_DS, data);
    rig_seg(r, SEG_ES, data);
    rig_seg(r, SEG_FS, data);
    rig_seg(r, SEG_GS, data);
    c->cpl = (u8)cpl;
    cpu_update_mode(c);
    c->r[R_SP] = cpl ? STACK3 : STACK0;
    c->ip = CODE;
    rig_hex(r, CODE, code);
}

/* Identity paging of the RAM with user pages, switched on directly. */
static inline void rig_paging(struct rig *r)
{
    struct cpu *c = r->cpu;
    rig_put(r, PAGE_DIR, 4, PAGE_TAB | 7);
    for (u32 page = 0; page < RIG_RAM >> 12; page++)
        rig_put(r, PAGE_TAB + page * 4, 4, page << 12 | 7);
    c->cr3 = PAGE_DIR;
    c->cr0 |= CR0_PG | CR0_WP;
    mmu_load_cr3(&c->mmu, c->cr3);
    cpu_update_mode(c);
}

/* Virtual-8086 mode: CS:IP 1000:0 (CODE), stack 1000:F000, IOPL as given. Call after rig_protected(r, 0, ""). */
static inline void rig_vm86(struct rig *r, unsigned iopl, const char *code)
{
    struct cpu *c = r->cpu;
    c->cpl = 3;
    cpu_set_eflags(c, F_VM | F_IF | iopl << 12);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(c, (enum seg_reg)i, 0x1000);
    cpu_update_mode(c);
    c->r[R_SP] = 0x6000;
    c->ip = 0;
    rig_hex(r, CODE, code);
}

/* Runs until HLT or N counts are done. */
static inline void rig_run(struct rig *r, s64 n)
{
    cpu_run(r->cpu, n);
}

/* Runs until HLT, which is not far, or a triple fault. */
static inline void rig_run_out(struct rig *r)
{
    rig_run(r, TEST_ENGINE_SLICE);
    assert_true(r->cpu->halt != HALT_NONE || r->triple_faults);
}

/* The halted processor is behind the HLT of VECTOR's handler. */
#define assert_in_handler(r, vector)                                                                                   \
    do {                                                                                                               \
        assert_int_equal((r)->cpu->halt, HALT_HLT);                                                                    \
        assert_int_equal((r)->cpu->ip, rig_handler(vector) + 1);                                                       \
        assert_int_equal((r)->cpu->cpl, 0);                                                                            \
    } while (0)

/* Doubleword N of the handler's 32-bit stack frame. */
static inline u32 rig_frame(const struct rig *r, unsigned n)
{
    return rig_get32(r, (u32)r->cpu->r[R_SP] + n * 4);
}

static inline u32 rig_reg(const struct rig *r, unsigned reg)
{
    return (u32)r->cpu->r[reg];
}

#endif
