/*
 * alu.c - integer arithmetic.
 */
#include "translator/x64/work.h"

static const u8 group1[IR_COUNT] = {
    [IR_ADD] = 0, [IR_OR] = 1, [IR_ADC] = 2, [IR_SBB] = 3, [IR_AND] = 4, [IR_SUB] = 5, [IR_XOR] = 6};

static void alu_into(struct emit *e, const struct ir_op *o, unsigned dst, ir_ref b, unsigned op)
{
    if (em_is_const(e, b)) {
        asm_alu_imm(&e->o, o->w, op, dst, em_imm_of(e, b));
        return;
    }
    asm_rr(&e->o, o->w, op * 8 + (o->w == 1 ? 2 : 3), dst, e->place[b].reg);
}

static bool commutes(u8 op)
{
    return op == IR_ADD || op == IR_AND || op == IR_OR || op == IR_XOR;
}

/* A result register for an operation that changes its first operand A in place; A is in it. B must not be. */
static unsigned working_copy(struct emit *e, const struct ir_op *o, ir_ref a, ir_ref b, bool *at_home)
{
    unsigned home = em_home_of_result(e, o->w);
    unsigned ra = em_in_reg(e, a, b && e->place[b].where == IN_TEMP ? BIT(e->place[b].reg) : 0);
    unsigned uses = (a == o->a) + (a == o->b);
    *at_home = home != NO_REG && ra == home && !em_wanted_beside(e, home, a, uses);
    if (*at_home)
        return home;
    bool b_at_home = b && e->place[b].where == IN_GUEST && e->place[b].reg == home;
    if (home != NO_REG && o->w == 4 && !b_at_home && !em_wanted_beside(e, home, 0, 0)) {
        asm_mov(&e->o, home, ra);
        *at_home = true;
        return home;
    }
    if (e->place[a].where == IN_TEMP && e->left[a] == 1 && a != b)
        return ra;
    u32 avoid = BIT(ra) | (b && e->place[b].where == IN_TEMP ? BIT(e->place[b].reg) : 0);
    unsigned to = em_take(e, avoid);
    asm_mov(&e->o, to, ra);
    return to;
}

static void finish(struct emit *e, const struct ir_op *o, unsigned reg, bool at_home)
{
    em_used(e, o->a);
    if (ir_has(o->op, 'b'))
        em_used(e, o->b);
    if (at_home)
        em_result_at_home(e, reg);
    else
        em_own(e, (ir_ref)e->at, reg);
    em_sets_token(e, o);
}

/* Flags alone are wanted: CMP and TEST. */
static void compare(struct emit *e, const struct ir_op *o)
{
    unsigned ra = em_in_reg(e, o->a, 0);
    if (em_is_const(e, o->b)) {
        em_clobber(e);
        if (o->op == IR_SUB) {
            asm_alu_imm(&e->o, o->w, 7, ra, em_imm_of(e, o->b));
        } else {
            asm_rr(&e->o, o->w, o->w == 1 ? 0xF6 : 0xF7, 0, ra);
            asm_imm(&e->o, em_imm_of(e, o->b), o->w);
        }
    } else {
        unsigned rb = em_in_reg(e, o->b, BIT(ra));
        ra = em_in_reg(e, o->a, BIT(rb));
        em_clobber(e);
        asm_rr(&e->o, o->w, o->op == IR_SUB ? (o->w == 1 ? 0x3A : 0x3B) : (o->w == 1 ? 0x84 : 0x85), ra, rb);
    }
    em_used(e, o->a);
    em_used(e, o->b);
    em_sets_token(e, o);
}

void em_alu(struct emit *e, const struct ir_op *o)
{
    if (!o->uses && (o->op == IR_SUB || o->op == IR_AND)) {
        compare(e, o);
        return;
    }
    ir_ref a = o->a, b = o->b;
    unsigned home = em_home_of_result(e, o->w);
    if (commutes(o->op) && home != NO_REG && e->place[b].where == IN_GUEST && e->place[b].reg == home &&
        !em_is_const(e, a)) {
        a = o->b;
        b = o->a;
    }
    if (!em_is_const(e, b))
        em_in_reg(e, b, e->place[a].where == IN_TEMP ? BIT(e->place[a].reg) : 0);
    if (o->op == IR_ADC || o->op == IR_SBB)
        em_want_flags(e, o->f);
    else
        em_clobber(e);
    bool at_home;
    unsigned dst = working_copy(e, o, a, em_is_const(e, b) ? 0 : b, &at_home);
    alu_into(e, o, dst, b, group1[o->op]);
    if (o->op == IR_ADC || o->op == IR_SBB)
        em_flag_used(e, o->f);
    finish(e, o, dst, at_home);
}

