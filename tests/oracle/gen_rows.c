/*
 * gen_rows.c - what single rows need beyond random operands: implied registers, string counts, jump targets,
 * stack contents, relations between operands.
 */
#include "tests/oracle/gen.h"

/* ---- which rows ---- */

#define FAR "far transfer, segments of its own: tests/unit/test_cpu_far.c"
#define LOAD "segment load, descriptors of its own: tests/unit/test_cpu_far.c"
#define LOOK "looks at descriptors, which are the host's: tests/unit/test_cpu_far.c"
#define UMIP "the host's system registers, or a fault with UMIP: tests/unit/test_cpu_system.c, test_cpu_far.c"
#define HOST "the answer is the host's: tests/unit/test_cpu_system.c"
#define LONG "only in 64-bit mode, which the interpreter does not have: tests/unit/test_decode64.c"
#define FAST "a 64-bit host treats it differently in its 32-bit mode: tests/unit/test_cpu_system.c"

/* Of other privileged rows the fault is judged. */
static const struct {
    enum isa_op op;
    const char *reason;
} without_cases[] = {
    {ISA_UD, "no encoding of its own"},
    {ISA_IRET, "interrupt frames in system mode: tests/unit/test_cpu_event.c"},
    {ISA_JMP_Ap, FAR},
    {ISA_CALL_Ap, FAR},
    {ISA_JMP_Mp, FAR},
    {ISA_CALL_Mp, FAR},
    {ISA_RETF, FAR},
    {ISA_RETF_Iw, FAR},
    {ISA_MOV_SwEw, LOAD},
    {ISA_POP_ES, LOAD},
    {ISA_POP_SS, LOAD},
    {ISA_POP_DS, LOAD},
    {ISA_POP_FS, LOAD},
    {ISA_POP_GS, LOAD},
    {ISA_LES_GvMp, LOAD},
    {ISA_LDS_GvMp, LOAD},
    {ISA_LSS_GvMp, LOAD},
    {ISA_LFS_GvMp, LOAD},
    {ISA_LGS_GvMp, LOAD},
    {ISA_VERR_Ew, LOOK},
    {ISA_VERW_Ew, LOOK},
    {ISA_LAR_GvEw, LOOK},
    {ISA_LSL_GvEw, LOOK},
    {ISA_SLDT_Ev, UMIP},
    {ISA_STR_Ev, UMIP},
    {ISA_SGDT_Ms, UMIP},
    {ISA_SIDT_Ms, UMIP},
    {ISA_SMSW_Ev, UMIP},
    {ISA_CPUID, HOST},
    {ISA_RDTSC, HOST},
    {ISA_RDPMC, HOST},
    {ISA_SYSENTER, FAST},
    {ISA_SYSEXIT, FAST},
    {ISA_MOVSXD_GvEd, LONG},
    {ISA_CMPXCHG16B_Mo, LONG},
    {ISA_SYSCALL, LONG},
    {ISA_SYSRET, LONG},
    {ISA_SWAPGS, LONG},
};

const char *gen_reason(enum isa_op op)
{
    for (unsigned i = 0; i < ARRAY_LEN(without_cases); i++) {
        if (without_cases[i].op == op)
            return without_cases[i].reason;
    }
    return NULL;
}

/* ---- strings ---- */

static bool uses(const struct gen *g, enum isa_operand kind)
{
    for (unsigned i = 0; i < ARRAY_LEN(g->row->operand); i++) {
        if (g->row->operand[i] == kind)
            return true;
    }
    return false;
}

/* Sets one pointer register to somewhere in SEG and returns the linear address. */
static u32 string_pointer(struct gen *g, unsigned reg, unsigned seg, unsigned size)
{
    struct oracle_case *c = g->c;
    if (seg != SEG_CS)
        c->sel[seg] = gen_selector(g, g->adw == 4, seg == SEG_SS);
    u32 lin = gen_address(g, c->sel[seg], size, size);
    gen_set(g, reg, g->adw, lin - gen_segment(c->sel[seg])->base);
    return lin;
}

static u32 string_count(struct gen *g)
{
    u32 pick = rng_below(&g->rng, 100);
    if (pick < 10)
        return 0;
    if (pick < 85)
        return 1 + rng_below(&g->rng, 40);
    return rng_below(&g->rng, pick < 97 ? 600 : 9000);
}

