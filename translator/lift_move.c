/*
 * lift_move.c - moves, exchanges and the stack.
 */
#include "translator/lift.h"

static void lift_MOV_EbGb(struct lift *l)
{
    lift_set_rm(l, 1, lift_get(l, 1, l->in->reg));
}

static void lift_MOV_EvGv(struct lift *l)
{
    lift_set_rm(l, lift_width(l), lift_get(l, lift_width(l), l->in->reg));
}

static void lift_MOV_GbEb(struct lift *l)
{
    lift_put(l, 1, l->in->reg, lift_rm(l, 1));
}

static void lift_MOV_GvEv(struct lift *l)
{
    lift_put(l, lift_width(l), l->in->reg, lift_rm(l, lift_width(l)));
}

static void lift_MOV_ZbIb(struct lift *l)
{
    lift_put(l, 1, l->in->reg, lift_immediate(l, 1));
}

static void lift_MOV_ZvIv(struct lift *l)
{
    lift_put(l, lift_width(l), l->in->reg, lift_immediate(l, lift_width(l)));
}

static void lift_MOV_EbIb(struct lift *l)
{
    lift_set_rm(l, 1, lift_immediate(l, 1));
}

static void lift_MOV_EvIz(struct lift *l)
{
    lift_set_rm(l, lift_width(l), lift_immediate(l, lift_width(l)));
}

static ir_ref moffs(struct lift *l)
{
    return ir_const(l->b, 4, (u32)l->in->imm);
}

static void lift_MOV_ALOb(struct lift *l)
{
    lift_put(l, 1, 0, lift_load(l, 1, l->in->seg, moffs(l)));
}

static void lift_MOV_AXOv(struct lift *l)
{
    lift_put(l, lift_width(l), R_AX, lift_load(l, lift_width(l), l->in->seg, moffs(l)));
}

static void lift_MOV_ObAL(struct lift *l)
{
    lift_store(l, 1, l->in->seg, moffs(l), lift_get(l, 1, 0));
}

static void lift_MOV_OvAX(struct lift *l)
{
    lift_store(l, lift_width(l), l->in->seg, moffs(l), lift_get(l, lift_width(l), R_AX));
}

static void widen(struct lift *l, enum ir_opcode op, unsigned from)
{
    ir_ref v = lift_rm(l, from);
    bool wide = op == IR_ZEXT && l->in->mem; /* as LD has it */
    lift_put(l, lift_width(l), l->in->reg, wide ? v : ir_1(l->b, op, from, v));
}

static void lift_MOVZX_GvEb(struct lift *l)
{
    widen(l, IR_ZEXT, 1);
}

static void lift_MOVZX_GvEw(struct lift *l)
{
    widen(l, IR_ZEXT, 2);
}

static void lift_MOVSX_GvEb(struct lift *l)
{
    widen(l, IR_SEXT, 1);
}

static void lift_MOVSX_GvEw(struct lift *l)
{
    widen(l, IR_SEXT, 2);
}

static void lift_LEA_GvM(struct lift *l)
{
    lift_put(l, lift_width(l), l->in->reg, lift_offset(l));
}

static void exchange(struct lift *l, unsigned w)
{
    ir_ref a = lift_rmw(l, w), b = lift_get(l, w, l->in->reg);
    lift_rmw_end(l, w, a, b);
    lift_put(l, w, l->in->reg, a);
}

static void lift_XCHG_EbGb(struct lift *l)
{
    exchange(l, 1);
}

static void lift_XCHG_EvGv(struct lift *l)
{
    exchange(l, lift_width(l));
}

/* The accumulator gets what was there: where they are equal, what it has. */
static void compare_exchange(struct lift *l, unsigned w)
{
    ir_ref a = lift_rmw(l, w), was = lift_get(l, w, w == 1 ? 0 : R_AX), b = lift_get(l, w, l->in->reg);
    ir_ref same = ir_2(l->b, IR_SUB, w, was, a);
    ir_ref v = ir_add(l->b, (struct ir_op){.op = IR_SELECT, .w = 4, .a = b, .b = a, .f = same, .cc = 4});
    lift_put(l, w, w == 1 ? 0 : R_AX, a);
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, same);
}

static void lift_CMPXCHG_EbGb(struct lift *l)
{
    compare_exchange(l, 1);
}

static void lift_CMPXCHG_EvGv(struct lift *l)
{
    compare_exchange(l, lift_width(l));
}

static void lift_CMPXCHG8B_Mq(struct lift *l)
{
    ir_ref lin = lift_linear(l, l->in->seg, lift_offset(l), 8, true);
    u32 flat = lift_unchecked(l, l->in->seg, true);
    ir_set_flags(l->b, ir_add(l->b, (struct ir_op){.op = IR_CAS8, .w = 8, .a = lin, .aux = flat}));
}

/* XADD of a register with itself leaves the sum. */
static void exchange_add(struct lift *l, unsigned w)
{
    ir_ref a = lift_rmw(l, w), v = ir_2(l->b, IR_ADD, w, a, lift_get(l, w, l->in->reg));
    lift_put(l, w, l->in->reg, a);
    lift_rmw_end(l, w, a, v);
    ir_set_flags(l->b, v);
}

