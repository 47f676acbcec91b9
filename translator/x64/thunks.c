/*
 * thunks.c - code that all blocks share: the way in, the ways out, and calls of C.
 *
 * Blocks run with RSP a multiple of 16 and room for their spilled values above it.
 */
#include "translator/x64/emit.h"
#include "translator/x64/runtime.h"
#include "translator/x64/sse.h"
#include "translator/x64/state.h"
#include <stddef.h>

static const u8 saved[] = {RBX, RBP, R12, R13, R14, R15};
static const u8 scratch[] = {RCX, RDX, RSI, RDI}, volatiles[] = {RCX, RDX, RSI, RDI, R8, R9, R10, R11};

static struct mem cpu_at(size_t offset)
{
    return mem_at(RBP, (s32)offset - X64_BIAS);
}

static void push(struct asm_out *o, unsigned reg)
{
    if (reg >> 3)
        asm_byte(o, 0x41);
    asm_byte(o, 0x50 | (reg & 7));
}

static void pop(struct asm_out *o, unsigned reg)
{
    if (reg >> 3)
        asm_byte(o, 0x41);
    asm_byte(o, 0x58 | (reg & 7));
}

static void ret(struct asm_out *o)
{
    asm_byte(o, 0xC3);
}

static void load_state(struct asm_out *o)
{
    for (unsigned i = 0; i < 8; i++)
        asm_rm(o, 4, 0x8B, x64_guest[i], cpu_at(offsetof(struct cpu, r) + i * 8));
    asm_rm(o, 8, 0x8B, R15, cpu_at(offsetof(struct cpu, budget)));
}

static void store_state(struct asm_out *o)
{
    for (unsigned i = 0; i < 8; i++)
        asm_rm(o, 8, 0x89, x64_guest[i], cpu_at(offsetof(struct cpu, r) + i * 8));
    asm_rm(o, 8, 0x89, R15, cpu_at(offsetof(struct cpu, budget)));
}

static void write_enter(struct asm_out *o)
{
    for (unsigned i = 0; i < ARRAY_LEN(saved); i++)
        push(o, saved[i]);
    asm_alu_imm(o, 8, 5, RSP, X64_FRAME);
    asm_rm(o, 8, 0x8D, RBP, mem_at(RDI, X64_BIAS));
    load_state(o);
    asm_rr(o, 4, 0xFF, 4, RSI); /* JMP */
}

static void write_exit(struct asm_out *o)
{
    asm_alu_imm(o, 8, 0, RSP, X64_FRAME);
    for (unsigned i = ARRAY_LEN(saved); i-- > 0;)
        pop(o, saved[i]);
    ret(o);
}

/*
 * Called with the site in RAX. What FN tells comes back in EAX: whether the block is to be left. The caller does that, so that the
 * host's returns match its calls; else it goes on, with scratch registers as they were.
 */
static void write_call(struct asm_out *o, u64 fn, const struct sse_thunks *sse)
{
    for (unsigned i = 0; i < ARRAY_LEN(scratch); i++)
        push(o, scratch[i]);
    store_state(o);
    asm_rm(o, 8, 0x8D, RDI, mem_at(RBP, -X64_BIAS));
    asm_mov64(o, RSI, RAX);
    asm_rm(o, 4, 0x8B, RDX, cpu_at(offsetof(struct cpu, access_at)));
    asm_rm(o, 4, 0x0FB6, RAX, cpu_at(offsetof(struct cpu, xmm_live)));
    push(o, RAX); /* 16 bytes each */
    sse_write_call_if(o, RAX, sse->save);
    asm_mov_imm(o, RAX, fn);
    asm_rr(o, 4, 0xFF, 2, RAX); /* CALL */
    pop(o, RCX);
    asm_rr(o, 4, 0x85, RAX, RAX);
    u8 *leave = asm_jcc(o, CC_NE);
    load_state(o);
    sse_write_call_if(o, RCX, sse->load);
    for (unsigned i = ARRAY_LEN(scratch); i-- > 0;)
        pop(o, scratch[i]);
    ret(o);
    asm_patch(leave, o->at);
    asm_alu_imm(o, 8, 0, RSP, sizeof scratch * 8);
    ret(o);
}

/* For FN, which has nothing to do with state that is in general registers. */
static void write_light_call(struct asm_out *o, u64 fn, const struct sse_thunks *sse)
{
    for (unsigned i = 0; i < ARRAY_LEN(volatiles); i++)
        push(o, volatiles[i]);
    asm_rm(o, 8, 0x8D, RDI, mem_at(RBP, -X64_BIAS));
    asm_mov64(o, RSI, RAX);
    asm_rm(o, 4, 0x0FB6, RAX, cpu_at(offsetof(struct cpu, xmm_live)));
    push(o, RAX);
    sse_write_call_if(o, RAX, sse->save);
    asm_mov_imm(o, RAX, fn);
    asm_rr(o, 4, 0xFF, 2, RAX); /* CALL */
    pop(o, RCX);
    sse_write_call_if(o, RCX, sse->load);
    for (unsigned i = ARRAY_LEN(volatiles); i-- > 0;)
        pop(o, volatiles[i]);
    ret(o);
}

static u8 *compare(struct asm_out *o, unsigned size, unsigned reg, struct mem m)
{
    asm_rm(o, size, size == 1 ? 0x3A : 0x3B, reg, m);
    return asm_jcc(o, CC_NE);
}

