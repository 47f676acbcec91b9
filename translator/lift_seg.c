/*
 * lift_seg.c - selectors on their way, and what real and virtual-8086 mode do with segment registers: loads, far transfers.
 */
#include "translator/lift.h"

static ir_ref selector(struct lift *l, unsigned seg)
{
    return ir_add(l->b, (struct ir_op){.op = IR_SEL, .w = 4, .aux = seg});
}

/* Memory gets 16 bits whatever the operand size. */
static void lift_MOV_EvSw(struct lift *l)
{
    if (l->in->reg >= SEG_COUNT)
        lift_handler(l);
    else
        lift_set_rm(l, l->in->mem ? 2 : lift_width(l), selector(l, l->in->reg));
}

static void push_selector(struct lift *l, unsigned seg)
{
    lift_push_part(l, lift_width(l), 2, selector(l, seg));
}

/* ---- loading: in protected mode, and of SS, the handler's business ---- */

static bool as_real(const struct lift *l)
{
    return l->mode->real || l->mode->v86;
}

static bool loads_here(const struct lift *l, unsigned seg)
{
    return as_real(l) && seg < SEG_COUNT && seg != SEG_CS && seg != SEG_SS;
}

static void can_load(struct lift *l, unsigned seg)
{
    ir_add(l->b, (struct ir_op){.op = IR_SEGOK, .aux = seg});
}

static void set(struct lift *l, unsigned seg, ir_ref sel)
{
    ir_add(l->b, (struct ir_op){.op = IR_SETSEG, .w = 2, .a = sel, .aux = seg, .cc = l->mode->v86});
}

static void load(struct lift *l, unsigned seg, ir_ref sel)
{
    can_load(l, seg);
    set(l, seg, sel);
}

static void lift_MOV_SwEw(struct lift *l)
{
    if (loads_here(l, l->in->reg))
        load(l, l->in->reg, lift_rm(l, 2));
    else
        lift_handler(l);
}

static void pop_selector(struct lift *l, unsigned seg)
{
    if (!loads_here(l, seg)) {
        lift_handler(l);
        return;
    }
    load(l, seg, lift_peek(l, 2));
    lift_drop(l, lift_width(l));
}

struct pointer {
    ir_ref off, sel;
};

/* The memory operand: the offset lies first. */
static struct pointer pointer(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref at = lift_offset(l), off = lift_load(l, w, l->in->seg, at);
    ir_ref next = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = at, .imm = w});
    if (l->in->adsize == 0)
        next = ir_1(l->b, IR_ZEXT, 2, next);
    return (struct pointer){off, lift_load(l, 2, l->in->seg, next)};
}

static void load_pointer(struct lift *l, unsigned seg)
{
    if (!loads_here(l, seg)) {
        lift_handler(l);
        return;
    }
    struct pointer p = pointer(l);
    load(l, seg, p.sel);
    lift_put(l, lift_width(l), l->in->reg, p.off);
}

/* ---- far transfers ---- */

/* Outside of protected mode nothing faults once the target and the stack have been checked. */
static bool goes_far_here(const struct lift *l)
{
    return as_real(l) && !(l->mode->flat >> SEG_SS & 1);
}

static void check_target(struct lift *l, ir_ref off)
{
    ir_add(l->b, (struct ir_op){.op = IR_LIMIT, .a = off, .imm = l->mode->code_limit});
}

static void go(struct lift *l, ir_ref off)
{
    ir_add(l->b, (struct ir_op){.op = IR_JMPV, .w = 4, .a = off});
    l->ended = true;
}

static void call(struct lift *l, ir_ref sel, ir_ref off)
{
    check_target(l, off);
    can_load(l, SEG_CS);
    lift_push_two(l, lift_width(l), selector(l, SEG_CS), ir_const(l->b, 4, lift_next(l)));
    set(l, SEG_CS, sel);
    go(l, off);
}

static void jump(struct lift *l, ir_ref sel, ir_ref off)
{
    check_target(l, off);
    load(l, SEG_CS, sel);
    go(l, off);
}

static void give_back(struct lift *l, unsigned more)
{
    unsigned w = lift_width(l);
    if (!goes_far_here(l)) {
        lift_handler(l);
        return;
    }
    ir_ref off = lift_peek(l, w), sel = lift_peek_at(l, w, w);
    check_target(l, off);
    load(l, SEG_CS, sel);
    lift_drop(l, 2 * w + more);
    go(l, off);
}

static void lift_RETF(struct lift *l)
{
    give_back(l, 0);
}

static void lift_RETF_Iw(struct lift *l)
{
    give_back(l, (u16)l->in->imm);
}

static void direct(struct lift *l, void (*to)(struct lift *l, ir_ref sel, ir_ref off))
{
    if (goes_far_here(l))
        to(l, ir_const(l->b, 4, (u16)(l->in->imm >> 32)), ir_const(l->b, 4, (u32)l->in->imm));
    else
        lift_handler(l);
}

static void lift_CALL_Ap(struct lift *l)
{
    direct(l, call);
}

static void lift_JMP_Ap(struct lift *l)
{
    direct(l, jump);
}

static void indirect(struct lift *l, void (*to)(struct lift *l, ir_ref sel, ir_ref off))
{
    if (goes_far_here(l)) {
        struct pointer p = pointer(l);
        to(l, p.sel, p.off);
    } else {
        lift_handler(l);
    }
}

static void lift_CALL_Mp(struct lift *l)
{
    indirect(l, call);
}

static void lift_JMP_Mp(struct lift *l)
{
    indirect(l, jump);
}

/* clang-format off */
#define PUSH_SEG(seg) static void lift_PUSH_##seg(struct lift *l) { push_selector(l, SEG_##seg); }
#define POP_SEG(seg) static void lift_POP_##seg(struct lift *l) { pop_selector(l, SEG_##seg); }
#define POINTER(seg) static void lift_L##seg(struct lift *l) { load_pointer(l, SEG_##seg); }
PUSH_SEG(ES) PUSH_SEG(CS) PUSH_SEG(SS) PUSH_SEG(DS) PUSH_SEG(FS) PUSH_SEG(GS)
POP_SEG(ES) POP_SEG(DS) POP_SEG(FS) POP_SEG(GS)
POINTER(ES) POINTER(DS) POINTER(FS) POINTER(GS)
/* clang-format on */

#define SAME(id) [ISA_##id] = lift_##id

const lift_fn lift_seg_table[ISA_COUNT] = {
    SAME(MOV_EvSw), SAME(PUSH_ES), SAME(PUSH_CS), SAME(PUSH_SS), SAME(PUSH_DS), SAME(PUSH_FS), SAME(PUSH_GS),
    SAME(MOV_SwEw), SAME(POP_ES), SAME(POP_DS), SAME(POP_FS), SAME(POP_GS),
    SAME(CALL_Ap), SAME(JMP_Ap), SAME(CALL_Mp), SAME(JMP_Mp), SAME(RETF), SAME(RETF_Iw),
    [ISA_LES_GvMp] = lift_LES, [ISA_LDS_GvMp] = lift_LDS, [ISA_LFS_GvMp] = lift_LFS, [ISA_LGS_GvMp] = lift_LGS,
};
