/*
 * test_softfp_sse.c - single and double precision against the host's SSE2 where there is one, and against a hash of
 * the results everywhere.
 */
#include "tests/unit/softfp_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Hash of the results of test_hash, taken where test_against_host_* pass. */
#define HASH 0x43f5460909360e51ull

enum op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_SQRT,
    OP_MIN,
    OP_MAX,
    OP_COMI,
    OP_UCOMI,
    OP_CMP0,
    OP_CMP7 = OP_CMP0 + 7,
    OP_WIDTH, /* single to double, double to single */
    OP_TO_S32,
    OP_TO_S32_CHOP,
    OP_TO_S64,
    OP_TO_S64_CHOP,
    OP_FROM_S32,
    OP_FROM_S64,
    OP_COUNT
};

struct outcome {
    u64 v;
    u8 flags;
};

static u64 soft_value(enum op op, bool dbl, struct fp_env *env, u64 a, u64 b)
{
    u32 x = (u32)a, y = (u32)b;
    switch (op) {
    case OP_ADD:
        return dbl ? f64_add(env, a, b) : f32_add(env, x, y);
    case OP_SUB:
        return dbl ? f64_sub(env, a, b) : f32_sub(env, x, y);
    case OP_MUL:
        return dbl ? f64_mul(env, a, b) : f32_mul(env, x, y);
    case OP_DIV:
        return dbl ? f64_div(env, a, b) : f32_div(env, x, y);
    case OP_SQRT:
        return dbl ? f64_sqrt(env, b) : f32_sqrt(env, y);
    case OP_MIN:
        return dbl ? f64_min(env, a, b) : f32_min(env, x, y);
    case OP_MAX:
        return dbl ? f64_max(env, a, b) : f32_max(env, x, y);
    case OP_COMI:
    case OP_UCOMI:
        return dbl ? f64_compare(env, a, b, op == OP_UCOMI) : f32_compare(env, x, y, op == OP_UCOMI);
    case OP_WIDTH:
        return dbl ? f64_to_f32(env, b) : f32_to_f64(env, y);
    case OP_TO_S32:
    case OP_TO_S32_CHOP:
        return (u32)(dbl ? f64_to_s32(env, b, op == OP_TO_S32_CHOP) : f32_to_s32(env, y, op == OP_TO_S32_CHOP));
    case OP_TO_S64:
    case OP_TO_S64_CHOP:
        return (u64)(dbl ? f64_to_s64(env, b, op == OP_TO_S64_CHOP) : f32_to_s64(env, y, op == OP_TO_S64_CHOP));
    case OP_FROM_S32:
        return dbl ? f64_from_s64(env, (s32)b) : f32_from_s64(env, (s32)b);
    case OP_FROM_S64:
        return dbl ? f64_from_s64(env, (s64)b) : f32_from_s64(env, (s64)b);
    default:
        return dbl ? f64_predicate(env, a, b, op - OP_CMP0) : f32_predicate(env, x, y, op - OP_CMP0);
    }
}

static struct outcome soft(enum op op, bool dbl, u32 mxcsr, u64 a, u64 b)
{
    struct fp_env env = fp_env_sse(mxcsr);
    struct outcome r = {.v = soft_value(op, dbl, &env, a, b)};
    if (fp_sse_settle(&env))
        r.v = 0;
    r.flags = env.flags;
    return r;
}

static void make_case(struct cases *c, enum op op, bool dbl, u64 *a, u64 *b)
{
    *a = dbl ? cases_f64(c) : cases_f32(c);
    *b = dbl ? cases_f64(c) : cases_f32(c);
    switch (cases_below(c, 16)) {
    case 0:
        *b = *a;
        break;
    case 1:
        *b = *a ^ cases_below(c, 3);
        *b ^= (u64)cases_below(c, 2) << (dbl ? 63 : 31);
        break;
    default:
        break;
    }
    if (op == OP_FROM_S32 || op == OP_FROM_S64) {
        *b = cases_bits(c);
        *b >>= cases_below(c, 40);
    }
}

#ifdef __x86_64__
#include <signal.h>
#include <ucontext.h>

