/*
 * differences.c - undefined flags by isa.def, and the table of known differences between host and model.
 */
#include "tests/oracle/differences.h"
#include "cpu/isa.h"

struct pair {
    const struct oracle_case *c;
    const struct isa_row *row;
    const struct oracle_result *silicon, *ours;
    bool faulted; /* the instruction itself, not the one behind it */
};

/* ---- reading a case ---- */

/* Where the opcode's last byte is, behind prefixes and 0F. */
static unsigned opcode_at(const struct oracle_case *c)
{
    static const u8 prefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3};
    unsigned at = 0;
    while (at < c->insn_len && memchr(prefixes, c->code[at], sizeof prefixes))
        at++;
    return c->code[at] == 0x0F ? at + 1 : at;
}

static u8 modrm_of(const struct oracle_case *c)
{
    return c->code[opcode_at(c) + 1];
}

static bool has_prefix(const struct oracle_case *c, u8 prefix)
{
    return memchr(c->code, prefix, opcode_at(c)) != NULL;
}

static unsigned operand_width(const struct oracle_case *c)
{
    return (c->bits == 32) != has_prefix(c, 0x66) ? 4 : 2;
}

/* Masked to 5 bits as the silicon does. */
static unsigned shift_count(const struct pair *p)
{
    bool by_cl = p->row->operand[1] == OPERAND_CL || p->row->operand[2] == OPERAND_CL;
    bool by_one = p->row->operand[1] == OPERAND_ONE;
    u8 count = by_one ? 1 : by_cl ? (u8)p->c->r[R_CX] : p->c->code[p->c->insn_len - 1];
    return count & 31;
}

static void ignore(struct mask *m, u32 lin, u16 len)
{
    if (lin - ORACLE_DATA < ORACLE_DATA_SIZE && m->ranges < MASK_RANGES) {
        m->ignored[m->ranges].off = (u16)(lin - ORACLE_DATA);
        m->ignored[m->ranges++].len = len;
    }
}

bool mask_ignores(const struct mask *m, u32 off)
{
    for (unsigned i = 0; i < m->ranges; i++) {
        if (off - m->ignored[i].off < m->ignored[i].len)
            return true;
    }
    return false;
}

/* ---- undefined by the manual ---- */

static bool is_row(const struct pair *p, enum isa_op first, enum isa_op last)
{
    return p->c->row >= first && p->c->row <= last;
}

static bool is_double_shift(const struct pair *p)
{
    return is_row(p, ISA_SHLD_EvGvIb, ISA_SHRD_EvGvCL);
}

static bool is_shift(const struct pair *p)
{
    return is_row(p, ISA_ROL_EbIb, ISA_SAR_EvCL);
}

/* The flags that isa.def calls undefined, but not where the manual defines them after all. */
static void undefined_flags(const struct pair *p, struct mask *m)
{
    u32 undef = p->row->undef;
    if (is_shift(p) || is_double_shift(p)) {
        unsigned count = shift_count(p);
        if (count == 0)
            undef = 0; /* no flag changes */
        else if (count == 1)
            undef &= ~(u32)F_OF;
    }
    m->eflags &= ~undef;
}

/* ---- the table ---- */

static bool wide_double_shift(const struct pair *p)
{
    return is_double_shift(p) && operand_width(p->c) == 2 && shift_count(p) > 16;
}

static void no_result(const struct pair *p, struct mask *m)
{
    m->eflags &= ~(u32)F_ARITH;
    if (modrm_of(p->c) >= 0xC0)
        m->r[modrm_of(p->c) & 7] = 0xFFFF;
    else
        m->memory = false;
}

static bool wide_selector_push(const struct pair *p)
{
    bool push = is_row(p, ISA_PUSH_ES, ISA_PUSH_GS);
    return push && operand_width(p->c) == 4;
}

static u32 stack_linear(const struct oracle_case *c)
{
    u32 sp = (u32)c->r[R_SP];
    switch (c->sel[OSEL_SS]) {
    case ORACLE_SEL_DATA:
        return sp;
    case ORACLE_SEL_STACK16:
        return ORACLE_DATA + (u16)sp;
    default:
        return ORACLE_DATA + sp;
    }
}

