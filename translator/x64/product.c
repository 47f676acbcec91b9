/*
 * product.c - products and quotients, by way of RAX and RDX.
 */
#include "translator/x64/work.h"

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

/* The low half alone. */
static void multiply_low(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned dst;
    ir_ref a = o->a, b = o->b;
    em_clobber(e);
    if (em_is_const(e, b)) {
        unsigned ra = em_in_reg(e, a, 0), home = em_home_of_result(e, o->w);
        at_home = home != NO_REG && !em_wanted_beside(e, home, a, 1);
        dst = at_home ? home : em_take(e, BIT(ra));
        asm_rr(&e->o, o->w, 0x69, dst, ra);
        asm_imm(&e->o, em_imm_of(e, b), o->w);
    } else {
        unsigned home = em_home_of_result(e, o->w);
        if (home != NO_REG && e->place[b].where == IN_GUEST && e->place[b].reg == home) {
            a = o->b;
            b = o->a;
        }
        em_in_reg(e, b, em_scratch_of(e, a));
        dst = em_working_copy(e, o, a, b, &at_home);
        asm_rr(&e->o, o->w, 0x0FAF, dst, e->place[b].reg);
    }
    em_used(e, o->a);
    em_used(e, o->b);
    em_made(e, dst, at_home);
    if (o->set & ~(IR_CF | IR_OF))
        product_flags(e, o, dst);
    else
        em_sets_token(e, o);
}

/* By way of RAX and RDX. HIGH follows at once where the upper half is wanted. */
void em_multiply(struct emit *e, const struct ir_op *o)
{
    const struct ir_op *next = &e->b->op[e->at + 1];
    bool high = next->op == IR_HIGH && next->a == e->at, wide = o->w != 1;
    if (wide && !high && !(o->op == IR_MUL && o->set)) {
        multiply_low(e, o);
        return;
    }
    em_clobber(e);
    if (wide)
        em_take_this(e, RDX, 0);
    u32 was = e->reserved;
    e->reserved |= wide ? BIT(RDX) : 0;
    unsigned rb = em_in_reg(e, o->b, 0), ra = em_in_reg(e, o->a, BIT(rb));
    rb = em_in_reg(e, o->b, BIT(ra));
    e->reserved = was;
    asm_mov(&e->o, RAX, ra);
    asm_rr(&e->o, o->w, o->w == 1 ? 0xF6 : 0xF7, o->op == IR_IMUL ? 5 : 4, rb);
    em_used(e, o->a);
    em_used(e, o->b);
    bool at_home;
    unsigned to = em_fresh(e, &at_home, high ? BIT(RDX) : 0);
    asm_mov(&e->o, to, RAX);
    em_made(e, to, at_home);
    if (high) {
        em_own(e, (ir_ref)(e->at + 1), RDX);
        em_used(e, (ir_ref)e->at);
    }
    if (o->set)
        product_flags(e, o, to);
}

/* With 32 bits, of which the quotient has to be as wide as a byte. */
static void divide_bytes(struct emit *e, const struct ir_op *o, unsigned low, unsigned high, unsigned by, struct x64_site *s)
{
    bool is_signed = o->op == IR_IDIV;
    unsigned widen = is_signed ? 0x0FBE : 0x0FB6, t = em_take(e, BIT(low) | BIT(high) | BIT(by));
    asm_rr8(&e->o, 4, 0x0FB6, RAX, high);
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL */
    asm_imm(&e->o, 8, 1);
    asm_rr(&e->o, 1, 0x8A, RAX, low);
    if (is_signed)
        asm_rr(&e->o, 4, 0x0FBF, RAX, RAX);
    asm_rr8(&e->o, 4, widen, t, by);
    asm_rr(&e->o, 4, 0x85, t, t);
    em_go_cold(e, asm_jcc(&e->o, CC_E), NULL, t, s);
    if (is_signed)
        asm_byte(&e->o, 0x99); /* CDQ */
    else
        asm_rr(&e->o, 4, 0x33, RDX, RDX);
    asm_rr(&e->o, 4, 0xF7, is_signed ? 7 : 6, t);
    asm_rr8(&e->o, 4, widen, t, RAX);
    asm_rr(&e->o, 4, 0x3B, t, RAX);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, t, s);
}

/* Quotients that do not fit are left to the handler, and so are dividends that IDIV of the host would have to be
 * careful with. */
static void divide_words(struct emit *e, const struct ir_op *o, unsigned low, unsigned high, unsigned by, struct x64_site *s)
{
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
}

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
    if (o->w == 1)
        divide_bytes(e, o, low, high, by, s);
    else
        divide_words(e, o, low, high, by, s);
    em_used(e, o->a);
    em_used(e, o->b);
    em_used(e, o->c);
    bool at_home;
    unsigned to = em_fresh(e, &at_home, 0);
    e->reserved = was;
    asm_mov(&e->o, to, RAX);
    em_made(e, to, at_home);
    em_own(e, (ir_ref)(e->at + 1), RDX); /* REST follows */
    em_used(e, (ir_ref)e->at);
}
