/*
 * emit.c - the x86-64 backend: one pass over a block, values in the five scratch registers or still in the guest register that
 * they were read from.
 *
 * RAX never holds a value: LAHF and the probes want it. A value that was read from a guest register stays an alias of it until
 * that register is written; arithmetic whose result goes back to a guest register works in place.
 */
#include "translator/x64/emit.h"
#include "translator/x64/state.h"
#include <stddef.h>
#include <stdlib.h>

enum { SLOTS = 23, COUNT_SLOT = SLOTS /* what was in CL at the last shift */, TEMPS = 4 };
static const u8 temps[TEMPS] = {RCX, RDX, RSI, RDI};

enum where { NOWHERE, IN_CONST, IN_TEMP, IN_GUEST, IN_SLOT };

struct place {
    u8 where;
    u8 reg; /* host register, or number of the slot */
};

/* A branch to code behind the block's: an access that the fast path cannot do. */
struct cold {
    u8 *jump;       /* distance field */
    u8 *back;       /* where to try again */
    u8 address;     /* register with the linear address */
    struct x64_site *site;
};

enum { COLD_MAX = 512 };

struct emit {
    struct asm_out o;
    const struct ir_block *b;
    const struct lift_mode *mode;
    const struct x64_thunks *thunks;
    struct x64_room *room;
    struct x64_code *code;
    unsigned at, insn;       /* the operation and the instruction in hand */
    struct place place[IR_MAX_OPS];
    u16 left[IR_MAX_OPS];    /* uses of a value that are still to come */
    u16 fleft[IR_MAX_OPS];   /* of a token */
    u16 seen[IR_MAX_OPS];    /* of a FLAGS operation: the last one that can see its state, 0: none */
    ir_ref owner[16];        /* of a scratch register */
    u32 slots;               /* in use, by bit */
    ir_ref live[64];         /* values that may be aliases of guest registers */
    unsigned nlive;
    ir_ref ef, home, cur;    /* tokens: in EFLAGS, in hflags, the guest's; 0: unknown, but HOME_START */
    unsigned cur_seen;       /* last operation that can see CUR */
    u8 rmw_reg;              /* host address of the read-modify-write in hand */
    u32 reserved;            /* scratch registers that hold no value but must stay, by bit */
    bool done[IR_MAX_OPS];   /* a PUT that the operation before has done */
    struct cold cold[COLD_MAX];
    unsigned ncold;
    bool failed;
};

static bool has(u8 op, char operand)
{
    return strchr(ir_info[op].operands, operand) != NULL;
}

/* ---- scratch registers ---- */

static void release(struct emit *e, ir_ref v)
{
    struct place *p = &e->place[v];
    if (p->where == IN_TEMP)
        e->owner[p->reg] = 0;
    else if (p->where == IN_SLOT)
        e->slots &= ~BIT(p->reg);
    p->where = NOWHERE;
}

static void used(struct emit *e, ir_ref v)
{
    if (v && --e->left[v] == 0)
        release(e, v);
}

static struct mem slot_mem(unsigned slot)
{
    return mem_at(RSP, (s32)slot * 8);
}

static void spill(struct emit *e, unsigned reg)
{
    ir_ref v = e->owner[reg];
    unsigned slot = 0;
    while (slot < SLOTS && (e->slots >> slot & 1))
        slot++;
    if (slot == SLOTS) {
        e->failed = true;
        return;
    }
    e->slots |= BIT(slot);
    asm_rm(&e->o, 4, 0x89, reg, slot_mem(slot));
    e->place[v] = (struct place){IN_SLOT, (u8)slot};
    e->owner[reg] = 0;
}

/* A scratch register outside AVOID (bits), made free if it must be. */
static unsigned take(struct emit *e, u32 avoid)
{
    avoid |= e->reserved;
    for (unsigned i = 0; i < TEMPS; i++) {
        if (!e->owner[temps[i]] && !(avoid >> temps[i] & 1))
            return temps[i];
    }
    for (unsigned i = 0; i < TEMPS; i++) {
        if (!(avoid >> temps[i] & 1)) {
            spill(e, temps[i]);
            return temps[i];
        }
    }
    e->failed = true;
    return RCX;
}

/* This one, free. What it holds moves. */
static void take_this(struct emit *e, unsigned reg, u32 avoid)
{
    ir_ref v = e->owner[reg];
    if (e->reserved >> reg & 1) { /* the address of a read-modify-write */
        unsigned to = take(e, avoid | BIT(reg));
        asm_mov64(&e->o, to, reg);
        e->reserved ^= BIT(reg) | BIT(to);
        e->rmw_reg = (u8)to;
        return;
    }
    if (!v)
        return;
    unsigned to = take(e, avoid | BIT(reg));
    asm_mov(&e->o, to, reg);
    e->owner[reg] = 0;
    e->owner[to] = v;
    e->place[v].reg = (u8)to;
}

static void own(struct emit *e, ir_ref v, unsigned reg)
{
    if (!e->left[v]) {
        e->place[v].where = NOWHERE;
        return;
    }
    e->owner[reg] = v;
    e->place[v] = (struct place){IN_TEMP, (u8)reg};
}

/* V in some register, to be read only. */
static unsigned in_reg(struct emit *e, ir_ref v, u32 avoid)
{
    struct place *p = &e->place[v];
    if (p->where == IN_GUEST || p->where == IN_TEMP)
        return p->reg;
    unsigned reg = take(e, avoid);
    if (p->where == IN_CONST) {
        asm_mov_imm(&e->o, reg, (u32)e->b->op[v].imm);
        e->owner[reg] = v; /* of use for the next one too */
    } else {
        asm_rm(&e->o, 4, 0x8B, reg, slot_mem(p->reg));
        e->slots &= ~BIT(p->reg);
        e->owner[reg] = v;
    }
    *p = (struct place){IN_TEMP, (u8)reg};
    return reg;
}

static bool is_const(const struct emit *e, ir_ref v)
{
    return e->b->op[v].op == IR_CONST;
}

static u32 imm_of(const struct emit *e, ir_ref v)
{
    return (u32)e->b->op[v].imm;
}

/* ---- guest registers ---- */

static void alias(struct emit *e, ir_ref v, unsigned reg)
{
    e->place[v] = (struct place){IN_GUEST, (u8)reg};
    if (e->nlive == ARRAY_LEN(e->live)) {
        unsigned n = 0;
        for (unsigned i = 0; i < e->nlive; i++) {
            if (e->place[e->live[i]].where == IN_GUEST)
                e->live[n++] = e->live[i];
        }
        e->nlive = n;
        if (n == ARRAY_LEN(e->live)) {
            e->failed = true;
            return;
        }
    }
    e->live[e->nlive++] = v;
}

