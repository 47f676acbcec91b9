/*
 * words.h - the {words} of explain.def that say something about the processor's state. Private to
 * frontend/step/.
 */
#ifndef OMBRA_FRONTEND_STEP_WORDS_H
#define OMBRA_FRONTEND_STEP_WORDS_H

#include "frontend/step/operand.h"

/* Says the word of NAME (LEN characters); false if there is none. */
bool word_say(const struct explain *x, struct text *t, const char *name, size_t len, enum value_type type);

/* The instruction's name in capitals, with prefixes, condition and size: "REP MOVSB". */
void insn_name(struct text *t, const struct insn *in);

/* Does the condition hold that the instruction depends on ({?A|B})? */
bool condition(const struct explain *x);

/* The number of the last operand of a shift as it counts, 0 to 31. */
unsigned shift_count(const struct explain *x);
bool is_shift(const struct insn *in);

/* Where a near branch leads. */
u64 branch_target(const struct explain *x);

/* The far pointer of the operand; false if it cannot be read. */
bool far_pointer(const struct explain *x, u16 *sel, u32 *off);

/* W bytes of the stack, N bytes above the stack pointer. */
bool stack_value(const struct explain *x, unsigned n, unsigned w, u32 *v);

/* Which selector the instruction is going to load; false if it loads none or it cannot be read. */
bool loaded_selector(const struct explain *x, u16 *sel);

#endif
