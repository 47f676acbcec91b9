/*
 * insn_text.h - instructions of traces as text (step/disasm.h), as a processor with everything would take them. What
 * was disassembled is kept, because traces go round in circles.
 */
#ifndef OMBRA_FRONTEND_TRACE_INSN_TEXT_H
#define OMBRA_FRONTEND_TRACE_INSN_TEXT_H

#include "base/types.h"

struct insn_text; /* private */

/* NULL without memory. */
struct insn_text *insn_text_new(void);
void insn_text_free(struct insn_text *t);

/* The instruction of LEN bytes at IP in a BITS-bit (16 or 32) code segment. Good until the next call. */
const char *insn_text_get(struct insn_text *t, u64 ip, const u8 *bytes, unsigned len, unsigned bits);

#endif