void em_unary(struct emit *e, const struct ir_op *o)
{
    bool at_home, keeps = o->op == IR_NOT;
    bool steps = o->op == IR_INC || o->op == IR_DEC;
    em_in_reg(e, o->a, 0);
    u8 lacks = steps && o->set ? em_hand_on(e, o, FLAGS_CF) : 0;
    if (!keeps && !(steps && o->set))
        em_clobber(e);
    unsigned dst = working_copy(e, o, o->a, 0, &at_home);
    unsigned opcode = steps ? 0xFE : 0xF6, ext = o->op == IR_NOT ? 2 : o->op == IR_NEG ? 3 : o->op == IR_DEC;
    asm_rr(&e->o, o->w, opcode | (o->w != 1), ext, dst);
    if (steps && o->set)
        em_flag_used(e, o->f);
    ir_ref ef = e->ef;
    u8 kept = e->ef_lacks;
    finish(e, o, dst, at_home);
    if (keeps)
        e->ef = ef;
    e->ef_lacks = keeps ? kept : lacks;
}

static const u8 group2[IR_COUNT] = {[IR_ROL] = 0, [IR_ROR] = 1, [IR_SHL] = 4, [IR_SHR] = 5, [IR_SAR] = 7};

/* The count in CL, if it is not known. RCX stays reserved. */
static void load_count(struct emit *e, ir_ref n)
{
    if (!(e->place[n].where == IN_TEMP && e->place[n].reg == RCX)) {
        em_take_this(e, RCX, 0);
        e->reserved |= BIT(RCX);
        asm_mov(&e->o, RCX, em_in_reg(e, n, BIT(RCX)));
    }
    e->reserved |= BIT(RCX);
}

/* SHLD and SHRD: two registers and a count. */
void em_shift_double(struct emit *e, const struct ir_op *o)
{
    bool at_home, by_cl = !em_is_const(e, o->c);
    if (by_cl)
        load_count(e, o->c);
    em_in_reg(e, o->b, 0);
    em_in_reg(e, o->a, e->place[o->b].where == IN_TEMP ? BIT(e->place[o->b].reg) : 0);
    if (o->set && o->f)
        em_want_all_flags(e, o->f);
    else
        em_clobber(e);
    unsigned dst = working_copy(e, o, o->a, o->b, &at_home);
    if (by_cl && o->set)
        asm_rm(&e->o, 4, 0x89, RCX, em_slot_mem(COUNT_SLOT));
    asm_rr(&e->o, 4, (o->op == IR_SHLD ? 0x0FA4 : 0x0FAC) + by_cl, e->place[o->b].reg, dst);
    if (!by_cl)
        asm_imm(&e->o, em_imm_of(e, o->c) & 31, 1);
    if (o->set && o->f)
        em_flag_used(e, o->f);
    e->reserved &= ~(by_cl ? BIT(RCX) : 0);
    em_used(e, o->c);
    finish(e, o, dst, at_home);
}

void em_bit(struct emit *e, const struct ir_op *o)
{
    bool at_home = false, known = em_is_const(e, o->b);
    unsigned kind = o->op == IR_BT ? 0 : o->op == IR_BTS ? 1 : o->op == IR_BTR ? 2 : 3;
    if (!known)
        em_in_reg(e, o->b, 0);
    em_in_reg(e, o->a, !known && e->place[o->b].where == IN_TEMP ? BIT(e->place[o->b].reg) : 0);
    if (o->set)
        em_want_all_flags(e, o->f);
    else
        em_clobber(e);
    unsigned dst = kind ? working_copy(e, o, o->a, known ? 0 : o->b, &at_home) : e->place[o->a].reg;
    if (known) {
        asm_rr(&e->o, o->w, 0x0FBA, 4 + kind, dst);
        asm_imm(&e->o, em_imm_of(e, o->b), 1);
    } else {
        asm_rr(&e->o, o->w, 0x0FA3 + kind * 8, e->place[o->b].reg, dst);
    }
    if (o->set)
        em_flag_used(e, o->f);
    if (kind) {
        finish(e, o, dst, at_home);
        return;
    }
    em_used(e, o->a);
    em_used(e, o->b);
    em_sets_token(e, o);
}

