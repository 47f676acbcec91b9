/*
 * string.c - repeated string instructions: the thunks, and their calls.
 *
 * What is short matters most: a run is mostly a few dozen bytes, so all that is done before and behind it is what it
 * costs.
 */
#include "translator/x64/string.h"
#include "cpu/isa.h"
#include "translator/x64/work.h"

enum { COUNT = R8, SOURCE = R13, TARGET = R14, ACCUMULATOR = RBX }; /* homes of ECX ESI EDI EAX */
enum { XMM8 = 8, XMM9, XMM10, XMM11 };
enum { LOADED_FIRST = 64 }; /* bytes that are all loaded before the first is stored */

/* One thunk at work. RCX has the count, then bytes; RSI and RDI addresses. */
struct thunk {
    struct asm_out *o;
    enum string_op op;
    enum string_kind kind;
    unsigned shift; /* log2 of an element's bytes */
    u8 *refuse[24]; /* distance fields */
    unsigned refusals;
};

static const s32 segment_in_red_zone = -8;

static unsigned width(const struct thunk *t)
{
    return 1u << t->shift;
}

static void refuse_if(struct thunk *t, unsigned cc)
{
    assert(t->refusals < ARRAY_LEN(t->refuse));
    t->refuse[t->refusals++] = asm_jcc(t->o, cc);
}

static void here(struct asm_out *o, u8 *jump)
{
    asm_patch(jump, o->at);
}

static void ret(struct asm_out *o, bool done)
{
    if (done)
        asm_rr(o, 4, 0x33, RAX, RAX); /* XOR */
    else
        asm_mov_imm(o, RAX, 1);
    asm_byte(o, 0xC3);
}

static void shift(struct asm_out *o, unsigned size, unsigned op, unsigned reg, unsigned by)
{
    if (!by)
        return;
    asm_rr(o, size, 0xC1, op, reg);
    asm_imm(o, by, 1);
}

static void shift_left(struct asm_out *o, unsigned reg, unsigned by)
{
    shift(o, 8, 4, reg, by);
}

static void shift_right(struct asm_out *o, unsigned reg, unsigned by)
{
    shift(o, 8, 5, reg, by);
}

/* PREFIX 0F OPCODE xmm, memory. */
static void xmm_mem(struct asm_out *o, unsigned prefix, unsigned opcode, unsigned xmm, struct mem m)
{
    asm_byte(o, prefix);
    asm_rm(o, 4, 0x0F00 | opcode, xmm, m);
}

static void xmm_xmm(struct asm_out *o, unsigned prefix, unsigned opcode, unsigned reg, unsigned rm)
{
    asm_byte(o, prefix);
    asm_rr(o, 4, 0x0F00 | opcode, reg, rm);
}

/* ---- operands ---- */

static struct mem mmu_half(bool write)
{
    return em_cpu_mem(offsetof(struct cpu, mmu) + (write ? offsetof(struct mmu, wr) : offsetof(struct mmu, rd)));
}

/* The segment's end and base. RAX is lost. */
static struct mem segment_field(struct thunk *t, bool source, size_t field)
{
    if (!source)
        return em_cpu_mem(offsetof(struct cpu, seg) + SEG_ES * sizeof(struct segment) + field);
    asm_rm(t->o, 8, 0x8B, RAX, mem_at(RSP, segment_in_red_zone));
    return mem_at(RAX, (s32)field);
}

/* Offset in OUT to linear address: RCX bytes are inside the segment and the 64 KiB. */
static void to_linear(struct thunk *t, unsigned out, bool source, bool write)
{
    asm_rm(t->o, 8, 0x8D, RDX, mem_sum(out, RCX, 0, -1));
    asm_alu_imm(t->o, 8, 7, RDX, 0xFFFF);
    refuse_if(t, CC_G);
    struct mem top =
        segment_field(t, source, write ? offsetof(struct segment, wr_top) : offsetof(struct segment, rd_top));
    asm_rm(t->o, 8, 0x3B, RDX, top);
    refuse_if(t, CC_G);
    asm_rm(t->o, 4, 0x03, out, segment_field(t, source, offsetof(struct segment, base)));
}

/* Linear address in LIN to one of the host's in OUT: RCX bytes, at most a page's, lie in one page. RAX and RDX are
 * lost. */
