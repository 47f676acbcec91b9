/*
 * op_int.c - software interrupts, far transfers and their returns. The work is done in
 * exception.c and flow_far.c.
 */
#include "cpu/sys.h"

OP0(INT_Ib)
{
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
