/*
 * insn.h - one decoded instruction, 32 bytes, shared by interpreter, translator and
 * stepper. decode.h makes them.
 *
 * Register operands are resolved by the decoder: for byte operands reg and rm are
 * byte offsets into cpu->r (AL 0, AH 1, CL 8, CH 9, ...), so that a handler needs no
 * table; for all others they are register numbers.
 */
#ifndef OMBRA_CPU_INSN_H
#define OMBRA_CPU_INSN_H

#include "base/types.h"

struct cpu;
struct insn;

typedef void (*op_fn)(struct cpu *c, const struct insn *in);

enum { INSN_MAX_LEN = 15 };

/* Index into cpu->r of the register that is always zero: an absent base or index. */
enum { REG_ZERO = 16 };

/* Base of a memory operand in 64-bit mode: the address of the next instruction. Not a register of cpu->r. */
enum { BASE_RIP = 17 };

enum rep { REP_NONE = 0, REP_NE = 1 /* F2 */, REP_E = 2 /* F3 */ };

struct insn {
    u16 op;  /* enum isa_op: row of isa.def */
    u8 len;  /* bytes, 1..15 */
    u8 seg;  /* segment of the memory operand (enum seg_reg), default or override */
    u8 reg;  /* ModRM.reg or the register in the opcode byte's low bits */
    u8 rm;   /* ModRM.rm when it is a register (mod = 3); else unused */
    u8 base, index; /* of the memory operand, REG_ZERO when absent; base may be BASE_RIP */
    u8 scale : 2;   /* shift count 0..3 */
    u8 rep : 2;     /* enum rep, as a prefix of string instructions; a mandatory prefix is consumed by the row */
    u8 lock : 1;
    u8 mem : 1;     /* E-type operand is in memory */
    u8 opsize : 2;  /* 0: 16, 1: 32, 2: 64 bits (attribute, also for byte operands) */
    u8 adsize : 2;  /* 0: 16, 1: 32, 2: 64 bits */
    u8 modrm : 6;   /* low six bits of ModRM (reg and rm as encoded, without REX): x87, CR/DR moves, displays */
    u16 end;        /* offset of the next instruction from the start of the block that this one is cached in */
    s32 disp;
    u64 imm;        /* sign-extended to 64 bits where the manual sign-extends; ptr16:32: selector << 32 | offset;
                       ENTER: nesting level << 16 | size; moffs: the offset */
    op_fn fn;       /* handler, chosen by op, opsize and mem */
};

_Static_assert(sizeof(struct insn) == 32, "struct insn is packed by hand");

#endif
