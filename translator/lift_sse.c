/*
 * lift_sse.c - MMX, SSE and SSE2. MM and XMM registers are no values of the intermediate representation: an operation
 * names the guest instruction, and the backend encodes it again. Here is what is around it: the memory operand's address,
 * general registers, flags; and the x87 unit, of which MM registers are a part.
 */
#include "translator/lift.h"

bool lift_sse_usable(const struct cpu *c)
{
    enum { MASKS = 0x1F80 };
    return !(c->cr0 & (CR0_EM | CR0_TS)) && (c->cr4 & CR4_OSFXSR) && (c->mxcsr & ~(u32)0xFFFF) == 0 &&
           (c->mxcsr & MASKS) == MASKS && !c->force_soft_fp;
}

/* What an instruction is to its surroundings. */
struct shape {
    u8 w; /* bytes of the memory operand */
    bool store, aligned;
    bool from_gpr, to_gpr;
    bool flags;
};

/* RCPPS and RSQRTPS differ from processor to processor. */
static bool for_handler(enum isa_op op)
{
    switch (op) {
    case ISA_RCPPS_VoWo:
    case ISA_RCPSS_VdWd:
    case ISA_RSQRTPS_VoWo:
    case ISA_RSQRTSS_VdWd:
        return true;
    default:
        return false;
    }
}

static bool is_unaligned_move(enum isa_op op)
{
    switch (op) {
    case ISA_MOVUPS_VoWo:
    case ISA_MOVUPS_WoVo:
    case ISA_MOVUPD_VoWo:
    case ISA_MOVUPD_WoVo:
    case ISA_MOVDQU_VoWo:
    case ISA_MOVDQU_WoVo:
        return true;
    default:
        return false;
    }
}

/* Bytes of an operand that may be in memory. */
static u8 bytes_of(enum isa_operand kind)
{
    switch (kind) {
    case OPERAND_Wo:
    case OPERAND_Mo:
        return 16;
    case OPERAND_Wq:
    case OPERAND_Mq:
    case OPERAND_Qq:
        return 8;
    case OPERAND_Wd:
    case OPERAND_Qd:
    case OPERAND_Md:
    case OPERAND_Ed:
        return 4;
    case OPERAND_Ew:
        return 2;
    default:
        return 0;
    }
}

static struct shape shape_of(const struct insn *in)
{
    const struct isa_row *row = &isa_rows[in->op];
    enum isa_operand first = row->operand[0], second = row->operand[1];
    struct shape s = {.store = bytes_of(first) != 0, .flags = row->writes != 0};
    s.w = s.store ? bytes_of(first) : bytes_of(second);
    s.aligned = s.w == 16 && !is_unaligned_move(in->op);
    s.from_gpr = !in->mem && (second == OPERAND_Ed || second == OPERAND_Ew);
    s.to_gpr = first == OPERAND_Gd || (!in->mem && first == OPERAND_Ed);
    return s;
}

/* CVTPI2PD from memory leaves the x87 unit alone. */
static bool is_mmx(const struct insn *in)
{
    return (isa_rows[in->op].attrs & A_MMX) && !(in->op == ISA_CVTPI2PD_VoQq && in->mem);
}

static enum ir_opcode operation(const struct insn *in)
{
    if (isa_rows[in->op].attrs & A_SSE)
        return in->mem ? IR_SSEM : IR_SSE;
    return in->mem ? IR_MMXM : IR_MMX;
}

static void lift_vector(struct lift *l)
{
    const struct insn *in = l->in;
    struct shape s = shape_of(in);
    struct ir_op o = {.op = (u8)operation(in), .w = in->mem ? s.w : 4, .imm = l->k};
    if (in->mem) {
        ir_ref off = lift_offset(l);
        o.a = lift_linear(l, in->seg, off, s.w, s.store);
        o.cc = (u8)(s.store | s.aligned << 1 | (o.a == off) << 2);
    }
    if (s.from_gpr)
        o.b = lift_get(l, 4, in->rm);
    if (s.to_gpr)
        o.aux = isa_rows[in->op].operand[0] == OPERAND_Gd ? in->reg : in->rm;
    ir_ref v = ir_add(l->b, o);
    if (s.to_gpr)
        lift_put(l, 4, o.aux, v);
    if (s.flags)
        ir_set_flags(l->b, v);
}

/* Some bytes of a register to DI. The probe must not ask for a page of which none may be written in the end. */
static void lift_masked(struct lift *l)
{
    const struct insn *in = l->in;
    bool sse = in->op == ISA_MASKMOVDQU_VoUo;
    u8 w = sse ? 16 : 8;
    ir_ref off = lift_get(l, 4, R_DI);
    if (in->adsize == 0)
        off = ir_1(l->b, IR_ZEXT, 2, off);
    ir_ref lin = lift_linear(l, in->seg, off, w, true);
    ir_add(l->b, (struct ir_op){.op = sse ? IR_SSEM : IR_MMXM, .w = w, .a = lin, .imm = l->k, .cc = 1 | 8});
}

static void lift_LDMXCSR(struct lift *l)
{
    ir_ref v = lift_load(l, 4, l->in->seg, lift_offset(l));
    ir_add(l->b, (struct ir_op){.op = IR_MXCSR, .w = 4, .a = v, .imm = l->k, .aux = l->mode->daz});
}

bool lift_sse(struct lift *l)
{
    switch (l->in->op) {
    case ISA_LFENCE: /* one processor sees its own accesses in order */
    case ISA_MFENCE:
    case ISA_SFENCE:
    case ISA_PREFETCHNTA_Mb:
    case ISA_PREFETCHT0_Mb:
    case ISA_PREFETCHT1_Mb:
    case ISA_PREFETCHT2_Mb:
        return true;
    case ISA_MOVNTI_MdGd:
        lift_store(l, 4, l->in->seg, lift_offset(l), lift_get(l, 4, l->in->reg));
        return true;
    }
    u32 attrs = isa_rows[l->in->op].attrs;
    if (!(attrs & (A_SSE | A_MMX)) || ((attrs & A_SSE) && !l->mode->sse) || for_handler(l->in->op))
        return false;
    if (is_mmx(l->in) && !lift_enter_x87(l))
        return true;
    switch (l->in->op) {
    case ISA_LDMXCSR_Md:
        lift_LDMXCSR(l);
        break;
    case ISA_MASKMOVQ_PqNq:
    case ISA_MASKMOVDQU_VoUo:
        lift_masked(l);
        break;
    default:
        lift_vector(l);
    }
    return true;
}
