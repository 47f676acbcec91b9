/*
 * mem.c - guest memory: the probe of the TLB in line, what it refuses behind the block.
 */
#include "translator/x64/work.h"

struct x64_site *em_site(struct emit *e, unsigned w, bool write)
{
    struct x64_site *s = &e->code->sites[e->code->nsites++];
    *s = (struct x64_site){
        .code = e->code, .part = e->part, .k = (u16)e->insn, .w = (u8)w, .write = write, .x87 = e->x87_last, .x87_mem = e->x87_mem};
    return s;
}

void em_go_cold(struct emit *e, u8 *jump, u8 *back, unsigned address, struct x64_site *s)
{
    if (e->ncold == COLD_MAX) {
        e->failed = true;
        return;
    }
    struct cold *c = &e->cold[e->ncold++];
    *c = (struct cold){.jump = jump, .back = back, .address = (u8)address, .site = s};
    if (e->cur != e->home)
        c->flags = em_remake_plan(e, e->cur);
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

/* A scratch register with what is to be added to the linear address in register LIN for the host's. */
unsigned em_probe(struct emit *e, const struct ir_op *o, unsigned lin, bool write)
{
    const struct ir_group *g = &e->b->group[o->group];
    unsigned len = o->group ? g->span : o->w;
    size_t tlb = tlb_offset(e, write || g->write);
    bool aligned = ir_aligned(e->b, o);
    em_clobber(e);
    unsigned t = em_take(e, BIT(lin));
    u8 *again = e->o.at;
    if (o->delta)
        asm_rm(&e->o, 4, 0x8D, RAX, mem_at(lin, -(s32)o->delta));
    else
        asm_mov(&e->o, RAX, lin);
    asm_rr(&e->o, 4, 0xC1, 5, RAX); /* SHR */
    asm_imm(&e->o, PAGE_BITS - 4, 1);
    asm_alu_imm(&e->o, 4, 4, RAX, (TLB_SIZE - 1) << 4);
    asm_rm(&e->o, 4, 0x8D, t, mem_at(lin, last_looked_at(g, len, aligned) - o->delta)); /* LEA */
    asm_alu_imm(&e->o, 4, 4, t, (u32)PAGE_MASK | (aligned ? 15 : 0));
    asm_rm(&e->o, 4, 0x3B, t, mem_sum(RBP, RAX, 0, (s32)tlb - X64_BIAS + (s32)offsetof(struct tlb_entry, tag)));
    u8 *miss = asm_jcc(&e->o, CC_NE);
    asm_rm(&e->o, 8, 0x8B, t, mem_sum(RBP, RAX, 0, (s32)tlb - X64_BIAS + (s32)offsetof(struct tlb_entry, addend)));
    struct x64_site *s = em_site(e, o->w, write);
    s->group = (struct fill_group){g->span, o->delta, g->write, aligned, g->residue};
    if (o->group)
        keep_group(e, o, lin, t);
    em_go_cold(e, miss, again, lin, s);
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

/* The host's address stays in a register of its own until STW, that of a group in its slot. */
void em_load_for_write(struct emit *e, const struct ir_op *o)
{
    if (ir_covered(o)) {
        load_covered(e, o);
        return;
    }
    em_may_leave(e);
    unsigned lin = em_in_reg(e, o->a, 0), t = em_probe(e, o, lin, true);
    asm_rr(&e->o, 8, 0x03, t, lin); /* ADD */
    em_used(e, o->a);
    e->rmw_reg = (u8)t;
    e->reserved |= BIT(t);
    unsigned dst = em_take(e, 0);
    asm_rm(&e->o, 4, load_opcode(o), dst, mem_at(t, 0));
    em_own(e, (ir_ref)e->at, dst);
}

void em_store_back(struct emit *e, const struct ir_op *o)
{
    const struct ir_op *first = &e->b->op[o->a];
    if (ir_covered(first)) {
        store_to(e, o->w, o->b, em_covered(e, first), 0);
    } else {
        store_to(e, o->w, o->b, mem_at(e->rmw_reg, 0), 0);
        e->reserved &= ~BIT(e->rmw_reg);
    }
    em_used(e, o->a);
    em_used(e, o->b);
}

static struct mem segment_mem(unsigned seg, size_t field)
{
    return em_cpu_mem(offsetof(struct cpu, seg) + seg * sizeof(struct segment) + field);
}

/* What the fast check does not allow is done by the handler of the instruction. */
void em_check_segment(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    unsigned off = em_in_reg(e, o->a, 0);
    asm_rm(&e->o, 8, 0x8D, RAX, mem_at(off, (s32)o->imm - 1));
    asm_rm(&e->o, 8, 0x3B, RAX,
           segment_mem(o->aux, o->cc ? offsetof(struct segment, wr_top) : offsetof(struct segment, rd_top)));
    em_go_cold(e, asm_jcc(&e->o, CC_G), NULL, off, em_site(e, 0, o->cc));
    unsigned t = em_take(e, BIT(off));
    asm_rm(&e->o, 4, 0x8B, t, segment_mem(o->aux, offsetof(struct segment, base)));
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