static void to_host(struct thunk *t, unsigned out, unsigned lin, bool write)
{
    struct asm_out *o = t->o;
    asm_mov(o, RAX, lin);
    asm_rr(o, 4, 0xC1, 5, RAX); /* SHR */
    asm_imm(o, PAGE_BITS - 4, 1);
    asm_alu_imm(o, 4, 4, RAX, (TLB_SIZE - 1) << 4);
    asm_rm(o, 8, 0x03, RAX, mmu_half(write));
    asm_rm(o, 8, 0x8D, RDX, mem_sum(lin, RCX, 0, -1));
    asm_alu_imm(o, 8, 4, RDX, (u32)PAGE_MASK);
    asm_rm(o, 8, 0x3B, RDX, mem_at(RAX, offsetof(struct tlb_entry, tag)));
    refuse_if(t, CC_NE);
    asm_rm(o, 8, 0x8B, RDX, mem_at(RAX, offsetof(struct tlb_entry, addend)));
    asm_rm(o, 8, 0x8D, out, mem_sum(RDX, lin, 0, 0));
}

/* The lowest of RCX bytes at index register HOME, in OUT. */
static void place(struct thunk *t, unsigned out, unsigned home, bool write, bool down)
{
    struct asm_out *o = t->o;
    unsigned lin = home;
    if (t->kind == STRING_WORD)
        asm_rr(o, 4, 0x0FB7, lin = out, home); /* MOVZX */
    if (down) {
        asm_rm(o, 8, 0x8D, out, mem_at(lin, (s32)width(t)));
        asm_rr(o, 8, 0x2B, lin = out, RCX); /* SUB; below 0 no entry of the TLB is right */
    }
    if (t->kind == STRING_WORD) {
        if (down)
            refuse_if(t, CC_B);
        to_linear(t, out, home == SOURCE, write);
    }
    to_host(t, out, lin, write);
}

/* An index moves by RCX bytes. */
static void index_moves(struct thunk *t, unsigned home, bool down)
{
    asm_rr(t->o, t->kind == STRING_FLAT ? 4 : 2, down ? 0x2B : 0x03, home, RCX);
}

/* Goes on behind the field that is returned if DF says down. */
static u8 *if_down(struct asm_out *o)
{
    struct mem df = em_cpu_mem(offsetof(struct cpu, eflags));
    df.disp++;
    asm_rm(o, 1, 0xF6, 0, df); /* TEST */
    asm_imm(o, F_DF >> 8, 1);
    return asm_jcc(o, CC_NE);
}

/* Iterations in REG come off what is left of the slice, where the instruction itself has been counted. */
static void count_off(struct thunk *t, unsigned reg)
{
    asm_rr(t->o, 8, 0x2B, R15, reg); /* SUB */
    asm_alu_imm(t->o, 8, 0, R15, 1);
}

/* The count register as a number. */
static void load_count(struct thunk *t, unsigned to)
{
    asm_rr(t->o, 4, t->kind == STRING_FLAT ? 0x8B : 0x0FB7, to, COUNT);
}

/* The count in RCX; of none there is nothing to do. */
static void begin(struct thunk *t)
{
    struct asm_out *o = t->o;
    load_count(t, RCX);
    asm_rr(o, 4, 0x85, RCX, RCX);
    u8 *some = asm_jcc(o, CC_NE);
    ret(o, true);
    here(o, some);
    if (t->kind == STRING_WORD)
        asm_rm(o, 8, 0x89, RDX, mem_at(RSP, segment_in_red_zone));
}

static void end(struct thunk *t)
{
    for (unsigned i = 0; i < t->refusals; i++)
        here(t->o, t->refuse[i]);
    ret(t->o, false);
}

/* ---- MOVS and STOS ---- */

/* All iterations; RAX is lost. */
static void all_done(struct thunk *t, bool down)
{
    struct asm_out *o = t->o;
    load_count(t, RAX);
    count_off(t, RAX);
    if (t->op == STRING_MOVS)
        index_moves(t, SOURCE, down);
    index_moves(t, TARGET, down);
    if (t->kind == STRING_FLAT)
        asm_rr(o, 4, 0x33, COUNT, COUNT); /* XOR */
    else
        asm_alu_imm(o, 4, 4, COUNT, 0xFFFF0000);
}

