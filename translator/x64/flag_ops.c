/*
 * flag_ops.c - operations on the flags themselves: CLC and the like, LAHF, PUSHF, POPF.
 */
#include "translator/x64/work.h"

/* In memory, if the flags are there alone. */
void em_carry(struct emit *e, const struct ir_op *o)
{
    static const u8 opcodes[] = {0xF8, 0xF9, 0xF5}, alu[] = {4, 1, 6};
    if (o->f && e->ef != o->f && e->home == o->f) {
        struct mem ah = em_hflags_mem();
        ah.disp++;
        em_clobber(e);
        e->failed |= e->home != o->f;
        asm_alu_mem_imm(&e->o, 1, alu[o->aux], ah, o->aux ? IR_CF : (u8)~IR_CF);
        em_flag_used(e, o->f);
        e->home = (ir_ref)e->at;
        return;
    }
    if (o->f)
        em_want_all_flags(e, o->f);
    else
        em_clobber(e);
    asm_byte(&e->o, opcodes[o->aux]);
    em_flag_used(e, o->f);
    em_sets_token(e, o);
}

void em_low_flags(struct emit *e, const struct ir_op *o)
{
    em_want_all_flags(e, o->f);
    asm_byte(&e->o, 0x9F); /* LAHF */
    unsigned t = em_take(e, 0);
    asm_byte(&e->o, 0x0F); /* MOVZX t, AH */
    asm_byte(&e->o, 0xB6);
    asm_byte(&e->o, 0xC0 | t << 3 | 4);
    em_flag_used(e, o->f);
    em_own(e, (ir_ref)e->at, t);
}

static struct mem eflags_mem(void)
{
    return em_cpu_mem(offsetof(struct cpu, eflags));
}

void em_image(struct emit *e, const struct ir_op *o)
{
    struct mem ah = em_hflags_mem();
    ah.disp++;
    em_home_token(e, o->f);
    em_may_leave(e);
    unsigned t = em_take(e, 0);
    asm_rm(&e->o, 4, 0x8B, t, eflags_mem());
    asm_rr(&e->o, 4, 0xF7, 0, t); /* TEST */
    asm_imm(&e->o, F_VM, 4);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, t, em_site(e, 0, false));
    asm_alu_imm(&e->o, 4, 4, t, ~(u32)F_RF);
    asm_rm(&e->o, 4, 0x0FB6, RAX, ah);
    asm_alu_imm(&e->o, 4, 4, RAX, F_ARITH & 0xFF);
    asm_rr(&e->o, 4, 0x0B, t, RAX);
    asm_rm(&e->o, 4, 0x0FB6, RAX, em_hflags_mem());
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL: OF */
    asm_imm(&e->o, 11, 1);
    asm_rr(&e->o, 4, 0x0B, t, RAX);
    em_flag_used(e, o->f);
    em_own(e, (ir_ref)e->at, t);
}

void em_popped(struct emit *e, const struct ir_op *o)
{
    em_may_leave(e);
    unsigned v = em_in_reg(e, o->a, 0);
    u32 system = LIFT_POPF_SYSTEM & (o->w == 2 ? 0xFFFF : 0xFFFFFFFF);
    asm_mov(&e->o, RAX, v);
    asm_alu_imm(&e->o, 4, 4, RAX, system);
    asm_rm(&e->o, 4, 0x33, RAX, eflags_mem()); /* XOR */
    asm_rr(&e->o, 4, 0xF7, 0, RAX);            /* TEST */
    asm_imm(&e->o, system | F_VM | F_RF | F_VIP, 4);
    em_go_cold(e, asm_jcc(&e->o, CC_NE), NULL, v, em_site(e, 0, false));
    asm_mov(&e->o, RAX, v);
    asm_rr(&e->o, 4, 0xC1, 4, RAX); /* SHL: AL becomes 0 */
    asm_imm(&e->o, 8, 1);
    asm_rr(&e->o, 4, 0x0FBA, 4, v); /* BT: OF */
    asm_imm(&e->o, 11, 1);
    asm_alu_imm(&e->o, 4, 2, RAX, 0); /* ADC */
    asm_rm(&e->o, 2, 0x89, RAX, em_hflags_mem());
    em_used(e, o->a);
    e->home = (ir_ref)e->at;
}
