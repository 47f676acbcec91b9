/*
 * disasm.h - instructions of traces as text, by capstone, in Intel's notation. What was disassembled is kept, because
 * traces go round in circles.
 */
#ifndef OMBRA_FRONTEND_TRACE_DISASM_H
#define OMBRA_FRONTEND_TRACE_DISASM_H

#include "base/types.h"

struct disasm; /* private */

/* NULL without memory. */
struct disasm *disasm_new(void);
void disasm_free(struct disasm *d);

/* The instruction of LEN bytes at IP in a BITS-bit (16 or 32) code segment. "(bad)" if capstone knows none. The text is
 * good until the next call. */
const char *disasm_text(struct disasm *d, u64 ip, const u8 *bytes, unsigned len, unsigned bits);

#endif
