/*
 * words.c - what the templates say about the processor's state.
 */
#include "frontend/step/words.h"
#include "frontend/step/desc.h"
#include <ctype.h>

/* ---- the name ---- */

static const char *const condition_names[16] = {"O", "NO", "B", "AE", "Z", "NZ", "BE", "A",
                                                "S", "NS", "P", "NP", "L", "GE", "LE", "G"};

/* What a row's mnemonic lacks: the size that it is known by. */
static const char *name_ending(const struct insn *in)
{
    bool wide = in->opsize != 0;
    switch (in->op) {
    case ISA_MOVSV:
    case ISA_CMPSV:
    case ISA_STOSV:
    case ISA_LODSV:
    case ISA_SCASV:
    case ISA_INSV:
    case ISA_OUTSV:
        return wide ? "D" : "W";
    case ISA_PUSHA:
    case ISA_POPA:
    case ISA_PUSHF:
    case ISA_POPF:
    case ISA_IRET:
        return wide ? "D" : "";
    default:
        return "";
    }
}

static const char *row_name(const struct insn *in)
{
    switch (in->op) {
    case ISA_CBW:
        return in->opsize ? "cwde" : "cbw";
    case ISA_CWD:
        return in->opsize ? "cdq" : "cwd";
    case ISA_JCXZ_Jb:
        return in->adsize ? "jecxz" : "jcxz";
    default:
        return isa_rows[in->op].mnemonic;
    }
}

static bool by_condition(const struct insn *in)
{
    return in->op == ISA_Jcc_Jb || in->op == ISA_Jcc_Jz || in->op == ISA_SETcc_Eb || in->op == ISA_CMOVcc_GvEv;
}

static bool stops_by_zf(const struct insn *in)
{
    return in->op == ISA_CMPSB || in->op == ISA_CMPSV || in->op == ISA_SCASB || in->op == ISA_SCASV;
}

static const char *rep_name(const struct insn *in)
{
    if (!is_string(in) || in->rep == REP_NONE)
        return "";
    if (!stops_by_zf(in))
        return "REP ";
    return in->rep == REP_E ? "REPE " : "REPNE ";
}

void insn_name(struct text *t, const struct insn *in)
{
    const char *s = row_name(in);
    size_t n = by_condition(in) ? strlen(s) - 2 : strlen(s);
    text_add(t, "%s%s", in->lock ? "LOCK " : "", rep_name(in));
    for (size_t i = 0; i < n; i++)
        text_add(t, "%c", toupper((unsigned char)s[i]));
    text_add(t, "%s%s", by_condition(in) ? condition_names[in->modrm & 15] : "", name_ending(in));
}

static void say_name(const struct explain *x, struct text *t, enum value_type type)
{
    insn_name(t, x->insn);
}

/* ---- conditions ---- */

static bool flag(const struct explain *x, u32 bit)
{
    return cpu_eflags(x->cpu) & bit;
}

/* Condition codes by their even half; the odd ones are the opposite. */
static bool holds(u32 f, unsigned cc)
{
    bool sf_of = !(f & F_SF) != !(f & F_OF), v = false;
    switch (cc >> 1) {
    case 0:
        v = f & F_OF;
        break;
    case 1:
        v = f & F_CF;
        break;
    case 2:
        v = f & F_ZF;
        break;
    case 3:
        v = f & (F_CF | F_ZF);
        break;
    case 4:
        v = f & F_SF;
        break;
    case 5:
        v = f & F_PF;
        break;
    case 6:
        v = sf_of;
        break;
    default:
        v = sf_of || f & F_ZF;
    }
    return v != (cc & 1);
}

/* FCMOVcc as a condition code, or -1. */
static int fcmov_condition(unsigned op)
{
    switch (op) {
    case ISA_FCMOVB:
        return 2;
    case ISA_FCMOVNB:
        return 3;
    case ISA_FCMOVE:
        return 4;
    case ISA_FCMOVNE:
        return 5;
    case ISA_FCMOVBE:
        return 6;
    case ISA_FCMOVNBE:
        return 7;
    case ISA_FCMOVU:
        return 10;
    case ISA_FCMOVNU:
        return 11;
    default:
        return -1;
    }
}

