/*
 * op_simd_int.c - integer arithmetic of MMX and SSE2: the same on 64 and 128 bits.
 *
 * SDM vol. 2 by name.
 */
#include "cpu/simd.h"
#include "cpu/simd_lanes.h"

/* ---- element by element ---- */

#define PACKED(N, lane)                                                                                                \
    OPB(N##_PqQq)                                                                                                      \
    {                                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        u64 b = mm_rm(c, in, MEM);                                                                                     \
        x87_enter_mmx(c);                                                                                              \
        mm_wr(c, in->reg, lane_##lane(mm_rd(c, in->reg), b));                                                          \
    }                                                                                                                  \
    OPB(N##_VoWo)                                                                                                      \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm b = xmm_rm(c, in, MEM), *a = &c->xmm[in->reg];                                                       \
        a->q[0] = lane_##lane(a->q[0], b.q[0]);                                                                        \
        a->q[1] = lane_##lane(a->q[1], b.q[1]);                                                                        \
    }

PACKED(PADDB, paddb)
PACKED(PADDW, paddw)
PACKED(PADDD, paddd)
PACKED(PADDQ, paddq)
PACKED(PSUBB, psubb)
PACKED(PSUBW, psubw)
PACKED(PSUBD, psubd)
PACKED(PSUBQ, psubq)
PACKED(PADDSB, paddsb)
PACKED(PADDSW, paddsw)
PACKED(PADDUSB, paddusb)
PACKED(PADDUSW, paddusw)
PACKED(PSUBSB, psubsb)
PACKED(PSUBSW, psubsw)
PACKED(PSUBUSB, psubusb)
PACKED(PSUBUSW, psubusw)
PACKED(PCMPEQB, pcmpeqb)
PACKED(PCMPEQW, pcmpeqw)
PACKED(PCMPEQD, pcmpeqd)
PACKED(PCMPGTB, pcmpgtb)
PACKED(PCMPGTW, pcmpgtw)
PACKED(PCMPGTD, pcmpgtd)
PACKED(PMINUB, pminub)
PACKED(PMAXUB, pmaxub)
PACKED(PMINSW, pminsw)
PACKED(PMAXSW, pmaxsw)
PACKED(PAVGB, pavgb)
PACKED(PAVGW, pavgw)
PACKED(PMULLW, pmullw)
PACKED(PMULHW, pmulhw)
PACKED(PMULHUW, pmulhuw)
PACKED(PMULUDQ, pmuludq)
PACKED(PMADDWD, pmaddwd)
PACKED(PSADBW, psadbw)
PACKED(PAND, pand)
PACKED(PANDN, pandn)
PACKED(POR, por)
PACKED(PXOR, pxor)

/* ---- shifts: the count is the low quadword of the second operand, or immediate ---- */

#define PACKED_SHIFT(N, lane)                                                                                          \
    OPB(N##_PqQq)                                                                                                      \
    {                                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        u64 count = mm_rm(c, in, MEM);                                                                                 \
        x87_enter_mmx(c);                                                                                              \
        mm_wr(c, in->reg, lane_##lane(mm_rd(c, in->reg), count));                                                      \
    }                                                                                                                  \
    OPB(N##_NqIb)                                                                                                      \
    {                                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        x87_enter_mmx(c);                                                                                              \
        mm_wr(c, in->rm, lane_##lane(mm_rd(c, in->rm), (u8)in->imm));                                                  \
    }                                                                                                                  \
    OPB(N##_VoWo)                                                                                                      \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u64 count = xmm_rm(c, in, MEM).q[0];                                                                           \
        union xmm *a = &c->xmm[in->reg];                                                                               \
        a->q[0] = lane_##lane(a->q[0], count);                                                                         \
        a->q[1] = lane_##lane(a->q[1], count);                                                                         \
    }                                                                                                                  \
    OPB(N##_UoIb)                                                                                                      \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm *a = &c->xmm[in->rm];                                                                                \
        a->q[0] = lane_##lane(a->q[0], (u8)in->imm);                                                                   \
        a->q[1] = lane_##lane(a->q[1], (u8)in->imm);                                                                   \
    }

PACKED_SHIFT(PSLLW, psllw)
PACKED_SHIFT(PSLLD, pslld)
PACKED_SHIFT(PSLLQ, psllq)
PACKED_SHIFT(PSRLW, psrlw)
PACKED_SHIFT(PSRLD, psrld)
PACKED_SHIFT(PSRLQ, psrlq)
PACKED_SHIFT(PSRAW, psraw)
PACKED_SHIFT(PSRAD, psrad)

/* By bytes, across the halves: OUT is shifted out of a window over V with zeros on both sides. */
static union xmm shift_bytes(union xmm v, unsigned by, bool left)
{
    u8 window[48] = {0};
    unsigned n = MIN(by, 16u);
    memcpy(window + 16, v.b, 16);
    memcpy(v.b, left ? window + 16 - n : window + 16 + n, 16);
    return v;
}

OPB(PSRLDQ_UoIb)
{
    sse_begin(c);
    c->xmm[in->rm] = shift_bytes(c->xmm[in->rm], (u8)in->imm, false);
}

OPB(PSLLDQ_UoIb)
{
    sse_begin(c);
    c->xmm[in->rm] = shift_bytes(c->xmm[in->rm], (u8)in->imm, true);
}

/* ---- packing and interleaving, which cross the halves ---- */

#define PACK(N, lane)                                                                                                  \
    OPB(N##_PqQq)                                                                                                      \
    {                                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        u64 b = mm_rm(c, in, MEM);                                                                                     \
        x87_enter_mmx(c);                                                                                              \
        mm_wr(c, in->reg, lane_##lane(mm_rd(c, in->reg), b));                                                          \
    }                                                                                                                  \
    OPB(N##_VoWo)                                                                                                      \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        union xmm b = xmm_rm(c, in, MEM), *a = &c->xmm[in->reg];                                                       \
        a->q[0] = lane_##lane(a->q[0], a->q[1]);                                                                       \
        a->q[1] = lane_##lane(b.q[0], b.q[1]);                                                                         \
    }

PACK(PACKSSWB, packsswb)
PACK(PACKUSWB, packuswb)
PACK(PACKSSDW, packssdw)

/* The low MMX form reads 32 bits of memory. */
#define UNPACK(L, H, bits)                                                                                             \
    OPB(L##_PqQd)                                                                                                      \
    {                                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        u64 b = MEM ? mem_ld(c, in, 4) : mm_rd(c, in->rm);                                                             \
        x87_enter_mmx(c);                                                                                              \
        mm_wr(c, in->reg, lane_unpackl##bits(mm_rd(c, in->reg), b));                                                   \
    }                                                                                                                  \
    OPB(H##_PqQq)                                                                                                      \
    {                                                                                                                  \
        x87_begin_mmx(c);                                                                                              \
        u64 b = mm_rm(c, in, MEM);                                                                                     \
        x87_enter_mmx(c);                                                                                              \
        mm_wr(c, in->reg, lane_unpackh##bits(mm_rd(c, in->reg), b));                                                   \
    }                                                                                                                  \
    OPB(L##_VoWo)                                                                                                      \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u64 b = xmm_rm(c, in, MEM).q[0];                                                                               \
        union xmm *a = &c->xmm[in->reg];                                                                               \
        a->q[1] = lane_unpackh##bits(a->q[0], b);                                                                      \
        a->q[0] = lane_unpackl##bits(a->q[0], b);                                                                      \
    }                                                                                                                  \
    OPB(H##_VoWo)                                                                                                      \
    {                                                                                                                  \
        sse_begin(c);                                                                                                  \
        u64 b = xmm_rm(c, in, MEM).q[1];                                                                               \
        union xmm *a = &c->xmm[in->reg];                                                                               \
        a->q[0] = lane_unpackl##bits(a->q[1], b);                                                                      \
        a->q[1] = lane_unpackh##bits(a->q[1], b);                                                                      \
    }

UNPACK(PUNPCKLBW, PUNPCKHBW, 8)
UNPACK(PUNPCKLWD, PUNPCKHWD, 16)
UNPACK(PUNPCKLDQ, PUNPCKHDQ, 32)

OPB(PUNPCKLQDQ_VoWo)
{
    sse_begin(c);
    c->xmm[in->reg].q[1] = xmm_rm(c, in, MEM).q[0];
}

OPB(PUNPCKHQDQ_VoWo)
{
    sse_begin(c);
    u64 high = xmm_rm(c, in, MEM).q[1];
    c->xmm[in->reg].q[0] = c->xmm[in->reg].q[1];
    c->xmm[in->reg].q[1] = high;
}

/* ---- picking and collecting ---- */

/* Four words of V by the pairs of bits in SELECT. */
static u64 shuffle_words(u64 v, u8 select)
{
    u64 r = 0;
    for (unsigned i = 0; i < 4; i++)
        r |= (v >> ((select >> 2 * i & 3) * 16) & 0xFFFF) << 16 * i;
    return r;
}

OPB(PSHUFW_PqQqIb)
{
    x87_begin_mmx(c);
    u64 v = mm_rm(c, in, MEM);
    x87_enter_mmx(c);
    mm_wr(c, in->reg, shuffle_words(v, (u8)in->imm));
}

OPB(PSHUFD_VoWoIb)
{
    sse_begin(c);
    union xmm v = xmm_rm(c, in, MEM);
    for (unsigned i = 0; i < 4; i++)
        c->xmm[in->reg].d[i] = v.d[in->imm >> 2 * i & 3];
}

OPB(PSHUFLW_VoWoIb)
{
    sse_begin(c);
    union xmm v = xmm_rm(c, in, MEM);
    v.q[0] = shuffle_words(v.q[0], (u8)in->imm);
    c->xmm[in->reg] = v;
}

OPB(PSHUFHW_VoWoIb)
{
    sse_begin(c);
    union xmm v = xmm_rm(c, in, MEM);
    v.q[1] = shuffle_words(v.q[1], (u8)in->imm);
    c->xmm[in->reg] = v;
}

OPB(PINSRW_PqEwIb)
{
    x87_begin_mmx(c);
    u64 w = rm_rd(c, in, 2, MEM);
    x87_enter_mmx(c);
    unsigned shift = (in->imm & 3) * 16;
    mm_wr(c, in->reg, (mm_rd(c, in->reg) & ~((u64)0xFFFF << shift)) | w << shift);
}

OPB(PINSRW_VoEwIb)
{
    sse_begin(c);
    u16 w = (u16)rm_rd(c, in, 2, MEM);
    c->xmm[in->reg].w[in->imm & 7] = w;
}

OPB(PEXTRW_GdNqIb)
{
    x87_begin_mmx(c);
    x87_enter_mmx(c);
    reg_wr(c, 4, in->reg, (u16)(mm_rd(c, in->rm) >> (in->imm & 3) * 16));
}

OPB(PEXTRW_GdUoIb)
{
    sse_begin(c);
    reg_wr(c, 4, in->reg, c->xmm[in->rm].w[in->imm & 7]);
}

OPB(PMOVMSKB_GdNq)
{
    x87_begin_mmx(c);
    x87_enter_mmx(c);
    reg_wr(c, 4, in->reg, lane_movemask(mm_rd(c, in->rm)));
}

OPB(PMOVMSKB_GdUo)
{
    sse_begin(c);
    const union xmm *v = &c->xmm[in->rm];
    reg_wr(c, 4, in->reg, lane_movemask(v->q[0]) | lane_movemask(v->q[1]) << 8);
}
