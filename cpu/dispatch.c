/*
 * dispatch.c - the handlers by the rows of isa.def.
 */
#include "cpu/dispatch.h"
#include "cpu/isa.h"
#include "cpu/op_cond.h"

extern const op_fn exec_UD[EXEC_FORMS];
#define I(id, ...) extern const op_fn exec_##id[EXEC_FORMS];
#include "cpu/isa.def"
#undef I

static const op_fn *const handlers[ISA_COUNT] = {
    [ISA_UD] = exec_UD,
#define I(id, ...) [ISA_##id] = exec_##id,
#include "cpu/isa.def"
#undef I
};

op_fn dispatch(const struct insn *in)
{
    unsigned form = in->opsize * 2u + in->mem;
    switch (in->op) {
    case ISA_Jcc_Jb:
    case ISA_Jcc_Jz:
        return exec_Jcc_by_cond[in->modrm & 15][form];
    case ISA_SETcc_Eb:
        return exec_SETcc_by_cond[in->modrm & 15][form];
    case ISA_CMOVcc_GvEv:
        return exec_CMOVcc_by_cond[in->modrm & 15][form];
    default:
        return handlers[in->op][form];
    }
}
