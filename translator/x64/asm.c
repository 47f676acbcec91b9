/*
 * asm.c - encodings of x86-64 instructions.
 */
#include "translator/x64/asm.h"

/* Prefixes and opcode; REX where something needs it. SPL to DIL exist with REX only. */
static void opcode_bytes(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, unsigned index, unsigned base, bool rm_is_reg)
{
    bool low = size == 1 && ((reg >= 4 && reg < 8) || (rm_is_reg && base >= 4 && base < 8));
    unsigned rex = (size == 8 ? 8u : 0) | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);
    if (size == 2)
        asm_byte(o, 0x66);
    if (rex || low)
        asm_byte(o, 0x40 | rex);
    if (opcode > 0xFF)
        asm_byte(o, opcode >> 8);
    asm_byte(o, opcode);
}

void asm_rr(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, unsigned rm)
{
    opcode_bytes(o, size, opcode, reg, 0, rm, true);
    asm_byte(o, 0xC0 | (reg & 7) << 3 | (rm & 7));
}

void asm_rr8(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, unsigned rm)
{
    if (size == 2)
        asm_byte(o, 0x66);
    asm_byte(o, 0x40 | (reg >> 3 & 1) << 2 | (rm >> 3 & 1));
    if (opcode > 0xFF)
        asm_byte(o, opcode >> 8);
    asm_byte(o, opcode);
    asm_byte(o, 0xC0 | (reg & 7) << 3 | (rm & 7));
}

static void modrm_mem(struct asm_out *o, unsigned reg, struct mem m)
{
    bool small = m.disp >= -128 && m.disp < 128;
    unsigned mod = m.disp == 0 && (m.base & 7) != RBP ? 0 : small ? 1 : 2;
    if (m.index == NO_REG && (m.base & 7) != RSP) {
        asm_byte(o, mod << 6 | (reg & 7) << 3 | (m.base & 7));
    } else {
        unsigned index = m.index == NO_REG ? RSP : m.index;
        asm_byte(o, mod << 6 | (reg & 7) << 3 | RSP);
        asm_byte(o, (unsigned)m.scale << 6 | (index & 7) << 3 | (m.base & 7));
    }
    if (mod)
        asm_imm(o, (u32)m.disp, mod == 1 ? 1 : 4);
}

void asm_rm(struct asm_out *o, unsigned size, unsigned opcode, unsigned reg, struct mem m)
{
    opcode_bytes(o, size, opcode, reg, m.index == NO_REG ? 0 : m.index, m.base, false);
    modrm_mem(o, reg, m);
}

static bool is_small(unsigned size, u32 imm)
{
    return size == 2 ? (s16)imm == (s8)imm : (s32)imm == (s8)imm;
}

void asm_alu_imm(struct asm_out *o, unsigned size, unsigned op, unsigned reg, u32 imm)
{
    bool small = size == 1 || is_small(size, imm);
    asm_rr(o, size, size == 1 ? 0x80 : small ? 0x83 : 0x81, op, reg);
    asm_imm(o, imm, small ? 1 : MIN(size, 4u));
}

void asm_alu_mem_imm(struct asm_out *o, unsigned size, unsigned op, struct mem m, u32 imm)
{
    bool small = size == 1 || is_small(size, imm);
    asm_rm(o, size, size == 1 ? 0x80 : small ? 0x83 : 0x81, op, m);
    asm_imm(o, imm, small ? 1 : MIN(size, 4u));
}

void asm_mov_imm(struct asm_out *o, unsigned reg, u64 imm)
{
    bool wide = imm >> 32;
    if (wide || reg >> 3)
        asm_byte(o, 0x40 | (wide ? 8u : 0) | (reg >> 3 & 1));
    asm_byte(o, 0xB8 | (reg & 7));
    asm_imm(o, imm, wide ? 8 : 4);
}

void asm_mov(struct asm_out *o, unsigned to, unsigned from)
{
    if (to != from)
        asm_rr(o, 4, 0x8B, to, from);
}

void asm_mov64(struct asm_out *o, unsigned to, unsigned from)
{
    if (to != from)
        asm_rr(o, 8, 0x8B, to, from);
}

static u8 *distance(struct asm_out *o)
{
    u8 *field = o->at;
    asm_imm(o, 0, 4);
    return field;
}

u8 *asm_jcc(struct asm_out *o, unsigned cc)
{
    asm_byte(o, 0x0F);
    asm_byte(o, 0x80 | cc);
    return distance(o);
}

u8 *asm_jmp(struct asm_out *o)
{
    asm_byte(o, 0xE9);
    return distance(o);
}

u8 *asm_call(struct asm_out *o)
{
    asm_byte(o, 0xE8);
    return distance(o);
}

void asm_patch(u8 *field, const u8 *target)
{
    s32 d = (s32)(target - (field + 4));
    memcpy(field, &d, sizeof d);
}
