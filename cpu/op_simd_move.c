/*
 * op_simd_move.c - moves of MMX, SSE and SSE2, shuffles of singles and doubles, bitwise logic
 * on them, and the state: FXSAVE, FXRSTOR, MXCSR, EMMS, fences and hints.
 *
 * SDM vol. 2 by name; vol. 1, 10.5 (FXSAVE area).
 */
#include "cpu/simd.h"

/* ---- MMX ---- */

OPB(MOVD_PqEd)
{
    x87_begin_mmx(c);
    u64 v = rm_rd(c, in, 4, MEM);
    x87_enter_mmx(c);
    mm_wr(c, in->reg, v);
}

OPB(MOVD_EdPq)
{
    x87_begin_mmx(c);
    rm_wr(c, in, 4, MEM, (u32)mm_rd(c, in->reg));
    x87_enter_mmx(c);
}

OPB(MOVQ_PqQq)
{
    x87_begin_mmx(c);
    u64 v = mm_rm(c, in, MEM);
    x87_enter_mmx(c);
    mm_wr(c, in->reg, v);
}

OPB(MOVQ_QqPq)
{
    x87_begin_mmx(c);
    u64 v = mm_rd(c, in->reg);
    if (MEM)
        mem_st(c, in, 8, v);
    x87_enter_mmx(c);
    if (!MEM)
        mm_wr(c, in->rm, v);
}

OPB(MOVNTQ_MqPq)
{
    x87_begin_mmx(c);
    mem_st(c, in, 8, mm_rd(c, in->reg));
    x87_enter_mmx(c);
}

OPB(EMMS)
{
    x87_begin_mmx(c);
    c->fpu.top = 0;
    c->fpu.empty = 0xFF;
}

OPB(MOVDQ2Q_PqUq)
{
    sse_begin(c);
    x87_begin_mmx(c);
    x87_enter_mmx(c);
    mm_wr(c, in->reg, c->xmm[in->rm].q[0]);
}

OPB(MOVQ2DQ_VoNq)
{
    sse_begin(c);
    x87_begin_mmx(c);
    x87_enter_mmx(c);
    c->xmm[in->reg] = (union xmm){.q = {mm_rd(c, in->rm), 0}};
}

/* ---- whole XMM registers ---- */

#define MOVE_ALIGNED(LOAD, STORE)                                                                                      \
    OPB(LOAD)                                                                                                          \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        c->xmm[in->reg] = xmm_rm(c, in, MEM);                                                                          \
    }                                                                                                                  \
    OPB(STORE)                                                                                                         \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        if (MEM)                                                                                                       \
            mem_st128(c, in, true, c->xmm[in->reg]);                                                                   \
        else                                                                                                           \
            c->xmm[in->rm] = c->xmm[in->reg];                                                                          \
    }
MOVE_ALIGNED(MOVAPS_VoWo, MOVAPS_WoVo)
MOVE_ALIGNED(MOVAPD_VoWo, MOVAPD_WoVo)
MOVE_ALIGNED(MOVDQA_VoWo, MOVDQA_WoVo)

#define MOVE_UNALIGNED(LOAD, STORE)                                                                                    \
    OPB(LOAD)                                                                                                          \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        c->xmm[in->reg] = MEM ? mem_ld128(c, in, false) : c->xmm[in->rm];                                              \
    }                                                                                                                  \
    OPB(STORE)                                                                                                         \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        if (MEM)                                                                                                       \
            mem_st128(c, in, false, c->xmm[in->reg]);                                                                  \
        else                                                                                                           \
            c->xmm[in->rm] = c->xmm[in->reg];                                                                          \
    }
MOVE_UNALIGNED(MOVUPS_VoWo, MOVUPS_WoVo)
MOVE_UNALIGNED(MOVUPD_VoWo, MOVUPD_WoVo)
MOVE_UNALIGNED(MOVDQU_VoWo, MOVDQU_WoVo)

#define STORE_PAST_CACHE(N)                                                                                            \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        mem_st128(c, in, true, c->xmm[in->reg]);                                                                       \
    }
STORE_PAST_CACHE(MOVNTPS_MoVo)
STORE_PAST_CACHE(MOVNTPD_MoVo)
STORE_PAST_CACHE(MOVNTDQ_MoVo)

/* No SSE state is involved: CR0 and CR4 do not matter. */
OPB(MOVNTI_MdGd)
{
    mem_st(c, in, 4, reg_rd(c, 4, in->reg));
}

/* ---- parts of XMM registers ---- */

OPB(MOVSS_VdWd)
{
    sse_begin(c);
    u32 v = xmm_rm32(c, in, MEM);
    if (MEM)
        c->xmm[in->reg] = (union xmm){.d = {v}};
    else
        c->xmm[in->reg].d[0] = v;
}

OPB(MOVSS_WdVd)
{
    sse_begin(c);
    u32 v = c->xmm[in->reg].d[0];
    if (MEM)
        mem_st(c, in, 4, v);
    else
        c->xmm[in->rm].d[0] = v;
}

