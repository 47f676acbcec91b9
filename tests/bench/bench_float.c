/* bench_float.c - floating point off the beaten track: what programs of the time do beside additions and
 * multiplications. */
#define _GNU_SOURCE
#include "bench.h"
#pragma GCC push_options
#pragma GCC target("sse,sse2,fpmath=sse")
#include <emmintrin.h>
#pragma GCC pop_options
#include <math.h>
#include <string.h>

#define X87 __attribute__((target("fpmath=387"), noinline))
#define SSE2 __attribute__((target("sse,sse2,fpmath=sse"), noinline))

enum { N = 256 };
static double d64[N];
static float d32[N];
static int32_t i32[N];
static int16_t i16[N];

static void fill(void)
{
    for (int i = 0; i < N; i++) {
        i32[i] = (int32_t)rnd() >> (i & 15);
        i16[i] = (int16_t)i32[i];
        d64[i] = i32[i] / 1024.0;
        d32[i] = (float)d64[i];
    }
}

static uint32_t rounds(uint32_t n, uint32_t (*f)(void))
{
    uint32_t sum = 0;
    fill();
    while (n--) {
        sum = sum * 3 + f();
        __asm__ volatile("" : : : "memory");
    }
    return sum;
}

#define CASE(name, attribute, n, ...)                                                                                  \
    attribute static uint32_t name##_once(void)                                                                        \
    {                                                                                                                  \
        uint32_t sum = 0;                                                                                              \
        __VA_ARGS__                                                                                                    \
        return sum;                                                                                                    \
    }                                                                                                                  \
    static uint32_t name(void)                                                                                         \
    {                                                                                                                  \
        return rounds(n, name##_once);                                                                                 \
    }

CASE(
    denormal_387, X87, 300, volatile double s = 0; for (int i = 0; i < N; i++) {
        volatile double v = d64[i] * 1e-308 * 1e-3;
        s += v * 0.5 + v;
    } sum = s > 0 ? 1 : 2;)
CASE(unmasked_sse2, SSE2, 1000, unsigned old = _mm_getcsr(); _mm_setcsr(old & ~0x280u); double s = 0;
     for (int i = 0; i < N; i++) s += d64[i] * 0.5; _mm_setcsr(old); sum = (uint32_t)(int32_t)s;)
CASE(unmasked_387, X87, 500, uint16_t old; uint16_t cw; __asm__ volatile("fnclex; fnstcw %0"
                                                                         : "=m"(old));
     cw = (uint16_t)(old & ~5); __asm__ volatile("fldcw %0"
                                                 :
                                                 : "m"(cw));
     double s = 1; for (int i = 0; i < N; i++) s = s * 0.99 + d64[i] / 3; __asm__ volatile("fnclex; fldcw %0"
                                                                                           :
                                                                                           : "m"(old));
     sum = (uint32_t)(int64_t)s;)
CASE(
    rcp_sse, SSE2, 2000, __m128 s = _mm_setzero_ps(); for (int i = 0; i < N; i += 4) {
        __m128 v = _mm_loadu_ps(d32 + i), r = _mm_rcp_ps(v);
        r = _mm_sub_ps(_mm_add_ps(r, r), _mm_mul_ps(_mm_mul_ps(r, r), v));
        s = _mm_add_ps(s, _mm_mul_ps(r, _mm_rsqrt_ps(_mm_mul_ps(v, v))));
    } sum = _mm_cvtss_si32(s) != 0;)
CASE(
    emms, X87, 4000, double s = 0; for (int i = 0; i < N; i += 4) {
        uint32_t r;
        __asm__ volatile("movq %1, %%mm0; paddw %2, %%mm0; pmaddwd %%mm0, %%mm0; movd %%mm0, %0; emms"
                         : "=r"(r)
                         : "m"(i16[i]), "m"(i16[i & 128]));
        s += r;
    } sum = (uint32_t)(int64_t)s;)
CASE(
    cvt_packed, SSE2, 3000, __m128d s = _mm_setzero_pd(); for (int i = 0; i < N; i += 4) {
        __m128 f = _mm_cvtepi32_ps(_mm_loadu_si128((void *)(i32 + i)));
        __m128i t = _mm_cvttps_epi32(f);
        t = _mm_xor_si128(t, _mm_cvtps_epi32(_mm_loadu_ps(d32 + i)));
        s = _mm_add_pd(s, _mm_cvtepi32_pd(t));
        s = _mm_add_pd(s, _mm_cvtps_pd(_mm_cvtpd_ps(_mm_loadu_pd(d64 + i))));
        t = _mm_add_epi32(_mm_cvttpd_epi32(s), _mm_cvtpd_epi32(s));
        sum += (uint32_t)_mm_cvtsi128_si32(t);
    })
CASE(
    ldmxcsr, SSE2, 2000, for (int i = 0; i < N; i++) {
        unsigned old = _mm_getcsr();
        _mm_setcsr((old & ~0x6000u) | 0x2000);
        sum += (uint32_t)_mm_cvtsd_si32(_mm_set_sd(d64[i]));
        _mm_setcsr(old);
    })
CASE(
    deep_387, X87, 2000, for (int i = 0; i + 8 < N; i += 4) {
        uint32_t n = 6;
        double r;
        __asm__ volatile("fldl (%2); fldl 8(%2); fldl 16(%2); fldl 24(%2); fldl 32(%2); fldl 40(%2);"
                         "1: fxch %%st(5); fmul %%st(1); fxch %%st(3); fadd %%st(4); fxch %%st(2); decl %1; jnz 1b;"
                         "faddp; faddp; faddp; faddp; faddp; fstpl %0"
                         : "=m"(r), "+r"(n)
                         : "r"(d64 + i)
                         : "cc", "memory");
        sum += r > 0;
    })
CASE(
    bcd, X87, 1000, for (int i = 0; i < N; i++) {
        uint8_t b[10];
        double r;
        __asm__ volatile("fildl %2; fbstp %0; fbld %0; fstpl %1" : "=m"(b), "=m"(r) : "m"(i32[i]));
        sum += b[0] + (r > 0);
    })
CASE(
    fenv_387, X87, 500, for (int i = 0; i < N; i++) {
        uint32_t e[7];
        __asm__ volatile("fnstenv %0; fldenv %0; fnclex" : "=m"(e) : "m"(d64[i]));
        sum += e[0] & 1;
    })
CASE(
    exp_387, X87, 400, long double s = 0; for (int i = 0; i < N; i++) {
        long double v = d64[i] * 1e-6, r;
        __asm__("fldl2e; fmulp; fld %%st(0); frndint; fsubr %%st(0), %%st(1); fxch; f2xm1; fld1; faddp; fscale; fstp "
                "%%st(1)"
                : "=t"(r)
                : "0"(v));
        s += r;
    } sum = (uint32_t)(int64_t)s;)
CASE(
    log_387, X87, 400, long double s = 0; for (int i = 0; i < N; i++) {
        long double v = fabs(d64[i]) + 0.001, r;
        __asm__("fldln2; fxch; fyl2x" : "=t"(r) : "0"(v));
        s += r;
    } sum = (uint32_t)(int64_t)s;)
CASE(
    sin_387, X87, 400, long double s = 0; for (int i = 0; i < N; i++) {
        long double v = d64[i] * 1e-4, r;
        __asm__("fsin" : "=t"(r) : "0"(v));
        s += r;
    } sum = (uint32_t)(int64_t)s;)

const struct program float_programs[] = {
    {"float", "unmasked_sse2", unmasked_sse2, 3},
    {"float", "unmasked_387", unmasked_387, 3},
    {"float", "rcp_sse", rcp_sse, 3},
    {"float", "emms", emms, 3},
    {"float", "cvt_packed", cvt_packed, 3},
    {"float", "ldmxcsr", ldmxcsr, 3},
    {"float", "deep_387", deep_387, 3},
    {"float", "bcd", bcd, 3},
    {"float", "fenv_387", fenv_387, 3},
    {"float", "exp_387", exp_387, 3},
    {"float", "log_387", log_387, 3},
    {"float", "sin_387", sin_387, 3},
    {0},
};
