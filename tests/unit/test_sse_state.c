/*
 * test_sse_state.c - the state of SSE in memory (FXSAVE, FXRSTOR, MXCSR), masked stores, and what only hints or orders:
 * what the native oracle leaves out.
 *
 * SDM vol. 1, 10.5 (FXSAVE area), 10.2.3 (MXCSR, its mask).
 */
#include "tests/unit/test_sse_rig.h"

enum {
    AREA = 0x2100,
    FX_BYTES = 512,
    FX_MASK = 28,
    /* [ESI], or XMM1 to XMM0 */
    FXSAVE = 0x06AE0F,
    FXRSTOR = 0x0EAE0F,
    LDMXCSR = 0x16AE0F,
    STMXCSR = 0x1EAE0F,
    CLFLUSH = 0x3EAE0F,
    LFENCE = 0xE8AE0F,
    MFENCE = 0xF0AE0F,
    SFENCE = 0xF8AE0F,
    PREFETCH = 0x06180F,
};

static void start(struct simd_rig *s)
{
    simd_init(s);
    x87_init(s->r.c);
    s->r.c->mxcsr = MXCSR_MASKED;
    s->r.c->r[R_SI] = AREA;
}

/* ---- FXSAVE, FXRSTOR ---- */

/* A state in which each field differs from all others. */
static void fill(struct cpu *c)
{
    x87_load(c, 0x0C7F, 0x2B20, 0x00FF); /* TOP 5; registers 0 to 3 empty */
    c->fpu.fop = 0x5A3;
    c->fpu.fip = 0x11223344;
    c->fpu.fcs = 0x5566;
    c->fpu.fdp = 0x778899AA;
    c->fpu.fds = 0xBBCC;
    c->mxcsr = 0xDFA5;
    for (unsigned i = 0; i < 8; i++) {
        c->fpu.st[i] = (struct f80){.m = 0x0101010101010101 * (0x10 + i), .se = (u16)(0x4000 + i)};
        c->xmm[i] = (union xmm){.q = {0x0101010101010101 * (0x20 + i), 0x0101010101010101 * (0x30 + i)}};
    }
}

static void test_fxsave(void **state)
{
    struct simd_rig s;
    start(&s);
    u8 *m = s.r.ram + AREA;
    fill(s.r.c);
    memset(m, 0xEE, FX_BYTES + 8);
    assert_int_equal(simd_bytes(&s, FXSAVE), RIG_OK);
    assert_int_equal(ld16(m), 0x0C7F);
    assert_int_equal(ld16(m + 2), 0x2B20);
    assert_int_equal(m[4], 0xF0);
    assert_int_equal(ld16(m + 6), 0x5A3);
    assert_int_equal(ld32(m + 8), 0x11223344);
    assert_int_equal(ld16(m + 12), 0x5566);
    assert_int_equal(ld32(m + 16), 0x778899AA);
    assert_int_equal(ld16(m + 20), 0xBBCC);
    assert_int_equal(ld32(m + FX_MXCSR), 0xDFA5);
    assert_int_equal(ld32(m + FX_MASK), 0xFFFF);
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (5 + i) & 7; /* ST(0) first */
        assert_int_equal(ld16(m + FX_ST + 16 * i + 8), 0x4000 + n);
        assert_int_equal(m[FX_ST + 16 * i], 0x10 + n);
        assert_int_equal(m[FX_XMM + 16 * i], 0x20 + i);
        assert_int_equal(m[FX_XMM + 16 * i + 15], 0x30 + i);
    }
    for (unsigned i = FX_XMM + 128; i < FX_BYTES + 8; i++)
        assert_int_equal(m[i], 0xEE);
    simd_free(&s);
}

static void test_fxrstor(void **state)
{
    struct simd_rig s;
    struct simd_state saved = {.vector = 0}, loaded = {.vector = 0};
    start(&s);
    struct cpu *c = s.r.c;
    fill(c);
    simd_store(&s.r, &saved);
    assert_int_equal(simd_bytes(&s, FXSAVE), RIG_OK);
    x87_init(c);
    memset(c->fpu.st, 0, sizeof c->fpu.st);
    memset(c->xmm, 0, sizeof c->xmm);
    c->mxcsr = MXCSR_MASKED;
    assert_int_equal(simd_bytes(&s, FXRSTOR), RIG_OK);
    simd_store(&s.r, &loaded);
    assert_memory_equal(saved.fx, loaded.fx, sizeof saved.fx);

    simd_free(&s);
}

