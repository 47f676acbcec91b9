/*
 * rows.c - any row of the instruction table as a case: what no form of forms.c singles out runs in every mode too.
 */
#include "tests/system/rows.h"
#include "tests/system/judge.h"

static const struct row rows[] = {
#include "rows.inc"
};

enum { MODRM_NO, MODRM_ANY, MODRM_MEM, MODRM_REG, MODRM_R, MODRM_RM, MODRM_RR, MODRM_IS };

/* A register by number. ESP stays where it is as long as faults use it: at the innermost level. */
static u32 some_register(struct test *t, const struct row *r)
{
    u32 n = pick(t, 8);
    return n == ESP && t->cpl == 0 && (r->traits & ROW_GENERAL) ? ECX : n;
}

static void opcode(struct test *t, const struct row *r)
{
    u32 first = r->span == 8 ? some_register(t, r) : pick(t, r->span);
    if (r->opcode > 0xFF)
        case_put(t, r->opcode >> 8);
    case_put(t, (r->opcode & 0xFF) + first);
}

static u32 in_memory(struct test *t, const struct row *r)
{
    switch (r->modrm) {
    case MODRM_MEM:
    case MODRM_RM:
        return 1;
    case MODRM_ANY:
    case MODRM_R:
        return one_in(t, 2);
    default:
        return 0;
    }
}

/* Opcode, ModRM byte and displacement. */
static void operands(struct test *t, const struct row *r)
{
    u32 reg = r->modrm == MODRM_R || r->modrm == MODRM_RM || r->modrm == MODRM_RR ? r->arg : some_register(t, r);
    if (in_memory(t, r)) {
        if ((r->traits & ROW_LOCK) && one_in(t, 6))
            case_put(t, 0xF0);
        if (r->traits & ROW_BITS)
            before.gpr[reg] = pick(t, 64) - 32;
        case_with_memory(t, r->opcode, reg);
        return;
    }
    opcode(t, r);
    if (r->modrm == MODRM_IS)
        case_put(t, r->arg);
    else if (r->modrm != MODRM_NO)
        case_put(t, 0xC0 | reg << 3 | some_register(t, r));
}

static void tail(struct test *t, const struct row *r, u32 size)
{
    u32 distance;
    switch (r->tail) {
    case TAIL_BYTE:
        case_put_n(t, case_value(t), 1);
        break;
    case TAIL_NEAR_BYTE:
        distance = pick(t, 256);
        case_put(t, distance == 0xFE ? 0 : distance); /* LOOP to itself would go on for long */
        break;
    case TAIL_WORD:
        case_put_n(t, case_value(t), 2);
        break;
    case TAIL_FULL:
        case_put_n(t, case_value(t), size);
        break;
    case TAIL_NEAR:
        case_put_n(t, pick(t, 0x400) - 0x100, size);
        break;
    case TAIL_FRAME:
        case_put_n(t, pick(t, 16) * 4, 2);
        case_put(t, pick(t, 4));
        break;
    case TAIL_OFFSET:
        case_put_n(t, case_place(t, DS), t->adsize);
        break;
    default:
        break;
    }
}

/* What XLAT, MASKMOV and the string instructions address without saying so. */
static void hidden_operands(struct test *t, const struct row *r)
{
    u32 mask = t->adsize == 2 ? 0xFFFF : 0xFFFFFFFF;
    if ((r->traits & ROW_STRING) || (r->opcode & 0xFF) == 0xF7) {
        before.gpr[ESI] = (case_place(t, DS) + pick(t, 16) - 8) & mask;
        before.gpr[EDI] = (case_place(t, DS) + pick(t, 16) - 8) & mask;
    }
    if (r->traits & ROW_STRING)
        before.gpr[ECX] = pick(t, 24);
    if (r->opcode == 0xD7)
        before.gpr[EBX] = case_place(t, DS);
}

void row_make(struct test *t)
{
    const struct row *r;
    do
        r = &rows[pick(t, sizeof rows / sizeof *rows)];
    while ((r->traits & ROW_USER) && t->cpl == 0);
    if (r->traits & ROW_ANSWER)
        t->ignore |= 1 << EAX | 1 << EDX;
    if (r->traits & ROW_ANSWER_ALL)
        t->ignore |= 1 << ECX | 1 << EBX;
    hidden_operands(t, r);
    if (r->prefix)
        case_put(t, r->prefix);
    else if ((r->traits & ROW_STRING) && one_in(t, 2))
        case_put(t, 0xF2 + pick(t, 2));
    u32 size = r->traits & ROW_SIZES ? case_opsize(t) : t->opsize;
    operands(t, r);
    tail(t, r, size);
    if (r->traits & ROW_UNDEFINED) {
        case_put_n(t, 0xC039, 2);    /* CMP EAX, EAX defines them */
        before.eflags &= ~EFLAGS_TF; /* which would show them before that */
    }
}
