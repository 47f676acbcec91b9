/*
 * test_op_alu.c - op_alu.c against arithmetic done bit by bit, and what a processor-level comparison
 * cannot see: faults in read-modify-write, CMPXCHG's unconditional write.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
#define ALU(name)                                                                                                      \
    FORMS(name##_EbGb);                                                                                                \
    FORMS(name##_EvGv);                                                                                                \
    FORMS(name##_GbEb);                                                                                                \
    FORMS(name##_GvEv);                                                                                                \
    FORMS(name##_ALIb);                                                                                                \
    FORMS(name##_AXIz);                                                                                                \
    FORMS(name##_EbIb);                                                                                                \
    FORMS(name##_EvIz);                                                                                                \
    FORMS(name##_EvIb);                                                                                                \
    FORMS(name##_EbIb_82)
ALU(ADD);
ALU(OR);
ALU(ADC);
ALU(SBB);
ALU(AND);
ALU(SUB);
ALU(XOR);
ALU(CMP);
FORMS(INC_Eb);
FORMS(DEC_Eb);
FORMS(INC_Zv);
FORMS(NEG_Ev);
FORMS(NOT_Ev);
FORMS(TEST_EvGv);
FORMS(CMPXCHG_EvGv);
FORMS(CMPXCHG_EbGb);
FORMS(XADD_EvGv);
FORMS(CMPXCHG8B_Mq);

enum { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, OP_COUNT };

struct row {
    const op_fn *bytes[5]; /* EbGb GbEb ALIb EbIb 82 */
    const op_fn *words[5]; /* EvGv GvEv AXIz EvIz EvIb */
};