/* Guest register REG is about to be written: values that are its aliases and are still wanted (but EXCEPT) move away. */
static void overwrite(struct emit *e, unsigned reg, ir_ref except)
{
    for (unsigned i = 0; i < e->nlive; i++) {
        ir_ref v = e->live[i];
        struct place *p = &e->place[v];
        if (p->where != IN_GUEST || p->reg != reg || v == except)
            continue;
        unsigned to = take(e, 0);
        asm_mov(&e->o, to, reg);
        own(e, v, to);
    }
}

/* Is an alias of REG wanted after this operation, apart from uses by it of V? */
static bool wanted_beside(const struct emit *e, unsigned reg, ir_ref v, unsigned uses)
{
    for (unsigned i = 0; i < e->nlive; i++) {
        const struct place *p = &e->place[e->live[i]];
        if (p->where == IN_GUEST && p->reg == reg && (e->live[i] != v || e->left[v] > uses))
            return true;
    }
    return false;
}

/* ---- flags ---- */

static struct mem cpu_mem(size_t offset)
{
    return mem_at(RBP, (s32)offset - X64_BIAS);
}

static struct mem hflags_mem(void)
{
    return cpu_mem(offsetof(struct cpu, hflags));
}

static bool is_shift(u8 op)
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
    struct mem ah = hflags_mem();
    ah.disp++;
    if (is_const(e, shift_count(shift))) {
        asm_alu_mem_imm(&e->o, 1, 4, ah, 0xEF);
        return;
    }
    asm_rm(&e->o, 4, 0x8B, RAX, slot_mem(COUNT_SLOT));
    asm_alu_imm(&e->o, 4, 4, RAX, 31);
    asm_rr(&e->o, 4, 0xF7, 3, RAX); /* NEG */
    asm_rr(&e->o, 4, 0x1B, RAX, RAX); /* SBB: all ones unless it was 0 */
    asm_alu_imm(&e->o, 4, 4, RAX, 0x10);
    asm_rr(&e->o, 4, 0xF7, 2, RAX); /* NOT */
    asm_rm(&e->o, 1, 0x20, RAX, ah);
}

/* EFLAGS hold E->ef. They stay, except behind shifts. */
static void save_flags(struct emit *e)
{
    const struct ir_op *of = &e->b->op[e->ef];
    asm_byte(&e->o, 0x9F); /* LAHF */
    asm_rr8(&e->o, 4, 0x0F90, 0, RAX); /* SETO AL */
    asm_rm(&e->o, 2, 0x89, RAX, hflags_mem());
    e->home = e->ef;
    if (is_shift(of->op)) {
        clear_af(e, of);
        e->ef = 0;
    }
}

static bool token_wanted(const struct emit *e, ir_ref t)
{
    return e->fleft[t] || (t == e->cur && e->cur_seen >= e->at);
}

/* Whoever changes EFLAGS says so before. */
static void clobber(struct emit *e)
{
    if (e->ef && e->home != e->ef && token_wanted(e, e->ef))
        save_flags(e);
    e->ef = 0;
}

/* Token T in EFLAGS. */
static void want_flags(struct emit *e, ir_ref t)
{
    if (e->ef == t)
        return;
    clobber(e);
    if (e->home != t)
        e->failed = true;
    asm_rm(&e->o, 4, 0x0FB7, RAX, hflags_mem());
    asm_byte(&e->o, 0x04); /* ADD AL, 7Fh: OF */
    asm_byte(&e->o, 0x7F);
    asm_byte(&e->o, 0x9E); /* SAHF */
    e->ef = t;
}

/* The same where flags are handed on: AF too. */
static void want_all_flags(struct emit *e, ir_ref t)
{
    if (e->ef == t && is_shift(e->b->op[t].op))
        save_flags(e);
    want_flags(e, t);
}

static void flag_used(struct emit *e, ir_ref t)
{
    if (t)
        e->fleft[t]--;
}

/* The guest's flags are where C code finds them. EFLAGS stay. */
static void flags_home(struct emit *e)
{
    if (e->cur == e->home)
        return;
    if (e->ef == e->cur)
        save_flags(e);
    else
        e->failed = true;
}

/* ---- arithmetic ---- */

/* The PUT that takes the result of the operation in hand and nothing else comes between, or NULL. */
static const struct ir_op *put_behind(const struct emit *e)
{
    unsigned i = e->at + 1;
    while (i < e->b->count && e->b->op[i].op == IR_NOP)
        i++;
    const struct ir_op *o = &e->b->op[i];
    return i < e->b->count && o->op == IR_PUT && o->a == e->at ? o : NULL;
}

static unsigned index_of(const struct emit *e, const struct ir_op *o)
{
    return (unsigned)(o - e->b->op);
}

/* Host register of the guest register in which a result of W bytes can be made at once, or NO_REG. */
static unsigned home_of_result(const struct emit *e, unsigned w)
{
    const struct ir_op *put = put_behind(e);
    if (!put || put->w != w || (put->aux & 7))
        return NO_REG;
    return x64_guest[put->aux / 8];
}

/* The result of the operation in hand is in guest register REG, and its PUT done. */
static void result_at_home(struct emit *e, unsigned reg)
{
    ir_ref v = (ir_ref)e->at;
    e->done[index_of(e, put_behind(e))] = true;
    if (--e->left[v])
        alias(e, v, reg);
}

static void sets_token(struct emit *e, const struct ir_op *o)
{
    e->ef = o->set ? (ir_ref)e->at : 0;
}

static const u8 group1[IR_COUNT] = {[IR_ADD] = 0, [IR_OR] = 1, [IR_ADC] = 2, [IR_SBB] = 3, [IR_AND] = 4, [IR_SUB] = 5, [IR_XOR] = 6};

