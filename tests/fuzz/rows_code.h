/*
 * rows_code.h - loops that translations are made of: instructions picked from all rows of isa.def that programs of any
 * privilege may use, in every form, on registers that mostly point to memory that is there.
 */
#ifndef OMBRA_TESTS_FUZZ_ROWS_CODE_H
#define OMBRA_TESTS_FUZZ_ROWS_CODE_H

#include "cpu/isa.h"
#include "tests/fuzz/program.h"
#include "tests/fuzz/x87_code.h"

enum {
    ROWS_DATA = 0x12000, /* four pages; behind them one that may not be written and one that is not there */
    ROWS_DATA_BYTES = 0x4000,
    ROWS_POINTERS = 0x1C000,             /* what the loop loads into EBX ESP EBP ESI EDI when it begins */
    ROWS_NUMBERS = ROWS_POINTERS + 0x40, /* and now and then into others */
    ROWS_INSN_MAX = 42,
    ROWS_CHUNK = 64, /* an instruction begins at each multiple of it */
};

enum rows_kind { ROWS_INT, ROWS_FPU, ROWS_SIMD, ROWS_KINDS };

/* What a loop is made of. BASE: of its data segments. */
struct rows {
    struct program g;
    u32 base;
    u32 features;
    u8 share[ROWS_KINDS]; /* of 16 */
    u32 at;               /* linear, of the code; its CS has base CODE_BASE */
    u32 code_base;
    u32 tables;     /* page table that the data's pages are in, 0: none that a store can reach */
    bool tame;      /* few faults */
    bool surprises; /* see rows_surprise() */
    bool real;      /* real or virtual-8086 mode */
    size_t number;  /* where an immediate byte is, 0: nowhere yet */
    struct rows_call {
        size_t from; /* behind its distance, which is as wide as the code is; or of a far call's offset, */
        bool far;    /* which comes 4 bytes before that */
    } call[8];
    unsigned calls;
};

static inline bool rows_may(const struct rows *r, const struct isa_row *row)
{
    unsigned op = (unsigned)(row - isa_rows);
    bool flags = op == ISA_PUSHF || op == ISA_POPF || op == ISA_CLI || op == ISA_STI;
    if ((row->feature & r->features) != row->feature || op == ISA_UD || row->m64 == M64_ONLY || row->map > MAP_M2)
        return false;
    if (row->attrs & (A_PRIV | A_IO | A_NOREAL) || (row->attrs & A_SYS && !flags))
        return false;
    if (op == ISA_LEAVE || op == ISA_ENTER_IwIb || op == ISA_FLDENV || op == ISA_FRSTOR || op == ISA_FXRSTOR_M)
        return false;
    return !(row->attrs & A_END) || flags || isa_is_string(op);
}

static inline enum rows_kind rows_kind(const struct isa_row *row)
{
    return row->attrs & (A_SSE | A_MMX) ? ROWS_SIMD : row->attrs & A_FPU ? ROWS_FPU : ROWS_INT;
}

/* Does it mostly fault, or turn pointers into numbers? */
static inline bool rows_is_wild(const struct isa_row *row)
{
    static const u16 wild[] = {ISA_DIV_Eb,   ISA_DIV_Ev,     ISA_IDIV_Eb,    ISA_IDIV_Ev, ISA_AAM_Ib,
                               ISA_INTO,     ISA_BOUND_GvMa, ISA_POPA,       ISA_BT_EvGv, ISA_BTS_EvGv,
                               ISA_BTR_EvGv, ISA_BTC_EvGv,   ISA_LDMXCSR_Md, ISA_FLDCW};
    unsigned op = (unsigned)(row - isa_rows), i = 0;
    while (i < ARRAY_LEN(wild) && wild[i] != op)
        i++;
    return i < ARRAY_LEN(wild);
}

static inline const struct isa_row *rows_pick(struct rows *r)
{
    unsigned n = program_below(&r->g, 16), kind = 0;
    while (kind + 1 < ROWS_KINDS && n >= r->share[kind])
        n -= r->share[kind++];
    for (;;) {
        const struct isa_row *row = &isa_rows[program_below(&r->g, ISA_COUNT)];
        if (rows_may(r, row) && rows_kind(row) == kind && !(r->tame && rows_is_wild(row)))
            return row;
    }
}

