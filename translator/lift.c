/*
 * lift.c - blocks of guest instructions to the intermediate representation: the driver, and the operands.
 */
#include "translator/lift.h"

/* ---- registers ---- */

ir_ref lift_get(struct lift *l, unsigned w, unsigned reg)
{
    return ir_add(l->b, (struct ir_op){.op = IR_GET, .w = (u8)w, .aux = w == 1 ? reg : reg * 8});
}

void lift_put(struct lift *l, unsigned w, unsigned reg, ir_ref v)
{
    ir_add(l->b, (struct ir_op){.op = IR_PUT, .w = (u8)w, .aux = w == 1 ? reg : reg * 8, .a = v});
}

ir_ref lift_immediate(struct lift *l, unsigned w)
{
    return ir_const(l->b, w, w == 1 ? (u8)l->in->imm : w == 2 ? (u16)l->in->imm : (u32)l->in->imm);
}

/* ---- memory ---- */

ir_ref lift_offset(struct lift *l)
{
    const struct insn *in = l->in;
    ir_ref base = in->base == REG_ZERO ? 0 : lift_get(l, 4, in->base);
    ir_ref index = in->index == REG_ZERO ? 0 : lift_get(l, 4, in->index);
    if (!base && !index)
        return ir_const(l->b, 4, in->adsize == 0 ? (u16)in->disp : (u32)in->disp);
    if (base && !index && !in->disp)
        return in->adsize == 0 ? ir_1(l->b, IR_ZEXT, 2, base) : base;
    ir_ref sum = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = base, .b = index, .aux = in->scale, .imm = (u32)in->disp});
    return in->adsize == 0 ? ir_1(l->b, IR_ZEXT, 2, sum) : sum;
}

/* Code segments are not for writing. */
static bool is_flat(const struct lift *l, unsigned seg, bool write)
{
    return (l->mode->flat >> seg & 1) && !(write && seg == SEG_CS);
}

ir_ref lift_linear(struct lift *l, unsigned seg, ir_ref off, unsigned len, bool write)
{
    if (is_flat(l, seg, write))
        return off;
    return ir_add(l->b, (struct ir_op){.op = IR_SEG, .w = 4, .a = off, .aux = seg, .imm = len, .cc = write});
}

/* What LD, ST and LDW have in aux: accesses across 4 GiB fault in a flat segment, others have been checked. */
u32 lift_unchecked(const struct lift *l, unsigned seg, bool write)
{
    return is_flat(l, seg, write) ? seg + 1 : 0;
}

ir_ref lift_load(struct lift *l, unsigned w, unsigned seg, ir_ref off)
{
    ir_ref lin = lift_linear(l, seg, off, w, false);
    return ir_add(l->b, (struct ir_op){.op = IR_LD, .w = (u8)w, .a = lin, .aux = lift_unchecked(l, seg, false)});
}

void lift_store(struct lift *l, unsigned w, unsigned seg, ir_ref off, ir_ref v)
{
    ir_ref lin = lift_linear(l, seg, off, w, true);
    ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = lin, .b = v, .aux = lift_unchecked(l, seg, true)});
}

ir_ref lift_rm(struct lift *l, unsigned w)
{
    return l->in->mem ? lift_load(l, w, l->in->seg, lift_offset(l)) : lift_get(l, w, l->in->rm);
}

void lift_set_rm(struct lift *l, unsigned w, ir_ref v)
{
    if (l->in->mem)
        lift_store(l, w, l->in->seg, lift_offset(l), v);
    else
        lift_put(l, w, l->in->rm, v);
}

ir_ref lift_rmw(struct lift *l, unsigned w)
{
    if (!l->in->mem)
        return lift_get(l, w, l->in->rm);
    ir_ref lin = lift_linear(l, l->in->seg, lift_offset(l), w, true);
    return ir_add(l->b, (struct ir_op){.op = IR_LDW, .w = (u8)w, .a = lin, .aux = lift_unchecked(l, l->in->seg, true)});
}

void lift_rmw_end(struct lift *l, unsigned w, ir_ref first, ir_ref v)
{
    if (l->in->mem)
        ir_2(l->b, IR_STW, w, first, v);
    else
        lift_put(l, w, l->in->rm, v);
}

/* ---- stack ---- */

ir_ref lift_stack_at(struct lift *l, s32 n)
{
    ir_ref sp = lift_get(l, 4, R_SP);
    if (n)
        sp = ir_add(l->b, (struct ir_op){.op = IR_LEA, .w = 4, .a = sp, .imm = (u32)n});
    return l->mode->stack32 ? sp : ir_1(l->b, IR_ZEXT, 2, sp);
}

void lift_stack_set(struct lift *l, ir_ref sp)
{
    lift_put(l, l->mode->stack32 ? 4 : 2, R_SP, sp);
}

void lift_push_part(struct lift *l, unsigned w, unsigned part, ir_ref v)
{
    ir_ref sp = lift_stack_at(l, -(s32)w);
    lift_store(l, part, SEG_SS, sp, v);
    lift_stack_set(l, sp);
}

void lift_push(struct lift *l, unsigned w, ir_ref v)
{
    lift_push_part(l, w, w, v);
}

void lift_push_two(struct lift *l, unsigned w, ir_ref first, ir_ref second)
{
    ir_ref at = lift_stack_at(l, -(s32)w), sp = lift_stack_at(l, -2 * (s32)w);
    ir_ref lin = lift_linear(l, SEG_SS, at, w, true), low = lift_linear(l, SEG_SS, sp, w, true);
    u32 unchecked = lift_unchecked(l, SEG_SS, true);
    ir_ref held = ir_add(l->b, (struct ir_op){.op = IR_LDW, .w = (u8)w, .a = low, .aux = unchecked}); /* nothing is half done */
    ir_add(l->b, (struct ir_op){.op = IR_ST, .w = (u8)w, .a = lin, .b = first, .aux = unchecked});
    ir_2(l->b, IR_STW, w, held, second);
    lift_stack_set(l, sp);
}