/* Without CR4.OSFXSR the XMM registers take no part. */
static void test_fx_without_os(void **state)
{
    struct simd_rig s;
    start(&s);
    struct cpu *c = s.r.c;
    u8 *m = s.r.ram + AREA;
    memset(m, 0xEE, FX_BYTES);
    fill(c);
    c->cr4 = 0;
    assert_int_equal(simd_bytes(&s, FXSAVE), RIG_OK);
    for (unsigned i = FX_XMM; i < FX_BYTES; i++)
        assert_int_equal(m[i], 0xEE);
    assert_int_equal(simd_bytes(&s, FXRSTOR), RIG_OK);
    assert_int_equal(c->xmm[3].b[0], 0x23);
    simd_free(&s);
}

static void test_fx_faults(void **state)
{
    static const u32 cr0[] = {CR0_TS, CR0_EM, CR0_TS | CR0_EM};
    struct simd_rig s;
    struct simd_state before = {.vector = 0}, after = {.vector = 0};
    start(&s);
    struct cpu *c = s.r.c;
    u8 *m = s.r.ram + AREA, image[FX_BYTES];
    fill(c);
    simd_store(&s.r, &before);
    memset(m, 0xEE, FX_BYTES);
    memcpy(image, m, FX_BYTES);
    const u64 usual = c->cr0;
    for (unsigned i = 0; i < ARRAY_LEN(cr0); i++) {
        c->cr0 = usual | cr0[i];
        assert_int_equal(simd_bytes(&s, FXSAVE), VEC_NM);
        assert_int_equal(simd_bytes(&s, FXRSTOR), VEC_NM);
    }
    c->cr0 = usual;
    for (u32 by = 1; by < 16; by++) {
        c->r[R_SI] = AREA + by;
        assert_int_equal(simd_bytes(&s, FXSAVE), VEC_GP);
        assert_int_equal(simd_bytes(&s, FXRSTOR), VEC_GP);
    }
    c->r[R_SI] = AREA;
    assert_int_equal(simd_bytes(&s, FXRSTOR), VEC_GP); /* reserved bits of MXCSR */

    rig_paging(&s.r);
    rig_page(&s.r, 0x3000, 0);
    c->r[R_SI] = 0x3000 - FX_XMM; /* bytes that are never written count too */
    memset(s.r.ram + 0x3000 - FX_XMM, 0x11, FX_XMM);
    assert_int_equal(simd_bytes(&s, FXSAVE), VEC_PF);
    assert_int_equal(c->cr2, 0x3000);
    assert_int_equal(simd_bytes(&s, FXRSTOR), VEC_PF);
    for (unsigned i = 0; i < FX_XMM; i++)
        assert_int_equal(s.r.ram[0x3000 - FX_XMM + i], 0x11);
    simd_store(&s.r, &after);
    assert_memory_equal(before.fx, after.fx, sizeof before.fx);
    assert_memory_equal(m, image, FX_BYTES);
    simd_free(&s);
}

/* ---- MXCSR ---- */

static void test_mxcsr(void **state)
{
    static const char *const models[] = {"p3", "p4"};
    struct simd_rig s;
    start(&s);
    struct cpu *c = s.r.c;
    u8 *m = s.r.ram + AREA;
    for (unsigned n = 0; n < ARRAY_LEN(models); n++) {
        c->features = cpu_model_find(models[n])->features;
        for (unsigned bit = 0; bit < 32; bit++) {
            bool exists = bit < 16 && (bit != 6 || n == 1); /* DAZ came with SSE2 */
            st32(m, BIT(bit));
            c->mxcsr = MXCSR_MASKED;
            assert_int_equal(simd_bytes(&s, LDMXCSR), exists ? RIG_OK : VEC_GP);
            assert_int_equal(c->mxcsr, exists ? BIT(bit) : MXCSR_MASKED);
            assert_int_equal(simd_bytes(&s, STMXCSR), RIG_OK);
            assert_int_equal(ld32(m), c->mxcsr);
        }
        assert_int_equal(simd_bytes(&s, FXSAVE), RIG_OK);
        assert_int_equal(ld32(m + FX_MASK), n == 1 ? 0xFFFF : 0xFFBF);
    }
    simd_free(&s);
}

/* ---- masked stores ---- */

