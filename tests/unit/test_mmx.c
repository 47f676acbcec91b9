/*
 * test_mmx.c - each instruction on MMX registers from random states, here and on the host's own silicon; what it does to
 * the x87; corner cases by the manual.
 *
 * SDM vol. 1, ch. 9 (9.6.2: what becomes of the x87 state).
 */
#include "tests/unit/test_sse_rig.h"

/* Hash of the results, taken where test_against_host passes. */
#define HASH 0x0ull

static bool mmx_rows(const struct isa_row *row)
{
    return row->attrs & A_MMX;
}

static void test_hash(void **state)
{
    simd_check_hash(mmx_rows, HASH);
}

#ifdef __x86_64__
static void test_against_host(void **state)
{
    simd_check_native(mmx_rows, 480);
}
#endif

/* ---- corner cases: MM0 op MM1 ---- */

static void test_corners(void **state)
{
    static const struct {
        u16 row;
        u64 a, b, result;
    } table[] = {
        {ISA_PMADDWD_PqQq, 0x8000800080008000, 0x8000800080008000, 0x8000000080000000},
        {ISA_PMADDWD_PqQq, 0x7FFF7FFF80007FFF, 0x7FFF7FFF7FFF8000, 0x7FFE000280010000},
        {ISA_PACKSSWB_PqQq, 0x7FFF0080FF7F8000, 0x007FFF80FFFF0001, 0x7F80FF017F7F8080},
        {ISA_PACKUSWB_PqQq, 0x7FFF01008000FFFF, 0x00FF00FE00010000, 0xFFFE0100FFFF0000},
        {ISA_PACKSSDW_PqQq, 0x7FFFFFFF80000000, 0x00008000FFFF7FFF, 0x7FFF80007FFF8000},
        {ISA_PADDSB_PqQq, 0x7F80017FFF807F00, 0x01FF017F0180807F, 0x7F80027F0080FF7F},
        {ISA_PADDUSB_PqQq, 0xFF01800080FF7F00, 0x01FE807F7FFF8000, 0xFFFFFF7FFFFFFF00},
        {ISA_PSUBUSW_PqQq, 0x0001FFFF00008000, 0x0002000100018000, 0x0000FFFE00000000},
        {ISA_PSUBSW_PqQq, 0x80007FFF00008000, 0x0001FFFF80007FFF, 0x80007FFF7FFF8000},
        {ISA_PMULHW_PqQq, 0x80007FFF8000FFFF, 0x80007FFF7FFF0001, 0x40003FFFC000FFFF},
        {ISA_PMULHUW_PqQq, 0xFFFF8000FFFF0001, 0xFFFF80000001FFFF, 0xFFFE400000000000},
        {ISA_PMULUDQ_PqQq, 0x12345678FFFFFFFF, 0x87654321FFFFFFFF, 0xFFFFFFFE00000001},
        {ISA_PAVGB_PqQq, 0xFF00010203FE80FF, 0xFF01010304FF81FE, 0xFF01010304FF81FF},
        {ISA_PSADBW_PqQq, 0xFFFFFFFFFFFFFFFF, 0, 0x7F8},
        {ISA_PSADBW_PqQq, 0x00FF00FF00FF00FF, 0xFF00FF00FF00FF00, 0x7F8},
        {ISA_PSLLW_PqQq, 0xFFFFFFFFFFFFFFFF, 16, 0},
        {ISA_PSLLW_PqQq, 0xFFFFFFFFFFFFFFFF, 15, 0x8000800080008000},
        {ISA_PSRLD_PqQq, 0xFFFFFFFFFFFFFFFF, 0x100000001, 0}, /* the count has 64 bits */
        {ISA_PSRLQ_PqQq, 0xFFFFFFFFFFFFFFFF, 64, 0},
        {ISA_PSRAW_PqQq, 0x80007FFF8001FFFF, 0x8000000000000000, 0xFFFF0000FFFFFFFF},
        {ISA_PSRAD_PqQq, 0x800000007FFFFFFF, 32, 0xFFFFFFFF00000000},
        {ISA_PCMPGTB_PqQq, 0x7F80FF0001FF807F, 0x807F00FF01007F80, 0xFF0000FF000000FF},
        {ISA_PUNPCKHBW_PqQq, 0x8877665544332211, 0xFFEEDDCCBBAA9900, 0xFF88EE77DD66CC55},
        {ISA_PUNPCKLWD_PqQd, 0x8877665544332211, 0xFFEEDDCCBBAA9900, 0xBBAA443399002211},
        {ISA_PANDN_PqQq, 0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0x00FF000000FF0000},
    };
    struct simd_rig s;
    simd_init(&s);
    for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
        const struct isa_row *row = &isa_rows[table[i].row];
        u8 code[SIMD_CODE] = {0x0F, row->opcode, 0xC1};
        struct decode_mode mode = {.decoder = s.decoder, .bits = 32};
        struct insn in;
        assert_int_equal(decode(&mode, code, sizeof code, &in), DECODE_OK);
        assert_int_equal(in.op, table[i].row);
        s.r.c->fpu.st[0].m = table[i].a;
        s.r.c->fpu.st[1].m = table[i].b;
        assert_int_equal(simd_step(&s.r, &in), RIG_OK);
        if (s.r.c->fpu.st[0].m != table[i].result)
            print_error("%s, line %u of the table\n", row->id, i);
        assert_true(s.r.c->fpu.st[0].m == table[i].result);
    }
    simd_free(&s);
}

