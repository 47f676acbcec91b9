/*
 * edges.c - calls of C, and the ends of blocks.
 */
#include "translator/x64/work.h"

static const u8 *as_written(const struct emit *e, const u8 *rx)
{
    return e->room->mem.rw + (rx - e->room->mem.rx);
}

void em_patch(struct emit *e, u8 *field, const u8 *target)
{
    if (e->o.at < e->o.end)
        asm_patch(field, target);
}

void em_call(struct emit *e, const u8 *thunk)
{
    em_patch(e, asm_call(&e->o), as_written(e, thunk));
}

void em_call_thunk(struct emit *e, const u8 *thunk, const struct x64_site *s)
{
    asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)s);
    em_call(e, thunk);
    asm_rr(&e->o, 4, 0x85, RAX, RAX);
    em_patch(e, asm_jcc(&e->o, CC_NE), as_written(e, e->thunks->exit_raw));
}

void em_jump_to(struct emit *e, const u8 *thunk)
{
    em_patch(e, asm_jmp(&e->o), as_written(e, thunk));
}

/* Guest registers are about to change where no value is told. */
void em_no_aliases(struct emit *e)
{
    for (unsigned i = 0; i < e->nlive; i++)
        e->failed |= e->place[e->live[i]].where == IN_GUEST;
}

static void call_handler(struct emit *e, const struct ir_op *o, const u8 *thunk)
{
    struct x64_site *s = em_site(e, 0, false);
    s->stays = o->op == IR_LAST ? o->cc : LIFT_ENDS;
    s->flags = o->aux || s->stays == LIFT_JUMPS; /* INT and task switches store them */
    s->loads = (u8)lift_loaded_segment(s->in);
    em_flags_home(e);
    em_clobber(e);
    em_remake_tidy(e);
    em_no_aliases(e);
    em_call_thunk(e, thunk, s);
    e->x87_last = e->x87_mem = 0;
    if (o->aux)
        e->cur = e->home = 0;
}

void em_handler(struct emit *e, const struct ir_op *o)
{
    call_handler(e, o, e->thunks->handler);
}

/* ---- edges ---- */

void em_set_ip(struct emit *e, u32 ip)
{
    asm_mov_imm(&e->o, RAX, ip);
    asm_rm(&e->o, 8, 0x89, RAX, em_cpu_mem(offsetof(struct cpu, ip)));
}

static struct mem mmu_mem(size_t field)
{
    return em_cpu_mem(offsetof(struct cpu, mmu) + field);
}

/* Where the entry for fetches at IP has FIELD. */
static struct mem fetch_mem(const struct emit *e, u32 ip, size_t field)
{
    unsigned slot = ip >> PAGE_BITS & (TLB_SIZE - 1);
    return mmu_mem(offsetof(struct mmu, ctx) + offsetof(struct tlb_ctx, fetch) +
                     (e->mode->priv * TLB_SIZE + slot) * sizeof(struct tlb_entry) + field);
}

/* Is CS's base the one that it had? The distance field of the jump that is taken if not. */
static u8 *check_base(struct emit *e, struct x64_link *l)
{
    asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)&l->addend);
    asm_rm(&e->o, 8, 0x8B, RAX, mem_at(RAX, 0));
    asm_rm(&e->o, 8, 0x3B, RAX, em_segment_mem(SEG_CS, offsetof(struct segment, base)));
    return asm_jcc(&e->o, CC_NE);
}

/* To the block if it was fetched in this epoch. The kind of pages that most code of this privilege is on comes first. */
static void check_epochs(struct emit *e, struct x64_link *l)
{
    static const size_t field[2] = {offsetof(struct mmu, fetch_epoch), offsetof(struct mmu, fetch_epoch_global)};
    bool system = e->mode->priv == TLB_SYSTEM;
    asm_byte(&e->o, 0x48); /* MOV RAX with 64 bits */
    asm_byte(&e->o, 0xB8);
    l->epoch = e->o.at;
    asm_imm(&e->o, 0, 8);
    for (unsigned i = 0; i < 2; i++) {
        asm_rm(&e->o, 8, 0x3B, RAX, mmu_mem(field[i ^ system]));
        l->check_jump[i] = asm_jcc(&e->o, CC_E);
    }
}

