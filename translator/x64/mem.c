/*
 * mem.c - guest memory: the probe of the TLB in line, what it refuses behind the block.
 */
#include "translator/x64/work.h"

struct x64_site *em_site(struct emit *e, unsigned w, bool write)
{
    struct x64_site *s = &e->code->sites[e->code->nsites++];
    const struct insn *insns = e->code->insns;
    *s = (struct x64_site){
        .code = e->code, .in = insns + e->insn, .first = insns + e->part->first, .block = e->part->block, .ip = e->part->ip,
        .k = (u16)e->insn, .undone = (u16)(e->code->count - e->part->first), .w = (u8)w, .write = write,
        .x87 = e->x87_last, .x87_mem = e->x87_mem};
    return s;
}

struct cold *em_go_cold(struct emit *e, u8 *jump, u8 *back, unsigned address, struct x64_site *s)
{
    if (e->ncold == COLD_MAX) {
        e->failed = true;
        return NULL;
    }
    struct cold *c = &e->cold[e->ncold++];
    *c = (struct cold){.jump = jump, .back = back, .address = (u8)address, .site = s};
    if (e->cur != e->home)
        c->flags = em_remake_plan(e, e->cur);
    return c;
}

static size_t tlb_offset(const struct emit *e, bool write)
{
    size_t half = write ? offsetof(struct tlb_ctx, write) : offsetof(struct tlb_ctx, read);
    return offsetof(struct cpu, mmu) + offsetof(struct mmu, ctx) + half +
           e->mode->priv * sizeof(struct tlb_entry) * TLB_SIZE;
}

static struct mem group_mem(const struct ir_op *o)
{
    return em_slot_mem(GROUP_SLOT + o->group);
}

/* RAX = where the group begins in the host's memory, for the accesses that follow: LIN + T is the place of the first. */
static void keep_group(struct emit *e, const struct ir_op *o, unsigned lin, unsigned t)
{
    asm_rm(&e->o, 8, 0x8D, RAX, mem_sum(t, lin, 0, -(s32)o->delta));
    asm_rm(&e->o, 8, 0x89, RAX, group_mem(o));
}

/* How far into LEN bytes the last one is, or the last that must be aligned: it is in one page with those behind it. */
static s32 last_looked_at(const struct ir_group *g, unsigned len, bool aligned)
{
    return aligned ? (s32)(len - 1 - ((len - 1 - g->residue) & 15)) : (s32)len - 1;
}

/* A TLB: its place in struct cpu, how many entries, how many bits of an address within one. */
struct tlb {
    size_t at;
    unsigned size, bits;
};

static struct tlb pages(const struct emit *e, bool write)
{
    return (struct tlb){tlb_offset(e, write), TLB_SIZE, PAGE_BITS};
}

static struct tlb granules(const struct emit *e)
{
    size_t half = e->mode->priv * sizeof(struct tlb_entry) * TLB_BESIDE;
    return (struct tlb){offsetof(struct cpu, mmu) + offsetof(struct mmu, beside) + half, TLB_BESIDE, GRANULE_BITS};
}

/* Register T = what to add to LIN; the distance field of the jump that is taken where the TLB does not know. */
static u8 *look_up(struct emit *e, const struct ir_op *o, unsigned lin, unsigned t, struct tlb tlb)
{
    const struct ir_group *g = &e->b->group[o->group];
    bool aligned = ir_aligned(e->b, o);
    s32 last = last_looked_at(g, o->group ? g->span : o->w, aligned), entry = (s32)tlb.at - X64_BIAS;
    if (o->delta)
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(lin, -(s32)o->delta));
    else
        asm_mov(&e->o, RAX, lin);
    asm_rr(&e->o, 4, 0xC1, 5, RAX); /* SHR */
    asm_imm(&e->o, tlb.bits - 4, 1);
    asm_alu_imm(&e->o, 4, 4, RAX, (tlb.size - 1) << 4);
    asm_rm(&e->o, 4, 0x8D, t, mem_at(lin, last - o->delta)); /* LEA */
    asm_alu_imm(&e->o, 4, 4, t, -(1u << tlb.bits) | (aligned ? 15 : 0));
    asm_rm(&e->o, 4, 0x3B, t, mem_sum(RBP, RAX, 0, entry + (s32)offsetof(struct tlb_entry, tag)));
    u8 *miss = asm_jcc(&e->o, CC_NE);
    asm_rm(&e->o, 8, 0x8B, t, mem_sum(RBP, RAX, 0, entry + (s32)offsetof(struct tlb_entry, addend)));
    return miss;
}

