/*
 * gen.c - the frame of a test case: prefixes, ModRM, the memory operand's address, and how all that becomes bytes.
 */
#include "tests/oracle/gen.h"

enum { MODRM_KIND = 0xFF00 };

/* ---- segments and addresses ---- */

const struct oracle_segment *gen_segment(u16 sel)
{
    static const struct oracle_segment all[] = {
        {ORACLE_SEL_DATA, 0, 1, 0, 0, 0, 0xFFFFFFFF},
        {ORACLE_SEL_CODE, 1, 1, 0, 0, 0, 0xFFFFFFFF},
        {0, 0, 1, 0, 0, 0, 0}, /* null */
        ORACLE_SEGMENTS,
    };
    for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i].sel == sel)
            return &all[i];
    }
    return &all[2];
}

u16 gen_selector(struct gen *g, bool wide, bool stack)
{
    static const u16 near[] = {ORACLE_SEL_LOW, ORACLE_SEL_LOW,   ORACLE_SEL_LOW,
                               ORACLE_SEL_LOW, ORACLE_SEL_SMALL, ORACLE_SEL_DOWN};
    if (rng_percent(&g->rng, wide ? 90 : 8))
        return ORACLE_SEL_DATA;
    if (!stack && rng_percent(&g->rng, 6))
        return 0;
    if (g->options->local_table && rng_percent(&g->rng, stack ? 50 : 8))
        return stack ? ORACLE_SEL_STACK16 : ORACLE_SEL_READ;
    return near[rng_below(&g->rng, ARRAY_LEN(near))];
}

/* Offset in the data pages of something inside the writable ones that also lies inside the segment SEL. */
static u32 inside(struct gen *g, u16 sel, unsigned size)
{
    u32 from = 0, to = ORACLE_WRITABLE;
    if (sel == ORACLE_SEL_SMALL)
        to = 0x800;
    else if (sel == ORACLE_SEL_DOWN)
        from = 0x1000;
    return from + rng_below(&g->rng, to - from - size + 1);
}

u32 gen_address(struct gen *g, u16 sel, unsigned size, unsigned align)
{
    u32 pick = rng_below(&g->rng, 100), back = rng_below(&g->rng, size + 1);
    bool split = true;
    u32 off;
    if (pick < 80) {
        off = inside(g, sel, size);
        split = rng_percent(&g->rng, 25);
    } else if (pick < 85) {
        off = ORACLE_PAGE - back;
    } else if (pick < 89) {
        off = ORACLE_WRITABLE + rng_below(&g->rng, ORACLE_PAGE - size);
        split = rng_percent(&g->rng, 25);
    } else if (pick < 92) {
        off = ORACLE_WRITABLE - back;
    } else if (pick < 94) {
        off = (u32)0 - back;
    } else if (pick < 96) {
        off = ORACLE_DATA_SIZE - back;
    } else if (pick < 98) {
        /* Across the limit; across 4 GiB the manual allows a fault or none, so not there. */
        const struct oracle_segment *s = gen_segment(sel);
        back = s->limit == 0xFFFFFFFF ? size : back;
        off = s->base + s->limit + 1 - back - ORACLE_DATA;
    } else {
        static const u32 far[] = {0, 4, 0xFFFC, 0x10000, 0xA5000000, 0xFFFFFF00, ORACLE_CODE + 0x40, ORACLE_CODE - 2};
        off = far[rng_below(&g->rng, ARRAY_LEN(far))] - ORACLE_DATA;
    }
    /* A locked access over two cache lines costs milliseconds on some kernels. */
    bool locked = g->lock || (g->row->attrs & A_LOCK);
    if (!split || locked)
        off &= ~(align - 1);
    return ORACLE_DATA + off;
}

void gen_patch(struct gen *g, u32 lin, const void *bytes, unsigned len)
{
    struct oracle_case *c = g->c;
    u32 off = lin - ORACLE_DATA;
    const u8 *from = bytes;
    if (off >= ORACLE_DATA_SIZE) { /* begins before the pages */
        u32 skip = (u32)0 - off;
        if (skip >= len)
            return;
        from += skip;
        len -= skip;
        off = 0;
    }
    len = MIN(len, ORACLE_DATA_SIZE - off);
    if (c->patches == ORACLE_MAX_PATCHES || g->patch_bytes + len > ORACLE_PATCH_BYTES)
        return;
    c->patch[c->patches++] = (struct oracle_patch){.off = (u16)off, .len = (u16)len, .at = g->patch_bytes};
    memcpy(c->bytes + g->patch_bytes, from, len);
    g->patch_bytes += (u16)len;
}

