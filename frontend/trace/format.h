/*
 * format.h - records as lines of text, and back. One line a record, columns aligned:
 *
 *          count kind  CS:EIP         what
 *          12345 insn  F000:0000E05B  31C0           xor   ax, ax               | EAX=00000000 EFL=00000046
 *          12346 mem   F000:0000E05D  write 2 [00006FFE] = 1234
 *          12347 port  F000:0000E05E  out 1 [0080] = 01
 *          12348 int   F000:0000E060  0E fault error 00000002
 *          12348 block F000:0000E060
 *          12348 regs  F000:0000E060  | EAX=00000000 ECX=...
 *
 * Lines that begin with # are comments.
 */
#ifndef OMBRA_FRONTEND_TRACE_FORMAT_H
#define OMBRA_FRONTEND_TRACE_FORMAT_H

#include "frontend/trace/record.h"

enum { TRACE_LINE_MAX = 2048 };

/* The line of R without a newline. REGS are the values after it, CS is the selector before it, TEXT the disassembly of
 * an INSN. How long it is. */
size_t trace_format(const struct trace_record *r, u16 cs, const u64 *regs, const char *text, char *to, size_t size);

/* Takes a LINE (changed by it) apart. REGS receives the values of the registers that it names. False if it is no
 * record. */
bool trace_parse(char *line, struct trace_record *r, u64 *regs);

#endif