ir_ref lift_peek_at(struct lift *l, unsigned w, unsigned n)
{
    return lift_load(l, w, SEG_SS, lift_stack_at(l, (s32)n));
}

ir_ref lift_peek(struct lift *l, unsigned w)
{
    return lift_peek_at(l, w, 0);
}

void lift_drop(struct lift *l, unsigned n)
{
    lift_stack_set(l, lift_stack_at(l, (s32)n));
}

/* ---- the driver ---- */

static bool ends_block(const struct insn *in)
{
    return isa_rows[in->op].attrs & A_END;
}

unsigned lift_loaded_segment(const struct insn *in)
{
    switch (in->op) {
    case ISA_MOV_SwEw:
        return MIN(in->reg, SEG_COUNT);
    case ISA_POP_ES:
    case ISA_LES_GvMp:
        return SEG_ES;
    case ISA_POP_DS:
    case ISA_LDS_GvMp:
        return SEG_DS;
    case ISA_POP_FS:
    case ISA_LFS_GvMp:
        return SEG_FS;
    case ISA_POP_GS:
    case ISA_LGS_GvMp:
        return SEG_GS;
    default:
        return SEG_COUNT;
    }
}

/* Instructions that end a block because they may be interrupted, interrupt or change the mode, but mostly the next one follows. */
static enum lift_going_on goes_on(const struct insn *in)
{
    switch (in->op) {
    case ISA_CLI:
    case ISA_STI:
        return LIFT_GOES_ON;
    case ISA_JMP_Ap:
    case ISA_JMP_Mp:
    case ISA_CALL_Ap:
    case ISA_CALL_Mp:
    case ISA_RETF:
    case ISA_RETF_Iw:
    case ISA_INT_Ib:
    case ISA_IRET:
        return LIFT_JUMPS;
    default:
        if (lift_loaded_segment(in) < SEG_COUNT)
            return LIFT_GOES_ON_IN_MODE;
        return isa_rows[in->op].attrs & A_IO ? LIFT_GOES_ON : LIFT_ENDS;
    }
}

bool lift_flat(const struct cpu *c, unsigned seg)
{
    const struct segment *s = &c->seg[seg];
    return s->base == 0 && s->rd_top == 0xFFFFFFFF && (seg == SEG_CS || s->wr_top == 0xFFFFFFFF);
}

bool lift_mode_holds(const struct lift_mode *m, const struct cpu *c)
{
    if (m->bits != c->code_bits || m->real == (c->cr0 & CR0_PE) || m->v86 != !!(c->eflags & F_VM) ||
        m->stack32 != c->stack32 || m->priv != c->mmu.priv || m->code_limit != c->seg[SEG_CS].limit)
        return false;
    unsigned i = 0;
    while (i < SEG_COUNT && (m->flat >> i & 1) == lift_flat(c, i))
        i++;
    return i == SEG_COUNT;
}

void lift_handler(struct lift *l)
{
    const struct isa_row *r = &isa_rows[l->in->op];
    bool flags = (r->reads | r->writes | r->undef) & F_ARITH, last = ends_block(l->in);
    ir_add(l->b, (struct ir_op){.op = last ? IR_LAST : IR_HELPER, .imm = l->k, .aux = flags, .cc = last ? goes_on(l->in) : LIFT_ENDS});
    l->ended = ends_block(l->in);
    l->x87 = false;
    if (flags)
        l->b->flags = 0;
}

/* LOCK has no meaning beyond the write check: one processor at a time. */
static void lift_one(struct lift *l)
{
    ir_add(l->b, (struct ir_op){.op = IR_INSN, .imm = l->k});
    static const lift_fn *const tables[] = {lift_table, lift_move_table, lift_flow_table, lift_x87_table, lift_seg_table};
    lift_fn lift = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(tables) && !lift; i++)
        lift = tables[i][l->in->op];
    if (lift)
        lift(l);
    else if (!lift_string(l) && !lift_sse(l))
        lift_handler(l);
}

static void lift_part(struct lift *l, const struct lift_part *p)
{
    l->ip = p->ip;
    for (unsigned i = 0; i < p->count && !l->ended; i++, l->k++) {
        l->in = &p->insns[i];
        lift_one(l);
    }
}

bool lift_trace(struct ir_block *b, const struct lift_mode *mode, const struct lift_part *part, unsigned *parts)
{
    struct lift l = {.b = b, .mode = mode};
    unsigned i = 0;
    ir_begin(b);
    while (i < *parts && !l.ended) {
        l.follows = i + 1 < *parts;
        l.follow = l.follows ? part[i + 1].ip : 0;
        lift_part(&l, &part[i++]);
    }
    *parts = i;
    if (!l.ended)
        ir_add(b, (struct ir_op){.op = IR_JMP, .imm = lift_next(&l)});
    if (!b->full && !mode->apart)
        ir_group(b);
    bool fits = ir_finish(b);
    assert(!fits || !ir_verify(b));
    return fits;
}

bool lift_block(struct ir_block *b, const struct lift_mode *mode, const struct insn *insns, unsigned count)
{
    unsigned one = 1;
    return lift_trace(b, mode, &(struct lift_part){mode->ip, insns, count}, &one);
}
