/*
 * insns.c - a case for each form of each row of isa.def that is lifted: the instruction in 32-bit code, and a jump behind it.
 */
#include "tests/golden/golden.h"
#include "translator/lift.h"
#include <stdlib.h>
#include <string.h>

/* Registers ECX or CL and EDX or DL; [EBX+10h]; CH and DH; repeated. */
enum form { FORM_REG, FORM_MEM, FORM_HIGH, FORM_REPE, FORM_REPNE, FORMS };

enum { OPSIZE = 0x66, DISTANCE = 0x10, ZERO = 4 /* condition code */, THIRD = 2 /* register in an opcode */ };

struct encoding {
    u8 bytes[INSN_MAX_LEN + 2];
    unsigned len;
};

static void put(struct encoding *e, u64 value, unsigned bytes)
{
    memcpy(e->bytes + e->len, &value, bytes);
    e->len += bytes;
}

static bool has(const struct isa_row *row, const char *kinds)
{
    static const char *const names[] = {
#define O(name) #name,
        ISA_OPERANDS(O)
#undef O
    };
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        const char *at = row->operand[i] == OPERAND_NO ? NULL : strstr(kinds, names[row->operand[i]]);
        if (at && strchr(" ", at[strlen(names[row->operand[i]])]))
            return true;
    }
    return false;
}

static bool has_bytes(const struct isa_row *row)
{
    return has(row, "Eb Gb Zb AL Ob Xb Yb") && !has(row, "Gv");
}

/* Does the operand size attribute matter? */
static bool has_sizes(const struct isa_row *row)
{
    bool implied = row->operand[0] == OPERAND_NO && !(row->attrs & (A_FPU | A_MMX | A_SSE));
    return row->prefix == PREFIX_ANY && !has_bytes(row) &&
           (implied || has(row, "Ev Gv Zv Iz Iv AX Ov Jz Iw Xv Yv ES CS SS DS FS GS"));
}

static bool has_form(const struct isa_row *row, enum form form)
{
    unsigned kind = row->modrm & 0xF00;
    if (form == FORM_REPE || form == FORM_REPNE)
        return (row->attrs & A_REP) && (form == FORM_REPE || row->writes);
    if (form == FORM_HIGH)
        return has(row, "Eb Gb") && kind != MODRM_MEM && kind != MODRM_RM;
    if (kind == MODRM_NO || kind == MODRM_IS)
        return form == FORM_REG;
    return (form == FORM_MEM) ? kind != MODRM_REG && kind != MODRM_RR : kind != MODRM_MEM && kind != MODRM_RM;
}

static void put_modrm(struct encoding *e, const struct isa_row *row, enum form form)
{
    unsigned kind = row->modrm & 0xF00, n = row->modrm & 0xFF;
    bool fixed = kind == MODRM_R || kind == MODRM_RM || kind == MODRM_RR;
    unsigned reg = fixed ? n : form == FORM_HIGH ? 6 : 2;
    if (kind == MODRM_IS)
        put(e, n, 1);
    else if (form == FORM_MEM)
        put(e, 0x1043 | reg << 3, 2);
    else if (kind != MODRM_NO)
        put(e, 0xC0 | reg << 3 | (form == FORM_HIGH ? 5 : 1), 1);
}

static unsigned immediate_bytes(u8 operand, bool word)
{
    switch (operand) {
    case OPERAND_Ib:
    case OPERAND_Jb:
        return 1;
    case OPERAND_Iw:
        return 2;
    case OPERAND_IwIb:
        return 3;
    case OPERAND_Iz:
    case OPERAND_Iv:
    case OPERAND_Jz:
        return word ? 2 : 4;
    case OPERAND_Ob:
    case OPERAND_Ov:
        return 4;
    default:
        return 0;
    }
}

