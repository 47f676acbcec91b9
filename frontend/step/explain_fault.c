/*
 * explain_fault.c - exceptions that can be told from the state before an instruction: mode,
 * privilege, segments, pages, and the few that depend on values. What is not told may still come.
 *
 * SDM vol. 2 by name; vol. 3A 6.15.
 */
#include "frontend/step/desc.h"
#include "frontend/step/paging.h"
#include "frontend/step/words.h"

enum { SW_ES = 0x80, MSR_TSS_IOMAP = 0x66 };

struct finder {
    const struct explain *x;
    const struct cpu *c;
    const struct insn *in;
    const struct isa_row *row;
    struct text *why;
    struct fault f;
};

/* Notes the exception; the reason follows in WHY. Always true, so that checks can return it. */
static bool raises(struct finder *f, int vector)
{
    bool zero_code = vector == VEC_GP || vector == VEC_SS;
    f->f = (struct fault){.vector = vector, .has_error = zero_code};
    return true;
}

static bool raises_for(struct finder *f, int vector, const char *why)
{
    text_add(f->why, "%s", why);
    return raises(f, vector);
}

static bool raises_code(struct finder *f, int vector, u32 error)
{
    raises(f, vector);
    f->f.has_error = true;
    f->f.error = error;
    return true;
}

/* ---- does it exist here ---- */

static bool wrong_register(struct finder *f)
{
    unsigned n = f->in->modrm >> 3 & 7;
    switch (f->in->op) {
    case ISA_MOV_SwEw:
        return f->in->reg == SEG_CS || f->in->reg >= SEG_COUNT;
    case ISA_MOV_EvSw:
        return f->in->reg >= SEG_COUNT;
    case ISA_MOV_CdRd:
    case ISA_MOV_RdCd:
        return n == 1 || n > 4;
    default:
        return false;
    }
}

static bool check_exists(struct finder *f)
{
    unsigned op = f->in->op;
    if (op == ISA_UD || op == ISA_UD0 || op == ISA_UD1 || op == ISA_UD2)
        return raises(f, VEC_UD);
    if (wrong_register(f))
        return raises_for(f, VEC_UD, "that register cannot be used so");
    if (f->row->attrs & A_NOREAL && !cpu_in_protected(f->c) && op != ISA_SYSENTER && op != ISA_SYSEXIT)
        return raises_for(f, VEC_UD, "it exists in protected mode only");
    if (op == ISA_RSM && !f->c->smm)
        return raises_for(f, VEC_UD, "the processor is not in system management mode");
    return false;
}

static bool is_nowait(unsigned op)
{
    switch (op) {
    case ISA_FNCLEX:
    case ISA_FNINIT:
    case ISA_FNSTCW:
    case ISA_FNSTENV:
    case ISA_FNSAVE:
    case ISA_FNSTSW_AX:
    case ISA_FNSTSW_M16:
    case ISA_FNENI:
    case ISA_FNDISI:
    case ISA_FNSETPM:
        return true;
    default:
        return false;
    }
}

static bool check_fpu(struct finder *f)
{
    u64 cr0 = f->c->cr0;
    unsigned op = f->in->op;
    bool image = op == ISA_FXSAVE_M || op == ISA_FXRSTOR_M;
    if (op == ISA_FWAIT) {
        if ((cr0 & CR0_MP) && (cr0 & CR0_TS))
            return raises_for(f, VEC_NM, "MP and TS are set in CR0");
    } else if ((f->row->attrs & A_FPU) || image) {
        if (cr0 & (CR0_EM | CR0_TS))
            return raises_for(f, VEC_NM,
                              cr0 & CR0_EM ? "EM is set in CR0: x87 is to be emulated"
                                           : "TS is set in CR0: x87 belongs to another task");
    }
    if (!(f->row->attrs & (A_FPU | A_MMX)) || is_nowait(op) || !(f->c->fpu.sw & SW_ES) || !(cr0 & CR0_NE))
        return false;
    if (f->row->attrs & A_MMX && cr0 & (CR0_EM | CR0_TS))
        return false; /* which come first */
    return raises_for(f, VEC_MF, "an earlier floating-point exception is pending");
}