void gen_set(struct gen *g, unsigned reg, unsigned w, u32 value)
{
    if (g->used & BIT(reg))
        return;
    memcpy(&g->c->r[reg], &value, w);
    g->used |= BIT(reg);
}

/* ---- sizes ---- */

unsigned gen_operand_size(const struct gen *g, enum isa_operand kind)
{
    switch (kind) {
    case OPERAND_Eb:
    case OPERAND_Mb:
        return 1;
    case OPERAND_Ew:
    case OPERAND_Mw:
        return 2;
    case OPERAND_Ed:
    case OPERAND_Md:
    case OPERAND_Qd:
    case OPERAND_Wd:
        return 4;
    case OPERAND_Ev:
        return g->opw;
    case OPERAND_Ma:
        return g->opw * 2;
    case OPERAND_Mp:
        return g->opw + 2;
    case OPERAND_Ms:
        return 6;
    case OPERAND_Mq:
    case OPERAND_Qq:
    case OPERAND_Wq:
        return 8;
    case OPERAND_Mt:
        return 10;
    case OPERAND_Mo:
    case OPERAND_Wo:
        return 16;
    case OPERAND_M:
        return g->row->attrs & A_FPU ? 108 : g->row->attrs & A_SSE ? 512 : 4;
    default:
        return 0;
    }
}

static unsigned memory_size(const struct gen *g)
{
    unsigned size = 0;
    for (unsigned i = 0; i < ARRAY_LEN(g->row->operand); i++)
        size = MAX(size, gen_operand_size(g, g->row->operand[i]));
    return size ? size : 4;
}

static unsigned alignment(unsigned size)
{
    return size >= 16 ? 16 : size == 10 || size == 6 ? 2 : size;
}

static unsigned immediate_size(const struct gen *g)
{
    unsigned size = 0;
    for (unsigned i = 0; i < ARRAY_LEN(g->row->operand); i++) {
        switch (g->row->operand[i]) {
        case OPERAND_Ib:
        case OPERAND_Jb:
            size += 1;
            break;
        case OPERAND_Iw:
            size += 2;
            break;
        case OPERAND_IwIb:
            size += 3;
            break;
        case OPERAND_Iz:
        case OPERAND_Iv:
        case OPERAND_Jz:
            size += g->opw;
            break;
        case OPERAND_Ap:
            size += g->opw + 2;
            break;
        case OPERAND_Ob:
        case OPERAND_Ov:
            size += g->adw;
            break;
        default:
            break;
        }
    }
    return size;
}

/* ---- prefixes ---- */

static void choose_prefixes(struct gen *g)
{
    struct rng *r = &g->rng;
    const struct isa_row *row = g->row;
    g->seg = rng_percent(r, 20) ? (s8)rng_below(r, 6) : -1;
    if (g->seg == SEG_CS && rng_percent(r, 70))
        g->seg = SEG_FS;
    g->address = rng_percent(r, 15);
    g->size = row->prefix == PREFIX_66 || (row->prefix == PREFIX_ANY && rng_percent(r, 30));
    /* LOCK MOV CR0 is a MOV of CR8 on some processors. */
    bool control = g->op == ISA_MOV_RdCd || g->op == ISA_MOV_CdRd;
    g->lock = row->attrs & A_LOCK ? rng_percent(r, 20) : !control && rng_percent(r, 1);
    if (row->prefix == PREFIX_F2 || row->prefix == PREFIX_F3)
        g->rep = row->prefix == PREFIX_F2 ? 0xF2 : 0xF3;
    else if ((row->attrs & A_REP) && rng_percent(r, 65))
        g->rep = rng_percent(r, 50) ? 0xF2 : 0xF3;
    bool wide = g->c->bits == 32;
    g->opw = wide != g->size ? 4 : 2;
    g->adw = wide != g->address ? 4 : 2;
}

static unsigned put_prefixes(struct gen *g, u8 *to)
{
    static const u8 overrides[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};
    u8 list[16];
    unsigned n = 0;
    if (g->size)
        list[n++] = 0x66;
    if (g->address)
        list[n++] = 0x67;
    if (g->seg >= 0)
        list[n++] = overrides[g->seg];
    if (g->lock)
        list[n++] = 0xF0;
    if (g->rep)
        list[n++] = g->rep;
    for (unsigned i = n; i > 1; i--) {
        unsigned k = rng_below(&g->rng, i);
        u8 t = list[i - 1];
        list[i - 1] = list[k];
        list[k] = t;
    }
    if (n && rng_percent(&g->rng, 2)) { /* the same one several times, sometimes up to more than 15 bytes */
        unsigned more = 1 + rng_below(&g->rng, 11);
        memset(to, list[0], more);
        memcpy(to + more, list, n);
        return n + more;
    }
    memcpy(to, list, n);
    return n;
}

