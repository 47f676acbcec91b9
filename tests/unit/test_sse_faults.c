/*
 * test_sse_faults.c - when an MMX, SSE or SSE2 instruction does not execute, for each row of the table, as far as the
 * native oracle cannot say: unit disabled or not there, pending x87 exception; limits, pages and alignment of 16-byte
 * operands; #XM that the system does not know. Nothing may have changed.
 *
 * SDM vol. 3A, 2.5 and 13.1; vol. 1, 11.5; vol. 2, the exception lists.
 */
#include "tests/unit/test_sse_rig.h"

enum { PAGE = SIMD_MEM, HOLE = SIMD_MEM + PAGE_SIZE, PADDB_MM0_MM1 = 0xC1FC0F, EMMS = 0x770F };

static bool all_rows(const struct isa_row *row)
{
    return (row->attrs & (A_SSE | A_MMX)) || row == &isa_rows[ISA_MOVNTI_MdGd];
}

/* Rows whose faults in memory the native oracle does not tell apart: 16 bytes and more. */
static bool wide_rows(const struct isa_row *row)
{
    bool state = row == &isa_rows[ISA_FXSAVE_M] || row == &isa_rows[ISA_FXRSTOR_M];
    return (all_rows(row) && simd_mem_bytes(row) >= 16) || state;
}

/* One instruction with nothing unmasked and no exception pending. */
static void prepare(struct simd_rig *s, const struct isa_row *row, bool mem, struct simd_insn *i, struct simd_state *st)
{
    struct cases c = simd_cases(row, mem);
    simd_encode(s, row, mem, &c, i);
    simd_random(&c, row, st);
    simd_forget_pending(st->fx);
    st32(st->fx + FX_MXCSR, MXCSR_MASKED);
    simd_load(&s->r, st);
    simd_store(&s->r, st); /* as our image has it */
}

static void expect(struct simd_rig *s, const struct simd_insn *i, int vector)
{
    struct simd_state before = {.vector = 0}, after = {.vector = 0};
    u8 *page = s->r.ram + PAGE, pages[2 * PAGE_SIZE];
    memcpy(pages, page, sizeof pages);
    simd_store(&s->r, &before);
    int got = simd_step(&s->r, &i->in);
    if (got != vector)
        print_error("%s%s: vector %d, expected %d\n", i->row->id, i->mem ? ", memory" : "", got, vector);
    assert_int_equal(got, vector);
    if (vector == RIG_OK)
        return;
    simd_store(&s->r, &after);
    assert_memory_equal(&before, &after, sizeof before);
    assert_memory_equal(page, pages, sizeof pages);
}

/* ---- the unit is disabled, or an x87 exception waits ---- */

static void check_conditions(void *ctx, const struct isa_row *row, bool mem)
{
    const bool sse = row->attrs & A_SSE;
    const bool mmx = (row->attrs & A_MMX) && !(mem && simd_is(row, "cvtpi2pd")); /* from memory it does not touch MMX */
    const bool any = sse || (row->attrs & A_MMX);
    struct {
        u32 cr0, cr4;
        bool pending;
        int vector;
    } table[] = {
        {0, CR4_OSFXSR, false, RIG_OK},
        {0, 0, false, sse ? VEC_UD : RIG_OK},
        {CR0_EM, CR4_OSFXSR, false, any ? VEC_UD : RIG_OK},
        {CR0_TS, CR4_OSFXSR, false, any ? VEC_NM : RIG_OK},
        {CR0_TS, 0, false,
         sse   ? VEC_UD
         : mmx ? VEC_NM
               : RIG_OK},
        {CR0_TS | CR0_EM, CR4_OSFXSR, true, any ? VEC_UD : RIG_OK},
        {0, CR4_OSFXSR, true, mmx ? VEC_MF : RIG_OK},
        {CR0_TS, CR4_OSFXSR, true, any ? VEC_NM : RIG_OK},
    };
    struct simd_rig *s = ctx;
    struct cpu *c = s->r.c;
    const u64 cr0 = c->cr0, cr4 = c->cr4;
    for (unsigned n = 0; n < ARRAY_LEN(table); n++) {
        struct simd_insn i;
        struct simd_state st;
        prepare(s, row, mem, &i, &st);
        if (table[n].pending)
            x87_load(c, 0x037F & ~FP_IE, FP_IE | 0x2800, 0x1234);
        c->cr0 |= table[n].cr0;
        c->cr4 = table[n].cr4;
        expect(s, &i, table[n].vector);
        c->cr0 = cr0;
        c->cr4 = cr4;
    }
}