/* Upwards: element by element, if they are few, where the target begins in the source. Flags: of its distance and RCX.
 */
static void overlap_upwards(struct thunk *t)
{
    struct asm_out *o = t->o;
    enum { FEW = 64 };
    u8 *apart = asm_jcc(o, CC_AE);
    asm_alu_imm(o, 4, 7, RCX, FEW);
    refuse_if(t, CC_A);
    all_done(t, false);
    asm_rr(o, 8, 0x03, RCX, RSI); /* ADD: the end */
    u8 *again = o->at;
    asm_rm(o, width(t), t->shift ? 0x8B : 0x8A, RAX, mem_at(RSI, 0));
    asm_rm(o, width(t), t->shift ? 0x89 : 0x88, RAX, mem_at(RDI, 0));
    asm_alu_imm(o, 8, 0, RSI, width(t));
    asm_alu_imm(o, 8, 0, RDI, width(t));
    asm_rr(o, 8, 0x3B, RSI, RCX);
    asm_patch(asm_jcc(o, CC_NE), again);
    ret(o, true);
    here(o, apart);
}

/* Downwards copying goes if it is as moving; of more than is loaded before anything is stored, if nothing overlaps at
 * all. */
static void overlap_downwards(struct thunk *t)
{
    struct asm_out *o = t->o;
    refuse_if(t, CC_B);
    asm_alu_imm(o, 4, 7, RCX, LOADED_FIRST);
    u8 *few = asm_jcc(o, CC_BE);
    asm_rr(o, 8, 0xF7, 3, RAX); /* NEG */
    asm_rr(o, 8, 0x3B, RAX, RCX);
    refuse_if(t, CC_B);
    here(o, few);
}

/* RCX bytes from RSI to RDI are the same as single elements unless an element is written before it is read. */
static void look_at_overlap(struct thunk *t, bool down)
{
    asm_mov64(t->o, RAX, down ? RSI : RDI);
    asm_rr(t->o, 8, 0x2B, RAX, down ? RDI : RSI);
    asm_rr(t->o, 8, 0x3B, RAX, RCX);
    if (down)
        overlap_downwards(t);
    else
        overlap_upwards(t);
}

/* RAX = the accumulator, over and over. */
static void make_pattern(struct thunk *t)
{
    struct asm_out *o = t->o;
    if (t->shift == 2) {
        asm_mov(o, RAX, ACCUMULATOR);
        asm_mov(o, RDX, ACCUMULATOR);
        shift_left(o, RDX, 32);
        asm_rr(o, 8, 0x0B, RAX, RDX); /* OR */
        return;
    }
    asm_rr(o, 4, t->shift ? 0x0FB7 : 0x0FB6, RAX, ACCUMULATOR);
    asm_mov_imm(o, RDX, t->shift ? 0x0001000100010001u : 0x0101010101010101u);
    asm_rr(o, 8, 0x0FAF, RAX, RDX); /* IMUL */
}

static void move(struct thunk *t, bool down, const u8 *finish)
{
    if (t->op == STRING_MOVS)
        place(t, RSI, SOURCE, false, down);
    place(t, RDI, TARGET, true, down);
    if (t->op == STRING_MOVS)
        look_at_overlap(t, down);
    all_done(t, down);
    if (t->op == STRING_STOS)
        make_pattern(t);
    asm_patch(asm_jmp(t->o), finish);
}

/* FINISH copies or fills RCX bytes. */
static void write_moving(struct thunk *t, const u8 *finish)
{
    struct asm_out *o = t->o;
    begin(t);
    asm_rr(o, 8, 0x3B, RCX, R15);
    refuse_if(t, CC_G);
    asm_alu_imm(o, 4, 7, RCX, PAGE_SIZE >> t->shift);
    refuse_if(t, CC_A);
    shift_left(o, RCX, t->shift);
    u8 *down = if_down(o);
    move(t, false, finish);
    here(o, down);
    move(t, true, finish);
    end(t);
}