static void alu_into(struct emit *e, const struct ir_op *o, unsigned dst, ir_ref b, unsigned op)
{
    if (is_const(e, b)) {
        asm_alu_imm(&e->o, o->w, op, dst, imm_of(e, b));
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
    unsigned home = home_of_result(e, o->w);
    unsigned ra = in_reg(e, a, b && e->place[b].where == IN_TEMP ? BIT(e->place[b].reg) : 0);
    unsigned uses = (a == o->a) + (a == o->b);
    *at_home = home != NO_REG && ra == home && !wanted_beside(e, home, a, uses);
    if (*at_home)
        return home;
    bool b_at_home = b && e->place[b].where == IN_GUEST && e->place[b].reg == home;
    if (home != NO_REG && o->w == 4 && !b_at_home && !wanted_beside(e, home, 0, 0)) {
        asm_mov(&e->o, home, ra);
        *at_home = true;
        return home;
    }
    if (e->place[a].where == IN_TEMP && e->left[a] == 1 && a != b)
        return ra;
    u32 avoid = BIT(ra) | (b && e->place[b].where == IN_TEMP ? BIT(e->place[b].reg) : 0);
    unsigned to = take(e, avoid);
    asm_mov(&e->o, to, ra);
    return to;
}

static void finish(struct emit *e, const struct ir_op *o, unsigned reg, bool at_home)
{
    used(e, o->a);
    if (has(o->op, 'b'))
        used(e, o->b);
    if (at_home)
        result_at_home(e, reg);
    else
        own(e, (ir_ref)e->at, reg);
    sets_token(e, o);
}

/* Flags alone are wanted: CMP and TEST. */
static void compare(struct emit *e, const struct ir_op *o)
{
    unsigned ra = in_reg(e, o->a, 0);
    if (is_const(e, o->b)) {
        clobber(e);
        if (o->op == IR_SUB) {
            asm_alu_imm(&e->o, o->w, 7, ra, imm_of(e, o->b));
        } else {
            asm_rr(&e->o, o->w, o->w == 1 ? 0xF6 : 0xF7, 0, ra);
            asm_imm(&e->o, imm_of(e, o->b), o->w);
        }
    } else {
        unsigned rb = in_reg(e, o->b, BIT(ra));
        ra = in_reg(e, o->a, BIT(rb));
        clobber(e);
        asm_rr(&e->o, o->w, o->op == IR_SUB ? (o->w == 1 ? 0x3A : 0x3B) : (o->w == 1 ? 0x84 : 0x85), ra, rb);
    }
    used(e, o->a);
    used(e, o->b);
    sets_token(e, o);
}

static void alu(struct emit *e, const struct ir_op *o)
{
    if (!o->uses && (o->op == IR_SUB || o->op == IR_AND)) {
        compare(e, o);
        return;
    }
    ir_ref a = o->a, b = o->b;
    unsigned home = home_of_result(e, o->w);
    if (commutes(o->op) && home != NO_REG && e->place[b].where == IN_GUEST && e->place[b].reg == home && !is_const(e, a)) {
        a = o->b;
        b = o->a;
    }
    if (!is_const(e, b))
        in_reg(e, b, e->place[a].where == IN_TEMP ? BIT(e->place[a].reg) : 0);
    if (o->op == IR_ADC || o->op == IR_SBB)
        want_flags(e, o->f);
    else
        clobber(e);
    bool at_home;
    unsigned dst = working_copy(e, o, a, is_const(e, b) ? 0 : b, &at_home);
    alu_into(e, o, dst, b, group1[o->op]);
    if (o->op == IR_ADC || o->op == IR_SBB)
        flag_used(e, o->f);
    finish(e, o, dst, at_home);
}

static void unary(struct emit *e, const struct ir_op *o)
{
    bool at_home, keeps = o->op == IR_NOT;
    bool steps = o->op == IR_INC || o->op == IR_DEC;
    in_reg(e, o->a, 0);
    if (steps && o->set)
        want_flags(e, o->f);
    else if (!keeps)
        clobber(e);
    unsigned dst = working_copy(e, o, o->a, 0, &at_home);
    unsigned opcode = steps ? 0xFE : 0xF6, ext = o->op == IR_NOT ? 2 : o->op == IR_NEG ? 3 : o->op == IR_DEC;
    asm_rr(&e->o, o->w, opcode | (o->w != 1), ext, dst);
    if (steps && o->set)
        flag_used(e, o->f);
    ir_ref ef = e->ef;
    finish(e, o, dst, at_home);
    if (keeps)
        e->ef = ef;
}

static const u8 group2[IR_COUNT] = {[IR_ROL] = 0, [IR_ROR] = 1, [IR_SHL] = 4, [IR_SHR] = 5, [IR_SAR] = 7};

/* The count in CL, if it is not known. RCX stays reserved. */
static void load_count(struct emit *e, ir_ref n)
{
    if (!(e->place[n].where == IN_TEMP && e->place[n].reg == RCX)) {
        take_this(e, RCX, 0);
        e->reserved |= BIT(RCX);
        asm_mov(&e->o, RCX, in_reg(e, n, BIT(RCX)));
    }
    e->reserved |= BIT(RCX);
}

/* SHLD and SHRD: two registers and a count. */
static void shift_double(struct emit *e, const struct ir_op *o)
{
    bool at_home, by_cl = !is_const(e, o->c);
    if (by_cl)
        load_count(e, o->c);
    in_reg(e, o->b, 0);
    in_reg(e, o->a, e->place[o->b].where == IN_TEMP ? BIT(e->place[o->b].reg) : 0);
    if (o->set && o->f)
        want_all_flags(e, o->f);
    else
        clobber(e);
    unsigned dst = working_copy(e, o, o->a, o->b, &at_home);
    if (by_cl && o->set)
        asm_rm(&e->o, 4, 0x89, RCX, slot_mem(COUNT_SLOT));
    asm_rr(&e->o, 4, (o->op == IR_SHLD ? 0x0FA4 : 0x0FAC) + by_cl, e->place[o->b].reg, dst);
    if (!by_cl)
        asm_imm(&e->o, imm_of(e, o->c) & 31, 1);
    if (o->set && o->f)
        flag_used(e, o->f);
    e->reserved &= ~(by_cl ? BIT(RCX) : 0);
    used(e, o->c);
    finish(e, o, dst, at_home);
}

static void bit(struct emit *e, const struct ir_op *o)
{
    bool at_home = false, known = is_const(e, o->b);
    unsigned kind = o->op == IR_BT ? 0 : o->op == IR_BTS ? 1 : o->op == IR_BTR ? 2 : 3;
    if (!known)
        in_reg(e, o->b, 0);
    in_reg(e, o->a, !known && e->place[o->b].where == IN_TEMP ? BIT(e->place[o->b].reg) : 0);
    if (o->set)
        want_all_flags(e, o->f);
    else
        clobber(e);
    unsigned dst = kind ? working_copy(e, o, o->a, known ? 0 : o->b, &at_home) : e->place[o->a].reg;
    if (known) {
        asm_rr(&e->o, o->w, 0x0FBA, 4 + kind, dst);
        asm_imm(&e->o, imm_of(e, o->b), 1);
    } else {
        asm_rr(&e->o, o->w, 0x0FA3 + kind * 8, e->place[o->b].reg, dst);
    }
    if (o->set)
        flag_used(e, o->f);
    if (kind) {
        finish(e, o, dst, at_home);
        return;
    }
    used(e, o->a);
    used(e, o->b);
    sets_token(e, o);
}

static void shift(struct emit *e, const struct ir_op *o)
{
    bool at_home, by_cl = !is_const(e, o->b);
    in_reg(e, o->a, by_cl ? BIT(RCX) : 0);
    if (by_cl && !(e->place[o->b].where == IN_TEMP && e->place[o->b].reg == RCX)) {
        take_this(e, RCX, 0);
        e->reserved |= BIT(RCX);
        asm_mov(&e->o, RCX, in_reg(e, o->b, BIT(RCX)));
    }
    if (by_cl && e->place[o->a].where == IN_TEMP && e->place[o->a].reg == RCX)
        e->failed = true;
    if (o->set && o->f)
        want_all_flags(e, o->f);
    else
        clobber(e);
    u32 was = e->reserved;
    e->reserved |= by_cl ? BIT(RCX) : 0;
    unsigned dst = working_copy(e, o, o->a, 0, &at_home);
    e->reserved = was;
    if (by_cl) {
        if (is_shift(o->op) && o->set)
            asm_rm(&e->o, 4, 0x89, RCX, slot_mem(COUNT_SLOT));
        asm_rr(&e->o, o->w, o->w == 1 ? 0xD2 : 0xD3, group2[o->op], dst);
    } else {
        asm_rr(&e->o, o->w, o->w == 1 ? 0xC0 : 0xC1, group2[o->op], dst);
        asm_imm(&e->o, imm_of(e, o->b) & 31, 1);
    }
    if (o->set && o->f)
        flag_used(e, o->f);
    e->reserved &= ~BIT(RCX);
    finish(e, o, dst, at_home);
}

/* The flags of a product: CF and OF from the host, the others from the low half in REG. */
static void product_flags(struct emit *e, const struct ir_op *o, unsigned reg)
{
    asm_rr8(&e->o, 4, 0x0F90, 0, RAX); /* SETO AL */
    asm_rr(&e->o, o->w, o->w == 1 ? 0x84 : 0x85, reg, reg);
    asm_byte(&e->o, 0x9F); /* LAHF */
    asm_byte(&e->o, 0x08); /* OR AH, AL: CF */
    asm_byte(&e->o, 0xC4);
    asm_rm(&e->o, 2, 0x89, RAX, hflags_mem());
    e->home = (ir_ref)e->at;
}

/* By way of RAX and RDX. HIGH follows at once where the upper half is wanted. */
static void multiply(struct emit *e, const struct ir_op *o)
{
    const struct ir_op *next = &e->b->op[e->at + 1];
    bool high = next->op == IR_HIGH && next->a == e->at, wide = o->w != 1 && (high || o->op == IR_MUL);
    clobber(e);
    if (wide)
        take_this(e, RDX, 0);
    u32 was = e->reserved;
    e->reserved |= wide ? BIT(RDX) : 0;
    unsigned rb = in_reg(e, o->b, 0), ra = in_reg(e, o->a, BIT(rb));
    rb = in_reg(e, o->b, BIT(ra));
    e->reserved = was;
    if (o->w != 1 && !wide) {
        asm_mov(&e->o, RAX, ra);
        asm_rr(&e->o, o->w, 0x0FAF, RAX, rb);
    } else {
        asm_mov(&e->o, RAX, ra);
        asm_rr(&e->o, o->w, o->w == 1 ? 0xF6 : 0xF7, o->op == IR_IMUL ? 5 : 4, rb);
    }
    used(e, o->a);
    used(e, o->b);
    unsigned to = take(e, high ? BIT(RDX) : 0);
    asm_mov(&e->o, to, RAX);
    own(e, (ir_ref)e->at, to);
    if (high) {
        own(e, (ir_ref)(e->at + 1), RDX);
        used(e, (ir_ref)e->at);
    }
    if (o->set)
        product_flags(e, o, to);
}

/* ---- what leaves ---- */

static struct x64_site *site(struct emit *e, unsigned w, bool write)
{
    struct x64_site *s = &e->code->sites[e->code->nsites++];
    *s = (struct x64_site){.code = e->code, .k = (u16)e->insn, .w = (u8)w, .write = write};
    return s;
}

static void go_cold(struct emit *e, u8 *jump, u8 *back, unsigned address, struct x64_site *s)
{
    if (e->ncold == COLD_MAX) {
        e->failed = true;
        return;
    }
    e->cold[e->ncold++] = (struct cold){.jump = jump, .back = back, .address = (u8)address, .site = s};
}

static size_t tlb_offset(const struct emit *e, bool write)
{
    size_t half = write ? offsetof(struct tlb_ctx, write) : offsetof(struct tlb_ctx, read);
    return offsetof(struct cpu, mmu) + offsetof(struct mmu, ctx) + half + e->mode->priv * sizeof(struct tlb_entry) * TLB_SIZE;
}

/* A scratch register with what is to be added to the linear address in register LIN for the host's. */
static unsigned probe(struct emit *e, const struct ir_op *o, unsigned lin, bool write)
{
    size_t tlb = tlb_offset(e, write);
    clobber(e);
    unsigned t = take(e, BIT(lin));
    u8 *again = e->o.at;
    asm_mov(&e->o, RAX, lin);
    asm_rr(&e->o, 4, 0xC1, 5, RAX); /* SHR */
    asm_imm(&e->o, PAGE_BITS - 4, 1);
    asm_alu_imm(&e->o, 4, 4, RAX, (TLB_SIZE - 1) << 4);
    asm_rm(&e->o, 4, 0x8D, t, mem_at(lin, o->w - 1)); /* LEA: its last byte */
    asm_alu_imm(&e->o, 4, 4, t, (u32)PAGE_MASK);
    asm_rm(&e->o, 4, 0x3B, t, mem_sum(RBP, RAX, 0, (s32)tlb - X64_BIAS + (s32)offsetof(struct tlb_entry, tag)));
    u8 *miss = asm_jcc(&e->o, CC_NE);
    asm_rm(&e->o, 8, 0x8B, t, mem_sum(RBP, RAX, 0, (s32)tlb - X64_BIAS + (s32)offsetof(struct tlb_entry, addend)));
    go_cold(e, miss, again, lin, site(e, o->w, write));
    return t;
}

/* The operation in hand may leave: everything of the guest's is where it belongs. */
static void may_leave(struct emit *e)
{
    clobber(e);
    if (e->cur != e->home)
        e->failed = true;
}

static void load(struct emit *e, const struct ir_op *o)
{
    may_leave(e);
    unsigned lin = in_reg(e, o->a, 0), t = probe(e, o, lin, false);
    const struct ir_op *put = put_behind(e);
    bool at_home = put && put->w == 4 && !wanted_beside(e, x64_guest[put->aux / 8], o->a, 1);
    unsigned dst = at_home ? x64_guest[put->aux / 8] : t;
    asm_rm(&e->o, 4, o->w == 1 ? 0x0FB6 : o->w == 2 ? 0x0FB7 : 0x8B, dst, mem_sum(t, lin, 0, 0));
    used(e, o->a);
    if (at_home)
        result_at_home(e, dst);
    else
        own(e, (ir_ref)e->at, dst);
}

/* V to memory M. */
static void store_to(struct emit *e, unsigned w, ir_ref v, struct mem m, u32 avoid)
{
    if (is_const(e, v) && e->place[v].where == IN_CONST) {
        asm_rm(&e->o, w, w == 1 ? 0xC6 : 0xC7, 0, m);
        asm_imm(&e->o, imm_of(e, v), w);
    } else {
        asm_rm(&e->o, w, w == 1 ? 0x88 : 0x89, in_reg(e, v, avoid), m);
    }
}

/* Bit of the scratch register that V is in. */
static u32 scratch_of(const struct emit *e, ir_ref v)
{
    return e->place[v].where == IN_TEMP ? BIT(e->place[v].reg) : 0;
}

static void store(struct emit *e, const struct ir_op *o)
{
    may_leave(e);
    if (e->place[o->b].where == IN_SLOT)
        in_reg(e, o->b, 0);
    unsigned lin = in_reg(e, o->a, scratch_of(e, o->b));
    u32 was = e->reserved;
    e->reserved |= BIT(lin) | scratch_of(e, o->b);
    unsigned t = probe(e, o, lin, true);
    e->reserved = was;
    store_to(e, o->w, o->b, mem_sum(t, lin, 0, 0), BIT(lin) | BIT(t));
    used(e, o->a);
    used(e, o->b);
}

/* The host's address stays in a register of its own until STW. */
static void load_for_write(struct emit *e, const struct ir_op *o)
{
    may_leave(e);
    unsigned lin = in_reg(e, o->a, 0), t = probe(e, o, lin, true);
    asm_rr(&e->o, 8, 0x03, t, lin); /* ADD */
    used(e, o->a);
    e->rmw_reg = (u8)t;
    e->reserved |= BIT(t);
    unsigned dst = take(e, 0);
    asm_rm(&e->o, 4, o->w == 1 ? 0x0FB6 : o->w == 2 ? 0x0FB7 : 0x8B, dst, mem_at(t, 0));
    own(e, (ir_ref)e->at, dst);
}

static void store_back(struct emit *e, const struct ir_op *o)
{
    store_to(e, o->w, o->b, mem_at(e->rmw_reg, 0), 0);
    e->reserved &= ~BIT(e->rmw_reg);
    used(e, o->a);
    used(e, o->b);
}

static struct mem segment_mem(unsigned seg, size_t field)
{
    return cpu_mem(offsetof(struct cpu, seg) + seg * sizeof(struct segment) + field);
}

/* What the fast check does not allow is done by the handler of the instruction. */
static void check_segment(struct emit *e, const struct ir_op *o)
{
    may_leave(e);
    unsigned off = in_reg(e, o->a, 0);
    asm_rm(&e->o, 8, 0x8D, RAX, mem_at(off, (s32)o->imm - 1));
    asm_rm(&e->o, 8, 0x3B, RAX,
           segment_mem(o->aux, o->cc ? offsetof(struct segment, wr_top) : offsetof(struct segment, rd_top)));
    go_cold(e, asm_jcc(&e->o, CC_G), NULL, off, site(e, 0, o->cc));
    unsigned t = take(e, BIT(off));
    asm_rm(&e->o, 4, 0x8B, t, segment_mem(o->aux, offsetof(struct segment, base)));
    asm_rr(&e->o, 4, 0x03, t, off);
    used(e, o->a);
    own(e, (ir_ref)e->at, t);
}

static void check_target(struct emit *e, const struct ir_op *o)
{
    may_leave(e);
    unsigned v = in_reg(e, o->a, 0);
    asm_alu_imm(&e->o, 4, 7, v, (u32)o->imm);
    go_cold(e, asm_jcc(&e->o, CC_A), NULL, v, site(e, 0, false));
    used(e, o->a);
}

/* Quotients that do not fit are left to the handler, and so are dividends that IDIV of the host would have to be careful with. */
static void divide(struct emit *e, const struct ir_op *o)
{
    may_leave(e);
    take_this(e, RDX, 0);
    u32 was = e->reserved;
    e->reserved |= BIT(RDX);
    unsigned low = in_reg(e, o->a, 0), high = in_reg(e, o->b, BIT(low)), by = in_reg(e, o->c, BIT(low) | BIT(high));
    low = in_reg(e, o->a, BIT(high) | BIT(by));
    struct x64_site *s = site(e, 0, false);
    if (o->op == IR_DIV) {
        asm_rr(&e->o, o->w, 0x3B, high, by);
        go_cold(e, asm_jcc(&e->o, CC_AE), NULL, low, s);
    } else {
        asm_mov(&e->o, RAX, low);
        asm_rr(&e->o, o->w, 0xC1, 7, RAX); /* SAR: the sign */
        asm_imm(&e->o, o->w * 8 - 1, 1);
        asm_rr(&e->o, o->w, 0x3B, RAX, high);
        go_cold(e, asm_jcc(&e->o, CC_NE), NULL, low, s);
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(by, 1));
        asm_alu_imm(&e->o, o->w, 7, RAX, 1); /* 0 and -1 */
        go_cold(e, asm_jcc(&e->o, CC_BE), NULL, low, s);
    }
    asm_mov(&e->o, RDX, high);
    asm_mov(&e->o, RAX, low);
    asm_rr(&e->o, o->w, 0xF7, o->op == IR_DIV ? 6 : 7, by);
    used(e, o->a);
    used(e, o->b);
    used(e, o->c);
    unsigned to = take(e, 0);
    e->reserved = was;
    asm_mov(&e->o, to, RAX);
    own(e, (ir_ref)e->at, to);
    own(e, (ir_ref)(e->at + 1), RDX); /* REST follows */
    used(e, (ir_ref)e->at);
}