static bool check_simd(struct finder *f)
{
    u64 cr0 = f->c->cr0;
    if (!(f->row->attrs & (A_MMX | A_SSE)))
        return false;
    if (cr0 & CR0_EM)
        return raises_for(f, VEC_UD, "EM is set in CR0");
    if (f->row->attrs & A_SSE && !(f->c->cr4 & CR4_OSFXSR))
        return raises_for(f, VEC_UD, "OSFXSR is clear in CR4: SSE is not enabled");
    if (cr0 & CR0_TS)
        return raises_for(f, VEC_NM, "TS is set in CR0: the registers belong to another task");
    return false;
}

/* ---- privilege ---- */

static bool privilege_of_flags(struct finder *f)
{
    const struct cpu *c = f->c;
    unsigned op = f->in->op, iopl = eflags_iopl(c->eflags);
    bool v86 = cpu_in_v86(c), virtual_if = c->cr4 & (v86 ? CR4_VME : CR4_PVI);
    if (op == ISA_CLI || op == ISA_STI) {
        if (!(c->cr0 & CR0_PE) || c->cpl <= iopl || (c->cpl == 3 && virtual_if))
            return false;
    } else if (op == ISA_PUSHF || op == ISA_POPF || op == ISA_IRET || op == ISA_INT_Ib) {
        if (!v86 || iopl == 3 || (virtual_if && (op == ISA_INT_Ib || f->in->opsize == 0)))
            return false;
    } else {
        return false;
    }
    text_add(f->why, "CPL %u is above IOPL %u", c->cpl, iopl);
    return raises(f, VEC_GP);
}

static bool check_privilege(struct finder *f)
{
    const struct cpu *c = f->c;
    unsigned op = f->in->op;
    bool timed = op == ISA_RDTSC && c->cr4 & CR4_TSD, counted = op == ISA_RDPMC && !(c->cr4 & CR4_PCE);
    if ((f->row->attrs & A_PRIV || timed || counted) && c->cpl != 0) {
        text_add(f->why, "it needs CPL 0 and CPL is %u", c->cpl);
        return raises(f, VEC_GP);
    }
    if ((op == ISA_SYSENTER || op == ISA_SYSEXIT) && (!(c->cr0 & CR0_PE) || !(c->msr.sysenter_cs & 0xFFFC)))
        return raises_for(f, VEC_GP, c->cr0 & CR0_PE ? "SYSENTER_CS is 0" : "it exists in protected mode only");
    return privilege_of_flags(f);
}

/* The TSS's bitmap of ports: a set bit forbids. */
static bool port_allowed(struct finder *f, unsigned port, unsigned size)
{
    const struct cpu *c = f->c;
    const struct peek *peek = &f->x->peek;
    u8 low[2], bits[2];
    if (!(c->tr.attr & DESC_32) || c->tr.limit < MSR_TSS_IOMAP + 1)
        return false;
    if (!peek->lin(peek->ctx, (u32)(c->tr.base + MSR_TSS_IOMAP), low, 2))
        return true; /* cannot be told */
    u32 at = ld16(low) + port / 8u;
    if (at + 1 > c->tr.limit)
        return false;
    if (!peek->lin(peek->ctx, (u32)(c->tr.base + at), bits, 2))
        return true;
    return !(ld16(bits) >> (port & 7) & ((1u << size) - 1));
}

static bool check_port(struct finder *f)
{
    const struct cpu *c = f->c;
    struct place p, data;
    bool may = !(c->cr0 & CR0_PE) || (!cpu_in_v86(c) && c->cpl <= eflags_iopl(c->eflags));
    if (!(f->row->attrs & A_IO) || may)
        return false;
    bool out = f->row->operand[0] == OPERAND_DX || f->row->operand[0] == OPERAND_Ib;
    place_find(f->x, out ? 1 : 2, &p);
    place_find(f->x, out ? 2 : 1, &data);
    if (port_allowed(f, (unsigned)place_value(&p), data.len))
        return false;
    text_add(f->why, "CPL is %u, IOPL %u, and the TSS does not allow the port", c->cpl, eflags_iopl(c->eflags));
    return raises(f, VEC_GP);
}