OPB(MOVSD_VqWq)
{
    sse_begin(c);
    u64 v = xmm_rm64(c, in, MEM);
    if (MEM)
        c->xmm[in->reg] = (union xmm){.q = {v}};
    else
        c->xmm[in->reg].q[0] = v;
}

OPB(MOVSD_WqVq)
{
    sse_begin(c);
    u64 v = c->xmm[in->reg].q[0];
    if (MEM)
        mem_st(c, in, 8, v);
    else
        c->xmm[in->rm].q[0] = v;
}

OPB(MOVD_VoEd)
{
    sse_begin(c);
    c->xmm[in->reg] = (union xmm){.d = {(u32)rm_rd(c, in, 4, MEM)}};
}

OPB(MOVD_EdVo)
{
    sse_begin(c);
    rm_wr(c, in, 4, MEM, c->xmm[in->reg].d[0]);
}

OPB(MOVQ_VoWq)
{
    sse_begin(c);
    c->xmm[in->reg] = (union xmm){.q = {xmm_rm64(c, in, MEM)}};
}

OPB(MOVQ_WqVq)
{
    sse_begin(c);
    u64 v = c->xmm[in->reg].q[0];
    if (MEM)
        mem_st(c, in, 8, v);
    else
        c->xmm[in->rm] = (union xmm){.q = {v}};
}

#define MOVE_HALF(LOAD, STORE, half)                                                                                   \
    OPB(LOAD)                                                                                                          \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        c->xmm[in->reg].q[half] = mem_ld(c, in, 8);                                                                    \
    }                                                                                                                  \
    OPB(STORE)                                                                                                         \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        mem_st(c, in, 8, c->xmm[in->reg].q[half]);                                                                     \
    }
MOVE_HALF(MOVLPS_VqMq, MOVLPS_MqVq, 0)
MOVE_HALF(MOVLPD_VqMq, MOVLPD_MqVq, 0)
MOVE_HALF(MOVHPS_VqMq, MOVHPS_MqVq, 1)
MOVE_HALF(MOVHPD_VqMq, MOVHPD_MqVq, 1)

OPB(MOVHLPS_VqUq)
{
    sse_begin(c);
    c->xmm[in->reg].q[0] = c->xmm[in->rm].q[1];
}

OPB(MOVLHPS_VqUq)
{
    sse_begin(c);
    c->xmm[in->reg].q[1] = c->xmm[in->rm].q[0];
}

/* ---- picking and collecting ---- */

OPB(UNPCKLPS_VoWo)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    c->xmm[in->reg] = (union xmm){.d = {a.d[0], b.d[0], a.d[1], b.d[1]}};
}

OPB(UNPCKHPS_VoWo)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    c->xmm[in->reg] = (union xmm){.d = {a.d[2], b.d[2], a.d[3], b.d[3]}};
}

OPB(UNPCKLPD_VoWo)
{
    sse_begin(c);
    c->xmm[in->reg].q[1] = xmm_rm(c, in, MEM).q[0];
}

OPB(UNPCKHPD_VoWo)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    c->xmm[in->reg] = (union xmm){.q = {a.q[1], b.q[1]}};
}

OPB(SHUFPS_VoWoIb)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    u8 s = (u8)in->imm;
    c->xmm[in->reg] = (union xmm){.d = {a.d[s & 3], a.d[s >> 2 & 3], b.d[s >> 4 & 3], b.d[s >> 6]}};
}

OPB(SHUFPD_VoWoIb)
{
    sse_begin(c);
    union xmm b = xmm_rm(c, in, MEM), a = c->xmm[in->reg];
    c->xmm[in->reg] = (union xmm){.q = {a.q[in->imm & 1], b.q[in->imm >> 1 & 1]}};
}

OPB(MOVMSKPS_GdUo)
{
    sse_begin(c);
    const union xmm *v = &c->xmm[in->rm];
    u32 mask = v->d[0] >> 31 | v->d[1] >> 31 << 1 | v->d[2] >> 31 << 2 | v->d[3] >> 31 << 3;
    reg_wr(c, 4, in->reg, mask);
}

OPB(MOVMSKPD_GdUo)
{
    sse_begin(c);
    const union xmm *v = &c->xmm[in->rm];
    reg_wr(c, 4, in->reg, v->q[0] >> 63 | v->q[1] >> 63 << 1);
}

/* ---- bitwise ---- */

#define BITWISE(N, expr)                                                                                               \
    OPB(N)                                                                                                             \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm src = xmm_rm(c, in, MEM), *dest = &c->xmm[in->reg];                                                  \
        for (unsigned i = 0; i < 2; i++) {                                                                             \
            u64 a = dest->q[i], b = src.q[i];                                                                          \
            dest->q[i] = (expr);                                                                                       \
        }                                                                                                              \
    }
