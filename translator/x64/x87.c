/*
 * x87.c - x87 instructions: as the guest has them, with operands in host memory. While x87_live is set the host's unit
 * has the guest's registers, tags, control and status words.
 *
 * Which instruction was the last one, for FIP and its like, goes into struct cpu at the ends of blocks and is in the
 * sites of calls of C; offsets of memory operands go there at once.
 */
#include "translator/x64/runtime.h"
#include "translator/x64/work.h"

static struct mem control_word(void)
{
    return em_cpu_mem(offsetof(struct cpu, fpu) + offsetof(struct x87, cw));
}

static void load_control_word(struct emit *e, struct mem m)
{
    asm_rm(&e->o, 4, 0xD9, 5, m);
}

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

static void function(struct emit *e, const struct insn *in)
{
    em_clobber(e);
    asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)in);
    em_call(e, e->thunks->x87_function);
}

void em_x87(struct emit *e, const struct ir_op *o)
{
    const struct insn *in = insn_of(e, o);
    if (x64_x87_is_function(in))
        function(e, in);
    else
        as_it_is(e, in);
    notes(e, o);
}

/*
 * C code that turns a number into an integer has an FLDCW that makes FISTP chop and one that undoes it. Some processors guess what
 * FLDCW loads and lose 50 to 500 cycles where they are wrong, so the first one is not done. FISTP is FISTTP then, if the
 * control word says so, and the second one finds what it loads in place. Nothing in between may care for rounding, and what
 * leaves the block there is an x87 instruction, with whose handler the host's control word becomes that of struct cpu.
 *
 * The slot has the control word that the host goes on with and, 4 bytes on, not 0 if FISTP does not chop.
 */
static struct mem host_word(void)
{
    return em_slot_mem(X87_SLOT);
}

static struct mem chops_not(void)
{
    struct mem m = host_word();
    m.disp += 4;
    return m;
}

/* The opcode's lower byte and .reg of FISTTP for an FISTP, else 0. */
static unsigned fisttp(const struct insn *in)
{
    switch (in->op) {
    case ISA_FISTP_M16:
        return 0xDF << 3 | 1;
    case ISA_FISTP_M32:
        return 0xDB << 3 | 1;
    case ISA_FISTP_M64:
        return 0xDD << 3 | 1;
    default:
        return 0;
    }
}

static bool rounds(const struct insn *in)
{
    switch (in->op) {
    case ISA_FLD_M32:
    case ISA_FLD_M64:
    case ISA_FLD_M80:
    case ISA_FILD_M16:
    case ISA_FILD_M32:
    case ISA_FILD_M64:
    case ISA_FLD_STi:
    case ISA_FXCH_STi:
        return false;
    default:
        return !fisttp(in);
    }
}

/* Does O, of IN, need the host's control word, or change it? */
static bool needs_control(const struct ir_op *o, const struct insn *in)
{
    switch (o->op) {
    case IR_X87:
    case IR_X87M:
        return rounds(in);
    case IR_X87IN:
    case IR_HELPER:
        return true;
    default:
        return ir_leaves(o) && !(isa_rows[in->op].attrs & A_FPU);
    }
}

/* Does the FLDCW in hand need not be done? */
static bool chops(const struct emit *e)
{
    bool any = false;
    const struct insn *in = &e->code->insns[e->insn];
    for (unsigned i = e->at + 1; i < e->b->count; i++) {
        const struct ir_op *o = &e->b->op[i];
        if (o->op == IR_INSN)
            in = insn_of(e, o);
        else if (o->op == IR_X87CW)
            return any;
        else if (needs_control(o, in))
            return false;
        any |= o->op == IR_X87M && fisttp(in);
    }
    return false;
}

/* The word in EAX goes to struct cpu alone. */
static void begin_chopping(struct emit *e)
{
    unsigned t = em_take(e, 0);
    asm_rm(&e->o, 4, 0x0FB7, t, control_word());
    asm_rm(&e->o, 4, 0x89, t, host_word());
    asm_rm(&e->o, 2, 0x89, RAX, control_word());
    asm_rr(&e->o, 4, 0xF7, 2, RAX); /* NOT */
    asm_alu_imm(&e->o, 4, 4, RAX, 0x0C00);
    asm_rm(&e->o, 4, 0x89, RAX, chops_not());
    e->x87_chops = true;
}

static void end_chopping(struct emit *e)
{
    asm_rm(&e->o, 2, 0x89, RAX, control_word());
    asm_rm(&e->o, 2, 0x3B, RAX, host_word());
    u8 *same = asm_jcc(&e->o, CC_E);
    load_control_word(e, control_word());
    em_patch(e, same, e->o.at);
    e->x87_chops = false;
}

static void chop(struct emit *e, const struct insn *in, struct mem m)
{
    unsigned how = fisttp(in);
    asm_alu_mem_imm(&e->o, 4, 7, chops_not(), 0);
    u8 *not = asm_jcc(&e->o, CC_NE);
    asm_rm(&e->o, 4, how >> 3, how & 7, m);
    u8 *done = asm_jmp(&e->o);
    em_patch(e, not, e->o.at);
    load_control_word(e, control_word());
    asm_rm(&e->o, 4, 0xD8 | (in->imm >> 8 & 7), in->imm >> 3 & 7, m);
    load_control_word(e, host_word());
    em_patch(e, done, e->o.at);
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
    bool probed = ir_covered(o), chopped = e->x87_chops && fisttp(in);
    if (!probed)
        em_may_leave(e);
    else if (chopped)
        em_clobber(e);
    unsigned off = em_in_reg(e, o->b, 0);
    struct mem m = probed ? em_covered(e, o) : probe(e, o, &off);
    asm_rm(&e->o, 4, 0x89, off, em_cpu_mem(offsetof(struct cpu, x87_dp)));
    if (chopped)
        chop(e, in, m);
    else
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
    if (e->x87_chops) {
        end_chopping(e);
    } else if (chops(e)) {
        begin_chopping(e);
    } else {
        asm_rm(&e->o, 2, 0x89, RAX, control_word());
        load_control_word(e, control_word());
    }
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
