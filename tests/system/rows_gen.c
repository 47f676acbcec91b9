/*
 * rows_gen.c - the instruction table for the image: prints what rows.c needs to make a case of a row. Runs on the host.
 *
 * Left out is what forms.c prepares a case for (far transfers, returns, segment loads, ports) and what has no answer of
 * its own (CPUID, the counters), in each case with the reason.
 */
#include "cpu/isa.h"
#include "tests/system/rows.h"
#include <stdio.h>
#include <string.h>

static const char *const letters[] = {
#define O(name) #name,
    ISA_OPERANDS(O)
#undef O
};

/* True for rows that forms.c makes: their operands have to point somewhere. */
static bool has_form(const struct isa_row *r, enum isa_op op)
{
    static const u16 own[] = {ISA_RET,      ISA_RET_Iw, ISA_RETF,   ISA_RETF_Iw, ISA_IRET,   ISA_JMP_Ev, ISA_CALL_Ev,
                              ISA_MOV_SwEw, ISA_POP_ES, ISA_POP_SS, ISA_POP_DS,  ISA_POP_FS, ISA_POP_GS};
    for (unsigned i = 0; i < ARRAY_LEN(own); i++) {
        if (op == own[i])
            return true;
    }
    for (unsigned i = 0; i < ARRAY_LEN(r->operand); i++) {
        if (r->operand[i] == OPERAND_Ap || r->operand[i] == OPERAND_Mp)
            return true;
    }
    return r->attrs & A_IO;
}

static unsigned tail(const struct isa_row *r)
{
    for (unsigned i = 0; i < ARRAY_LEN(r->operand); i++) {
        switch (r->operand[i]) {
        case OPERAND_Ib:
            return TAIL_BYTE;
        case OPERAND_Jb:
            return TAIL_NEAR_BYTE;
        case OPERAND_Iw:
            return TAIL_WORD;
        case OPERAND_Iz:
        case OPERAND_Iv:
            return TAIL_FULL;
        case OPERAND_Jz:
            return TAIL_NEAR;
        case OPERAND_IwIb:
            return TAIL_FRAME;
        case OPERAND_Ob:
        case OPERAND_Ov:
            return TAIL_OFFSET;
        default:
            break;
        }
    }
    return TAIL_NONE;
}

/* Does it name registers of eight that ESP is among? */
static bool general(const struct isa_row *r)
{
    bool found = false;
    for (unsigned i = 0; i < ARRAY_LEN(r->operand); i++)
        found |= strchr("EGZR", letters[r->operand[i]][0]) != NULL;
    return found;
}

static unsigned span(const struct isa_row *r)
{
    for (unsigned i = 0; i < ARRAY_LEN(r->operand); i++) {
        if (r->operand[i] == OPERAND_Zb || r->operand[i] == OPERAND_Zv)
            return 8;
    }
    return r->mnemonic[0] && r->mnemonic[strlen(r->mnemonic) - 1] == 'C' ? 16 : 1;
}

static bool bits_far_away(enum isa_op op)
{
    return op == ISA_BT_EvGv || op == ISA_BTS_EvGv || op == ISA_BTR_EvGv || op == ISA_BTC_EvGv;
}

static unsigned traits(const struct isa_row *r, enum isa_op op)
{
    unsigned t = 0;
    t |= r->undef || r->given != U_NONE ? ROW_UNDEFINED : 0;
    t |= r->attrs & A_PRIV ? ROW_USER : 0;
    t |= r->attrs & A_REP ? ROW_STRING : 0;
    t |= r->attrs & A_LOCK ? ROW_LOCK : 0;
    t |= general(r) ? ROW_GENERAL : 0;
    t |= r->prefix == PREFIX_ANY ? ROW_SIZES : 0;
    t |= bits_far_away(op) ? ROW_BITS : 0;
    t |= op == ISA_RDTSC || op == ISA_RDPMC || op == ISA_CPUID ? ROW_ANSWER : 0;
    t |= op == ISA_CPUID ? ROW_ANSWER_ALL : 0;
    return t;
}

int main(void)
{
    static const u8 prefixes[] = {[PREFIX_66] = 0x66, [PREFIX_F2] = 0xF2, [PREFIX_F3] = 0xF3};
    for (unsigned op = 1; op < ISA_COUNT; op++) {
        const struct isa_row *r = &isa_rows[op];
        if (r->m64 == M64_ONLY || r->map > MAP_M2 || has_form(r, (enum isa_op)op))
            continue;
        unsigned prefix = r->prefix < ARRAY_LEN(prefixes) ? prefixes[r->prefix] : 0;
        printf("{0x%X, %u, %u, 0x%X, 0x%X, %u, %u}, /* %s */\n", (r->map == MAP_M2 ? 0x0F00u : 0u) | r->opcode, span(r),
               prefix, r->modrm >> 8, r->modrm & 0xFF, tail(r), traits(r, (enum isa_op)op), r->id);
    }
    return 0;
}