static unsigned condition_code(const struct insn *in)
{
    int fcmov = fcmov_condition(in->op);
    return fcmov >= 0 ? (unsigned)fcmov : in->modrm & 15;
}

static void say_flag(struct text *t, u32 f, u32 bit, const char *name, const char *before)
{
    text_add(t, "%s%s is %d", before, name, (f & bit) != 0);
}

/* "ZF is 1 (equal)". */
static void say_why(const struct explain *x, struct text *t, enum value_type type)
{
    static const char *const meaning[16] = {
        "overflow", "no overflow",  "below",       "not below",  "equal", "not equal", "below or equal", "above",
        "negative", "not negative", "parity even", "parity odd", "less",  "not less",  "less or equal",  "greater"};
    u32 f = cpu_eflags(x->cpu);
    unsigned cc = condition_code(x->insn), pair = cc >> 1;
    bool below = pair == 3, signed_order = pair >= 6;
    static const u32 single[8] = {F_OF, F_CF, F_ZF, 0, F_SF, F_PF, 0, 0};
    static const char *const names[8] = {"OF", "CF", "ZF", "", "SF", "PF", "", ""};
    if (below) {
        say_flag(t, f, F_CF, "CF", "");
        say_flag(t, f, F_ZF, "ZF", " and ");
    } else if (signed_order) {
        if (pair == 7)
            say_flag(t, f, F_ZF, "ZF", "");
        say_flag(t, f, F_SF, "SF", pair == 7 ? ", " : "");
        say_flag(t, f, F_OF, "OF", " and ");
    } else {
        say_flag(t, f, single[pair], names[pair], "");
    }
    text_add(t, " (%s)", meaning[holds(f, cc) ? cc : cc ^ 1]);
}

static u64 counter(const struct explain *x)
{
    return x->cpu->r[R_CX] & insn_addr_mask(x->insn);
}

static bool loop_goes_on(const struct explain *x)
{
    bool left = ((counter(x) - 1) & insn_addr_mask(x->insn)) != 0, zf = flag(x, F_ZF);
    if (x->insn->op == ISA_LOOP_Jb)
        return left;
    return left && (x->insn->op == ISA_LOOPE_Jb ? zf : !zf);
}

static bool same_register(const struct explain *x)
{
    struct place a, b;
    place_find(x, 1, &a);
    place_find(x, 2, &b);
    return a.kind != PLACE_MEM && a.kind != PLACE_IMM && a.kind == b.kind && a.reg == b.reg;
}

static bool in_bounds(const struct explain *x)
{
    struct place v, limits, low, high;
    place_find(x, 1, &v);
    place_find(x, 2, &limits);
    low = high = v;
    memcpy(low.data, limits.data, v.len);
    memcpy(high.data, limits.data + v.len, v.len);
    return !limits.known || (place_signed(&v) >= place_signed(&low) && place_signed(&v) <= place_signed(&high));
}

/* The accumulator is as wide as the first operand. */
static unsigned acc_len(const struct explain *x)
{
    struct place p;
    place_find(x, 1, &p);
    return p.kind != PLACE_NONE && p.len <= 4 ? p.len : insn_opsize(x->insn);
}

static u64 edx_eax(const struct explain *x)
{
    return x->cpu->r[R_DX] << 32 | (u32)x->cpu->r[R_AX];
}

static bool operand_equals(const struct explain *x, u64 v)
{
    struct place p;
    place_find(x, 1, &p);
    return p.known && place_value(&p) == v;
}

/* CMPXCHG16B, against RDX:RAX. */
static bool pair_equals(const struct explain *x)
{
    struct place p;
    place_find(x, 1, &p);
    return p.known && ld64(p.data) == x->cpu->r[R_AX] && ld64(p.data + 8) == x->cpu->r[R_DX];
}