static sigjmp_buf trapped;
static volatile u32 trapped_mxcsr;

static void on_sigfpe(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    (void)sig;
    (void)info;
    trapped_mxcsr = u->uc_mcontext.fpregs->mxcsr;
    siglongjmp(trapped, 1);
}

#define SSE(code)                                                                                                      \
    __asm__ volatile("ldmxcsr %[csr]\n\t" code "\n\tstmxcsr %[out]\n\tldmxcsr %[def]"                                  \
                     : [x] "+x"(x), [out] "=m"(out), [r] "+r"(r)                                                       \
                     : [y] "x"(y), [b] "r"(b), [csr] "m"(csr), [def] "m"(def)                                          \
                     : "cc", "memory")
#define BOTH(name)                                                                                                     \
    dbl ? ({                                                                                                           \
        SSE(name "sd %[y], %[x]");                                                                                     \
        0;                                                                                                             \
    })                                                                                                                 \
        : ({                                                                                                           \
              SSE(name "ss %[y], %[x]");                                                                               \
              0;                                                                                                       \
          })
#define CMP(n) BOTH_CMP(n)
#define BOTH_CMP(n)                                                                                                    \
    dbl ? ({                                                                                                           \
        SSE("cmpsd $" #n ", %[y], %[x]");                                                                              \
        0;                                                                                                             \
    })                                                                                                                 \
        : ({                                                                                                           \
              SSE("cmpss $" #n ", %[y], %[x]");                                                                        \
              0;                                                                                                       \
          })
#define COMPARE(name)                                                                                                  \
    dbl ? ({                                                                                                           \
        SSE(name "sd %[y], %[x]\n\tpushfq\n\tpopq %[r]");                                                              \
        0;                                                                                                             \
    })                                                                                                                 \
        : ({                                                                                                           \
              SSE(name "ss %[y], %[x]\n\tpushfq\n\tpopq %[r]");                                                        \
              0;                                                                                                       \
          })

typedef long long vec __attribute__((vector_size(16)));

static u64 order_of_flags(u64 eflags)
{
    if (eflags & 4)
        return FP_UNORDERED;
    if (eflags & 0x40)
        return FP_EQUAL;
    return eflags & 1 ? FP_LESS : FP_GREATER;
}

static void host_run(enum op op, bool dbl, u32 csr, u64 a, u64 b, u64 *value, u32 *mxcsr)
{
    vec x = {(long long)a}, y = {(long long)b};
    u32 out = 0, def = 0x1F80;
    u64 r = 0;
    switch ((int)op) {
    case OP_ADD:
        (void)(BOTH("add"));
        break;
    case OP_SUB:
        (void)(BOTH("sub"));
        break;
    case OP_MUL:
        (void)(BOTH("mul"));
        break;
    case OP_DIV:
        (void)(BOTH("div"));
        break;
    case OP_SQRT:
        (void)(BOTH("sqrt"));
        break;
    case OP_MIN:
        (void)(BOTH("min"));
        break;
    case OP_MAX:
        (void)(BOTH("max"));
        break;
    case OP_COMI:
        (void)(COMPARE("comi"));
        break;
    case OP_UCOMI:
        (void)(COMPARE("ucomi"));
        break;
    case OP_CMP0:
        (void)(CMP(0));
        break;
    case OP_CMP0 + 1:
        (void)(CMP(1));
        break;
    case OP_CMP0 + 2:
        (void)(CMP(2));
        break;
    case OP_CMP0 + 3:
        (void)(CMP(3));
        break;
    case OP_CMP0 + 4:
        (void)(CMP(4));
        break;
    case OP_CMP0 + 5:
        (void)(CMP(5));
        break;
    case OP_CMP0 + 6:
        (void)(CMP(6));
        break;
    case OP_CMP0 + 7:
        (void)(CMP(7));
        break;
    case OP_WIDTH:
        (void)(dbl ? ({
            SSE("cvtsd2ss %[y], %[x]");
            0;
        })
                   : ({
                         SSE("cvtss2sd %[y], %[x]");
                         0;
                     }));
        break;
    case OP_TO_S32:
        (void)(dbl ? ({
            SSE("cvtsd2si %[y], %k[r]");
            0;
        })
                   : ({
                         SSE("cvtss2si %[y], %k[r]");
                         0;
                     }));
        break;
    case OP_TO_S32_CHOP:
        (void)(dbl ? ({
            SSE("cvttsd2si %[y], %k[r]");
            0;
        })
                   : ({
                         SSE("cvttss2si %[y], %k[r]");
                         0;
                     }));
        break;
    case OP_TO_S64:
        (void)(dbl ? ({
            SSE("cvtsd2si %[y], %[r]");
            0;
        })
                   : ({
                         SSE("cvtss2si %[y], %[r]");
                         0;
                     }));
        break;
    case OP_TO_S64_CHOP:
        (void)(dbl ? ({
            SSE("cvttsd2si %[y], %[r]");
            0;
        })
                   : ({
                         SSE("cvttss2si %[y], %[r]");
                         0;
                     }));
        break;
    case OP_FROM_S32:
        (void)(dbl ? ({
            SSE("cvtsi2sdl %k[b], %[x]");
            0;
        })
                   : ({
                         SSE("cvtsi2ssl %k[b], %[x]");
                         0;
                     }));
        break;
    case OP_FROM_S64:
        (void)(dbl ? ({
            SSE("cvtsi2sdq %[b], %[x]");
            0;
        })
                   : ({
                         SSE("cvtsi2ssq %[b], %[x]");
                         0;
                     }));
        break;
    }
    *mxcsr = out;
    if (op == OP_COMI || op == OP_UCOMI)
        *value = order_of_flags(r);
    else if (op >= OP_TO_S32 && op <= OP_TO_S64_CHOP)
        *value = r;
    else if (op >= OP_CMP0 && op <= OP_CMP7)
        *value = (u64)x[0] & 1;
    else
        *value = dbl == (op == OP_WIDTH) ? (u32)x[0] : (u64)x[0];
}

static struct outcome host(enum op op, bool dbl, u32 csr, u64 a, u64 b)
{
    struct outcome r = {0};
    u32 out = 0;
    if (sigsetjmp(trapped, 1) == 0) {
        host_run(op, dbl, csr, a, b, &r.v, &out);
    } else {
        u32 def = 0x1F80;
        out = trapped_mxcsr;
        r.v = 0;
        __asm__ volatile("ldmxcsr %0" : : "m"(def));
    }
    r.flags = out & FP_ALL;
    return r;
}

static u32 compare_with_host(enum op op, bool dbl, bool unmasked, u32 n)
{
    struct cases c = {.state = 0x7654321 + op * 77 + unmasked * 2 + dbl};
    u32 bad = 0;
    for (u32 i = 0; i < n; i++) {
        u64 a, b;
        make_case(&c, op, dbl, &a, &b);
        u64 bits = cases_next(&c);
        u32 csr = (u32)(bits >> 11 & 0x6000) | (bits >> 20 & 0x8040 & (bits >> 40)) |
                  (unmasked ? bits >> 30 & 0x1F80 : 0x1F80);
        struct outcome h = host(op, dbl, csr, a, b), s = soft(op, dbl, csr, a, b);
        if ((h.v != s.v || h.flags != s.flags) && bad++ < 10)
            print_message("op %d %s mxcsr %04X a %016llX b %016llX host %016llX %02X soft %016llX %02X\n", op,
                          dbl ? "sd" : "ss", csr, (unsigned long long)a, (unsigned long long)b, (unsigned long long)h.v,
                          h.flags, (unsigned long long)s.v, s.flags);
    }
    if (bad)
        print_message("op %d %s%s: %u of %u differ\n", op, dbl ? "sd" : "ss", unmasked ? " unmasked" : "", bad, n);
    return bad;
}

static void test_against_host_masked(void **state)
{
    (void)state;
    u32 bad = 0;
    for (int op = 0; op < OP_COUNT; op++)
        for (int dbl = 0; dbl < 2; dbl++)
            bad += compare_with_host((enum op)op, dbl, false, cases_count(40000));
    assert_int_equal(bad, 0);
}

static void test_against_host_unmasked(void **state)
{
    (void)state;
    u32 bad = 0;
    struct sigaction act = {.sa_sigaction = on_sigfpe, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGFPE, &act, &old);
    for (int op = 0; op < OP_COUNT; op++)
        for (int dbl = 0; dbl < 2; dbl++)
            bad += compare_with_host((enum op)op, dbl, true, cases_count(4000));
    sigaction(SIGFPE, &old, NULL);
    assert_int_equal(bad, 0);
}
#endif

/* The same bits on every host: what the silicon confirmed, condensed. */
static void test_hash(void **state)
{
    (void)state;
    struct cases c = {.state = 0xABCDEF};
    for (int i = 0; i < 200000; i++) {
        enum op op = (enum op)cases_below(&c, OP_COUNT);
        bool dbl = cases_below(&c, 2);
        u64 a, b, bits = cases_next(&c);
        make_case(&c, op, dbl, &a, &b);
        struct outcome s = soft(op, dbl, bits & 0xE040 ? bits & 0xFFC0 : 0x1F80, a, b);
        cases_mix(&c, s.v);
        cases_mix(&c, s.flags);
    }
    if (c.hash != HASH)
        print_message("hash %#llx\n", (unsigned long long)c.hash);
    assert_true(c.hash == HASH);
}

/* |approximation * x - 1| < 1.5 * 2^-12, in units of 2^-36. */
static void test_rcp(void **state)
{
    (void)state;
    for (u32 i = 0; i < 1u << 23; i += 37) {
        u32 r = f32_rcp(0x3F800000 | i);
        assert_int_equal(r >> 23, 126);
        u64 product = (u64)(i | 1u << 23) * ((r & 0x7FFFFF) | 1u << 23); /* 1 is 2^47 */
        u64 error = product > 1ull << 47 ? product - (1ull << 47) : (1ull << 47) - product;
        assert_true(error < 3ull << 34);
    }
    assert_int_equal(f32_rcp(0x3F800000), 0x3F7FF000);
    assert_int_equal(f32_rcp(0), 0x7F800000);
    assert_int_equal(f32_rcp(0x80000001), 0xFF800000);
    assert_int_equal(f32_rcp(0xFF800000), 0x80000000);
    assert_int_equal(f32_rcp(0x7F800001), 0x7FC00001);
    assert_int_equal(f32_rcp(0x7E7A0000) & 0xFF800000, 0x00800000); /* the last that is not tiny by the manual */
    assert_int_equal(f32_rcp(0xFE800C01), 0x80000000);              /* the first that is */
}

/* |r * r * x - 1| < 3 * 2^-12, in units of 2^-70. */
static void test_rsqrt(void **state)
{
    (void)state;
    for (u32 i = 0; i < 1u << 24; i += 37) {
        u32 a = 0x3F800000 + i; /* [1, 4) */
        u32 r = f32_rsqrt(a);
        assert_int_equal(r >> 23, 126);
        u64 root = (r & 0x7FFFFF) | 1u << 23;
        unsigned __int128 one = (unsigned __int128)1 << 71;
        unsigned __int128 product = (unsigned __int128)(root * root) * ((a & 0x7FFFFF) | 1u << 23)
                                    << (a >> 23 & 1 ? 0 : 1);
        unsigned __int128 error = product > one ? product - one : one - product;
        assert_true(error < one / 4096 * 3);
    }
    assert_int_equal(f32_rsqrt(0x80000000), 0xFF800000);
    assert_int_equal(f32_rsqrt(0xBF800000), 0xFFC00000);
    assert_int_equal(f32_rsqrt(0xFF800000), 0xFFC00000);
    assert_int_equal(f32_rsqrt(0x7F800000), 0);
    assert_int_equal(f32_rsqrt(0xFF800001), 0xFFC00001);
    assert_int_equal(f32_rsqrt(0x7F7FFFFF) >> 23, 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_rcp),
        cmocka_unit_test(test_rsqrt),
#ifdef __x86_64__
        cmocka_unit_test(test_against_host_masked),
        cmocka_unit_test(test_against_host_unmasked),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
