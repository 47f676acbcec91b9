/*
 * x87_state.c - the guest's x87 state between struct cpu and the host's unit.
 *
 * C code has no use for that unit (softmmu/, cpu/ and translator/ never compute in long double), so that the state
 * stays there while C fills the TLB or finds blocks; it comes back before anything that looks at it: handlers but those
 * of string instructions and the like, the interpreter, faults, the end of the slice.
 */
#include "cpu/isa.h"
#include "translator/x64/runtime.h"
#include "translator/x64/sse.h"
#include "translator/x64/x87_unit.h"

enum { NO_OP = 0xFFFF, NO_SEG = 0xFF };

/* FIP and the like of what has run since they were loaded. */
static void pointers(struct cpu *c)
{
    struct x87 *f = &c->fpu;
    if (c->x87_op != NO_OP) {
        f->fop = (u16)c->x87_op;
        f->fip = c->x87_ip;
        f->fcs = c->seg[SEG_CS].sel;
    }
    if (c->x87_seg != NO_SEG) {
        f->fdp = c->x87_dp;
        f->fds = c->seg[c->x87_seg].sel;
    }
}

/* A copy of what is in the unit. */
static void copy(struct cpu *c)
{
    struct x87 *f = &c->fpu;
    struct fxsave i;
    unit_save(&i);
    f->sw = i.sw & (u16)~X87_TOP;
    f->top = i.sw >> 11 & 7;
    f->empty = (u8)~i.valid;
    for (unsigned n = 0; n < 8; n++)
        f->st[(f->top + n) & 7] = f80_load(i.st[n]);
    pointers(c);
}

static void forget(struct cpu *c)
{
    c->x87_live = false;
    c->x87_seg = 0;
    c->x87_op = c->x87_ip = c->x87_dp = 0;
}

void x64_x87_save(struct cpu *c)
{
    if (!c->x87_live)
        return;
    copy(c);
    unit_reset();
    forget(c);
}

void x64_x87_load(struct cpu *c)
{
    const struct x87 *f = &c->fpu;
    struct fxsave i; /* what is not set goes to XMM registers or nowhere */
    i.cw = f->cw;
    i.sw = x87_status(c);
    i.valid = (u8)~f->empty;
    i.mxcsr = MXCSR_HOST;
    for (unsigned n = 0; n < 8; n++)
        f80_store(i.st[n], x87_get(c, n));
    unit_load(&i);
    c->x87_live = true;
    c->x87_op = NO_OP;
    c->x87_seg = NO_SEG;
}

static bool untouched(const struct isa_row *r)
{
    if (r->attrs & A_REP)
        return true;
    return !(r->attrs & (A_FPU | A_MMX | A_SYS | A_PRIV | A_END)) && !(r->feature & FEAT_FXSR);
}

/* Control words have all exceptions masked already. */
static bool reads_all(enum isa_op op)
{
    return op == ISA_FNSTENV || op == ISA_FXSAVE_M;
}

static bool writes_all(enum isa_op op)
{
    return op == ISA_FRSTOR || op == ISA_FXRSTOR_M;
}

void x64_x87_by_handler(struct cpu *c, const struct insn *in)
{
    copy(c);
    in->fn(c, in);
    x64_x87_load(c);
}

void x64_x87_call(struct cpu *c, const struct insn *in)
{
    const struct isa_row *r = &isa_rows[in->op];
    if (!(r->attrs & A_FPU) && !(r->feature & FEAT_FXSR)) {
        if (!untouched(r))
            x64_x87_save(c);
        in->fn(c, in);
        return;
    }
    if (!writes_all(in->op))
        copy(c);
    in->fn(c, in); /* a fault finds nothing changed and has it copied again */
    if (reads_all(in->op))
        return;
    if (x87_plain(c)) {
        x64_x87_load(c);
    } else {
        unit_reset();
        forget(c);
    }
}