void em_shift(struct emit *e, const struct ir_op *o)
{
    bool at_home, by_cl = !em_is_const(e, o->b);
    em_in_reg(e, o->a, by_cl ? BIT(RCX) : 0);
    if (by_cl && !(e->place[o->b].where == IN_TEMP && e->place[o->b].reg == RCX)) {
        em_take_this(e, RCX, 0);
        e->reserved |= BIT(RCX);
        asm_mov(&e->o, RCX, em_in_reg(e, o->b, BIT(RCX)));
    }
    if (by_cl && e->place[o->a].where == IN_TEMP && e->place[o->a].reg == RCX)
        e->failed = true;
    u8 lacks = 0;
    if (o->set && o->f)
        lacks = em_hand_on(e, o, FLAGS_REST);
    else
        em_clobber(e);
    u32 was = e->reserved;
    e->reserved |= by_cl ? BIT(RCX) : 0;
    unsigned dst = working_copy(e, o, o->a, 0, &at_home);
    e->reserved = was;
    if (by_cl) {
        if (em_is_shift(o->op) && o->set)
            asm_rm(&e->o, 4, 0x89, RCX, em_slot_mem(COUNT_SLOT));
        asm_rr(&e->o, o->w, o->w == 1 ? 0xD2 : 0xD3, group2[o->op], dst);
    } else {
        asm_rr(&e->o, o->w, o->w == 1 ? 0xC0 : 0xC1, group2[o->op], dst);
        asm_imm(&e->o, em_imm_of(e, o->b) & 31, 1);
    }
    if (o->set && o->f)
        em_flag_used(e, o->f);
    e->reserved &= ~BIT(RCX);
    finish(e, o, dst, at_home);
    e->ef_lacks = lacks;
}

/* The flags of a product: CF and OF from the host, the others from the low half in REG. */
static void product_flags(struct emit *e, const struct ir_op *o, unsigned reg)
{
    asm_rr8(&e->o, 4, 0x0F90, 0, RAX); /* SETO AL */
    asm_rr(&e->o, o->w, o->w == 1 ? 0x84 : 0x85, reg, reg);
    asm_byte(&e->o, 0x9F); /* LAHF */
    asm_byte(&e->o, 0x08); /* OR AH, AL: CF */
    asm_byte(&e->o, 0xC4);
    asm_rm(&e->o, 2, 0x89, RAX, em_hflags_mem());
    e->home = (ir_ref)e->at;
}

/* By way of RAX and RDX. HIGH follows at once where the upper half is wanted. */
void em_multiply(struct emit *e, const struct ir_op *o)
{
    const struct ir_op *next = &e->b->op[e->at + 1];
    bool high = next->op == IR_HIGH && next->a == e->at, wide = o->w != 1 && (high || o->op == IR_MUL);
    em_clobber(e);
    if (wide)
        em_take_this(e, RDX, 0);
    u32 was = e->reserved;
    e->reserved |= wide ? BIT(RDX) : 0;
    unsigned rb = em_in_reg(e, o->b, 0), ra = em_in_reg(e, o->a, BIT(rb));
    rb = em_in_reg(e, o->b, BIT(ra));
    e->reserved = was;
    if (o->w != 1 && !wide) {
        asm_mov(&e->o, RAX, ra);
        asm_rr(&e->o, o->w, 0x0FAF, RAX, rb);
    } else {
        asm_mov(&e->o, RAX, ra);
        asm_rr(&e->o, o->w, o->w == 1 ? 0xF6 : 0xF7, o->op == IR_IMUL ? 5 : 4, rb);
    }
    em_used(e, o->a);
    em_used(e, o->b);
    unsigned to = em_take(e, high ? BIT(RDX) : 0);
    asm_mov(&e->o, to, RAX);
    em_own(e, (ir_ref)e->at, to);
    if (high) {
        em_own(e, (ir_ref)(e->at + 1), RDX);
        em_used(e, (ir_ref)e->at);
    }
    if (o->set)
        product_flags(e, o, to);
}

/* Quotients that do not fit are left to the handler, and so are dividends that IDIV of the host would have to be
 * careful with. */