/* Behind the block: what the granules' TLB does not know may be on a page that is not watched. */
void em_second_probe(struct emit *e, const struct cold *c)
{
    u8 *miss = look_up(e, c->second, c->address, c->t, pages(e, true));
    em_patch(e, asm_jmp(&e->o), c->found);
    em_patch(e, miss, e->o.at);
}

/* Has the instruction in hand met watched memory beside what it stores? */
static bool stores_beside(const struct emit *e)
{
    return e->part->block->beside >> (e->insn - e->part->first) & 1;
}

/* A scratch register with what is to be added to the linear address in register LIN for the host's. */
unsigned em_probe(struct emit *e, const struct ir_op *o, unsigned lin, bool write)
{
    const struct ir_group *g = &e->b->group[o->group];
    bool beside = (write || g->write) && stores_beside(e);
    em_clobber(e);
    unsigned t = em_take(e, BIT(lin));
    u8 *again = e->o.at, *miss = look_up(e, o, lin, t, beside ? granules(e) : pages(e, write || g->write)), *found = e->o.at;
    struct x64_site *s = em_site(e, o->w, write);
    s->group = (struct fill_group){g->span, o->delta, g->write, ir_aligned(e->b, o), g->residue, beside};
    if (o->group)
        keep_group(e, o, lin, t);
    struct cold *c = em_go_cold(e, miss, again, lin, s);
    if (c && beside) {
        c->second = o;
        c->t = (u8)t;
        c->found = found;
    }
    return t;
}

/* RAX = where the group of a covered access begins. Flags stay. */
struct mem em_covered(struct emit *e, const struct ir_op *o)
{
    asm_rm(&e->o, 8, 0x8B, RAX, group_mem(o));
    return mem_at(RAX, o->delta);
}

/* The operation in hand may leave by cold code: the flags are where they belong, or it can make them. */
void em_may_leave(struct emit *e)
{
    em_clobber(e);
    if (e->cur != e->home && !em_can_remake(e, e->cur))
        e->failed = true;
}

static unsigned load_opcode(const struct ir_op *o)
{
    return o->w == 1 ? 0x0FB6 : o->w == 2 ? 0x0FB7 : 0x8B;
}

static void load_covered(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned dst = em_fresh(e, &at_home, 0);
    asm_rm(&e->o, 4, load_opcode(o), dst, em_covered(e, o));
    em_made(e, dst, at_home);
}

void em_load(struct emit *e, const struct ir_op *o)
{
    if (ir_covered(o)) {
        load_covered(e, o);
        return;
    }
    em_may_leave(e);
    unsigned lin = em_in_reg(e, o->a, 0), t = em_probe(e, o, lin, false);
    const struct ir_op *put = em_put_behind(e);
    bool at_home = put && put->w == 4 && !em_wanted_beside(e, x64_guest[put->aux / 8], o->a, 1);
    unsigned dst = at_home ? x64_guest[put->aux / 8] : t;
    asm_rm(&e->o, 4, load_opcode(o), dst, mem_sum(t, lin, 0, 0));
    em_used(e, o->a);
    em_made(e, dst, at_home);
}

/* V to memory M. */
static void store_to(struct emit *e, unsigned w, ir_ref v, struct mem m, u32 avoid)
{
    if (em_is_const(e, v) && e->place[v].where == IN_CONST) {
        asm_rm(&e->o, w, w == 1 ? 0xC6 : 0xC7, 0, m);
        asm_imm(&e->o, em_imm_of(e, v), w);
    } else {
        asm_rm(&e->o, w, w == 1 ? 0x88 : 0x89, em_in_reg(e, v, avoid), m);
    }
}

void em_store(struct emit *e, const struct ir_op *o)
{
    if (ir_covered(o)) {
        if (!em_is_const(e, o->b))
            em_in_reg(e, o->b, 0);
        store_to(e, o->w, o->b, em_covered(e, o), 0);
        em_used(e, o->b);
        return;
    }
    em_may_leave(e);
    if (e->place[o->b].where == IN_SLOT)
        em_in_reg(e, o->b, 0);
    unsigned lin = em_in_reg(e, o->a, em_scratch_of(e, o->b));
    u32 was = e->reserved;
    e->reserved |= BIT(lin) | em_scratch_of(e, o->b);
    unsigned t = em_probe(e, o, lin, true);
    e->reserved = was;
    store_to(e, o->w, o->b, mem_sum(t, lin, 0, 0), BIT(lin) | BIT(t));
    em_used(e, o->a);
    em_used(e, o->b);
}