/* The same if the TLB has the page that it had. */
static u8 *check_page(struct emit *e, struct x64_link *l)
{
    asm_alu_mem_imm(&e->o, 4, 7, fetch_mem(e, l->ip, offsetof(struct tlb_entry, tag)), l->ip & (u32)PAGE_MASK);
    u8 *wrong = asm_jcc(&e->o, CC_NE);
    asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)&l->addend);
    asm_rm(&e->o, 8, 0x8B, RAX, mem_at(RAX, 0));
    asm_rm(&e->o, 8, 0x3B, RAX, fetch_mem(e, l->ip, offsetof(struct tlb_entry, addend)));
    l->check_jump[2] = asm_jcc(&e->o, CC_E);
    return wrong;
}

/* Goes to where L leads if that is still the same; else goes on behind. */
static void check(struct emit *e, struct x64_link *l)
{
    u8 *wrong = em_flat_code(e) ? NULL : check_base(e, l);
    check_epochs(e, l);
    if (em_flat_code(e))
        wrong = check_page(e, l);
    em_patch(e, wrong, e->o.at);
}

/* May the code at IP be on other pages than the block's, or reach into the next one? */
static bool other_pages(const struct emit *e, u32 ip)
{
    return (ip ^ e->code->ip) >> PAGE_BITS || (ip & (PAGE_SIZE - 1)) > PAGE_SIZE - INSN_MAX_LEN;
}

/* The jump's distance field is JUMP; flags are where they are for the emitter now, or to be made by FLAGS. */
static void stub(struct emit *e, struct x64_link *l, const struct remake_plan *flags)
{
    l->stub = e->o.at;
    em_patch(e, l->jump, l->stub);
    em_flags_home_by(e, flags);
    l->far_jump = asm_jmp(&e->o);
    if (!em_flat_code(e) || other_pages(e, l->ip)) {
        l->check = e->o.at;
        check(e, l);
    }
    l->out = e->o.at;
    em_patch(e, l->far_jump, l->out);
    em_set_ip(e, l->ip);
    asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)l);
    em_jump_to(e, e->thunks->exit);
}

static struct x64_link *new_edge(struct emit *e, u32 ip, u8 *jump)
{
    struct x64_link *l = &e->code->link[e->code->links++];
    *l = (struct x64_link){.from = e->code, .ip = ip, .jump = jump};
    return l;
}

static void edge(struct emit *e, u32 ip)
{
    static const struct remake_plan none;
    stub(e, new_edge(e, ip, asm_jmp(&e->o)), &none);
}

/* To the IP in register V: at once where the slot of its hash says so; pages of the kind that is rare here are the thunk's. */
static void indirect(struct emit *e, unsigned v)
{
    unsigned slot = em_take(e, BIT(v)), global = e->mode->priv == TLB_SYSTEM;
    u8 *other_base = NULL;
    x64_find_slot(&e->o, slot, v);
    if (!em_flat_code(e)) {
        asm_rm(&e->o, 4, 0x8B, RAX, em_segment_mem(SEG_CS, offsetof(struct segment, base)));
        asm_rm(&e->o, 4, 0x3B, RAX, mem_at(slot, offsetof(struct x64_jump, base)));
        other_base = asm_jcc(&e->o, CC_NE);
    }
    asm_rm(&e->o, 8, 0x8B, RAX, em_cpu_mem(offsetof(struct cpu, jump_key) + global * 8));
    asm_rr(&e->o, 8, 0x03, RAX, v);
    asm_rm(&e->o, 8, 0x3B, RAX, mem_at(slot, offsetof(struct x64_jump, key)));
    u8 *miss = asm_jcc(&e->o, CC_NE);
    asm_rm(&e->o, 4, 0xFF, 4, mem_at(slot, offsetof(struct x64_jump, code))); /* JMP */
    em_patch(e, miss, e->o.at);
    if (other_base)
        em_patch(e, other_base, e->o.at);
    asm_rm(&e->o, 8, 0x89, v, em_cpu_mem(offsetof(struct cpu, ip)));
    em_jump_to(e, e->thunks->jump);
}

