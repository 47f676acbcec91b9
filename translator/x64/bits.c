/*
 * bits.c - shifts, rotations, single bits.
 */
#include "translator/x64/work.h"

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
    unsigned dst = em_working_copy(e, o, o->a, o->b, &at_home);
    if (by_cl && o->set)
        asm_rm(&e->o, 4, 0x89, RCX, em_slot_mem(COUNT_SLOT));
    asm_rr(&e->o, 4, (o->op == IR_SHLD ? 0x0FA4 : 0x0FAC) + by_cl, e->place[o->b].reg, dst);
    if (!by_cl)
        asm_imm(&e->o, em_imm_of(e, o->c) & 31, 1);
    em_flag_used(e, o->f);
    e->reserved &= ~(by_cl ? BIT(RCX) : 0);
    em_used(e, o->c);
    em_finish(e, o, dst, at_home);
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
    unsigned dst = kind ? em_working_copy(e, o, o->a, known ? 0 : o->b, &at_home) : e->place[o->a].reg;
    if (known) {
        asm_rr(&e->o, o->w, 0x0FBA, 4 + kind, dst);
        asm_imm(&e->o, em_imm_of(e, o->b), 1);
    } else {
        asm_rr(&e->o, o->w, 0x0FA3 + kind * 8, e->place[o->b].reg, dst);
    }
    em_flag_used(e, o->f);
    if (kind) {
        em_finish(e, o, dst, at_home);
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
    unsigned dst = em_working_copy(e, o, o->b, 0, &at_home);
    asm_rr(&e->o, o->w, 0x0F40 | CC_NE, dst, RAX);
    if (o->set & ~IR_ZF) {
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(RAX, 0x100));
        asm_rr(&e->o, o->w, 0x85, RAX, RAX);
    }
    em_used(e, o->b);
    em_made(e, dst, at_home);
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
    unsigned dst = em_working_copy(e, o, o->a, 0, &at_home);
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
    em_finish(e, o, dst, at_home);
    e->ef_lacks = lacks;
}
