/*
 * group.c - accesses that are known to lie near each other share one probe of the TLB.
 *
 * Addresses that differ by a number that is known here (fields of a structure, the stack frame) form a group. The first of
 * them looks whether all of the group lies in one page of plain memory; the others cannot fail then. No mapping changes inside
 * a block behind its back: whatever could change one is a handler, which closes the groups.
 */
#include "translator/ir.h"

/* A value as a root, of which nothing is known, and what is added to it. Root 0 is the number 0. */
struct sum {
    u32 root, off;
};

struct candidate {
    u32 root, lo, hi; /* [LO, HI) beside the root */
    unsigned first, members;
    bool write, closed;
    bool aligned; /* some access must be, to 16 bytes */
    u8 phase;     /* and has these low bits beside the root */
    u16 number;
};

enum { CANDIDATES = 32, SPAN_MAX = 1024 /* the wider, the more often it does not fit into a page */ };

/* Arrays are filled as far as they are used: most blocks are short. */
struct finder {
    struct ir_block *b;
    u32 roots;
    unsigned count;
    struct sum reg[8], value[IR_MAX_OPS];
    struct candidate list[CANDIDATES];
    u8 of[IR_MAX_OPS]; /* candidate of an access + 1 */
};

static struct sum unknown(struct finder *f)
{
    return (struct sum){++f->roots, 0};
}

static void registers_change(struct finder *f)
{
    for (unsigned i = 0; i < ARRAY_LEN(f->reg); i++)
        f->reg[i] = unknown(f);
}

static bool is_vector(const struct ir_op *o)
{
    return o->op == IR_SSEM || o->op == IR_MMXM;
}

static bool is_access(const struct ir_op *o)
{
    return o->op == IR_LD || o->op == IR_ST || o->op == IR_LDW || is_vector(o) || o->op == IR_X87M;
}

static bool writes(const struct ir_op *o)
{
    return is_vector(o) ? o->cc & 1 : o->op == IR_X87M ? o->cc : o->op != IR_LD;
}

static bool must_be_aligned(const struct ir_op *o)
{
    return o->op == IR_SSEM && (o->cc & 2);
}

/* Nobody has looked yet where its segment ends. */
static bool is_flat(const struct ir_op *o)
{
    return is_vector(o) ? o->cc & 4 : o->aux;
}

/* Does C code run that may change registers and mappings? What leaves the block without coming back does not matter. */
static bool closes(const struct ir_op *o)
{
    switch (o->op) {
    case IR_LD:
    case IR_ST:
    case IR_LDW:
    case IR_SSEM:
    case IR_MMXM:
    case IR_X87IN:
    case IR_X87M:
    case IR_X87CW:
    case IR_SEG:
    case IR_SEGOK:
    case IR_SETSEG:
    case IR_LIMIT:
    case IR_DIV:
    case IR_IDIV:
    case IR_IMAGE:
    case IR_POPPED:
    case IR_EXIT:
    case IR_GUARD:
        return false;
    default:
        return ir_info[o->op].attrs & IR_LEAVES;
    }
}

/* Is O, a LEA with an index, a known number away from the earlier operation E? That is *BY. */
static bool is_beside(const struct finder *f, const struct ir_op *e, const struct ir_op *o, u32 *by)
{
    const struct sum *from = &f->value[e->b], *to = &f->value[o->b];
    if (e->op != IR_LEA || !e->b || e->aux != o->aux || from->root != to->root || !e->a != !o->a)
        return false;
    *by = (u32)o->imm - (u32)e->imm + ((to->off - from->off) << o->aux);
    if (!o->a)
        return true;
    *by += f->value[o->a].off - f->value[e->a].off;
    return f->value[e->a].root == f->value[o->a].root;
}

/* An earlier LEA of the same base and index has the same root. */
static struct sum lea(struct finder *f, unsigned at)
{
    const struct ir_op *o = &f->b->op[at];
    u32 by;
    if (!o->b)
        return (struct sum){f->value[o->a].root, f->value[o->a].off + (u32)o->imm};
    for (unsigned i = at; i-- > 1;)
        if (is_beside(f, &f->b->op[i], o, &by))
            return (struct sum){f->value[i].root, f->value[i].off + by};
    return unknown(f);
}

