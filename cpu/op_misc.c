/*
 * op_misc.c - instructions that do nothing and encodings that do not exist.
 */
#include "cpu/exec.h"

OP0(NOP)
{
}

/* A hint: on a single processor no time is lost in a spin loop. */
OP_SAME(PAUSE, NOP)

/* 0F 18 to 0F 1F with ModRM: the address is formed but never accessed. */
OP_SAME(NOP_Ev, NOP)
OP_SAME(NOP_Ev_18, NOP)
OP_SAME(NOP_Ev_19, NOP)
OP_SAME(NOP_Ev_1A, NOP)
OP_SAME(NOP_Ev_1B, NOP)
OP_SAME(NOP_Ev_1C, NOP)
OP_SAME(NOP_Ev_1D, NOP)
OP_SAME(NOP_Ev_1E, NOP)

OP0(UD2)
{
    cpu_raise(c, VEC_UD);
}

OP_SAME(UD0, UD2)
OP_SAME(UD1, UD2)
OP_SAME(UD, UD2)

/* Rows of 64-bit mode alone, which no model has yet. */
OP_SAME(MOVSXD_GvEd, UD2)
OP_SAME(CMPXCHG16B_Mo, UD2)
OP_SAME(SYSCALL, UD2)
OP_SAME(SYSRET, UD2)
OP_SAME(SWAPGS, UD2)