/* ---- memory ---- */

static bool check_page(struct finder *f, const struct place *p, u64 lin, bool write)
{
    struct page_walk w;
    const struct peek *peek = &f->x->peek;
    bool user = f->c->cpl == 3;
    if (!peek->phys || paging_kind(f->c) == PAGING_OFF)
        return false;
    page_walk(f->c, peek, (u32)lin, &w);
    const char *objection = page_objection(f->c, &w, write, user);
    if (!objection)
        return false;
    place_address(f->why, p);
    text_add(f->why, " is %s", objection);
    return raises(f, VEC_PF);
}

/* Without page tables to look at, what cannot be read under paging counts as not mapped. */
static bool check_readable(struct finder *f, const struct place *p)
{
    if (f->x->peek.phys || paging_kind(f->c) == PAGING_OFF || p->known || p->len > sizeof p->data)
        return false;
    place_address(f->why, p);
    text_add(f->why, " is not mapped");
    return raises(f, VEC_PF);
}

static bool check_aligned(struct finder *f, const struct place *p)
{
    bool unaligned_move = strncmp(f->row->mnemonic, "movu", 4) == 0 || strcmp(f->row->mnemonic, "movdqu") == 0;
    bool vector = f->row->attrs & A_SSE && p->len == 16 && !unaligned_move && f->in->op != ISA_MASKMOVDQU_VoUo;
    if (!(vector || p->len == 512) || p->lin % 16 == 0)
        return false;
    place_address(f->why, p);
    text_add(f->why, " is not a multiple of 16");
    return raises(f, VEC_GP);
}

static bool check_place(struct finder *f, const struct place *p, bool write)
{
    const char *objection = segment_objection(f->c, p->seg, p->off, MAX(p->len, 1u), write);
    if (objection) {
        place_address(f->why, p);
        text_add(f->why, ": %s %s", seg_name(p->seg), objection);
        return raises(f, p->seg == SEG_SS ? VEC_SS : VEC_GP);
    }
    return check_aligned(f, p) || check_page(f, p, p->lin, write) ||
           (p->len && check_page(f, p, p->lin + p->len - 1, write)) || check_readable(f, p);
}

/* P moved down the stack. */
static bool check_below(struct finder *f, struct place p, u32 below, bool write)
{
    p.off = (p.off - below) & (f->c->stack32 ? 0xFFFFFFFF : 0xFFFF);
    p.lin = (u32)(f->c->seg[SEG_SS].base + p.off);
    return check_place(f, &p, write);
}

/* PUSHA from the top down and POPA from the bottom up, but for ESP's slot: eight values that may wrap around one by one. */
static bool check_eight(struct finder *f, struct place p, bool write)
{
    p.len = insn_opsize(f->in);
    for (u32 i = 0; i < 8; i++) {
        u32 slot = write ? 7 - i : i;
        if ((write || slot != 7 - R_SP) && check_below(f, p, 0u - slot * p.len, write))
            return true;
    }
    return false;
}

/* Far pointers and bounds are read in two parts, the second of which may have wrapped around. */
static bool check_two_parts(struct finder *f, struct place p)
{
    unsigned w = insn_opsize(f->in), rest = p.len - w;
    p.len = w;
    if (check_place(f, &p, false))
        return true;
    p.off = (p.off + w) & insn_addr_mask(f->in);
    p.lin = (u32)(f->c->seg[p.seg].base + p.off);
    p.len = rest;
    return check_place(f, &p, false);
}

static bool check_operand(struct finder *f, unsigned n, const struct place *p, bool write)
{
    if (n >= PLACE_TOP && p->len > 4)
        return check_eight(f, *p, write);
    if (n <= 3 && (f->row->operand[n - 1] == OPERAND_Mp || f->row->operand[n - 1] == OPERAND_Ma))
        return check_two_parts(f, *p);
    return check_place(f, p, write);
}

