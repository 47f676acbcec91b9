/*
 * sse.c - MMX, SSE and SSE2 by the host's: guest XMM0-7 are host XMM0-7, MM0-7 are in the x87 unit (x87_unit.h), and
 * guest instructions are encoded again with the host's registers and addresses.
 */
#include "translator/x64/sse.h"
#include "cpu/isa.h"
#include "translator/x64/work.h"

enum { XMMS = 8, MXCSR_MASKS = 0x1F80, MXCSR_DAZ = 0x40 };

/* ---- thunks ---- */

static void mxcsr(struct asm_out *o, bool store, struct mem m)
{
    asm_rm(o, 4, 0x0FAE, store ? 3 : 2, m);
}

static void live_is(struct asm_out *o, bool live)
{
    asm_rm(o, 1, 0xC6, 0, em_cpu_mem(offsetof(struct cpu, xmm_live)));
    asm_byte(o, live);
}

static void write_save(struct asm_out *o)
{
    for (unsigned i = 0; i < XMMS; i++)
        asm_rm(o, 4, 0x0F11, i, em_cpu_mem(offsetof(struct cpu, xmm) + i * sizeof(union xmm))); /* MOVUPS */
    mxcsr(o, true, em_cpu_mem(offsetof(struct cpu, mxcsr)));
    asm_rm(o, 4, 0xC7, 0, mem_at(RSP, -8));
    asm_imm(o, MXCSR_HOST, 4);
    mxcsr(o, false, mem_at(RSP, -8));
    live_is(o, false);
    asm_byte(o, 0xC3); /* RET */
}

static void write_load(struct asm_out *o)
{
    for (unsigned i = 0; i < XMMS; i++)
        asm_rm(o, 4, 0x0F10, i, em_cpu_mem(offsetof(struct cpu, xmm) + i * sizeof(union xmm)));
    mxcsr(o, false, em_cpu_mem(offsetof(struct cpu, mxcsr)));
    live_is(o, true);
    asm_byte(o, 0xC3);
}

static u8 *fails_unless(struct asm_out *o, size_t field, u32 mask, u32 value)
{
    asm_rm(o, 4, 0x8B, RAX, em_cpu_mem(field));
    asm_alu_imm(o, 4, 4, RAX, mask);
    asm_alu_imm(o, 4, 7, RAX, value);
    return asm_jcc(o, CC_NE);
}

/* The twin of lift_sse_usable(). */
static void write_in(struct asm_out *o, const u8 *load)
{
    u8 *no[] = {
        fails_unless(o, offsetof(struct cpu, cr0), CR0_EM | CR0_TS, 0),
        fails_unless(o, offsetof(struct cpu, cr4), CR4_OSFXSR, CR4_OSFXSR),
        fails_unless(o, offsetof(struct cpu, mxcsr), 0xFFFF0000 | MXCSR_MASKS, MXCSR_MASKS),
        fails_unless(o, offsetof(struct cpu, force_soft_fp), 0xFF, 0),
    };
    asm_mov_imm(o, RAX, 0);
    asm_patch(asm_jmp(o), load);
    for (unsigned i = 0; i < ARRAY_LEN(no); i++)
        asm_patch(no[i], o->at);
    asm_mov_imm(o, RAX, 1);
    asm_byte(o, 0xC3);
}

void sse_write_thunks(struct asm_out *o, struct sse_thunks *t)
{
    t->save = o->at;
    write_save(o);
    t->load = o->at;
    write_load(o);
    t->in = o->at;
    write_in(o, t->load);
}

void sse_write_call_if(struct asm_out *o, unsigned reg, const u8 *thunk)
{
    asm_rr(o, 4, 0x85, reg, reg);
    u8 *not = asm_jcc(o, CC_E);
    asm_patch(asm_call(o), thunk);
    asm_patch(not, o->at);
}

void sse_write_save_if_live(struct asm_out *o, const struct sse_thunks *t)
{
    asm_alu_mem_imm(o, 1, 7, em_cpu_mem(offsetof(struct cpu, xmm_live)), 0);
    u8 *not = asm_jcc(o, CC_E);
    asm_patch(asm_call(o), t->save);
    asm_patch(not, o->at);
}

/* ---- the head of a block ---- */

void em_sse_head(struct emit *e)
{
    asm_alu_mem_imm(&e->o, 1, 7, em_cpu_mem(offsetof(struct cpu, xmm_live)), 0);
    e->sse_jump = asm_jcc(&e->o, CC_E);
    e->sse_back = e->o.at;
}

/* Where they cannot be made live the block is left as if the slice ended: it is interpreted. */
void em_sse_cold(struct emit *e)
{
    em_patch(e, e->sse_jump, e->o.at);
    em_call(e, e->thunks->sse_in);
    asm_rr(&e->o, 4, 0x85, RAX, RAX);
    em_patch(e, asm_jcc(&e->o, CC_E), e->sse_back);
    e->sse_unable = asm_jmp(&e->o);
}

/* ---- instructions ---- */

static void prefix(struct emit *e, const struct isa_row *row)
{
    static const u8 bytes[] = {[PREFIX_66] = 0x66, [PREFIX_F2] = 0xF2, [PREFIX_F3] = 0xF3};
    if (row->prefix < ARRAY_LEN(bytes) && bytes[row->prefix])
        asm_byte(&e->o, bytes[row->prefix]);
}

