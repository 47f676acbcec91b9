/*
 * op_int.c - software interrupts, far transfers and their returns. The work is done in
 * exception.c and flow_far.c.
 */
#include "base/state.h"
#include "cpu/sys.h"

/*
 * A program that waits for a key asks the BIOS whether there is one (INT 16h, AH = 01h or 11h) and tells DOS that it is
 * idle (INT 28h), over and over. When many such calls in a row find every register as it was at the last one, nothing
 * happens but waiting: the machine may let time pass as for HLT.
 */
static void watch_polling(struct cpu *c, u8 vector)
{
    enum { POLLS = 64, POLL_GAP = 2000 };
    bool key = vector == 0x16 && (c->r[R_AX] >> 8 & 0xEF) == 0x01;
    if (!key && vector != 0x28)
        return;
    u64 registers = state_hash_bytes(c->ip ^ c->seg[SEG_CS].base << 16, c->r, 8 * sizeof c->r[0]), now = cpu_count(c);
    struct poll_watch *p = &c->poll;
    bool same = registers == p->seen[key] && now - p->last < POLL_GAP;
    p->seen[key] = registers;
    p->last = now;
    p->repeated = same ? p->repeated + 1 : 0;
    if (p->repeated < POLLS)
        return;
    p->repeated = 0;
    p->idle = true;
    c->attention |= ATT_STOP;
}

OP0(INT_Ib)
{
    watch_polling(c, (u8)in->imm);
    cpu_event(c, (u8)in->imm, EVENT_SOFT_INT, false, 0);
}

OP0(INT3)
{
    cpu_event(c, VEC_BP, EVENT_SOFT_EXC, false, 0);
}

OP0(INTO)
{
    if (flag_of(c))
        cpu_event(c, VEC_OF, EVENT_SOFT_EXC, false, 0);
}

/* INT1 (F1): #DB that leaves DR6 alone and looks at no DPL. */
OP0(ICEBP)
{
    cpu_event(c, VEC_DB, EVENT_ICEBP, false, 0);
}

OPW(IRET)
{
    far_iret(c, W);
}

OPW(JMP_Ap)
{
    far_jump(c, (u16)(in->imm >> 32), (u32)in->imm, W);
}

OPW(CALL_Ap)
{
    far_call(c, (u16)(in->imm >> 32), (u32)in->imm, W, insn_next_ip(c, in));
}

/* m16:16 or m16:32: the offset lies first. */
static ALWAYS_INLINE u16 far_pointer(struct cpu *c, const struct insn *in, const unsigned W, u64 *off)
{
    u64 at = ea(c, in), mask = in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
    *off = seg_ld(c, W, in->seg, at);
    return (u16)seg_ld(c, 2, in->seg, (at + W) & mask);
}

OPW(JMP_Mp)
{
    u64 off;
    u16 sel = far_pointer(c, in, W, &off);
    far_jump(c, sel, off, W);
}

OPW(CALL_Mp)
{
    u64 off;
    u16 sel = far_pointer(c, in, W, &off);
    far_call(c, sel, off, W, insn_next_ip(c, in));
}

OPW(RETF)
{
    far_return(c, W, 0);
}

OPW(RETF_Iw)
{
    far_return(c, W, (u16)in->imm);
}
