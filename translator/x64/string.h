/*
 * string.h - repeated string instructions without C code: thunks that all blocks share. Private to translator/x64/.
 *
 * They do all of an instruction if it fits into the slice and each operand into one page of plain memory that the TLB
 * has; else nothing. Called, not jumped to; guest registers are in their homes, scratch registers, XMM8-11 and flags
 * are not kept. EAX is 0 where all was done.
 */
#ifndef OMBRA_TRANSLATOR_X64_STRING_H
#define OMBRA_TRANSLATOR_X64_STRING_H

#include "translator/x64/asm.h"
#include <stddef.h>

/* SCAS is REPNE, CMPS is REPE: the others are rare. */
enum string_op { STRING_MOVS, STRING_STOS, STRING_SCAS, STRING_CMPS, STRING_OPS };

/* FLAT: 32-bit addresses in flat segments. WORD: 16-bit ones in any; RDX is the address of the source's segment
 * register. */
enum string_kind { STRING_FLAT, STRING_WORD, STRING_KINDS };

enum { STRING_WIDTHS = 3 /* 1, 2, 4 bytes */ };

struct string_thunks {
    const u8 *at[STRING_KINDS][STRING_OPS][STRING_WIDTHS];
};

/* TO_RX: from where they are written to where they run. */
void string_write_thunks(struct asm_out *o, struct string_thunks *t, ptrdiff_t to_rx);

#endif
