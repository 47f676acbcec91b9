/*
 * test_x87_system.c - the x87 as the system sees it: #NM, #MF and FERR#, pointers, images in memory, faults in
 * the middle of stores.
 */
#include "op_rig.h"
#include "cpu/x87.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(FADD_M32);
FORMS(FADD_ST0STi);
FORMS(FDIV_ST0STi);
FORMS(FLD_M32);
FORMS(FLD1);
FORMS(FLDZ);
FORMS(FLDPI);
FORMS(FSTP_M64);
FORMS(FSTP_M80);
FORMS(FISTP_M16);
FORMS(FBSTP);
FORMS(FWAIT);
FORMS(FNINIT);
FORMS(FNCLEX);
FORMS(FNSTCW);
FORMS(FLDCW);
FORMS(FNSTSW_AX);
FORMS(FNSTSW_M16);
FORMS(FNSTENV);
FORMS(FLDENV);
FORMS(FNSAVE);
FORMS(FRSTOR);

enum { MEM = 0x3000 };

static int ferr_level, ferr_changes;

static void on_ferr(void *ctx, bool level)
{
    (void)ctx;
    ferr_level = level;
    ferr_changes++;
}

static void start(struct rig *r, unsigned bits)
{
    rig_init(r, bits);
    r->c->cr0 |= CR0_NE;
    r->c->host.ferr = on_ferr;
    ferr_level = ferr_changes = 0;
    assert_int_equal(rig_exec(r, FNINIT), RIG_OK);
}

static int run_mem(struct rig *r, const op_fn *forms, u32 addr)
{
    rig_mem(r, addr);
    int v = rig_run(r, forms);
    r->in.mem = 0;
    return v;
}

/* 1 / 0 with ZE not masked. */
static void divide_by_zero(struct rig *r)
{
    st16(r->ram + MEM, 0x37B);
    assert_int_equal(run_mem(r, exec_FLDCW, MEM), RIG_OK);
    assert_int_equal(rig_exec(r, FLDZ), RIG_OK);
    assert_int_equal(rig_exec(r, FLD1), RIG_OK);
    r->in.modrm = 1;
    assert_int_equal(rig_exec(r, FDIV_ST0STi), RIG_OK);
}

static void test_device_not_available(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 32);
    u64 cr0 = r.c->cr0;
    for (int i = 0; i < 2; i++) {
        r.c->cr0 = cr0 | (i ? CR0_EM : CR0_TS);
        assert_int_equal(rig_exec(&r, FLD1), VEC_NM);
        assert_int_equal(rig_exec(&r, FNINIT), VEC_NM);
        assert_int_equal(rig_exec(&r, FNSTSW_AX), VEC_NM);
        assert_int_equal(run_mem(&r, exec_FNSAVE, MEM), VEC_NM);
        assert_int_equal(rig_exec(&r, FWAIT), RIG_OK);
    }
    assert_int_equal(r.c->fpu.empty, 0xFF);
    r.c->cr0 = cr0 | CR0_MP | CR0_TS;
    assert_int_equal(rig_exec(&r, FWAIT), VEC_NM);
    r.c->cr0 = cr0 | CR0_MP;
    assert_int_equal(rig_exec(&r, FWAIT), RIG_OK);
    rig_free(&r);
}

static void test_math_fault(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 32);
    divide_by_zero(&r);
    assert_int_equal(x87_status(r.c), X87_B | X87_ES | FP_ZE | 6 << 11);
    assert_int_equal(x87_get(r.c, 0).se, 0x3FFF); /* the operand is still there */
    assert_int_equal(rig_exec(&r, FLD1), VEC_MF);
    assert_int_equal(rig_exec(&r, FWAIT), VEC_MF);
    assert_int_equal(run_mem(&r, exec_FLDCW, MEM), VEC_MF);
    assert_int_equal(rig_exec(&r, FNSTSW_AX), RIG_OK);
    assert_int_equal(r.c->r[R_AX], X87_B | X87_ES | FP_ZE | 6 << 11);
    assert_int_equal(run_mem(&r, exec_FNSTCW, MEM), RIG_OK);
    assert_int_equal(ld16(r.ram + MEM), 0x37B);
    assert_int_equal(ferr_changes, 0);
    assert_int_equal(rig_exec(&r, FNCLEX), RIG_OK);
    assert_int_equal(rig_exec(&r, FWAIT), RIG_OK);
    assert_int_equal(x87_status(r.c), 6 << 11);
    rig_free(&r);
}