static void high_half_of_slot(const struct pair *p, struct mask *m)
{
    if (p->faulted)
        m->skip = true;
    ignore(m, stack_linear(p->c) - 2, 2);
}

static bool stack_frame_fault(const struct pair *p)
{
    return p->faulted && (is_row(p, ISA_ENTER_IwIb, ISA_ENTER_IwIb) || is_row(p, ISA_PUSHA, ISA_PUSHA));
}

static bool popa_fault(const struct pair *p)
{
    return p->faulted && is_row(p, ISA_POPA, ISA_POPA);
}

static void only_esp(const struct pair *p, struct mask *m)
{
    for (unsigned i = 0; i < 8; i++)
        m->r[i] = i == R_SP ? 0 : ~(u32)0;
    m->cr2 = false;
}

static bool compare_fault(const struct pair *p)
{
    bool compares = is_row(p, ISA_CMPSB, ISA_CMPSV) || is_row(p, ISA_SCASB, ISA_SCASV);
    return compares && p->faulted;
}

static void no_arith(const struct pair *p, struct mask *m)
{
    m->eflags &= ~(u32)F_ARITH;
}

/* FXSAVE, which the kernel uses at a signal, leaves them out while no exception is pending. */
static bool no_pointers(const struct pair *p)
{
    return p->silicon->vector >= 0 && !(ld16(p->silicon->fx + 2) & 0x80);
}

static void forget_pointers(const struct pair *p, struct mask *m)
{
    m->pointers = false;
}

static bool is_memory_fault(const struct oracle_result *r)
{
    return (r->vector >= VEC_SS && r->vector <= VEC_PF) || r->vector == VEC_AC;
}

static bool both_fault(const struct pair *p)
{
    return p->faulted && p->ours->ip == p->c->ip && is_memory_fault(p->silicon) && is_memory_fault(p->ours);
}

static void partial_frame(const struct pair *p, struct mask *m)
{
    m->memory = false;
    if (both_fault(p))
        m->vector = m->error = m->cr2 = false;
}

static bool wraps(const struct pair *p)
{
    bool limit = p->faulted && (p->silicon->vector == VEC_GP || p->silicon->vector == VEC_SS) && p->silicon->error == 0;
    u32 lin = (u32)p->ours->cr2;
    return limit && p->ours->vector == VEC_PF && (lin > 0xFFFFFF00 || lin < 0x100);
}

/* States of the x87 and SSE units in memory, ten-byte and 16-byte operands, which have an alignment to violate too. */
static bool large_operand_fault(const struct pair *p)
{
    bool state = is_row(p, ISA_FLDENV, ISA_FLDENV) || is_row(p, ISA_FNSTENV, ISA_FNSTENV) ||
                 is_row(p, ISA_FRSTOR, ISA_FNSAVE) || is_row(p, ISA_FXSAVE_M, ISA_FXRSTOR_M);
    bool vector = false;
    for (unsigned i = 0; i < ARRAY_LEN(p->row->operand); i++)
        vector |=
            p->row->operand[i] == OPERAND_Wo || p->row->operand[i] == OPERAND_Mo || p->row->operand[i] == OPERAND_Mt;
    return (state || vector) && both_fault(p);
}

static void any_fault(const struct pair *p, struct mask *m)
{
    m->vector = m->error = m->cr2 = false;
    if (p->row->attrs & A_FPU)
        m->memory = false;
}

static bool compare_to_flags(const struct pair *p)
{
    return is_row(p, ISA_FUCOMI, ISA_FCOMI) || is_row(p, ISA_FUCOMIP, ISA_FCOMIP);
}

static void no_c1(const struct pair *p, struct mask *m)
{
    m->fsw &= (u16)~0x200;
}

static bool convert_from_memory(const struct pair *p)
{
    return is_row(p, ISA_CVTPI2PS_VqQq, ISA_CVTPI2PS_VqQq) && modrm_of(p->c) < 0xC0;
}

