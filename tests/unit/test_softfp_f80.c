/*
 * test_softfp_f80.c - the x87's arithmetic and conversions against the host's own x87 where there is one, and
 * against a hash of the results everywhere.
 */
#include "tests/unit/softfp_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

/* Hash of the results of test_hash, taken where test_against_host_* pass. */
#define HASH 0x7280f3d6ede6fc0dull

/* What an operation gave: the value or values, and the status word's part that is defined. */
struct outcome {
    struct f80 v, v2;
    u16 sw;
};

enum op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_SQRT,
    OP_RNDINT,
    OP_SCALE,
    OP_EXTRACT,
    OP_PREM,
    OP_PREM1,
    OP_COM,
    OP_UCOM,
    OP_ADD32,
    OP_MUL64,
    OP_DIVR32,
    OP_COM64,
    OP_LD32,
    OP_LD64,
    OP_ST32,
    OP_ST64,
    OP_IST16,
    OP_IST32,
    OP_IST64,
    OP_BSTP,
    OP_BLD,
    OP_ILD16,
    OP_COUNT
};

static const char *const names[OP_COUNT] = {"fadd",    "fsub",   "fmul",   "fdiv",  "fsqrt", "frndint", "fscale",
                                            "fxtract", "fprem",  "fprem1", "fcom",  "fucom", "fadd32",  "fmul64",
                                            "fdivr32", "fcom64", "fld32",  "fld64", "fst32", "fst64",   "fist16",
                                            "fist32",  "fist64", "fbstp",  "fbld",  "fild16"};

enum { SW_C0 = 0x100, SW_C1 = 0x200, SW_C2 = 0x400, SW_C3 = 0x4000 };

/* The operand in memory of the forms that have one comes as raw bytes. */
struct operands {
    struct f80 a, b;
    u8 mem[16];
    u16 cw;
};

static u16 order_bits(enum fp_order o)
{
    static const u16 bits[4] = {
        [FP_LESS] = SW_C0, [FP_EQUAL] = SW_C3, [FP_GREATER] = 0, [FP_UNORDERED] = SW_C0 | SW_C2 | SW_C3};
    return bits[o];
}

/* Values that the silicon would not store are not compared. */
static struct f80 from_bits(u64 v)
{
    return (struct f80){v, 0};
}

static struct outcome soft(enum op op, const struct operands *o)
{
    struct fp_env env = fp_env_x87(o->cw);
    struct outcome r = {0};
    int q = 0;
    u16 cc = 0;
    switch (op) {
    case OP_ADD:
        r.v = f80_add(&env, o->a, o->b);
        break;
    case OP_SUB:
        r.v = f80_sub(&env, o->a, o->b);
        break;
    case OP_MUL:
        r.v = f80_mul(&env, o->a, o->b);
        break;
    case OP_DIV:
        r.v = f80_div(&env, o->a, o->b);
        break;
    case OP_SQRT:
        r.v = f80_sqrt(&env, o->a);
        break;
    case OP_RNDINT:
        r.v = f80_round_int(&env, o->a);
        break;
    case OP_SCALE:
        r.v = f80_scale(&env, o->a, o->b);
        break;
    case OP_EXTRACT:
        r.v = f80_extract(&env, o->a, &r.v2);
        break;
    case OP_PREM:
    case OP_PREM1:
        r.v = f80_rem(&env, o->a, o->b, op == OP_PREM1, &q);
        cc = q < 0 ? SW_C2 : (q & 1 ? SW_C1 : 0) | (q & 2 ? SW_C3 : 0) | (q & 4 ? SW_C0 : 0);
        env.c1 = false;
        break;
    case OP_COM:
    case OP_UCOM:
        cc = order_bits(f80_compare(&env, o->a, o->b, op == OP_UCOM));
        break;
    case OP_ADD32:
        r.v = f80_add(&env, o->a, f80_expand32(&env, ld32(o->mem)));
        break;
    case OP_MUL64:
        r.v = f80_mul(&env, o->a, f80_expand64(&env, ld64(o->mem)));
        break;
    case OP_DIVR32:
        r.v = f80_div(&env, f80_expand32(&env, ld32(o->mem)), o->a);
        break;
    case OP_COM64:
        cc = order_bits(f80_compare(&env, o->a, f80_expand64(&env, ld64(o->mem)), false));
        break;
    case OP_LD32:
        r.v = f80_from_f32(&env, ld32(o->mem));
        break;
    case OP_LD64:
        r.v = f80_from_f64(&env, ld64(o->mem));
        break;
    case OP_ST32:
        r.v = from_bits(f80_to_f32(&env, o->a));
        break;
    case OP_ST64:
        r.v = from_bits(f80_to_f64(&env, o->a));
        break;
    case OP_IST16:
        r.v = from_bits((u16)f80_to_s16(&env, o->a));
        break;
    case OP_IST32:
        r.v = from_bits((u32)f80_to_s32(&env, o->a));
        break;
    case OP_IST64:
        r.v = from_bits((u64)f80_to_s64(&env, o->a));
        break;
    case OP_BSTP: {
        u8 bcd[10];
        f80_to_bcd(&env, o->a, bcd);
        r.v = f80_load(bcd);
        break;
    }
    case OP_BLD:
        r.v = f80_from_bcd(o->mem);
        break;
    case OP_ILD16:
        r.v = f80_from_s64((s16)ld16(o->mem));
        break;
    default:
        break;
    }
    r.sw = (u16)(env.flags | cc | (env.c1 ? SW_C1 : 0));
    return r;
}