static bool check_memory(struct finder *f)
{
    struct place p;
    bool masked = f->in->op == ISA_MASKMOVQ_PqNq || f->in->op == ISA_MASKMOVDQU_VoUo; /* may store nothing */
    if (string_count(f->x) == 0 || masked)
        return false;
    for (unsigned n = 1; n <= PLACE_FRAME; n++) {
        unsigned access = operand_access(f->x, n);
        if (!access)
            continue;
        place_find(f->x, n, &p);
        if (p.kind == PLACE_MEM && p.len && check_operand(f, n, &p, access & ACCESS_WRITE))
            return true;
    }
    return false;
}

/* ---- values ---- */

static bool check_divide(struct finder *f)
{
    const struct cpu *c = f->c;
    struct place p;
    place_find(f->x, 1, &p);
    if (!p.known)
        return false;
    if (place_value(&p) == 0)
        return raises_for(f, VEC_DE, "division by zero");
    unsigned w = p.len, bits = w * 8;
    u64 ax = insn_reg(f->x, w, R_AX), dx = insn_reg(f->x, w, R_DX);
    u64 v = w == 1 ? (u16)c->r[R_AX] : dx << bits | ax;
    bool fits;
    if (f->in->op == ISA_DIV_Eb || f->in->op == ISA_DIV_Ev) {
        fits = v / place_value(&p) < (u64)1 << bits;
    } else {
        s64 a = (s64)(v << (64 - 2 * bits)) >> (64 - 2 * bits), b = place_signed(&p), top = (s64)1 << (bits - 1);
        s64 q = b == -1 && a == INT64_MIN ? top : a / b;
        fits = q >= -top && q < top;
    }
    return !fits && raises_for(f, VEC_DE, "the quotient does not fit");
}

/* The fault that loading segment register SEG with SEL raises in protected mode. */
static bool check_load(struct finder *f, unsigned seg, u16 sel)
{
    struct descriptor d;
    const struct cpu *c = f->c;
    enum desc_result r = descriptor_read(c, &f->x->peek, sel, &d);
    bool code = d.attr & SEG_CODE, rights = d.attr & SEG_S && (!code || d.attr & SEG_RW);
    unsigned rpl = sel & 3;
    if (r == DESC_UNREADABLE || (r == DESC_NULL && seg != SEG_SS))
        return false;
    if (r == DESC_NULL)
        return raises_for(f, VEC_GP, "SS cannot hold the null selector");
    if (r == DESC_OUTSIDE) {
        text_add(f->why, "the table ends before that");
        return raises_code(f, VEC_GP, sel & 0xFFFC);
    }
    bool conforming = code && d.attr & SEG_ED_C;
    bool stack = rights && !code && d.attr & SEG_RW;
    bool type = seg == SEG_SS ? stack : rights;
    bool dpl = seg == SEG_SS ? d.dpl == c->cpl && rpl == c->cpl : conforming || (d.dpl >= c->cpl && d.dpl >= rpl);
    if (!type || !dpl) {
        text_add(f->why, "%s", type ? "the privilege levels do not allow it" : "such a segment cannot be loaded there");
        return raises_code(f, VEC_GP, sel & 0xFFFC);
    }
    if (d.attr & SEG_P)
        return false;
    text_add(f->why, "the segment is not present");
    return raises_code(f, seg == SEG_SS ? VEC_SS : VEC_NP, sel & 0xFFFC);
}

/* LLDT and LTR: a descriptor of their own kind from the GDT. */
static bool check_system_load(struct finder *f, u16 sel)
{
    struct descriptor d;
    enum desc_result r = descriptor_read(f->c, &f->x->peek, sel, &d);
    bool tss = f->in->op == ISA_LTR_Ew;
    unsigned type = d.attr & (SEG_S | SEG_TYPE);
    if (r == DESC_UNREADABLE || (r == DESC_NULL && !tss))
        return false;
    if (r != DESC_OK || sel & 4 || !(tss ? (type & ~(unsigned)DESC_32) == DESC_TSS : type == DESC_LDT)) {
        text_add(f->why, "that is no %s", tss ? "free TSS" : "LDT");
        return raises_code(f, VEC_GP, sel & 0xFFFC);
    }
    if (d.attr & SEG_P)
        return false;
    text_add(f->why, "it is not present");
    return raises_code(f, VEC_NP, sel & 0xFFFC);
}

