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

/* Processors leave different things in AF behind a shift; it is given 0. By CL, in hflags: unless the count is 0. */
static void clear_af(struct emit *e)
{
    struct mem ah = em_hflags_mem();
    ah.disp++;
    asm_rm(&e->o, 4, 0x8B, RAX, em_slot_mem(COUNT_SLOT));
    asm_alu_imm(&e->o, 4, 4, RAX, 31);
    asm_rr(&e->o, 4, 0xF7, 3, RAX);   /* NEG */
    asm_rr(&e->o, 4, 0x1B, RAX, RAX); /* SBB: all ones unless it was 0 */
    asm_alu_imm(&e->o, 4, 4, RAX, 0x10);
    asm_rr(&e->o, 4, 0xF7, 2, RAX); /* NOT */
    asm_rm(&e->o, 1, 0x20, RAX, ah);
}

/* What EFLAGS lack is made again: who said that they lack it has kept what that takes. */
static void complete(struct emit *e)
{
    if (!e->ef_lacks)
        return;
    if (em_can_remake(e, e->ef)) {
        em_want_flags(e, e->ef);
    } else {
        e->failed = true;
        e->ef_lacks = 0;
    }
}

/* EFLAGS hold E->ef. They stay, except behind shifts. */
void em_save_flags(struct emit *e)
{
    const struct ir_op *of = &e->b->op[e->ef];
    complete(e);
    asm_byte(&e->o, 0x9F);             /* LAHF */
    asm_rr8(&e->o, 4, 0x0F90, 0, RAX); /* SETO AL */
    bool shift = em_is_shift(of->op), by_cl = shift && !em_is_const(e, shift_count(of));
    if (shift && !by_cl) {
        asm_byte(&e->o, 0x80); /* AND AH */
        asm_byte(&e->o, 0xE4);
        asm_byte(&e->o, (u8)~IR_AF);
    }
    asm_rm(&e->o, 2, 0x89, RAX, em_hflags_mem());
    if (by_cl)
        clear_af(e);
    e->home = e->ef;
    e->ef = shift ? 0 : e->ef;
}

bool em_token_wanted(const struct emit *e, ir_ref t)
{
    return e->fleft[t] || (t == e->cur && e->cur_seen >= e->at);
}

/* Whoever changes EFLAGS says so before. */
void em_clobber(struct emit *e)
{
    if (e->ef && e->home != e->ef && !em_can_remake(e, e->ef) && em_token_wanted(e, e->ef))
        em_save_flags(e);
    e->ef = e->ef_lacks = 0;
}

void em_flags_from_home(struct emit *e)
{
    asm_rm(&e->o, 4, 0x0FB7, RAX, em_hflags_mem());
    asm_byte(&e->o, 0x04); /* ADD AL, 7Fh: OF */
    asm_byte(&e->o, 0x7F);
    asm_byte(&e->o, 0x9E); /* SAHF */
}

/* Token T in EFLAGS. */
void em_want_flags(struct emit *e, ir_ref t)
{
    if (e->ef == t && !e->ef_lacks)
        return;
    em_clobber(e);
    if (e->home == t) {
        em_flags_from_home(e);
    } else {
        struct remake_plan p = em_remake_plan(e, t);
        em_remake_do(e, &p);
    }
    e->ef = t;
}

/* CF of T in EFLAGS; the others are anything, unless T was there before. */
void em_want_carry(struct emit *e, ir_ref t)
{
    if (e->ef == t && !(e->ef_lacks & FLAGS_CF))
        return;
    em_clobber(e);
    if (e->home != t) {
        em_want_flags(e, t);
        return;
    }
    asm_rm(&e->o, 2, 0x0FBA, 4, em_hflags_mem()); /* BT */
    asm_imm(&e->o, 8, 1);
}

static u8 by_maker(u8 flags)
{
    return (flags & IR_CF ? FLAGS_CF : 0) | (flags & IR_OF ? FLAGS_OF : 0) | (flags & ~(IR_CF | IR_OF) ? FLAGS_REST : 0);
}

/* The condition of the host that is condition CC for T now. */
unsigned em_want_condition(struct emit *e, ir_ref t, unsigned cc)
{
    u8 flags = ir_condition(cc);
    if (e->ef == t && !(e->ef_lacks & by_maker(flags)))
        return cc;
    em_clobber(e);
    if (flags == IR_CF) {
        em_want_carry(e, t);
        return cc;
    }
    if (e->home != t || ((flags & IR_OF) && flags != IR_OF)) {
        em_want_flags(e, t);
        return cc;
    }
    struct mem byte = em_hflags_mem();
    byte.disp += flags != IR_OF;
    asm_rm(&e->o, 1, 0xF6, 0, byte); /* TEST */
    asm_imm(&e->o, flags == IR_OF ? 1 : flags, 1);
    return cc & 1 ? CC_E : CC_NE;
}

/* The same where flags are handed on: AF too. */
void em_want_all_flags(struct emit *e, ir_ref t)
{
    if (em_is_shift(e->b->op[t].op))
        em_home_token(e, t);
    em_want_flags(e, t);
}

/*
 * The operation in hand takes flags MASK from its token: in EFLAGS, unless it can be made again. Returns what EFLAGS will lack behind
 * it.
 */
u8 em_hand_on(struct emit *e, const struct ir_op *o, unsigned mask)
{
    if (!e->remaking) {
        if (mask & FLAGS_REST)
            em_want_all_flags(e, o->f);
        else
            em_want_carry(e, o->f);
        return 0;
    }
    if (e->ef == o->f)
        return e->ef_lacks & mask;
    em_clobber(e);
    return (u8)mask;
}

void em_flag_used(struct emit *e, ir_ref t)
{
    if (t)
        e->fleft[t]--;
}

/* The guest's flags are where C code finds them. EFLAGS stay. */
void em_flags_home(struct emit *e)
{
    em_home_token(e, e->cur);
}

/* The same by a plan that was made at another place of the block, if it has steps. */
void em_flags_home_by(struct emit *e, const struct remake_plan *p)
{
    if (!p->steps) {
        em_flags_home(e);
        return;
    }
    em_remake_do(e, p);
    e->ef = p->step[0].t;
    e->ef_lacks = 0;
    em_save_flags(e);
}

void em_home_token(struct emit *e, ir_ref t)
{
    if (t == e->home)
        return;
    em_want_flags(e, t);
    em_save_flags(e);
}

void em_sets_token(struct emit *e, const struct ir_op *o)
{
    e->ef = o->set ? (ir_ref)e->at : 0;
    e->ef_lacks = 0;
}