static bool source_is_zero(const struct explain *x)
{
    struct place p;
    place_find(x, 2, &p);
    return p.known && place_value(&p) == 0;
}

bool condition(const struct explain *x)
{
    const struct insn *in = x->insn;
    if (by_condition(in) || fcmov_condition(in->op) >= 0)
        return holds(cpu_eflags(x->cpu), condition_code(in));
    switch (in->op) {
    case ISA_LOOP_Jb:
    case ISA_LOOPE_Jb:
    case ISA_LOOPNE_Jb:
        return loop_goes_on(x);
    case ISA_JCXZ_Jb:
        return counter(x) == 0;
    case ISA_INTO:
        return flag(x, F_OF);
    case ISA_CBW:
        return in->opsize == 0;
    case ISA_BOUND_GvMa:
        return in_bounds(x);
    case ISA_BSF_GvEv:
    case ISA_BSR_GvEv:
        return source_is_zero(x);
    case ISA_CMPXCHG_EbGb:
    case ISA_CMPXCHG_EvGv:
        return operand_equals(x, insn_reg(x, acc_len(x), R_AX));
    case ISA_CMPXCHG8B_Mq:
        return operand_equals(x, edx_eax(x));
    case ISA_CMPXCHG16B_Mo:
        return pair_equals(x);
    default: /* XOR and SUB of a register with itself */
        return same_register(x);
    }
}

/* ---- numbers ---- */

bool is_shift(const struct insn *in)
{
    const struct isa_row *row = &isa_rows[in->op];
    bool group2 = row->map == MAP_M1 && (row->opcode == 0xC0 || row->opcode == 0xC1 || (row->opcode & 0xFC) == 0xD0);
    return group2 || (row->map == MAP_M2 && (strcmp(row->mnemonic, "shld") == 0 || strcmp(row->mnemonic, "shrd") == 0));
}

static unsigned last_operand(const struct insn *in)
{
    const struct isa_row *row = &isa_rows[in->op];
    return row->operand[2] != OPERAND_NO ? 3 : 2;
}

unsigned shift_count(const struct explain *x)
{
    struct place p;
    place_find(x, last_operand(x->insn), &p);
    return place_value(&p) & 31;
}

static void say_count(const struct explain *x, struct text *t, enum value_type type)
{
    struct place p;
    unsigned n = shift_count(x);
    place_find(x, last_operand(x->insn), &p);
    text_add(t, "%u bit%s%s", n, n == 1 ? "" : "s", p.kind == PLACE_REG ? " (CL)" : "");
}

static void say_bit(const struct explain *x, struct text *t, enum value_type type)
{
    struct place p;
    place_find(x, 2, &p);
    text_add(t, "%u", (unsigned)place_value(&p) & (insn_opsize(x->insn) * 8 - 1));
}

#define FLAG_WORD(name, bit)                                                                                           \
    static void say_##name(const struct explain *x, struct text *t, enum value_type type)                              \
    {                                                                                                                  \
        text_add(t, "%d", flag(x, bit));                                                                               \
    }
FLAG_WORD(cf, F_CF)
FLAG_WORD(zf, F_ZF)
FLAG_WORD(of, F_OF)
FLAG_WORD(if, F_IF)
FLAG_WORD(df, F_DF)

#define NUMBER_WORD(name, value)                                                                                       \
    static void say_##name(const struct explain *x, struct text *t, enum value_type type)                              \
    {                                                                                                                  \
        text_number(t, value);                                                                                         \
    }
NUMBER_WORD(eflags, cpu_eflags(x->cpu))
NUMBER_WORD(cpl, x->cpu->cpl)
NUMBER_WORD(ts, (x->cpu->cr0 & CR0_TS) != 0)
NUMBER_WORD(cr0, x->cpu->cr0 & 0xFFFF)
NUMBER_WORD(ldtr, x->cpu->ldtr.sel)
NUMBER_WORD(tr, x->cpu->tr.sel)
NUMBER_WORD(gdtlimit, x->cpu->gdtr.limit)
NUMBER_WORD(gdtbase, x->cpu->gdtr.base)
NUMBER_WORD(idtlimit, x->cpu->idtr.limit)
NUMBER_WORD(idtbase, x->cpu->idtr.base)
NUMBER_WORD(fcw, x->cpu->fpu.cw)
NUMBER_WORD(fsw, x->cpu->fpu.sw | x->cpu->fpu.top << 11)
NUMBER_WORD(mxcsr, x->cpu->mxcsr)
NUMBER_WORD(cx, counter(x))
NUMBER_WORD(cxless, (counter(x) - 1) & insn_addr_mask(x->insn))

