/*
 * capstone_operands.h - registers and memory operands of a decoded instruction against those that capstone found, by
 * name.
 */
#ifndef OMBRA_TESTS_CAPSTONE_OPERANDS_H
#define OMBRA_TESTS_CAPSTONE_OPERANDS_H

#include <stdio.h>

#include "cpu/isa.h"
#include <capstone/capstone.h>

enum { REG_NAME = 24 };

/* A general register of 16, 32 or 64 bits. */
static void wide_name(unsigned size, unsigned n, char to[REG_NAME])
{
    static const char *const old[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    static const char *const prefix[] = {"", "e", "r"}, *const suffix[] = {"w", "d", ""};
    if (n < 8)
        snprintf(to, REG_NAME, "%s%s", prefix[size], old[n]);
    else
        snprintf(to, REG_NAME, "r%u%s", n, suffix[size]);
}

/* A byte register by its offset in cpu->r. */
static void byte_name(unsigned offset, char to[REG_NAME])
{
    static const char *const old[][2] = {{"al", "ah"},  {"cl", "ch"},  {"dl", "dh"},  {"bl", "bh"},
                                         {"spl", NULL}, {"bpl", NULL}, {"sil", NULL}, {"dil", NULL}};
    if (offset < 64)
        snprintf(to, REG_NAME, "%s", old[offset / 8][offset % 8]);
    else
        snprintf(to, REG_NAME, "r%ub", offset / 8);
}

/* The register that operand KIND is; empty where it is none, or fixed. */
static void operand_name(const struct insn *in, enum isa_operand kind, unsigned bits, char to[REG_NAME])
{
    static const char *const segments[8] = {"es", "cs", "ss", "ds", "fs", "gs"};
    u8 from = isa_rows[in->op].operand[1];
    bool few_bits =
        from == OPERAND_Nq || from == OPERAND_Uo; /* PMOVMSKB and the like: the wider register gets no more */
    unsigned narrow = in->opsize == 2 && !few_bits ? 2 : 1;
    to[0] = 0;
    switch (kind) {
    case OPERAND_Gb:
    case OPERAND_Zb:
        byte_name(in->reg, to);
        break;
    case OPERAND_Gv:
    case OPERAND_Zv:
        wide_name(in->opsize, in->reg, to);
        break;
    case OPERAND_Gw:
        wide_name(0, in->reg, to);
        break;
    case OPERAND_Gd:
        wide_name(narrow, in->reg, to);
        break;
    case OPERAND_Pq:
    case OPERAND_Pd:
        snprintf(to, REG_NAME, "mm%u", in->reg);
        break;
    case OPERAND_Vo:
    case OPERAND_Vq:
    case OPERAND_Vd:
        snprintf(to, REG_NAME, "xmm%u", in->reg);
        break;
    case OPERAND_Sw:
        snprintf(to, REG_NAME, "%s", segments[in->reg] ? segments[in->reg] : "none");
        break;
    case OPERAND_Cd:
        snprintf(to, REG_NAME, "cr%u", in->reg);
        break;
    case OPERAND_Dd:
        snprintf(to, REG_NAME, "dr%u", in->reg);
        break;
    case OPERAND_Rd:
        wide_name(bits == 64 ? 2 : 1, in->rm, to);
        break;
    default:
        break;
    }
    if (in->mem || to[0])
        return;
    switch (kind) {
    case OPERAND_Eb:
        byte_name(in->rm, to);
        break;
    case OPERAND_Ev:
        wide_name(in->opsize, in->rm, to);
        break;
    case OPERAND_Ed:
        wide_name(in->op == ISA_MOVSXD_GvEd ? 1 : narrow, in->rm, to);
        break;
    case OPERAND_Qq:
    case OPERAND_Qd:
    case OPERAND_Nq:
        snprintf(to, REG_NAME, "mm%u", in->rm);
        break;
    case OPERAND_Wo:
    case OPERAND_Wq:
    case OPERAND_Wd:
    case OPERAND_Uo:
    case OPERAND_Uq:
        snprintf(to, REG_NAME, "xmm%u", in->rm);
        break;
    case OPERAND_STi:
        snprintf(to, REG_NAME, "st(%u)", in->rm);
        break;
    default:
        break;
    }
}

static bool same_address_register(csh capstone, unsigned theirs, unsigned size, unsigned ours)
{
    char name[REG_NAME];
    if (ours == REG_ZERO) /* capstone has names for no register that came out of a SIB byte */
        return theirs == X86_REG_INVALID || theirs == X86_REG_EIZ || theirs == X86_REG_RIZ;
    if (ours == BASE_RIP)
        return theirs == (size == 2 ? X86_REG_RIP : X86_REG_EIP);
    wide_name(size, ours, name);
    return theirs != X86_REG_INVALID && strcmp(cs_reg_name(capstone, theirs), name) == 0;
}

static bool same_memory(csh capstone, const x86_op_mem *m, const struct insn *in)
{
    u64 mask = in->adsize == 0 ? 0xFFFF : in->adsize == 1 ? 0xFFFFFFFF : ~(u64)0;
    bool only_index = in->adsize == 0 && in->base == REG_ZERO; /* [si] */
    return same_address_register(capstone, m->base, in->adsize, only_index ? in->index : in->base) &&
           same_address_register(capstone, m->index, in->adsize, only_index ? REG_ZERO : in->index) &&
           m->scale == 1 << in->scale && ((u64)m->disp & mask) == ((u64)(s64)in->disp & mask);
}

/* Does THEIRS have the register NAME at place I? Of the x87 registers only one is in the code, at any place. */
static bool has_register(csh capstone, const cs_x86 *x, unsigned i, const char *name)
{
    bool x87 = strncmp(name, "st", 2) == 0;
    for (unsigned k = x87 ? 0 : i; k < (x87 ? x->op_count : i + 1); k++) {
        if (x->operands[k].type == X86_OP_REG && strcmp(cs_reg_name(capstone, x->operands[k].reg), name) == 0)
            return true;
    }
    return false;
}

/* Of an instruction that the two call the same. Capstone leaves out and adds fixed operands: those are not compared. */
static bool same_operands(csh capstone, const cs_insn *theirs, const struct insn *in, unsigned bits)
{
    const cs_x86 *x = &theirs->detail->x86;
    const struct isa_row *row = &isa_rows[in->op];
    bool turned = in->op == ISA_XCHG_ZvAX;
    for (unsigned i = 0; i < MIN((unsigned)x->op_count, (unsigned)ARRAY_LEN(row->operand)); i++) {
        char name[REG_NAME];
        operand_name(in, row->operand[turned ? 1 - i : i], bits, name);
        if (x->operands[i].type == X86_OP_MEM && in->mem && !same_memory(capstone, &x->operands[i].mem, in))
            return false;
        if (x->operands[i].type == X86_OP_REG && name[0] && !has_register(capstone, x, i, name))
            return false;
    }
    return true;
}

#endif
