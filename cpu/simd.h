/*
 * simd.h - what the handlers of MMX, SSE and SSE2 share: the conditions under which they run,
 * their operands, and what a floating-point exception does. Private to cpu/op_mmx.c and cpu/op_sse*.c.
 *
 * SDM vol. 1, ch. 9 to 11; vol. 3A, 2.5 (CR0.EM and TS, CR4.OSFXSR) and 13.1.
 */
#ifndef OMBRA_CPU_SIMD_H
#define OMBRA_CPU_SIMD_H

#include "cpu/exec.h"
#include "cpu/softfp.h"
#include "cpu/x87.h"

/* ---- conditions ---- */

static ALWAYS_INLINE void sse_begin(struct cpu *c)
{
    if (UNLIKELY((c->cr0 & CR0_EM) || !(c->cr4 & CR4_OSFXSR)))
        cpu_raise(c, VEC_UD);
    if (UNLIKELY(c->cr0 & CR0_TS))
        cpu_raise(c, VEC_NM);
}

/* What was raised goes into MXCSR in any case; an unmasked exception stops the instruction before it stores. */
static ALWAYS_INLINE void sse_end(struct cpu *c, struct fp_env *env)
{
    u8 unmasked = fp_sse_settle(env);
    c->mxcsr |= env->flags;
    if (UNLIKELY(unmasked))
        cpu_raise(c, c->cr4 & CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
}

/* Bits of MXCSR that exist: DAZ came with SSE2. */
static inline u32 sse_mxcsr_mask(const struct cpu *c)
{
    return c->features & FEAT_SSE2 ? 0xFFFF : 0xFFBF;
}

/* ---- MMX registers ---- */

static ALWAYS_INLINE u64 mm_rd(const struct cpu *c, unsigned n)
{
    return c->fpu.st[n].m;
}

/* A write makes the register an x87 NaN or infinity. */
static ALWAYS_INLINE void mm_wr(struct cpu *c, unsigned n, u64 v)
{
    c->fpu.st[n] = (struct f80){.m = v, .se = 0xFFFF};
}

/* The Q operand. */
static ALWAYS_INLINE u64 mm_rm(struct cpu *c, const struct insn *in, const bool mem)
{
    return mem ? mem_ld(c, in, 8) : mm_rd(c, in->rm);
}

/* ---- 128-bit memory ---- */

static ALWAYS_INLINE u64 mem_lin128(struct cpu *c, const struct insn *in, const bool write, const bool aligned)
{
    u64 off = ea(c, in);
    u64 lin = write ? seg_lin_wr(c, in->seg, off, 16) : seg_lin_rd(c, in->seg, off, 16);
    if (aligned && UNLIKELY(lin & 15))
        raise_gp0(c);
    return lin;
}

static ALWAYS_INLINE union xmm mem_ld128(struct cpu *c, const struct insn *in, const bool aligned)
{
    u64 lin = mem_lin128(c, in, false, aligned);
    union xmm v;
    v.q[0] = mmu_ld64(&c->mmu, lin);
    v.q[1] = mmu_ld64(&c->mmu, (u32)(lin + 8));
    return v;
}

static ALWAYS_INLINE void mem_st128(struct cpu *c, const struct insn *in, const bool aligned, union xmm v)
{
    u64 lin = mem_lin128(c, in, true, aligned);
    if (!aligned && UNLIKELY((lin & (PAGE_SIZE - 1)) > PAGE_SIZE - 16))
        mmu_probe(&c->mmu, lin, 16, true, c->mmu.priv); /* all or nothing */
    mmu_st64(&c->mmu, lin, v.q[0]);
    mmu_st64(&c->mmu, (u32)(lin + 8), v.q[1]);
}

/* The W operand of 128 bits; memory must be aligned. */
static ALWAYS_INLINE union xmm xmm_rm(struct cpu *c, const struct insn *in, const bool mem)
{
    return mem ? mem_ld128(c, in, true) : c->xmm[in->rm];
}

/* The W operand of 64 and 32 bits. */
static ALWAYS_INLINE u64 xmm_rm64(struct cpu *c, const struct insn *in, const bool mem)
{
    return mem ? mem_ld(c, in, 8) : c->xmm[in->rm].q[0];
}

static ALWAYS_INLINE u32 xmm_rm32(struct cpu *c, const struct insn *in, const bool mem)
{
    return mem ? (u32)mem_ld(c, in, 4) : c->xmm[in->rm].d[0];
}

#endif
