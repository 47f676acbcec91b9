/*
 * x87.c - x87 instructions: as the guest has them, with operands in host memory. While x87_live is set the host's unit
 * has the guest's registers, tags, control and status words.
 *
 * Which instruction was the last one, for FIP and its like, goes into struct cpu at the ends of blocks and is in the
 * sites of calls of C; offsets of memory operands go there at once.
 */
#include "translator/x64/work.h"

static const struct insn *insn_of(const struct emit *e, const struct ir_op *o)
{
    return &e->code->insns[o->imm];
}

static void notes(struct emit *e, const struct ir_op *o)
{
    if (insn_of(e, o)->op != ISA_FNCLEX)
        e->x87_last = (u8)(o->imm + 1);
}

void em_x87_in(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    asm_alu_mem_imm(&e->o, 1, 7, em_cpu_mem(offsetof(struct cpu, x87_live)), 0);
    u8 *out = asm_jcc(&e->o, CC_E);
    struct x64_site *s = em_site(e, 0, false);
    s->x87_in = true;
    em_go_cold(e, out, e->o.at, RAX, s);
}

static void set32(struct emit *e, size_t offset, u32 v)
{
    asm_rm(&e->o, 4, 0xC7, 0, em_cpu_mem(offset));
    asm_imm(&e->o, v, 4);
}

void em_x87_notes(struct emit *e)
{
    if (e->x87_last) {
        const struct insn *in = &e->code->insns[e->x87_last - 1];
        set32(e, offsetof(struct cpu, x87_ip), x64_ip_of(e->code, e->x87_last - 1u));
        set32(e, offsetof(struct cpu, x87_op), in->imm & 0x7FF);
    }
    if (e->x87_mem) {
        asm_rm(&e->o, 1, 0xC6, 0, em_cpu_mem(offsetof(struct cpu, x87_seg)));
        asm_imm(&e->o, e->code->insns[e->x87_mem - 1].seg, 1);
    }
    e->x87_last = e->x87_mem = 0;
}

static void as_it_is(struct emit *e, const struct insn *in)
{
    asm_byte(&e->o, 0xD8 | (in->imm >> 8 & 7));
    asm_byte(&e->o, in->imm & 0xFF);
}

void em_x87(struct emit *e, const struct ir_op *o)
{
    as_it_is(e, insn_of(e, o));
    notes(e, o);
}

/* The operand in host memory. Its offset, in *OFF, may move. */
static struct mem probe(struct emit *e, const struct ir_op *o, unsigned *off)
{
    unsigned lin = em_in_reg(e, o->a, BIT(*off));
    *off = em_in_reg(e, o->b, BIT(lin));
    u32 was = e->reserved;
    e->reserved |= BIT(lin) | BIT(*off);
    unsigned t = em_probe(e, o, lin, o->cc);
    e->reserved = was;
    return mem_sum(t, lin, 0, 0);
}

void em_x87_memory(struct emit *e, const struct ir_op *o)
{
    const struct insn *in = insn_of(e, o);
    bool probed = ir_covered(o);
    if (!probed)
        em_may_leave(e);
    unsigned off = em_in_reg(e, o->b, 0);
    struct mem m = probed ? em_covered(e, o) : probe(e, o, &off);
    asm_rm(&e->o, 4, 0x89, off, em_cpu_mem(offsetof(struct cpu, x87_dp)));
    asm_rm(&e->o, 4, 0xD8 | (in->imm >> 8 & 7), in->imm >> 3 & 7, m);
    em_used(e, o->a);
    em_used(e, o->b);
    notes(e, o);
    e->x87_mem = e->x87_last;
}

/* C1 is cleared by all processors if it is clear before: FDECSTP and FINCSTP do that and no more. */
void em_x87_compare(struct emit *e, const struct ir_op *o)
{
    static const u8 clear_c1[] = {0xD9, 0xF6, 0xD9, 0xF7};
    em_clobber(e);
    for (unsigned i = 0; i < sizeof clear_c1; i++)
        asm_byte(&e->o, clear_c1[i]);
    em_x87(e, o);
    em_sets_token(e, o);
}

void em_x87_move_if(struct emit *e, const struct ir_op *o)
{
    em_want_flags(e, o->f);
    em_flag_used(e, o->f);
    em_x87(e, o);
}

static struct mem control_word(void)
{
    return em_cpu_mem(offsetof(struct cpu, fpu) + offsetof(struct x87, cw));
}

void em_x87_word(struct emit *e, const struct ir_op *o)
{
    unsigned t = em_take(e, 0);
    if (o->aux) {
        asm_rm(&e->o, 4, 0x0FB7, t, control_word());
    } else {
        asm_byte(&e->o, 0xDF); /* FNSTSW AX */
        asm_byte(&e->o, 0xE0);
        asm_mov(&e->o, t, RAX);
    }
    em_own(e, (ir_ref)e->at, t);
}

/* One that unmasks something is for the handler. */
void em_x87_control(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    unsigned v = em_in_reg(e, o->a, 0);
    asm_mov(&e->o, RAX, v);
    asm_rr(&e->o, 4, 0xF7, 2, RAX); /* NOT */
    asm_byte(&e->o, 0xA8);          /* TEST AL, the masks */
    asm_byte(&e->o, FP_ALL);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, RAX, em_site(e, 0, false));
    asm_mov(&e->o, RAX, v);
    asm_alu_imm(&e->o, 4, 4, RAX, X87_CW_WRITABLE);
    asm_alu_imm(&e->o, 4, 1, RAX, X87_CW_FIXED);
    asm_rm(&e->o, 2, 0x89, RAX, control_word());
    asm_rm(&e->o, 4, 0xD9, 5, control_word());
    em_used(e, o->a);
}

/* SAHF: in hflags and in EFLAGS at once. */
void em_ah_flags(struct emit *e, const struct ir_op *o)
{
    unsigned v = em_in_reg(e, o->a, 0);
    em_home_token(e, o->f);
    em_clobber(e);
    asm_mov(&e->o, RAX, v);
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL */
    asm_imm(&e->o, 8, 1);
    asm_rm(&e->o, 1, 0x8A, RAX, em_hflags_mem());
    asm_rm(&e->o, 2, 0x89, RAX, em_hflags_mem());
    asm_byte(&e->o, 0x04); /* ADD AL, 7Fh: OF */
    asm_byte(&e->o, 0x7F);
    asm_byte(&e->o, 0x9E); /* SAHF */
    em_used(e, o->a);
    em_flag_used(e, o->f);
    e->ef = e->home = (ir_ref)e->at;
}