/* ---- C code ---- */

static const u8 *as_written(const struct emit *e, const u8 *rx)
{
    return e->room->mem.rw + (rx - e->room->mem.rx);
}

static void patch(struct emit *e, u8 *field, const u8 *target)
{
    if (e->o.at < e->o.end)
        asm_patch(field, target);
}

static void call_thunk(struct emit *e, const u8 *thunk, const struct x64_site *s)
{
    patch(e, asm_call(&e->o), as_written(e, thunk));
    asm_imm(&e->o, (u64)(uintptr_t)s, 8);
}

static void jump_to(struct emit *e, const u8 *thunk)
{
    patch(e, asm_jmp(&e->o), as_written(e, thunk));
}

static void call_handler(struct emit *e, const struct ir_op *o, const u8 *thunk)
{
    struct x64_site *s = site(e, 0, false);
    s->k = (u16)o->imm;
    s->flags = o->aux;
    s->stays = o->op == IR_LAST && o->cc;
    may_leave(e);
    for (unsigned i = 0; i < e->nlive; i++) /* the handler may change guest registers */
        e->failed |= e->place[e->live[i]].where == IN_GUEST;
    call_thunk(e, thunk, s);
    if (o->aux)
        e->cur = e->home = 0;
}

/* ---- small ones ---- */

