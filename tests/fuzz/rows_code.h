/*
 * rows_code.h - loops that translations are made of: instructions picked from all rows of isa.def that programs of any
 * privilege may use, in every form, on registers that mostly point to memory that is there.
 */
#ifndef OMBRA_TESTS_FUZZ_ROWS_CODE_H
#define OMBRA_TESTS_FUZZ_ROWS_CODE_H

#include "cpu/isa.h"
#include "tests/fuzz/program.h"

enum {
    ROWS_DATA = 0x12000, /* four pages; behind them one that may not be written and one that is not there */
    ROWS_DATA_BYTES = 0x4000,
    ROWS_POINTERS = 0x1C000,             /* what the loop loads into EBX ESP EBP ESI EDI when it begins */
    ROWS_NUMBERS = ROWS_POINTERS + 0x40, /* and now and then into others */
    ROWS_INSN_MAX = 24,
    ROWS_CHUNK = 64, /* an instruction begins at each multiple of it */
};

enum rows_kind { ROWS_INT, ROWS_FPU, ROWS_SIMD, ROWS_KINDS };

/* What a loop is made of. BASE: of its data segments. */
struct rows {
    struct program g;
    u32 base;
    u32 features;
    u8 share[ROWS_KINDS]; /* of 16 */
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

static inline const struct isa_row *rows_pick(struct rows *r)
{
    unsigned n = program_below(&r->g, 16), kind = 0;
    while (kind + 1 < ROWS_KINDS && n >= r->share[kind])
        n -= r->share[kind++];
    for (;;) {
        const struct isa_row *row = &isa_rows[program_below(&r->g, ISA_COUNT)];
        if (rows_may(r, row) && rows_kind(row) == kind)
            return row;
    }
}

/* Near one of the data's pages, mostly where 16 bytes are in it and aligned. */
static inline u32 rows_address(struct rows *r)
{
    struct program *g = &r->g;
    u32 page = ROWS_DATA + 0x1000 * program_below(g, 4), off = program_below(g, 0xF0) * 16;
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
    } else if (wide && how == 1) { /* any index */
        unsigned index = program_below(g, 8), base = rm == 5 ? 3 : rm;
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
    unsigned reg = program_below(&r->g, 6) ? program_below(&r->g, 3) : program_below(&r->g, 8);
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
    if (isa_is_string(op) && program_below(g, 3) == 0)
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
    switch (program_below(g, 6)) {
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
    program_put(&r->g, 0x70 | program_below(&r->g, 16), 1);
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

/* A loop of N instructions at most; jumps in it lead forward. How many bytes it has. */
static inline size_t rows_loop(struct rows *r, unsigned n)
{
    struct program *g = &r->g;
    struct rows_jump jump = {0};
    for (unsigned reg = 3; reg < 8; reg++)
        rows_load(r, reg, ROWS_POINTERS + 4 * reg);
    for (unsigned i = 0; i < n && g->n + 3 * ROWS_CHUNK < g->max; i++) {
        rows_jumps(r, &jump, i);
        if (program_below(g, 10) == 0)
            rows_prepare(r);
        else
            rows_row(r, rows_pick(r));
        rows_next_chunk(r);
    }
    rows_lands(r, &jump);
    rows_again(r);
    while (g->n % ROWS_CHUNK)
        program_put(g, 0x90, 1);
    rows_again(r); /* behind what faults in the last chunk */
    return g->n;
}

#endif