static bool check_far(struct finder *f)
{
    struct descriptor d;
    u16 sel;
    u32 off;
    if (!far_pointer(f->x, &sel, &off))
        return false;
    enum desc_result r = descriptor_read(f->c, &f->x->peek, sel, &d);
    if (r == DESC_OK || r == DESC_UNREADABLE)
        return false;
    text_add(f->why, "%s", r == DESC_NULL ? "CS cannot hold the null selector" : "the table ends before that");
    return raises_code(f, VEC_GP, sel & 0xFFFC);
}

static bool check_segment(struct finder *f)
{
    struct place p;
    u16 sel;
    u32 off;
    if (!cpu_in_protected(f->c))
        return false;
    switch (f->in->op) {
    case ISA_LES_GvMp:
    case ISA_LDS_GvMp:
    case ISA_LSS_GvMp:
    case ISA_LFS_GvMp:
    case ISA_LGS_GvMp:
        return far_pointer(f->x, &sel, &off) && check_load(f, f->in->op == ISA_LSS_GvMp ? SEG_SS : SEG_ES, sel);
    case ISA_MOV_SwEw:
    case ISA_POP_ES:
    case ISA_POP_SS:
    case ISA_POP_DS:
    case ISA_POP_FS:
    case ISA_POP_GS:
        place_find(f->x, 1, &p);
        return loaded_selector(f->x, &sel) && check_load(f, p.reg, sel);
    case ISA_LLDT_Ew:
    case ISA_LTR_Ew:
        return loaded_selector(f->x, &sel) && check_system_load(f, sel);
    case ISA_JMP_Ap:
    case ISA_CALL_Ap:
    case ISA_JMP_Mp:
    case ISA_CALL_Mp:
        return check_far(f);
    default:
        return false;
    }
}

/* INT n: the gate must exist, be a gate, let the caller in and be present. */
static bool check_gate(struct finder *f, u8 vector, bool software)
{
    const struct cpu *c = f->c;
    struct descriptor d;
    u64 raw;
    u32 error = vector * 8u + 2;
    if (!(c->cr0 & CR0_PE)) {
        if (vector * 4u + 3 <= c->idtr.limit)
            return false;
        text_add(f->why, "the vector table ends before that");
        return raises_code(f, VEC_GP, error);
    }
    if (vector * 8u + 7 > c->idtr.limit) {
        text_add(f->why, "the IDT ends before that");
        return raises_code(f, VEC_GP, error);
    }
    if (!f->x->peek.lin(f->x->peek.ctx, (u32)(c->idtr.base + vector * 8u), &raw, sizeof raw))
        return false;
    descriptor_split(raw, &d);
    unsigned type = d.attr & SEG_TYPE & ~(unsigned)DESC_32;
    if (!d.gate || type == DESC_CALL_GATE || (software && d.dpl < c->cpl)) {
        text_add(f->why, "%s",
                 !d.gate || type == DESC_CALL_GATE ? "that is no gate for interrupts"
                                                   : "the gate's DPL does not let this CPL in");
        return raises_code(f, VEC_GP, error);
    }
    if (d.attr & SEG_P)
        return false;
    text_add(f->why, "the gate is not present");
    return raises_code(f, VEC_NP, error);
}

static bool check_interrupt(struct finder *f)
{
    bool redirected = cpu_in_v86(f->c) && f->c->cr4 & CR4_VME;
    switch (f->in->op) {
    case ISA_INT_Ib:
        return !redirected && check_gate(f, (u8)f->in->imm, true);
    case ISA_INT3:
        return check_gate(f, VEC_BP, true);
    case ISA_INTO:
        return condition(f->x) && check_gate(f, VEC_OF, true);
    case ISA_ICEBP:
        return check_gate(f, VEC_DB, false);
    default:
        return false;
    }
}

