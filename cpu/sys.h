/*
 * sys.h - what the system-level files of cpu/ share: descriptors, stacks for
 * event delivery, task switches, and the calls between them. Private to cpu/.
 *
 * Intel SDM vol. 3A chapters 3 (segmentation), 5 (protection), 6 (events), 7 (tasks).
 */
#ifndef OMBRA_CPU_SYS_H
#define OMBRA_CPU_SYS_H

#include "cpu/exec.h"

/* ---- descriptors ---- */

/* Types of system descriptors (S = 0), SDM vol. 3A table 3-2. Bit 3 set: the 32-bit form. */
enum sys_type {
    DESC_TSS16 = 0x1,
    DESC_LDT = 0x2,
    DESC_TSS16_BUSY = 0x3,
    DESC_CALL16 = 0x4,
    DESC_TASK_GATE = 0x5,
    DESC_INT16 = 0x6,
    DESC_TRAP16 = 0x7,
    DESC_TSS32 = 0x9,
    DESC_TSS32_BUSY = 0xB,
    DESC_CALL32 = 0xC,
    DESC_INT32 = 0xE,
    DESC_TRAP32 = 0xF,
    DESC_32 = 0x8,
    DESC_BUSY = 0x2,
};

/* A descriptor as read from a table, taken apart for segments; gates have their own view below. */
struct desc {
    u64 raw;
    u64 lin; /* where it lies */
    u64 base;
    u32 limit; /* in bytes */
    u16 attr;  /* as in struct segment */
    u16 sel;
};

/* A call, interrupt, trap or task gate. */
struct gate {
    u16 sel;
    u32 off;    /* cut to 16 bits for a 16-bit gate */
    u8 params;  /* call gates */
    unsigned w; /* 2 or 4 */
};

static inline unsigned attr_dpl(u16 attr)
{
    return attr >> SEG_DPL_SHIFT & 3;
}

static inline unsigned sel_rpl(u16 sel)
{
    return sel & 3;
}

static inline bool sel_null(u16 sel)
{
    return (sel & 0xFFFC) == 0;
}

static inline bool attr_is_code(u16 attr)
{
    return (attr & (SEG_S | SEG_CODE)) == (SEG_S | SEG_CODE);
}

static inline bool attr_is_conforming(u16 attr)
{
    return (attr & (SEG_S | SEG_CODE | SEG_ED_C)) == (SEG_S | SEG_CODE | SEG_ED_C);
}

static inline bool attr_is_writable_data(u16 attr)
{
    return (attr & (SEG_S | SEG_CODE | SEG_RW)) == (SEG_S | SEG_RW);
}

/* Data, or code that may be read. */
static inline bool attr_is_readable(u16 attr)
{
    return (attr & SEG_S) && (attr & (SEG_CODE | SEG_RW)) != SEG_CODE;
}

/* S = 0 and this type. */
static inline bool attr_is_sys(u16 attr, unsigned type)
{
    return (attr & (SEG_S | SEG_TYPE)) == type;
}

/* A TSS that may be switched to: neither busy nor anything else. */
static inline bool attr_is_free_tss(u16 attr)
{
    return attr_is_sys(attr, DESC_TSS16) || attr_is_sys(attr, DESC_TSS32);
}

static inline bool attr_is_busy_tss(u16 attr)
{
    return attr_is_sys(attr, DESC_TSS16_BUSY) || attr_is_sys(attr, DESC_TSS32_BUSY);
}

/* An exception whose error code names a selector; bits 0-1 of SEL are dropped (EXT is added at delivery). */
static inline NORETURN void raise_sel(struct cpu *c, enum vector vec, u16 sel)
{
    cpu_raise_err(c, vec, sel & 0xFFFC);
}

/* Splits RAW. */
void desc_split(struct desc *d, u64 raw);
void gate_split(struct gate *g, u64 raw);

/* Reads the descriptor of SEL from GDT or LDT; false if it lies outside the table. #PF as any supervisor access. */
bool desc_read(struct cpu *c, u16 sel, struct desc *d);