void x64_find_slot(struct asm_out *o, unsigned slot, unsigned v)
{
    asm_rr(o, 4, 0x69, slot, v); /* IMUL */
    asm_imm(o, X64_JUMP_HASH, 4);
    asm_rr(o, 4, 0xC1, 5, slot); /* SHR */
    asm_imm(o, 32 - X64_JUMP_BITS - X64_JUMP_SHIFT, 1);
    asm_alu_imm(o, 4, 4, slot, (X64_JUMPS - 1) << X64_JUMP_SHIFT);
    asm_rm(o, 8, 0x03, slot, cpu_at(offsetof(struct cpu, jumps)));
}

/* To the code of the slot at RCX, which is of the IP in RDI, if it is for the kind of pages WHICH; else goes on. */
static void jump_by_key(struct asm_out *o, unsigned which)
{
    asm_rm(o, 8, 0x8B, RDX, cpu_at(offsetof(struct cpu, jump_key) + which * 8));
    asm_rr(o, 8, 0x03, RDX, RDI);
    u8 *no = compare(o, 8, RDX, mem_at(RCX, offsetof(struct x64_jump, key)));
    asm_rm(o, 4, 0xFF, 4, mem_at(RCX, offsetof(struct x64_jump, code))); /* JMP */
    asm_patch(no, o->at);
}

/* To cpu->ip. In another address space than the slot is of, if the same page is there: the slot is of this one then. */
static void write_jump(struct asm_out *o, const u8 *exit)
{
    u8 *no[5];
    asm_rm(o, 4, 0x8B, RDI, cpu_at(offsetof(struct cpu, ip)));
    x64_find_slot(o, RCX, RDI);
    asm_rm(o, 4, 0x8B, RSI, cpu_at(offsetof(struct cpu, seg) + SEG_CS * sizeof(struct segment) + offsetof(struct segment, base)));
    no[0] = compare(o, 4, RSI, mem_at(RCX, offsetof(struct x64_jump, base)));
    jump_by_key(o, 0);
    jump_by_key(o, 1);
    no[1] = compare(o, 4, RDI, mem_at(RCX, offsetof(struct x64_jump, key)));
    asm_rm(o, 4, 0x0FB6, RDX, cpu_at(offsetof(struct cpu, jump_key) + 4)); /* the mode */
    no[2] = compare(o, 1, RDX, mem_at(RCX, offsetof(struct x64_jump, key) + 4));
    asm_rr(o, 4, 0x03, RSI, RDI); /* ADD: the linear address */
    asm_mov(o, RDX, RSI);
    asm_rr(o, 4, 0xC1, 5, RDX); /* SHR */
    asm_imm(o, PAGE_BITS - 4, 1);
    asm_alu_imm(o, 4, 4, RDX, (TLB_SIZE - 1) << 4);
    asm_rm(o, 8, 0x03, RDX, cpu_at(offsetof(struct cpu, mmu) + offsetof(struct mmu, fe)));
    asm_alu_imm(o, 4, 4, RSI, (u32)PAGE_MASK);
    no[3] = compare(o, 8, RSI, mem_at(RDX, offsetof(struct tlb_entry, tag)));
    asm_rm(o, 8, 0x8B, RSI, mem_at(RCX, offsetof(struct x64_jump, addend)));
    no[4] = compare(o, 8, RSI, mem_at(RDX, offsetof(struct tlb_entry, addend)));
    asm_rm(o, 8, 0x03, RDI, cpu_at(offsetof(struct cpu, jump_key)));
    asm_rm(o, 8, 0x89, RDI, mem_at(RCX, offsetof(struct x64_jump, key)));
    asm_rm(o, 4, 0xFF, 4, mem_at(RCX, offsetof(struct x64_jump, code))); /* JMP */
    for (unsigned i = 0; i < ARRAY_LEN(no); i++)
        asm_patch(no[i], o->at);
    asm_mov_imm(o, RAX, X64_NO_EDGE);
    asm_patch(asm_jmp(o), exit);
}

void x64_thunks_write(struct x64_room *room, struct x64_thunks *t)
{
    struct asm_out o = {room->mem.rw + room->used, room->mem.rw + room->mem.size};
    const ptrdiff_t to_rx = room->mem.rx - room->mem.rw;
    struct sse_thunks sse;
    sse_write_thunks(&o, &sse);
    t->sse_in = sse.in + to_rx;
    t->enter = (u64(*)(struct cpu *, const u8 *))(uintptr_t)(o.at + to_rx);
    write_enter(&o);
    t->exit = o.at + to_rx;
    store_state(&o);
    sse_write_save_if_live(&o, &sse);
    write_exit(&o);
    t->jump = o.at + to_rx;
    write_jump(&o, t->exit - to_rx);
    t->exit_raw = o.at + to_rx;
    asm_mov_imm(&o, RAX, X64_LEFT_BY_C);
    write_exit(&o);
    t->access = o.at + to_rx;
    write_call(&o, (u64)(uintptr_t)x64_access, &sse);
    t->handler = o.at + to_rx;
    write_call(&o, (u64)(uintptr_t)x64_handler, &sse);
    t->last = o.at + to_rx;
    write_call(&o, (u64)(uintptr_t)x64_last, &sse);
    t->repeated = o.at + to_rx;
    write_call(&o, (u64)(uintptr_t)x64_repeated, &sse);
    t->x87_function = o.at + to_rx;
    write_light_call(&o, (u64)(uintptr_t)x64_x87_function, &sse);
    string_write_thunks(&o, &t->string, to_rx);
    room->used = (size_t)(o.at - room->mem.rw + 15) & ~(size_t)15;
    host_exec_wrote(room->mem.rx, room->used);
}
