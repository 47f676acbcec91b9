/*
 * test_op_bit.c - bit strings in memory reach beyond the operand in both directions; BSF and BSR of zero.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(BT_EvGv);
FORMS(BTS_EvGv);
FORMS(BTR_EvGv);
FORMS(BTC_EvGv);
FORMS(BTC_EvIb);
FORMS(BTS_EvIb);
FORMS(BSF_GvEv);
FORMS(BSR_GvEv);

static void bit_string(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_mem(&r, 0x8000);
    r.in.reg = R_BX;
    for (int bit = -70; bit < 70; bit++) {
        unsigned byte = (unsigned)(0x8000 + (bit >> 3));
        for (unsigned opsize = 0; opsize < 2; opsize++) {
            r.in.opsize = opsize & 1;
            c->r[R_BX] = opsize ? (u32)bit : 0x12340000 | (u16)bit;
            flags_set_arith(c, F_ARITH);
            assert_int_equal(rig_exec(&r, BTS_EvGv), RIG_OK);
            assert_int_equal(r.ram[byte], 1 << (bit & 7));
            assert_int_equal(rig_flags(&r), F_ARITH & ~F_CF);
            assert_int_equal(rig_exec(&r, BT_EvGv), RIG_OK);
            assert_int_equal(rig_flags(&r), F_ARITH);
            assert_int_equal(rig_exec(&r, BTC_EvGv), RIG_OK);
            assert_int_equal(r.ram[byte], 0);
            assert_int_equal(rig_exec(&r, BTR_EvGv), RIG_OK);
            assert_false(flag_cf(c));
        }
    }
    rig_free(&r);
}

static void wraps_at_64k(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    r.in.reg = R_BX;
    rig_mem(&r, 0x0002);
    r.c->r[R_BX] = 0xFFE0; /* bit -32: word -2, which is FFFEh */
    assert_int_equal(rig_exec(&r, BTS_EvGv), RIG_OK);
    assert_int_equal(r.ram[0xFFFE], 1);
    rig_free(&r);
}

/* Register operands and immediates are taken modulo the width and never leave the operand. */
static void modulo(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    r.in.reg = R_BX;
    r.in.rm = R_AX;
    r.c->r[R_BX] = 33;
    assert_int_equal(rig_exec(&r, BTS_EvGv), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 2);
    r.in.opsize = 0;
    r.in.imm = 0x1F;
    assert_int_equal(rig_exec(&r, BTC_EvIb), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 0x8002);
    rig_mem(&r, 0x8000);
    r.in.imm = 0x21;
    assert_int_equal(rig_exec(&r, BTS_EvIb), RIG_OK);
    assert_int_equal(r.ram[0x8000], 2);
    rig_free(&r);
}

static void scan(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.reg = R_AX;
    r.in.rm = R_BX;
    c->r[R_AX] = 0x1234;
    assert_int_equal(rig_exec(&r, BSF_GvEv), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x1234);
    assert_true(flag_zf(c));
    for (unsigned i = 0; i < 32; i++) {
        c->r[R_BX] = 0x80000000u | 1u << i;
        assert_int_equal(rig_exec(&r, BSF_GvEv), RIG_OK);
        assert_int_equal(c->r[R_AX], i);
        assert_false(flag_zf(c));
        c->r[R_BX] = (2u << i) - 1;
        assert_int_equal(rig_exec(&r, BSR_GvEv), RIG_OK);
        assert_int_equal(c->r[R_AX], i);
        assert_int_equal(flag_pf(c), !__builtin_parity(i));
    }
    r.in.opsize = 0; /* only the low half is looked at */
    c->r[R_AX] = 0x55555555;
    c->r[R_BX] = 0xFFFF0000;
    assert_int_equal(rig_exec(&r, BSR_GvEv), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x55555555);
    assert_true(flag_zf(c));
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_string),
        cmocka_unit_test(wraps_at_64k),
        cmocka_unit_test(modulo),
        cmocka_unit_test(scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
