/*
 * test_op_flow.c - near transfers: every condition, truncated targets, CS.limit, and that a fault changes nothing.
 */
#include "cpu/op_cond.h"
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(JMP_Jz);
FORMS(JMP_Ev);
FORMS(CALL_Jz);
FORMS(CALL_Ev);
FORMS(RET);
FORMS(RET_Iw);
FORMS(Jcc_Jb);
FORMS(LOOP_Jb);
FORMS(LOOPE_Jb);
FORMS(LOOPNE_Jb);
FORMS(JCXZ_Jb);
FORMS(SETcc_Eb);
FORMS(CMOVcc_GvEv);

/* The manual's table of conditions. */
static bool condition(unsigned cc, u32 f)
{
    bool cf = f & F_CF, zf = f & F_ZF, sf = f & F_SF, of = f & F_OF, pf = f & F_PF;
    const bool even[8] = {of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of};
    return even[cc / 2] != (cc & 1);
}

static void conditions(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    for (unsigned n = 0; n < 64 * 16 * 2; n++) {
        unsigned cc = n & 15, opsize = n >> 10 & 1;
        u32 f = (n & 16 ? F_CF : 0) | (n & 32 ? F_PF : 0) | (n & 64 ? F_AF : 0) | (n & 128 ? F_ZF : 0) |
                (n & 256 ? F_SF : 0) | (n & 512 ? F_OF : 0);
        bool want = condition(cc, f);
        flags_set_arith(c, f);
        r.in = (struct insn){.base = REG_ZERO, .index = REG_ZERO, .len = 2, .modrm = cc & 15, .adsize = 1};
        r.in.opsize = opsize & 1;
        r.in.imm = (u64)-0x100;
        assert_int_equal(rig_exec(&r, Jcc_Jb), RIG_OK);
        assert_int_equal(c->ip, want ? RIG_IP - 0xFE : RIG_IP + 2);
        assert_int_equal(rig_run(&r, exec_Jcc_by_cond[cc]), RIG_OK);
        assert_int_equal(c->ip, want ? RIG_IP - 0xFE : RIG_IP + 2);
        c->r[R_BX] = 0x5555;
        r.in.rm = R_BX * 8 + 1;
        assert_int_equal(rig_exec(&r, SETcc_Eb), RIG_OK);
        assert_int_equal(c->r[R_BX], 0x55 | want << 8);
        r.in.rm = R_BX * 8;
        assert_int_equal(rig_run(&r, exec_SETcc_by_cond[cc]), RIG_OK);
        assert_int_equal(c->r[R_BX], want | want << 8);
        r.in.reg = R_CX;
        r.in.rm = R_DX;
        c->r[R_CX] = 0x11111111;
        c->r[R_DX] = 0x22222222;
        u32 moved = opsize ? 0x22222222 : 0x11112222;
        assert_int_equal(rig_exec(&r, CMOVcc_GvEv), RIG_OK);
        assert_int_equal(c->r[R_CX], want ? moved : 0x11111111);
        assert_int_equal(rig_run(&r, exec_CMOVcc_by_cond[cc]), RIG_OK);
        assert_int_equal(c->r[R_CX], want ? moved : 0x11111111);
        assert_int_equal(rig_flags(&r), f);
    }
    rig_free(&r);
}

static void truncation(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.imm = 0x12F000;
    r.in.opsize = 0; /* a 16-bit jump in a 32-bit segment clears the upper half, if taken */
    assert_int_equal(rig_exec(&r, JMP_Jz), RIG_OK);
    assert_int_equal(c->ip, 0x0002);
    r.in.len = 4;
    r.in.modrm = 4;
    flags_set_arith(c, 0);
    assert_int_equal(rig_run(&r, exec_Jcc_by_cond[4]), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 4);
    c->r[R_BX] = 0x56781234;
    r.in.rm = R_BX;
    assert_int_equal(rig_exec(&r, JMP_Ev), RIG_OK);
    assert_int_equal(c->ip, 0x1234);
    c->r[R_SP] = 0x8000;
    assert_int_equal(rig_exec(&r, CALL_Ev), RIG_OK);
    assert_int_equal(c->ip, 0x1234);
    assert_int_equal(c->r[R_SP], 0x7FFE);
    assert_int_equal(ld16(r.ram + 0x7FFE), RIG_IP + 4);
    r.in.opsize = 1;
    r.in.imm = (u64)-0x2000; /* below 0: wraps to the top of 4 GB */
    assert_int_equal(rig_exec(&r, CALL_Jz), RIG_OK);
    assert_int_equal(c->ip, 0xFFFFF004);
    assert_int_equal(ld32(r.ram + 0x7FFA), RIG_IP + 4);
    rig_free(&r);
}