/* ---- registers that the instruction does not name ---- */

static void say_reg(const struct explain *x, struct text *t, unsigned w, unsigned reg, enum value_type type)
{
    struct place p = {.kind = PLACE_REG, .reg = (u8)reg, .len = w, .known = true};
    u64 v = insn_reg(x, w, reg);
    memcpy(p.data, &v, sizeof v);
    place_valued(t, &p, type);
}

#define REG_WORD(name, w, reg)                                                                                         \
    static void say_##name(const struct explain *x, struct text *t, enum value_type type)                              \
    {                                                                                                                  \
        say_reg(x, t, w, reg, type);                                                                                   \
    }
REG_WORD(acc, acc_len(x), R_AX)
REG_WORD(al, 1, 0)
REG_WORD(ah, 1, 1)
REG_WORD(bp, insn_opsize(x->insn), R_BP)
REG_WORD(eax, 4, R_AX)
REG_WORD(ecx, 4, R_CX)
REG_WORD(edx, 4, R_DX)

#define NAME_WORD(name, label)                                                                                         \
    static void say_##name(const struct explain *x, struct text *t, enum value_type type)                              \
    {                                                                                                                  \
        text_add(t, "%s", label);                                                                                      \
    }
NAME_WORD(ACC, reg_name(acc_len(x), R_AX))
NAME_WORD(DX, reg_name(insn_opsize(x->insn), R_DX))
NAME_WORD(BP, reg_name(x->cpu->stack32 ? 4 : 2, R_BP))
NAME_WORD(SP, reg_name(x->cpu->stack32 ? 4 : 2, R_SP))
NAME_WORD(CX, reg_name(x->insn->adsize ? 4 : 2, R_CX))
NAME_WORD(half, x->insn->opsize ? "AX" : "AL")
NAME_WORD(QUOTIENT, reg_name(acc_len(x), R_AX))
NAME_WORD(REMAINDER, acc_len(x) == 1 ? "AH" : reg_name(acc_len(x), R_DX))

static const char *wide_name(unsigned w)
{
    return w == 1 ? "AX" : w == 2 ? "DX:AX" : "EDX:EAX";
}
NAME_WORD(WIDE, wide_name(acc_len(x)))

/* The dividend: twice as wide as the divisor. */
static void say_wide(const struct explain *x, struct text *t, enum value_type type)
{
    unsigned w = acc_len(x);
    u64 v = w == 1 ? (u16)x->cpu->r[R_AX] : insn_reg(x, w, R_DX) << (w * 8) | insn_reg(x, w, R_AX);
    if (x->insn->op == ISA_IDIV_Eb || x->insn->op == ISA_IDIV_Ev)
        type = VALUE_INT;
    value_text(t, (const u8 *)&v, w * 2, type);
    text_add(t, " (%s)", wide_name(w));
}

static void say_edxeax(const struct explain *x, struct text *t, enum value_type type)
{
    text_number(t, edx_eax(x));
    text_add(t, " (EDX:EAX)");
}

static void say_ea(const struct explain *x, struct text *t, enum value_type type)
{
    struct place p;
    place_find(x, 2, &p);
    text_number(t, p.off);
    if (x->insn->base != REG_ZERO || x->insn->index != REG_ZERO) {
        text_add(t, " (");
        address_formula(t, x->insn);
        text_add(t, ")");
    }
}