/* ---- ModRM and addresses ---- */

static u8 choose_modrm(struct gen *g)
{
    u8 any = (u8)rng_next(&g->rng), arg = (u8)g->row->modrm;
    u8 memory = (u8)(any % 0xC0), reg = any | 0xC0;
    bool to_memory = rng_percent(&g->rng, 60);
    switch (g->row->modrm & MODRM_KIND) {
    case MODRM_MEM:
        return memory;
    case MODRM_REG:
        return reg;
    case MODRM_R:
        return (u8)(((to_memory ? memory : reg) & 0xC7) | arg << 3);
    case MODRM_RM:
        return (u8)((memory & 0xC7) | arg << 3);
    case MODRM_RR:
        return (u8)((reg & 0xC7) | arg << 3);
    case MODRM_IS:
        return arg;
    default:
        return to_memory ? memory : reg;
    }
}

static s32 random_disp(struct gen *g, unsigned size)
{
    if (size == 0)
        return 0;
    if (size == 1)
        return (s8)rng_next(&g->rng);
    return (s32)value_int(&g->rng, size);
}

/* What times K is X modulo 2^32; K is odd. */
static u32 divide(u32 x, u32 k)
{
    u32 inverse = k;
    for (unsigned i = 0; i < 5; i++)
        inverse *= 2 - k * inverse;
    return x * inverse;
}

static void choose_sib(struct gen *g)
{
    u8 sib = (u8)rng_next(&g->rng);
    bool same = (sib >> 3 & 7) == (sib & 7);
    if (same && sib < 0x40)
        sib |= 0x40; /* twice the same register: an odd multiple can be solved */
    g->has_sib = true;
    g->sib = sib;
}

/* Gives base and index values so that the sum is OFF. */
static void solve_sib(struct gen *g, u32 off)
{
    unsigned base = g->sib & 7, index = g->sib >> 3 & 7, scale = g->sib >> 6;
    bool has_base = base != 5 || g->modrm >= 0x40, has_index = index != 4;
    u64 *r = g->c->r;
    if (has_base && base == index && has_index) {
        r[base] = divide(off - g->disp, 1 + (1u << scale));
        g->used |= BIT(base);
        return;
    }
    u32 scaled = 0;
    if (has_index) {
        if (rng_percent(&g->rng, 50))
            r[index] = rng_below(&g->rng, 64);
        scaled = (u32)r[index] << scale;
        g->used |= BIT(index);
    }
    if (has_base) {
        r[base] = (u32)(off - g->disp - scaled);
        g->used |= BIT(base);
    } else {
        g->disp_size = 4;
        g->disp = off - scaled;
    }
}

static void solve32(struct gen *g, u32 off)
{
    unsigned mod = g->modrm >> 6, rm = g->modrm & 7;
    g->disp_size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    g->disp = (u32)random_disp(g, g->disp_size);
    if (rm == 4) {
        solve_sib(g, off);
    } else if (mod == 0 && rm == 5) {
        g->disp_size = 4;
        g->disp = off;
    } else {
        g->c->r[rm] = (u32)(off - g->disp);
        g->used |= BIT(rm);
    }
}

static void solve16(struct gen *g, u16 off)
{
    static const s8 bases[8] = {R_BX, R_BX, R_BP, R_BP, -1, -1, R_BP, R_BX};
    static const s8 indexes[8] = {R_SI, R_DI, R_SI, R_DI, R_SI, R_DI, -1, -1};
    unsigned mod = g->modrm >> 6, rm = g->modrm & 7;
    if (mod == 0 && rm == 6) {
        g->disp_size = 2;
        g->disp = off;
        return;
    }
    g->disp_size = (u8)mod;
    g->disp = (u32)random_disp(g, mod);
    u16 rest = (u16)(off - g->disp);
    if (bases[rm] >= 0 && indexes[rm] >= 0) {
        g->used |= BIT(indexes[rm]);
        rest = (u16)(rest - g->c->r[indexes[rm]]);
    }
    unsigned reg = bases[rm] >= 0 ? (unsigned)bases[rm] : (unsigned)indexes[rm];
    st16(&g->c->r[reg], rest);
    g->used |= BIT(reg);
}

