/*
 * debug.h - debug registers: which breakpoints are armed, and when they hit.
 * Private to cpu/.
 *
 * SDM vol. 3B chapter 17.2 and 17.3.
 */
#ifndef OMBRA_CPU_DEBUG_H
#define OMBRA_CPU_DEBUG_H

#include "cpu/cpu.h"

enum {
    DR6_B = 0xF,
    DR6_BD = 1 << 13,
    DR6_BS = 1 << 14,
    DR6_BT = 1 << 15,
    DR7_LOCAL = 0x155, /* L0-L3 and LE: cleared by a task switch */
    DR7_GD = 1 << 13,
};
#define DR6_FIXED 0xFFFF0FF0u
#define DR7_FIXED 0x00000400u

/* DR7, DR0-DR3, CR4.DE, a debugger's stops or the observer changed: recomputes what is armed. */
void debug_update(struct cpu *c);

/* Instruction breakpoints are armed: instructions run one at a time. */
static inline bool debug_insn_armed(const struct cpu *c)
{
    return c->bp_insn != 0;
}

/* Raises #DB if the instruction at IP has a breakpoint and RF is clear. */
void debug_insn_check(struct cpu *c);

/* A port access was done: pends a trap for matching I/O breakpoints. */
void debug_io_check(struct cpu *c, u16 port, unsigned size);

/* ---- a debugger's stops: stops.c ---- */

/* What longjmp() to cpu->unwind says: a fault was raised, or the instruction at IP is not to be begun. */
enum { UNWIND_FAULT = 1, UNWIND_STOP = 2 };

/* Whether some instruction stop has LIN's place in its page: blocks end in front of there. */
static inline bool stops_near(const struct cpu *c, u64 lin)
{
    u64 place = lin & (PAGE_SIZE - 1);
    return c->stops.exec[place / 64] >> (place % 64) & 1;
}

/* The instruction stop at LIN, or NULL. */
const struct stop *stops_find(const struct cpu *c, u64 lin);

/* Between instructions: ends the slice by UNWIND_STOP if there is a stop at IP. */
void stops_check(struct cpu *c);

/* Memory was accessed; whether LIN's page is to be watched. */
void stops_data(struct cpu *c, u64 lin, unsigned size, bool write);
bool stops_watch_page(const struct cpu *c, u64 lin);

/* A fault or an interrupt was delivered under stops.events. */
void stops_event(struct cpu *c);

/* The instruction that hit something has faulted and will be begun again: the slice ends, but nothing was hit. */
void stops_unhit(struct cpu *c);

/* The MMU's callbacks. */
bool debug_watched_page(void *owner, u64 lin);
void debug_watch_hit(void *owner, u64 lin, u64 value, unsigned size, bool write);

#endif