static void say_level(const struct explain *x, struct text *t, enum value_type type)
{
    unsigned level = x->insn->imm >> 16 & 31;
    if (level)
        text_add(t, "; nesting level %u", level);
}

/* ---- where it goes on ---- */

u64 branch_target(const struct explain *x)
{
    u64 to = x->ip + x->insn->len + x->insn->imm;
    return x->insn->opsize == 0 ? (u16)to : (u32)to;
}

static void say_offset(const struct explain *x, struct text *t, u64 off)
{
    text_add(t, "%0*llXh", x->cpu->code_bits == 32 ? 8 : 4, (unsigned long long)off);
}

static void say_to(const struct explain *x, struct text *t, enum value_type type)
{
    say_offset(x, t, branch_target(x));
}

static void say_next(const struct explain *x, struct text *t, enum value_type type)
{
    say_offset(x, t, (u32)(x->ip + x->insn->len));
}

static void say_far_address(struct text *t, unsigned w, u16 sel, u32 off)
{
    text_add(t, "%04Xh:%0*Xh", sel, w == 2 ? 4 : 8, off);
}

bool far_pointer(const struct explain *x, u16 *sel, u32 *off)
{
    const struct insn *in = x->insn;
    unsigned w = insn_opsize(in);
    struct place p;
    if (in->op == ISA_JMP_Ap || in->op == ISA_CALL_Ap) {
        *sel = (u16)(in->imm >> 32);
        *off = (u32)in->imm;
        return true;
    }
    place_find(x, isa_rows[in->op].operand[0] == OPERAND_Mp ? 1 : 2, &p);
    *off = w == 2 ? ld16(p.data) : ld32(p.data);
    *sel = ld16(p.data + w);
    return p.known;
}

static void say_far(const struct explain *x, struct text *t, enum value_type type)
{
    u16 sel;
    u32 off;
    if (!far_pointer(x, &sel, &off)) {
        text_add(t, "unknown");
        return;
    }
    say_far_address(t, insn_opsize(x->insn), sel, off);
    if (cpu_in_protected(x->cpu)) {
        text_add(t, ", ");
        selector_text(t, x->cpu, &x->peek, sel);
    }
}

bool stack_value(const struct explain *x, unsigned n, unsigned w, u32 *v)
{
    const struct cpu *c = x->cpu;
    u64 off = (c->r[R_SP] + n) & (c->stack32 ? 0xFFFFFFFF : 0xFFFF);
    *v = 0;
    return x->peek.lin(x->peek.ctx, (u32)(c->seg[SEG_SS].base + off), v, w);
}

/* IRET may come from a nested task, which the stack knows nothing of. */
static bool returns_to_task(const struct explain *x)
{
    return x->insn->op == ISA_IRET && cpu_in_protected(x->cpu) && flag(x, F_NT);
}

static void say_retf(const struct explain *x, struct text *t, enum value_type type)
{
    unsigned w = insn_opsize(x->insn);
    u32 off, sel;
    if (returns_to_task(x))
        text_add(t, "the task that called this one (NT is set)");
    else if (!stack_value(x, 0, w, &off) || !stack_value(x, w, w, &sel))
        text_add(t, "an address that cannot be read");
    else
        say_far_address(t, w, (u16)sel, off);
}

static void say_iretflags(const struct explain *x, struct text *t, enum value_type type)
{
    unsigned w = insn_opsize(x->insn);
    u32 flags;
    if (returns_to_task(x) || !stack_value(x, 2 * w, w, &flags))
        return;
    text_add(t, " with flags ");
    text_number(t, flags);
}

/* ---- interrupts ---- */

static u8 software_vector(const struct insn *in)
{
    switch (in->op) {
    case ISA_INT3:
        return VEC_BP;
    case ISA_INTO:
        return VEC_OF;
    case ISA_ICEBP:
        return VEC_DB;
    default:
        return (u8)in->imm;
    }
}