/* ENTER reads the frame pointers of the levels around it and wants its whole frame writable. */
static bool check_enter(struct finder *f)
{
    struct place slot, frame;
    u32 level = f->in->imm >> 16 & 31;
    place_find(f->x, PLACE_SLOT, &slot);
    place_find(f->x, PLACE_FRAME, &frame);
    for (u32 i = 1; i <= level; i++)
        if (check_below(f, slot, i * slot.len, true))
            return true;
    for (u32 i = 1; i < level; i++)
        if (check_below(f, frame, i * frame.len, false))
            return true;
    return check_below(f, slot, level * slot.len + (u16)f->in->imm, true);
}

/* Bits 31-16 of MXCSR must be 0, and bit 6, DAZ, before SSE2. It lies in an FXSAVE image at 18h. */
static bool check_mxcsr(struct finder *f)
{
    struct place p;
    u32 v, allowed = f->c->features & FEAT_SSE2 ? 0xFFFF : 0xFFBF;
    place_find(f->x, 1, &p);
    u64 at = p.lin + (f->in->op == ISA_FXRSTOR_M ? 0x18 : 0);
    if (!f->x->peek.lin(f->x->peek.ctx, (u32)at, &v, sizeof v))
        return false;
    return v & ~allowed && raises_for(f, VEC_GP, "a reserved bit of MXCSR is set");
}

/* Where a near branch goes on; false if it does not branch or that cannot be told. */
static bool near_target(struct finder *f, u64 *to)
{
    struct place p;
    *to = branch_target(f->x);
    switch (f->in->op) {
    case ISA_JMP_Jb:
    case ISA_JMP_Jz:
    case ISA_CALL_Jz:
        return true;
    case ISA_Jcc_Jb:
    case ISA_Jcc_Jz:
    case ISA_LOOP_Jb:
    case ISA_LOOPE_Jb:
    case ISA_LOOPNE_Jb:
    case ISA_JCXZ_Jb:
        return condition(f->x);
    case ISA_JMP_Ev:
    case ISA_CALL_Ev:
    case ISA_RET:
    case ISA_RET_Iw:
        place_find(f->x, f->in->op == ISA_JMP_Ev || f->in->op == ISA_CALL_Ev ? 1 : PLACE_TOP, &p);
        *to = place_value(&p);
        return p.known;
    default:
        return false;
    }
}

static bool check_values(struct finder *f)
{
    u64 to;
    switch (f->in->op) {
    case ISA_DIV_Eb:
    case ISA_DIV_Ev:
    case ISA_IDIV_Eb:
    case ISA_IDIV_Ev:
        return check_divide(f);
    case ISA_ENTER_IwIb:
        return check_enter(f);
    case ISA_AAM_Ib:
        return f->in->imm == 0 && raises_for(f, VEC_DE, "division by zero");
    case ISA_LDMXCSR_Md:
    case ISA_FXRSTOR_M:
        return check_mxcsr(f);
    case ISA_RDPMC:
        return (u32)f->c->r[R_CX] >= ARRAY_LEN(f->c->msr.perf_ctr) && raises_for(f, VEC_GP, "there is no such counter");
    case ISA_BOUND_GvMa:
        return !condition(f->x) && raises_for(f, VEC_BR, "the number is out of bounds");
    default:
        break;
    }
    if (near_target(f, &to) && to > f->c->seg[SEG_CS].limit)
        return raises_for(f, VEC_GP, "CS ends before that");
    return check_segment(f) || check_interrupt(f);
}

struct fault fault_predict(const struct explain *x, struct text *why)
{
    struct finder f = {.x = x, .c = x->cpu, .in = x->insn, .row = &isa_rows[x->insn->op], .why = why};
    f.f.vector = -1;
    bool found = check_exists(&f) || check_fpu(&f) || check_simd(&f) || check_privilege(&f) || check_port(&f) ||
                 check_memory(&f) || check_values(&f);
    if (!found)
        f.f.vector = -1;
    return f.f;
}
