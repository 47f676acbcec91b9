/*
 * remake.c - flags that EFLAGS no longer hold, made again by doing the operation once more.
 *
 * Nearly all flags are only there for a fault that does not come: an access between them and the next ones may leave. Instead of
 * saving them in front of it, what they were made from is kept (in the register where it is, or in a slot once that is written),
 * and cold code makes them again. Flags that the code itself asks for are made again where EFLAGS have been lost.
 */
#include "translator/x64/work.h"

enum { LOGIC, COMPARE, SUM, DIFFERENCE, NEGATION, STEP, SHIFT, SHIFT_BY_CL, ROTATION, NOT_AGAIN };

static unsigned kind_of(const struct ir_op *o)
{
    switch (o->op) {
    case IR_AND:
        return o->uses ? LOGIC : COMPARE;
    case IR_OR:
    case IR_XOR:
        return LOGIC;
    case IR_ADD:
        return SUM;
    case IR_SUB:
        return o->uses ? DIFFERENCE : COMPARE;
    case IR_NEG:
        return NEGATION;
    case IR_INC:
    case IR_DEC:
        return STEP;
    default:
        return NOT_AGAIN;
    }
}

static unsigned kind_with_count(const struct emit *e, const struct ir_op *o)
{
    bool turns = o->op == IR_ROL || o->op == IR_ROR;
    if (!turns && o->op != IR_SHL && o->op != IR_SHR && o->op != IR_SAR)
        return kind_of(o);
    if (!em_is_const(e, o->b))
        return turns || !o->f ? NOT_AGAIN : SHIFT_BY_CL;
    if (!(em_imm_of(e, o->b) & 31))
        return NOT_AGAIN;
    return turns ? ROTATION : SHIFT;
}

/* Are some of its flags those of its token operand? */
static bool hands_on(const struct ir_op *o, unsigned kind)
{
    return o->f && (kind == STEP || kind == SHIFT_BY_CL || kind == ROTATION);
}

static struct remake *find(struct emit *e, ir_ref t)
{
    for (unsigned i = 0; i < e->nremakes; i++)
        if (e->remake[i].t == t)
            return &e->remake[i];
    return NULL;
}

static bool known(struct emit *e, ir_ref t)
{
    return e->home == t || find(e, t);
}

bool em_can_remake(struct emit *e, ir_ref t)
{
    return t && find(e, t);
}

/* Will there be cold code that wants the flags of operation AT, and nothing that needs them saved anyway? */
static bool for_cold_code(const struct emit *e, unsigned at)
{
    bool cold = false;
    for (unsigned i = at + 1; i < e->b->count; i++) {
        const struct ir_op *o = &e->b->op[i];
        if (o->op == IR_FLAGS && o->f != at)
            return cold;
        if (o->op == IR_HELPER || o->op == IR_REP || o->op == IR_LAST || o->op == IR_JMPV || o->op == IR_TEST0 || o->op == IR_IMAGE ||
            o->op == IR_CAS8)
            return false;
        cold |= ir_leaves(o) && o->op != IR_EXIT;
    }
    return cold;
}

/* Is its result, from which its flags could be made again, better kept? */
bool em_better_kept(const struct emit *e, unsigned at)
{
    const struct ir_op *o = &e->b->op[at];
    return o->set && kind_of(o) != NOT_AGAIN && for_cold_code(e, at);
}

/* ---- keeping ---- */

static void keep(struct emit *e, ir_ref v)
{
    if (v) {
        e->left[v]++;
        e->kept[v]++;
    }
}

static void let_go(struct emit *e, ir_ref v)
{
    if (v) {
        e->kept[v]--;
        em_used(e, v);
    }
}

static bool in_guest(const struct emit *e, ir_ref v, unsigned reg)
{
    return e->place[v].where == IN_GUEST && e->place[v].reg == reg;
}

/* The operand that goes with the result. False: both are overwritten by it. */
static bool other_operand(struct emit *e, const struct ir_op *o, struct remake *m)
{
    unsigned home = em_home_of_result(e, o->w);
    if (home == NO_REG || !in_guest(e, o->b, home)) {
        m->v[1] = o->b;
        return true;
    }
    m->v[1] = o->a;
    return o->op == IR_ADD && !in_guest(e, o->a, home);
}