unsigned gen_seg_of(const struct gen *g)
{
    if (g->seg >= 0)
        return (unsigned)g->seg;
    unsigned mod = g->modrm >> 6, rm = g->modrm & 7;
    if (!g->has_modrm || (g->row->modrm & MODRM_KIND) == MODRM_REG)
        return SEG_DS;
    if (g->adw == 2)
        return rm == 2 || rm == 3 || (rm == 6 && mod != 0) ? SEG_SS : SEG_DS;
    unsigned base = g->has_sib ? g->sib & 7u : rm;
    return base == 4 || (base == 5 && mod != 0) ? SEG_SS : SEG_DS;
}

static void choose_memory(struct gen *g)
{
    struct oracle_case *c = g->c;
    g->mem = true;
    g->size_mem = memory_size(g);
    if (g->adw == 4 && (g->modrm & 7) == 4)
        choose_sib(g);
    unsigned seg = gen_seg_of(g);
    if (seg != SEG_CS)
        c->sel[seg] = gen_selector(g, g->adw == 4, seg == SEG_SS);
    g->target = gen_address(g, c->sel[seg], g->size_mem, alignment(g->size_mem));
    u32 base = gen_segment(c->sel[seg])->base, off = g->target - base;
    if (g->adw == 4) {
        solve32(g, off);
    } else {
        solve16(g, (u16)off);
        g->target = base + (u16)off;
    }
}

/* ---- the state ---- */

static void random_registers(struct gen *g)
{
    struct oracle_case *c = g->c;
    for (unsigned i = 0; i < 8; i++) {
        u32 v = 0;
        unsigned w = 1u << rng_below(&g->rng, 3);
        for (unsigned at = 0; at < 4; at += w)
            v |= (u32)value_int(&g->rng, w) << (at * 8);
        c->r[i] = v;
    }
    c->eflags = F_ONE | F_IF | ((u32)rng_next(&g->rng) & F_ARITH);
    if (rng_percent(&g->rng, g->row->attrs & A_REP ? 30 : 5))
        c->eflags |= F_DF;
    if (rng_percent(&g->rng, 3))
        c->eflags |= F_AC;
    if (rng_percent(&g->rng, 5))
        c->eflags |= F_ID;
}

static void random_segments(struct gen *g)
{
    struct oracle_case *c = g->c;
    c->sel[SEG_CS] = c->bits == 32 ? ORACLE_SEL_CODE : ORACLE_SEL_CODE16;
    c->sel[SEG_DS] = gen_selector(g, c->bits == 32, false);
    c->sel[SEG_ES] = gen_selector(g, c->bits == 32, false);
    c->sel[SEG_SS] = gen_selector(g, c->bits == 32, true);
    c->sel[SEG_FS] = gen_selector(g, rng_percent(&g->rng, 40), false);
    c->sel[SEG_GS] = gen_selector(g, rng_percent(&g->rng, 40), false);
}

/* A stack pointer for the chosen SS that has room on both sides, unless something else has set ESP. */
static void place_stack(struct gen *g)
{
    u16 sel = g->c->sel[SEG_SS];
    u32 off = 0x1400 + rng_below(&g->rng, 0x100) * 4;
    if (sel == ORACLE_SEL_SMALL)
        off = 0x400;
    off += ORACLE_DATA - gen_segment(sel)->base;
    if (sel == ORACLE_SEL_STACK16 && rng_percent(&g->rng, 50))
        off |= (u32)rng_next(&g->rng) << 16; /* plays no part */
    gen_set(g, R_SP, 4, off);
}

static void place_memory(struct gen *g)
{
    u8 bytes[128];
    value_fill(&g->rng, gen_type(g->row), bytes, MIN(g->size_mem, (u32)sizeof bytes));
    if (g->size_mem <= 4 && rng_percent(&g->rng, 20)) /* equal to some register, or nearly */
        st32(bytes, (u32)g->c->r[rng_below(&g->rng, 8)] + (rng_percent(&g->rng, 30) ? 1 : 0));
    gen_patch(g, g->target, bytes, MIN(g->size_mem, (u32)sizeof bytes));
}

/* ---- bytes ---- */

static unsigned put_opcode(const struct gen *g, u8 *to)
{
    unsigned n = 0;
    if (g->row->map != MAP_M1)
        to[n++] = 0x0F;
    if (g->row->map == MAP_M3A)
        to[n++] = 0x38;
    if (g->row->map == MAP_M3B)
        to[n++] = 0x3A;
    to[n++] = g->opcode;
    if (g->has_modrm)
        to[n++] = g->modrm;
    if (g->has_sib)
        to[n++] = g->sib;
    memcpy(to + n, &g->disp, g->disp_size);
    n += g->disp_size;
    memcpy(to + n, &g->imm, g->imm_size);
    return n + g->imm_size;
}

