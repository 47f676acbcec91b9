/*
 * desc.h - descriptors and gates in words: what a selector selects, where an interrupt leads.
 * Reads tables by a callback; changes nothing.
 *
 * SDM vol. 3A 3.4.5, 3.5, 5.8.3, 6.11.
 */
#ifndef OMBRA_FRONTEND_STEP_DESC_H
#define OMBRA_FRONTEND_STEP_DESC_H

#include "cpu/cpu.h"
#include "frontend/step/peek.h"
#include "frontend/step/text.h"

/* Types of system descriptors, SDM vol. 3A table 3-2; DESC_32 makes the 32-bit form of TSS and gates. */
enum {
    DESC_TSS = 1,
    DESC_LDT = 2,
    DESC_TSS_BUSY = 3,
    DESC_CALL_GATE = 4,
    DESC_TASK_GATE = 5,
    DESC_INT_GATE = 6,
    DESC_TRAP_GATE = 7,
    DESC_32 = 8,
};

struct descriptor {
    u64 raw, base;
    u32 limit;    /* in bytes */
    u16 attr;     /* as in struct segment */
    u16 gate_sel; /* gates */
    u32 gate_off;
    u8 dpl;
    bool gate;
};

enum desc_result { DESC_OK, DESC_NULL, DESC_OUTSIDE, DESC_UNREADABLE };

void descriptor_split(u64 raw, struct descriptor *d);
enum desc_result descriptor_read(const struct cpu *c, const struct peek *peek, u16 sel, struct descriptor *d);

/* "32-bit code, readable", "32-bit TSS, busy", "16-bit interrupt gate". */
void descriptor_type(struct text *t, u16 attr);

/* "data, writable, base 0, limit FFFFFFFFh, DPL 0" or for a gate where it leads. */
void descriptor_text(struct text *t, const struct descriptor *d);

/* What loading SEL would select, in the processor's present mode. */
void selector_text(struct text *t, const struct cpu *c, const struct peek *peek, u16 sel);

static inline bool cpu_in_protected(const struct cpu *c)
{
    return (c->cr0 & CR0_PE) && !(c->eflags & F_VM);
}

static inline bool cpu_in_v86(const struct cpu *c)
{
    return (c->cr0 & CR0_PE) && (c->eflags & F_VM);
}

static inline unsigned eflags_iopl(u32 eflags)
{
    return (eflags & F_IOPL) >> 12;
}

#endif