static void say_ivt(const struct explain *x, struct text *t, u8 vector)
{
    u32 entry, at = (u32)x->cpu->idtr.base + vector * 4u;
    text_add(t, "the vector at %05Xh ", at);
    if (!x->peek.lin(x->peek.ctx, at, &entry, sizeof entry))
        text_add(t, "cannot be read");
    else
        text_add(t, "leads to %04Xh:%04Xh", entry >> 16, entry & 0xFFFF);
}

static void say_leads(const struct explain *x, struct text *t, enum value_type type)
{
    u8 vector = software_vector(x->insn);
    const struct cpu *c = x->cpu;
    struct descriptor d;
    u64 raw;
    if (!(c->cr0 & CR0_PE)) {
        say_ivt(x, t, vector);
        return;
    }
    if (!x->peek.lin(x->peek.ctx, (u32)(c->idtr.base + vector * 8u), &raw, sizeof raw)) {
        text_add(t, "its gate cannot be read");
        return;
    }
    descriptor_split(raw, &d);
    text_add(t, "IDT entry ");
    text_number(t, vector);
    text_add(t, " is ");
    text_add(t, "%s", d.gate ? "a " : "no gate");
    if (d.gate)
        descriptor_text(t, &d);
}

/* ---- strings ---- */

static void say_each(const struct explain *x, struct text *t, enum value_type type)
{
    const struct insn *in = x->insn;
    u64 n = string_count(x);
    if (in->rep == REP_NONE)
        return;
    text_add(t, "does this %s%llu time%s (%s)", stops_by_zf(in) ? "up to " : "", (unsigned long long)n,
             n == 1 ? "" : "s", reg_name(in->adsize ? 4 : 2, R_CX));
    if (stops_by_zf(in))
        text_add(t, ", until ZF is %d", in->rep != REP_E);
    text_add(t, ": ");
}

static void say_moves(const struct explain *x, struct text *t, enum value_type type)
{
    struct place p;
    for (unsigned n = 1; n <= 2; n++) {
        place_find(x, n, &p);
        if (p.kind == PLACE_MEM)
            break;
    }
    if (x->cpu->eflags & F_DF)
        text_add(t, "subtracts %u from", p.len);
    else
        text_add(t, "adds %u to", p.len);
}

/* ---- system ---- */

bool loaded_selector(const struct explain *x, u16 *sel)
{
    const struct insn *in = x->insn;
    struct place p;
    unsigned n;
    switch (in->op) {
    case ISA_MOV_SwEw:
    case ISA_LAR_GvEw:
    case ISA_LSL_GvEw:
        n = 2;
        break;
    case ISA_POP_ES:
    case ISA_POP_SS:
    case ISA_POP_DS:
    case ISA_POP_FS:
    case ISA_POP_GS:
        n = PLACE_TOP;
        break;
    case ISA_LLDT_Ew:
    case ISA_LTR_Ew:
    case ISA_VERR_Ew:
    case ISA_VERW_Ew:
        n = 1;
        break;
    default:
        return false;
    }
    place_find(x, n, &p);
    *sel = (u16)place_value(&p);
    return p.known;
}

static void say_sel(const struct explain *x, struct text *t, enum value_type type)
{
    u16 sel;
    if (loaded_selector(x, &sel))
        selector_text(t, x->cpu, &x->peek, sel);
    else
        text_add(t, "unknown");
}

static void say_tablereg(const struct explain *x, struct text *t, enum value_type type)
{
    struct place p;
    place_find(x, 1, &p);
    if (!p.known) {
        text_add(t, "unknown");
        return;
    }
    u32 base = ld32(p.data + 2);
    text_add(t, "limit %04Xh, base %08Xh", ld16(p.data), x->insn->opsize ? base : base & 0xFFFFFF);
}

static const struct bit_name {
    u8 cr, bit;
    const char *name;
} cr_bits[] = {
    {0, 0, "PE"},  {0, 1, "MP"},  {0, 2, "EM"},     {0, 3, "TS"},          {0, 4, "ET"},  {0, 5, "NE"},
    {0, 16, "WP"}, {0, 18, "AM"}, {0, 29, "NW"},    {0, 30, "CD"},         {0, 31, "PG"}, {4, 0, "VME"},
    {4, 1, "PVI"}, {4, 2, "TSD"}, {4, 3, "DE"},     {4, 4, "PSE"},         {4, 5, "PAE"}, {4, 6, "MCE"},
    {4, 7, "PGE"}, {4, 8, "PCE"}, {4, 9, "OSFXSR"}, {4, 10, "OSXMMEXCPT"},
};