/* The first W and the last W of RCX bytes at RSI, or RAX, to RDI. */
static void both_ends(struct asm_out *o, unsigned w, bool fill)
{
    unsigned load = w == 1 ? 0x0FB6 : w == 2 ? 0x0FB7 : 0x8B, size = w == 8 ? 8 : 4;
    if (!fill) {
        asm_rm(o, size, load, RAX, mem_at(RSI, 0));
        asm_rm(o, size, load, RDX, mem_sum(RSI, RCX, 0, -(s32)w));
    }
    asm_rm(o, w, w == 1 ? 0x88 : 0x89, RAX, mem_at(RDI, 0));
    asm_rm(o, w, w == 1 ? 0x88 : 0x89, fill ? RAX : RDX, mem_sum(RDI, RCX, 0, -(s32)w));
    ret(o, true);
}

/* 1 to 15 bytes. */
static void write_few(struct asm_out *o, bool fill)
{
    for (unsigned w = 8; w > 1; w /= 2) {
        asm_rr(o, 1, 0xF6, 0, RCX); /* TEST */
        asm_imm(o, w, 1);
        u8 *less = asm_jcc(o, CC_E);
        both_ends(o, w, fill);
        here(o, less);
    }
    both_ends(o, 1, fill);
}

/* XMM8 and 9 are the first and the last 16 bytes, 10 and 11 those beside them. */
static void ends_of(struct asm_out *o, bool store, bool inner, bool fill)
{
    const s32 at = inner ? 16 : 0;
    const unsigned first = inner ? XMM10 : XMM8, last = inner ? XMM11 : XMM9;
    const unsigned base = store ? RDI : RSI;
    if (!store && fill)
        return;
    xmm_mem(o, 0xF3, store ? 0x7F : 0x6F, fill ? XMM8 : first, mem_at(base, at)); /* MOVDQU */
    xmm_mem(o, 0xF3, store ? 0x7F : 0x6F, fill ? XMM8 : last, mem_sum(base, RCX, 0, -16 - at));
}

/* More than 64: the last 32 bytes have been loaded. */
static void write_many(struct asm_out *o, bool fill)
{
    asm_rm(o, 8, 0x8D, RDX, mem_sum(RDI, RCX, 0, -32));
    u8 *again = o->at;
    for (unsigned i = 0; i < 2 && !fill; i++)
        xmm_mem(o, 0xF3, 0x6F, XMM8 + 2 * i, mem_at(RSI, 16 * (s32)i));
    for (unsigned i = 0; i < 2; i++)
        xmm_mem(o, 0xF3, 0x7F, fill ? XMM8 : XMM8 + 2 * i, mem_at(RDI, 16 * (s32)i));
    if (!fill)
        asm_alu_imm(o, 8, 0, RSI, 32);
    asm_alu_imm(o, 8, 0, RDI, 32);
    asm_rr(o, 8, 0x3B, RDI, RDX);
    asm_patch(asm_jcc(o, CC_B), again);
    xmm_mem(o, 0xF3, 0x7F, fill ? XMM8 : XMM11, mem_at(RDX, 0));
    xmm_mem(o, 0xF3, 0x7F, fill ? XMM8 : XMM9, mem_at(RDX, 16));
    ret(o, true);
}

/* RCX bytes, 1 to a page's, from RSI or of RAX over and over, to RDI; what of RSI is overwritten has been read. */
static void write_finish(struct asm_out *o, bool fill)
{
    asm_alu_imm(o, 4, 7, RCX, 16);
    u8 *some = asm_jcc(o, CC_AE);
    write_few(o, fill);
    here(o, some);
    if (fill) {
        asm_byte(o, 0x66);
        asm_rr(o, 8, 0x0F6E, XMM8, RAX);    /* MOVQ */
        xmm_xmm(o, 0x66, 0x6C, XMM8, XMM8); /* PUNPCKLQDQ */
    }
    ends_of(o, false, false, fill);
    asm_alu_imm(o, 4, 7, RCX, 32);
    u8 *more = asm_jcc(o, CC_A);
    ends_of(o, true, false, fill);
    ret(o, true);
    here(o, more);
    ends_of(o, false, true, fill);
    asm_alu_imm(o, 4, 7, RCX, LOADED_FIRST);
    u8 *many = asm_jcc(o, CC_A);
    ends_of(o, true, false, fill);
    ends_of(o, true, true, fill);
    ret(o, true);
    here(o, many);
    write_many(o, fill);
}

/* ---- SCAS and CMPS ---- */