/* ---- the x87 ---- */

/* Decodes BYTES (8 of them) and runs it. */
static int run_bytes(struct simd_rig *s, u64 bytes)
{
    struct decode_mode mode = {.decoder = s->decoder, .bits = 32};
    struct insn in;
    u8 code[SIMD_CODE] = {0};
    memcpy(code, &bytes, sizeof bytes);
    assert_int_equal(decode(&mode, code, sizeof code, &in), DECODE_OK);
    return simd_step(&s->r, &in);
}

enum { PADDB_MM0_MM1 = 0xC1FC0F, EMMS = 0x770F, MOVD_EAX_MM0 = 0xC07E0F, FLD1 = 0xE8D9 };

static void test_x87_state(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    struct x87 *f = &s.r.c->fpu;
    x87_init(s.r.c);
    assert_int_equal(run_bytes(&s, FLD1), RIG_OK);
    assert_int_equal(f->top, 7);
    f->sw |= X87_CC | FP_IE; /* masked: does not wait, and stays */
    u64 fip = f->fip;

    assert_int_equal(run_bytes(&s, MOVD_EAX_MM0), RIG_OK); /* a read marks everything valid too */
    assert_int_equal(f->top, 0);
    assert_int_equal(f->empty, 0);
    assert_int_equal(f->st[7].se, 0x3FFF);
    assert_int_equal(f->st[0].se, 0);

    f->top = 5;
    f->empty = 0xFF;
    assert_int_equal(run_bytes(&s, PADDB_MM0_MM1), RIG_OK);
    assert_int_equal(f->top, 0);
    assert_int_equal(f->empty, 0);
    assert_int_equal(f->st[0].se, 0xFFFF); /* only what is written becomes a NaN or infinity */
    assert_int_equal(f->st[1].se, 0);
    assert_int_equal(x87_status(s.r.c), X87_CC | FP_IE);
    assert_true(f->fip == fip);

    f->top = 3;
    assert_int_equal(run_bytes(&s, EMMS), RIG_OK);
    assert_int_equal(f->empty, 0xFF);
    assert_int_equal(f->top, 0);
    assert_int_equal(x87_tags(s.r.c), 0xFFFF);
    assert_int_equal(f->st[0].se, 0xFFFF);
    simd_free(&s);
}