/* Equal elements at both places or in AL/AX/EAX and memory, up to a random one. */
static void string_contents(struct gen *g, unsigned size, u32 count, const u32 *at, unsigned places)
{
    u8 bytes[256];
    unsigned len = MIN(MIN(count ? count : 1, 40u) * size, (u32)sizeof bytes);
    bool down = g->c->eflags & F_DF;
    bool scan = uses(g, OPERAND_AL) || uses(g, OPERAND_AX);
    value_fill(&g->rng, VALUE_INT, bytes, len);
    if (scan) {
        for (unsigned i = 0; i + size <= len; i += size)
            memcpy(bytes + i, &g->c->r[R_AX], size);
    }
    unsigned odd = rng_below(&g->rng, len);
    for (unsigned i = 0; i < places; i++) {
        u8 before = bytes[odd];
        if (i == 0 && rng_percent(&g->rng, 70)) {
            bytes[odd] ^= (u8)(1 + rng_below(&g->rng, 255));
            if (g->rep == 0xF2 && rng_percent(&g->rng, 60)) /* all but one differ */
                for (unsigned k = 0; k < len; k++)
                    bytes[k] = (u8)(k / size == odd / size ? before : ~bytes[k]);
        }
        gen_patch(g, down ? at[i] - len + size : at[i], bytes, len);
    }
}

static void string_row(struct gen *g)
{
    bool x = uses(g, OPERAND_Xb) || uses(g, OPERAND_Xv), y = uses(g, OPERAND_Yb) || uses(g, OPERAND_Yv);
    unsigned size = uses(g, OPERAND_Xb) || uses(g, OPERAND_Yb) ? 1 : g->opw;
    u32 at[2], places = 0;
    u32 count = string_count(g);
    if (x)
        at[places++] = string_pointer(g, R_SI, g->seg >= 0 ? (unsigned)g->seg : SEG_DS, size);
    if (y)
        at[places++] = string_pointer(g, R_DI, SEG_ES, size);
    if (g->rep) {
        gen_set(g, R_CX, g->adw, count);
        g->c->budget = count + 8;
    }
    string_contents(g, size, g->rep ? count : 1, at, places);
    g->used |= BIT(R_AX);
}

/* ---- stack ---- */

static u32 stack_linear(const struct gen *g)
{
    u16 sel = g->c->sel[SEG_SS];
    u32 sp = (u32)g->c->r[R_SP];
    return gen_segment(sel)->base + (sel == ORACLE_SEL_STACK16 ? (u16)sp : sp);
}

/* A stack pointer that is sometimes near an edge, with BYTES of room needed below (push) or above (pop). */
static void stack_row(struct gen *g, unsigned bytes, bool pop)
{
    u16 sel = g->c->sel[SEG_SS];
    if (rng_percent(&g->rng, 40)) {
        u32 lin = gen_address(g, sel, bytes, 4);
        gen_set(g, R_SP, 4, lin - gen_segment(sel)->base + (pop ? 0 : bytes));
    } else {
        u32 off = sel == ORACLE_SEL_SMALL ? 0x400 : 0x1000 + rng_below(&g->rng, 0x3E0) * 4;
        gen_set(g, R_SP, 4, ORACLE_DATA + off - gen_segment(sel)->base);
    }
    if (!pop)
        return;
    u8 values[36];
    value_fill(&g->rng, VALUE_INT, values, sizeof values);
    gen_patch(g, stack_linear(g), values, MIN(bytes, (unsigned)sizeof values));
}

/* EFLAGS for POPF and SAHF: single step would run on into the exit. */
static void flags_on_stack(struct gen *g)
{
    u32 v = (u32)rng_next(&g->rng) & ~(u32)F_TF;
    if (rng_percent(&g->rng, 70))
        v &= F_ARITH | F_DF | F_IF;
    stack_row(g, g->opw, true);
    gen_patch(g, stack_linear(g), &v, g->opw);
}