static void lift_XADD_EbGb(struct lift *l)
{
    exchange_add(l, 1);
}

static void lift_XADD_EvGv(struct lift *l)
{
    exchange_add(l, lift_width(l));
}

static void lift_XCHG_ZvAX(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref a = lift_get(l, w, R_AX), b = lift_get(l, w, l->in->reg);
    lift_put(l, w, R_AX, b);
    lift_put(l, w, l->in->reg, a);
}

static void lift_XLAT(struct lift *l)
{
    ir_ref index = ir_1(l->b, IR_ZEXT, 1, lift_get(l, 1, 0));
    ir_ref off = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = lift_get(l, 4, R_BX), .b = index});
    lift_put(l, 1, 0, lift_load(l, 1, l->in->seg, l->in->adsize == 0 ? ir_1(l->b, IR_ZEXT, 2, off) : off));
}

static void lift_BSWAP_Zv(struct lift *l)
{
    if (lift_width(l) == 2) {
        lift_handler(l);
        return;
    }
    lift_put(l, 4, l->in->reg, ir_1(l->b, IR_BSWAP, 4, lift_get(l, 4, l->in->reg)));
}

static void lift_NOP(struct lift *l)
{
}

static ir_ref condition(struct lift *l)
{
    return ir_add(l->b, (struct ir_op){.op = IR_SETCC, .w = 1, .f = ir_flags(l->b), .cc = l->in->modrm & 15});
}

static void lift_SETcc_Eb(struct lift *l)
{
    lift_set_rm(l, 1, condition(l));
}

/* Memory is read, and a register of 32 bits written, whether the condition holds or not. */
static void lift_CMOVcc_GvEv(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref v = lift_rm(l, w), old = lift_get(l, w, l->in->reg);
    lift_put(l, w, l->in->reg,
             ir_add(l->b, (struct ir_op){.op = IR_SELECT, .w = (u8)w, .a = v, .b = old, .f = ir_flags(l->b), .cc = l->in->modrm & 15}));
}

/* ---- stack ---- */

static void lift_PUSH_Zv(struct lift *l)
{
    lift_push(l, lift_width(l), lift_get(l, lift_width(l), l->in->reg));
}

static void lift_PUSH_Iz(struct lift *l)
{
    lift_push(l, lift_width(l), lift_immediate(l, lift_width(l)));
}

static void lift_PUSH_Ev(struct lift *l)
{
    lift_push(l, lift_width(l), lift_rm(l, lift_width(l)));
}

/* POP ESP: what was popped stays. */
static void lift_POP_Zv(struct lift *l)
{
    unsigned w = lift_width(l);
    ir_ref v = lift_peek(l, w);
    lift_drop(l, w);
    lift_put(l, w, l->in->reg, v);
}

/* An address that begins with ESP has it as it is behind POP. */
static void lift_POP_Ev(struct lift *l)
{
    if (!l->in->mem) {
        unsigned w = lift_width(l);
        ir_ref v = lift_peek(l, w);
        lift_drop(l, w);
        lift_put(l, w, l->in->rm, v);
    } else if (l->in->base == R_SP && !l->mode->stack32) {
        lift_handler(l);
    } else {
        const struct insn *in = l->in;
        struct insn at = *in;
        unsigned w = lift_width(l);
        ir_ref v = lift_peek(l, w);
        if (in->base == R_SP)
            at.disp = (s32)((u32)in->disp + w);
        l->in = &at;
        lift_store(l, w, in->seg, lift_offset(l), v);
        l->in = in;
        lift_drop(l, w);
    }
}

static void lift_LEAVE(struct lift *l)
{
    unsigned w = lift_width(l), stack = l->mode->stack32 ? 4 : 2;
    ir_ref bp = lift_get(l, 4, R_BP), at = l->mode->stack32 ? bp : ir_1(l->b, IR_ZEXT, 2, bp);
    ir_ref v = lift_load(l, w, SEG_SS, at);
    ir_ref sp = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = at, .imm = w});
    lift_put(l, stack, R_SP, sp);
    lift_put(l, w, R_BP, v);
}

/*
 * Linear addresses of what eight pushes or pops of W bytes touch, the lowest first: all are found in the segment, and
 * aligned.
 */
static void eight_slots(struct lift *l, unsigned w, ir_ref lowest, bool write, ir_ref slot[8])
{
    const bool wraps = !l->mode->stack32; /* SP may, between any two */
    struct ir_op check = {.op = IR_SEG, .w = 4, .a = lowest, .aux = SEG_SS, .imm = wraps ? w : 8 * w, .cc = (u8)(write | (w - 1) << 1)};
    slot[0] = ir_add(l->b, check);
    for (unsigned i = 1; i < 8; i++) {
        ir_ref at = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = wraps ? lowest : slot[0], .imm = i * w});
        slot[i] = wraps ? lift_linear(l, SEG_SS, ir_1(l->b, IR_ZEXT, 2, at), w, write) : at;
    }
}

/*
 * Nothing is half done: all is found to be writable before anything is stored, in the order of the pushes. Without a wrap the slots are
 * a group, and the first says enough.
 */
