/*
 * step_rig.h - a bare processor with 1 MB of memory that the stepper's views look at through
 * struct peek. For test_explain*.c and test_decoded.c.
 *
 * Real mode: CS:IP 0000:7C00, DS 0100h, ES 0200h, SS:SP 0000:0FF0, vector 21h leads to 0070:1234.
 * Protected mode: flat, EIP 00007C00h, ESP 00001000h; GDT at 800h (see fill_gdt), IDT at 900h with a few gates.
 */
#ifndef OMBRA_TESTS_STEP_RIG_H
#define OMBRA_TESTS_STEP_RIG_H

#include "cpu/decode.h"
#include "cpu/isa.h"
#include "frontend/step/explain.h"
#include "frontend/step/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants those above first */
#include <cmocka.h>

enum { RIG_RAM = 1 << 20, RIG_IP = 0x7C00, RIG_GDT = 0x800, RIG_IDT = 0x900, RIG_TSS = 0xB00 };

struct rig {
    struct cpu *c;
    struct decoder *decoder;
    struct insn in;
    u8 *ram;
    struct explain x;
};

/* Linear memory is physical memory, and nothing lies behind the 1 MB. */
static inline bool rig_peek(void *ctx, u64 addr, void *buf, unsigned len)
{
    struct rig *r = ctx;
    if (addr > RIG_RAM || len > RIG_RAM - addr)
        return false;
    memcpy(buf, r->ram + addr, len);
    return true;
}

static inline void rig_new(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->c = calloc(1, sizeof *r->c);
    r->ram = calloc(1, RIG_RAM);
    r->decoder = decoder_new(~(u32)0);
    assert_true(r->c && r->ram && r->decoder);
}

static inline void rig_delete(struct rig *r)
{
    decoder_free(r->decoder);
    free(r->ram);
    free(r->c);
}

static inline void rig_segment(struct rig *r, unsigned seg, u16 sel, u32 base, u32 limit, u16 attr)
{
    r->c->seg[seg] = (struct segment){.sel = sel, .base = base, .limit = limit, .attr = attr};
}

static inline void fill_gdt(struct rig *r)
{
    static const u64 entries[] = {
        0,
        0x00CF9B000000FFFF, /* 08h: code, DPL 0 */
        0x00CF93000000FFFF, /* 10h: data, DPL 0 */
        0x00CFFB000000FFFF, /* 18h: code, DPL 3 */
        0x00CFF3000000FFFF, /* 20h: data, DPL 3 */
        0x0040130050000FFF, /* 28h: data, not present */
        0x00008B000B000067, /* 30h: 32-bit TSS at B00h, busy */
        0x0000EC0000081234, /* 38h: call gate to 0008h:00001234h */
    };
    memcpy(r->ram + RIG_GDT, entries, sizeof entries);
    r->c->gdtr = (struct dtable){RIG_GDT, sizeof entries - 1};
    st64(r->ram + RIG_IDT + 0x20 * 8, 0xC0108E0000085678); /* interrupt gate, DPL 0 */
    st64(r->ram + RIG_IDT + 0x03 * 8, 0xC010EF0000089ABC); /* trap gate, DPL 3 */
    st64(r->ram + RIG_IDT + 0x21 * 8, 0xC0100E0000085678); /* not present */
    r->c->idtr = (struct dtable){RIG_IDT, 0x22 * 8 - 1};
}

static inline void rig_registers(struct rig *r)
{
    static const u32 start[8] = {0x12, 5, 0x03F8, 0x0C, 0x0FF0, 0x1008, 0x40, 0x80};
    struct cpu *c = r->c;
    memset(c, 0, sizeof *c);
    memset(r->ram, 0, RIG_RAM);
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = start[i];
    c->cr0 = CR0_ET | CR0_NE | CR0_MP;
    c->cr4 = CR4_OSFXSR;
    c->ip = RIG_IP;
    c->fpu = (struct x87){.cw = 0x37F, .top = 6, .empty = 0x3F};
    c->fpu.st[6] = (struct f80){0xC000000000000000, 0x3FFF}; /* ST(0) = 1.5 */
    c->fpu.st[7] = (struct f80){0x8000000000000000, 0xC000}; /* ST(1) = -2 */
    c->fpu.st[1] = (struct f80){0x0004000300020001, 0xFFFF}; /* MM1 */
    c->fpu.st[2] = (struct f80){0x0001000100010001, 0xFFFF}; /* MM2 */
    for (unsigned i = 0; i < 4; i++) {
        c->xmm[1].d[i] = 0x3F800000 + i * 0x00400000; /* 1, 1.5, 2, 3 */
        c->xmm[2].d[i] = 0x40000000;                  /* 2 */
    }
    c->mxcsr = 0x1F80;
    cpu_set_eflags(c, F_ONE | F_IF);
}

