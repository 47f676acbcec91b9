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
    em_call(e, thunk);
    asm_imm(&e->o, (u64)(uintptr_t)s, 8);
}

void em_jump_to(struct emit *e, const u8 *thunk)
{
    em_patch(e, asm_jmp(&e->o), as_written(e, thunk));
}

static void call_handler(struct emit *e, const struct ir_op *o, const u8 *thunk)
{
    struct x64_site *s = em_site(e, 0, false);
    s->k = (u16)o->imm;
    s->flags = o->aux;
    s->stays = o->op == IR_LAST && o->cc;
    em_may_leave(e);
    for (unsigned i = 0; i < e->nlive; i++) /* the handler may change guest registers */
        e->failed |= e->place[e->live[i]].where == IN_GUEST;
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

static struct mem epoch_mem(size_t field)
{
    return em_cpu_mem(offsetof(struct cpu, mmu) + field);
}

/* Goes on if the epoch in REG is one of the MMU's; the distance field of the jump that is taken else. */
static u8 *check_epoch(struct emit *e, unsigned reg)
{
    asm_rm(&e->o, 8, 0x3B, reg, epoch_mem(offsetof(struct mmu, fetch_epoch)));
    u8 *right = asm_jcc(&e->o, CC_E);
    asm_rm(&e->o, 8, 0x3B, reg, epoch_mem(offsetof(struct mmu, fetch_epoch_global)));
    u8 *wrong = asm_jcc(&e->o, CC_NE);
    em_patch(e, right, e->o.at);
    return wrong;
}

/* The jump's distance field is JUMP; EFLAGS are as the stub needs them. */
static void stub(struct emit *e, struct x64_link *l)
{
    l->stub = e->o.at;
    em_patch(e, l->jump, l->stub);
    em_flags_home(e);
    l->far_jump = asm_jmp(&e->o);
    if (em_flat_code(e) && (l->ip ^ e->code->ip) >> PAGE_BITS) {
        l->check = e->o.at;
        asm_mov_imm(&e->o, RAX, (u64)(uintptr_t)&l->epoch);
        asm_rm(&e->o, 8, 0x8B, RAX, mem_at(RAX, 0));
        u8 *wrong = check_epoch(e, RAX);
        l->check_jump = asm_jmp(&e->o);
        em_patch(e, wrong, e->o.at);
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
    stub(e, new_edge(e, ip, asm_jmp(&e->o)));
}

/* The edge's stub is written when the block is done, with the flags where they are now. */
static void edge_if(struct emit *e, unsigned cc, u32 ip)
{
    u8 *jump = asm_jcc(&e->o, cc);
    e->stub[e->nstubs++] = (struct stub){.link = new_edge(e, ip, jump), .ef = e->ef, .home = e->home, .cur = e->cur};
}

void em_stubs(struct emit *e)
{
    for (unsigned i = 0; i < e->nstubs; i++) {
        const struct stub *s = &e->stub[i];
        e->ef = s->ef;
        e->home = s->home;
        e->cur = s->cur;
        stub(e, s->link);
    }
}

/* To the IP in register V: at once where the slot of its hash says so. */
static void indirect(struct emit *e, unsigned v)
{
    asm_rm(&e->o, 8, 0x89, v, em_cpu_mem(offsetof(struct cpu, ip)));
    u8 *miss[3];
    if (em_flat_code(e)) {
        asm_mov(&e->o, RAX, v);
        asm_rr(&e->o, 4, 0xC1, 5, RAX); /* SHR */
        asm_imm(&e->o, 7, 1);
        asm_rr(&e->o, 4, 0x33, RAX, v);
        asm_alu_imm(&e->o, 4, 4, RAX, X64_JUMPS - 1);
        asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL */
        asm_imm(&e->o, 5, 1);
        asm_rm(&e->o, 8, 0x03, RAX, em_cpu_mem(offsetof(struct cpu, jumps)));
        asm_rm(&e->o, 4, 0x3B, v, mem_at(RAX, offsetof(struct x64_jump, ip)));
        miss[0] = asm_jcc(&e->o, CC_NE);
        asm_alu_mem_imm(&e->o, 4, 7, mem_at(RAX, offsetof(struct x64_jump, mode)), e->code->mode);
        miss[1] = asm_jcc(&e->o, CC_NE);
        unsigned t = em_take(e, BIT(v));
        asm_rm(&e->o, 8, 0x8B, t, mem_at(RAX, offsetof(struct x64_jump, epoch)));
        miss[2] = check_epoch(e, t);
        asm_rm(&e->o, 4, 0xFF, 4, mem_at(RAX, offsetof(struct x64_jump, code))); /* JMP */
        for (unsigned i = 0; i < ARRAY_LEN(miss); i++)
            em_patch(e, miss[i], e->o.at);
    }
    asm_mov_imm(&e->o, RAX, X64_NO_EDGE);
    em_jump_to(e, e->thunks->exit);
}

void em_leave(struct emit *e, const struct ir_op *o)
{
    if (o->op == IR_LAST) {
        call_handler(e, o, e->thunks->last);
        if (o->cc)
            edge(e, e->code->ip + e->code->insns[o->imm].end);
        return;
    }
    em_x87_notes(e);
    unsigned v = o->op == IR_JMPV || o->op == IR_TEST0 ? em_in_reg(e, o->a, 0) : 0;
    if (o->op == IR_JMP) {
        edge(e, (u32)o->imm);
        return;
    }
    if (o->op == IR_JCC) {
        em_want_flags(e, o->f);
        edge_if(e, o->cc, (u32)o->imm);
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