/* The operand of a shift, which is mostly done in place: a slot of its own, or the value. */
static bool shifted(struct emit *e, const struct ir_op *o, struct remake *m)
{
    const struct place *p = &e->place[o->a];
    if (p->where != IN_GUEST || p->reg != em_home_of_result(e, o->w)) {
        m->v[0] = o->a;
        return true;
    }
    m->slot = (u8)em_to_slot(e, p->reg);
    return !e->failed;
}

static bool operands(struct emit *e, const struct ir_op *o, unsigned kind, struct remake *m)
{
    switch (kind) {
    case SUM:
    case DIFFERENCE:
        m->v[0] = (ir_ref)e->at;
        return other_operand(e, o, m);
    case COMPARE:
        m->v[0] = o->a;
        m->v[1] = o->b;
        return true;
    case SHIFT_BY_CL:
        m->v[1] = o->b;
        return shifted(e, o, m);
    case SHIFT:
        return shifted(e, o, m);
    default:
        m->v[0] = (ir_ref)e->at;
        return true;
    }
}

void em_remake_begin(struct emit *e, const struct ir_op *o)
{
    struct remake *m = &e->remake[e->nremakes];
    e->remaking = false;
    if (!o->set || e->nremakes == REMAKES)
        return;
    unsigned kind = kind_with_count(e, o);
    bool handed = hands_on(o, kind), lost = handed && (e->ef != o->f || e->ef_lacks);
    if (kind == NOT_AGAIN || e->place[o->a].where == IN_MEMORY || em_has_high(e, o))
        return;
    if ((handed && !known(e, o->f)) || !(for_cold_code(e, e->at) || lost))
        return;
    if ((kind == ROTATION || kind == SHIFT_BY_CL) && em_is_shift(e->b->op[o->f].op)) /* AF is not as EFLAGS have it then */
        em_home_token(e, o->f);
    *m = (struct remake){.t = (ir_ref)e->at, .slot = NO_REG, .before = handed ? o->f : 0};
    if (!operands(e, o, kind, m))
        return;
    keep(e, m->v[0]);
    keep(e, m->v[1]);
    e->remaking = true;
}

void em_remake_end(struct emit *e)
{
    e->nremakes += e->remaking;
    e->remaking = false;
}

static bool wanted(struct emit *e, ir_ref t)
{
    if (e->home == t)
        return false;
    for (unsigned i = 0; i < e->nremakes; i++)
        if (e->remake[i].before == t)
            return true;
    return em_token_wanted(e, t);
}

/* Last first: others may hang on those before. */
void em_remake_tidy(struct emit *e)
{
    for (unsigned i = e->nremakes; i-- > 0;) {
        struct remake m = e->remake[i];
        if (wanted(e, m.t))
            continue;
        e->remake[i] = e->remake[--e->nremakes];
        let_go(e, m.v[0]);
        let_go(e, m.v[1]);
        if (m.slot != NO_REG)
            e->slots &= ~BIT(m.slot);
    }
}

/* ---- making them again ---- */

/* As things are now. False: it cannot be done. */
static bool plan(struct emit *e, ir_ref t, struct remake_plan *p)
{
    p->steps = 0;
    for (;;) {
        const struct remake *m = find(e, t);
        if (!m || p->steps == ARRAY_LEN(p->step))
            return false;
        struct place first = m->slot == NO_REG ? e->place[m->v[0]] : (struct place){IN_SLOT, m->slot};
        p->step[p->steps++] = (struct remake_step){m->t, {m->v[0], m->v[1]}, {first, e->place[m->v[1]]}};
        p->from = m->before;
        if (!m->before || m->before == e->home)
            return true;
        t = m->before;
    }
}

struct remake_plan em_remake_plan(struct emit *e, ir_ref t)
{
    struct remake_plan p;
    if (!plan(e, t, &p))
        e->failed = true;
    return p;
}

/* OP (of group 1) RAX with operand I of the step. */
static void with(struct emit *e, const struct remake_step *s, unsigned w, unsigned op, unsigned i)
{
    const struct place *p = &s->place[i];
    if (p->where == IN_CONST)
        asm_alu_imm(&e->o, w, op, RAX, em_imm_of(e, s->v[i]));
    else if (p->where == IN_SLOT)
        asm_rm(&e->o, w, op * 8 + (w == 1 ? 2 : 3), RAX, em_slot_mem(p->reg));
    else
        asm_rr(&e->o, w, op * 8 + (w == 1 ? 2 : 3), RAX, p->reg);
}