static void enter_row(struct gen *g)
{
    static const u16 sizes[] = {0, 4, 0x20, 0x40, 0x1F0, 0x1000, 0x8000, 0xFFFF};
    u32 level = rng_percent(&g->rng, 40)   ? 0
                : rng_percent(&g->rng, 80) ? rng_below(&g->rng, 5)
                                           : rng_below(&g->rng, 256);
    g->imm = level << 16 | sizes[rng_below(&g->rng, rng_percent(&g->rng, 80) ? 5 : ARRAY_LEN(sizes))];
    stack_row(g, 16, false);
    u16 sel = g->c->sel[SEG_SS];
    gen_set(g, R_BP, 4, gen_address(g, sel, 4, 4) - gen_segment(sel)->base);
}

static void leave_row(struct gen *g)
{
    u16 sel = g->c->sel[SEG_SS];
    u32 lin = gen_address(g, sel, 4, 4), value = (u32)value_int(&g->rng, 4);
    gen_set(g, R_BP, 4, lin - gen_segment(sel)->base);
    gen_patch(g, lin, &value, 4);
}

/* ---- before ModRM ---- */

void gen_row_before(struct gen *g)
{
    if (g->row->attrs & A_REP)
        string_row(g);
    switch (g->op) {
    case ISA_XLAT: {
        unsigned seg = gen_seg_of(g);
        u32 lin = string_pointer(g, R_BX, seg, 1);
        u32 base = (u32)g->c->r[R_BX] - (u8)g->c->r[R_AX];
        memcpy(&g->c->r[R_BX], &base, g->adw);
        u8 byte = (u8)rng_next(&g->rng);
        gen_patch(g, lin, &byte, 1);
        g->used |= BIT(R_AX);
        break;
    }
    case ISA_MASKMOVQ_PqNq:
        string_pointer(g, R_DI, gen_seg_of(g), 8);
        break;
    case ISA_MASKMOVDQU_VoUo:
        string_pointer(g, R_DI, gen_seg_of(g), 16);
        break;
    case ISA_MOV_ALOb:
    case ISA_MOV_AXOv:
    case ISA_MOV_ObAL:
    case ISA_MOV_OvAX: {
        unsigned seg = gen_seg_of(g), size = g->op == ISA_MOV_AXOv || g->op == ISA_MOV_OvAX ? g->opw : 1;
        u16 *sel = &g->c->sel[seg];
        if (seg != SEG_CS)
            *sel = gen_selector(g, g->adw == 4, seg == SEG_SS);
        g->target = gen_address(g, *sel, size, size) - gen_segment(*sel)->base;
        break;
    }
    default:
        break;
    }
}

/* ---- after the operands ---- */

/* The value of the E operand, W bytes, as it is before the instruction. */
static u64 operand_value(const struct gen *g, unsigned w)
{
    u64 v = 0;
    if (g->mem) {
        const struct oracle_case *c = g->c;
        if (c->patches)
            memcpy(&v, c->bytes + c->patch[c->patches - 1].at, MIN(w, c->patch[c->patches - 1].len));
    } else if (w == 1) {
        v = g->c->r[g->modrm & 3] >> (g->modrm & 4 ? 8 : 0) & 0xFF;
    } else {
        memcpy(&v, &g->c->r[g->modrm & 7], w);
    }
    return v;
}

static void shift_count(struct gen *g)
{
    u8 count = (u8)(rng_percent(&g->rng, 85) ? rng_below(&g->rng, 36) : rng_next(&g->rng));
    if (uses(g, OPERAND_CL))
        gen_set(g, R_CX, 1, count);
    else if (uses(g, OPERAND_Ib))
        g->imm = count;
}

/* A dividend whose quotient mostly fits. */
static void divide_row(struct gen *g, unsigned w)
{
    u64 divisor = operand_value(g, w), quotient = value_int(&g->rng, w);
    unsigned bits = w * 8;
    bool is_signed = g->op == ISA_IDIV_Eb || g->op == ISA_IDIV_Ev;
    if (rng_percent(&g->rng, 20) || divisor == 0)
        return;
    u64 product;
    if (is_signed) {
        s64 d = (s64)(divisor << (64 - bits)) >> (64 - bits), q = (s64)(quotient << (64 - bits)) >> (64 - bits);
        product = (u64)(d * q) + rng_below(&g->rng, 3) - 1;
    } else {
        product = divisor * quotient + (rng_percent(&g->rng, 70) ? rng_next(&g->rng) % divisor : divisor);
    }
    if (w == 1) {
        gen_set(g, R_AX, 2, (u32)product);
    } else {
        gen_set(g, R_AX, w, (u32)product);
        gen_set(g, R_DX, w, (u32)(product >> bits));
    }
}