static void get(struct emit *e, const struct ir_op *o)
{
    unsigned home = x64_guest[o->aux / 8];
    if (!(o->aux & 7)) {
        alias(e, (ir_ref)e->at, home);
        return;
    }
    unsigned t = take(e, 0); /* AH CH DH BH */
    if (home == RBX) {
        asm_byte(&e->o, 0x0F); /* MOVZX t, BH */
        asm_byte(&e->o, 0xB6);
        asm_byte(&e->o, 0xC0 | t << 3 | 7);
    } else {
        clobber(e);
        asm_mov(&e->o, t, home);
        asm_rr(&e->o, 4, 0xC1, 5, t);
        asm_imm(&e->o, 8, 1);
    }
    own(e, (ir_ref)e->at, t);
}

static void put_high(struct emit *e, unsigned home, ir_ref v)
{
    unsigned r = in_reg(e, v, 0);
    if (home == RBX) {
        asm_mov(&e->o, RAX, r);
        asm_byte(&e->o, 0x88); /* MOV BH, AL */
        asm_byte(&e->o, 0xC7);
        return;
    }
    clobber(e);
    asm_mov(&e->o, RAX, r);
    asm_rr(&e->o, 4, 0xC1, 1, home); /* ROR */
    asm_imm(&e->o, 8, 1);
    asm_rr(&e->o, 1, 0x8A, home, RAX);
    asm_rr(&e->o, 4, 0xC1, 0, home); /* ROL */
    asm_imm(&e->o, 8, 1);
}