/* Sets the accessed bit of a code or data descriptor, in memory and in D. May #PF: call before committing anything. */
void desc_mark_accessed(struct cpu *c, struct desc *d);

/* Sets (BUSY) or clears the busy bit of the TSS descriptor at linear LIN. */
void desc_set_busy(struct cpu *c, u64 lin, bool busy);

/* ---- segment.c ---- */

/* Whether [OFF, OFF+LEN) may be accessed through S: rights, limit, direction. Says, does not raise. */
bool seg_allows(const struct segment *s, u64 off, u32 len, bool write);

void segment_fill(struct segment *s, const struct desc *d, u16 sel);
void seg_commit(struct cpu *c, enum seg_reg seg, const struct desc *d, u16 sel);
void seg_commit_null(struct cpu *c, enum seg_reg seg, u16 sel);

/* The checks that MOV SS and friends make; D is read and marked accessed. */
void seg_check_stack(struct cpu *c, u16 sel, unsigned cpl, enum vector bad, struct desc *d);

void cpu_set_cpl(struct cpu *c, unsigned cpl);

/* ---- stacks ---- */

/* A stack that an event or a call through a gate pushes on: the current one or an inner one from the TSS. */
struct stack {
    const struct segment *ss;
    struct segment inner; /* when !current */
    bool current;
    bool system; /* accesses are supervisor's */
    u32 esp;     /* as it was before the first push */
    u32 sp;      /* offset of the last item */
    u32 mask;
    u16 error; /* selector for #SS */
};

void stack_current(struct cpu *c, struct stack *st);

/* The stack for privilege CPL from the TSS, with all #TS and #SS checks. */
void stack_inner(struct cpu *c, unsigned cpl, struct stack *st);

/* Makes sure that COUNT pushes of W bytes will not fault: #SS, #PF. */
void stack_reserve(struct cpu *c, const struct stack *st, unsigned count, unsigned w);
void stack_put(struct cpu *c, struct stack *st, unsigned w, u32 v);

/* Makes it the processor's stack. CPL must be set first. */
void stack_commit(struct cpu *c, const struct stack *st);

/* ---- flow_far.c ---- */

void far_iret(struct cpu *c, unsigned w);

/* ---- task.c ---- */

enum task_reason { TASK_JMP, TASK_CALL, TASK_INT, TASK_IRET };

/*
 * Switches to the task of D (checked for type, privilege and presence). FLAGS is the EFLAGS image that the outgoing
 * task saves and cpu->ip where it goes on. From its commit point on faults belong to the new task: fault_at_ip is set,
 * and the caller clears it when it is done.
 */
void task_switch(struct cpu *c, const struct desc *d, enum task_reason why, u32 flags);

/* Reads the 16-bit fields of the back link. #TS. */
void task_return(struct cpu *c);

/* ---- exception.c ---- */

void cpu_deliver_fault(struct cpu *c);
void cpu_take_events(struct cpu *c);

/* Replaces EFLAGS bits MASK (which may include arithmetic ones) by those of V and draws the consequences for attention.
 */
void cpu_write_flags(struct cpu *c, u32 v, u32 mask);

/* EFLAGS bits that exist on this model. */
u32 cpu_eflags_mask(const struct cpu *c);

/* ---- control registers: op_sys.c ---- */

u64 cpu_cr4_mask(const struct cpu *c);

/* ---- model.c, msr.c, smm.c ---- */

void cpu_cpuid(struct cpu *c, u32 leaf, u32 out[4]);
u64 cpu_tsc(const struct cpu *c);

/* False: there is no such register, or the value is not allowed: #GP(0). */
bool msr_read(struct cpu *c, u32 index, u64 *value);
bool msr_write(struct cpu *c, u32 index, u64 value);
void msr_reset(struct cpu *c);

void smm_enter(struct cpu *c);
void smm_leave(struct cpu *c); /* RSM */

/* Stops in the shutdown state and tells the chipset. */
void cpu_shutdown(struct cpu *c);

/* INIT# is taken. */
void cpu_take_init(struct cpu *c);

#endif