static struct sum value_of(struct finder *f, unsigned at)
{
    const struct ir_op *o = &f->b->op[at], *b = &f->b->op[o->b];
    if (o->op == IR_CONST)
        return (struct sum){0, (u32)o->imm};
    if (o->w != 4)
        return unknown(f);
    switch (o->op) {
    case IR_GET:
        return f->reg[o->aux / 8];
    case IR_LEA:
        return lea(f, at);
    case IR_ADD:
    case IR_SUB:
        if (b->op == IR_CONST)
            return (struct sum){f->value[o->a].root, f->value[o->a].off + (o->op == IR_ADD ? (u32)b->imm : -(u32)b->imm)};
        return unknown(f);
    case IR_INC:
        return (struct sum){f->value[o->a].root, f->value[o->a].off + 1};
    case IR_DEC:
        return (struct sum){f->value[o->a].root, f->value[o->a].off - 1};
    default:
        return unknown(f);
    }
}

static void align(struct candidate *c, u32 off)
{
    c->aligned = true;
    c->phase = off & 15;
}

/* Does access O at S fit into it? It is made wider then. */
static bool joins(struct candidate *c, struct sum s, const struct ir_op *o)
{
    u32 len = o->w;
    if (c->closed || c->root != s.root || (must_be_aligned(o) && c->aligned && c->phase != (s.off & 15)))
        return false;
    if (s.off - c->lo + SPAN_MAX > 2 * SPAN_MAX) /* far away, perhaps half of all addresses: no way round is shorter */
        return false;
    u32 lo = (s32)(s.off - c->lo) < 0 ? s.off : c->lo, hi = (s32)(s.off + len - c->hi) > 0 ? s.off + len : c->hi;
    if (hi - lo > SPAN_MAX)
        return false;
    c->lo = lo;
    c->hi = hi;
    c->members++;
    if (must_be_aligned(o))
        align(c, s.off);
    return true;
}

static void access(struct finder *f, unsigned at)
{
    const struct ir_op *o = &f->b->op[at];
    if (!is_flat(o)) /* its segment has been looked at: another one may end between them */
        return;
    struct sum s = f->value[o->a];
    unsigned i = 0;
    while (i < f->count && !joins(&f->list[i], s, o))
        i++;
    if (i == f->count) {
        if (i == CANDIDATES)
            return;
        f->list[f->count++] =
            (struct candidate){.root = s.root, .lo = s.off, .hi = s.off + o->w, .first = at, .members = 1};
        if (must_be_aligned(o))
            align(&f->list[i], s.off);
    }
    f->list[i].write |= writes(o);
    f->of[at] = (u8)(i + 1);
}

static void look(struct finder *f, unsigned at)
{
    const struct ir_op *o = &f->b->op[at];
    f->of[at] = 0;
    f->value[at] = ir_info[o->op].attrs & IR_VALUE ? value_of(f, at) : (struct sum){0};
    if (is_access(o))
        access(f, at);
    else if (o->op == IR_PUT)
        f->reg[o->aux / 8] = o->w == 4 ? f->value[o->a] : unknown(f);
    if (closes(o)) {
        registers_change(f);
        for (unsigned i = 0; i < f->count; i++)
            f->list[i].closed = true;
    }
}

static void number(struct finder *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        struct candidate *c = &f->list[i];
        if (c->members < 2 || f->b->groups == IR_GROUPS)
            continue;
        c->number = (u16)++f->b->groups;
        f->b->group[c->number] = (struct ir_group){
            .span = (u16)(c->hi - c->lo), .write = c->write, .aligned = c->aligned, .residue = (c->phase - c->lo) & 15};
    }
}

void ir_group(struct ir_block *b)
{
    struct finder f;
    f.b = b;
    f.roots = f.count = 0;
    f.value[0] = (struct sum){0};
    registers_change(&f);
    for (unsigned i = 1; i < b->count; i++)
        look(&f, i);
    number(&f);
    for (unsigned i = 1; i < b->count; i++) {
        const struct candidate *c = f.of[i] ? &f.list[f.of[i] - 1] : NULL;
        if (!c || !c->number)
            continue;
        struct ir_op *o = &b->op[i];
        o->group = c->number;
        o->delta = (u16)(f.value[o->a].off - c->lo);
        if (i != c->first)
            o->a = 0;
    }
}
