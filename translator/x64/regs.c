/*
 * regs.c - where values are: scratch registers, slots of the frame, guest registers in their homes.
 */
#include "translator/x64/work.h"

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

void em_used(struct emit *e, ir_ref v)
{
    if (v && --e->left[v] == 0)
        release(e, v);
}

struct mem em_slot_mem(unsigned slot)
{
    return mem_at(RSP, (s32)slot * 8);
}

/* A slot with what is in REG. */
unsigned em_to_slot(struct emit *e, unsigned reg)
{
    unsigned slot = 0;
    while (slot < SLOTS && (e->slots >> slot & 1))
        slot++;
    if (slot == SLOTS) {
        e->failed = true;
        return 0;
    }
    e->slots |= BIT(slot);
    asm_rm(&e->o, 4, 0x89, reg, em_slot_mem(slot));
    return slot;
}

static void spill(struct emit *e, unsigned reg)
{
    e->place[e->owner[reg]] = (struct place){IN_SLOT, (u8)em_to_slot(e, reg)};
    e->owner[reg] = 0;
}

/* Is V there for a remake only? */
static bool only_kept(const struct emit *e, ir_ref v)
{
    return e->kept[v] && e->kept[v] == e->left[v];
}

/* The register to be freed out of those that may be: sooner one that nothing but a remake wants. */
static unsigned victim(const struct emit *e, u32 avoid)
{
    unsigned found = NO_REG;
    for (unsigned i = TEMPS; i-- > 0;) {
        unsigned reg = em_temps[i];
        if (!(avoid >> reg & 1) && (found == NO_REG || !only_kept(e, e->owner[found]) || only_kept(e, e->owner[reg])))
            found = reg;
    }
    return found;
}

/* A scratch register outside AVOID (bits), made free if it must be. */
unsigned em_take(struct emit *e, u32 avoid)
{
    avoid |= e->reserved;
    for (unsigned i = 0; i < TEMPS; i++) {
        if (!e->owner[em_temps[i]] && !(avoid >> em_temps[i] & 1))
            return em_temps[i];
    }
    unsigned reg = victim(e, avoid);
    if (reg == NO_REG) {
        e->failed = true;
        return RCX;
    }
    spill(e, reg);
    return reg;
}

/* This one, free. What it holds moves. */
void em_take_this(struct emit *e, unsigned reg, u32 avoid)
{
    ir_ref v = e->owner[reg];
    if (e->reserved >> reg & 1) { /* the address of a read-modify-write */
        unsigned to = em_take(e, avoid | BIT(reg));
        asm_mov64(&e->o, to, reg);
        e->reserved ^= BIT(reg) | BIT(to);
        e->rmw_reg = (u8)to;
        return;
    }
    if (!v)
        return;
    unsigned to = em_take(e, avoid | BIT(reg));
    asm_mov(&e->o, to, reg);
    e->owner[reg] = 0;
    e->owner[to] = v;
    e->place[v].reg = (u8)to;
}

void em_own(struct emit *e, ir_ref v, unsigned reg)
{
    if (!e->left[v]) {
        e->place[v].where = NOWHERE;
        return;
    }
    e->owner[reg] = v;
    e->place[v] = (struct place){IN_TEMP, (u8)reg};
}

/* REG = BH, without a prefix that would make it another register. */
static void from_high(struct emit *e, unsigned reg)
{
    asm_byte(&e->o, 0x0F); /* MOVZX */
    asm_byte(&e->o, 0xB6);
    asm_byte(&e->o, 0xC0 | reg << 3 | 7);
}

/* V in some register, to be read only. */
unsigned em_in_reg(struct emit *e, ir_ref v, u32 avoid)
{
    struct place *p = &e->place[v];
    if (p->where == IN_GUEST || p->where == IN_TEMP)
        return p->reg;
    unsigned reg = em_take(e, avoid);
    if (p->where == IN_HIGH) {
        from_high(e, reg);
        e->owner[reg] = v;
    } else if (p->where == IN_CONST) {
        asm_mov_imm(&e->o, reg, (u32)e->b->op[v].imm);
        e->owner[reg] = v; /* of use for the next one too */
    } else {
        asm_rm(&e->o, 4, 0x8B, reg, em_slot_mem(p->reg));
        e->slots &= ~BIT(p->reg);
        e->owner[reg] = v;
    }
    *p = (struct place){IN_TEMP, (u8)reg};
    return reg;
}

