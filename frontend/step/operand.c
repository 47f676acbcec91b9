/*
 * operand.c - operands of an instruction, found by the letters of its row in isa.def.
 */
#include "frontend/step/operand.h"
#include "frontend/step/desc.h"
#include <float.h>

/* ---- names ---- */

const char *seg_name(unsigned seg)
{
    static const char names[SEG_COUNT + 1][3] = {"ES", "CS", "SS", "DS", "FS", "GS", "?"};
    return names[MIN(seg, (unsigned)SEG_COUNT)];
}

const char *reg_name(unsigned w, unsigned reg)
{
    static const char names[3][8][4] = {{"AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"},
                                        {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"},
                                        {"AL", "CL", "DL", "BL", "AH", "CH", "DH", "BH"}};
    if (w == 1)
        return names[2][(reg >> 3 & 3) + (reg & 1) * 4];
    return names[w == 4][reg & 7];
}

static const char *size_name(unsigned len)
{
    switch (len) {
    case 1:
        return "byte";
    case 2:
        return "word";
    case 4:
        return "dword";
    case 8:
        return "qword";
    default:
        return NULL;
    }
}

unsigned insn_opsize(const struct insn *in)
{
    return in->opsize == 0 ? 2 : 4;
}

u64 insn_addr_mask(const struct insn *in)
{
    return in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
}

u64 insn_reg(const struct explain *x, unsigned w, unsigned reg)
{
    const u64 *r = x->cpu->r;
    if (w == 1)
        return ((const u8 *)r)[reg & 31];
    return w == 2 ? (u16)r[reg & 7] : (u32)r[reg & 7];
}

/* ---- where ---- */

static unsigned operand_len(const struct insn *in, enum isa_operand kind)
{
    static const u8 len[] = {
        [OPERAND_Eb] = 1,  [OPERAND_Ew] = 2,  [OPERAND_Ed] = 4, [OPERAND_Gb] = 1,   [OPERAND_Gw] = 2,
        [OPERAND_Gd] = 4,  [OPERAND_Zb] = 1,  [OPERAND_Ib] = 1, [OPERAND_Iw] = 2,   [OPERAND_ONE] = 1,
        [OPERAND_CL] = 1,  [OPERAND_DX] = 2,  [OPERAND_AL] = 1, [OPERAND_Ob] = 1,   [OPERAND_Mb] = 1,
        [OPERAND_Ms] = 6,  [OPERAND_Mw] = 2,  [OPERAND_Md] = 4, [OPERAND_Mq] = 8,   [OPERAND_Mt] = 10,
        [OPERAND_Mo] = 16, [OPERAND_Sw] = 2,  [OPERAND_Rd] = 4, [OPERAND_Cd] = 4,   [OPERAND_Dd] = 4,
        [OPERAND_Xb] = 1,  [OPERAND_Yb] = 1,  [OPERAND_ES] = 2, [OPERAND_CS] = 2,   [OPERAND_SS] = 2,
        [OPERAND_DS] = 2,  [OPERAND_FS] = 2,  [OPERAND_GS] = 2, [OPERAND_ST0] = 10, [OPERAND_STi] = 10,
        [OPERAND_Pq] = 8,  [OPERAND_Pd] = 4,  [OPERAND_Qq] = 8, [OPERAND_Qd] = 4,   [OPERAND_Nq] = 8,
        [OPERAND_Vo] = 16, [OPERAND_Vq] = 8,  [OPERAND_Vd] = 4, [OPERAND_Wo] = 16,  [OPERAND_Wq] = 8,
        [OPERAND_Wd] = 4,  [OPERAND_Uo] = 16, [OPERAND_Uq] = 8,
    };
    unsigned w = insn_opsize(in);
    if (kind == OPERAND_Ma)
        return 2 * w;
    if (kind == OPERAND_Mp)
        return 2 + w;
    return len[kind] ? len[kind] : w;
}

/* Rows whose E operand is a word in memory whatever the operand size. */
static bool word_in_memory(unsigned op)
{
    return op == ISA_MOV_EvSw || op == ISA_SLDT_Ev || op == ISA_STR_Ev || op == ISA_SMSW_Ev;
}

/* Operands of kind M: state images. */
static unsigned image_len(const struct insn *in)
{
    switch (in->op) {
    case ISA_FLDENV:
    case ISA_FNSTENV:
        return in->opsize == 0 ? 14 : 28;
    case ISA_FRSTOR:
    case ISA_FNSAVE:
        return in->opsize == 0 ? 94 : 108;
    case ISA_FXSAVE_M:
    case ISA_FXRSTOR_M:
        return 512;
    default:
        return 0;
    }
}

static void set_mem(const struct explain *x, struct place *p, unsigned seg, u64 off, unsigned len)
{
    p->kind = PLACE_MEM;
    p->seg = (u8)seg;
    p->off = off;
    p->lin = (u32)(x->cpu->seg[seg].base + off);
    p->len = len;
    p->wide = x->insn->adsize != 0;
    p->known = len > 0 && len <= sizeof p->data && x->peek.lin(x->peek.ctx, p->lin, p->data, len);
}

static void set_value(struct place *p, enum place_kind kind, unsigned reg, unsigned len, u64 v)
{
    p->kind = (u8)kind;
    p->reg = (u8)reg;
    p->len = len;
    p->known = true;
    memcpy(p->data, &v, MIN(len, 8u));
}

static u64 stack_mask(const struct cpu *c)
{
    return c->stack32 ? 0xFFFFFFFF : 0xFFFF;
}

/* A bit test with its bit number in a register reaches beyond its operand. */
static u64 bit_string_offset(const struct explain *x)
{
    const struct isa_row *row = &isa_rows[x->insn->op];
    if (strncmp(row->mnemonic, "bt", 2) != 0 || row->operand[1] != OPERAND_Gv)
        return 0;
    u64 n = insn_reg(x, insn_opsize(x->insn), x->insn->reg);
    if (x->insn->opsize == 0)
        return (u64)(((s64)(s16)n >> 4) * 2);
    return (u64)(((s64)(s32)n >> 5) * 4);
}

static u64 mem_offset(const struct explain *x)
{
    const struct insn *in = x->insn;
    const u64 *r = x->cpu->r;
    u64 off = r[in->base] + (r[in->index] << in->scale) + (u64)(s64)in->disp + bit_string_offset(x);
    if (in->op == ISA_POP_Ev && in->base == R_SP)
        off += insn_opsize(in); /* as it is after the pop */
    return off & insn_addr_mask(in);
}

static void set_modrm_mem(const struct explain *x, struct place *p, enum isa_operand kind)
{
    const struct insn *in = x->insn;
    unsigned len = kind == OPERAND_M ? image_len(in) : word_in_memory(in->op) ? 2 : operand_len(in, kind);
    set_mem(x, p, in->seg, mem_offset(x), len);
    if ((kind == OPERAND_Mp || kind == OPERAND_Ma) && p->off + len - 1 > insn_addr_mask(in))
        p->known = false; /* its two parts lie apart */
}

static void set_st(const struct explain *x, struct place *p, unsigned n)
{
    const struct x87 *f = &x->cpu->fpu;
    unsigned physical = (f->top + n) & 7;
    p->kind = PLACE_ST;
    p->reg = (u8)n;
    p->len = 10;
    p->known = true;
    p->empty = f->empty >> physical & 1;
    f80_store(p->data, f->st[physical]);
}

static void set_xmm(const struct explain *x, struct place *p, unsigned n, unsigned len)
{
    p->kind = PLACE_XMM;
    p->reg = (u8)(n & 7);
    p->len = len;
    p->known = true;
    memcpy(p->data, x->cpu->xmm[n & 7].b, len);
}

static void set_control(const struct explain *x, struct place *p, bool debug)
{
    const struct cpu *c = x->cpu;
    unsigned n = x->insn->modrm >> 3 & 7;
    u64 cr = n == 0 ? c->cr0 : n == 2 ? c->cr2 : n == 3 ? c->cr3 : n == 4 ? c->cr4 : 0;
    set_value(p, debug ? PLACE_DR : PLACE_CR, n, 4, debug ? c->dr[n] : cr);
}

/* How many bytes a number stands for: those of the operand that it meets. */
static unsigned imm_len(const struct insn *in, unsigned n)
{
    const struct isa_row *row = &isa_rows[in->op];
    enum isa_operand kind = (enum isa_operand)row->operand[n - 1];
    bool widened =
        kind == OPERAND_Ib && row->map == MAP_M1 && (row->opcode == 0x83 || row->opcode == 0x6A || row->opcode == 0x6B);
    return widened ? insn_opsize(in) : operand_len(in, kind);
}

static void set_register_or_mem(const struct explain *x, struct place *p, enum isa_operand kind)
{
    const struct insn *in = x->insn;
    unsigned len = operand_len(in, kind);
    if (in->mem)
        set_modrm_mem(x, p, kind);
    else
        set_value(p, PLACE_REG, in->rm, len, insn_reg(x, len, in->rm));
}

static void set_vector(const struct explain *x, struct place *p, enum isa_operand kind, bool rm, bool mmx)
{
    const struct insn *in = x->insn;
    unsigned n = rm ? in->rm & 7 : in->reg & 7;
    if (rm && in->mem)
        set_modrm_mem(x, p, kind);
    else if (mmx)
        set_value(p, PLACE_MM, n, operand_len(in, kind), x->cpu->fpu.st[n].m);
    else
        set_xmm(x, p, n, operand_len(in, kind));
}

/* Registers of x87, MMX and SSE, and memory in their place. */
static void find_wide(const struct explain *x, enum isa_operand kind, struct place *p)
{
    switch (kind) {
    case OPERAND_ST0:
        set_st(x, p, 0);
        break;
    case OPERAND_STi:
        set_st(x, p, x->insn->rm & 7);
        break;
    case OPERAND_Pq:
    case OPERAND_Pd:
        set_vector(x, p, kind, false, true);
        break;
    case OPERAND_Qq:
    case OPERAND_Qd:
    case OPERAND_Nq:
        set_vector(x, p, kind, true, true);
        break;
    case OPERAND_Vo:
    case OPERAND_Vq:
    case OPERAND_Vd:
        set_vector(x, p, kind, false, false);
        break;
    case OPERAND_Wo:
    case OPERAND_Wq:
    case OPERAND_Wd:
    case OPERAND_Uo:
    case OPERAND_Uq:
        set_vector(x, p, kind, true, false);
        break;
    default:
        break;
    }
}

static void find_named(const struct explain *x, unsigned n, struct place *p)
{
    const struct insn *in = x->insn;
    const struct cpu *c = x->cpu;
    enum isa_operand kind = (enum isa_operand)isa_rows[in->op].operand[n - 1];
    unsigned len = operand_len(in, kind);
    u64 mask = insn_addr_mask(in);
    switch (kind) {
    case OPERAND_NO:
        break;
    case OPERAND_Eb:
    case OPERAND_Ew:
    case OPERAND_Ed:
    case OPERAND_Ev:
        set_register_or_mem(x, p, kind);
        break;
    case OPERAND_Gb:
    case OPERAND_Gw:
    case OPERAND_Gd:
    case OPERAND_Gv:
    case OPERAND_Zb:
    case OPERAND_Zv:
        set_value(p, PLACE_REG, in->reg, len, insn_reg(x, len, in->reg));
        break;
    case OPERAND_Rd:
        set_value(p, PLACE_REG, in->modrm & 7, 4, insn_reg(x, 4, in->modrm & 7));
        break;
    case OPERAND_AL:
    case OPERAND_AX:
    case OPERAND_CL:
    case OPERAND_DX: {
        if (in->op == ISA_FNSTSW_AX)
            len = 2;
        unsigned reg = kind == OPERAND_CL ? 8 : kind == OPERAND_DX ? R_DX : 0;
        set_value(p, PLACE_REG, reg, len, insn_reg(x, len, reg));
        break;
    }
    case OPERAND_Ib:
    case OPERAND_Iw:
    case OPERAND_Iz:
    case OPERAND_Iv:
        set_value(p, PLACE_IMM, 0, imm_len(in, n), in->imm);
        break;
    case OPERAND_IwIb:
        set_value(p, PLACE_IMM, 0, 2, in->imm);
        break;
    case OPERAND_ONE:
        set_value(p, PLACE_IMM, 0, 1, 1);
        break;
    case OPERAND_Ob:
    case OPERAND_Ov:
        set_mem(x, p, in->seg, in->imm & mask, len);
        break;
    case OPERAND_Xb:
    case OPERAND_Xv:
        set_mem(x, p, in->seg, c->r[R_SI] & mask, len);
        break;
    case OPERAND_Yb:
    case OPERAND_Yv:
        set_mem(x, p, SEG_ES, c->r[R_DI] & mask, len);
        break;
    case OPERAND_Sw:
        set_value(p, PLACE_SEG, in->reg, 2, in->reg < SEG_COUNT ? c->seg[in->reg].sel : 0);
        break;
    case OPERAND_ES:
    case OPERAND_CS:
    case OPERAND_SS:
    case OPERAND_DS:
    case OPERAND_FS:
    case OPERAND_GS:
        set_value(p, PLACE_SEG, kind - OPERAND_ES, 2, c->seg[kind - OPERAND_ES].sel);
        break;
    case OPERAND_Cd:
    case OPERAND_Dd:
        set_control(x, p, kind == OPERAND_Dd);
        break;
    case OPERAND_M:
    case OPERAND_Ma:
    case OPERAND_Mb:
    case OPERAND_Mp:
    case OPERAND_Ms:
    case OPERAND_Mw:
    case OPERAND_Md:
    case OPERAND_Mq:
    case OPERAND_Mt:
    case OPERAND_Mo:
        set_modrm_mem(x, p, kind);
        break;
    case OPERAND_Jb: /* where a branch leads is said by a word of its own */
    case OPERAND_Jz:
    case OPERAND_Ap:
        break;
    default:
        find_wide(x, kind, p);
    }
}

static unsigned slot_len(const struct insn *in)
{
    return in->op == ISA_PUSHA || in->op == ISA_POPA ? 8 * insn_opsize(in) : insn_opsize(in);
}

/* Of the slot of a selector only the low word is written. */
static bool pushes_selector(const struct insn *in)
{
    static const u16 ops[] = {ISA_PUSH_ES, ISA_PUSH_CS, ISA_PUSH_SS, ISA_PUSH_DS, ISA_PUSH_FS, ISA_PUSH_GS};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
        if (in->op == ops[i])
            return true;
    return false;
}

static void find_on_stack(const struct explain *x, struct place *p, u64 off)
{
    const struct cpu *c = x->cpu;
    set_mem(x, p, SEG_SS, off & stack_mask(c), slot_len(x->insn));
    p->wide = c->stack32;
}

/* XLAT's table at (E)BX, MASKMOV's destination at (E)DI. */
static void find_table(const struct explain *x, struct place *p)
{
    const struct insn *in = x->insn;
    const u64 *r = x->cpu->r;
    if (in->op == ISA_XLAT)
        set_mem(x, p, in->seg, (r[R_BX] + (u8)r[R_AX]) & insn_addr_mask(in), 1);
    else
        set_mem(x, p, in->seg, r[R_DI] & insn_addr_mask(in), in->op == ISA_MASKMOVQ_PqNq ? 8 : 16);
}

void place_find(const struct explain *x, unsigned n, struct place *p)
{
    const struct cpu *c = x->cpu;
    memset(p, 0, sizeof *p);
    switch (n) {
    case PLACE_TABLE:
        find_table(x, p);
        break;
    case PLACE_TOP:
        find_on_stack(x, p, c->r[R_SP]);
        break;
    case PLACE_SLOT:
        find_on_stack(x, p, c->r[R_SP] - slot_len(x->insn));
        if (pushes_selector(x->insn))
            p->len = 2;
        break;
    case PLACE_FRAME:
        find_on_stack(x, p, c->r[R_BP]);
        break;
    case PLACE_ST0:
    case PLACE_ST1:
        set_st(x, p, n - PLACE_ST0);
        break;
    default:
        find_named(x, n, p);
    }
}

/* ---- values ---- */

u64 place_value(const struct place *p)
{
    u64 v = 0;
    memcpy(&v, p->data, MIN(p->len, 8u));
    return v;
}

s64 place_signed(const struct place *p)
{
    unsigned shift = 64 - 8 * MIN(MAX(p->len, 1u), 8u);
    return (s64)(place_value(p) << shift) >> shift;
}

static void double_text(struct text *t, double v, int digits)
{
    if (v != v)
        text_add(t, "NaN");
    else if (v > DBL_MAX || v < -DBL_MAX)
        text_add(t, v < 0 ? "-infinity" : "infinity");
    else
        text_add(t, "%.*g", digits, v);
}

static double double_of(u64 bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static double single_of(u32 bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return (double)v;
}

static void extended_text(struct text *t, struct f80 v)
{
    struct fp_env env = fp_env_x87(0x37F);
    int exponent = (v.se & 0x7FFF) - 16383;
    enum fp_class class = f80_class(v);
    if (class == FP_UNSUPPORTED)
        text_add(t, "no number");
    else if (class == FP_FINITE && (exponent > 1023 || exponent < -1022))
        text_add(t, "%s%.6g*2^%d", v.se & 0x8000 ? "-" : "", (double)v.m / 9223372036854775808.0, exponent);
    else
        double_text(t, double_of(f80_to_f64(&env, v)), 10);
}

void st_text(struct text *t, const struct x87 *fpu, unsigned physical)
{
    if (fpu->empty >> physical & 1)
        text_add(t, "empty");
    else
        extended_text(t, fpu->st[physical]);
}

static void bcd_text(struct text *t, const u8 *data)
{
    text_add(t, "%s", data[9] & 0x80 ? "-" : "");
    for (int i = 8; i >= 0; i--)
        text_add(t, "%02X", data[i]);
}

/* Lane 0 first. */
static void lanes_text(struct text *t, const u8 *data, unsigned len, enum value_type type)
{
    static const u8 sizes[] = {
        [VALUE_B] = 1, [VALUE_W] = 2, [VALUE_D] = 4, [VALUE_Q] = 8, [VALUE_PS] = 4, [VALUE_PD] = 8};
    unsigned size = sizes[type];
    text_add(t, len > size ? "[" : "");
    for (unsigned at = 0; at + size <= len; at += size) {
        u64 v = 0;
        memcpy(&v, data + at, size);
        text_add(t, at ? " " : "");
        if (type == VALUE_PS)
            double_text(t, single_of((u32)v), 7);
        else if (type == VALUE_PD)
            double_text(t, double_of(v), 10);
        else
            text_add(t, "%0*llX", (int)size * 2, (unsigned long long)v);
    }
    text_add(t, len > size ? "]" : "");
}

static void float_text(struct text *t, const u8 *data, unsigned len)
{
    if (len == 4)
        double_text(t, single_of(ld32(data)), 7);
    else if (len == 8)
        double_text(t, double_of(ld64(data)), 10);
    else
        extended_text(t, f80_load(data));
}

static void signed_text(struct text *t, const u8 *data, unsigned len)
{
    struct place p = {.len = len};
    memcpy(p.data, data, MIN(len, 8u));
    text_add(t, "%lld", (long long)place_signed(&p));
}

void value_text(struct text *t, const u8 *data, unsigned len, enum value_type type)
{
    u64 v = 0;
    switch (type) {
    case VALUE_UINT:
        if (len > 8) {
            lanes_text(t, data, len, VALUE_D);
            break;
        }
        memcpy(&v, data, len);
        text_number(t, v);
        break;
    case VALUE_INT:
        signed_text(t, data, len);
        break;
    case VALUE_FLOAT:
        float_text(t, data, len);
        break;
    case VALUE_BCD:
        bcd_text(t, data);
        break;
    default:
        lanes_text(t, data, len, type);
    }
}

/* ---- places in words ---- */

void place_address(struct text *t, const struct place *p)
{
    text_add(t, "%s:%0*llXh", seg_name(p->seg), p->wide ? 8 : 4, (unsigned long long)p->off);
}

static void memory_name(struct text *t, const struct place *p, enum value_type type)
{
    const char *size = size_name(p->len);
    if (type == VALUE_FLOAT)
        size = p->len == 4 ? "single" : p->len == 8 ? "double" : "extended number";
    if (type == VALUE_INT && p->len >= 2)
        size = p->len == 2 ? "16-bit integer" : p->len == 4 ? "32-bit integer" : "64-bit integer";
    if (size)
        text_add(t, "the %s at ", size);
    else if (p->len)
        text_add(t, "the %u bytes at ", p->len);
    place_address(t, p);
}

void place_name(struct text *t, const struct place *p, enum value_type type)
{
    static const char *const parts[] = {[4] = "the low 32 bits of ", [8] = "the low 64 bits of ", [16] = ""};
    switch (p->kind) {
    case PLACE_REG:
        text_add(t, "%s", reg_name(p->len, p->reg));
        break;
    case PLACE_MEM:
        memory_name(t, p, type);
        break;
    case PLACE_IMM:
        value_text(t, p->data, p->len, type);
        break;
    case PLACE_ST:
        text_add(t, "ST(%u)", p->reg);
        break;
    case PLACE_MM:
        text_add(t, "%sMM%u", p->len == 4 ? parts[4] : "", p->reg);
        break;
    case PLACE_XMM:
        text_add(t, "%sXMM%u", parts[p->len], p->reg);
        break;
    case PLACE_SEG:
        text_add(t, "%s", seg_name(p->reg));
        break;
    case PLACE_CR:
        text_add(t, "CR%u", p->reg);
        break;
    case PLACE_DR:
        text_add(t, "DR%u", p->reg);
        break;
    default:
        break;
    }
}

static bool is_vector(const struct place *p, enum value_type type)
{
    bool lanes = type >= VALUE_B;
    return p->kind == PLACE_MM || p->kind == PLACE_XMM || lanes ||
           (p->kind == PLACE_MEM && p->len > 8 && type == VALUE_UINT);
}

/* What has no single number is said as "name = value". */
static void place_equals(struct text *t, const struct place *p, enum value_type type)
{
    place_name(t, p, type);
    if (!p->known)
        return;
    text_add(t, " = ");
    if (p->kind == PLACE_ST && p->empty)
        text_add(t, "empty");
    else if (p->kind == PLACE_ST)
        value_text(t, p->data, p->len, VALUE_FLOAT);
    else
        value_text(t, p->data, p->len, type);
}

/* A small negative number means more to people with its sign. */
static void immediate_text(struct text *t, const struct place *p, enum value_type type)
{
    s64 v = place_signed(p);
    value_text(t, p->data, p->len, type);
    if (type == VALUE_UINT && p->len > 1 && v < 0 && v >= -128)
        text_add(t, " (%lld)", (long long)v);
}

/* One number in memory is said as a number, not as a lane. */
static enum value_type type_in_place(const struct place *p, enum value_type type)
{
    bool single = type == VALUE_PS && p->len == 4, whole = type == VALUE_PD && p->len == 8;
    return p->kind == PLACE_MEM && (single || whole) ? VALUE_FLOAT : type;
}

void place_valued(struct text *t, const struct place *p, enum value_type type)
{
    type = type_in_place(p, type);
    if (p->kind == PLACE_IMM) {
        immediate_text(t, p, type);
    } else if (p->kind == PLACE_ST || is_vector(p, type)) {
        place_equals(t, p, type == VALUE_UINT && p->kind == PLACE_MM ? VALUE_D : type);
    } else if (!p->known) {
        place_name(t, p, type);
    } else {
        value_text(t, p->data, p->len, type);
        text_add(t, " (");
        place_name(t, p, type);
        text_add(t, ")");
    }
}

void place_decimal(struct text *t, const struct place *p)
{
    if (p->kind == PLACE_IMM) {
        text_add(t, "%llu", (unsigned long long)place_value(p));
        return;
    }
    if (p->known)
        text_add(t, "%llu (", (unsigned long long)place_value(p));
    place_name(t, p, VALUE_Q);
    text_add(t, "%s", p->known ? ")" : "");
}

void place_which_is(struct text *t, const struct place *p, enum value_type type)
{
    if (p->kind == PLACE_ST || is_vector(p, type)) {
        place_valued(t, p, type);
        return;
    }
    place_name(t, p, type);
    if (p->known && p->kind != PLACE_IMM) {
        text_add(t, ", which is ");
        value_text(t, p->data, p->len, type);
    }
}

void address_formula(struct text *t, const struct insn *in)
{
    unsigned w = in->adsize == 0 ? 2 : 4;
    bool any = in->base != REG_ZERO;
    if (any)
        text_add(t, "%s", reg_name(w, in->base));
    if (in->index != REG_ZERO) {
        text_add(t, "%s%s", any ? " + " : "", reg_name(w, in->index));
        if (in->scale)
            text_add(t, "*%u", 1u << in->scale);
        any = true;
    }
    if (in->disp == 0 && any)
        return;
    u32 size = in->disp < 0 && any ? 0u - (u32)in->disp : (u32)in->disp & (u32)insn_addr_mask(in);
    text_add(t, "%s", !any ? "" : in->disp < 0 ? " - " : " + ");
    text_number(t, size);
}

/* ---- segments ---- */

static bool beyond_limit(const struct segment *s, u64 off, u32 len)
{
    u64 last = off + len - 1;
    bool down = (s->attr & (SEG_CODE | SEG_ED_C)) == SEG_ED_C;
    if (down)
        return off <= s->limit || last > (s->attr & SEG_DB ? 0xFFFFFFFFu : 0xFFFFu);
    return last > s->limit; /* a flat segment does not wrap around */
}

const char *segment_objection(const struct cpu *c, unsigned seg, u64 off, u32 len, bool write)
{
    const struct segment *s = &c->seg[seg];
    bool code = s->attr & SEG_CODE;
    if (cpu_in_protected(c)) {
        if (s->null)
            return "holds a null selector";
        if (write && (code || !(s->attr & SEG_RW)))
            return code ? "is a code segment, which cannot be written" : "is a read-only segment";
        if (!write && code && !(s->attr & SEG_RW))
            return "is a code segment that may only be executed";
    }
    return beyond_limit(s, off, len) ? "ends before that" : NULL;
}

/* ---- what the template does with an operand ---- */

static unsigned letter_access(char letter)
{
    switch (letter) {
    case 'v':
    case 'm':
    case 'n':
    case 'r':
        return ACCESS_READ;
    case 'p':
        return ACCESS_WRITE;
    default:
        return ACCESS_NONE;
    }
}

/* ARPL writes only if it has something to change. */
static bool arpl_raises(const struct explain *x)
{
    struct place sel, rpl;
    place_find(x, 1, &sel);
    place_find(x, 2, &rpl);
    return sel.known && (place_value(&sel) & 3) < (place_value(&rpl) & 3);
}

unsigned operand_access(const struct explain *x, unsigned n)
{
    const struct isa_row *row = &isa_rows[x->insn->op];
    const char *s = explain_template(x->insn->op);
    unsigned access = 0;
    for (; s && (s = strchr(s, '{')); s++) {
        if (s[1] && s[2] == (char)('0' + n) && (s[3] == '}' || s[3] == '.'))
            access |= letter_access(s[1]);
        if (s[1] == 'a' && s[2] == (char)('0' + n) && (n == PLACE_SLOT || n == PLACE_TABLE))
            access |= ACCESS_WRITE;
        if (s[1] == 'a' && s[2] == (char)('0' + n) && n == PLACE_TOP)
            access |= ACCESS_READ;
    }
    bool kept = x->insn->op == ISA_ARPL_EwGw && !arpl_raises(x);
    if (n == 1 && row->attrs & A_RMW && !kept)
        access |= ACCESS_READ | ACCESS_WRITE;
    return access;
}

bool is_string(const struct insn *in)
{
    return isa_rows[in->op].attrs & A_REP;
}

u64 string_count(const struct explain *x)
{
    const struct insn *in = x->insn;
    if (!is_string(in) || in->rep == REP_NONE)
        return 1;
    return x->cpu->r[R_CX] & insn_addr_mask(in);
}