/* RCX elements at most as many as RAX has bytes for. */
static void no_more_than(struct thunk *t)
{
    shift_right(t->o, RAX, t->shift);
    asm_rr(t->o, 8, 0x3B, RCX, RAX);
    asm_rr(t->o, 8, 0x0F47, RCX, RAX); /* CMOVA */
}

/* RCX elements at most as many as there are behind the index before the segment and the 64 KiB end. Its linear address
 * in OUT. */
static void inside_segment(struct thunk *t, unsigned out, unsigned home)
{
    struct asm_out *o = t->o;
    asm_rr(o, 4, 0x0FB7, out, home); /* MOVZX */
    asm_rm(o, 8, 0x8B, RDX, segment_field(t, home == SOURCE, offsetof(struct segment, rd_top)));
    asm_mov_imm(o, RAX, 0xFFFF);
    asm_rr(o, 8, 0x3B, RAX, RDX);
    asm_rr(o, 8, 0x0F4F, RAX, RDX); /* CMOVG */
    asm_alu_imm(o, 8, 0, RAX, 1);
    asm_rr(o, 8, 0x2B, RAX, out);
    refuse_if(t, CC_LE);
    no_more_than(t);
    asm_rm(o, 4, 0x03, out, segment_field(t, home == SOURCE, offsetof(struct segment, base)));
}

/* RCX elements at most as many as are in reach at index HOME. */
static void within_reach(struct thunk *t, unsigned out, unsigned home)
{
    struct asm_out *o = t->o;
    if (t->kind == STRING_WORD)
        inside_segment(t, out, home);
    asm_mov(o, RAX, t->kind == STRING_WORD ? out : home);
    asm_alu_imm(o, 4, 1, RAX, (u32)PAGE_MASK); /* OR */
    asm_rr(o, 4, 0xF7, 3, RAX);                /* NEG */
    no_more_than(t);
}

/* XMM8 = the accumulator, over and over. */
static void broadcast(struct thunk *t)
{
    struct asm_out *o = t->o;
    xmm_xmm(o, 0x66, 0x6E, XMM8, ACCUMULATOR); /* MOVD */
    if (t->shift == 0)
        xmm_xmm(o, 0x66, 0x60, XMM8, XMM8); /* PUNPCKLBW */
    if (t->shift < 2)
        xmm_xmm(o, 0x66, 0x61, XMM8, XMM8); /* PUNPCKLWD */
    xmm_xmm(o, 0x66, 0x70, XMM8, XMM8);     /* PSHUFD */
    asm_byte(o, 0);
}

static void step(struct thunk *t, unsigned by)
{
    if (t->op == STRING_CMPS)
        asm_alu_imm(t->o, 8, 0, RSI, by);
    asm_alu_imm(t->o, 8, 0, RDI, by);
}

/* Of the elements at -BACK. */
static void compare_one(struct thunk *t, s32 back)
{
    unsigned a = ACCUMULATOR;
    if (t->op == STRING_CMPS)
        asm_rm(t->o, width(t), t->shift ? 0x8B : 0x8A, a = RAX, mem_at(RSI, -back));
    asm_rm(t->o, width(t), t->shift ? 0x3B : 0x3A, a, mem_at(RDI, -back));
}

/* 16 bytes at a time, as long as there are. RSI and RDI are at the element that ends it where the field that is
 * returned jumps. */
static u8 *compare_many(struct thunk *t)
{
    struct asm_out *o = t->o;
    u8 *again = o->at;
    asm_rm(o, 8, 0x8D, RAX, mem_at(RDI, 16));
    asm_rr(o, 8, 0x3B, RAX, RCX);
    u8 *few = asm_jcc(o, CC_A);
    xmm_mem(o, 0xF3, 0x6F, XMM9, mem_at(RDI, 0)); /* MOVDQU */
    if (t->op == STRING_CMPS)
        xmm_mem(o, 0xF3, 0x6F, XMM8, mem_at(RSI, 0));
    xmm_xmm(o, 0x66, 0x74 + t->shift, XMM9, XMM8); /* PCMPEQ */
    xmm_xmm(o, 0x66, 0xD7, RAX, XMM9);             /* PMOVMSKB */
    if (t->op == STRING_CMPS)
        asm_alu_imm(o, 4, 6, RAX, 0xFFFF); /* XOR */
    else
        asm_rr(o, 4, 0x85, RAX, RAX); /* TEST */
    u8 *found = asm_jcc(o, CC_NE);
    step(t, 16);
    asm_patch(asm_jmp(o), again);
    here(o, found);
    asm_rr(o, 4, 0x0FBC, RAX, RAX); /* BSF */
    asm_rr(o, 8, 0x03, RDI, RAX);
    if (t->op == STRING_CMPS)
        asm_rr(o, 8, 0x03, RSI, RAX);
    u8 *stop = asm_jmp(o);
    here(o, few);
    return stop;
}

