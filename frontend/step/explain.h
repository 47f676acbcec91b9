/*
 * explain.h - one sentence of plain English about an instruction with its actual operands and
 * values: what it will do before it is executed, what it did afterwards.
 *
 * The stepper and its tests call it. The wording is in explain.def, operands and flags come from
 * cpu/isa.def. Nothing here changes the machine: memory is read through struct peek.
 */
#ifndef OMBRA_FRONTEND_STEP_EXPLAIN_H
#define OMBRA_FRONTEND_STEP_EXPLAIN_H

#include "cpu/cpu.h"
#include "frontend/step/peek.h"

enum {
    EXPLAIN_SIZE = 640,   /* room for any sentence */
    EXPLAIN_COLUMNS = 78, /* wrapped by text_wrap() to this */
    EXPLAIN_LINES = 4,    /* nearly all fit 3 */
};

/* An instruction that stands at IP and has not been executed. CPU is between two instructions. */
struct explain {
    const struct cpu *cpu;
    const struct insn *insn;
    u64 ip;
    struct peek peek;
};

/* The template of row OP (enum isa_op), or NULL: no row may be without. */
const char *explain_template(unsigned op);

/* What the instruction will do. Returns the vector of the exception that it is predicted to raise, or -1. */
int explain_before(const struct explain *x, char *to, size_t size);

/* ---- after the step ---- */

enum { STEP_AREAS = 2, STEP_BYTES = 32, STEP_PUSHED = 8 };

/* Memory that an instruction is going to write. */
struct step_area {
    u8 seg;
    bool wide; /* 32-bit offset */
    u64 off, lin;
    u32 len; /* all of it; the first STEP_BYTES are kept */
    u8 unit; /* bytes that belong together */
    bool known;
    u8 data[STEP_BYTES];
};

/* What can change by one instruction, as far as it is told. */
struct step_snapshot {
    u64 r[8], ip;
    u32 eflags;
    u8 cpl, op_len;
    bool mmx, stack32; /* mmx: the instruction works on MMX registers; stack32: SS.B */
    struct segment seg[SEG_COUNT], ldtr, tr;
    struct dtable gdtr, idtr;
    u64 cr0, cr2, cr3, cr4, dr[8];
    struct x87 fpu;
    union xmm xmm[8];
    u32 mxcsr;
    struct step_area area[STEP_AREAS];
    unsigned areas;
    u8 pushed[STEP_PUSHED * 4]; /* from the stack pointer upwards */
    bool pushed_known;
};

/* The state before instruction X, with the memory that it will write. */
void step_snapshot_before(struct step_snapshot *s, const struct explain *x);

/* The state after it: reads the same memory again. */
void step_snapshot_after(struct step_snapshot *s, const struct step_snapshot *before, const struct cpu *c,
                         const struct peek *peek);

/* What is different: registers, flags by name, memory. */
void explain_after(const struct step_snapshot *before, const struct step_snapshot *after, char *to, size_t size);

#endif