/* Near one of the data's pages, mostly where 16 bytes are in it and aligned. */
static inline u32 rows_address(struct rows *r)
{
    struct program *g = &r->g;
    u32 page = ROWS_DATA + 0x1000 * program_below(g, 4), off = program_below(g, 0xF0) * 16;
    if (r->tame)
        return page + off - r->base;
    if (program_below(g, 12) == 0)
        return page + 0xFF0 + program_below(g, 16) - r->base;
    if (program_below(g, 60) == 0)
        return ROWS_DATA + ROWS_DATA_BYTES + program_below(g, 0x2100) - r->base;
    return page + off + (program_below(g, 4) ? 0 : program_below(g, 16)) - r->base;
}

static inline u32 rows_near(struct rows *r)
{
    u32 d = program_below(&r->g, 4) * 16;
    return program_below(&r->g, 4) ? d : d + program_below(&r->g, 64) - 32;
}

/* A memory operand behind REG, addresses of WIDE or 16 bits. */
static inline void rows_memory(struct rows *r, unsigned reg, bool wide)
{
    static const u8 rm32[] = {3, 3, 5, 6, 6, 7, 4}, rm16[] = {4, 5, 6, 7, 4, 5, 7};
    struct program *g = &r->g;
    unsigned rm = wide ? rm32[program_below(g, sizeof rm32)] : rm16[program_below(g, sizeof rm16)],
             how = program_below(g, 8);
    if (how == 0) {
        program_put(g, reg << 3 | (wide ? 5 : 6), 1);
        program_put(g, rows_address(r), wide ? 4 : 2);
    } else if (wide && how == 1) { /* and an index */
        unsigned index = r->tame || program_below(g, 2) ? R_CX : program_below(g, 8), base = rm == 5 ? 3 : rm;
        program_put(g, 0x44 | reg << 3, 1);
        program_put(g, program_below(g, 4) << 6 | index << 3 | base, 1);
        program_put(g, rows_near(r), 1);
    } else {
        unsigned mod = how < 3 && rm != (wide ? 5 : 6) ? 0 : how < 7 ? 1 : 2;
        program_put(g, mod << 6 | reg << 3 | rm, 1);
        if (wide && rm == 4)
            program_put(g, 0x24, 1);
        if (mod)
            program_put(g, rows_near(r), mod == 1 ? 1 : wide ? 4 : 2);
    }
}

/* A register operand that is written. Mostly not one that points to memory, above all not to the stack. */
static inline unsigned rows_register(struct rows *r)
{
    unsigned reg = r->tame || program_below(&r->g, 6) ? program_below(&r->g, 3) : program_below(&r->g, 8);
    return reg == R_SP && program_below(&r->g, 8) ? R_AX : reg;
}

static inline void rows_immediates(struct rows *r, const struct isa_row *row, unsigned opsize, bool wide)
{
    struct program *g = &r->g;
    for (unsigned i = 0; i < 3; i++) {
        switch (row->operand[i]) {
        case OPERAND_Ib:
            program_put(g, program_below(g, 2) ? program_below(g, 34) : program_number(g), 1);
            break;
        case OPERAND_Iw:
            program_put(g, program_number(g), 2);
            break;
        case OPERAND_Iz:
        case OPERAND_Iv:
            program_put(g, program_number(g), opsize);
            break;
        case OPERAND_Ob:
        case OPERAND_Ov:
            program_put(g, rows_address(r), wide ? 4 : 2);
            break;
        }
    }
}

static inline bool rows_has(const struct isa_row *row, unsigned operand)
{
    return row->operand[0] == operand || row->operand[1] == operand || row->operand[2] == operand;
}

static inline void rows_modrm(struct rows *r, const struct isa_row *row, bool memory, bool wide)
{
    unsigned kind = row->modrm & 0xFF00, reg = kind >= MODRM_R ? row->modrm & 7 : rows_register(r);
    bool vector = row->attrs & (A_SSE | A_MMX);
    if (kind < MODRM_R && vector)
        reg = program_below(&r->g, 8);
    if (kind == MODRM_IS)
        program_put(&r->g, row->modrm & 0xFF, 1);
    else if (memory)
        rows_memory(r, reg, wide);
    else if (kind != MODRM_NO)
        program_put(
            &r->g,
            0xC0 | reg << 3 | (row->attrs & (A_FPU | A_SSE | A_MMX) ? program_below(&r->g, 8) : rows_register(r)), 1);
}

