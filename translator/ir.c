/*
 * ir.c - building, cleaning, checking and showing blocks of the intermediate representation.
 */
#include "translator/ir.h"
#include <inttypes.h>

#define V IR_VALUE
#define T IR_TOKEN
#define G IR_STATE
#define L IR_LEAVES
#define E IR_ENDS
#define A IR_A
#define B IR_B
#define C IR_C
#define F IR_F
#define P IR_P
#define I IR_I
#define X IR_X
#define K IR_K
const struct ir_info ir_info[IR_COUNT] = {
#define OP(n, o, a, s) [IR_##n] = {.name = #n, .operands = o, .attrs = a, .sentence = s},
#include "translator/ir.def"
#undef OP
};
#undef V
#undef T
#undef G
#undef L
#undef E
#undef A
#undef B
#undef C
#undef F
#undef P
#undef I
#undef X
#undef K

/* ---- builder ---- */

void ir_begin(struct ir_block *b)
{
    b->count = 0;
    b->flags = 0;
    b->full = false;
    b->groups = 0;
    b->group[0] = (struct ir_group){0};
    ir_add(b, (struct ir_op){.op = IR_NOP});
}

ir_ref ir_add(struct ir_block *b, struct ir_op op)
{
    if (b->count == IR_MAX_OPS) {
        b->full = true;
        return IR_MAX_OPS - 1;
    }
    b->op[b->count] = op;
    return (ir_ref)b->count++;
}

ir_ref ir_flags(struct ir_block *b)
{
    if (!b->flags)
        b->flags = ir_add(b, (struct ir_op){.op = IR_GETF});
    return b->flags;
}

void ir_set_flags(struct ir_block *b, ir_ref token)
{
    b->flags = token;
    ir_add(b, (struct ir_op){.op = IR_FLAGS, .f = token});
}

/* A flag state is seen by whatever may leave; one that another follows first is dropped. */
static void drop_flags(struct ir_block *b)
{
    bool seen = true;
    for (unsigned i = b->count; i-- > 1;) {
        struct ir_op *o = &b->op[i];
        if (ir_leaves(o) || (ir_info[o->op].attrs & IR_ENDS))
            seen = true;
        if (o->op != IR_FLAGS)
            continue;
        if (!seen || b->op[o->f].op == IR_GETF)
            o->op = IR_NOP;
        seen = false;
    }
}

static void count_uses(struct ir_block *b, struct ir_op *o, int by)
{
    if (ir_has(o->op, IR_A))
        b->op[o->a].uses += by;
    if (ir_has(o->op, IR_B))
        b->op[o->b].uses += by;
    if (ir_has(o->op, IR_C))
        b->op[o->c].uses += by;
    if (ir_has(o->op, IR_F | IR_P))
        b->op[o->f].fuses += by;
}

u8 ir_condition(unsigned cc)
{
    static const u8 flags[8] = {IR_OF, IR_CF, IR_ZF, IR_CF | IR_ZF, IR_SF, IR_PF, IR_SF | IR_OF, IR_ZF | IR_SF | IR_OF};
    return flags[cc >> 1 & 7];
}

/* Flags that O takes from the token before: of those it hands on what is wanted of its own. */
static u8 taken(const struct ir_block *b, const struct ir_op *o)
{
    bool known = b->op[o->b].op == IR_CONST; /* a shift's count, which is not 0 then */
    switch (o->op) {
    case IR_JCC:
    case IR_EXIT:
    case IR_SETCC:
    case IR_SELECT:
        return ir_condition(o->cc);
    case IR_ADC:
    case IR_SBB:
        return IR_CF;
    case IR_INC:
    case IR_DEC:
        return o->set & IR_CF;
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_SHLD:
    case IR_SHRD:
        return o->set;
    case IR_ROL:
    case IR_ROR:
        return known ? o->set & ~(IR_CF | IR_OF) : o->set;
    case IR_RCL:
    case IR_RCR:
        return IR_CF | (known ? o->set & ~(IR_CF | IR_OF) : o->set);
    case IR_BT:
    case IR_BTS:
    case IR_BTR:
    case IR_BTC:
        return o->set & ~IR_CF;
    case IR_CARRY:
        return o->aux == 2 ? o->set : o->set & ~IR_CF;
    case IR_AHF:
        return IR_OF;
    default:
        return IR_FLAGS_ALL;
    }
}

