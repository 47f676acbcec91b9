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
 * FXSAVE, which leaves the unit alone, and FXRSTOR take half the time of FNSAVE and FRSTOR. They have all eight
 * registers, empty ones too, in the order of the stack.
 */
struct fxsave {
    _Alignas(16) u16 cw;
    u16 sw;
    u8 valid, others[19]; /* VALID: by physical register */
    u32 mxcsr, mxcsr_mask;
    u8 st[8][16];
    u8 unused[352];
};

static inline void unit_save(struct fxsave *i)
{
#ifndef __x86_64__
    *i = (struct fxsave){0}; /* nothing runs here that asks */
#endif
    UNIT("fxsave %0" : "=m"(*i));
}

/* XMM registers are not kept. */
static inline void unit_load(const struct fxsave *i)
{
    UNIT("fxrstor %0"
         :
         : "m"(*i)
         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
           "xmm13", "xmm14", "xmm15");
}

/* Empty and with the control word that C code expects. */
static inline void unit_reset(void)
{
    static const u16 cw = X87_CW_INIT;
    (void)cw;
    UNIT("emms\n\tfldcw %0" : : "m"(cw));
}

static inline u16 unit_status(void)
{
    u16 sw = 0;
    UNIT("fnstsw %0" : "=a"(sw));
    return sw;
}

static inline void unit_control(u16 cw)
{
    UNIT("fldcw %0" : : "m"(cw));
}

static inline struct f80 unit_pop(void)
{
    struct f80 v = F80_ZERO;
    UNIT("fstpt %0" : "=m"(v));
    return v;
}

static inline void unit_push(const struct f80 *v)
{
    UNIT("fldt %0" : : "m"(*v));
}

/* The status word with what FXAM tells of the register two below the top. */
static inline u16 unit_examine_6(void)
{
    u16 sw = 0;
    UNIT("fdecstp\n\tfdecstp\n\tfxam\n\tfincstp\n\tfincstp\n\tfnstsw %0" : "=a"(sw));
    return sw;
}

/* The condition codes as of a comparison of 1 with the single M. */
static inline void unit_compare_one(const u32 *m)
{
    UNIT("fld1\n\tfcomps %0" : : "m"(*m));
}

/* A number less than half a unit in the last place of any but the smallest, or its negative, is added to ST(0). */
static inline void unit_add_tiny(bool minus)
{
    static const u64 tiny[2] = {0x0010000000000000, 0x8010000000000000};
    (void)tiny;
    UNIT("faddl %0" : : "m"(tiny[minus]));
}

static inline void unit_clear_c1(void)
{
    UNIT("fdecstp\n\tfincstp" : :);
}

#endif
