/*
 * gen.h - makes test cases from the rows of isa.def: instruction bytes in every form that the row has, and a
 * state of the processor and of memory in which they are worth running.
 *
 * A case depends on the row's name, the seed and the number of the case alone.
 */
#ifndef OMBRA_TESTS_ORACLE_GEN_H
#define OMBRA_TESTS_ORACLE_GEN_H

#include "cpu/isa.h"
#include "tests/oracle/proto.h"
#include "tests/oracle/values.h"

/* Which segments and code sizes the judge has. */
struct gen_options {
    bool local_table; /* segments of the LDT: 16-bit code and stacks, read-only data */
    bool lean;        /* registers that the instruction does not name are the same in many cases */
};

/* Makes case INDEX of ROW. False if the row has no cases: gen_reason() says why. */
bool gen_case(const struct gen_options *o, enum isa_op row, u64 seed, u32 index, struct oracle_case *c);

/* Why user mode cannot judge ROW, or NULL. */
const char *gen_reason(enum isa_op row);

/* The jump from behind the instruction of C to ORACLE_EXIT. Returns how many bytes of TO it fills. */
enum { GEN_EXIT_BYTES = 8 };
unsigned gen_exit(const struct oracle_case *c, u8 *to);

/* A value of its own for each general register and in each register of a plain FXSAVE image. */
void gen_quiet(u64 *r, u8 *fx);

/* ---- inside gen*.c ---- */

/* What a case is made of before its bytes are put together. */
struct gen {
    struct rng rng;
    const struct gen_options *options;
    const struct isa_row *row;
    enum isa_op op;
    struct oracle_case *c;
    unsigned opw, adw;        /* bytes: 2 or 4 */
    bool size, address, lock; /* prefixes 66, 67, F0 */
    u8 rep;                   /* 0, F2 or F3 */
    s8 seg;                   /* override: enum seg_reg, or -1 */
    bool has_modrm, mem;
    u8 opcode, modrm, sib;
    bool has_sib;
    u8 disp_size, imm_size;
    u32 disp;
    u64 imm;
    u32 used;          /* registers that may not be changed any more */
    unsigned size_mem; /* bytes that the E operand has in memory */
    u32 target;        /* linear address of the memory operand */
    bool trap;         /* end in INT3: the instruction changes what the exit needs */
    u16 patch_bytes;
};

/* Base and limit of what selector SEL selects. */
const struct oracle_segment *gen_segment(u16 sel);

/* A linear address for SIZE bytes that are at home in the segment SEL: mostly inside the data pages, aligned to ALIGN
 * or not. */
u32 gen_address(struct gen *g, u16 sel, unsigned size, unsigned align);

/* Puts LEN bytes of memory at linear address LIN into the case, as far as they lie in the data pages. */
void gen_patch(struct gen *g, u32 lin, const void *bytes, unsigned len);

/* Sets register REG unless it is in use, with W bytes; afterwards it is. */
void gen_set(struct gen *g, unsigned reg, unsigned w, u32 value);

/* Segment register of the memory operand. */
unsigned gen_seg_of(const struct gen *g);
/* A selector for a data segment register; WIDE: mostly the flat one, else mostly one that 16-bit offsets reach. */
u16 gen_selector(struct gen *g, bool wide, bool stack);

/* gen_rows.c: what single rows need before the ModRM byte is chosen, after all operands have values, and when it is
 * known where the instruction lies. */
void gen_row_before(struct gen *g);
void gen_row_after(struct gen *g);
void gen_row_place(struct gen *g);
/* gen_fpu.c: the FXSAVE image; a plain one for rows that do not look at it. */
void gen_fpu(struct gen *g);
/* What the memory operand of the row holds. */
enum value_type gen_type(const struct isa_row *row);
unsigned gen_operand_size(const struct gen *g, enum isa_operand kind);

#endif
