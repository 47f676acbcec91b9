/*
 * flags.c - where the guest's flags are: in EFLAGS, in struct cpu, or both.
 */
#include "translator/x64/work.h"

bool em_is_shift(u8 op)
{
    return op == IR_SHL || op == IR_SHR || op == IR_SAR || op == IR_SHLD || op == IR_SHRD;
}

/* By how much. */
static ir_ref shift_count(const struct ir_op *shift)
{
    return shift->op == IR_SHLD || shift->op == IR_SHRD ? shift->c : shift->b;
}

/* Processors leave different things in AF behind a shift; it is given 0. By CL: unless the count is 0. */
static void clear_af(struct emit *e, const struct ir_op *shift)
{
    struct mem ah = em_hflags_mem();
    ah.disp++;
    if (em_is_const(e, shift_count(shift))) {
        asm_alu_mem_imm(&e->o, 1, 4, ah, 0xEF);
        return;
    }
    asm_rm(&e->o, 4, 0x8B, RAX, em_slot_mem(COUNT_SLOT));
    asm_alu_imm(&e->o, 4, 4, RAX, 31);
    asm_rr(&e->o, 4, 0xF7, 3, RAX);   /* NEG */
    asm_rr(&e->o, 4, 0x1B, RAX, RAX); /* SBB: all ones unless it was 0 */
    asm_alu_imm(&e->o, 4, 4, RAX, 0x10);
    asm_rr(&e->o, 4, 0xF7, 2, RAX); /* NOT */
    asm_rm(&e->o, 1, 0x20, RAX, ah);
}

/* EFLAGS hold E->ef. They stay, except behind shifts. */
void em_save_flags(struct emit *e)
{
    const struct ir_op *of = &e->b->op[e->ef];
    asm_byte(&e->o, 0x9F);             /* LAHF */
    asm_rr8(&e->o, 4, 0x0F90, 0, RAX); /* SETO AL */
    asm_rm(&e->o, 2, 0x89, RAX, em_hflags_mem());
    e->home = e->ef;
    if (em_is_shift(of->op)) {
        clear_af(e, of);
        e->ef = 0;
    }
}

static bool token_wanted(const struct emit *e, ir_ref t)
{
    return e->fleft[t] || (t == e->cur && e->cur_seen >= e->at);
}

/* Whoever changes EFLAGS says so before. */
void em_clobber(struct emit *e)
{
    if (e->ef && e->home != e->ef && token_wanted(e, e->ef))
        em_save_flags(e);
    e->ef = 0;
}

/* Token T in EFLAGS. */
void em_want_flags(struct emit *e, ir_ref t)
{
    if (e->ef == t)
        return;
    em_clobber(e);
    if (e->home != t)
        e->failed = true;
    asm_rm(&e->o, 4, 0x0FB7, RAX, em_hflags_mem());
    asm_byte(&e->o, 0x04); /* ADD AL, 7Fh: OF */
    asm_byte(&e->o, 0x7F);
    asm_byte(&e->o, 0x9E); /* SAHF */
    e->ef = t;
}

/* The same where flags are handed on: AF too. */
void em_want_all_flags(struct emit *e, ir_ref t)
{
    if (e->ef == t && em_is_shift(e->b->op[t].op))
        em_save_flags(e);
    em_want_flags(e, t);
}

/* EFLAGS are about to hold what they can be told from in struct cpu, where they stay. */
static void look_at_home(struct emit *e, ir_ref t)
{
    em_clobber(e);
    if (e->home != t)
        e->failed = true;
}

/* CF of T in EFLAGS; the others are anything, unless T was there before. */
void em_want_carry(struct emit *e, ir_ref t)
{
    if (e->ef == t)
        return;
    look_at_home(e, t);
    asm_rm(&e->o, 2, 0x0FBA, 4, em_hflags_mem()); /* BT */
    asm_imm(&e->o, 8, 1);
}

/* The condition of the host that is condition CC for T. */
unsigned em_want_condition(struct emit *e, ir_ref t, unsigned cc)
{
    u8 flags = ir_condition(cc);
    if (e->ef == t)
        return cc;
    if (flags == IR_CF) {
        em_want_carry(e, t);
        return cc;
    }
    if ((flags & IR_OF) && flags != IR_OF) {
        em_want_flags(e, t);
        return cc;
    }
    look_at_home(e, t);
    struct mem byte = em_hflags_mem();
    byte.disp += flags != IR_OF;
    asm_rm(&e->o, 1, 0xF6, 0, byte); /* TEST */
    asm_imm(&e->o, flags == IR_OF ? 1 : flags, 1);
    return cc & 1 ? CC_E : CC_NE;
}

void em_flag_used(struct emit *e, ir_ref t)
{
    if (t)
        e->fleft[t]--;
}

/* The guest's flags are where C code finds them. EFLAGS stay. */
void em_flags_home(struct emit *e)
{
    if (e->cur == e->home)
        return;
    if (e->ef == e->cur)
        em_save_flags(e);
    else
        e->failed = true;
}

void em_sets_token(struct emit *e, const struct ir_op *o)
{
    e->ef = o->set ? (ir_ref)e->at : 0;
}
