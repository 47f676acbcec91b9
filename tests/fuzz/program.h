/*
 * program.h - random programs for fuzz_code.c: instructions that mostly exist, with loops, calls, loads and stores that meet each other,
 * pages that forbid some of them, page tables and the code itself.
 */
#ifndef OMBRA_TESTS_FUZZ_PROGRAM_H
#define OMBRA_TESTS_FUZZ_PROGRAM_H

#include "tests/fuzz/fuzz.h"

enum { PROGRAM_SPACES = 0xF000 }; /* bits that differ between the values of CR3 that there are page tables for */

struct program {
    u64 random;
    u8 *p;
    size_t n, max;
    bool wide; /* 32-bit code */
};

/* splitmix64 */
static inline u32 program_random(struct program *g)
{
    u64 z = g->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (u32)(z >> 32);
}

static inline u32 program_below(struct program *g, u32 n)
{
    return program_random(g) % n;
}

static inline void program_put(struct program *g, u32 v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes && g->n < g->max; i++)
        g->p[g->n++] = (u8)(v >> i * 8);
}

static inline u32 program_number(struct program *g)
{
    static const u32 values[] = {0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    return program_below(g, 3) ? program_random(g) >> program_below(g, 32) : values[program_below(g, ARRAY_LEN(values))];
}

/* Data, the pages with fewer rights behind it, the code, its stacks, page tables; often at a page's end, or beside the code. */
static inline u32 program_address(struct program *g)
{
    static const u32 pages[] = {0x15000, 0x16000, 0x15000, 0x16000, 0x17000, 0x18000, 0x19000, 0x10000, 0x11000, 0x1D000, 0x4000};
    u32 page = pages[program_below(g, ARRAY_LEN(pages))];
    if (page == 0x4000)
        return page + 4 * (0x10 + program_below(g, 12));
    if (page < 0x12000 && program_below(g, 2))
        return page + program_below(g, 0x1000);
    return page + (program_below(g, 4) ? program_below(g, 0x100) : 0x1000 - 1 - program_below(g, 8));
}

/* ModRM and what follows it, with REG (8: any) and a memory operand more often than not. */
static inline void program_modrm(struct program *g, unsigned reg, bool memory)
{
    unsigned r = reg < 8 ? reg : program_below(g, 8), kind = memory ? 1 + program_below(g, 3) : program_below(g, 4);
    if (kind == 0) {
        program_put(g, 0xC0 | r << 3 | program_below(g, 8), 1);
    } else if (kind == 1) { /* an address */
        program_put(g, r << 3 | (g->wide ? 5 : 6), 1);
        program_put(g, program_address(g), g->wide ? 4 : 2);
    } else if (kind == 2 || !g->wide) { /* a register and a byte */
        unsigned rm = program_below(g, 8);
        program_put(g, 0x40 | r << 3 | rm, 1);
        if (g->wide && rm == 4)
            program_put(g, program_random(g), 1);
        program_put(g, program_random(g), 1);
    } else { /* a sum of two */
        program_put(g, 0x80 | r << 3 | 4, 1);
        program_put(g, program_random(g), 1);
        program_put(g, program_address(g), 4);
    }
}

/* A jump's distance: near, mostly forward, a byte or as wide as code is. */
static inline void program_distance(struct program *g, unsigned bytes)
{
    s32 d = (s32)program_below(g, 24) - (program_below(g, 4) ? 0 : 20);
    program_put(g, (u32)d, bytes);
}

/* A segment register with a selector of the tables of fuzz_code.c, or with that of a page; a far pointer; a selector on its way. */
static inline void program_segment(struct program *g, unsigned opsize)
{
    static const u16 selectors[] = {0x10, 0x1B, 0x23, 0x48, 0x60, 0, 0x1000, 0x1500, 0x1600, 0x1008, 0xFFF};
    static const u8 loads[] = {0x8E, 0x8E, 0x8E, 0xC4, 0xC5, 0x8C, 0x8F};
    unsigned op = loads[program_below(g, ARRAY_LEN(loads))], reg = program_below(g, 4);
    if (program_below(g, 6) == 0) { /* to the same code by another name, mostly; or back */
        static const u8 ops[] = {0x9A, 0x9A, 0xEA, 0xCB, 0xCA};
        unsigned it = ops[program_below(g, ARRAY_LEN(ops))], part = program_below(g, 4) * 0x100;
        if (program_below(g, 2))
            part += program_below(g, 16); /* CS begins inside a page */
        program_put(g, it, 1);
        if (it == 0xCA)
            program_put(g, 2 * program_below(g, 4), 2);
        if (it >= 0xCA && it != 0xEA)
            return;
        program_put(g, 0x1000 + program_below(g, 0x200) - (g->wide ? 0 : part * 16), opsize);
        program_put(g, g->wide ? selectors[program_below(g, ARRAY_LEN(selectors))] : 0x1000 + part, 2);
        return;
    }
    if (program_below(g, 6) == 0) {
        program_put(g, 0x0F, 1);
        if (program_below(g, 2)) {
            program_put(g, 0xB4 + program_below(g, 2), 1);
            program_modrm(g, 8, true);
        } else {
            program_put(g, 0xA0 + program_below(g, 2) + 8 * program_below(g, 2), 1);
        }
        return;
    }
    if (op == 0x8E) {
        program_put(g, 0xB8 | reg, 1);
        program_put(g, selectors[program_below(g, ARRAY_LEN(selectors))], opsize);
    }
    program_put(g, op, 1);
    if (op == 0x8E && program_below(g, 4))
        program_put(g, 0xC0 | (program_below(g, 8) ? 3 * program_below(g, 2) : program_below(g, 8)) << 3 | reg, 1); /* ES or DS */
    else
        program_modrm(g, op == 0x8F ? 0 : 8, op == 0xC4 || op == 0xC5);
}

static inline void program_plain(struct program *g, unsigned opsize)
{
    static const u8 plain[] = {0x40, 0x48, 0x50, 0x58, 0x91, 0x98, 0x99, 0x9C, 0x9D, 0x9E, 0x9F, 0xF5, 0xF8, 0xF9, 0xFC, 0xFD,
                               0x27, 0x2F, 0x37, 0x3F, 0xD7, 0xFA, 0xFB, 0x60, 0x61, 0xC9, 0xC3, 0x06, 0x07, 0x1E, 0x1F, 0xCE};
    unsigned op = plain[program_below(g, ARRAY_LEN(plain))];
    switch (program_below(g, 6)) {
    case 3:
        program_segment(g, opsize);
        break;
    case 0: /* a register with an address or a number */
        program_put(g, 0xB8 | program_below(g, 8), 1);
        program_put(g, program_below(g, 2) ? program_address(g) : program_number(g), opsize);
        break;
    case 1:
        program_put(g, 0x68, 1);
        program_put(g, program_number(g), opsize);
        break;
    case 2: /* a timer's or an interrupt controller's register */
        program_put(g, 0xE4 | program_below(g, 4), 1);
        program_put(g, program_below(g, 2) ? 0x40 : 0x61, 1);
        break;
    default:
        program_put(g, op == 0x40 || op == 0x48 || op == 0x50 || op == 0x58 || op == 0x91 ? op | program_below(g, 8) : op, 1);
    }
}

static inline void program_string_op(struct program *g)
{
    static const u8 strings[] = {0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF};
    if (program_below(g, 6) == 0)
        program_put(g, 0x67, 1);
    if (program_below(g, 3) == 0)
        program_put(g, 0x66, 1);
    if (program_below(g, 12) == 0)
        program_put(g, (u32)(0x64362E26u >> 8 * program_below(g, 4)), 1);
    if (program_below(g, 4))
        program_put(g, 0xF2 | program_below(g, 2), 1);
    program_put(g, strings[program_below(g, ARRAY_LEN(strings))], 1);
}

/* Mostly in the middle of plain pages. */
static inline u32 program_buffer(struct program *g)
{
    return program_below(g, 4) ? 0x15000 + program_below(g, 0x2000) : program_address(g);
}

/* Short ones above all; the operands over each other, or at ends of pages; up and down. OPSIZE is of the first instruction. */
static inline void program_strings(struct program *g, unsigned opsize)
{
    static const u16 most[] = {2, 8, 8, 40, 40, 80, 80, 300};
    unsigned width = g->wide ? 4 : 2;
    u32 at = program_buffer(g), n = program_below(g, most[program_below(g, ARRAY_LEN(most))]);
    program_put(g, 0xBF, 1);
    program_put(g, at, opsize);
    if (program_below(g, 3)) {
        program_put(g, 0xBE, 1);
        program_put(g, program_below(g, 2) ? at + program_below(g, 100) - 50 : program_buffer(g), width);
    }
    program_put(g, 0xB9, 1);
    program_put(g, program_below(g, 30) ? n : program_number(g), width);
    if (program_below(g, 2))
        program_put(g, program_below(g, 3) ? 0xFC : 0xFD, 1);
    for (unsigned i = 1 + program_below(g, 3); i > 0; i--)
        program_string_op(g);
}

static inline void program_alu(struct program *g, unsigned opsize)
{
    unsigned op = program_below(g, 16), byte = program_below(g, 3) ? 1 : 0;
    if (op < 8) {
        program_put(g, program_below(g, 8) << 3 | program_below(g, 4), 1);
        program_modrm(g, 8, false);
    } else if (op < 11) {
        unsigned form = program_below(g, 3);
        program_put(g, form == 2 ? 0x83 : 0x80 | form, 1);
        program_modrm(g, 8, false);
        program_put(g, program_number(g), form == 1 ? opsize : 1);
    } else if (op < 13) { /* shifts; not number 6, which is another's */
        unsigned form = program_below(g, 3);
        program_put(g, (form == 0 ? 0xC0 : form == 1 ? 0xD0 : 0xD2) | byte, 1);
        program_modrm(g, program_below(g, 8), false);
        if (form == 0)
            program_put(g, program_below(g, 3) ? program_below(g, 34) : program_random(g), 1);
    } else if (op == 13) {
        unsigned reg = program_below(g, 8);
        program_put(g, 0xF6 | byte, 1);
        program_modrm(g, reg, false);
        if (reg < 2)
            program_put(g, program_number(g), byte ? opsize : 1);
    } else {
        static const u8 ops[] = {0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8D, 0xFE, 0xC6, 0xC7, 0x69, 0x6B, 0x8F};
        unsigned it = ops[program_below(g, ARRAY_LEN(ops))];
        program_put(g, it, 1);
        program_modrm(g, it == 0xFE ? program_below(g, 2) : it >= 0xC6 || it == 0x8F ? 0 : 8, it == 0x8D);
        if (it == 0xC6 || it == 0xC7 || it == 0x69 || it == 0x6B)
            program_put(g, program_number(g), it == 0xC7 || it == 0x69 ? opsize : 1);
    }
}

static inline void program_two_bytes(struct program *g)
{
    static const u8 ops[] = {0x40, 0x90, 0xA3, 0xAB, 0xB3, 0xBB, 0xBA, 0xA4, 0xA5, 0xAC, 0xAD, 0xAF, 0xB0, 0xB1, 0xB6, 0xB7,
                             0xBE, 0xBF, 0xBC, 0xBD, 0xC0, 0xC1, 0xC8, 0x10, 0x58, 0x6F, 0x7F, 0xEF, 0xFE, 0xD4, 0x28, 0x5A,
                             0xC7, 0xC7, 0x1F};
    unsigned op = ops[program_below(g, ARRAY_LEN(ops))];
    program_put(g, 0x0F, 1);
    if (op == 0xC8) {
        program_put(g, op | program_below(g, 8), 1);
        return;
    }
    program_put(g, op == 0x40 || op == 0x90 ? op | program_below(g, 16) : op, 1);
    program_modrm(g, op == 0xBA ? 4 + program_below(g, 4) : op == 0xC7 ? 1 : 8, op == 0xC7);
    if (op == 0xBA || op == 0xA4 || op == 0xAC)
        program_put(g, program_random(g), 1);
}

static inline void program_flow(struct program *g, unsigned opsize)
{
    switch (program_below(g, 8)) {
    case 0: /* a loop that ends */
        program_put(g, 0xE2 - program_below(g, 3), 1);
        program_put(g, (u32)-(s32)(2 + program_below(g, 30)), 1);
        break;
    case 1:
        program_put(g, 0xE8 | program_below(g, 2), 1);
        program_distance(g, opsize);
        break;
    case 2:
        program_put(g, 0x0F, 1);
        program_put(g, 0x80 | program_below(g, 16), 1);
        program_distance(g, opsize);
        break;
    case 3:
        program_put(g, 0xEB, 1);
        program_distance(g, 1);
        break;
    case 4: /* to where a register or memory says */
        program_put(g, 0xFF, 1);
        program_modrm(g, program_below(g, 8) ? 6 : 2 + program_below(g, 4), false);
        break;
    default:
        program_put(g, 0x70 | program_below(g, 16), 1);
        program_distance(g, 1);
    }
}

/* Another address space, the same once more, or one page of it forgotten. What to change in CR3 is fuzz_code.c's. */
static inline void program_space(struct program *g)
{
    static const u8 from_cr3[] = {0x0F, 0x20, 0xD8}, to_cr3[] = {0x0F, 0x22, 0xD8};
    if (program_below(g, 4) == 0) {
        program_put(g, 0x010F, 2);
        program_modrm(g, 7, true);
        return;
    }
    for (unsigned i = 0; i < sizeof from_cr3; i++)
        program_put(g, from_cr3[i], 1);
    if (program_below(g, 4)) {
        program_put(g, g->wide ? 0x35 : 0x3566, g->wide ? 1 : 2); /* XOR EAX */
        program_put(g, PROGRAM_SPACES, 4);
    }
    for (unsigned i = 0; i < sizeof to_cr3; i++)
        program_put(g, to_cr3[i], 1);
}

/* N instructions at most into P, many of them STRINGS. How many bytes they have. */
static inline size_t program_make(u64 seed, bool wide, bool strings, u8 *p, size_t max, unsigned n)
{
    struct program g = {.random = seed, .p = p, .max = max, .wide = wide};
    for (unsigned i = 0; i < n && g.n < max; i++) {
        bool other = program_below(&g, 10) == 0;
        if (program_below(&g, 25) == 0)
            program_space(&g);
        unsigned opsize = wide != other ? 4 : 2, kind = program_below(&g, 16);
        if (program_below(&g, 40) == 0)
            program_put(&g, program_below(&g, 2) ? 0xF0 : 0x67, 1);
        if (program_below(&g, 30) == 0)
            program_put(&g, (u32)(0x64362E26u >> 8 * program_below(&g, 4)), 1);
        if (other)
            program_put(&g, 0x66, 1);
        if (strings && kind < 12)
            program_strings(&g, opsize);
        else if (kind < 8)
            program_alu(&g, opsize);
        else if (kind < 11)
            program_flow(&g, opsize);
        else if (kind < 13)
            program_plain(&g, opsize);
        else if (kind < 14)
            program_two_bytes(&g);
        else if (kind < 15)
            program_strings(&g, opsize);
        else
            program_put(&g, 0xD8 | program_below(&g, 8), 1), program_modrm(&g, 8, false);
    }
    program_put(&g, 0xEB, 1); /* around again */
    program_put(&g, 0x80, 1);
    return g.n;
}

#endif
