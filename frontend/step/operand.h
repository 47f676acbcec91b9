/*
 * operand.h - the operands of one instruction: where they are, what is there, and how both are
 * said. Private to frontend/step/.
 */
#ifndef OMBRA_FRONTEND_STEP_OPERAND_H
#define OMBRA_FRONTEND_STEP_OPERAND_H

#include "cpu/isa.h"
#include "frontend/step/explain.h"
#include "frontend/step/text.h"

enum place_kind {
    PLACE_NONE,
    PLACE_REG,
    PLACE_MEM,
    PLACE_IMM,
    PLACE_ST,
    PLACE_MM,
    PLACE_XMM,
    PLACE_SEG,
    PLACE_CR,
    PLACE_DR,
};

/* Operands that the instruction does not name, numbered after the three that it does. */
enum place_number {
    PLACE_TABLE = 4, /* XLAT: the entry; MASKMOV: its destination */
    PLACE_TOP = 5,   /* top of the stack */
    PLACE_SLOT = 6,  /* where the next push goes */
    PLACE_FRAME = 7, /* what EBP points to */
    PLACE_ST0 = 8,
    PLACE_ST1 = 9,
};

struct place {
    u8 kind, reg, seg;
    bool known;   /* data is what is there */
    bool empty;   /* PLACE_ST: tagged empty */
    bool wide;    /* 32-bit offset */
    unsigned len; /* bytes; of what is larger than data[] only the length counts */
    u64 off, lin; /* memory; off: also a branch target or number */
    u8 data[16];
};

/* How a value is said. */
enum value_type {
    VALUE_UINT,
    VALUE_INT,
    VALUE_FLOAT, /* by the length: single, double, extended */
    VALUE_BCD,
    VALUE_B, /* lanes */
    VALUE_W,
    VALUE_D,
    VALUE_Q,
    VALUE_PS,
    VALUE_PD,
};

/* Operand N (1 to 3, or enum place_number) of X. */
void place_find(const struct explain *x, unsigned n, struct place *p);

u64 place_value(const struct place *p); /* the low eight bytes */
s64 place_signed(const struct place *p);

void place_name(struct text *t, const struct place *p, enum value_type type);   /* "EBX", "the dword at DS:0000100Ch" */
void place_address(struct text *t, const struct place *p);                      /* "DS:0000100Ch" */
void place_valued(struct text *t, const struct place *p, enum value_type type); /* "5 (EBX)" */
void place_decimal(struct text *t, const struct place *p);                      /* "12 (MM2)" */
void place_which_is(struct text *t, const struct place *p, enum value_type type); /* "EBX, which is 5" */

void value_text(struct text *t, const u8 *data, unsigned len, enum value_type type);
void st_text(struct text *t, const struct x87 *fpu, unsigned physical);

/* Names of registers; W in bytes, a byte register by its offset into cpu->r as the decoder leaves it. */
const char *reg_name(unsigned w, unsigned reg);
const char *seg_name(unsigned seg);

unsigned insn_opsize(const struct insn *in); /* 2 or 4 */
u64 insn_addr_mask(const struct insn *in);
u64 insn_reg(const struct explain *x, unsigned w, unsigned reg);

/* "BX + SI + 4" of a memory operand. */
void address_formula(struct text *t, const struct insn *in);

/* A segmented access that will not do, in words, or NULL. */
const char *segment_objection(const struct cpu *c, unsigned seg, u64 off, u32 len, bool write);

/* What the template of X's instruction does with operand N. */
enum access { ACCESS_NONE, ACCESS_READ = 1, ACCESS_WRITE = 2 };
unsigned operand_access(const struct explain *x, unsigned n);

/* Iterations of a string instruction: 1 without a prefix. */
u64 string_count(const struct explain *x);
bool is_string(const struct insn *in);

/* ---- explain_fault.c ---- */

/* Writes why, returns the vector (with error code ERROR if *HAS_ERROR), or -1. */
struct fault {
    int vector;
    bool has_error;
    u32 error;
};
struct fault fault_predict(const struct explain *x, struct text *why);

#endif