static void test_ferr(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 16);
    r.c->cr0 &= ~(u64)CR0_NE;
    divide_by_zero(&r);
    assert_int_equal(ferr_level, 1);
    assert_int_equal(ferr_changes, 1);
    r.c->ignne = true;
    assert_int_equal(rig_exec(&r, FLDPI), RIG_OK);
    assert_int_equal(x87_get(r.c, 0).se, 0x4000);
    assert_int_equal(ferr_level, 1);
    assert_int_equal(rig_exec(&r, FNCLEX), RIG_OK);
    assert_int_equal(ferr_level, 0);
    divide_by_zero(&r);
    assert_int_equal(ferr_level, 1);
    assert_int_equal(rig_exec(&r, FNINIT), RIG_OK);
    assert_int_equal(ferr_level, 0);
    assert_int_equal(ferr_changes, 4);
    rig_free(&r);
}

/* FLDCW may unmask an exception that is already flagged, and mask it again. */
static void test_unmask_later(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 32);
    r.in.modrm = 0;
    assert_int_equal(rig_exec(&r, FADD_ST0STi), RIG_OK); /* stack fault, masked */
    assert_int_equal(x87_status(r.c), X87_SF | FP_IE);
    st16(r.ram + MEM, 0x37E);
    assert_int_equal(run_mem(&r, exec_FLDCW, MEM), RIG_OK);
    assert_int_equal(x87_status(r.c), X87_SF | FP_IE | X87_ES | X87_B);
    assert_int_equal(rig_exec(&r, FLD1), VEC_MF);
    st16(r.ram + MEM, 0xFFFF);
    assert_int_equal(rig_exec(&r, FNCLEX), RIG_OK);
    assert_int_equal(run_mem(&r, exec_FLDCW, MEM), RIG_OK);
    assert_int_equal(r.c->fpu.cw, 0x1F7F);
    rig_free(&r);
}

static void test_pointers(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 32);
    r.c->seg[SEG_CS].sel = 0x1B;
    r.c->seg[SEG_DS].sel = 0x23;
    r.in.imm = 0x006; /* D8 06 */
    assert_int_equal(run_mem(&r, exec_FADD_M32, MEM), RIG_OK);
    struct x87 *f = &r.c->fpu;
    assert_int_equal(f->fip, RIG_IP);
    assert_int_equal(f->fcs, 0x1B);
    assert_int_equal(f->fop, 0x006);
    assert_int_equal(f->fdp, MEM);
    assert_int_equal(f->fds, 0x23);
    r.in.imm = 0x1E8;
    assert_int_equal(rig_exec(&r, FLD1), RIG_OK); /* no operand in memory: the data pointer stays */
    assert_int_equal(f->fop, 0x1E8);
    assert_int_equal(f->fdp, MEM);
    f->fip = 0x77;
    r.in.imm = 0x13E;
    assert_int_equal(run_mem(&r, exec_FNSTCW, MEM + 8), RIG_OK);
    assert_int_equal(run_mem(&r, exec_FLDCW, MEM + 8), RIG_OK);
    assert_int_equal(rig_exec(&r, FWAIT), RIG_OK);
    assert_int_equal(rig_exec(&r, FNCLEX), RIG_OK);
    assert_int_equal(f->fip, 0x77);
    assert_int_equal(f->fop, 0x1E8);
    assert_int_equal(f->fdp, MEM);
    rig_free(&r);
}