static void put_opcode(struct encoding *e, const struct isa_row *row)
{
    static const u8 prefixes[] = {[PREFIX_66] = 0x66, [PREFIX_F2] = 0xF2, [PREFIX_F3] = 0xF3};
    unsigned low = has(row, "Zb Zv") ? THIRD : strstr(row->id, "cc_") ? ZERO : 0;
    if (row->prefix < ARRAY_LEN(prefixes) && prefixes[row->prefix])
        put(e, prefixes[row->prefix], 1);
    if (row->map != MAP_M1)
        put(e, 0x0F, 1);
    if (row->map == MAP_M3A || row->map == MAP_M3B)
        put(e, row->map == MAP_M3A ? 0x38 : 0x3A, 1);
    put(e, row->opcode + low, 1);
}

static struct encoding encode(const struct isa_row *row, enum form form, bool word)
{
    struct encoding e = {.len = 0};
    if (word)
        put(&e, OPSIZE, 1);
    if (form == FORM_REPE || form == FORM_REPNE)
        put(&e, form == FORM_REPE ? 0xF3 : 0xF2, 1);
    put_opcode(&e, row);
    put_modrm(&e, row, form);
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++)
        put(&e, has(row, "Ob Ov") ? 0x8010 : DISTANCE, immediate_bytes(row->operand[i], word));
    put(&e, 0x00EB, 2); /* JMP to a HLT */
    return e;
}

struct insn_case {
    struct golden_set *set;
    unsigned op;
    enum form form;
    bool word, found;
};

static const char *label(const struct isa_row *row, enum form form, bool word)
{
    static const char *const forms[] = {"r", "m", "h", "", ""}, *const none[] = {"", "m", "h", "rep", "repne"};
    static const char *const sizes[] = {"32", "16"};
    static _Thread_local char text[16];
    bool modrm = (row->modrm & 0xF00) != MODRM_NO && (row->modrm & 0xF00) != MODRM_IS;
    snprintf(text, sizeof text, "%s%s", (modrm ? forms : none)[form], has_bytes(row) ? "8" : has_sizes(row) ? sizes[word] : "");
    return text;
}

static void look(void *ctx, const struct made *m)
{
    struct insn_case *want = ctx;
    unsigned i = 0;
    while (i < m->count && m->piece[i].ip != GOLDEN_CODE)
        i++;
    if (i == m->count || m->piece[i].op != want->op || !m->piece[i].lifted)
        return;
    const struct isa_row *row = &isa_rows[want->op];
    const char *how = label(row, want->form, want->word);
    struct golden_case *c = golden_add(want->set);
    snprintf(c->name, sizeof c->name, "%s%s%s", row->id, *how ? "." : "", how);
    c->n = host_figures(want->set->reader, &m->piece[i]);
    const char *text = strstr(m->piece[i].guest, "  ") + 2;
    c->text = strndup(text, strcspn(text, "\n"));
    if (want->set->wanted && !strcmp(want->set->wanted, c->name))
        c->listing = host_listing(want->set->reader, &m->piece[i], 1);
    want->found = true;
}

/* A lift that no case was found for would never be looked at. */
static void complain_if_lost(unsigned op, bool found)
{
    if (!found && (lift_table[op] || lift_x87_table[op])) {
        fprintf(stderr, "golden: %s is lifted, and no form of it was found\n", isa_rows[op].id);
        exit(1);
    }
}

void insn_cases(struct golden_set *s)
{
    for (unsigned op = ISA_UD + 1; op < ISA_COUNT; op++) {
        struct insn_case want = {.set = s, .op = op};
        const struct isa_row *row = &isa_rows[op];
        if (row->m64 == M64_ONLY || row->prefix == PREFIX_W || (row->attrs & A_PRIV))
            continue;
        for (unsigned form = 0; form < FORMS; form++)
            for (unsigned word = 0; word <= has_sizes(row); word++) {
                if (!has_form(row, (enum form)form))
                    continue;
                want.form = (enum form)form;
                want.word = word;
                struct encoding e = encode(row, want.form, want.word);
                golden_run(s->reader, &(struct guest){e.bytes, e.len, 32}, 0, look, &want);
            }
        complain_if_lost(op, want.found);
    }
}