/*
 * Does the operation behind the LDW in hand take its value and leave its own for the STW alone, so that the host does it in memory?
 * Nothing else is between them. Not if the flags will have to be made again.
 */
static bool changed_in_memory(const struct emit *e)
{
    const struct ir_op *ldw = &e->b->op[e->at], *o = ldw + 1;
    while (o->op == IR_NOP || o->op == IR_GETF)
        o++;
    const struct ir_op *stw = o + 1;
    while (stw->op == IR_NOP)
        stw++;
    switch (o->op) {
    case IR_ADD:
    case IR_OR:
    case IR_ADC:
    case IR_SBB:
    case IR_AND:
    case IR_SUB:
    case IR_XOR:
    case IR_NEG:
    case IR_NOT:
    case IR_INC:
    case IR_DEC:
        return ldw->uses == 2 && o->uses == 1 && o->w == ldw->w && o->a == e->at && o->b != e->at && stw->op == IR_STW &&
               stw->a == e->at && stw->b == o - e->b->op && !em_better_kept(e, (unsigned)(o - e->b->op));
    default:
        return false;
    }
}

/* Where the LDW is that operation O works on. Flags stay. */
struct mem em_in_memory(struct emit *e, const struct ir_op *o)
{
    const struct ir_op *ldw = &e->b->op[o->a];
    return ir_covered(ldw) ? em_covered(e, ldw) : mem_at(e->rmw_reg, 0);
}

/* It has, and its STW is done. */
void em_stored_back(struct emit *e, const struct ir_op *o)
{
    if (!ir_covered(&e->b->op[o->a]))
        e->reserved &= ~BIT(e->rmw_reg);
    em_used(e, o->a);
    em_used(e, o->a);
    em_used(e, (ir_ref)e->at);
    const struct ir_op *stw = o + 1;
    while (stw->op == IR_NOP)
        stw++;
    e->done[stw - e->b->op] = true;
}

/* The host's address stays in a register of its own until STW, that of a group in its slot. */
void em_load_for_write(struct emit *e, const struct ir_op *o)
{
    bool in_memory = changed_in_memory(e);
    if (in_memory)
        e->place[e->at].where = IN_MEMORY;
    if (ir_covered(o)) {
        if (!in_memory)
            load_covered(e, o);
        return;
    }
    em_may_leave(e);
    unsigned lin = em_in_reg(e, o->a, 0), t = em_probe(e, o, lin, true);
    em_used(e, o->a);
    if (!o->uses) /* a shift by 0: no STW comes */
        return;
    asm_rr(&e->o, 8, 0x03, t, lin); /* ADD */
    e->rmw_reg = (u8)t;
    e->reserved |= BIT(t);
    if (in_memory)
        return;
    unsigned dst = em_take(e, 0);
    asm_rm(&e->o, 4, load_opcode(o), dst, mem_at(t, 0));
    em_own(e, (ir_ref)e->at, dst);
}

void em_store_back(struct emit *e, const struct ir_op *o)
{
    const struct ir_op *first = &e->b->op[o->a];
    if (e->done[e->at])
        return;
    if (ir_covered(first)) {
        store_to(e, o->w, o->b, em_covered(e, first), 0);
    } else {
        store_to(e, o->w, o->b, mem_at(e->rmw_reg, 0), 0);
        e->reserved &= ~BIT(e->rmw_reg);
    }
    em_used(e, o->a);
    em_used(e, o->b);
}

void em_selector(struct emit *e, const struct ir_op *o)
{
    bool at_home;
    unsigned dst = em_fresh(e, &at_home, 0);
    asm_rm(&e->o, 4, 0x0FB7, dst, em_segment_mem(o->aux, offsetof(struct segment, sel)));
    em_made(e, dst, at_home);
}