/* Bit of the scratch register that V is in. */
u32 em_scratch_of(const struct emit *e, ir_ref v)
{
    return e->place[v].where == IN_TEMP ? BIT(e->place[v].reg) : 0;
}

/* ---- guest registers ---- */

void em_alias(struct emit *e, ir_ref v, unsigned reg)
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

/* Aliases of REG that nothing but a remake wants go to slots. */
static void put_by(struct emit *e, unsigned reg)
{
    for (unsigned i = 0; i < e->nlive; i++) {
        ir_ref v = e->live[i];
        if (e->place[v].where == IN_GUEST && e->place[v].reg == reg && only_kept(e, v))
            e->place[v] = (struct place){IN_SLOT, (u8)em_to_slot(e, reg)};
    }
}

/* Guest register REG is about to be written: values that are its aliases and are still wanted (but EXCEPT) move away. */
void em_overwrite(struct emit *e, unsigned reg, ir_ref except)
{
    put_by(e, reg);
    for (unsigned i = 0; i < e->nlive; i++) {
        ir_ref v = e->live[i];
        struct place *p = &e->place[v];
        if (p->where != IN_GUEST || p->reg != reg || v == except)
            continue;
        unsigned to = em_take(e, 0);
        asm_mov(&e->o, to, reg);
        em_own(e, v, to);
    }
}

/* Is an alias of REG, which is written if not, wanted after this operation, apart from uses by it of V? */
bool em_wanted_beside(struct emit *e, unsigned reg, ir_ref v, unsigned uses)
{
    put_by(e, reg);
    for (unsigned i = 0; i < e->nlive; i++) {
        const struct place *p = &e->place[e->live[i]];
        if (p->where == IN_GUEST && p->reg == reg && (e->live[i] != v || e->left[v] > uses))
            return true;
    }
    return false;
}

/* ---- results ---- */

/* Comes without code: the other half of a product or quotient is made with the one before. */
static bool no_code(const struct ir_op *o)
{
    return o->op == IR_NOP || o->op == IR_HIGH || o->op == IR_REST;
}

/* The PUT that takes the result of the operation in hand and nothing else comes between, or NULL. */
const struct ir_op *em_put_behind(const struct emit *e)
{
    unsigned i = e->at + 1;
    while (i < e->b->count && no_code(&e->b->op[i]))
        i++;
    const struct ir_op *o = &e->b->op[i];
    return i < e->b->count && o->op == IR_PUT && o->a == e->at ? o : NULL;
}

static unsigned index_of(const struct emit *e, const struct ir_op *o)
{
    return (unsigned)(o - e->b->op);
}

/* Host register of the guest register in which a result of W bytes can be made at once, or NO_REG. */
unsigned em_home_of_result(const struct emit *e, unsigned w)
{
    const struct ir_op *put = em_put_behind(e);
    if (!put || put->w != w || (put->aux & 7))
        return NO_REG;
    return x64_guest[put->aux / 8];
}

/* The result of the operation in hand is in guest register REG, and its PUT done. */
void em_result_at_home(struct emit *e, unsigned reg)
{
    ir_ref v = (ir_ref)e->at;
    e->done[index_of(e, em_put_behind(e))] = true;
    if (--e->left[v])
        em_alias(e, v, reg);
}

/* A register for a result that is made from other registers without changing flags. */
unsigned em_fresh(struct emit *e, bool *at_home, u32 avoid)
{
    const struct ir_op *put = em_put_behind(e);
    *at_home = put && put->w == 4 && !em_wanted_beside(e, x64_guest[put->aux / 8], 0, 0);
    return *at_home ? x64_guest[put->aux / 8] : em_take(e, avoid);
}

void em_made(struct emit *e, unsigned reg, bool at_home)
{
    if (at_home)
        em_result_at_home(e, reg);
    else
        em_own(e, (ir_ref)e->at, reg);
}