static void say_bits(struct text *t, unsigned cr, u64 bits, const char *what, bool *any)
{
    bool first = true;
    for (unsigned i = 0; i < ARRAY_LEN(cr_bits); i++) {
        if (cr_bits[i].cr != cr || !(bits >> cr_bits[i].bit & 1))
            continue;
        text_add(t, "%s%s", first ? *any ? "; " : ": " : " ", first ? what : "");
        text_add(t, "%s%s", first ? " " : "", cr_bits[i].name);
        first = false;
        *any = true;
    }
}

/* Which bits of CR0 or CR4 it turns on and off. */
static void say_crbits(const struct explain *x, struct text *t, enum value_type type)
{
    struct place to, from;
    place_find(x, 1, &to);
    place_find(x, 2, &from);
    u64 was = place_value(&to), will = place_value(&from);
    bool any = false;
    say_bits(t, to.reg, will & ~was, "turns on", &any);
    say_bits(t, to.reg, was & ~will, "turns off", &any);
}

static void say_msr(const struct explain *x, struct text *t, enum value_type type)
{
    static const struct {
        u32 index;
        const char *name;
    } names[] = {
        {0x10, "time-stamp counter"}, {0x1B, "APIC base"}, {0x174, "SYSENTER CS"},         {0x175, "SYSENTER ESP"},
        {0x176, "SYSENTER EIP"},      {0x277, "PAT"},      {0x2FF, "default memory type"}, {0xC0000080, "EFER"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].index == (u32)x->cpu->r[R_CX])
            text_add(t, ", %s,", names[i].name);
}

static void say_sysenter(const struct explain *x, struct text *t, enum value_type type)
{
    say_far_address(t, 4, x->cpu->msr.sysenter_cs & 0xFFFC, (u32)x->cpu->msr.sysenter_eip);
}

static void say_lstar(const struct explain *x, struct text *t, enum value_type type)
{
    text_number(t, x->cpu->msr.lstar);
}

static void say_rcx(const struct explain *x, struct text *t, enum value_type type)
{
    text_number(t, x->cpu->r[R_CX]);
}

static void say_oldflags(const struct explain *x, struct text *t, enum value_type type)
{
    text_number(t, x->cpu->r[11]);
}

static void say_gsbase(const struct explain *x, struct text *t, enum value_type type)
{
    text_number(t, x->cpu->seg[SEG_GS].base);
}

static void say_kernelgs(const struct explain *x, struct text *t, enum value_type type)
{
    text_number(t, x->cpu->msr.kernel_gs_base);
}

/* ---- lanes ---- */

static void say_lanes(const struct explain *x, struct text *t, enum value_type type)
{
    static const struct {
        u8 size;
        const char *name;
    } lanes[] = {
        [VALUE_B] = {1, "bytes"}, [VALUE_W] = {2, "words"}, [VALUE_D] = {4, "dwords"}, [VALUE_Q] = {8, "qwords"}};
    struct place p;
    place_find(x, 1, &p);
    unsigned n = p.len / lanes[type].size;
    if (n == 1)
        text_add(t, "qword");
    else
        text_add(t, "%u %s", n, lanes[type].name);
}

static void say_lanenumber(const struct explain *x, struct text *t, enum value_type type)
{
    struct place p;
    place_find(x, isa_rows[x->insn->op].operand[0] == OPERAND_Gd ? 2 : 1, &p);
    text_add(t, "%u", (unsigned)x->insn->imm & (p.len / 2 - 1));
}