/* Beyond the limit: #GP(0) at the jump itself; stack pointer and counter as before. */
static void limit(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    struct cpu *c = r.c;
    c->seg[SEG_CS].limit = 0x1FFF;
    c->r[R_SP] = 0x8000;
    c->r[R_CX] = 5;
    r.in.imm = 0x1000;
    flags_set_arith(c, F_ZF);
    const op_fn *const all[] = {exec_JMP_Jz, exec_CALL_Jz, exec_LOOP_Jb, exec_LOOPE_Jb, exec_Jcc_by_cond[4]};
    for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(rig_run(&r, all[i]), VEC_GP);
        assert_int_equal(c->pend_error, 0);
    }
    st16(r.ram + 0x8000, 0x2000);
    assert_int_equal(rig_exec(&r, RET), VEC_GP);
    assert_int_equal(c->r[R_SP], 0x8000);
    assert_int_equal(c->r[R_CX], 5);
    assert_int_equal(rig_run(&r, exec_Jcc_by_cond[5]), RIG_OK);
    c->seg[SEG_CS].limit = RIG_IP + 1; /* a jump not taken at the very end of the segment is no fault yet */
    assert_int_equal(rig_run(&r, exec_Jcc_by_cond[5]), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 2);
    r.in.imm = (u64)-0x10;
    r.in.opsize = 1; /* a 32-bit jump in real mode */
    assert_int_equal(rig_exec(&r, JMP_Jz), RIG_OK);
    r.in.imm = (u64)-0x2000;
    assert_int_equal(rig_exec(&r, JMP_Jz), VEC_GP);
    rig_free(&r);
}

static void call_and_return(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_paging(&r);
    rig_page(&r, 0x7000, 5);
    c->r[R_SP] = 0x8000;
    r.in.imm = 0x100;
    assert_int_equal(rig_exec(&r, CALL_Jz), VEC_PF);
    assert_int_equal(c->cr2, 0x7FFC);
    assert_int_equal(c->r[R_SP], 0x8000);
    st32(r.ram + 0x8000, 0xCAFE);
    r.in.imm = 0xFFF0; /* the released bytes are unsigned */
    assert_int_equal(rig_exec(&r, RET_Iw), RIG_OK);
    assert_int_equal(c->ip, 0xCAFE);
    assert_int_equal(c->r[R_SP], 0x8000 + 4 + 0xFFF0);
    r.in.mem = 1; /* CALL [ESP]: the target is read before the push */
    r.in.base = R_SP;
    c->r[R_SP] = 0x9000;
    st32(r.ram + 0x9000, 0xBEEF);
    assert_int_equal(rig_exec(&r, CALL_Ev), RIG_OK);
    assert_int_equal(c->ip, 0xBEEF);
    assert_int_equal(ld32(r.ram + 0x8FFC), RIG_IP + 2);
    rig_free(&r);
}

static void loops(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.imm = 0x10;
    r.in.adsize = 0; /* CX counts, ECX's upper half stays */
    c->r[R_CX] = 0x70001;
    assert_int_equal(rig_exec(&r, LOOP_Jb), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 2);
    assert_int_equal(c->r[R_CX], 0x70000);
    assert_int_equal(rig_exec(&r, JCXZ_Jb), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 0x12);
    assert_int_equal(rig_exec(&r, LOOP_Jb), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 0x12);
    assert_int_equal(c->r[R_CX], 0x7FFFF);
    r.in.adsize = 1;
    assert_int_equal(rig_exec(&r, JCXZ_Jb), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 2);
    c->r[R_CX] = 0;
    assert_int_equal(rig_exec(&r, LOOP_Jb), RIG_OK);
    assert_true(c->r[R_CX] == 0xFFFFFFFF);
    assert_int_equal(c->ip, RIG_IP + 0x12);
    flags_set_arith(c, F_ZF);
    assert_int_equal(rig_exec(&r, LOOPNE_Jb), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 2);
    assert_true(c->r[R_CX] == 0xFFFFFFFE);
    assert_int_equal(rig_exec(&r, LOOPE_Jb), RIG_OK);
    assert_int_equal(c->ip, RIG_IP + 0x12);
    assert_int_equal(rig_flags(&r), F_ZF);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions),      cmocka_unit_test(truncation), cmocka_unit_test(limit),
        cmocka_unit_test(call_and_return), cmocka_unit_test(loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