/* ---- GET and PUT ---- */

static bool is_alu(u8 op)
{
    return op == IR_ADD || op == IR_OR || op == IR_ADC || op == IR_SBB || op == IR_AND || op == IR_SUB || op == IR_XOR;
}

static bool puts_byte(const struct emit *e, const struct ir_op *o, unsigned at)
{
    const struct ir_op *put = o + 1;
    while (put->op == IR_NOP)
        put++;
    return put->op == IR_PUT && put->w == 1 && put->aux == at && put->a == o - e->b->op;
}

/* Is AH, which the GET in hand reads, an operand of an addition or the like right behind that leaves its result in AH or AL? */
static bool taken_in_place(const struct emit *e)
{
    const struct ir_op *get = &e->b->op[e->at], *o = get + 1, *low = NULL;
    if (get->uses != 1)
        return false;
    if (o->op == IR_GET && o->w == 1 && o->aux == 0)
        low = o++;
    while (o->op == IR_NOP || o->op == IR_GETF)
        o++;
    unsigned at = (unsigned)(o - e->b->op);
    if (!is_alu(o->op) || o->w != 1 || !o->uses || em_better_kept(e, at))
        return false;
    if (low)
        return o->b == e->at && o->a == low - e->b->op && puts_byte(e, o, 0);
    return o->a == e->at && o->b != e->at && o->uses == 1 && puts_byte(e, o, 1);
}

/* Is an operand of O taken from AH? */
bool em_has_high(const struct emit *e, const struct ir_op *o)
{
    return e->place[o->a].where == IN_HIGH || e->place[o->b].where == IN_HIGH;
}

void em_get(struct emit *e, const struct ir_op *o)
{
    unsigned home = x64_guest[o->aux / 8];
    if (!(o->aux & 7)) {
        em_alias(e, (ir_ref)e->at, home);
        return;
    }
    if (home == RBX && taken_in_place(e)) {
        e->place[e->at] = (struct place){IN_HIGH, RBX};
        return;
    }
    unsigned t = em_take(e, 0); /* AH CH DH BH */
    if (home == RBX) {
        from_high(e, t);
    } else {
        em_clobber(e);
        asm_mov(&e->o, t, home);
        asm_rr(&e->o, 4, 0xC1, 5, t);
        asm_imm(&e->o, 8, 1);
    }
    em_own(e, (ir_ref)e->at, t);
}

static void put_high(struct emit *e, unsigned home, ir_ref v)
{
    unsigned r = em_in_reg(e, v, 0);
    if (home == RBX) {
        if (r > RBX) {
            asm_mov(&e->o, RAX, r);
            r = RAX;
        }
        asm_byte(&e->o, 0x8A); /* MOV BH, r */
        asm_byte(&e->o, 0xC0 | 7 << 3 | r);
        return;
    }
    em_clobber(e);
    asm_mov(&e->o, RAX, r);
    asm_rr(&e->o, 4, 0xC1, 1, home); /* ROR */
    asm_imm(&e->o, 8, 1);
    asm_rr(&e->o, 1, 0x8A, home, RAX);
    asm_rr(&e->o, 4, 0xC1, 0, home); /* ROL */
    asm_imm(&e->o, 8, 1);
}

void em_put(struct emit *e, const struct ir_op *o)
{
    unsigned home = x64_guest[o->aux / 8];
    struct place *p = &e->place[o->a];
    bool own_alias = p->where == IN_GUEST && p->reg == home;
    if (own_alias && !(o->aux & 7)) {
        em_used(e, o->a);
        return;
    }
    em_overwrite(e, home, own_alias && e->left[o->a] == 1 ? o->a : 0);
    if (o->aux & 7)
        put_high(e, home, o->a);
    else if (p->where == IN_CONST && o->w == 4)
        asm_mov_imm(&e->o, home, em_imm_of(e, o->a));
    else if (o->w == 4)
        asm_mov(&e->o, home, em_in_reg(e, o->a, 0));
    else
        asm_rr(&e->o, o->w, o->w == 1 ? 0x8A : 0x8B, home, em_in_reg(e, o->a, 0));
    em_used(e, o->a);
}
