/*
 * x87_unit.h - the host's x87 unit while it holds the guest's state. For x87_*.c.
 */
#ifndef OMBRA_TRANSLATOR_X64_X87_UNIT_H
#define OMBRA_TRANSLATOR_X64_X87_UNIT_H

#include "cpu/x87.h"

#ifdef __x86_64__
#define UNIT(...) __asm__ volatile(__VA_ARGS__)
#else
#define UNIT(...) ((void)0)
#endif

/*
 * FXSAVE, which leaves the unit alone, and FRSTOR take less time than FNSAVE and FXRSTOR. Both have all eight
 * registers, empty ones too, in the order of the stack.
 */
struct fxsave {
    _Alignas(16) u16 cw;
    u16 sw;
    u8 valid, others[27]; /* VALID: by physical register */
    u8 st[8][16];
    u8 unused[352];
};

/* 32 bits, protected mode. */
struct frstor {
    u32 cw, sw, tags, fip, fcs, fdp, fds;
    u8 st[80];
};

static inline void unit_save(struct fxsave *i)
{
#ifndef __x86_64__
    *i = (struct fxsave){0}; /* nothing runs here that asks */
#endif
    UNIT("fxsave %0" : "=m"(*i));
}

static inline void unit_load(const struct frstor *i)
{
    UNIT("frstor %0" : : "m"(*i));
}

/* Empty and with the control word that C code expects. */
static inline void unit_reset(void)
{
    static const u16 cw = X87_CW_INIT;
    (void)cw;
    UNIT("emms\n\tfldcw %0" : : "m"(cw));
}

static inline void unit_pop(void)
{
    UNIT("fstp %%st(0)" : :);
}

static inline void unit_push(struct f80 v)
{
    UNIT("fldt %0" : : "m"(v));
}

/* What FST of a single or double raises, and C1. */
static inline void unit_round(bool to_double)
{
    u64 out = 0;
    (void)out;
    if (to_double)
        UNIT("fstl %0" : "=m"(out));
    else
        UNIT("fsts %0" : "=m"(out));
}

static inline void unit_clear_c1(void)
{
    UNIT("fdecstp\n\tfincstp" : :);
}

#endif
