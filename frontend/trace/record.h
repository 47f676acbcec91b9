/*
 * record.h - what a trace consists of, whichever way it is written: records in the order in which things happened.
 *
 * What an instruction reads and writes comes before its own record, which is complete when the instruction is.
 * Registers that changed otherwise (by a delivery, or where the filter did not look) come as a record of their own
 * before the next one.
 */
#ifndef OMBRA_FRONTEND_TRACE_RECORD_H
#define OMBRA_FRONTEND_TRACE_RECORD_H

#include "base/types.h"

enum { TRACE_VERSION = 1 };

/* name in --trace and in text traces, what a person reads */
#define TRACE_KINDS(K)                                                                                                 \
    K(INSN, "insn", "instructions with what they change in registers")                                                 \
    K(BLOCK, "block", "places that are jumped to")                                                                     \
    K(MEM, "mem", "reads and writes of memory")                                                                        \
    K(PORT, "port", "reads and writes of ports")                                                                       \
    K(INT, "int", "interrupts and exceptions")                                                                         \
    K(REGS, "regs", NULL) /* comes by itself */

enum trace_kind {
#define K(id, name, help) TRACE_##id,
    TRACE_KINDS(K)
#undef K
        TRACE_KIND_COUNT
};

enum trace_reg {
#define R(id, name, digits) TRACE_REG_##id,
#include "frontend/trace/regs.def"
#undef R
    TRACE_REGS_ALL,
    TRACE_REGS_PLAIN = TRACE_REG_FP0, /* those before it are in every record */
};

_Static_assert(TRACE_REGS_ALL <= 64, "a set of registers is 64 bits");

extern const struct trace_reg_row {
    const char *name;
    unsigned digits;
} trace_regs[TRACE_REGS_ALL];

extern const char *const trace_kind_names[TRACE_KIND_COUNT];

enum { TRACE_BYTES_MAX = 15, TRACE_TEXT_MAX = 80 };

struct trace_record {
    enum trace_kind kind;
    u64 count; /* instructions completed before it */
    u64 ip;
    u16 cs;      /* as it was before; set by readers */
    u64 changed; /* INSN, REGS: set of registers; their values are beside the record */
    /* INSN */
    u8 len, bytes[TRACE_BYTES_MAX];
    char text[TRACE_TEXT_MAX]; /* the disassembly, if it was read from a text trace; else empty */
    /* MEM (linear address), PORT */
    u8 size; /* 1, 2, 4, 8 */
    bool write;
    u64 addr, value;
    /* INT */
    u8 vector, source; /* enum event_kind */
    bool has_error;
    u32 error;
};

#define TRACE_SOURCES(S)                                                                                               \
    S(FAULT, "fault")                                                                                                  \
    S(SOFT_INT, "INT")                                                                                                 \
    S(SOFT_EXC, "INT3/INTO") S(ICEBP, "ICEBP") S(EXTERNAL, "interrupt") S(NMI, "NMI") S(DB_TRAP, "trap")

extern const char *const trace_source_names[];
enum { TRACE_SOURCE_COUNT = 7 };

#endif