/* What somebody wants of the token that O takes, all who want O's being known. */
static void pass_wants(struct ir_block *b, struct ir_op *o)
{
    bool may_do_without = ir_has(o->op, IR_P);
    if (!o->f || !(may_do_without || ir_has(o->op, IR_F)))
        return;
    u8 want = taken(b, o);
    b->op[o->f].set |= want;
    if (!want && may_do_without) {
        b->op[o->f].fuses--;
        o->f = 0;
    }
}

bool ir_finish(struct ir_block *b)
{
    if (b->full)
        return false;
    drop_flags(b);
    for (unsigned i = 1; i < b->count; i++)
        b->op[i].uses = b->op[i].fuses = b->op[i].set = 0;
    for (unsigned i = 1; i < b->count; i++)
        count_uses(b, &b->op[i], 1);
    for (unsigned i = b->count; i-- > 1;) {
        struct ir_op *o = &b->op[i];
        u8 attrs = ir_info[o->op].attrs;
        bool pure = (attrs & (IR_VALUE | IR_TOKEN)) && !(attrs & (IR_STATE | IR_LEAVES | IR_ENDS));
        if (pure && !o->uses && !o->fuses) {
            count_uses(b, o, -1);
            *o = (struct ir_op){.op = IR_NOP};
        }
        pass_wants(b, o);
    }
    return true;
}

/* ---- checks and views ---- */

static const char *bad_operand(const struct ir_block *b, unsigned at, ir_ref ref, u8 want)
{
    if (ref == 0)
        return want == IR_TOKEN ? "a token is missing" : NULL; /* absent parts of LEA */
    if (ref >= at)
        return "takes something that comes later";
    return ir_info[b->op[ref].op].attrs & want ? NULL : "takes what yields nothing of that kind";
}

static const char *bad_op(const struct ir_block *b, unsigned at)
{
    const struct ir_op *o = &b->op[at];
    const char *bad = NULL;
    if (ir_has(o->op, IR_A))
        bad = bad_operand(b, at, o->a, IR_VALUE);
    if (!bad && ir_has(o->op, IR_B))
        bad = bad_operand(b, at, o->b, IR_VALUE);
    if (!bad && ir_has(o->op, IR_C))
        bad = bad_operand(b, at, o->c, IR_VALUE);
    if (!bad && (ir_has(o->op, IR_F) || (ir_has(o->op, IR_P) && o->f)))
        bad = bad_operand(b, at, o->f, IR_TOKEN);
    if (!bad && o->op == IR_STW && b->op[o->a].op != IR_LDW)
        bad = "STW without its LDW";
    if (!bad && !!(ir_info[o->op].attrs & IR_ENDS) != (at == b->count - 1))
        bad = "the end is not at the end";
    return bad;
}

const char *ir_verify(const struct ir_block *b)
{
    for (unsigned i = 1; i < b->count; i++) {
        if (b->op[i].op >= IR_COUNT)
            return "no such operation";
        const char *bad = bad_op(b, i);
        if (bad)
            return bad;
    }
    return b->count > 1 ? NULL : "empty";
}

void ir_dump_op(const struct ir_block *b, unsigned at, FILE *out)
{
    const struct ir_op *o = &b->op[at];
    const struct ir_info *info = &ir_info[o->op];
    if (o->op == IR_NOP)
        return;
    if (info->attrs & (IR_VALUE | IR_TOKEN))
        fprintf(out, "  %3u%s = ", at, o->set ? "!" : " ");
    else
        fprintf(out, "         ");
    fprintf(out, "%s", info->name);
    if (o->w)
        fprintf(out, ".%u", o->w * 8);
    if (info->operands & IR_A)
        fprintf(out, " %u", o->a);
    if (info->operands & IR_B)
        fprintf(out, " %u", o->b);
    if (info->operands & IR_C)
        fprintf(out, " %u", o->c);
    if (info->operands & (IR_F | IR_P))
        fprintf(out, " !%u", o->f);
    if (info->operands & IR_I)
        fprintf(out, " %" PRIX64 "h", o->imm);
    if (info->operands & IR_X)
        fprintf(out, " @%X", o->aux);
    if (info->operands & IR_K)
        fprintf(out, " cc%u", o->cc);
    if (o->group)
        fprintf(out, " group %u+%u", o->group, o->delta);
    fputc('\n', out);
}

void ir_dump(const struct ir_block *b, FILE *out)
{
    for (unsigned i = 1; i < b->count; i++)
        ir_dump_op(b, i, out);
}
