/*
 * isa.h - the instruction table as C data: one struct isa_row for each row of isa.def,
 * indexed by enum isa_op. Readers: decoder, run loop, test generator, stepper, translator.
 */
#ifndef OMBRA_CPU_ISA_H
#define OMBRA_CPU_ISA_H

#include "cpu/cpu.h"

enum isa_op {
    ISA_UD, /* what does not exist decodes to this */
#define I(id, ...) ISA_##id,
#include "cpu/isa.def"
#undef I
    ISA_COUNT
};

enum isa_map { MAP_M1, MAP_M2, MAP_M3A, MAP_M3B, MAP_COUNT };

/* Kinds of operands, by the letters of SDM vol. 2 appendix A. */
#define ISA_OPERANDS(O)                                                                                \
    O(NO) O(Eb) O(Ew) O(Ed) O(Ev) O(Gb) O(Gw) O(Gd) O(Gv) O(Zb) O(Zv) O(Ib) O(Iw) O(Iz) O(Iv)          \
    O(IwIb) O(ONE) O(CL) O(DX) O(AL) O(AX) O(Jb) O(Jz) O(Ob) O(Ov) O(Ap) O(M) O(Ma) O(Mb) O(Mp) O(Ms)  \
    O(Mw) O(Md) O(Mq) O(Mt) O(Mo) O(Sw) O(Rd) O(Cd) O(Dd) O(Xb) O(Xv) O(Yb) O(Yv) O(ES) O(CS) O(SS)    \
    O(DS) O(FS) O(GS) O(ST0) O(STi) O(Pq) O(Pd) O(Qq) O(Qd) O(Nq) O(Vo) O(Vq) O(Vd) O(Wo) O(Wq) O(Wd)  \
    O(Uo) O(Uq)

enum isa_operand {
#define O(name) OPERAND_##name,
    ISA_OPERANDS(O)
#undef O
};

/* What the ModRM byte must be. The argument is in the low byte. */
enum isa_modrm {
    MODRM_NO = 0x000,
    MODRM_ANY = 0x100,
    MODRM_MEM = 0x200,     /* any .reg, memory */
    MODRM_REG = 0x300,     /* any .reg, register */
    MODRM_R = 0x400,       /* .reg = n */
    MODRM_RM = 0x500,      /* .reg = n, memory */
    MODRM_RR = 0x600,      /* .reg = n, register */
    MODRM_IS = 0x700,      /* the whole byte */
};

enum isa_prefix { PREFIX_ANY, PREFIX_NP, PREFIX_66, PREFIX_F2, PREFIX_F3, PREFIX_W };

enum isa_given { U_NONE, U_KEEP, U_ZERO, U_CALC };

enum isa_attr {
    A_END = 1 << 0,
    A_PRIV = 1 << 1,
    A_IO = 1 << 2,
    A_LOCK = 1 << 3,
    A_REP = 1 << 4,
    A_FPU = 1 << 5,
    A_MMX = 1 << 6,
    A_SSE = 1 << 7,
    A_RMW = 1 << 8,
    A_NOREAL = 1 << 9,
    A_SYS = 1 << 10,
};

enum isa_m64 { M64_OK, M64_INV, M64_D64, M64_F64, M64_ONLY };

struct isa_row {
    const char *id;
    const char *mnemonic;
    const char *sentence;
    u8 map, opcode, prefix, m64;
    u16 modrm; /* enum isa_modrm | argument */
    u8 operand[3];
    u8 given;
    u32 reads, writes, undef; /* EFLAGS bits */
    u32 attrs;
    u32 feature;
};

extern const struct isa_row isa_rows[ISA_COUNT];

/* MOVS STOS LODS SCAS CMPS, repeated or not. */
static inline bool isa_is_string(unsigned op)
{
    return (isa_rows[op].attrs & (A_REP | A_IO)) == A_REP;
}

#endif
