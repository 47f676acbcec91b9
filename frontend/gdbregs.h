/*
 * gdbregs.h - the processor's registers as GDB sees them: one table for the target description and for reading and
 * writing them.
 *
 * "Debugging with GDB", appendix G (target descriptions): the features org.gnu.gdb.i386.core and .sse have fixed names;
 * org.ombra.system is ours. A 64-bit machine will get a table of its own.
 */
#ifndef OMBRA_FRONTEND_GDBREGS_H
#define OMBRA_FRONTEND_GDBREGS_H

#include "cpu/cpu.h"
#include "frontend/gdbpacket.h"

enum { GDB_REG_BYTES = 16 /* the largest */ };

/* How many registers this processor has, in GDB's order, and how long number N is; N must be below that. */
unsigned gdb_regs(const struct cpu *c);
unsigned gdb_reg_bytes(unsigned n);

void gdb_reg_get(const struct cpu *c, unsigned n, u8 *value);

/* Whether VALUE may be written: system registers, and selectors in protected mode, cannot be changed. */
bool gdb_reg_allows(const struct cpu *c, unsigned n, const u8 *value);

/* Writes what is allowed. */
void gdb_reg_set(struct cpu *c, unsigned n, const u8 *value);

/* The target description. */
void gdb_regs_xml(const struct cpu *c, struct gdb_text *t);

#endif
