/*
 * runtime.h - C code that translated code calls through the thunks. Private to translator/.
 *
 * Registers and budget are in struct cpu when it is called, the flags in hflags. Nonzero: leave the block; struct cpu then is as
 * between two instructions, flags included. Faults do not return.
 */
#ifndef OMBRA_TRANSLATOR_X64_RUNTIME_H
#define OMBRA_TRANSLATOR_X64_RUNTIME_H

#include "translator/x64/emit.h"

/* An access at LIN that the probe refused: 0 to probe again; or its whole instruction is done by its handler. */
u32 x64_access(struct cpu *c, struct x64_site *s, u32 lin);

/* A handler in the middle of a block, and one at its end. */
u32 x64_handler(struct cpu *c, const struct x64_site *s, u32 unused);
u32 x64_last(struct cpu *c, const struct x64_site *s, u32 unused);

/* A repeated string instruction that its thunk refused: access_at tells whether it is to try again. */
u32 x64_repeated(struct cpu *c, const struct x64_site *s, u32 unused);

/* Between hflags and what the interpreter has; and the way out if C has been called since and that has not been done. */
void x64_flags_out(struct cpu *c);
void x64_flags_settle(struct cpu *c);
void x64_flags_in(struct cpu *c);

/* The guest's x87 state, all of it, back to struct cpu if it is in the host's unit (x87_live); and there. */
void x64_x87_save(struct cpu *c);
void x64_x87_load(struct cpu *c);

/* The handler of IN while it is there, where it stays or comes back if it can; and of one that leaves it there. */
void x64_x87_call(struct cpu *c, const struct insn *in);
void x64_x87_by_handler(struct cpu *c, const struct insn *in);

/* Is IN a transcendental function? It, while the state is there. Of struct cpu it needs no more, and pointers are not noted. */
bool x64_x87_is_function(const struct insn *in);
void x64_x87_function(struct cpu *c, const struct insn *in);

#endif