static void compare_exchange(struct gen *g, unsigned w)
{
    if (rng_percent(&g->rng, 50))
        gen_set(g, R_AX, w, (u32)operand_value(g, w));
}

static void compare_exchange8(struct gen *g)
{
    u64 v = operand_value(g, 8);
    if (rng_percent(&g->rng, 60)) {
        gen_set(g, R_AX, 4, (u32)v);
        gen_set(g, R_DX, 4, (u32)(v >> 32));
    }
}

/* A bit offset that stays near the operand in memory. */
static void bit_row(struct gen *g)
{
    unsigned reg = g->modrm >> 3 & 7;
    s32 bit = (s32)rng_below(&g->rng, rng_percent(&g->rng, 80) ? 64 : 8192) - 32;
    gen_set(g, reg, g->opw, (u32)bit);
}

/* Bounds around the index, mostly. */
static void bound_row(struct gen *g)
{
    s32 index = (s32)g->c->r[g->modrm >> 3 & 7];
    s32 low = (s32)((u32)index - rng_below(&g->rng, 3) + (rng_percent(&g->rng, 15) ? 1 : 0));
    s32 high = (s32)((u32)index + rng_below(&g->rng, 3) - (rng_percent(&g->rng, 15) ? 1 : 0));
    u8 pair[8];
    memcpy(pair, &low, g->opw);
    memcpy(pair + g->opw, &high, g->opw);
    if (rng_percent(&g->rng, 85))
        gen_patch(g, g->target, pair, g->opw * 2);
}

/* Digits at the edges of decimal adjustment. */
static void decimal_row(struct gen *g)
{
    static const u8 digits[] = {0, 1, 5, 6, 8, 9, 10, 15};
    u8 al = (u8)(digits[rng_below(&g->rng, 8)] << 4 | digits[rng_below(&g->rng, 8)]);
    if (rng_percent(&g->rng, 60))
        gen_set(g, R_AX, 1, al);
}

void gen_row_after(struct gen *g)
{
    u32 group2 = g->row->map == MAP_M1 ? g->row->opcode : 0;
    bool shift = (group2 >= 0xC0 && group2 <= 0xC1 && g->has_modrm) || (group2 >= 0xD0 && group2 <= 0xD3);
    if (shift)
        shift_count(g);
    if (uses(g, OPERAND_Ob) || uses(g, OPERAND_Ov))
        g->imm = g->target; /* an offset */
    switch (g->op) {
    case ISA_SHLD_EvGvCL:
    case ISA_SHRD_EvGvCL:
    case ISA_SHLD_EvGvIb:
    case ISA_SHRD_EvGvIb:
        shift_count(g);
        break;
    case ISA_DIV_Eb:
    case ISA_IDIV_Eb:
        divide_row(g, 1);
        break;
    case ISA_DIV_Ev:
    case ISA_IDIV_Ev:
        divide_row(g, g->opw);
        break;
    case ISA_DAA:
    case ISA_DAS:
    case ISA_AAA:
    case ISA_AAS:
        decimal_row(g);
        break;
    case ISA_CMPXCHG_EbGb:
        compare_exchange(g, 1);
        break;
    case ISA_CMPXCHG_EvGv:
        compare_exchange(g, g->opw);
        break;
    case ISA_CMPXCHG8B_Mq:
        compare_exchange8(g);
        break;
    case ISA_BT_EvGv:
    case ISA_BTS_EvGv:
    case ISA_BTR_EvGv:
    case ISA_BTC_EvGv:
        bit_row(g);
        break;
    case ISA_BOUND_GvMa:
        bound_row(g);
        break;
    case ISA_PUSH_Zv:
    case ISA_PUSH_Iz:
    case ISA_PUSH_Ib:
    case ISA_PUSH_Ev:
    case ISA_PUSHF:
    case ISA_PUSH_ES:
    case ISA_PUSH_CS:
    case ISA_PUSH_SS:
    case ISA_PUSH_DS:
    case ISA_PUSH_FS:
    case ISA_PUSH_GS:
    case ISA_CALL_Jz:
    case ISA_CALL_Ev:
        stack_row(g, g->opw, false);
        break;
    case ISA_PUSHA:
        stack_row(g, g->opw * 8, false);
        break;
    case ISA_POP_Zv:
    case ISA_POP_Ev:
    case ISA_RET:
    case ISA_RET_Iw:
        stack_row(g, g->opw, true);
        break;
    case ISA_POPA:
        stack_row(g, g->opw * 8, true);
        break;
    case ISA_POPF:
        flags_on_stack(g);
        break;
    case ISA_ENTER_IwIb:
        enter_row(g);
        break;
    case ISA_LEAVE:
        leave_row(g);
        break;
    case ISA_LOOP_Jb:
    case ISA_LOOPE_Jb:
    case ISA_LOOPNE_Jb:
    case ISA_JCXZ_Jb:
        if (rng_percent(&g->rng, 70))
            gen_set(g, R_CX, rng_percent(&g->rng, 50) ? 2 : 4, rng_below(&g->rng, 3));
        break;
    case ISA_INT_Ib:
        if (g->imm == 0x80)
            g->imm = 0x81; /* Linux would do what the registers say */
        break;
    default:
        break;
    }
}