static inline void rows_row(struct rows *r, const struct isa_row *row)
{
    static const u8 prefix[] = {[PREFIX_66] = 0x66, [PREFIX_F2] = 0xF2, [PREFIX_F3] = 0xF3};
    struct program *g = &r->g;
    unsigned kind = row->modrm & 0xFF00, op = (unsigned)(row - isa_rows);
    bool memory =
        kind == MODRM_MEM || kind == MODRM_RM || ((kind == MODRM_ANY || kind == MODRM_R) && program_below(g, 2));
    bool other = row->prefix == PREFIX_ANY && program_below(g, 5) == 0, address = program_below(g, 30) == 0;
    bool wide = g->wide != address;
    if (address)
        program_put(g, 0x67, 1);
    if (memory && program_below(g, 40) == 0)
        program_put(g, (u32)(0x64362E26u >> 8 * program_below(g, 4)), 1);
    if (memory && row->attrs & A_LOCK && program_below(g, 6) == 0)
        program_put(g, 0xF0, 1);
    if (other)
        program_put(g, 0x66, 1);
    if (isa_is_string(op) && program_below(g, 3) == 0 && !r->tame)
        program_put(g, 0xF2 | program_below(g, 2), 1);
    if (prefix[row->prefix])
        program_put(g, prefix[row->prefix], 1);
    if (row->map == MAP_M2)
        program_put(g, 0x0F, 1);
    bool cc = strstr(row->mnemonic, "cc") != NULL;
    unsigned more = cc                                                       ? program_below(g, 16)
                    : rows_has(row, OPERAND_Zb) || rows_has(row, OPERAND_Zv) ? rows_register(r)
                                                                             : 0;
    program_put(g, row->opcode + more, 1);
    rows_modrm(r, row, memory, wide);
    rows_immediates(r, row, g->wide != other ? 4 : 2, wide);
}

/* MOV REG,[AT] */
static inline void rows_load(struct rows *r, unsigned reg, u32 at)
{
    program_put(&r->g, 0x8B, 1);
    program_put(&r->g, reg << 3 | (r->g.wide ? 5 : 6), 1);
    program_put(&r->g, at - r->base, r->g.wide ? 4 : 2);
}

/* Registers for what comes: a small count, a bit of a string, a dividend that fits, another pointer. */
static inline void rows_prepare(struct rows *r)
{
    struct program *g = &r->g;
    switch (program_below(g, 7)) {
    case 5:
        program_put(g, 0x41 | 8 * program_below(g, 2), 1); /* INC or DEC (E)CX */
        break;
    case 0:
        program_put(g, 0xB1, 1); /* MOV CL */
        program_put(g, program_below(g, 34), 1);
        break;
    case 1:
        program_put(g, 0xC9B60F, 3); /* MOVZX (E)CX,CL */
        break;
    case 2:
        program_put(g, 0xD231, 2); /* XOR (E)DX,(E)DX */
        break;
    case 3:
        rows_load(r, program_below(g, 3), ROWS_NUMBERS + 4 * program_below(g, 8));
        break;
    case 4:
        program_put(g, 0x99, 1);
        break;
    default:
        rows_load(r, 3 + program_below(g, 5), ROWS_POINTERS + 4 * (3 + program_below(g, 5)));
    }
}

/* A data segment register gets a selector near that of the data: from a register, from memory with an offset, from the
 * stack. */
static inline void rows_segment(struct rows *r)
{
    static const u8 pops[] = {0x07, 0x1F}, loads[] = {0xC4, 0xC5};
    struct program *g = &r->g;
    u32 sel = (r->base >> 4) + program_below(g, 4);
    unsigned kind = program_below(g, 4), which = program_below(g, 2);
    if (kind == 0) {
        program_put(g, 0x68, 1);
        program_put(g, sel, 2);
        if (program_below(g, 3))
            program_put(g, pops[which], 1);
        else
            program_put(g, 0xA10F | which << 11, 2);
    } else if (kind == 1) {
        program_put(g, 0x0247C7, 3); /* MOV word [BX+2] */
        program_put(g, sel, 2);
        if (program_below(g, 3))
            program_put(g, loads[which], 1);
        else
            program_put(g, 0xB40F | which << 8, 2);
        program_put(g, rows_register(r) << 3 | 7, 1);
    } else {
        program_put(g, 0xB8, 1);
        program_put(g, sel, 2);
        program_put(g, 0x8E, 1);
        program_put(g, 0xC0 | (which ? 3 : program_below(g, 2) ? 0 : 4 + program_below(g, 2)) << 3, 1);
    }
}

