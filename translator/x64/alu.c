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
    if (e->place[b].where == IN_HIGH) {
        asm_byte(&e->o, op * 8 + 2); /* OP BL, BH */
        asm_byte(&e->o, 0xC0 | RBX << 3 | 7);
        return;
    }
    asm_rr(&e->o, o->w, op * 8 + (o->w == 1 ? 2 : 3), dst, e->place[b].reg);
}

static bool commutes(u8 op)
{
    return op == IR_ADD || op == IR_AND || op == IR_OR || op == IR_XOR;
}

/* A result register for an operation that changes its first operand A in place; A is in it. B must not be. */
unsigned em_working_copy(struct emit *e, const struct ir_op *o, ir_ref a, ir_ref b, bool *at_home)
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

void em_finish(struct emit *e, const struct ir_op *o, unsigned reg, bool at_home)
{
    em_used(e, o->a);
    if (ir_has(o->op, IR_B))
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

static void carry_in(struct emit *e, const struct ir_op *o)
{
    if (o->op == IR_ADC || o->op == IR_SBB)
        em_want_carry(e, o->f);
    else
        em_clobber(e);
}

static void alu_in_memory(struct emit *e, const struct ir_op *o)
{
    unsigned op = group1[o->op];
    if (!em_is_const(e, o->b))
        em_in_reg(e, o->b, 0);
    carry_in(e, o);
    struct mem m = em_in_memory(e, o);
    if (em_is_const(e, o->b))
        asm_alu_mem_imm(&e->o, o->w, op, m, em_imm_of(e, o->b));
    else
        asm_rm(&e->o, o->w, op * 8 + (o->w != 1), e->place[o->b].reg, m);
    em_flag_used(e, o->f);
    em_used(e, o->b);
    em_stored_back(e, o);
    em_sets_token(e, o);
}

/* AH with something, and back to AH. */
static void alu_on_high(struct emit *e, const struct ir_op *o)
{
    unsigned op = group1[o->op];
    carry_in(e, o);
    em_overwrite(e, RBX, e->left[o->b] == 1 ? o->b : 0);
    if (em_is_const(e, o->b)) {
        asm_byte(&e->o, 0x80);
        asm_byte(&e->o, 0xC0 | op << 3 | 7);
        asm_imm(&e->o, em_imm_of(e, o->b), 1);
    } else {
        unsigned r = em_in_reg(e, o->b, 0);
        if (r > RBX) { /* a prefix makes BH another register */
            asm_mov(&e->o, RAX, r);
            r = RAX;
        }
        asm_byte(&e->o, op * 8 + 2);
        asm_byte(&e->o, 0xC0 | 7 << 3 | r);
    }
    em_flag_used(e, o->f);
    em_used(e, o->a);
    em_used(e, o->b);
    e->done[em_put_behind(e) - e->b->op] = true;
    em_used(e, (ir_ref)e->at);
    em_sets_token(e, o);
}

void em_alu(struct emit *e, const struct ir_op *o)
{
    if (e->place[o->a].where == IN_HIGH) {
        alu_on_high(e, o);
        return;
    }
    if (e->place[o->a].where == IN_MEMORY) {
        alu_in_memory(e, o);
        return;
    }
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
    bool high = e->place[b].where == IN_HIGH && e->place[a].where == IN_GUEST && !em_wanted_beside(e, RBX, a, 1);
    if (!em_is_const(e, b) && !high)
        em_in_reg(e, b, e->place[a].where == IN_TEMP ? BIT(e->place[a].reg) : 0);
    carry_in(e, o);
    bool at_home;
    unsigned dst = em_working_copy(e, o, a, em_is_const(e, b) ? 0 : b, &at_home);
    alu_into(e, o, dst, b, group1[o->op]);
    em_flag_used(e, o->f);
    em_finish(e, o, dst, at_home);
}

void em_unary(struct emit *e, const struct ir_op *o)
{
    bool at_home = false, keeps = o->op == IR_NOT, in_memory = e->place[o->a].where == IN_MEMORY;
    bool steps = o->op == IR_INC || o->op == IR_DEC;
    bool handed = steps && o->f;
    if (!in_memory)
        em_in_reg(e, o->a, 0);
    u8 lacks = handed ? em_hand_on(e, o, FLAGS_CF) : 0;
    if (!keeps && !handed)
        em_clobber(e);
    unsigned opcode = (steps ? 0xFE : 0xF6) | (o->w != 1), ext = o->op == IR_NOT ? 2 : o->op == IR_NEG ? 3 : o->op == IR_DEC;
    unsigned dst = in_memory ? NO_REG : em_working_copy(e, o, o->a, 0, &at_home);
    if (in_memory)
        asm_rm(&e->o, o->w, opcode, ext, em_in_memory(e, o));
    else
        asm_rr(&e->o, o->w, opcode, ext, dst);
    if (steps)
        em_flag_used(e, o->f);
    ir_ref ef = e->ef;
    u8 kept = e->ef_lacks;
    if (in_memory) {
        em_stored_back(e, o);
        em_sets_token(e, o);
    } else {
        em_finish(e, o, dst, at_home);
    }
    if (keeps)
        e->ef = ef;
    e->ef_lacks = keeps ? kept : lacks;
}

void em_extend(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned r = em_in_reg(e, o->a, 0);
    em_used(e, o->a);
    unsigned to = em_fresh(e, &at_home, 0);
    unsigned opcode = (o->op == IR_ZEXT ? 0x0FB6 : 0x0FBE) + (o->w == 2);
    if (o->w == 1)
        asm_rr8(&e->o, 4, opcode, to, r);
    else
        asm_rr(&e->o, 4, opcode, to, r);
    em_made(e, to, at_home);
}

void em_swap_bytes(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned r = em_in_reg(e, o->a, 0);
    em_used(e, o->a);
    unsigned to = em_fresh(e, &at_home, 0);
    asm_mov(&e->o, to, r);
    if (to >> 3)
        asm_byte(&e->o, 0x41);
    asm_byte(&e->o, 0x0F);
    asm_byte(&e->o, 0xC8 | (to & 7));
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
    unsigned cc = em_want_condition(e, o->f, o->cc), home = em_home_of_result(e, 1);
    bool at_home = home != NO_REG && !em_wanted_beside(e, home, 0, 0);
    unsigned to = at_home ? home : em_take(e, 0);
    asm_rr8(&e->o, 4, 0x0F90 | cc, 0, to);
    em_flag_used(e, o->f);
    em_made(e, to, at_home);
}

void em_choose(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    em_in_reg(e, o->a, em_scratch_of(e, o->b));
    em_in_reg(e, o->b, em_scratch_of(e, o->a));
    unsigned cc = em_want_condition(e, o->f, o->cc), to = em_working_copy(e, o, o->b, o->a, &at_home);
    asm_rr(&e->o, o->w, 0x0F40 | cc, to, e->place[o->a].reg);
    em_flag_used(e, o->f);
    em_used(e, o->a);
    em_used(e, o->b);
    em_made(e, to, at_home);
}

/* 64 bits of two guest registers, the high half's first, in a scratch register outside of what is reserved. */
static unsigned pair(struct emit *e, unsigned high, unsigned low)
{
    unsigned t = em_take(e, 0);
    asm_mov(&e->o, t, x64_guest[high]);
    asm_rr(&e->o, 8, 0xC1, 4, t); /* SHL */
    asm_imm(&e->o, 32, 1);
    asm_rr(&e->o, 8, 0x0B, t, x64_guest[low]);
    return t;
}

/* ZF into the flags at home, which the others stay in. */
static void zf_to_home(struct emit *e)
{
    struct mem ah = em_hflags_mem();
    ah.disp++;
    asm_rr8(&e->o, 4, 0x0F90 | CC_E, 0, RAX);
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL */
    asm_imm(&e->o, 6, 1);
    asm_alu_mem_imm(&e->o, 1, 4, ah, (u8)~IR_ZF);
    asm_rm(&e->o, 1, 0x08, RAX, ah); /* OR */
    e->home = (ir_ref)e->at;
}

/* What is there goes to EDX:EAX in either case: where they are equal it is the same. */
void em_compare_exchange_8(struct emit *e, const struct ir_op *o)
{
    if (o->set & ~IR_ZF)
        em_flags_home(e);
    em_may_leave(e);
    em_overwrite(e, x64_guest[R_AX], 0);
    em_overwrite(e, x64_guest[R_DX], 0);
    u32 was = e->reserved;
    unsigned lin = em_in_reg(e, o->a, 0), t = em_probe(e, o, lin, true);
    asm_rr(&e->o, 8, 0x03, t, lin); /* ADD */
    em_used(e, o->a);
    e->reserved |= BIT(t);
    unsigned old = pair(e, R_DX, R_AX);
    e->reserved |= BIT(old);
    unsigned new = pair(e, R_CX, R_BX);
    e->reserved = was;
    asm_rm(&e->o, 8, 0x8B, RAX, mem_at(t, 0));
    asm_rm(&e->o, 4, 0x8B, x64_guest[R_DX], mem_at(t, 4));
    asm_mov(&e->o, x64_guest[R_AX], RAX);
    asm_rr(&e->o, 8, 0x3B, RAX, old);
    asm_rr(&e->o, 8, 0x0F40 | CC_NE, new, RAX);
    asm_rm(&e->o, 8, 0x89, new, mem_at(t, 0));
    if (o->set & ~IR_ZF)
        zf_to_home(e);
    else
        em_sets_token(e, o);
}
