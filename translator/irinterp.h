/*
 * irinterp.h - runs a block of the intermediate representation, operation by operation: the backend that needs no host.
 *
 * It tells a wrong lift from a wrong backend, and runs wherever the interpreter does. translator/ and tests call it.
 */
#ifndef OMBRA_TRANSLATOR_IRINTERP_H
#define OMBRA_TRANSLATOR_IRINTERP_H

#include "cpu/cpu.h"
#include "translator/ir.h"

/* Room for values. NULL when out of memory. */
struct verify;
struct irinterp *irinterp_new(struct verify *v /* NULL, or who is asked before anything is seen outside */);
void irinterp_free(struct irinterp *r);

/*
 * Executes B, which was lifted from INSNS (COUNT of them), at cpu->ip, as the interpreter would: counts, faults (which do not
 * return here) and attention included. The caller sees to it that the slice has COUNT left, and that the verifier has a window open.
 */
void irinterp_run(struct irinterp *r, struct cpu *c, const struct ir_block *b, const struct insn *insns, unsigned count);

#endif