static void test_conditions(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    assert_true(simd_each(all_rows, check_conditions, &s) > 480);
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
    assert_int_equal(simd_bytes(&s, PADDB_MM0_MM1), VEC_MF);
    assert_int_equal(simd_bytes(&s, EMMS), VEC_MF);
    assert_true(c->fpu.st[0].m == 1);
    assert_int_equal(c->fpu.empty, 0);
    assert_int_equal(ferr, 0);
    c->cr0 &= ~CR0_NE;
    assert_int_equal(simd_bytes(&s, PADDB_MM0_MM1), RIG_OK);
    assert_true(c->fpu.st[0].m == 2);
    assert_int_equal(ferr, 1);
    simd_free(&s);
}

/* Processors without the feature know no such opcode. */
struct models {
    struct simd_rig s;
    struct {
        u32 features;
        struct decoder *decoder;
    } model[3];
};

static void check_model(void *ctx, const struct isa_row *row, bool mem)
{
    struct models *t = ctx;
    struct simd_insn i;
    struct simd_state st;
    prepare(&t->s, row, mem, &i, &st);
    for (unsigned n = 0; n < ARRAY_LEN(t->model); n++) {
        struct decode_mode mode = {.decoder = t->model[n].decoder, .bits = 32};
        bool missing = row->feature & ~t->model[n].features;
        struct insn in;
        assert_int_equal(decode(&mode, i.code, SIMD_CODE, &in), DECODE_OK);
        assert_string_equal(isa_rows[in.op].id, missing ? isa_rows[ISA_UD].id : row->id);
    }
}

static void test_models(void **state)
{
    static const char *const names[] = {"486", "pentium", "p3"};
    struct models t;
    simd_init(&t.s);
    for (unsigned n = 0; n < ARRAY_LEN(t.model); n++) {
        t.model[n].features = cpu_model_find(names[n])->features;
        t.model[n].decoder = decoder_new(t.model[n].features);
        assert_non_null(t.model[n].decoder);
    }
    simd_each(all_rows, check_model, &t);
    for (unsigned n = 0; n < ARRAY_LEN(t.model); n++)
        decoder_free(t.model[n].decoder);
    simd_free(&t.s);
}

/* ---- memory operands ---- */

/* IN with its operand at AT. */
static void expect_at(struct simd_rig *s, const struct simd_insn *i, u32 at, int vector)
{
    s->r.c->r[R_SI] = at;
    expect(s, i, vector);
}

static void check_pages(void *ctx, const struct isa_row *row, bool mem)
{
    struct simd_rig *s = ctx;
    struct cpu *c = s->r.c;
    struct simd_insn i;
    struct simd_state st;
    if (!mem)
        return;
    const u32 n = simd_mem_bytes(row), write = simd_stores(row) ? 2 : 0;
    prepare(s, row, mem, &i, &st);
    memset(s->r.ram + PAGE, 0, PAGE_SIZE);
    for (u32 bits = 0; bits <= 5; bits += 5) { /* the second page is not there, or read-only */
        rig_page(&s->r, HOLE, bits);
        int fault = bits == 0 || write ? VEC_PF : RIG_OK;
        expect_at(s, &i, HOLE - n, RIG_OK); /* not a byte more than it needs */
        simd_load(&s->r, &st);
        memset(s->r.ram + PAGE, 0, PAGE_SIZE);
        expect_at(s, &i, HOLE, fault);
        if (fault == VEC_PF) {
            assert_int_equal(c->cr2, HOLE);
            assert_int_equal(c->pend_error, write | (bits & 1));
        }
        for (u32 over = 1; over < MIN(n, 16u); over++) {
            simd_load(&s->r, &st);
            memset(s->r.ram + PAGE, 0, PAGE_SIZE);
            expect_at(s, &i, HOLE - n + over, simd_aligned(row) ? VEC_GP : fault);
        }
    }
    rig_page(&s->r, HOLE, 7);
}

static void test_pages(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    rig_paging(&s.r);
    simd_each(wide_rows, check_pages, &s);
    simd_free(&s);
}