static void choose_place(struct gen *g)
{
    struct oracle_case *c = g->c;
    u32 pick = rng_below(&g->rng, 100);
    if (pick < 90)
        c->code_at = (u16)(0x200 + rng_below(&g->rng, 0x1C00));
    else if (pick < 97)
        c->code_at = (u16)(ORACLE_PAGE - rng_below(&g->rng, c->insn_len + 1u));
    else /* at the end of what can be fetched */
        c->code_at = (u16)(ORACLE_CODE_SIZE - c->insn_len - rng_below(&g->rng, 2));
    if (pick >= 97 && rng_percent(&g->rng, 50))
        c->code_at += 1; /* the last byte is on a page that is not there */
    c->ip = c->bits == 32 ? ORACLE_CODE + c->code_at : c->code_at;
}

unsigned gen_exit(const struct oracle_case *c, u8 *to)
{
    if (c->bits == 32) {
        to[0] = 0xE9;
        st32(to + 1, ORACLE_EXIT - (ORACLE_CODE + c->code_at + c->insn_len + 5u));
        return 5;
    }
    to[0] = 0x66;
    to[1] = 0xEA;
    st32(to + 2, ORACLE_EXIT);
    st16(to + 6, ORACLE_SEL_CODE);
    return 8;
}

/* Behind the instruction: a jump to ORACLE_EXIT, or INT3 where there is no room for it. */
static void put_exit(struct gen *g)
{
    struct oracle_case *c = g->c;
    u32 behind = c->code_at + c->insn_len;
    unsigned n = c->bits == 32 ? 5 : 8;
    c->code_len = c->insn_len;
    if (behind + n > ORACLE_CODE_SIZE) {
        c->code_len = (u8)(MIN(behind, (u32)ORACLE_CODE_SIZE) - c->code_at);
        return;
    }
    if (!g->trap)
        c->code_len = (u8)(c->code_len + gen_exit(c, c->code + c->insn_len));
}

/* ---- */

static u64 case_seed(const struct isa_row *row, u64 seed, u32 index)
{
    u64 h = 14695981039346656037u;
    for (const char *p = row->id; *p; p++)
        h = (h ^ (u8)*p) * 1099511628211u;
    struct rng r = {.state = h ^ seed * 0x9E3779B97F4A7C15};
    r.state = rng_next(&r) + index;
    return rng_next(&r);
}

static unsigned opcodes_of(enum isa_op op)
{
    if (op == ISA_Jcc_Jb || op == ISA_Jcc_Jz || op == ISA_SETcc_Eb || op == ISA_CMOVcc_GvEv)
        return 16;
    u8 first = isa_rows[op].operand[0];
    return first == OPERAND_Zb || first == OPERAND_Zv ? 8 : 1;
}

bool gen_case(const struct gen_options *o, enum isa_op op, u64 seed, u32 index, struct oracle_case *c)
{
    if (gen_reason(op))
        return false;
    struct gen g = {.options = o, .row = &isa_rows[op], .op = op, .c = c, .seg = -1};
    g.rng.state = case_seed(g.row, seed, index);
    memset(c, 0, offsetof(struct oracle_case, bytes));
    c->row = (u16)op;
    c->budget = 8;
    c->bits = o->local_table && rng_percent(&g.rng, 15) ? 16 : 32;
    choose_prefixes(&g);
    random_registers(&g);
    random_segments(&g);
    g.opcode = (u8)(g.row->opcode + rng_below(&g.rng, opcodes_of(op)));
    g.has_modrm = g.row->modrm != MODRM_NO;
    gen_row_before(&g);
    if (g.has_modrm) {
        g.modrm = choose_modrm(&g);
        if (g.modrm < 0xC0)
            choose_memory(&g);
    }
    g.imm_size = (u8)immediate_size(&g);
    g.imm = value_int(&g.rng, g.imm_size ? MIN(g.imm_size, 8) : 1);
    if (g.mem)
        place_memory(&g);
    gen_row_after(&g);
    place_stack(&g);
    gen_fpu(&g);
    unsigned n = put_prefixes(&g, c->code);
    c->insn_len = (u8)(n + put_opcode(&g, c->code + n));
    choose_place(&g);
    gen_row_place(&g);
    put_exit(&g);
    c->target = g.mem ? g.target : 0;
    return true;
}
