/*
 * op_cond.h - handlers specialised by condition code, so that no handler of Jcc, SETcc or
 * CMOVcc decides at run time which condition it is.
 *
 * For dispatch: first index = insn.modrm & 15, second as for exec_<id>. Jcc_Jb and Jcc_Jz share a table. The plain
 * exec_ tables of the rows do the same, a little slower.
 */
#ifndef OMBRA_CPU_OP_COND_H
#define OMBRA_CPU_OP_COND_H

#include "cpu/exec.h"

extern const op_fn exec_Jcc_by_cond[16][EXEC_FORMS];
extern const op_fn exec_SETcc_by_cond[16][EXEC_FORMS];
extern const op_fn exec_CMOVcc_by_cond[16][EXEC_FORMS];

#endif