/* MMX registers are physical registers: they do not move with TOP. */
static void test_aliases(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    x87_init(s.r.c);
    s.r.c->fpu.top = 6;
    for (unsigned i = 0; i < 8; i++)
        x87_set(s.r.c, i, f80_from_s64((s64)i + 1));
    assert_int_equal(run_bytes(&s, MOVD_EAX_MM0 | 6 << 19), RIG_OK); /* MM6 was ST(0): 1.0 */
    assert_int_equal(s.r.c->r[R_AX], 0);
    assert_true(s.r.c->fpu.st[6].m == 0x8000000000000000);
    assert_true(x87_get(s.r.c, 6).se == 0x3FFF);
    simd_free(&s);
}

/* With CR0.NE clear a pending exception goes out as FERR#, and the instruction executes. */
static void count_ferr(void *ctx, bool asserted)
{
    *(unsigned *)ctx += asserted;
}

static void test_pending(void **state)
{
    struct simd_rig s;
    unsigned ferr = 0;
    simd_init(&s);
    struct cpu *c = s.r.c;
    c->host.ferr = count_ferr;
    c->host.ctx = &ferr;
    x87_load(c, 0x037F & ~FP_ZE, FP_ZE, 0);
    c->fpu.st[0].m = 1;
    c->fpu.st[1].m = 1;
    assert_int_equal(run_bytes(&s, PADDB_MM0_MM1), VEC_MF);
    assert_int_equal(run_bytes(&s, EMMS), VEC_MF);
    assert_true(c->fpu.st[0].m == 1);
    assert_int_equal(c->fpu.empty, 0);
    assert_int_equal(ferr, 0);
    c->cr0 &= ~CR0_NE;
    assert_int_equal(run_bytes(&s, PADDB_MM0_MM1), RIG_OK);
    assert_true(c->fpu.st[0].m == 2);
    assert_int_equal(ferr, 1);
    simd_free(&s);
}

/* ---- MASKMOVQ ---- */

static void test_masked_store(void **state)
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
    assert_int_equal(run_bytes(&s, maskmovq), RIG_OK);
    assert_true(ld64(at) == 0x8811115511331111);
    c->fpu.st[1].m = 0x7F7F7F7F7F7F7F7F; /* nothing to store */
    assert_int_equal(run_bytes(&s, maskmovq), RIG_OK);
    assert_true(ld64(at) == 0x8811115511331111);

    /* Into a page that may not be written: all or nothing. */
    c->mmu.priv = TLB_USER;
    mmu_set_priv(&c->mmu, TLB_USER);
    c->r[R_DI] = SIMD_MEM + PAGE_SIZE - 4;
    st64(at + PAGE_SIZE - 4, 0);
    c->fpu.st[1].m = ~(u64)0;
    c->fpu.top = 3;
    assert_int_equal(run_bytes(&s, maskmovq), VEC_PF);
    assert_int_equal(c->cr2, SIMD_MEM + PAGE_SIZE);
    assert_true(ld64(at + PAGE_SIZE - 4) == 0);
    assert_int_equal(c->fpu.top, 3);
    c->fpu.st[1].m = 0x80808080; /* only the four bytes before it */
    assert_int_equal(run_bytes(&s, maskmovq), RIG_OK);
    assert_true(ld64(at + PAGE_SIZE - 4) == 0x44332211);
    simd_free(&s);
}

/* With 16-bit addresses DI counts, and a segment prefix is obeyed. */
static void test_masked_store_address(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    struct cpu *c = s.r.c;
    rig_segment(&s.r, SEG_ES, 0x4000, 0xFFFF, SEG_P | SEG_S | SEG_RW);
    c->r[R_DI] = 0xABCD0000 | SIMD_MEM;
    c->fpu.st[0].m = 0x8877665544332211;
    c->fpu.st[1].m = ~(u64)0;
    assert_int_equal(run_bytes(&s, 0xC1F70F6726), RIG_OK);
    assert_true(ld64(s.r.ram + 0x4000 + SIMD_MEM) == 0x8877665544332211);
    simd_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
#ifdef __x86_64__
        cmocka_unit_test(test_against_host),
#endif
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_x87_state),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_masked_store),
        cmocka_unit_test(test_masked_store_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