/* The distance field of a jump that is taken if the x87 unit's pointers are still to tell of the selector in segment register SEG. */
static u8 *x87_wants_selector(struct emit *e, unsigned seg)
{
    asm_alu_mem_imm(&e->o, 1, 7, em_cpu_mem(offsetof(struct cpu, x87_live)), 0);
    u8 *idle = asm_jcc(&e->o, CC_E);
    if (seg != SEG_CS)
        asm_alu_mem_imm(&e->o, 1, 7, em_cpu_mem(offsetof(struct cpu, x87_seg)), seg);
    u8 *wanted = seg == SEG_CS ? asm_jmp(&e->o) : asm_jcc(&e->o, CC_E);
    em_patch(e, idle, e->o.at);
    return wanted;
}

/* A segment that does not end at 64 KiB may be flat before or behind: the handler's business. */
void em_can_set_segment(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    em_x87_notes(e);
    struct x64_site *s = em_site(e, 0, false);
    asm_alu_mem_imm(&e->o, 4, 7, em_segment_mem(o->aux, offsetof(struct segment, limit)), 0xFFFF);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, RAX, s);
    em_go_cold(e, x87_wants_selector(e, o->aux), NULL, RAX, s);
}

/* As seg_load_real(). */
void em_set_segment(struct emit *e, const struct ir_op *o)
{
    em_clobber(e);
    unsigned v = em_in_reg(e, o->a, 0), t = em_take(e, BIT(v));
    asm_mov_imm(&e->o, RAX, 0xFFFF);
    asm_rm(&e->o, 8, 0x89, RAX, em_segment_mem(o->aux, offsetof(struct segment, rd_top)));
    asm_rm(&e->o, 8, 0x89, RAX, em_segment_mem(o->aux, offsetof(struct segment, wr_top)));
    asm_rr(&e->o, 4, 0x0FB7, t, v); /* MOVZX */
    asm_rm(&e->o, 2, 0x89, t, em_segment_mem(o->aux, offsetof(struct segment, sel)));
    asm_rr(&e->o, 4, 0xC1, 4, t); /* SHL */
    asm_imm(&e->o, 4, 1);
    asm_rm(&e->o, 8, 0x89, t, em_segment_mem(o->aux, offsetof(struct segment, base)));
    if (!o->cc) { /* else they are the same always */
        asm_rm(&e->o, 4, 0x0FB7, RAX, em_segment_mem(o->aux, offsetof(struct segment, attr)));
        asm_alu_imm(&e->o, 4, 4, RAX, SEG_G | SEG_DB | SEG_AVL);
        asm_alu_imm(&e->o, 4, 1, RAX, SEG_P | SEG_S | SEG_RW | SEG_A);
        asm_rm(&e->o, 2, 0x89, RAX, em_segment_mem(o->aux, offsetof(struct segment, attr)));
    }
    asm_rm(&e->o, 1, 0xC6, 0, em_segment_mem(o->aux, offsetof(struct segment, null)));
    asm_imm(&e->o, 0, 1);
    em_used(e, o->a);
}

/* What the fast check does not allow is done by the handler of the instruction. */
void em_check_segment(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    unsigned off = em_in_reg(e, o->a, 0);
    asm_rm(&e->o, 8, 0x8D, RAX, mem_at(off, (s32)o->imm - 1));
    asm_rm(&e->o, 8, 0x3B, RAX,
           em_segment_mem(o->aux, o->cc & 1 ? offsetof(struct segment, wr_top) : offsetof(struct segment, rd_top)));
    struct x64_site *s = em_site(e, 0, o->cc & 1);
    em_go_cold(e, asm_jcc(&e->o, CC_G), NULL, off, s);
    if (o->cc >> 1) {
        asm_rm(&e->o, 4, 0x8B, RAX, em_segment_mem(o->aux, offsetof(struct segment, base)));
        asm_rr(&e->o, 4, 0x03, RAX, off);
        asm_alu_imm(&e->o, 4, 4, RAX, o->cc >> 1);
        em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, off, s);
    }
    unsigned t = em_take(e, BIT(off));
    asm_rm(&e->o, 4, 0x8B, t, em_segment_mem(o->aux, offsetof(struct segment, base)));
    asm_rr(&e->o, 4, 0x03, t, off);
    em_used(e, o->a);
    em_own(e, (ir_ref)e->at, t);
}

void em_check_target(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    unsigned v = em_in_reg(e, o->a, 0);
    asm_alu_imm(&e->o, 4, 7, v, (u32)o->imm);
    em_go_cold(e, asm_jcc(&e->o, CC_A), NULL, v, em_site(e, 0, false));
    em_used(e, o->a);
}
