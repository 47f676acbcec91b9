/*
 * test_op_shift.c - op_shift.c against shifting one bit at a time.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
#define SHIFT(name)                                                                                                    \
    FORMS(name##_EbIb);                                                                                                \
    FORMS(name##_EvIb);                                                                                                \
    FORMS(name##_Eb1);                                                                                                 \
    FORMS(name##_Ev1);                                                                                                 \
    FORMS(name##_EbCL);                                                                                                \
    FORMS(name##_EvCL)
SHIFT(ROL);
SHIFT(ROR);
SHIFT(RCL);
SHIFT(RCR);
SHIFT(SHL);
SHIFT(SHR);
SHIFT(SAL);
SHIFT(SAR);
FORMS(SHLD_EvGvIb);
FORMS(SHLD_EvGvCL);
FORMS(SHRD_EvGvIb);
FORMS(SHRD_EvGvCL);

enum { ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR, OP_COUNT };

#define ROW(n)                                                                                                         \
    {                                                                                                                  \
        exec_##n##_EbIb, exec_##n##_EbCL, exec_##n##_Eb1, exec_##n##_EvIb, exec_##n##_EvCL, exec_##n##_Ev1             \
    }
static const op_fn *const rows[OP_COUNT][6] = {ROW(ROL), ROW(ROR), ROW(RCL), ROW(RCR),
                                               ROW(SHL), ROW(SHR), ROW(SAL), ROW(SAR)};

static u64 one_step(unsigned op, unsigned bits, u64 v, bool *cf)
{
    bool top = v >> (bits - 1) & 1, low = v & 1, in = *cf;
    bool left = op == ROL || op == RCL || op == SHL || op == SAL;
    *cf = left ? top : low;
    u64 fill = op == ROL ? top : op == ROR ? low : op == RCL || op == RCR ? in : op == SAR ? top : 0;
    return left ? zext(v << 1 | fill, bits / 8) : v >> 1 | fill << (bits - 1);
}

static u64 reference(unsigned op, unsigned bits, u64 v, unsigned n, u32 *flags)
{
    n &= 31;
    if (n == 0)
        return v;
    bool cf = *flags & F_CF, of = false;
    for (; n; n--) {
        u64 next = one_step(op, bits, v, &cf);
        of = (v ^ next) >> (bits - 1) & 1;
        v = next;
    }
    if (op == ROL || op == RCL)
        of = cf ^ (v >> (bits - 1) & 1);
    u32 result = (v == 0 ? F_ZF : 0) | (v >> (bits - 1) & 1 ? F_SF : 0) | (__builtin_parity(v & 0xFF) ? 0 : F_PF);
    *flags = op < SHL ? *flags & ~(u32)(F_CF | F_OF) : result;
    *flags |= (cf ? F_CF : 0) | (of ? F_OF : 0);
    return v;
}

static void check(struct rig *r, unsigned op, unsigned form, unsigned w, u64 v, unsigned n, u32 before)
{
    u32 want_flags = before;
    u64 want = reference(op, w * 8, v, form == 2 ? 1 : n, &want_flags);
    r->in.opsize = w == 4;
    r->in.rm = w == 1 ? R_DX * 8 : R_DX;
    r->in.imm = n;
    r->c->r[R_CX] = 0xFFFFFF00 | n;
    r->c->r[R_DX] = 0x5A5A5A5A;
    reg_wr(r->c, w, r->in.rm, v);
    flags_set_arith(r->c, before);
    assert_int_equal(rig_run(r, rows[op][form + (w == 1 ? 0 : 3)]), RIG_OK);
    if (reg_rd(r->c, w, r->in.rm) != want || rig_flags(r) != want_flags)
        fail_msg("op %u width %u: %llx by %u, flags %x: %llx %x, not %llx %x", op, w, (unsigned long long)v, n, before,
                 (unsigned long long)reg_rd(r->c, w, r->in.rm), rig_flags(r), (unsigned long long)want, want_flags);
}

static void bytes(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    for (unsigned op = 0; op < OP_COUNT; op++)
        for (unsigned i = 0; i < 1 << 15; i++) {
            u32 before = (i >> 13 & 1 ? F_CF | F_AF : F_ZF) | (i >> 14 ? F_OF | F_PF : F_SF);
            check(&r, op, (i ^ i >> 3) % 3, 1, i & 0xFF, i >> 8 & 31, before);
        }
    rig_free(&r);
}

static void wider(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    u64 seed = 2;
    for (unsigned i = 0; i < 40000; i++) {
        u64 x = rig_random(&seed);
        unsigned w = x & 1 ? 2 : 4;
        check(&r, i % OP_COUNT, (x >> 1 & 0xFF) % 3, w, zext(rig_random(&seed), w), x >> 16 & 0xFF,
              (u32)(x >> 32) & F_ARITH);
    }
    rig_free(&r);
}

/* SHLD and SHRD bit by bit; a 16-bit ring destination:source:destination above 16. */
static void doubles(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    u64 seed = 3;
    for (unsigned i = 0; i < 20000; i++) {
        u64 x = rig_random(&seed), v = rig_random(&seed), b = rig_random(&seed);
        unsigned w = x & 1 ? 2 : 4, n = x >> 8 & 0x3F, bits = w * 8;
        bool left = x & 2, cl = x & 4, cf = false, of = false;
        v = zext(v, w);
        b = zext(b, w);
        u64 want = v, feed = w == 2 ? (left ? b << 16 | v : v << 16 | b) : b;
        for (unsigned k = 0; k < (n & 31); k++) {
            bool in = left ? feed >> 31 & 1 : feed & 1;
            feed = left ? feed << 1 : feed >> 1;
            u64 next = left ? zext(want << 1 | in, w) : want >> 1 | (u64)in << (bits - 1);
            cf = left ? want >> (bits - 1) & 1 : want & 1;
            of = (want ^ next) >> (bits - 1) & 1;
            want = next;
        }
        r.in.opsize = w == 4;
        r.in.rm = R_BX;
        r.in.reg = R_SI;
        r.in.imm = n;
        r.c->r[R_CX] = n;
        r.c->r[R_BX] = v;
        r.c->r[R_SI] = b;
        flags_set_arith(r.c, F_ARITH);
        const op_fn *forms =
            left ? (cl ? exec_SHLD_EvGvCL : exec_SHLD_EvGvIb) : (cl ? exec_SHRD_EvGvCL : exec_SHRD_EvGvIb);
        assert_int_equal(rig_run(&r, forms), RIG_OK);
        assert_int_equal(r.c->r[R_BX], want);
        if (n & 31) {
            assert_int_equal(flag_cf(r.c), cf);
            assert_int_equal(flag_of(r.c), of);
            assert_int_equal(flag_zf(r.c), want == 0);
            assert_int_equal(flag_sf(r.c), want >> (bits - 1) & 1);
        } else {
            assert_int_equal(rig_flags(&r), F_ARITH);
        }
    }
    rig_free(&r);
}

/* A count of 0 stores nothing but a page that may not be written still faults. */
static void count_zero_in_memory(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    rig_paging(&r);
    rig_page(&r, 0x5000, 5);
    rig_mem(&r, 0x5000);
    r.in.imm = 32;
    assert_int_equal(rig_exec(&r, SHL_EvIb), VEC_PF);
    rig_page(&r, 0x5000, 7);
    flags_set_arith(r.c, F_ARITH);
    st32(r.ram + 0x5000, 0x12345678);
    assert_int_equal(rig_exec(&r, SHL_EvIb), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x5000), 0x12345678);
    assert_int_equal(rig_flags(&r), F_ARITH);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(wider),
        cmocka_unit_test(doubles),
        cmocka_unit_test(count_zero_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