static void put(struct emit *e, const struct ir_op *o)
{
    unsigned home = x64_guest[o->aux / 8];
    struct place *p = &e->place[o->a];
    bool own_alias = p->where == IN_GUEST && p->reg == home;
    if (own_alias && !(o->aux & 7)) {
        used(e, o->a);
        return;
    }
    overwrite(e, home, own_alias && e->left[o->a] == 1 ? o->a : 0);
    if (o->aux & 7)
        put_high(e, home, o->a);
    else if (p->where == IN_CONST && o->w == 4)
        asm_mov_imm(&e->o, home, imm_of(e, o->a));
    else if (o->w == 4)
        asm_mov(&e->o, home, in_reg(e, o->a, 0));
    else
        asm_rr(&e->o, o->w, o->w == 1 ? 0x8A : 0x8B, home, in_reg(e, o->a, 0));
    used(e, o->a);
}

/* A register for a result that is made from other registers without changing flags. */
static unsigned fresh(struct emit *e, bool *at_home, u32 avoid)
{
    const struct ir_op *put = put_behind(e);
    *at_home = put && put->w == 4 && !wanted_beside(e, x64_guest[put->aux / 8], 0, 0);
    return *at_home ? x64_guest[put->aux / 8] : take(e, avoid);
}

static void made(struct emit *e, unsigned reg, bool at_home)
{
    if (at_home)
        result_at_home(e, reg);
    else
        own(e, (ir_ref)e->at, reg);
}

static void extend(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned r = in_reg(e, o->a, 0), to = fresh(e, &at_home, BIT(r));
    unsigned opcode = (o->op == IR_ZEXT ? 0x0FB6 : 0x0FBE) + (o->w == 2);
    if (o->w == 1)
        asm_rr8(&e->o, 4, opcode, to, r);
    else
        asm_rr(&e->o, 4, opcode, to, r);
    used(e, o->a);
    made(e, to, at_home);
}

static void swap_bytes(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned r = in_reg(e, o->a, 0), to = fresh(e, &at_home, BIT(r));
    asm_mov(&e->o, to, r);
    if (to >> 3)
        asm_byte(&e->o, 0x41);
    asm_byte(&e->o, 0x0F);
    asm_byte(&e->o, 0xC8 | (to & 7));
    used(e, o->a);
    made(e, to, at_home);
}

/* In place too: LEA reads its operands before it writes. */
static void lea(struct emit *e, const struct ir_op *o)
{
    unsigned base = o->a ? in_reg(e, o->a, 0) : NO_REG;
    unsigned index = o->b ? in_reg(e, o->b, base == NO_REG ? 0 : BIT(base)) : NO_REG;
    u32 avoid = (base == NO_REG ? 0 : BIT(base)) | (index == NO_REG ? 0 : BIT(index));
    const struct ir_op *p = put_behind(e);
    unsigned home = p && p->w == 4 ? x64_guest[p->aux / 8] : NO_REG;
    ir_ref there = home == NO_REG ? 0 : home == base ? o->a : home == index ? o->b : 0;
    bool at_home = home != NO_REG && !wanted_beside(e, home, there, 1 + (o->a == o->b));
    unsigned to = at_home ? home : take(e, avoid);
    if (base == NO_REG) { /* index alone: a base of 0 */
        asm_mov_imm(&e->o, RAX, 0);
        base = RAX;
    }
    asm_rm(&e->o, 4, 0x8D, to, mem_sum(base, index, o->aux, (s32)o->imm));
    if (o->a)
        used(e, o->a);
    if (o->b)
        used(e, o->b);
    made(e, to, at_home);
}

