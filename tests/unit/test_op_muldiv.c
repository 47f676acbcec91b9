/*
 * test_op_muldiv.c - products and quotients at their limits, #DE, and that a #DE changes nothing.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(MUL_Eb);
FORMS(MUL_Ev);
FORMS(IMUL_Eb);
FORMS(IMUL_Ev);
FORMS(IMUL_GvEv);
FORMS(IMUL_GvEvIz);
FORMS(IMUL_GvEvIb);
FORMS(DIV_Eb);
FORMS(DIV_Ev);
FORMS(IDIV_Eb);
FORMS(IDIV_Ev);

static void bytes(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.rm = R_CX * 8;
    for (unsigned i = 0; i < 0x10000; i++) {
        c->r[R_CX] = i >> 8;
        c->r[R_AX] = 0x12340000 | (i & 0xFF);
        assert_int_equal(rig_exec(&r, MUL_Eb), RIG_OK);
        assert_int_equal(c->r[R_AX], 0x12340000 | (i >> 8) * (i & 0xFF));
        assert_int_equal(flag_cf(c), (i >> 8) * (i & 0xFF) > 0xFF);
        assert_int_equal(flag_of(c), flag_cf(c));
        c->r[R_AX] = i & 0xFF;
        assert_int_equal(rig_exec(&r, IMUL_Eb), RIG_OK);
        int product = (s8)(i >> 8) * (s8)i;
        assert_int_equal(c->r[R_AX], (u16)product);
        assert_int_equal(flag_cf(c), product != (s8)product);
        assert_int_equal(flag_of(c), flag_cf(c));
    }
    rig_free(&r);
}

static void byte_quotients(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.rm = R_CX * 8;
    for (unsigned d = 0; d < 0x100; d += 3)
        for (unsigned n = 0; n < 0x10000; n += 7) {
            c->r[R_CX] = d;
            c->r[R_AX] = n;
            flags_set_arith(c, F_ARITH & d);
            bool fits = d && n / d < 0x100;
            assert_int_equal(rig_exec(&r, DIV_Eb), fits ? RIG_OK : VEC_DE);
            assert_int_equal(c->r[R_AX], fits ? (n % d) << 8 | n / d : n);
            c->r[R_AX] = n;
            int sn = (s16)n, sd = (s8)d;
            fits = sd && sn / sd == (s8)(sn / sd);
            assert_int_equal(rig_exec(&r, IDIV_Eb), fits ? RIG_OK : VEC_DE);
            assert_int_equal(c->r[R_AX], fits ? (unsigned)(u8)(sn % sd) << 8 | (u8)(sn / sd) : n);
            assert_int_equal(rig_flags(&r), F_ARITH & d);
        }
    rig_free(&r);
}

static void dwords(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.rm = R_BX;
    c->r[R_AX] = c->r[R_BX] = 0xFFFFFFFF;
    assert_int_equal(rig_exec(&r, MUL_Ev), RIG_OK);
    assert_int_equal(c->r[R_AX], 1);
    assert_int_equal(c->r[R_DX], 0xFFFFFFFE);
    assert_true(flag_cf(c));
    assert_int_equal(rig_exec(&r, DIV_Ev), RIG_OK);
    assert_int_equal(c->r[R_AX], 0xFFFFFFFF);
    assert_int_equal(c->r[R_DX], 0);
    c->r[R_DX] = 0xFFFFFFFF; /* quotient 2^32 */
    assert_int_equal(rig_exec(&r, DIV_Ev), VEC_DE);
    assert_int_equal(c->r[R_DX], 0xFFFFFFFF);

    c->r[R_DX] = 0x80000000; /* INT64_MIN / -1 */
    c->r[R_AX] = 0;
    assert_int_equal(rig_exec(&r, IDIV_Ev), VEC_DE);
    c->r[R_DX] = 0xFFFFFFFF; /* INT32_MIN / 1 and / -1 */
    c->r[R_AX] = 0x80000000;
    assert_int_equal(rig_exec(&r, IDIV_Ev), VEC_DE);
    c->r[R_BX] = 1;
    assert_int_equal(rig_exec(&r, IDIV_Ev), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x80000000);
    c->r[R_DX] = 0xFFFFFFFF;
    c->r[R_AX] = (u32)-100;
    c->r[R_BX] = 7;
    assert_int_equal(rig_exec(&r, IDIV_Ev), RIG_OK);
    assert_int_equal((s32)c->r[R_AX], -14);
    assert_int_equal((s32)c->r[R_DX], -2);
    rig_free(&r);
}

static void words_keep_upper_halves(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    struct cpu *c = r.c;
    r.in.rm = R_BX;
    c->r[R_AX] = 0xAAAA8000;
    c->r[R_DX] = 0xDDDD0000;
    c->r[R_BX] = 0xBBBB0002;
    assert_int_equal(rig_exec(&r, MUL_Ev), RIG_OK);
    assert_int_equal(c->r[R_AX], 0xAAAA0000);
    assert_int_equal(c->r[R_DX], 0xDDDD0001);
    assert_int_equal(rig_exec(&r, DIV_Ev), RIG_OK);
    assert_int_equal(c->r[R_AX], 0xAAAA8000);
    assert_int_equal(c->r[R_DX], 0xDDDD0000);
    assert_int_equal(rig_exec(&r, IMUL_Ev), RIG_OK);
    assert_int_equal(c->r[R_AX], 0xAAAA0000);
    assert_int_equal(c->r[R_DX], 0xDDDDFFFF);
    rig_free(&r);
}

static void truncating_imul(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.reg = R_SI;
    r.in.rm = R_BX;
    c->r[R_SI] = 0x10000;
    c->r[R_BX] = 0x10000;
    assert_int_equal(rig_exec(&r, IMUL_GvEv), RIG_OK);
    assert_int_equal(c->r[R_SI], 0);
    assert_int_equal(rig_flags(&r) & (F_CF | F_OF), F_CF | F_OF);
    r.in.imm = (u64)-3;
    c->r[R_BX] = 5;
    assert_int_equal(rig_exec(&r, IMUL_GvEvIb), RIG_OK);
    assert_int_equal(c->r[R_SI], (u32)-15);
    assert_int_equal(rig_flags(&r) & (F_CF | F_OF), 0);
    r.in.opsize = 0;
    r.in.imm = 0x7FFF;
    assert_int_equal(rig_exec(&r, IMUL_GvEvIz), RIG_OK);
    assert_int_equal(c->r[R_SI], 0xFFFF0000 | (u16)(5 * 0x7FFF));
    assert_true(flag_cf(c));
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),           cmocka_unit_test(byte_quotients),
        cmocka_unit_test(dwords),          cmocka_unit_test(words_keep_upper_halves),
        cmocka_unit_test(truncating_imul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
