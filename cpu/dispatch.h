/*
 * dispatch.h - from the row of an instruction to the interpreter's handler. For decode.c.
 */
#ifndef OMBRA_CPU_DISPATCH_H
#define OMBRA_CPU_DISPATCH_H

#include "cpu/insn.h"

/* The handler for IN's row, operand size, kind of E operand, and condition. Never NULL. */
op_fn dispatch(const struct insn *in);

#endif