/* The rest one by one. Goes on with RSI and RDI behind the last element that was compared. */
static void compare_rest(struct thunk *t, u8 *stop)
{
    struct asm_out *o = t->o;
    u8 *again = o->at;
    asm_rr(o, 8, 0x3B, RDI, RCX);
    u8 *none = asm_jcc(o, CC_E);
    compare_one(t, 0);
    u8 *found = asm_jcc(o, t->op == STRING_SCAS ? CC_E : CC_NE);
    step(t, width(t));
    asm_patch(asm_jmp(o), again);
    here(o, none);
    asm_rr(o, 8, 0x2B, RCX, RDX);
    shift_right(o, RCX, t->shift);
    asm_rr(o, t->kind == STRING_FLAT ? 4 : 2, 0x3B, RCX, COUNT);
    refuse_if(t, CC_NE); /* there is more, but not here */
    u8 *all = asm_jmp(o);
    here(o, stop);
    here(o, found);
    step(t, width(t));
    here(o, all);
}

static void compared(struct thunk *t)
{
    struct asm_out *o = t->o;
    compare_one(t, (s32)width(t));
    asm_byte(o, 0x9F);             /* LAHF */
    asm_rr8(o, 4, 0x0F90, 0, RAX); /* SETO AL */
    asm_rm(o, 2, 0x89, RAX, em_hflags_mem());
    asm_mov64(o, RCX, RDI);
    asm_rr(o, 8, 0x2B, RCX, RDX);
    if (t->op == STRING_CMPS)
        index_moves(t, SOURCE, false);
    index_moves(t, TARGET, false);
    shift_right(o, RCX, t->shift);
    asm_rr(o, t->kind == STRING_FLAT ? 4 : 2, 0x2B, COUNT, RCX);
    count_off(t, RCX);
    ret(o, true);
}

static void write_comparing(struct thunk *t)
{
    struct asm_out *o = t->o;
    const bool word = t->kind == STRING_WORD;
    begin(t);
    u8 *down = if_down(o);
    asm_rr(o, 8, 0x3B, RCX, R15);
    asm_rr(o, 8, 0x0F4F, RCX, R15); /* CMOVG */
    if (t->op == STRING_CMPS)
        within_reach(t, RSI, SOURCE);
    within_reach(t, RDI, TARGET);
    shift_left(o, RCX, t->shift);
    asm_rr(o, 4, 0x85, RCX, RCX);
    refuse_if(t, CC_E);
    if (t->op == STRING_CMPS)
        to_host(t, RSI, word ? RSI : SOURCE, false);
    to_host(t, RDI, word ? RDI : TARGET, false);
    asm_mov64(o, RDX, RDI);
    asm_rr(o, 8, 0x03, RCX, RDI);
    if (t->op == STRING_SCAS)
        broadcast(t);
    compare_rest(t, compare_many(t));
    compared(t);
    here(o, down);
    end(t);
}

/* ---- all thunks ---- */

void string_write_thunks(struct asm_out *o, struct string_thunks *s, ptrdiff_t to_rx)
{
    const u8 *copy = o->at;
    write_finish(o, false);
    const u8 *fill = o->at;
    write_finish(o, true);
    for (unsigned kind = 0; kind < STRING_KINDS; kind++)
        for (unsigned op = 0; op < STRING_OPS; op++)
            for (unsigned shift = 0; shift < STRING_WIDTHS; shift++) {
                struct thunk t = {.o = o, .kind = kind, .op = op, .shift = shift};
                s->at[kind][op][shift] = o->at + to_rx;
                if (op == STRING_SCAS || op == STRING_CMPS)
                    write_comparing(&t);
                else
                    write_moving(&t, op == STRING_MOVS ? copy : fill);
            }
}

/* ---- their calls ---- */