/* Nothing is stored when one of these is raised unmasked. */
static u16 not_stored(enum op op)
{
    return op >= OP_ST32 && op <= OP_ST64 ? FP_IE | FP_OE | FP_UE : FP_PRE;
}

static void make_case(struct cases *c, enum op op, struct operands *o, bool unmasked)
{
    o->a = cases_f80(c);
    o->b = cases_f80(c);
    if (cases_below(c, 16) == 0)
        o->b = o->a;
    if (cases_below(c, 16) == 0) {
        o->b.m = o->a.m ^ cases_below(c, 4);
        o->b.se = o->a.se ^ (u16)(cases_next(c) & 0x8000);
    }
    if (op == OP_PREM || op == OP_PREM1)
        if (cases_below(c, 2))
            o->b.se = (u16)((o->a.se & 0x7FFF) - cases_below(c, 70) + 4) & 0x7FFF;
    u64 v = cases_f64(c);
    if (op == OP_ADD32 || op == OP_DIVR32 || op == OP_LD32)
        v = cases_f32(c);
    memset(o->mem, 0, sizeof o->mem);
    st64(o->mem, v);
    if (op == OP_BLD) {
        for (int i = 0; i < 9; i++)
            o->mem[i] = (u8)(cases_below(c, 10) + 16 * (i & 7));
        o->mem[9] = cases_below(c, 2) ? 0x80 : 0;
    }
    u16 rc = (u16)(cases_below(c, 4) << 10);
    static const u16 pc[3] = {0x000, 0x200, 0x300};
    u16 masks = unmasked ? cases_next(c) & 0x3F : 0x3F;
    o->cw = rc | pc[cases_below(c, 3)] | masks | 0x40;
}

#ifdef __x86_64__
#define RUN(load, code, store, buffer)                                                                                 \
    __asm__ volatile("fninit\n\t" load "\n\tfldcw %[cw]\n\t" code                                                      \
                     "\n\tfnstsw %[sw]\n\tfnclex\n\tfldcw %[def]\n\t" store                                            \
                     : [sw] "=m"(sw), [r] "=m"(r.v), [r2] "=m"(r.v2), [out] "+m"(buffer)                               \
                     : [a] "m"(o->a), [b] "m"(o->b), [mem] "m"(o->mem), [cw] "m"(o->cw), [def] "m"(def)                \
                     : "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)")
#define BINARY(code) RUN("fldt %[b]\n\tfldt %[a]", code, "fstpt %[r]", raw)
#define UNARY(code) RUN("fldt %[a]", code, "fstpt %[r]", raw)
#define MEMORY(code) RUN("fldt %[a]", code, "fstpt %[r]", raw)
#define LOAD(code) RUN("", code, "", raw)
#define STORE(code) RUN("fldt %[a]", code, "", raw)