static bool masked_move_fault(const struct pair *p)
{
    return (p->faulted || p->ours->vector >= 0) &&
           (is_row(p, ISA_MASKMOVQ_PqNq, ISA_MASKMOVQ_PqNq) || is_row(p, ISA_MASKMOVDQU_VoUo, ISA_MASKMOVDQU_VoUo));
}

static void no_x87(const struct pair *p, struct mask *m)
{
    m->skip = p->ours->vector == VEC_MF;
    m->x87 = false;
    m->fsw &= (u16)~0x3800;
}

/* Misaligned 16-byte operands under EFLAGS.AC. */
static bool vector_alignment(const struct pair *p)
{
    bool vector = is_row(p, ISA_MASKMOVDQU_VoUo, ISA_MASKMOVDQU_VoUo);
    for (unsigned i = 0; i < ARRAY_LEN(p->row->operand); i++)
        vector |= p->row->operand[i] == OPERAND_Wo;
    return vector && p->faulted && p->silicon->vector == VEC_AC;
}

static bool call_two_faults(const struct pair *p)
{
    return (is_row(p, ISA_CALL_Ev, ISA_CALL_Ev) || is_row(p, ISA_CALL_Jz, ISA_CALL_Jz)) && both_fault(p);
}

static bool state_image(const struct pair *p)
{
    return is_row(p, ISA_FXSAVE_M, ISA_FXSAVE_M) && !p->faulted;
}

static void image_of_host(const struct pair *p, struct mask *m)
{
    if (!(ld16(p->silicon->fx + 2) & 0x80))
        ignore(m, p->c->target + 6, 18);
    ignore(m, p->c->target + 28, 4);
}

static bool transcendental(const struct pair *p)
{
    switch (p->c->row) {
    case ISA_F2XM1:
    case ISA_FYL2X:
    case ISA_FYL2XP1:
    case ISA_FPTAN:
    case ISA_FPATAN:
    case ISA_FSIN:
    case ISA_FCOS:
    case ISA_FSINCOS:
        return true;
    default:
        return false;
    }
}

static void one_ulp(const struct pair *p, struct mask *m)
{
    m->st_ulps = 1;
    no_c1(p, m);
}

static bool approximation(const struct pair *p)
{
    return is_row(p, ISA_RSQRTPS_VoWo, ISA_RCPSS_VdWd);
}

static void approximate(const struct pair *p, struct mask *m)
{
    m->xmm_approx = true;
}

static bool undefined_opcode(const struct pair *p)
{
    bool cut = p->c->code_at + p->c->insn_len > ORACLE_CODE_SIZE || p->c->insn_len > 15;
    return is_row(p, ISA_UD1, ISA_UD0) && cut;
}

static bool icebp(const struct pair *p)
{
    return is_row(p, ISA_ICEBP, ISA_ICEBP);
}

static bool debug_register_alias(const struct pair *p)
{
    return is_row(p, ISA_MOV_RdDd, ISA_MOV_DdRd) && (modrm_of(p->c) >> 4 & 3) == 2;
}

static void skip(const struct pair *p, struct mask *m)
{
    m->skip = true;
}

static void no_ip(const struct pair *p, struct mask *m)
{
    m->ip = false;
}