static bool is_flat(const struct emit *e, unsigned seg)
{
    return e->mode->flat >> seg & 1;
}

/* STRING_OPS: there is none. */
static enum string_op op_of(const struct insn *in)
{
    switch (in->op) {
    case ISA_MOVSB:
    case ISA_MOVSV:
        return STRING_MOVS;
    case ISA_STOSB:
    case ISA_STOSV:
        return STRING_STOS;
    case ISA_SCASB:
    case ISA_SCASV:
        return in->rep == REP_NE ? STRING_SCAS : STRING_OPS;
    case ISA_CMPSB:
    case ISA_CMPSV:
        return in->rep == REP_E ? STRING_CMPS : STRING_OPS;
    default:
        return STRING_OPS;
    }
}

static bool is_byte_row(const struct insn *in)
{
    return in->op == ISA_MOVSB || in->op == ISA_STOSB || in->op == ISA_SCASB || in->op == ISA_CMPSB;
}

static const u8 *thunk_for(const struct emit *e, const struct insn *in)
{
    enum string_op op = op_of(in);
    if (op == STRING_OPS || (in->adsize && !(is_flat(e, SEG_ES) && is_flat(e, in->seg))))
        return NULL;
    return e->thunks->string.at[in->adsize ? STRING_FLAT : STRING_WORD][op][is_byte_row(in) ? 0 : in->opsize + 1];
}

static struct mem segment(unsigned seg)
{
    return em_cpu_mem(offsetof(struct cpu, seg) + seg * sizeof(struct segment));
}

void em_rep(struct emit *e, const struct ir_op *o)
{
    const struct insn *in = &e->code->insns[o->imm];
    const u8 *thunk = thunk_for(e, in);
    em_x87_notes(e);
    em_flags_home(e);
    em_clobber(e);
    em_remake_tidy(e);
    em_no_aliases(e);
    for (unsigned i = 0; i < TEMPS; i++)
        e->failed |= e->owner[em_temps[i]] != 0;
    struct x64_site *s = em_site(e, thunk ? is_byte_row(in) ? 1 : 2u << in->opsize : 0, false);
    s->flags = o->aux;
    u8 *again = e->o.at;
    if (thunk) {
        if (in->adsize == 0)
            asm_rm(&e->o, 8, 0x8D, RDX, segment(in->seg));
        em_call(e, thunk);
        asm_rr(&e->o, 4, 0x85, RAX, RAX);
    }
    em_go_cold(e, thunk ? asm_jcc(&e->o, CC_NE) : asm_jmp(&e->o), again, RAX, s);
    if (!e->failed)
        e->cold[e->ncold - 1].behind = e->o.at;
    if (o->aux)
        e->cur = e->home = 0;
}

/* C does it, or finds that the thunk can do it now. */
void em_string_cold(struct emit *e, const struct cold *c)
{
    em_call_thunk(e, e->thunks->repeated, c->site);
    asm_alu_mem_imm(&e->o, 4, 7, em_cpu_mem(offsetof(struct cpu, access_at)), 0);
    em_patch(e, asm_jcc(&e->o, CC_NE), c->back);
    em_patch(e, asm_jmp(&e->o), c->behind);
}

void em_step(struct emit *e, const struct ir_op *o)
{
    em_clobber(e);
    unsigned t = em_take(e, 0), n = (unsigned)o->imm, bit = n == 1 ? 1 : n == 2 ? 2 : 3; /* of 2 * n */
    asm_rm(&e->o, 4, 0x8B, t, em_cpu_mem(offsetof(struct cpu, eflags)));
    asm_alu_imm(&e->o, 4, 4, t, F_DF);
    shift(&e->o, 4, 5, t, 10 - bit);
    asm_rr(&e->o, 4, 0xF7, 3, t); /* NEG */
    asm_rm(&e->o, 4, 0x8D, t, mem_at(t, (s32)n));
    em_own(e, (ir_ref)e->at, t);
}

void em_direction(struct emit *e, const struct ir_op *o)
{
    struct mem df = em_cpu_mem(offsetof(struct cpu, eflags));
    df.disp++;
    em_clobber(e);
    asm_alu_mem_imm(&e->o, 1, o->cc ? 1 : 4, df, o->cc ? F_DF >> 8 : 0xFF & ~(F_DF >> 8));
}
