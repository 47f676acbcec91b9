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

/* DR7, DR0-DR3 or CR4.DE changed: recomputes what is armed. */
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

/* The MMU's callbacks. */
bool debug_watched_page(void *owner, u64 lin);
void debug_watch_hit(void *owner, u64 lin, unsigned size, bool write);

#endif