BITWISE(ANDPS_VoWo, a &b)
BITWISE(ANDPD_VoWo, a &b)
BITWISE(ANDNPS_VoWo, ~a & b)
BITWISE(ANDNPD_VoWo, ~a & b)
BITWISE(ORPS_VoWo, a | b)
BITWISE(ORPD_VoWo, a | b)
BITWISE(XORPS_VoWo, a ^ b)
BITWISE(XORPD_VoWo, a ^ b)

/* ---- stores under a mask ---- */

/* Stores those of the N bytes at DATA whose MASK byte has its top bit; all of them may be written, or nothing is. */
static void store_masked(struct cpu *c, const struct insn *in, const u8 *data, const u8 *mask, unsigned n)
{
    u64 off = in->adsize == 0 ? (u16)c->r[R_DI] : (u32)c->r[R_DI];
    u64 lin = seg_lin_wr(c, in->seg, off, n);
    unsigned first = 0, last = n;
    while (first < n && !(mask[first] & 0x80))
        first++;
    if (first == n)
        return;
    while (!(mask[last - 1] & 0x80))
        last--;
    mmu_probe(&c->mmu, (u32)(lin + first), last - first, true, c->mmu.priv);
    for (unsigned i = first; i < last; i++)
        if (mask[i] & 0x80)
            mmu_st8(&c->mmu, (u32)(lin + i), data[i]);
}

OPB(MASKMOVQ_PqNq)
{
    x87_begin_mmx(c);
    u64 data = mm_rd(c, in->reg), mask = mm_rd(c, in->rm);
    store_masked(c, in, (const u8 *)&data, (const u8 *)&mask, 8);
    x87_enter_mmx(c);
}

OPB(MASKMOVDQU_VoUo)
{
    sse_begin(c);
    store_masked(c, in, c->xmm[in->reg].b, c->xmm[in->rm].b, 16);
}

/* ---- state ---- */

static void load_mxcsr(struct cpu *c, u32 v)
{
    if (v & ~sse_mxcsr_mask(c))
        raise_gp0(c);
    c->mxcsr = v;
}

OPB(LDMXCSR_Md)
{
    sse_begin(c);
    load_mxcsr(c, (u32)mem_ld(c, in, 4));
}

OPB(STMXCSR_Md)
{
    sse_begin(c);
    mem_st(c, in, 4, c->mxcsr);
}

enum { FX_MXCSR = 24, FX_MASK = 28, FX_XMM = 160, FX_USED = 288, FX_BYTES = 512 };

static u64 fx_area(struct cpu *c, const struct insn *in, bool write)
{
    u64 off = ea(c, in);
    if (c->cr0 & (CR0_EM | CR0_TS))
        cpu_raise(c, VEC_NM);
    u64 lin = write ? seg_lin_wr(c, in->seg, off, FX_BYTES) : seg_lin_rd(c, in->seg, off, FX_BYTES);
    if (lin & 15)
        raise_gp0(c);
    mmu_probe(&c->mmu, lin, FX_BYTES, write, c->mmu.priv);
    return lin;
}

/* XMM registers take part only once the system has said that it knows of them. */
static u32 fx_used(const struct cpu *c)
{
    return c->cr4 & CR4_OSFXSR ? FX_USED : FX_XMM;
}

OPB(FXSAVE_M)
{
    u8 image[FX_USED];
    u64 lin = fx_area(c, in, true);
    x87_fxsave(c, 4, image);
    st32(image + FX_MXCSR, c->mxcsr);
    st32(image + FX_MASK, sse_mxcsr_mask(c));
    memcpy(image + FX_XMM, c->xmm, FX_USED - FX_XMM);
    for (u32 i = 0; i < fx_used(c); i += 8)
        mmu_st64(&c->mmu, (u32)(lin + i), ld64(image + i));
}

OPB(FXRSTOR_M)
{
    u8 image[FX_USED];
    u64 lin = fx_area(c, in, false);
    for (u32 i = 0; i < FX_USED; i += 8)
        st64(image + i, mmu_ld64(&c->mmu, (u32)(lin + i)));
    if (c->features & FEAT_SSE)
        load_mxcsr(c, ld32(image + FX_MXCSR));
    x87_fxrstor(c, 4, image);
    memcpy(c->xmm, image + FX_XMM, fx_used(c) - FX_XMM);
}

/* ---- ordering and caches: one processor sees its own accesses in order ---- */

OPB(LFENCE)
{
}
OP_SAME(MFENCE, LFENCE)
OP_SAME(SFENCE, LFENCE)
OP_SAME(PREFETCHNTA_Mb, LFENCE)
OP_SAME(PREFETCHT0_Mb, LFENCE)
OP_SAME(PREFETCHT1_Mb, LFENCE)
OP_SAME(PREFETCHT2_Mb, LFENCE)

/* Faults as a load would. */
OPB(CLFLUSH_Mb)
{
    mem_ld(c, in, 1);
}
