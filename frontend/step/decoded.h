/*
 * decoded.h - the machine's state in words, as lines of text for the stepper's panes: flags,
 * control registers, segments, descriptor tables, the task state segment, page walks.
 *
 * Each function fills TO with lines that end in a newline and fit DECODED_COLUMNS, and returns how many of
 * them were asked for. What does not fit SIZE is cut. Nothing is changed; memory is read through struct peek.
 */
#ifndef OMBRA_FRONTEND_STEP_DECODED_H
#define OMBRA_FRONTEND_STEP_DECODED_H

#include "cpu/cpu.h"
#include "frontend/step/peek.h"

enum { DECODED_COLUMNS = 78 };

/* "00000246h  ... IF ZF PF": names of set bits in capitals, of clear ones in small letters. */
unsigned decoded_eflags(const struct cpu *c, char *to, size_t size);
unsigned decoded_cr0(const struct cpu *c, char *to, size_t size);
unsigned decoded_cr3(const struct cpu *c, char *to, size_t size);
unsigned decoded_cr4(const struct cpu *c, char *to, size_t size);

/* One segment register: selector, base, limit, type, DPL. */
unsigned decoded_segment(const struct cpu *c, enum seg_reg seg, char *to, size_t size);

/* LDTR, TR, GDTR and IDTR. */
unsigned decoded_tables(const struct cpu *c, char *to, size_t size);

/* COUNT entries from number FIRST on; entries behind the limit are left out. In real mode the IDT is the vector table.
 */
unsigned decoded_gdt(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                     size_t size);
unsigned decoded_ldt(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                     size_t size);
unsigned decoded_idt(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                     size_t size);

/* The task state segment that TR names: 16-bit or 32-bit. */
unsigned decoded_tss(const struct cpu *c, const struct peek *peek, char *to, size_t size);

/* How LIN becomes a physical address, level by level. */
unsigned decoded_walk(const struct cpu *c, const struct peek *peek, u64 lin, char *to, size_t size);

#endif
