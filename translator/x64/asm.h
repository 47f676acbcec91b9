/*
 * asm.h - writing x86-64 instructions. Private to translator/x64/.
 *
 * SIZE is 1, 2, 4 or 8 bytes; opcodes are as in the manual, two-byte ones with their 0F: 0x0FB6. For byte operands the
 * opcode is the one for bytes.
 */
#ifndef OMBRA_TRANSLATOR_X64_ASM_H
#define OMBRA_TRANSLATOR_X64_ASM_H

#include "base/types.h"

enum reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NO_REG };

/* Condition codes as in Jcc. */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };

struct asm_out {
    u8 *at, *end; /* where the next byte goes; AT stops at END, which means that there was too little room */
};

static inline void asm_byte(struct asm_out *o, unsigned b)
{
    if (o->at < o->end)
        *o->at++ = (u8)b;
}

static inline void asm_imm(struct asm_out *o, u64 v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        asm_byte(o, (u8)(v >> (i * 8)));
}

/* A memory operand: [base + index * 2^scale + disp]. */
struct mem {
    u8 base, index, scale;
    s32 disp;
};

static inline struct mem mem_at(unsigned base, s32 disp)
{
    return (struct mem){(u8)base, NO_REG, 0, disp};
}

static inline struct mem mem_sum(unsigned base, unsigned index, unsigned scale, s32 disp)
{
    return (struct mem){(u8)base, (u8)index, (u8)scale, disp};
}

/* OP reg, rm with both registers, or OP with ModRM.reg as an extension. */
void asm_rr(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, unsigned rm);

/* The same where RM is a byte register and reg a wider one: MOVZX and the like. */
void asm_rr8(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, unsigned rm);

/* OP reg, memory. */
void asm_rm(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, struct mem m);

/* Group 1 (0 ADD 1 OR 2 ADC 3 SBB 4 AND 5 SUB 6 XOR 7 CMP) with an immediate. */
void asm_alu_imm(struct asm_out *o, unsigned size, unsigned op, unsigned reg, u32 imm);
void asm_alu_mem_imm(struct asm_out *o, unsigned size, unsigned op, struct mem m, u32 imm);

void asm_mov_imm(struct asm_out *o, unsigned reg, u64 imm);  /* flags stay */
void asm_mov(struct asm_out *o, unsigned to, unsigned from); /* 32 bits; nothing if they are the same */
void asm_mov64(struct asm_out *o, unsigned to, unsigned from);

/* Jumps with 32 bits of distance; return where the distance is to be patched in. */
u8 *asm_jcc(struct asm_out *o, unsigned cc);
u8 *asm_jmp(struct asm_out *o);
u8 *asm_call(struct asm_out *o);
void asm_patch(u8 *field, const u8 *target); /* both as written */

#endif