/* Flags stay. */
static void into_rax(struct emit *e, const struct remake_step *s)
{
    const struct place *p = &s->place[0];
    if (p->where == IN_CONST)
        asm_mov_imm(&e->o, RAX, em_imm_of(e, s->v[0]));
    else if (p->where == IN_SLOT)
        asm_rm(&e->o, 4, 0x8B, RAX, em_slot_mem(p->reg));
    else
        asm_mov(&e->o, RAX, p->reg);
}

static unsigned shift_extension(const struct ir_op *o)
{
    return o->op == IR_SHL ? 4 : o->op == IR_SHR ? 5 : 7;
}

static void turn(struct emit *e, const struct ir_op *o, unsigned ext)
{
    asm_rr(&e->o, o->w, o->w == 1 ? 0xC0 : 0xC1, ext, RAX);
    asm_imm(&e->o, em_imm_of(e, o->b) & 31, 1);
}

static void shift_by_cl(struct emit *e, const struct remake_step *s, const struct ir_op *o, unsigned ext)
{
    const struct place *count = &s->place[1];
    asm_rm(&e->o, 8, 0x89, RCX, em_slot_mem(RCX_SLOT));
    if (count->where == IN_SLOT)
        asm_rm(&e->o, 4, 0x8B, RCX, em_slot_mem(count->reg));
    else
        asm_mov(&e->o, RCX, count->reg);
    asm_rm(&e->o, 4, 0x89, RCX, em_slot_mem(COUNT_SLOT));
    asm_rr(&e->o, o->w, o->w == 1 ? 0xD2 : 0xD3, ext, RAX);
    asm_rm(&e->o, 8, 0x8B, RCX, em_slot_mem(RCX_SLOT));
}

static void test(struct emit *e, const struct remake_step *s, unsigned w)
{
    const struct place *p = &s->place[1];
    if (p->where != IN_CONST) {
        with(e, s, w, 4, 1);
        return;
    }
    asm_rr(&e->o, w, w == 1 ? 0xF6 : 0xF7, 0, RAX);
    asm_imm(&e->o, em_imm_of(e, s->v[1]), w);
}

static void once_more(struct emit *e, const struct remake_step *s)
{
    const struct ir_op *o = &e->b->op[s->t];
    unsigned opcode = o->w == 1 ? 0xF6 : 0xF7;
    into_rax(e, s);
    switch (kind_with_count(e, o)) {
    case LOGIC:
        asm_rr(&e->o, o->w, o->w == 1 ? 0x84 : 0x85, RAX, RAX);
        break;
    case COMPARE:
        if (o->op == IR_SUB)
            with(e, s, o->w, 7, 1);
        else
            test(e, s, o->w);
        break;
    case SUM:
        with(e, s, o->w, 5, 1);
        with(e, s, o->w, 0, 1);
        break;
    case DIFFERENCE:
        with(e, s, o->w, 0, 1);
        with(e, s, o->w, 5, 1);
        break;
    case NEGATION:
        asm_rr(&e->o, o->w, opcode, 3, RAX);
        asm_rr(&e->o, o->w, opcode, 3, RAX);
        break;
    case STEP:
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(RAX, o->op == IR_INC ? -1 : 1));
        asm_rr(&e->o, o->w, o->w == 1 ? 0xFE : 0xFF, o->op == IR_DEC, RAX);
        break;
    case SHIFT:
        turn(e, o, shift_extension(o));
        break;
    case SHIFT_BY_CL:
        shift_by_cl(e, s, o, shift_extension(o));
        break;
    default: /* the way it came turns the flags too, but only those that are made anew */
        turn(e, o, o->op == IR_ROL);
        turn(e, o, o->op == IR_ROR);
    }
}

void em_remake_do(struct emit *e, const struct remake_plan *p)
{
    if (e->failed)
        return;
    if (p->from)
        em_flags_from_home(e);
    for (unsigned i = p->steps; i-- > 0;)
        once_more(e, &p->step[i]);
}