static void fill(struct rig *r)
{
    struct x87 *f = &r->c->fpu;
    f->cw = 0x27F;
    f->sw = X87_C3 | FP_PE;
    f->top = 5;
    f->empty = 0x1F;
    f->st[5] = (struct f80){0, 0};
    f->st[6] = (struct f80){0x8000000000000001, 0x7FFF};
    f->st[7] = (struct f80){0xC000000000000000, 0xC000};
    f->fop = 0x5A5;
    f->fcs = 0x1234;
    f->fip = 0x56789;
    f->fds = 0x2345;
    f->fdp = 0x3789A;
}

enum { STATUS = X87_C3 | FP_PE | 5 << 11, TAGS = 0x27FF };

static void test_env_protected(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 32);
    fill(&r);
    assert_int_equal(run_mem(&r, exec_FNSTENV, MEM), RIG_OK);
    const u32 want[7] = {0xFFFF027F, 0xFFFF0000 | STATUS, 0xFFFF0000 | TAGS, 0x56789, 0x05A51234, 0x3789A, 0xFFFF2345};
    assert_memory_equal(r.ram + MEM, want, sizeof want);
    assert_int_equal(r.c->fpu.cw, 0x27F);
    r.in.opsize = 0;
    assert_int_equal(run_mem(&r, exec_FNSTENV, MEM + 64), RIG_OK);
    const u16 want16[7] = {0x27F, STATUS, TAGS, 0x6789, 0x1234, 0x789A, 0x2345};
    assert_memory_equal(r.ram + MEM + 64, want16, sizeof want16);
    assert_int_equal(ld16(r.ram + MEM + 64 + 14), 0);
    /* Loading it back, with an exception unmasked and pending. */
    r.in.opsize = 1;
    st32(r.ram + MEM, 0x25F);
    assert_int_equal(rig_exec(&r, FNINIT), RIG_OK);
    assert_int_equal(run_mem(&r, exec_FLDENV, MEM), RIG_OK);
    assert_int_equal(x87_status(r.c), STATUS | X87_ES | X87_B);
    assert_int_equal(r.c->fpu.empty, 0x1F);
    assert_int_equal(r.c->fpu.fip, 0x56789);
    assert_int_equal(r.c->fpu.fcs, 0x1234);
    assert_int_equal(r.c->fpu.fop, 0x5A5);
    assert_int_equal(r.c->fpu.fdp, 0x3789A);
    assert_int_equal(r.c->fpu.fds, 0x2345);
    /* FNSTENV masks everything after it has stored. */
    assert_int_equal(run_mem(&r, exec_FNSTENV, MEM), RIG_OK);
    assert_int_equal(ld16(r.ram + MEM), 0x25F | 0x40);
    assert_int_equal(r.c->fpu.cw, 0x27F);
    assert_int_equal(x87_status(r.c), STATUS);
    rig_free(&r);
}

static void test_env_real(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 16);
    fill(&r);
    r.in.opsize = 1;
    assert_int_equal(run_mem(&r, exec_FNSTENV, MEM), RIG_OK);
    /* 12340 + 56789 = 68AC9, 23450 + 3789A = 5ACEA */
    const u32 want[7] = {0xFFFF027F, 0xFFFF0000 | STATUS, 0xFFFF0000 | TAGS, 0xFFFF8AC9,
                         0x000065A5, 0xFFFFACEA,          0x00005000};
    assert_memory_equal(r.ram + MEM, want, sizeof want);
    r.in.opsize = 0;
    assert_int_equal(run_mem(&r, exec_FNSTENV, MEM + 64), RIG_OK);
    const u16 want16[7] = {0x27F, STATUS, TAGS, 0x8AC9, 0x65A5, 0xACEA, 0x5000};
    assert_memory_equal(r.ram + MEM + 64, want16, sizeof want16);
    for (unsigned size = 0; size < 2; size++) {
        r.in.opsize = size & 1;
        assert_int_equal(rig_exec(&r, FNINIT), RIG_OK);
        assert_int_equal(run_mem(&r, exec_FLDENV, size ? MEM : MEM + 64), RIG_OK);
        assert_int_equal(x87_status(r.c), STATUS);
        assert_int_equal(r.c->fpu.fip, 0x68AC9);
        assert_int_equal(r.c->fpu.fdp, 0x5ACEA);
        assert_int_equal(r.c->fpu.fcs, 0);
        assert_int_equal(r.c->fpu.fop, 0x5A5);
    }
    rig_free(&r);
}

