/*
 * state.h - where guest state lives while translated code runs. Private to translator/x64/.
 */
#ifndef OMBRA_TRANSLATOR_X64_STATE_H
#define OMBRA_TRANSLATOR_X64_STATE_H

#include "translator/x64/asm.h"

/* RBP is this far into struct cpu. */
enum { X64_BIAS = 128 };

/* Homes of EAX ECX EDX EBX ESP EBP ESI EDI: EAX where its second byte has a name. */
static const u8 x64_guest[8] = {RBX, R8, R9, R10, R11, R12, R13, R14};

#endif