static void set_if(struct emit *e, const struct ir_op *o)
{
    want_flags(e, o->f);
    unsigned t = take(e, 0);
    asm_rr8(&e->o, 4, 0x0F90 | o->cc, 0, t);
    flag_used(e, o->f);
    own(e, (ir_ref)e->at, t);
}

static void choose(struct emit *e, const struct ir_op *o)
{
    unsigned ra = in_reg(e, o->a, 0), rb = in_reg(e, o->b, BIT(ra));
    ra = in_reg(e, o->a, BIT(rb));
    want_flags(e, o->f);
    unsigned t = take(e, BIT(ra) | BIT(rb));
    asm_mov(&e->o, t, rb);
    asm_rr(&e->o, 4, 0x0F40 | o->cc, t, ra);
    flag_used(e, o->f);
    used(e, o->a);
    used(e, o->b);
    own(e, (ir_ref)e->at, t);
}

/* ---- edges ---- */

static void set_ip(struct emit *e, u32 ip)
{
    asm_mov_imm(&e->o, RAX, ip);
    asm_rm(&e->o, 8, 0x89, RAX, cpu_mem(offsetof(struct cpu, ip)));
}

static bool flat_code(const struct emit *e)
{
    return e->mode->flat >> SEG_CS & 1;
}

static struct mem epoch_mem(size_t field)
{
    return cpu_mem(offsetof(struct cpu, mmu) + field);
}

/* Goes on if the epoch in REG is one of the MMU's; the distance field of the jump that is taken else. */
static u8 *check_epoch(struct emit *e, unsigned reg)
{
    asm_rm(&e->o, 8, 0x3B, reg, epoch_mem(offsetof(struct mmu, fetch_epoch)));
    u8 *right = asm_jcc(&e->o, CC_E);
    asm_rm(&e->o, 8, 0x3B, reg, epoch_mem(offsetof(struct mmu, fetch_epoch_global)));
    u8 *wrong = asm_jcc(&e->o, CC_NE);
    patch(e, right, e->o.at);
    return wrong;
}

static void edge(struct emit *e, u32 ip)
{
    struct x64_link *l = &e->code->link[e->code->links++];
    *l = (struct x64_link){.from = e->code, .ip = ip, .jump = asm_jmp(&e->o)};
    if (flat_code(e) && (ip ^ e->code->ip) >> PAGE_BITS) {
        l->check = e->o.at;
        asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)&l->epoch);
        asm_rm(&e->o, 8, 0x8B, RAX, mem_at(RAX, 0));
        u8 *wrong = check_epoch(e, RAX);
        l->far_jump = asm_jmp(&e->o);
        patch(e, wrong, e->o.at);
    }
    l->stub = e->o.at;
    patch(e, l->jump, l->stub);
    set_ip(e, ip);
    asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)l);
    jump_to(e, e->thunks->exit);
}

/* To the IP in register V: at once where the slot of its hash says so. */
static void indirect(struct emit *e, unsigned v)
{
    asm_rm(&e->o, 8, 0x89, v, cpu_mem(offsetof(struct cpu, ip)));
    u8 *miss[3];
    if (flat_code(e)) {
        asm_mov(&e->o, RAX, v);
        asm_rr(&e->o, 4, 0xC1, 5, RAX); /* SHR */
        asm_imm(&e->o, 7, 1);
        asm_rr(&e->o, 4, 0x33, RAX, v);
        asm_alu_imm(&e->o, 4, 4, RAX, X64_JUMPS - 1);
        asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL */
        asm_imm(&e->o, 5, 1);
        asm_rm(&e->o, 8, 0x03, RAX, cpu_mem(offsetof(struct cpu, jumps)));
        asm_rm(&e->o, 4, 0x3B, v, mem_at(RAX, offsetof(struct x64_jump, ip)));
        miss[0] = asm_jcc(&e->o, CC_NE);
        asm_alu_mem_imm(&e->o, 4, 7, mem_at(RAX, offsetof(struct x64_jump, mode)), e->code->mode);
        miss[1] = asm_jcc(&e->o, CC_NE);
        unsigned t = take(e, BIT(v));
        asm_rm(&e->o, 8, 0x8B, t, mem_at(RAX, offsetof(struct x64_jump, epoch)));
        miss[2] = check_epoch(e, t);
        asm_rm(&e->o, 4, 0xFF, 4, mem_at(RAX, offsetof(struct x64_jump, code))); /* JMP */
        for (unsigned i = 0; i < ARRAY_LEN(miss); i++)
            patch(e, miss[i], e->o.at);
    }
    asm_mov_imm(&e->o, RAX, X64_NO_EDGE);
    jump_to(e, e->thunks->exit);
}

static void leave(struct emit *e, const struct ir_op *o)
{
    if (o->op == IR_LAST) {
        call_handler(e, o, e->thunks->last);
        if (o->cc)
            edge(e, e->code->ip + e->code->insns[o->imm].end);
        return;
    }
    unsigned v = o->op == IR_JMPV || o->op == IR_TEST0 ? in_reg(e, o->a, 0) : 0;
    flags_home(e);
    if (o->op == IR_JCC)
        want_flags(e, o->f);
    if (o->op == IR_JMP) {
        edge(e, (u32)o->imm);
        return;
    }
    if (o->op == IR_JMPV) {
        indirect(e, v);
        return;
    }
    if (o->op == IR_TEST0)
        asm_rr(&e->o, o->w, o->w == 1 ? 0x84 : 0x85, v, v);
    u8 *not_taken = asm_jcc(&e->o, o->op == IR_JCC ? o->cc ^ 1u : CC_E);
    edge(e, (u32)o->imm);
    patch(e, not_taken, e->o.at);
    edge(e, o->aux);
}

/* ---- blocks ---- */

typedef void (*emit_fn)(struct emit *e, const struct ir_op *o);

static void nothing(struct emit *e, const struct ir_op *o)
{
}

static void instruction(struct emit *e, const struct ir_op *o)
{
    e->insn = (unsigned)o->imm;
}