/* N fields of BITS bits each of the immediate from field FIRST up. */
static void say_fields(const struct explain *x, struct text *t, unsigned first, unsigned n, unsigned bits)
{
    for (unsigned i = first; i < first + n; i++)
        text_add(t, "%s%u", i > first ? " " : "", (unsigned)(x->insn->imm >> (i * bits)) & ((1u << bits) - 1));
}

#define FIELDS_WORD(name, first, n, bits)                                                                              \
    static void say_##name(const struct explain *x, struct text *t, enum value_type type)                              \
    {                                                                                                                  \
        say_fields(x, t, first, n, bits);                                                                              \
    }
FIELDS_WORD(pick4, 0, 4, 2)
FIELDS_WORD(shuf2, 0, 2, 2)
FIELDS_WORD(shuf2high, 2, 2, 2)
FIELDS_WORD(shuf1, 0, 1, 1)
FIELDS_WORD(shuf1high, 1, 1, 1)

static void say_predicate(const struct explain *x, struct text *t, enum value_type type)
{
    static const char *const names[8] = {"it equals",
                                         "it is less than",
                                         "it is not above",
                                         "it or the other is a NaN:",
                                         "it does not equal",
                                         "it is not less than",
                                         "it is not less than or equal to",
                                         "neither is a NaN:"};
    text_add(t, "%s", names[x->insn->imm & 7]);
}

static void say_high(const struct explain *x, struct text *t, unsigned reg, enum value_type type)
{
    value_text(t, x->cpu->xmm[reg & 7].b + 8, 8, type);
}

static void say_high_reg(const struct explain *x, struct text *t, enum value_type type)
{
    say_high(x, t, x->insn->reg, type);
}

static void say_high_rm(const struct explain *x, struct text *t, enum value_type type)
{
    say_high(x, t, x->insn->rm, type);
}

static void say_XMM(const struct explain *x, struct text *t, enum value_type type)
{
    text_add(t, "XMM%u", x->insn->reg & 7);
}

static void say_XMMrm(const struct explain *x, struct text *t, enum value_type type)
{
    text_add(t, "XMM%u", x->insn->rm & 7);
}

/* ---- all of them ---- */

#define W(name)                                                                                                        \
    {                                                                                                                  \
#name, say_##name                                                                                              \
    }
static const struct {
    const char *name;
    void (*say)(const struct explain *x, struct text *t, enum value_type type);
} words[] = {
    W(name),
    W(why),
    W(count),
    W(bit),
    W(cf),
    W(zf),
    W(of),
    W(if),
    W(df),
    W(eflags),
    W(cpl),
    W(ts),
    W(cr0),
    W(ldtr),
    W(tr),
    W(gdtlimit),
    W(gdtbase),
    W(idtlimit),
    W(idtbase),
    W(fcw),
    W(fsw),
    W(mxcsr),
    W(cx),
    W(cxless),
    W(acc),
    W(al),
    W(ah),
    W(bp),
    W(eax),
    W(ecx),
    W(edx),
    W(ACC),
    W(DX),
    W(BP),
    W(SP),
    W(CX),
    W(half),
    W(QUOTIENT),
    W(REMAINDER),
    W(WIDE),
    W(wide),
    W(edxeax),
    W(ea),
    W(level),
    W(to),
    W(next),
    W(far),
    W(retf),
    W(iretflags),
    W(leads),
    W(each),
    W(moves),
    W(sel),
    W(tablereg),
    W(crbits),
    W(msr),
    W(sysenter),
    W(lstar),
    W(rcx),
    W(oldflags),
    W(gsbase),
    W(kernelgs),
    W(lanes),
    W(lanenumber),
    W(pick4),
    W(shuf2),
    W(shuf2high),
    W(shuf1),
    W(shuf1high),
    W(predicate),
    W(XMM),
    W(XMMrm),
    {"high", say_high_reg},
    {"highrm", say_high_rm},
};
#undef W

bool word_say(const struct explain *x, struct text *t, const char *name, size_t len, enum value_type type)
{
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i].name) == len && memcmp(words[i].name, name, len) == 0) {
            words[i].say(x, t, type);
            return true;
        }
    }
    return false;
}