static void test_save_restore(void **state)
{
    (void)state;
    for (unsigned opsize = 0; opsize < 2; opsize++) {
        struct rig r;
        start(&r, 32);
        r.in.opsize = opsize & 1;
        fill(&r);
        r.c->fpu.fip = r.c->fpu.fip & 0xFFFF;
        r.c->fpu.fdp = r.c->fpu.fdp & 0xFFFF;
        r.c->fpu.fop = opsize ? r.c->fpu.fop : 0;
        for (unsigned i = 0; i < 5; i++)
            r.c->fpu.st[i] = (struct f80){0x1111111111111111 * (i + 1), (u16)(0x4000 + i)};
        struct x87 before = r.c->fpu;
        assert_int_equal(run_mem(&r, exec_FNSAVE, MEM), RIG_OK);
        u32 env = opsize ? 28 : 14;
        assert_int_equal(ld64(r.ram + MEM + env + 10), 0x8000000000000001); /* ST(1) */
        assert_int_equal(ld16(r.ram + MEM + env + 28), 0xC000);             /* ST(2) */
        assert_int_equal(ld16(r.ram + MEM + env + 80), 0);
        assert_int_equal(r.c->fpu.cw, 0x37F);
        assert_int_equal(r.c->fpu.empty, 0xFF);
        assert_int_equal(x87_status(r.c), 0);
        memset(r.c->fpu.st, 0, sizeof r.c->fpu.st);
        assert_int_equal(run_mem(&r, exec_FRSTOR, MEM), RIG_OK);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(r.c->fpu.st[i].m, before.st[i].m);
            assert_int_equal(r.c->fpu.st[i].se, before.st[i].se);
        }
        assert_int_equal(x87_status(r.c), STATUS);
        assert_int_equal(r.c->fpu.empty, before.empty);
        assert_int_equal(r.c->fpu.fip, before.fip);
        assert_int_equal(r.c->fpu.fds, before.fds);
        rig_free(&r);
    }
}

static void test_fxsave(void **state)
{
    (void)state;
    struct rig r;
    u8 image[X87_FXSAVE_BYTES];
    start(&r, 32);
    fill(&r);
    memset(image, 0x55, sizeof image);
    x87_fxsave(r.c, 4, image);
    assert_int_equal(ld16(image), 0x27F);
    assert_int_equal(ld16(image + 2), STATUS);
    assert_int_equal(ld16(image + 4), 0xE0);
    assert_int_equal(ld16(image + 6), 0x5A5);
    assert_int_equal(ld64(image + 8), 0x0000123400056789);
    assert_int_equal(ld64(image + 16), 0x000023450003789A);
    assert_int_equal(ld64(image + 24), 0x5555555555555555);
    assert_int_equal(ld64(image + 48), 0x8000000000000001);
    assert_int_equal(ld64(image + 56), 0x7FFF);
    struct x87 before = r.c->fpu;
    assert_int_equal(rig_exec(&r, FNINIT), RIG_OK);
    memset(r.c->fpu.st, 0, sizeof r.c->fpu.st);
    x87_fxrstor(r.c, 4, image);
    assert_int_equal(x87_status(r.c), STATUS);
    assert_int_equal(r.c->fpu.empty, 0x1F);
    assert_int_equal(r.c->fpu.fip, 0x56789);
    assert_int_equal(r.c->fpu.fcs, 0x1234);
    assert_int_equal(r.c->fpu.fdp, 0x3789A);
    assert_int_equal(r.c->fpu.fds, 0x2345);
    for (unsigned i = 5; i < 8; i++)
        assert_int_equal(r.c->fpu.st[i].m, before.st[i].m);
    rig_free(&r);
}