static struct outcome host(enum op op, const struct operands *o)
{
    struct outcome r = {0};
    u16 sw = 0, def = 0x37F;
    u8 raw[16] = {0};
    bool stored = false;
    switch (op) {
    case OP_ADD:
        BINARY("fadd %%st(1), %%st");
        break;
    case OP_SUB:
        BINARY("fsub %%st(1), %%st");
        break;
    case OP_MUL:
        BINARY("fmul %%st(1), %%st");
        break;
    case OP_DIV:
        BINARY("fdiv %%st(1), %%st");
        break;
    case OP_SQRT:
        UNARY("fsqrt");
        break;
    case OP_RNDINT:
        UNARY("frndint");
        break;
    case OP_SCALE:
        BINARY("fscale");
        break;
    case OP_EXTRACT:
        RUN("fldt %[a]", "fxtract", "fstpt %[r]\n\tfstpt %[r2]", raw);
        break;
    case OP_PREM:
        BINARY("fprem");
        break;
    case OP_PREM1:
        BINARY("fprem1");
        break;
    case OP_COM:
        BINARY("fcom");
        break;
    case OP_UCOM:
        BINARY("fucom");
        break;
    case OP_ADD32:
        MEMORY("fadds %[mem]");
        break;
    case OP_MUL64:
        MEMORY("fmull %[mem]");
        break;
    case OP_DIVR32:
        MEMORY("fdivrs %[mem]");
        break;
    case OP_COM64:
        MEMORY("fcoml %[mem]");
        break;
    case OP_LD32:
        LOAD("flds %[mem]\n\tfnstsw %[r2]");
        break;
    case OP_LD64:
        LOAD("fldl %[mem]\n\tfnstsw %[r2]");
        break;
    case OP_BLD:
        LOAD("fbld %[mem]\n\tfnstsw %[r2]");
        break;
    case OP_ILD16:
        LOAD("filds %[mem]\n\tfnstsw %[r2]");
        break;
    case OP_ST32:
        STORE("fsts %[out]");
        stored = true;
        break;
    case OP_ST64:
        STORE("fstl %[out]");
        stored = true;
        break;
    case OP_IST16:
        STORE("fists %[out]");
        stored = true;
        break;
    case OP_IST32:
        STORE("fistl %[out]");
        stored = true;
        break;
    case OP_IST64:
        STORE("fistpll %[out]");
        stored = true;
        break;
    case OP_BSTP:
        STORE("fbstp %[out]");
        stored = true;
        break;
    default:
        break;
    }
    if (op >= OP_LD32 && op <= OP_LD64)
        stored = false;
    if ((op == OP_LD32 || op == OP_LD64 || op == OP_BLD || op == OP_ILD16)) {
        r.v2 = F80_ZERO;
        if ((sw & 0x3800) == 0x3800) /* something was pushed */
            __asm__ volatile("fstpt %0" : "=m"(r.v));
    }
    if (stored)
        r.v = f80_load(raw);
    __asm__ volatile("fninit");
    r.sw = sw & (FP_ALL | SW_C0 | SW_C1 | SW_C2 | SW_C3);
    u16 cc =
        op == OP_COM || op == OP_UCOM || op == OP_COM64 || op == OP_PREM || op == OP_PREM1 ? SW_C0 | SW_C2 | SW_C3 : 0;
    r.sw &= (u16)(FP_ALL | SW_C1 | cc);
    return r;
}

static bool same(enum op op, const struct operands *o, const struct outcome *h, const struct outcome *s)
{
    u16 unmasked = s->sw & FP_ALL & ~o->cw;
    if (h->sw != s->sw)
        return false;
    if ((unmasked & not_stored(op)) || op == OP_COM || op == OP_UCOM || op == OP_COM64)
        return true;
    return h->v.m == s->v.m && h->v.se == s->v.se && h->v2.m == s->v2.m && h->v2.se == s->v2.se;
}

static void compare_with_host(enum op op, bool unmasked)
{
    struct cases c = {.state = 0x1234567 + op * 77 + unmasked};
    u32 n = cases_count(40000), bad = 0;
    for (u32 i = 0; i < n; i++) {
        struct operands o = {0};
        make_case(&c, op, &o, unmasked);
        struct outcome h = host(op, &o), s = soft(op, &o);
        if (!same(op, &o, &h, &s) && bad++ < 10)
            print_message("%s cw %04X a %04X:%016llX b %04X:%016llX mem %016llX\n  host %04X:%016llX %04X:%016llX sw "
                          "%04X\n  soft "
                          "%04X:%016llX %04X:%016llX sw %04X\n",
                          names[op], o.cw, o.a.se, (unsigned long long)o.a.m, o.b.se, (unsigned long long)o.b.m,
                          (unsigned long long)ld64(o.mem), h.v.se, (unsigned long long)h.v.m, h.v2.se,
                          (unsigned long long)h.v2.m, h.sw, s.v.se, (unsigned long long)s.v.m, s.v2.se,
                          (unsigned long long)s.v2.m, s.sw);
    }
    if (bad)
        print_message("%s%s: %u of %u differ\n", names[op], unmasked ? " unmasked" : "", bad, n);
    assert_int_equal(bad, 0);
}

static void test_against_host_masked(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++)
        compare_with_host((enum op)op, false);
}

static void test_against_host_unmasked(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++)
        compare_with_host((enum op)op, true);
}
#endif

/* The same bits on every host: what the silicon confirmed, condensed. */
static void test_hash(void **state)
{
    (void)state;
    struct cases c = {.state = 0xABCDEF};
    for (int i = 0; i < 200000; i++) {
        enum op op = (enum op)cases_below(&c, OP_COUNT);
        struct operands o = {0};
        make_case(&c, op, &o, i & 1);
        struct outcome s = soft(op, &o);
        cases_mix(&c, s.sw);
        if (!(s.sw & FP_ALL & ~o.cw & not_stored(op))) {
            cases_mix(&c, s.v.m ^ s.v2.m);
            cases_mix(&c, s.v.se ^ (u32)s.v2.se << 16);
        }
    }
    if (c.hash != HASH)
        print_message("hash %#llx\n", (unsigned long long)c.hash);
    assert_true(c.hash == HASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
#ifdef __x86_64__
        cmocka_unit_test(test_against_host_masked),
        cmocka_unit_test(test_against_host_unmasked),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