/* What a jump leads to is written when the block is done, with the flags where they are now. */
static void stub_later(struct emit *e, struct stub s)
{
    if (e->nstubs == X64_STUBS) {
        e->failed = true;
        return;
    }
    s.ef = e->ef;
    s.home = e->home;
    s.cur = e->cur;
    if (e->cur != e->home && (e->cur != e->ef || e->ef_lacks))
        s.flags = em_remake_plan(e, e->cur);
    e->stub[e->nstubs++] = s;
}

static void edge_if(struct emit *e, unsigned cc, u32 ip)
{
    stub_later(e, (struct stub){.jump = asm_jcc(&e->o, cc), .ip = ip, .reg = NO_REG});
}

void em_stubs(struct emit *e)
{
    for (unsigned i = 0; i < e->nstubs; i++) {
        const struct stub *s = &e->stub[i];
        u8 *jump = s->jump;
        e->ef = s->ef;
        e->ef_lacks = 0;
        e->home = s->home;
        e->cur = s->cur;
        if (s->undone) { /* LEA: flags stay */
            em_patch(e, jump, e->o.at);
            asm_rm(&e->o, 8, 0x8D, R15, mem_at(R15, (s32)s->undone));
            jump = s->reg == NO_REG ? asm_jmp(&e->o) : NULL;
        }
        if (s->reg == NO_REG) {
            stub(e, new_edge(e, s->ip, jump), &s->flags);
        } else {
            em_flags_home_by(e, &s->flags);
            indirect(e, s->reg);
        }
    }
}

/* The rest of the trace is not done. */
void em_exit(struct emit *e, const struct ir_op *o)
{
    em_x87_notes(e);
    unsigned cc = em_want_condition(e, o->f, o->cc);
    stub_later(e, (struct stub){.jump = asm_jcc(&e->o, cc), .ip = (u32)o->imm, .reg = NO_REG, .undone = e->code->count - o->aux});
    em_flag_used(e, o->f);
}

void em_guard(struct emit *e, const struct ir_op *o)
{
    em_x87_notes(e);
    em_may_leave(e);
    unsigned v = em_in_reg(e, o->a, 0);
    asm_alu_imm(&e->o, 4, 7, v, (u32)o->imm);
    stub_later(e, (struct stub){.jump = asm_jcc(&e->o, CC_NE), .reg = v, .undone = e->code->count - o->aux});
    em_used(e, o->a);
}

void em_leave(struct emit *e, const struct ir_op *o)
{
    if (o->op == IR_LAST) {
        call_handler(e, o, e->thunks->last);
        if (o->cc == LIFT_JUMPS)
            em_jump_to(e, e->thunks->jump);
        else if (o->cc)
            edge(e, e->part->ip + e->code->insns[o->imm].end);
        return;
    }
    em_x87_notes(e);
    unsigned v = o->op == IR_JMPV || o->op == IR_TEST0 ? em_in_reg(e, o->a, 0) : 0;
    if (o->op == IR_JMP) {
        edge(e, (u32)o->imm);
        return;
    }
    if (o->op == IR_JCC) {
        edge_if(e, em_want_condition(e, o->f, o->cc), (u32)o->imm);
        edge(e, o->aux);
        return;
    }
    em_flags_home(e);
    if (o->op == IR_JMPV) {
        indirect(e, v);
        return;
    }
    asm_rr(&e->o, o->w, o->w == 1 ? 0x84 : 0x85, v, v);
    edge_if(e, CC_NE, (u32)o->imm);
    edge(e, o->aux);
}