/* BITS 16: real mode; 32: protected mode. */
static inline void rig_reset(struct rig *r, unsigned bits)
{
    static const u16 real[SEG_COUNT] = {0x200, 0, 0, 0x100, 0x300, 0x400};
    const u16 data = SEG_P | SEG_S | SEG_RW | SEG_A;
    rig_registers(r);
    r->c->code_bits = (u8)bits;
    r->c->stack32 = bits == 32;
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        if (bits == 16)
            rig_segment(r, s, real[s], real[s] * 16u, 0xFFFF, data);
        else
            rig_segment(r, s, s == SEG_CS ? 8 : 0x10, 0, 0xFFFFFFFF,
                        data | SEG_DB | SEG_G | (s == SEG_CS ? SEG_CODE : 0));
    }
    r->c->idtr.limit = 0x3FF;
    st32(r->ram + 0x21 * 4, 0x00701234);
    if (bits == 32) {
        r->c->cr0 |= CR0_PE;
        r->c->r[R_SP] = 0x1000;
        fill_gdt(r);
        r->c->tr = (struct segment){.sel = 0x30, .base = RIG_TSS, .limit = 0x67, .attr = SEG_P | 0xB};
    }
    r->x = (struct explain){.cpu = r->c, .insn = &r->in, .ip = RIG_IP, .peek = {rig_peek, NULL, r}};
}

/* One "name=hex" of a case's setup; a name that is a number is an address that gets four bytes. */
static inline void rig_set(struct rig *r, const char *name, u32 v)
{
    static const char regs[8][4] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const struct {
        char name[5];
        u32 bit;
    } flags[] = {{"cf", F_CF}, {"pf", F_PF}, {"zf", F_ZF}, {"sf", F_SF}, {"of", F_OF},
                 {"df", F_DF}, {"if", F_IF}, {"nt", F_NT}, {"vm", F_VM}, {"af", F_AF}};
    struct cpu *c = r->c;
    for (unsigned i = 0; i < 8; i++)
        if (strcmp(regs[i], name) == 0) {
            c->r[i] = v;
            return;
        }
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
        if (strcmp(flags[i].name, name) == 0) {
            cpu_set_eflags(c, (cpu_eflags(c) & ~flags[i].bit) | (v ? flags[i].bit : 0));
            return;
        }
    if (strcmp(name, "cpl") == 0)
        c->cpl = (u8)v;
    else if (strcmp(name, "iopl") == 0)
        cpu_set_eflags(c, cpu_eflags(c) | v << 12);
    else if (strcmp(name, "cr0") == 0)
        c->cr0 |= v;
    else if (strcmp(name, "cr4") == 0)
        c->cr4 = v;
    else if (strcmp(name, "fsw") == 0)
        c->fpu.sw = (u16)v;
    else if (strcmp(name, "top") == 0)
        c->fpu.top = (u8)v;
    else if (strcmp(name, "empty") == 0)
        c->fpu.empty = (u8)v;
    else if (strcmp(name, "mm1") == 0)
        c->fpu.st[1].m = v;
    else if (strcmp(name, "xmm1") == 0)
        c->xmm[1].d[0] = v;
    else if (strcmp(name, "limit") == 0)
        c->seg[SEG_DS].limit = v;
    else if (strcmp(name, "null") == 0)
        c->seg[SEG_DS].null = v;
    else if (strcmp(name, "attr") == 0)
        c->seg[SEG_DS].attr = (u16)v;
    else if (name[0] >= '0' && name[0] <= '9')
        st32(r->ram + strtoul(name, NULL, 16), v);
    else
        fail_msg("no setting called %s", name);
}

static inline void rig_setup(struct rig *r, const char *setup)
{
    char line[160], *rest = line;
    snprintf(line, sizeof line, "%s", setup);
    for (char *word; (word = strsep(&rest, " "));) {
        char *value = strchr(word, '=');
        if (!value)
            continue;
        *value++ = 0;
        rig_set(r, word, (u32)strtoul(value, NULL, 16));
    }
}

/* Decodes "01 D8" into r->in. */
static inline void rig_decode(struct rig *r, const char *hex)
{
    u8 code[INSN_MAX_LEN] = {0};
    struct decode_mode mode = {.decoder = r->decoder, .bits = r->c->code_bits};
    char *end;
    for (unsigned n = 0; *hex && n < sizeof code; hex = end)
        code[n++] = (u8)strtoul(hex, &end, 16);
    assert_int_equal(decode(&mode, code, sizeof code, &r->in), DECODE_OK);
}

/* Deterministic numbers. */
static inline u64 rig_random(u64 *state)
{
    *state += 0x9E3779B97F4A7C15u;
    u64 z = *state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

#endif
