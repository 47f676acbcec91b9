/*
 * test_op_mov.c - data movement: high byte registers, moffs, extensions, address wrap, XCHG faults.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(MOV_EbGb);
FORMS(MOV_GvEv);
FORMS(MOV_EvIz);
FORMS(MOV_ZvIv);
FORMS(MOV_ALOb);
FORMS(MOV_OvAX);
FORMS(MOVZX_GvEb);
FORMS(MOVSX_GvEb);
FORMS(MOVSX_GvEw);
FORMS(LEA_GvM);
FORMS(XCHG_EvGv);
FORMS(XCHG_EbGb);
FORMS(XCHG_ZvAX);
FORMS(XLAT);
FORMS(BSWAP_Zv);
FORMS(CBW);
FORMS(CWD);

static void registers(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    c->r[R_DX] = 0x11223344;
    c->r[R_CX] = 0x55667788;
    r.in.reg = R_DX * 8 + 1; /* MOV CL,DH */
    r.in.rm = R_CX * 8;
    assert_int_equal(rig_exec(&r, MOV_EbGb), RIG_OK);
    assert_int_equal(c->r[R_CX], 0x55667733);
    r.in.reg = R_SI; /* MOVSX SI,DL; MOVSX ESI,DH */
    r.in.rm = R_DX * 8;
    c->r[R_DX] = 0x11223380;
    c->r[R_SI] = 0xAAAAAAAA;
    r.in.opsize = 0;
    assert_int_equal(rig_exec(&r, MOVSX_GvEb), RIG_OK);
    assert_int_equal(c->r[R_SI], 0xAAAAFF80);
    r.in.opsize = 1;
    r.in.rm = R_DX * 8 + 1;
    assert_int_equal(rig_exec(&r, MOVZX_GvEb), RIG_OK);
    assert_int_equal(c->r[R_SI], 0x33);
    r.in.rm = R_DX;
    c->r[R_DX] = 0x11228000;
    assert_int_equal(rig_exec(&r, MOVSX_GvEw), RIG_OK);
    assert_int_equal(c->r[R_SI], 0xFFFF8000);
    r.in.imm = (u64)-1; /* MOV ESI,-1 leaves bits 63-32 clear */
    assert_int_equal(rig_exec(&r, MOV_ZvIv), RIG_OK);
    r.in.reg = R_SI;
    assert_int_equal(rig_exec(&r, MOV_ZvIv), RIG_OK);
    assert_true(c->r[R_SI] == 0xFFFFFFFF);
    c->r[R_AX] = 1;
    assert_int_equal(rig_exec(&r, XCHG_ZvAX), RIG_OK);
    assert_int_equal(c->r[R_SI], 1);
    assert_true(c->r[R_AX] == 0xFFFFFFFF);
    rig_free(&r);
}

static void memory(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    struct cpu *c = r.c;
    rig_segment(&r, SEG_ES, 0x20000, 0xFFFF, 0);
    r.in.seg = SEG_ES;
    r.in.imm = 0x1234;
    c->r[R_AX] = 0x5678;
    assert_int_equal(rig_exec(&r, MOV_OvAX), RIG_OK);
    assert_int_equal(ld16(r.ram + 0x21234), 0x5678);
    r.ram[0x21234] = 0x9A;
    assert_int_equal(rig_exec(&r, MOV_ALOb), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x569A);
    r.in.mem = 1; /* [BX+SI-1] wraps to the bottom of the segment */
    r.in.base = R_BX;
    r.in.index = R_SI;
    r.in.disp = -1;
    r.in.reg = R_DX;
    c->r[R_BX] = 0x1118000;
    c->r[R_SI] = 0x2228003;
    st16(r.ram + 0x20002, 0xCAFE);
    assert_int_equal(rig_exec(&r, MOV_GvEv), RIG_OK);
    assert_int_equal(c->r[R_DX], 0xCAFE);
    assert_int_equal(rig_exec(&r, LEA_GvM), RIG_OK);
    assert_int_equal(c->r[R_DX], 2);
    r.in.opsize = 1; /* a 32-bit LEA of a 16-bit address */
    c->r[R_DX] = 0xFFFFFFFF;
    assert_int_equal(rig_exec(&r, LEA_GvM), RIG_OK);
    assert_int_equal(c->r[R_DX], 2);
    r.in.opsize = 0;
    c->r[R_SI] = 0x8000; /* offset FFFFh: the word does not wrap, it is beyond the limit */
    assert_int_equal(rig_exec(&r, MOV_GvEv), VEC_GP);
    assert_int_equal(r.c->pend_error, 0);
    assert_int_equal(c->r[R_DX], 2);
    assert_int_equal(rig_exec(&r, MOV_EvIz), VEC_GP);
    rig_free(&r);
}

static void xlat_wraps(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    r.c->r[R_BX] = 0x1FFF0;
    r.c->r[R_AX] = 0xAB20;
    r.ram[0x10] = 0x77;
    assert_int_equal(rig_exec(&r, XLAT), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 0xAB77);
    rig_free(&r);
}

static void xchg_memory(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    rig_paging(&r);
    rig_page(&r, 0x6000, 5);
    rig_mem(&r, 0x6000);
    r.in.reg = R_BX;
    r.c->r[R_BX] = 0xABCD;
    assert_int_equal(rig_exec(&r, XCHG_EvGv), VEC_PF);
    assert_int_equal(r.c->pend_error & PF_W, PF_W);
    assert_int_equal(r.c->r[R_BX], 0xABCD);
    rig_page(&r, 0x6000, 7);
    st32(r.ram + 0x6000, 0x11223344);
    assert_int_equal(rig_exec(&r, XCHG_EvGv), RIG_OK);
    assert_int_equal(r.c->r[R_BX], 0x11223344);
    assert_int_equal(ld32(r.ram + 0x6000), 0xABCD);
    r.in.reg = R_BX * 8 + 1; /* BH */
    assert_int_equal(rig_exec(&r, XCHG_EbGb), RIG_OK);
    assert_int_equal(r.c->r[R_BX], 0x1122CD44);
    assert_int_equal(r.ram[0x6000], 0x33);
    rig_free(&r);
}

static void conversions(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    c->r[R_AX] = 0x12348080;
    r.in.opsize = 0;
    assert_int_equal(rig_exec(&r, CBW), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x1234FF80);
    c->r[R_DX] = 0x12340000;
    assert_int_equal(rig_exec(&r, CWD), RIG_OK);
    assert_int_equal(c->r[R_DX], 0x1234FFFF);
    r.in.opsize = 1;
    assert_int_equal(rig_exec(&r, CBW), RIG_OK);
    assert_true(c->r[R_AX] == 0xFFFFFF80);
    assert_int_equal(rig_exec(&r, CWD), RIG_OK);
    assert_true(c->r[R_DX] == 0xFFFFFFFF);
    c->r[R_AX] = 0x7FFFFFFF;
    assert_int_equal(rig_exec(&r, CWD), RIG_OK);
    assert_int_equal(c->r[R_DX], 0);
    r.in.reg = R_AX;
    c->r[R_AX] = 0x12345678;
    assert_int_equal(rig_exec(&r, BSWAP_Zv), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x78563412);
    r.in.opsize = 0;
    assert_int_equal(rig_exec(&r, BSWAP_Zv), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x78560000);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),   cmocka_unit_test(memory),      cmocka_unit_test(xlat_wraps),
        cmocka_unit_test(xchg_memory), cmocka_unit_test(conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