static void constant(struct emit *e, const struct ir_op *o)
{
    e->place[e->at] = (struct place){.where = IN_CONST};
}

static void put_unless_done(struct emit *e, const struct ir_op *o)
{
    if (!e->done[e->at])
        put(e, o);
}

static void flags_as_they_were(struct emit *e, const struct ir_op *o)
{
    if (e->cur == e->home)
        e->cur = (ir_ref)e->at;
    e->home = (ir_ref)e->at;
    if (e->cur == e->home)
        e->cur_seen = e->b->count;
}

static void flags_are(struct emit *e, const struct ir_op *o)
{
    e->cur = o->f;
    e->cur_seen = e->seen[e->at];
    flag_used(e, o->f);
}

static void handler(struct emit *e, const struct ir_op *o)
{
    call_handler(e, o, e->thunks->handler);
}

/* HIGH and REST are placed by the operations before them. */
static const emit_fn emitters[IR_COUNT] = {
    [IR_NOP] = nothing, [IR_INSN] = instruction, [IR_CONST] = constant, [IR_GET] = get, [IR_PUT] = put_unless_done,
    [IR_GETF] = flags_as_they_were, [IR_FLAGS] = flags_are,
    [IR_ADD] = alu, [IR_SUB] = alu, [IR_ADC] = alu, [IR_SBB] = alu, [IR_AND] = alu, [IR_OR] = alu, [IR_XOR] = alu,
    [IR_NEG] = unary, [IR_NOT] = unary, [IR_INC] = unary, [IR_DEC] = unary,
    [IR_SHL] = shift, [IR_SHR] = shift, [IR_SAR] = shift, [IR_ROL] = shift, [IR_ROR] = shift,
    [IR_SHLD] = shift_double, [IR_SHRD] = shift_double, [IR_BT] = bit, [IR_BTS] = bit, [IR_BTR] = bit, [IR_BTC] = bit,
    [IR_MUL] = multiply, [IR_IMUL] = multiply, [IR_HIGH] = nothing, [IR_DIV] = divide, [IR_IDIV] = divide, [IR_REST] = nothing,
    [IR_ZEXT] = extend, [IR_SEXT] = extend, [IR_BSWAP] = swap_bytes, [IR_LEA] = lea, [IR_SETCC] = set_if, [IR_SELECT] = choose,
    [IR_SEG] = check_segment, [IR_LIMIT] = check_target, [IR_LD] = load, [IR_ST] = store, [IR_LDW] = load_for_write, [IR_STW] = store_back,
    [IR_HELPER] = handler, [IR_JMP] = leave, [IR_JCC] = leave, [IR_JMPV] = leave, [IR_LAST] = leave, [IR_TEST0] = leave,
};

/* How far each state of the flags is seen. */
static void find_seen(struct emit *e)
{
    unsigned last = 0;
    for (unsigned i = e->b->count; i-- > 1;) {
        const struct ir_op *o = &e->b->op[i];
        if (o->op == IR_FLAGS) {
            e->seen[i] = (u16)last;
            last = 0;
        } else if (!last && (ir_info[o->op].attrs & (IR_LEAVES | IR_ENDS))) {
            last = i;
        }
    }
}

/* The slice may end inside: then the interpreter runs what is left of it. */
static void head(struct emit *e)
{
    asm_alu_imm(&e->o, 8, 5, R15, e->code->count);
    u8 *go = asm_jcc(&e->o, CC_NS);
    asm_alu_imm(&e->o, 8, 0, R15, e->code->count);
    set_ip(e, e->code->ip);
    asm_mov_imm(&e->o, RAX, 0);
    jump_to(e, e->thunks->exit);
    patch(e, go, e->o.at);
}

static void cold_code(struct emit *e)
{
    for (unsigned i = 0; i < e->ncold; i++) {
        const struct cold *c = &e->cold[i];
        patch(e, c->jump, e->o.at);
        asm_mov(&e->o, RAX, c->address);
        call_thunk(e, e->thunks->access, c->site);
        if (c->back)
            patch(e, asm_jmp(&e->o), c->back);
    }
}

static void body(struct emit *e)
{
    for (unsigned i = 1; i < e->b->count; i++) {
        e->left[i] = e->b->op[i].uses;
        e->fleft[i] = e->b->op[i].fuses;
    }
    find_seen(e);
    e->cur_seen = e->b->count;
    head(e);
    for (e->at = 1; e->at < e->b->count && !e->failed; e->at++)
        emitters[e->b->op[e->at].op](e, &e->b->op[e->at]);
    cold_code(e);
}

struct emit *x64_emit_new(void)
{
    return malloc(sizeof(struct emit));
}

void x64_emit_free(struct emit *e)
{
    free(e);
}

bool x64_compile(struct emit *e, struct x64_room *room, const struct x64_thunks *t, const struct ir_block *b,
                 const struct lift_mode *mode, struct x64_code *code)
{
    memset(e, 0, sizeof *e);
    u8 *start = room->mem.rw + room->used;
    e->o = (struct asm_out){.at = start, .end = room->mem.rw + room->mem.size};
    e->b = b;
    e->mode = mode;
    e->thunks = t;
    e->room = room;
    e->code = code;
    code->links = code->nsites = 0;
    body(e);
    if (e->failed || e->o.at == e->o.end)
        return false;
    code->entry_rw = start;
    code->entry = room->mem.rx + room->used;
    size_t size = (size_t)(e->o.at - start);
    room->used += (size + 15) & ~(size_t)15;
    host_exec_wrote(code->entry, size);
    return true;
}

/* ---- edges from block to block ---- */

static void take_out(struct x64_link *l)
{
    struct x64_link **at = &l->to->in;
    while (*at != l)
        at = &(*at)->next_in;
    *at = l->next_in;
}

void x64_link_to(struct x64_link *l, struct x64_code *to, u64 epoch)
{
    if (epoch && !l->check)
        return;
    if (l->to)
        take_out(l);
    l->to = to;
    l->next_in = to->in;
    to->in = l;
    l->epoch = epoch;
    if (epoch)
        asm_patch(l->far_jump, to->entry_rw);
    asm_patch(l->jump, epoch ? l->check : to->entry_rw);
}

void x64_unlink_all(struct x64_code *to)
{
    for (struct x64_link *l = to->in; l; l = l->next_in) {
        asm_patch(l->jump, l->stub);
        l->to = NULL;
    }
    to->in = NULL;
}