#define ROW(n)                                                                                                         \
    {                                                                                                                  \
        {exec_##n##_EbGb, exec_##n##_GbEb, exec_##n##_ALIb, exec_##n##_EbIb, exec_##n##_EbIb_82},                      \
        {                                                                                                              \
            exec_##n##_EvGv, exec_##n##_GvEv, exec_##n##_AXIz, exec_##n##_EvIz, exec_##n##_EvIb                        \
        }                                                                                                              \
    }
static const struct row rows[OP_COUNT] = {ROW(ADD), ROW(OR),  ROW(ADC), ROW(SBB),
                                          ROW(AND), ROW(SUB), ROW(XOR), ROW(CMP)};

static bool even_parity(u64 v)
{
    return !(__builtin_popcountll(v & 0xFF) & 1);
}

/* One full adder a bit; a subtraction is an addition of the complement with inverted carries. */
static u64 reference(unsigned op, unsigned bits, u64 a, u64 b, bool cf, u32 *flags)
{
    bool subtract = op == SUB || op == SBB || op == CMP, logic = op == OR || op == AND || op == XOR;
    bool carry = (op == ADC && cf) || (subtract && !(op == SBB && cf)), carry_in = 0, af = 0;
    u64 res = 0;
    for (unsigned i = 0; i < bits; i++) {
        unsigned x = a >> i & 1, y = b >> i & 1;
        if (logic) {
            res |= (u64)(op == OR ? x | y : op == AND ? x & y : x ^ y) << i;
            continue;
        }
        unsigned sum = x + (subtract ? !y : y) + carry;
        res |= (u64)(sum & 1) << i;
        carry_in = carry;
        carry = sum >> 1;
        if (i == 3)
            af = subtract ? !carry : carry;
    }
    bool sign = res >> (bits - 1) & 1;
    *flags = (res == 0 ? F_ZF : 0) | (sign ? F_SF : 0) | (even_parity(res) ? F_PF : 0);
    if (!logic)
        *flags |= ((subtract ? !carry : carry) ? F_CF : 0) | (carry != carry_in ? F_OF : 0) | (af ? F_AF : 0);
    return res;
}

static void check(struct rig *r, unsigned op, unsigned form, unsigned w, u64 a, u64 b, bool cf)
{
    struct cpu *c = r->c;
    u32 want_flags;
    u64 want = reference(op, w * 8, a, b, cf, &want_flags);
    bool in_g = form == 1, imm = form >= 2;
    r->in.opsize = w == 4;
    r->in.imm = sext(b, w);
    r->in.reg = w == 1 ? R_DX * 8 + 1 : R_SI; /* DH */
    r->in.rm = form == 2 ? R_AX : w == 1 ? R_CX * 8 : R_DI;
    c->r[R_AX] = c->r[R_CX] = c->r[R_DX] = c->r[R_SI] = c->r[R_DI] = 0x5A5A5A5A;
    reg_wr(c, w, r->in.rm, in_g ? b : a);
    if (!imm)
        reg_wr(c, w, r->in.reg, in_g ? a : b);
    flags_set_arith(c, (cf ? F_CF : 0) | F_ZF | F_OF);
    assert_int_equal(rig_run(r, w == 1 ? rows[op].bytes[form] : rows[op].words[form]), RIG_OK);
    unsigned dst = in_g ? r->in.reg : r->in.rm;
    assert_int_equal(reg_rd(c, w, dst), op == CMP ? a : want);
    if (rig_flags(r) != want_flags)
        fail_msg("op %u width %u: %llx %llx cf %d: flags %x, not %x", op, w, (unsigned long long)a,
                 (unsigned long long)b, cf, rig_flags(r), want_flags);
}

static void every_byte_pair(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    for (unsigned op = 0; op < OP_COUNT; op++)
        for (unsigned i = 0; i < 0x20000; i++)
            check(&r, op, i % 5, 1, i & 0xFF, i >> 8 & 0xFF, i >> 16);
    rig_free(&r);
}

static void wider_operands(void **state)
{
    static const u64 edge[] = {0, 1, 0xF, 0x10, 0x7F, 0x80, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    struct rig r;
    rig_init(&r, 32);
    u64 seed = 1;
    for (unsigned n = 0; n < 20000; n++) {
        u64 x = rig_random(&seed), a = rig_random(&seed), b = rig_random(&seed);
        if (x & 1)
            a = edge[(x >> 8) % ARRAY_LEN(edge)];
        if (x & 2)
            b = edge[(x >> 16) % ARRAY_LEN(edge)];
        unsigned w = x & 4 ? 2 : 4;
        check(&r, n % OP_COUNT, (x >> 24) % 5, w, zext(a, w), zext(b, w), x & 8);
    }
    rig_free(&r);
}

static void step_keeps_carry(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    for (unsigned i = 0; i < 0x400; i++) {
        bool cf = i & 0x100, down = i & 0x200;
        u32 want;
        u64 res = reference(down ? SUB : ADD, 8, i & 0xFF, 1, false, &want);
        r.c->r[R_AX] = i & 0xFF;
        flags_set_arith(r.c, cf ? F_CF : F_OF);
        assert_int_equal(down ? rig_exec(&r, DEC_Eb) : rig_exec(&r, INC_Eb), RIG_OK);
        assert_int_equal(r.c->r[R_AX], res);
        assert_int_equal(rig_flags(&r), (want & ~(u32)F_CF) | (cf ? F_CF : 0));
    }
    r.in.opsize = 0;
    r.c->r[R_AX] = 0x1234FFFF;
    assert_int_equal(rig_exec(&r, INC_Zv), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 0x12340000);
    rig_free(&r);
}

static void not_neg_test(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    r.c->r[R_AX] = 0x80000000;
    assert_int_equal(rig_exec(&r, NEG_Ev), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 0x80000000);
    assert_int_equal(rig_flags(&r), F_CF | F_OF | F_SF | F_PF);
    assert_int_equal(rig_exec(&r, NOT_Ev), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 0x7FFFFFFF);
    assert_int_equal(rig_flags(&r), F_CF | F_OF | F_SF | F_PF);
    r.in.reg = R_AX;
    assert_int_equal(rig_exec(&r, TEST_EvGv), RIG_OK);
    assert_int_equal(rig_flags(&r), F_PF);
    rig_free(&r);
}

/* A read-modify-write of a page that may only be read faults as a write, before anything changed; CMP does not fault.
 */
static void rmw_fault(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    rig_paging(&r);
    rig_page(&r, 0x5000, 5);
    r.c->cpl = 3;
    mmu_set_priv(&r.c->mmu, TLB_USER);
    rig_mem(&r, 0x5010);
    r.in.reg = R_BX;
    r.c->r[R_BX] = 7;
    flags_set_arith(r.c, F_ARITH);
    const op_fn *const writers[] = {exec_ADD_EvGv, exec_NOT_Ev, exec_XADD_EvGv, exec_CMPXCHG_EvGv, exec_CMPXCHG8B_Mq};
    for (unsigned i = 0; i < ARRAY_LEN(writers); i++) {
        assert_int_equal(rig_run(&r, writers[i]), VEC_PF);
        assert_int_equal(r.c->pend_error, PF_P | PF_W | PF_U);
        assert_int_equal(r.c->cr2, 0x5010);
        assert_int_equal(r.c->r[R_BX], 7);
        assert_int_equal(rig_flags(&r), F_ARITH);
    }
    assert_int_equal(rig_exec(&r, CMP_EvGv), RIG_OK);
    /* over the end of a writable page: neither page changes */
    rig_mem(&r, 0x4FFE);
    st32(r.ram + 0x4FFE, 0x11223344);
    assert_int_equal(rig_exec(&r, ADD_EvGv), VEC_PF);
    assert_int_equal(r.c->cr2, 0x5000);
    assert_int_equal(ld32(r.ram + 0x4FFE), 0x11223344);
    rig_free(&r);
}

static void exchange(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_mem(&r, 0x2000);
    r.in.reg = R_BX;
    st32(r.ram + 0x2000, 5);
    c->r[R_AX] = 4;
    c->r[R_BX] = 9;
    assert_int_equal(rig_exec(&r, CMPXCHG_EvGv), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x2000), 5);
    assert_int_equal(c->r[R_AX], 5);
    assert_int_equal(rig_flags(&r), F_CF | F_AF | F_SF | F_PF); /* 4 - 5 */
    assert_int_equal(rig_exec(&r, CMPXCHG_EvGv), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x2000), 9);
    assert_true(flag_zf(c));
    assert_int_equal(rig_exec(&r, XADD_EvGv), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x2000), 18);
    assert_int_equal(c->r[R_BX], 9);
    r.in.mem = 0;
    r.in.rm = R_BX;
    assert_int_equal(rig_exec(&r, XADD_EvGv), RIG_OK); /* XADD r,r: the sum wins */
    assert_int_equal(c->r[R_BX], 18);
    r.in.reg = R_CX * 8;
    r.in.rm = R_AX; /* CMPXCHG AL,CL: equal by nature */
    c->r[R_CX] = 0x77;
    assert_int_equal(rig_exec(&r, CMPXCHG_EbGb), RIG_OK);
    assert_int_equal((u8)c->r[R_AX], 0x77);
    rig_free(&r);
}

static void cmpxchg8b(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_mem(&r, 0x2004);
    st64(r.ram + 0x2004, 0x1111111122222222);
    c->r[R_DX] = 0x11111111;
    c->r[R_AX] = 0x22222223;
    c->r[R_CX] = 0xAAAAAAAA;
    c->r[R_BX] = 0xBBBBBBBB;
    flags_set_arith(c, F_ARITH);
    assert_int_equal(rig_exec(&r, CMPXCHG8B_Mq), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x22222222);
    assert_int_equal(rig_flags(&r), F_ARITH & ~F_ZF);
    assert_int_equal(rig_exec(&r, CMPXCHG8B_Mq), RIG_OK);
    assert_true(ld64(r.ram + 0x2004) == 0xAAAAAAAABBBBBBBB);
    assert_int_equal(rig_flags(&r), F_ARITH);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_pair), cmocka_unit_test(wider_operands), cmocka_unit_test(step_keeps_carry),
        cmocka_unit_test(not_neg_test),    cmocka_unit_test(rmw_fault),      cmocka_unit_test(exchange),
        cmocka_unit_test(cmpxchg8b),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