/* MASKMOVDQU: XMM0 under XMM1 to [EDI], any address; a byte that is not stored may lie where nothing may be written. */
static void test_maskmovdqu(void **state)
{
    struct simd_rig s;
    start(&s);
    struct cpu *c = s.r.c;
    const u64 maskmovdqu = 0xC1F70F66;
    u8 *end = s.r.ram + 0x3000;
    rig_paging(&s.r);
    rig_page(&s.r, 0x3000, 5);
    c->r[R_DI] = 0x3000 - 13;
    for (unsigned i = 0; i < 16; i++) {
        c->xmm[0].b[i] = (u8)(0x40 + i);
        c->xmm[1].b[i] = i & 1 ? 0xFF : 0x7F;
    }
    assert_int_equal(simd_bytes(&s, maskmovdqu), VEC_PF);
    assert_int_equal(c->cr2, 0x3000);
    assert_int_equal(end[-12], 0);
    c->xmm[1].b[13] = c->xmm[1].b[15] = 0;
    assert_int_equal(simd_bytes(&s, maskmovdqu), RIG_OK);
    for (unsigned i = 0; i < 13; i++)
        assert_int_equal(end[-13 + (int)i], i & 1 ? 0x40 + i : 0);
    assert_int_equal(end[0], 0);
    simd_free(&s);
}

static void test_maskmovq(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    struct cpu *c = s.r.c;
    u8 *at = s.r.ram + SIMD_MEM;
    const u64 maskmovq = 0xC1F70F; /* MM0 under MM1 to [EDI] */
    rig_paging(&s.r);
    rig_page(&s.r, SIMD_MEM + PAGE_SIZE, 5);
    st64(at, 0x1111111111111111);
    c->r[R_DI] = SIMD_MEM;
    c->fpu.st[0].m = 0x8877665544332211;
    c->fpu.st[1].m = 0x80007FFF00FF7F80;
    assert_int_equal(simd_bytes(&s, maskmovq), RIG_OK);
    assert_true(ld64(at) == 0x8811115511331111);
    c->fpu.st[1].m = 0x7F7F7F7F7F7F7F7F; /* nothing to store */
    assert_int_equal(simd_bytes(&s, maskmovq), RIG_OK);
    assert_true(ld64(at) == 0x8811115511331111);

    /* Into a page that may not be written: all or nothing. */
    c->r[R_DI] = SIMD_MEM + PAGE_SIZE - 4;
    st64(at + PAGE_SIZE - 4, 0);
    c->fpu.st[1].m = ~(u64)0;
    c->fpu.top = 3;
    assert_int_equal(simd_bytes(&s, maskmovq), VEC_PF);
    assert_int_equal(c->cr2, SIMD_MEM + PAGE_SIZE);
    assert_true(ld64(at + PAGE_SIZE - 4) == 0);
    assert_int_equal(c->fpu.top, 3);
    c->fpu.st[1].m = 0x80808080; /* only the four bytes before it */
    assert_int_equal(simd_bytes(&s, maskmovq), RIG_OK);
    assert_true(ld64(at + PAGE_SIZE - 4) == 0x44332211);
    simd_free(&s);
}

/* ---- order and hints ---- */

static void test_hints(void **state)
{
    static const u32 bytes[] = {
        LFENCE, MFENCE, SFENCE, PREFETCH, PREFETCH | 8 << 16, PREFETCH | 16 << 16, PREFETCH | 24 << 16};
    struct simd_rig s;
    struct simd_state before = {.vector = 0}, after = {.vector = 0};
    start(&s);
    struct cpu *c = s.r.c;
    fill(c);
    simd_store(&s.r, &before);
    c->cr0 |= CR0_TS | CR0_EM;
    c->cr4 = 0;
    rig_paging(&s.r);
    rig_page(&s.r, AREA, 0);
    for (unsigned i = 0; i < ARRAY_LEN(bytes); i++)
        assert_int_equal(simd_bytes(&s, bytes[i]), RIG_OK); /* a prefetch does not fault */
    assert_int_equal(simd_bytes(&s, CLFLUSH), VEC_PF);
    assert_int_equal(c->cr2, AREA);
    assert_int_equal(c->pend_error, 0);
    rig_page(&s.r, AREA, 5);
    assert_int_equal(simd_bytes(&s, CLFLUSH), RIG_OK);
    simd_store(&s.r, &after);
    assert_memory_equal(&before, &after, sizeof before);
    simd_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fxsave),    cmocka_unit_test(test_fxrstor), cmocka_unit_test(test_fx_without_os),
        cmocka_unit_test(test_fx_faults), cmocka_unit_test(test_mxcsr),   cmocka_unit_test(test_maskmovdqu),
        cmocka_unit_test(test_maskmovq),  cmocka_unit_test(test_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