static void lift_PUSHA(struct lift *l)
{
    unsigned w = lift_width(l), unchecked = lift_unchecked(l, SEG_SS, true);
    if (unchecked && !l->mode->stack32) {
        lift_handler(l);
        return;
    }
    ir_ref sp = lift_stack_at(l, -8 * (s32)w), slot[8];
    eight_slots(l, w, sp, true, slot);
    for (unsigned i = 8; i-- > (l->mode->stack32 ? 7 : 0);)
        ir_add(l->b, (struct ir_op){.op = IR_LDW, .w = (u8)w, .a = slot[i], .aux = unchecked});
    for (unsigned i = 0; i < 8; i++)
        ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = slot[i], .b = lift_get(l, w, 7 - i), .aux = unchecked});
    lift_stack_set(l, sp);
}

/* ESP's slot is read too. */
static void lift_POPA(struct lift *l)
{
    unsigned w = lift_width(l), unchecked = lift_unchecked(l, SEG_SS, false);
    if (unchecked && !l->mode->stack32) {
        lift_handler(l);
        return;
    }
    ir_ref slot[8], v[8];
    eight_slots(l, w, lift_stack_at(l, 0), false, slot);
    for (unsigned i = 0; i < 8; i++)
        v[i] = ir_add(l->b, (struct ir_op){.op = IR_LD, .w = (u8)w, .a = slot[i], .aux = unchecked});
    lift_drop(l, 8 * w);
    for (unsigned i = 0; i < 8; i++) {
        if (i != 7 - R_SP)
            lift_put(l, w, 7 - i, v[i]);
    }
}

/* All is found to be writable before anything is stored, and the word at the final stack pointer though nothing is stored there. */
static void lift_ENTER(struct lift *l)
{
    unsigned w = lift_width(l), level = l->in->imm >> 16 & 31, size = (u16)l->in->imm;
    if (level > 1 || (w == 4 && !l->mode->stack32)) {
        lift_handler(l);
        return;
    }
    u32 unchecked = lift_unchecked(l, SEG_SS, true);
    ir_ref frame = lift_stack_at(l, -(s32)w), sp = lift_stack_at(l, -(s32)(w + level * w + size)), bp = lift_get(l, w, R_BP);
    ir_ref at = lift_linear(l, SEG_SS, frame, w, true), end = lift_linear(l, SEG_SS, sp, w, true);
    ir_ref touched[] = {at, level ? lift_linear(l, SEG_SS, lift_stack_at(l, -2 * (s32)w), w, true) : at, end};
    for (unsigned i = 0; i < ARRAY_LEN(touched); i++)
        ir_add(l->b, (struct ir_op){.op = IR_LDW, .w = (u8)w, .a = touched[i], .aux = unchecked});
    ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = at, .b = bp, .aux = unchecked});
    if (level)
        ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = touched[1], .b = frame, .aux = unchecked});
    lift_put(l, w, R_BP, frame);
    lift_stack_set(l, sp);
}

/* ---- the table ---- */

#define SAME(id) [ISA_##id] = lift_##id

const lift_fn lift_move_table[ISA_COUNT] = {
    SAME(MOV_EbGb), SAME(MOV_EvGv), SAME(MOV_GbEb), SAME(MOV_GvEv), SAME(MOV_ZbIb), SAME(MOV_ZvIv), SAME(MOV_EbIb),
    SAME(MOV_EvIz), SAME(MOV_ALOb), SAME(MOV_AXOv), SAME(MOV_ObAL), SAME(MOV_OvAX), SAME(MOVZX_GvEb),
    SAME(MOVZX_GvEw), SAME(MOVSX_GvEb), SAME(MOVSX_GvEw), SAME(LEA_GvM), SAME(XCHG_EbGb), SAME(XCHG_EvGv),
    SAME(XCHG_ZvAX), SAME(BSWAP_Zv), SAME(XLAT), SAME(SETcc_Eb), SAME(CMOVcc_GvEv), SAME(CMPXCHG_EbGb),
    SAME(CMPXCHG_EvGv), SAME(CMPXCHG8B_Mq), SAME(XADD_EbGb), SAME(XADD_EvGv), SAME(NOP), [ISA_PAUSE] = lift_NOP,
    [ISA_NOP_Ev] = lift_NOP, [ISA_NOP_Ev_18] = lift_NOP, [ISA_NOP_Ev_19] = lift_NOP, [ISA_NOP_Ev_1A] = lift_NOP,
    [ISA_NOP_Ev_1B] = lift_NOP, [ISA_NOP_Ev_1C] = lift_NOP, [ISA_NOP_Ev_1D] = lift_NOP, [ISA_NOP_Ev_1E] = lift_NOP,
    SAME(PUSH_Zv), SAME(PUSH_Iz), [ISA_PUSH_Ib] = lift_PUSH_Iz, SAME(PUSH_Ev), SAME(POP_Zv), SAME(POP_Ev),
    SAME(LEAVE), SAME(PUSHA), SAME(POPA), [ISA_ENTER_IwIb] = lift_ENTER,
};