/* What other code does not expect: a byte of the code changes, or the rights of a page with data; another segment. */
static inline void rows_surprise(struct rows *r)
{
    static const u8 bits[] = {1, 2, 4, 0x20, 0x40, 0x40};
    struct program *g = &r->g;
    unsigned wide = g->wide ? 4 : 2;
    if (r->real && program_below(g, 2)) {
        rows_segment(r);
    } else if (r->tables && program_below(g, 2)) {
        program_put(g, g->wide ? 0x3580 : 0x3680, 2); /* XOR byte */
        program_put(g, r->tables + 4 * ((ROWS_DATA >> 12) + program_below(g, 6)) - r->base, wide);
        program_put(g, bits[program_below(g, sizeof bits)], 1);
    } else if (r->number) {
        program_put(g, g->wide ? 0x05FE : 0x06FE, 2); /* INC byte */
        program_put(g, (u32)(r->at + r->number) - r->base, wide);
    } else {
        program_put(g, 0xB0, 1);
        r->number = g->n;
        program_put(g, program_random(g), 1);
    }
}

/* Where a jump forward is to lead. */
struct rows_jump {
    size_t from; /* behind its distance; 0: there is none */
    unsigned until;
};

static inline void rows_lands(struct rows *r, struct rows_jump *j)
{
    if (j->from)
        r->g.p[j->from - 1] = (u8)(r->g.n - j->from);
    j->from = 0;
}

static inline void rows_jumps(struct rows *r, struct rows_jump *j, unsigned i)
{
    if (j->from && i >= j->until)
        rows_lands(r, j);
    if (j->from || program_below(&r->g, 12))
        return;
    program_put(&r->g, program_below(&r->g, 4) ? 0x70 | program_below(&r->g, 16) : 0xE0 | program_below(&r->g, 4), 1);
    program_put(&r->g, 0, 1);
    *j = (struct rows_jump){r->g.n, i + 1 + program_below(&r->g, 4)};
}

/* Near the end of a chunk: to the next one. */
static inline void rows_next_chunk(struct rows *r)
{
    struct program *g = &r->g;
    unsigned left = ROWS_CHUNK - g->n % ROWS_CHUNK;
    if (left > ROWS_INSN_MAX)
        return;
    if (left >= 2) {
        program_put(g, 0xEB, 1);
        program_put(g, left - 2, 1);
    }
    while (g->n % ROWS_CHUNK)
        program_put(g, 0x90, 1);
}

static inline void rows_again(struct rows *r)
{
    struct program *g = &r->g;
    program_put(g, 0xE9, 1);
    program_put(g, 0 - (u32)(g->n + (g->wide ? 4 : 2)), g->wide ? 4 : 2);
}

static inline u32 rows_ip(const struct rows *r)
{
    return (u32)(r->at - r->code_base + r->g.n);
}

/* To what comes next, by a register; in 16-bit code sometimes with 32 bits of an offset, of which upper ones may be
 * set. */
static inline void rows_jump_by_register(struct rows *r)
{
    struct program *g = &r->g;
    bool other = !g->wide && program_below(g, 3) == 0;
    if (other)
        program_put(g, 0x66, 1);
    program_put(g, 0xB8, 1);
    size_t at = g->n;
    program_put(g, program_below(g, 4) ? 0 : 0x10000, g->wide || other ? 4 : 2);
    if (other)
        program_put(g, 0x66, 1);
    program_put(g, 0xE0FF, 2); /* JMP (E)AX */
    u32 to = rows_ip(r);
    memcpy(g->p + at, &to, g->wide ? 4 : 2);
}

/* Real mode: the same by a far pointer, in the code or in memory. */
static inline void rows_jump_far(struct rows *r)
{
    struct program *g = &r->g;
    bool memory = program_below(g, 2);
    u32 behind = rows_ip(r) + (memory ? 11 : 5);
    program_put(g, memory ? 0x07C7 : 0xEA, memory ? 2 : 1); /* MOV word [BX] */
    program_put(g, behind, 2);
    if (memory)
        program_put(g, 0x0247C7, 3); /* MOV word [BX+2] */
    program_put(g, r->code_base >> 4, 2);
    if (memory)
        program_put(g, 0x2FFF, 2);
}

/* A call, near or far, directly or by memory. Where it leads is filled in later. */
static inline void rows_call(struct rows *r)
{
    struct program *g = &r->g;
    bool far = r->real && program_below(g, 2), memory = far && program_below(g, 2);
    if (r->calls == ARRAY_LEN(r->call))
        return;
    program_put(g, memory ? 0x07C7 : far ? 0x9A : 0xE8, memory ? 2 : 1);
    program_put(g, 0, g->wide ? 4 : 2);
    r->call[r->calls++] = (struct rows_call){g->n, far};
    if (memory)
        program_put(g, 0x0247C7, 3);
    if (far)
        program_put(g, r->code_base >> 4, 2);
    if (memory)
        program_put(g, 0x1FFF, 2);
}

