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
    if (ir_has(o->op, 'a'))
        b->op[o->a].uses += by;
    if (ir_has(o->op, 'b'))
        b->op[o->b].uses += by;
    if (ir_has(o->op, 'c'))
        b->op[o->c].uses += by;
    if (ir_has(o->op, 'f') || ir_has(o->op, 'p'))
        b->op[o->f].fuses += by;
}

bool ir_finish(struct ir_block *b)
{
    if (b->full)
        return false;
    drop_flags(b);
    for (unsigned i = 1; i < b->count; i++)
        b->op[i].uses = b->op[i].fuses = 0;
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
        o->set = o->fuses != 0;
        if (ir_has(o->op, 'p') && !o->set && o->f) {
            b->op[o->f].fuses--;
            o->f = 0;
        }
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
    if (ir_has(o->op, 'a'))
        bad = bad_operand(b, at, o->a, IR_VALUE);
    if (!bad && ir_has(o->op, 'b'))
        bad = bad_operand(b, at, o->b, IR_VALUE);
    if (!bad && ir_has(o->op, 'c'))
        bad = bad_operand(b, at, o->c, IR_VALUE);
    if (!bad && (ir_has(o->op, 'f') || (ir_has(o->op, 'p') && o->f)))
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
    for (const char *p = info->operands; *p; p++) {
        switch (*p) {
        case 'a':
            fprintf(out, " %u", o->a);
            break;
        case 'b':
            fprintf(out, " %u", o->b);
            break;
        case 'c':
            fprintf(out, " %u", o->c);
            break;
        case 'f':
        case 'p':
            fprintf(out, " !%u", o->f);
            break;
        case 'i':
            fprintf(out, " %" PRIX64 "h", o->imm);
            break;
        case 'x':
            fprintf(out, " @%X", o->aux);
            break;
        case 'k':
            fprintf(out, " cc%u", o->cc);
            break;
        }
    }
    if (o->group)
        fprintf(out, " group %u+%u", o->group, o->delta);
    fputc('\n', out);
}

void ir_dump(const struct ir_block *b, FILE *out)
{
    for (unsigned i = 1; i < b->count; i++)
        ir_dump_op(b, i, out);
}
