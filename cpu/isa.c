/*
 * isa.c - isa.def as an array.
 */
#include "cpu/isa.h"

#define M1 MAP_M1
#define M2 MAP_M2
#define M3A MAP_M3A
#define M3B MAP_M3B
#define X_NO MODRM_NO
#define X_ANY MODRM_ANY
#define X_MEM MODRM_MEM
#define X_REG MODRM_REG
#define X_R(n) (MODRM_R | (n))
#define X_RM(n) (MODRM_RM | (n))
#define X_RR(n) (MODRM_RR | (n))
#define X_IS(b) (MODRM_IS | (b))
#define P_ANY PREFIX_ANY
#define P_NP PREFIX_NP
#define P_66 PREFIX_66
#define P_F2 PREFIX_F2
#define P_F3 PREFIX_F3
#define P_W PREFIX_W

const struct isa_row isa_rows[ISA_COUNT] = {
    [ISA_UD] = {.id = "UD", .mnemonic = "(bad)", .attrs = A_END, .sentence = "No such instruction: raises #UD."},
#define I(name, map_, opcode_, modrm_, prefix_, mn, a, b, c, rd, wr, ud, gv, at, feat, m64_, text)                       \
    [ISA_##name] = {.id = #name,                                                                                         \
                    .mnemonic = mn,                                                                                      \
                    .sentence = text,                                                                                    \
                    .map = map_,                                                                                         \
                    .opcode = opcode_,                                                                                   \
                    .prefix = prefix_,                                                                                   \
                    .m64 = m64_,                                                                                         \
                    .modrm = modrm_,                                                                                     \
                    .operand = {OPERAND_##a, OPERAND_##b, OPERAND_##c},                                                  \
                    .given = gv,                                                                                         \
                    .reads = rd,                                                                                         \
                    .writes = wr,                                                                                        \
                    .undef = ud,                                                                                         \
                    .attrs = at,                                                                                         \
                    .feature = feat},
#include "cpu/isa.def"
#undef I
};