static void check_limits(void *ctx, const struct isa_row *row, bool mem)
{
    struct simd_rig *s = ctx;
    struct simd_insn i;
    struct simd_state st;
    if (!mem)
        return;
    const u32 n = simd_mem_bytes(row), at = PAGE + 0x200;
    const u16 attr = SEG_P | SEG_S | SEG_RW | SEG_A;
    prepare(s, row, mem, &i, &st);
    memset(s->r.ram + PAGE, 0, PAGE_SIZE);
    for (int stack = 0; stack < 2; stack++) {
        enum seg_reg seg = stack ? SEG_SS : SEG_DS;
        i.in.seg = seg;
        rig_segment(&s->r, seg, 0, at + n - 2, attr);
        expect_at(s, &i, at, stack ? VEC_SS : VEC_GP);
        assert_int_equal(s->r.c->pend_error, 0);
        rig_segment(&s->r, seg, 0, at + n - 1, attr);
        expect_at(s, &i, at, RIG_OK);
        simd_load(&s->r, &st);
        memset(s->r.ram + PAGE, 0, PAGE_SIZE);
        rig_segment(&s->r, seg, 0, 0xFFFFFFFF, attr);
    }
}

static void test_limits(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    simd_each(wide_rows, check_limits, &s);
    simd_free(&s);
}

/* It is the linear address that must be aligned. */
static void check_alignment(void *ctx, const struct isa_row *row, bool mem)
{
    struct simd_rig *s = ctx;
    struct simd_insn i;
    struct simd_state st;
    if (!mem || !simd_aligned(row))
        return;
    for (u32 base = 0; base < 16; base += 8) {
        rig_segment(&s->r, SEG_DS, base, 0xFFFFFFFF, SEG_P | SEG_S | SEG_RW | SEG_A);
        for (u32 by = 0; by < 16; by++) {
            prepare(s, row, mem, &i, &st);
            memset(s->r.ram + PAGE, 0, PAGE_SIZE);
            expect_at(s, &i, PAGE + by, (base + by) % 16 == 0 ? RIG_OK : VEC_GP);
        }
    }
    rig_segment(&s->r, SEG_DS, 0, 0xFFFFFFFF, SEG_P | SEG_S | SEG_RW | SEG_A);
}

static void test_alignment(void **state)
{
    struct simd_rig s;
    simd_init(&s);
    simd_each(wide_rows, check_alignment, &s);
    simd_free(&s);
}

/* ---- exceptions of the arithmetic ---- */

/* An unmasked exception is #UD where the system has not told that it knows #XM; flags say what it was. */
static void test_unmasked(void **state)
{
    static const struct {
        u32 bytes; /* XMM0 by XMM1, ... */
        u8 unmasked;
        u32 a, b;
    } table[] = {
        {0xC15E0F, FP_ZE, 0x3F800000, 0},            /* DIVPS */
        {0xC1590FF3, FP_OE, 0x7F7FFFFF, 0x7F7FFFFF}, /* MULSS */
        {0xC12F0F, FP_IE, 0x7FC00000, 0},            /* COMISS */
        {0xC12D0FF3, FP_PE, 0, 0x3FC00000},          /* CVTSS2SI to EAX */
    };
    struct simd_rig s;
    simd_init(&s);
    struct cpu *c = s.r.c;
    for (unsigned i = 0; i < 2 * ARRAY_LEN(table); i++) {
        unsigned n = i / 2;
        bool xm = i % 2;
        const union xmm a = {.d = {table[n].a, table[n].a, table[n].a, table[n].a}};
        c->cr4 = CR4_OSFXSR | (xm ? CR4_OSXMMEXCPT : 0);
        c->mxcsr = MXCSR_MASKED & ~((u32)table[n].unmasked << 7);
        c->xmm[0] = a;
        c->xmm[1] = (union xmm){.d = {table[n].b, table[n].b, table[n].b, table[n].b}};
        c->r[R_AX] = 0x12345678;
        flags_set_arith(c, F_SF | F_OF);
        assert_int_equal(simd_bytes(&s, table[n].bytes), xm ? VEC_XM : VEC_UD);
        assert_true(c->mxcsr & table[n].unmasked);
        assert_memory_equal(&c->xmm[0], &a, 16);
        assert_int_equal(c->r[R_AX], 0x12345678);
        assert_int_equal(flags_arith(c), F_SF | F_OF);
    }
    simd_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions), cmocka_unit_test(test_pending), cmocka_unit_test(test_models),
        cmocka_unit_test(test_pages),      cmocka_unit_test(test_limits),  cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_unmasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
