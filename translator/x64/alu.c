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
    unsigned dst = working_copy(e, o, a, em_is_const(e, b) ? 0 : b, &at_home);
    alu_into(e, o, dst, b, group1[o->op]);
    em_flag_used(e, o->f);
    finish(e, o, dst, at_home);
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
    unsigned dst = in_memory ? NO_REG : working_copy(e, o, o->a, 0, &at_home);
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
        finish(e, o, dst, at_home);
    }
    if (keeps)
        e->ef = ef;
    e->ef_lacks = keeps ? kept : lacks;
}

static const u8 group2[IR_COUNT] = {
    [IR_ROL] = 0, [IR_ROR] = 1, [IR_RCL] = 2, [IR_RCR] = 3, [IR_SHL] = 4, [IR_SHR] = 5, [IR_SAR] = 7};

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
    if (o->f)
        em_want_all_flags(e, o->f);
    else
        em_clobber(e);
    unsigned dst = working_copy(e, o, o->a, o->b, &at_home);
    if (by_cl && o->set)
        asm_rm(&e->o, 4, 0x89, RCX, em_slot_mem(COUNT_SLOT));
    asm_rr(&e->o, 4, (o->op == IR_SHLD ? 0x0FA4 : 0x0FAC) + by_cl, e->place[o->b].reg, dst);
    if (!by_cl)
        asm_imm(&e->o, em_imm_of(e, o->c) & 31, 1);
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
    if (o->f)
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
    em_flag_used(e, o->f);
    if (kind) {
        finish(e, o, dst, at_home);
        return;
    }
    em_used(e, o->a);
    em_used(e, o->b);
    em_sets_token(e, o);
}

/*
 * BSF and BSR. Of the flags but ZF, which processors leave in different states, PF is that of the number and the others are 0:
 * RAX, of which a source of 0 leaves what is there, becomes 0 then and else has another bit set beside the number.
 */
void em_scan(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    em_in_reg(e, o->a, em_scratch_of(e, o->b));
    em_in_reg(e, o->b, em_scratch_of(e, o->a));
    em_clobber(e);
    asm_mov_imm(&e->o, RAX, (u32)-0x100);
    asm_rr(&e->o, o->w, o->op == IR_BSF ? 0x0FBC : 0x0FBD, RAX, e->place[o->a].reg);
    em_used(e, o->a);
    unsigned dst = working_copy(e, o, o->b, 0, &at_home);
    asm_rr(&e->o, o->w, 0x0F40 | CC_NE, dst, RAX);
    if (o->set & ~IR_ZF) {
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(RAX, 0x100));
        asm_rr(&e->o, o->w, 0x85, RAX, RAX);
    }
    em_used(e, o->b);
    em_made(e, dst, at_home);
    em_sets_token(e, o);
}

/* In memory, if the flags are there alone. */
void em_carry(struct emit *e, const struct ir_op *o)
{
    static const u8 opcodes[] = {0xF8, 0xF9, 0xF5}, alu[] = {4, 1, 6};
    if (o->f && e->ef != o->f && e->home == o->f) {
        struct mem ah = em_hflags_mem();
        ah.disp++;
        em_clobber(e);
        e->failed |= e->home != o->f;
        asm_alu_mem_imm(&e->o, 1, alu[o->aux], ah, o->aux ? IR_CF : (u8)~IR_CF);
        em_flag_used(e, o->f);
        e->home = (ir_ref)e->at;
        return;
    }
    if (o->f)
        em_want_all_flags(e, o->f);
    else
        em_clobber(e);
    asm_byte(&e->o, opcodes[o->aux]);
    em_flag_used(e, o->f);
    em_sets_token(e, o);
}

void em_low_flags(struct emit *e, const struct ir_op *o)
{
    em_want_all_flags(e, o->f);
    asm_byte(&e->o, 0x9F); /* LAHF */
    unsigned t = em_take(e, 0);
    asm_byte(&e->o, 0x0F); /* MOVZX t, AH */
    asm_byte(&e->o, 0xB6);
    asm_byte(&e->o, 0xC0 | t << 3 | 4);
    em_flag_used(e, o->f);
    em_own(e, (ir_ref)e->at, t);
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
    bool through_cf = o->op == IR_RCL || o->op == IR_RCR;
    u8 lacks = 0;
    if (through_cf && !(by_cl ? o->set : o->set & ~(IR_CF | IR_OF)))
        em_want_carry(e, o->f);
    else if (o->f)
        lacks = em_hand_on(e, o, by_cl && em_is_shift(o->op) ? FLAGS_CF | FLAGS_OF | FLAGS_REST : FLAGS_REST);
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
        dst = working_copy(e, o, a, b, &at_home);
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
    unsigned cc = em_want_condition(e, o->f, o->cc), to = working_copy(e, o, o->b, o->a, &at_home);
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

static struct mem eflags_mem(void)
{
    return em_cpu_mem(offsetof(struct cpu, eflags));
}

void em_image(struct emit *e, const struct ir_op *o)
{
    struct mem ah = em_hflags_mem();
    ah.disp++;
    em_home_token(e, o->f);
    em_may_leave(e);
    unsigned t = em_take(e, 0);
    asm_rm(&e->o, 4, 0x8B, t, eflags_mem());
    asm_rr(&e->o, 4, 0xF7, 0, t); /* TEST */
    asm_imm(&e->o, F_VM, 4);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, t, em_site(e, 0, false));
    asm_alu_imm(&e->o, 4, 4, t, ~(u32)F_RF);
    asm_rm(&e->o, 4, 0x0FB6, RAX, ah);
    asm_alu_imm(&e->o, 4, 4, RAX, F_ARITH & 0xFF);
    asm_rr(&e->o, 4, 0x0B, t, RAX);
    asm_rm(&e->o, 4, 0x0FB6, RAX, em_hflags_mem());
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL: OF */
    asm_imm(&e->o, 11, 1);
    asm_rr(&e->o, 4, 0x0B, t, RAX);
    em_flag_used(e, o->f);
    em_own(e, (ir_ref)e->at, t);
}

void em_popped(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    unsigned v = em_in_reg(e, o->a, 0);
    u32 system = LIFT_POPF_SYSTEM & (o->w == 2 ? 0xFFFF : 0xFFFFFFFF);
    asm_mov(&e->o, RAX, v);
    asm_alu_imm(&e->o, 4, 4, RAX, system);
    asm_rm(&e->o, 4, 0x33, RAX, eflags_mem()); /* XOR */
    asm_rr(&e->o, 4, 0xF7, 0, RAX);            /* TEST */
    asm_imm(&e->o, system | F_VM | F_RF, 4);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, v, em_site(e, 0, false));
    asm_mov(&e->o, RAX, v);
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL: AL becomes 0 */
    asm_imm(&e->o, 8, 1);
    asm_rr(&e->o, 4, 0x0FBA, 4, v); /* BT: OF */
    asm_imm(&e->o, 11, 1);
    asm_alu_imm(&e->o, 4, 2, RAX, 0); /* ADC */
    asm_rm(&e->o, 2, 0x89, RAX, em_hflags_mem());
    em_used(e, o->a);
    e->home = (ir_ref)e->at;
}