/* A store that faults has changed nothing, and an unmasked exception stores nothing. */
static void test_store_faults(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 32);
    rig_paging(&r);
    assert_int_equal(rig_exec(&r, FLDPI), RIG_OK);
    rig_page(&r, 0x5000, 0);
    struct x87 before = r.c->fpu;
    memset(r.ram + 0x4FE0, 0xAA, 32);
    r.in.imm = 0x7FF;
    assert_int_equal(run_mem(&r, exec_FSTP_M64, 0x4FFC), VEC_PF);
    assert_int_equal(r.c->cr2, 0x5000);
    assert_int_equal(run_mem(&r, exec_FSTP_M80, 0x4FF8), VEC_PF);
    assert_int_equal(run_mem(&r, exec_FBSTP, 0x4FF7), VEC_PF);
    assert_int_equal(run_mem(&r, exec_FNSAVE, 0x4FE0), VEC_PF);
    assert_int_equal(run_mem(&r, exec_FNSTENV, 0x4FF0), VEC_PF);
    assert_memory_equal(&before, &r.c->fpu, sizeof before);
    for (u32 i = 0; i < 32; i++)
        assert_int_equal(r.ram[0x4FE0 + i], 0xAA);
    assert_int_equal(run_mem(&r, exec_FLD_M32, 0x4FFE), VEC_PF);
    assert_int_equal(run_mem(&r, exec_FRSTOR, 0x4FF0), VEC_PF);
    assert_memory_equal(&before, &r.c->fpu, sizeof before);
    rig_page(&r, 0x5000, 7);
    assert_int_equal(run_mem(&r, exec_FSTP_M80, 0x4FF8), RIG_OK);
    assert_int_equal(ld64(r.ram + 0x4FF8), 0xC90FDAA22168C235);
    assert_int_equal(ld16(r.ram + 0x5000), 0x4000);
    assert_int_equal(r.c->fpu.empty, 0xFF);
    r.c->fpu.cw = 0x37E;
    r.c->fpu.empty = 0;
    x87_set(r.c, 0, (struct f80){1ull << 63, 0x4100}); /* too large for 16 bits */
    assert_int_equal(run_mem(&r, exec_FISTP_M16, MEM), RIG_OK);
    assert_int_equal(ld16(r.ram + MEM), 0);
    assert_int_equal(r.c->fpu.empty, 0);
    assert_int_equal(rig_exec(&r, FWAIT), VEC_MF);
    rig_free(&r);
}

/* The whole operand counts against the segment limit before anything is written. */
static void test_segment_limit(void **state)
{
    (void)state;
    struct rig r;
    start(&r, 16);
    assert_int_equal(rig_exec(&r, FLDPI), RIG_OK);
    memset(r.ram + 0xFFF0, 0, 16);
    assert_int_equal(run_mem(&r, exec_FSTP_M80, 0xFFF7), VEC_GP);
    assert_int_equal(run_mem(&r, exec_FNSAVE, 0xFFC0), VEC_GP);
    assert_int_equal(ld64(r.ram + 0xFFF7), 0);
    assert_int_equal(run_mem(&r, exec_FSTP_M80, 0xFFF6), RIG_OK);
    assert_int_equal(ld16(r.ram + 0xFFFE), 0x4000);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_not_available),
        cmocka_unit_test(test_math_fault),
        cmocka_unit_test(test_ferr),
        cmocka_unit_test(test_unmask_later),
        cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_env_protected),
        cmocka_unit_test(test_env_real),
        cmocka_unit_test(test_save_restore),
        cmocka_unit_test(test_fxsave),
        cmocka_unit_test(test_store_faults),
        cmocka_unit_test(test_segment_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