/* The ModRM byte is left out where there is none. */
static void registers(struct emit *e, const struct isa_row *row, unsigned reg, unsigned rm)
{
    if (row->modrm != MODRM_NO) {
        asm_rr(&e->o, 4, 0x0F00u | row->opcode, reg, rm);
        return;
    }
    asm_byte(&e->o, 0x0F);
    asm_byte(&e->o, row->opcode);
}

/*
 * With an operand in memory. CVTPI2PS and CVTPI2PD take integers: whether the x87 unit becomes MMX's then differs from processor
 * to processor. That of the guest enters it for CVTPI2PS (a MOVD of whatever register does that), and not for CVTPI2PD,
 * for which there is CVTDQ2PD.
 */
static void with_memory(struct emit *e, const struct insn *in, unsigned reg, struct mem m)
{
    static const u8 enter_mmx[] = {0x0F, 0x7E, 0xC0}; /* MOVD EAX,MM0 */
    const struct isa_row *row = &isa_rows[in->op == ISA_CVTPI2PD_VoQq ? ISA_CVTDQ2PD_VoWq : in->op];
    prefix(e, row);
    asm_rm(&e->o, 4, 0x0F00u | row->opcode, reg, m);
    for (unsigned i = 0; in->op == ISA_CVTPI2PS_VqQq && i < sizeof enter_mmx; i++)
        asm_byte(&e->o, enter_mmx[i]);
}

static void immediate(struct emit *e, const struct insn *in, const struct isa_row *row)
{
    if (row->operand[1] == OPERAND_Ib || row->operand[2] == OPERAND_Ib)
        asm_byte(&e->o, (u8)in->imm);
}

void em_sse(struct emit *e, const struct ir_op *o)
{
    const struct insn *in = &e->code->insns[o->imm];
    const struct isa_row *row = &isa_rows[in->op];
    unsigned reg = in->modrm >> 3, rm = in->modrm & 7, out = NO_REG;
    bool at_home;
    if (o->b)
        rm = em_in_reg(e, o->b, 0);
    if (row->operand[0] == OPERAND_Gd)
        reg = out = em_fresh(e, &at_home, 0);
    else if (row->operand[0] == OPERAND_Ed)
        rm = out = em_fresh(e, &at_home, 0);
    if (row->writes)
        em_clobber(e);
    prefix(e, row);
    registers(e, row, reg, rm);
    immediate(e, in, row);
    em_used(e, o->b);
    if (out != NO_REG)
        em_made(e, out, at_home);
    else if (row->writes)
        em_sets_token(e, o);
}

/* The memory operand. */
static struct mem place(struct emit *e, const struct ir_op *o)
{
    if (ir_covered(o))
        return em_covered(e, o);
    em_may_leave(e);
    unsigned lin = em_in_reg(e, o->a, 0), t = em_probe(e, o, lin, o->cc & 1);
    em_used(e, o->a);
    return mem_sum(t, lin, 0, 0);
}

/* Those bytes of a register that a mask has, to RDI. What the TLB has not got is the handler's. */
static void under_mask(struct emit *e, const struct ir_op *o, const struct insn *in)
{
    const struct isa_row *row = &isa_rows[in->op];
    struct mem m = place(e, o);
    e->code->sites[e->code->nsites - 1].w = 0;
    asm_rm(&e->o, 8, 0x8D, RAX, m); /* LEA */
    em_take_this(e, RDI, 0);
    asm_mov64(&e->o, RDI, RAX);
    prefix(e, row);
    registers(e, row, in->modrm >> 3, in->modrm & 7);
}

void em_sse_mem(struct emit *e, const struct ir_op *o)
{
    const struct insn *in = &e->code->insns[o->imm];
    const struct isa_row *row = &isa_rows[in->op];
    unsigned reg = in->modrm >> 3;
    if (o->cc & 8) {
        under_mask(e, o, in);
        return;
    }
    if (row->writes)
        em_clobber(e);
    struct mem m = place(e, o);
    bool to_gpr = row->operand[0] == OPERAND_Gd, at_home;
    if (to_gpr)
        reg = em_fresh(e, &at_home, 0);
    with_memory(e, in, reg, m);
    immediate(e, in, row);
    if (to_gpr)
        em_made(e, reg, at_home);
    else if (row->writes)
        em_sets_token(e, o);
}

/* One that unmasks something or has bits that MXCSR has not is for the handler. */
void em_sse_control(struct emit *e, const struct ir_op *o)
{
    u32 fixed = 0xFFFF0000 | MXCSR_MASKS | (o->aux ? 0 : MXCSR_DAZ);
    em_may_leave(e);
    unsigned v = em_in_reg(e, o->a, 0);
    asm_mov(&e->o, RAX, v);
    asm_alu_imm(&e->o, 4, 4, RAX, fixed);
    asm_alu_imm(&e->o, 4, 7, RAX, MXCSR_MASKS);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, RAX, em_site(e, 0, false));
    asm_rm(&e->o, 4, 0x89, v, em_cpu_mem(offsetof(struct cpu, mxcsr)));
    mxcsr(&e->o, false, em_cpu_mem(offsetof(struct cpu, mxcsr)));
    em_used(e, o->a);
}