static inline void rows_goes(struct rows *r)
{
    unsigned kind = program_below(&r->g, 4);
    if (kind == 0)
        rows_jump_by_register(r);
    else if (kind == 1 && r->real)
        rows_jump_far(r);
    else
        rows_call(r);
}

/* Accesses by one base and an index that known numbers are added to, as unrolled loops have them. */
static inline void rows_walk(struct rows *r)
{
    static const u8 ops[] = {0x8A, 0x8B, 0x88, 0x89, 0x03, 0x01, 0x3B};
    struct program *g = &r->g;
    unsigned sib = program_below(g, 4) << 6 | R_CX << 3 | (program_below(g, 2) ? R_SI : R_BX);
    for (unsigned i = 2 + program_below(g, 4); i > 0 && g->wide; i--) {
        program_put(g, ops[program_below(g, sizeof ops)], 1);
        program_put(g, program_below(g, 2) ? 0x54 : 0x44, 1); /* DX or AX, [base+index+byte] */
        program_put(g, sib, 1);
        program_put(g, rows_near(r), 1);
        if (program_below(g, 2)) {
            program_put(g, 0x41 | 8 * program_below(g, 2), 1);
        } else {
            program_put(g, 0xC183, 2); /* ADD ECX */
            program_put(g, program_below(g, 32) - 16, 1);
        }
    }
}

/* See x87_convert(). */
static inline void rows_convert(struct rows *r)
{
    struct program *g = &r->g;
    u32 from = program_random(g);
    struct x87_code x = {.in = {(u8 *)&from, sizeof from}, .out = g->p + g->n, .max = g->max - g->n, .wide = g->wide};
    x87_convert(&x);
    g->n += x.n;
}

static inline bool rows_moves_stack(const struct isa_row *row)
{
    return !strncmp(row->mnemonic, "pu", 2) || !strncmp(row->mnemonic, "po", 2);
}

/* What calls lead to. */
static inline void rows_routine(struct rows *r, const struct rows_call *c)
{
    struct program *g = &r->g;
    u32 to = c->far ? (u32)(r->at - r->code_base + g->n) : (u32)(g->n - c->from);
    memcpy(g->p + c->from - (g->wide ? 4 : 2), &to, g->wide ? 4 : 2);
    for (unsigned i = program_below(g, 3); i > 0; i--) {
        const struct isa_row *row = rows_pick(r);
        if (!rows_moves_stack(row) && !rows_has(row, OPERAND_Zv))
            rows_row(r, row);
    }
    bool more = program_below(g, 3) == 0;
    program_put(g, (c->far ? 0xCB : 0xC3) - more, 1);
    if (more)
        program_put(g, 0, 2);
}

/* A loop of N instructions at most; jumps in it lead forward. How many bytes it has. */
static inline size_t rows_loop(struct rows *r, unsigned n)
{
    struct program *g = &r->g;
    struct rows_jump jump = {0};
    for (unsigned reg = 3; reg < 8; reg++)
        rows_load(r, reg, ROWS_POINTERS + 4 * reg);
    program_put(g, 0xC9B60F, r->tame ? 3 : 0); /* MOVZX (E)CX,CL */
    for (unsigned i = 0; i < n && g->n + 3 * ROWS_CHUNK < g->max; i++) {
        rows_jumps(r, &jump, i);
        unsigned what = program_below(g, 40);
        if (what < 4)
            rows_prepare(r);
        else if (what == 4)
            rows_goes(r);
        else if (what == 6)
            rows_walk(r);
        else if (what == 5 && r->share[ROWS_FPU] && program_below(g, 2))
            rows_convert(r);
        else if (what == 5 && r->surprises)
            rows_surprise(r);
        else
            rows_row(r, rows_pick(r));
        rows_next_chunk(r);
    }
    rows_lands(r, &jump);
    rows_again(r);
    while (g->n % ROWS_CHUNK)
        program_put(g, 0x90, 1);
    rows_again(r); /* behind what faults in the last chunk */
    for (unsigned i = 0; i < r->calls; i++)
        rows_routine(r, &r->call[i]);
    while (g->n % ROWS_CHUNK)
        program_put(g, 0x90, 1);
    rows_again(r);
    return g->n;
}

#endif