void em_divide(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    em_take_this(e, RDX, 0);
    u32 was = e->reserved;
    e->reserved |= BIT(RDX);
    unsigned low = em_in_reg(e, o->a, 0), high = em_in_reg(e, o->b, BIT(low)),
             by = em_in_reg(e, o->c, BIT(low) | BIT(high));
    low = em_in_reg(e, o->a, BIT(high) | BIT(by));
    struct x64_site *s = em_site(e, 0, false);
    if (o->op == IR_DIV) {
        asm_rr(&e->o, o->w, 0x3B, high, by);
        em_go_cold(e, asm_jcc(&e->o, CC_AE), NULL, low, s);
    } else {
        asm_mov(&e->o, RAX, low);
        asm_rr(&e->o, o->w, 0xC1, 7, RAX); /* SAR: the sign */
        asm_imm(&e->o, o->w * 8 - 1, 1);
        asm_rr(&e->o, o->w, 0x3B, RAX, high);
        em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, low, s);
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(by, 1));
        asm_alu_imm(&e->o, o->w, 7, RAX, 1); /* 0 and -1 */
        em_go_cold(e, asm_jcc(&e->o, CC_BE), NULL, low, s);
    }
    asm_mov(&e->o, RDX, high);
    asm_mov(&e->o, RAX, low);
    asm_rr(&e->o, o->w, 0xF7, o->op == IR_DIV ? 6 : 7, by);
    em_used(e, o->a);
    em_used(e, o->b);
    em_used(e, o->c);
    unsigned to = em_take(e, 0);
    e->reserved = was;
    asm_mov(&e->o, to, RAX);
    em_own(e, (ir_ref)e->at, to);
    em_own(e, (ir_ref)(e->at + 1), RDX); /* REST follows */
    em_used(e, (ir_ref)e->at);
}

void em_extend(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned r = em_in_reg(e, o->a, 0), to = em_fresh(e, &at_home, BIT(r));
    unsigned opcode = (o->op == IR_ZEXT ? 0x0FB6 : 0x0FBE) + (o->w == 2);
    if (o->w == 1)
        asm_rr8(&e->o, 4, opcode, to, r);
    else
        asm_rr(&e->o, 4, opcode, to, r);
    em_used(e, o->a);
    em_made(e, to, at_home);
}

void em_swap_bytes(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned r = em_in_reg(e, o->a, 0), to = em_fresh(e, &at_home, BIT(r));
    asm_mov(&e->o, to, r);
    if (to >> 3)
        asm_byte(&e->o, 0x41);
    asm_byte(&e->o, 0x0F);
    asm_byte(&e->o, 0xC8 | (to & 7));
    em_used(e, o->a);
    em_made(e, to, at_home);
}

/* In place too: LEA reads its operands before it writes. */
void em_lea(struct emit *e, const struct ir_op *o)
{
    unsigned base = o->a ? em_in_reg(e, o->a, 0) : NO_REG;
    unsigned index = o->b ? em_in_reg(e, o->b, base == NO_REG ? 0 : BIT(base)) : NO_REG;
    u32 avoid = (base == NO_REG ? 0 : BIT(base)) | (index == NO_REG ? 0 : BIT(index));
    const struct ir_op *p = em_put_behind(e);
    unsigned home = p && p->w == 4 ? x64_guest[p->aux / 8] : NO_REG;
    ir_ref there = home == NO_REG ? 0 : home == base ? o->a : home == index ? o->b : 0;
    bool at_home = home != NO_REG && !em_wanted_beside(e, home, there, 1 + (o->a == o->b));
    unsigned to = at_home ? home : em_take(e, avoid);
    if (base == NO_REG) { /* index alone: a base of 0 */
        asm_mov_imm(&e->o, RAX, 0);
        base = RAX;
    }
    asm_rm(&e->o, 4, 0x8D, to, mem_sum(base, index, o->aux, (s32)o->imm));
    if (o->a)
        em_used(e, o->a);
    if (o->b)
        em_used(e, o->b);
    em_made(e, to, at_home);
}

void em_set_if(struct emit *e, const struct ir_op *o)
{
    em_want_condition(e, o->f, o->cc);
    unsigned t = em_take(e, 0);
    asm_rr8(&e->o, 4, 0x0F90 | o->cc, 0, t);
    em_flag_used(e, o->f);
    em_own(e, (ir_ref)e->at, t);
}

void em_choose(struct emit *e, const struct ir_op *o)
{
    unsigned ra = em_in_reg(e, o->a, 0), rb = em_in_reg(e, o->b, BIT(ra));
    ra = em_in_reg(e, o->a, BIT(rb));
    em_want_condition(e, o->f, o->cc);
    unsigned t = em_take(e, BIT(ra) | BIT(rb));
    asm_mov(&e->o, t, rb);
    asm_rr(&e->o, 4, 0x0F40 | o->cc, t, ra);
    em_flag_used(e, o->f);
    em_used(e, o->a);
    em_used(e, o->b);
    em_own(e, (ir_ref)e->at, t);
}