static const struct difference {
    bool (*applies)(const struct pair *p);
    void (*apply)(const struct pair *p, struct mask *m);
    const char *reason;
} table[] = {
    {wide_double_shift, no_result, "SHLD, SHRD of a word by more than 16: result and flags are undefined"},
    {wide_selector_push, high_half_of_slot,
     "PUSH of a segment register, 32 bits: some processors write two bytes, some four"},
    {stack_frame_fault, partial_frame,
     "ENTER, PUSHA that fault: what they have already pushed below the stack pointer, and ENTER's order"},
    {wraps, skip, "an access across 4 GiB in a flat segment: #GP or #SS, or on to address 0"},
    {popa_fault, only_esp, "POPA that faults: some processors have loaded some registers already"},
    {compare_fault, no_arith,
     "REP CMPS, SCAS that fault: flags of the last comparison (AMD), or as before the instruction (Intel)"},
    {no_pointers, forget_pointers, "x87 pointers are lost at a signal unless an exception is pending (AMD)"},
    {large_operand_fault, any_fault, "several faults at once in one large operand: which comes first"},
    {compare_to_flags, no_c1, "FCOMI and friends: C1 stays (AMD) or is cleared (Intel)"},
    {convert_from_memory, no_x87, "CVTPI2PS from memory: enters MMX mode (Intel) or not (AMD)"},
    {masked_move_fault, skip,
     "MASKMOVQ, MASKMOVDQU: faults for bytes that the mask leaves out, the faulting byte, MMX mode after a fault"},
    {vector_alignment, skip, "EFLAGS.AC: the manual leaves #AC for 16-byte operands to the processor"},
    {call_two_faults, any_fault, "CALL with a target beyond the limit and a bad stack: which fault comes first"},
    {state_image, image_of_host, "FXSAVE: x87 pointers as above, MXCSR_MASK is the host's"},
    {transcendental, one_ulp, "transcendental functions: last place, and C1, which tells how it was rounded"},
    {approximation, approximate, "RCPPS, RSQRTPS and their scalar forms: 1.5 * 2^-12"},
    {undefined_opcode, skip,
     "UD0, UD1 at the end of a page or longer than 15 bytes: not every processor reads a ModRM byte"},
    {icebp, no_ip, "INT1: some hypervisors report its own address instead of the next"},
    {debug_register_alias, skip, "DR4 and DR5 at CPL 3 with CR4.DE: #UD or #GP first"},
};

unsigned difference_count(void)
{
    return ARRAY_LEN(table);
}

const char *difference_reason(unsigned i)
{
    return table[i].reason;
}

void mask_for(struct mask *m, const struct oracle_case *c, const struct oracle_result *silicon,
              const struct oracle_result *ours, u32 *used)
{
    struct pair p = {.c = c, .row = &isa_rows[c->row], .silicon = silicon, .ours = ours};
    p.faulted = silicon->vector >= 0 && silicon->ip == c->ip;
    *m = (struct mask){.eflags = ~(u32)0,
                       .fsw = 0xFFFF,
                       .pointers = true,

                       .vector = true,
                       .ip = true,
                       .error = true,
                       .cr2 = true,
                       .memory = true,
                       .x87 = true};
    if (!p.faulted)
        undefined_flags(&p, m);
    for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
        if (!table[i].applies(&p))
            continue;
        table[i].apply(&p, m);
        used[i]++;
    }
}

/* ---- results that are approximations ---- */

/* The place of an 80-bit number among all of one sign: neighbours differ by 1. */
static unsigned __int128 place(const u8 *st)
{
    u32 exponent = ld16(st + 8) & 0x7FFF;
    return ((unsigned __int128)MAX(exponent, 1u) << 63) + ld64(st);
}

bool mask_near_st(const struct mask *m, const u8 *silicon, const u8 *ours)
{
    if (m->st_ulps == 0 || (silicon[9] ^ ours[9]) & 0x80)
        return false;
    unsigned __int128 a = place(silicon), b = place(ours);
    return (a > b ? a - b : b - a) <= m->st_ulps;
}

static bool near_single(u32 a, u32 b)
{
    float x, y;
    memcpy(&x, &a, 4);
    memcpy(&y, &b, 4);
    float error = x > y ? x - y : y - x, size = y < 0 ? -y : y;
    return a == b || error <= size * (2 * 1.5f / 4096); /* each to 1.5 * 2^-12 */
}

bool mask_near_xmm(const struct mask *m, const u8 *silicon, const u8 *ours)
{
    if (!m->xmm_approx)
        return false;
    for (unsigned i = 0; i < 16; i += 4) {
        if (!near_single(ld32(silicon + i), ld32(ours + i)))
            return false;
    }
    return true;
}