/* ---- jump targets, when it is known where the instruction lies ---- */

/* An offset in the code segment that holds INT3, sometimes one where nothing is. */
static u32 jump_target(struct gen *g, u32 low, u32 high)
{
    struct oracle_case *c = g->c;
    u32 base = c->bits == 32 ? ORACLE_CODE : 0;
    for (unsigned i = 0; i < 100; i++) {
        u32 at = low + rng_below(&g->rng, high - low);
        bool own = at + 16 > c->code_at && at < c->code_at + c->insn_len + 8u;
        if (at < ORACLE_CODE_SIZE && !own)
            return base + at;
    }
    return base + (c->code_at >= 32 ? c->code_at - 20u : c->code_at + 40u);
}

static u32 far_off_or(struct gen *g, u32 target)
{
    static const u32 off[] = {0,          0x8000,          0xFFFF,
                              0x10000,    0x7FFFFFFF,      0xA5000000,
                              0xFFFFFFFF, ORACLE_CODE - 1, ORACLE_CODE + ORACLE_CODE_SIZE,
                              ORACLE_DATA};
    return rng_percent(&g->rng, 10) ? off[rng_below(&g->rng, ARRAY_LEN(off))] : target;
}

static void set_immediate(struct gen *g, u32 v)
{
    memcpy(g->c->code + g->c->insn_len - g->imm_size, &v, g->imm_size);
}

static void relative_jump(struct gen *g)
{
    struct oracle_case *c = g->c;
    u32 behind = c->code_at + c->insn_len, base = (u32)c->ip - c->code_at;
    if (g->imm_size > 1) {
        set_immediate(g, far_off_or(g, jump_target(g, 0, ORACLE_CODE_SIZE)) - (u32)c->ip - c->insn_len);
        return;
    }
    u32 low = behind > 128 ? behind - 128 : 0, high = MIN(behind + 128, (u32)ORACLE_CODE_SIZE);
    set_immediate(g, jump_target(g, low, high) - base - behind);
}

void gen_row_place(struct gen *g)
{
    u32 target;
    if (uses(g, OPERAND_Jb) || uses(g, OPERAND_Jz)) {
        relative_jump(g);
        return;
    }
    switch (g->op) {
    case ISA_JMP_Ev:
    case ISA_CALL_Ev:
        target = far_off_or(g, jump_target(g, 0, ORACLE_CODE_SIZE));
        if (g->mem)
            gen_patch(g, g->target, &target, g->opw);
        else
            g->c->r[g->modrm & 7] = target;
        break;
    case ISA_RET:
    case ISA_RET_Iw:
        target = far_off_or(g, jump_target(g, 0, ORACLE_CODE_SIZE));
        gen_patch(g, stack_linear(g), &target, g->opw);
        break;
    default:
        break;
    }
}
