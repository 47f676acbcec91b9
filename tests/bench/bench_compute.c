/* bench_compute.c - arithmetic that is not plain 32-bit additions, and floating point as ordinary programs have it. */
#define _GNU_SOURCE
#include "bench.h"
#include <emmintrin.h>
#include <math.h>
#include <string.h>

/* ---- integers ---- */

static uint32_t divide(void)
{
    uint64_t a = 0xFEDCBA9876543210;
    uint32_t sum = 0;
    for (uint32_t i = 1; i < 600000; i++) {
        uint64_t d = (uint64_t)i << (i & 31) | 1;
        a = a * 6364136223846793005u + i;
        sum += (uint32_t)(a / d) ^ (uint32_t)(a % (i | 1));
        sum += (uint32_t)((int32_t)a / (int32_t)i) + (uint32_t)((int64_t)a / -7) +
               (uint32_t)((int16_t)a / (int16_t)(i | 1));
    }
    return sum;
}

static uint32_t bits(void)
{
    static uint32_t map[1024];
    uint32_t sum = 0, v = 1;
    memset(map, 0, sizeof map);
    for (uint32_t i = 0; i < 1500000; i++) {
        uint32_t at = (v >> 7) & 32767, low, high;
        uint8_t old;
        v = v * 1664525 + 1013904223;
        __asm__("bsfl %1, %0" : "=r"(low) : "r"(v | 0x80000000) : "cc");
        __asm__("bsrl %1, %0" : "=r"(high) : "r"(v | 1) : "cc");
        __asm__("btcl %2, %1; setc %0" : "=q"(old), "+m"(map) : "r"(at) : "cc", "memory");
        __asm__("shldl %%cl, %1, %0; bswapl %0" : "+r"(sum) : "r"(v), "c"(low) : "cc");
        sum += high + old + (uint32_t)__builtin_popcount(v) + (uint32_t)__builtin_parity(v);
    }
    return sum;
}

/* Carries that go on from instruction to instruction, and flags that are read as values. */
static uint32_t carries(void)
{
    uint32_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[8] = {~0u, ~0u, 1, ~0u, 9, ~0u, 5, 6}, sum = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        uint32_t *p = a, *q = b, n = 8, flags;
        __asm__ volatile("clc; 1: movl (%1), %%eax; adcl %%eax, (%0); leal 4(%0), %0; leal 4(%1), %1; decl %2; jnz 1b"
                         : "+r"(p), "+r"(q), "+r"(n)
                         :
                         : "eax", "cc", "memory");
        __asm__ volatile("rcll $3, %0; sbbl $5, %0; pushfl; popl %1; lahf; addb %%ah, %b0"
                         : "+q"(sum), "=r"(flags)
                         :
                         : "eax", "cc");
        b[i & 7] = b[i & 7] << 1 | b[(i + 1) & 7] >> 31;
        sum += (flags & 0x8D5) + a[7] + (a[3] > a[4]) * 3u + (a[1] < b[1] ? a[2] : b[2]);
    }
    return sum;
}

/* Numbers of 2048 bits multiplied by the word. */
static uint32_t bignum(void)
{
    enum { N = 64 };
    uint32_t a[N], product[2 * N] = {0};
    for (int i = 0; i < N; i++)
        a[i] = rnd();
    for (int round = 0; round < 4000; round++) {
        for (int i = 0; i < N; i++) {
            uint64_t carry = 0;
            for (int k = 0; k < N; k++) {
                carry += (uint64_t)a[i] * a[k] + product[i + k];
                product[i + k] = (uint32_t)carry;
                carry >>= 32;
            }
            product[i + N] = (uint32_t)carry;
        }
        memcpy(a, product + N / 2, sizeof a);
    }
    return product[0] ^ product[N] ^ a[5];
}

/* Registers of 8 and 16 bits and their high halves. */
static uint32_t narrow(void)
{
    uint32_t v = 1;
    for (uint32_t i = 0; i < 16000000; i++)
        __asm__("addb %%ah, %%al; xorb %%al, %%ah; rolw $3, %%ax; incb %%al; adcb $0, %%ah;"
                "movsbw %%al, %%cx; addw %%cx, %%ax;"
                "xchgb %%al, %%ah; movzbl %%ah, %%ecx; addl %%ecx, %%eax"
                : "+a"(v)
                :
                : "ecx", "cc");
    return v;
}

/* ---- floating point ---- */

#define X87 __attribute__((target("fpmath=387"), noinline))
#define SSE2 __attribute__((target("sse2,fpmath=sse"), noinline))
enum { ORDER = 48 };

#define MATRIX(name, attribute, rounds)                                                                                \
    attribute static uint32_t name(void)                                                                               \
    {                                                                                                                  \
        static double a[ORDER][ORDER], b[ORDER][ORDER], c[ORDER][ORDER];                                               \
        for (int i = 0; i < ORDER * ORDER; i++)                                                                        \
            a[i / ORDER][i % ORDER] = i % 17, b[i / ORDER][i % ORDER] = i % 13 - 6, c[i / ORDER][i % ORDER] = 0;       \
        for (int round = 0; round < rounds; round++)                                                                   \
            for (int i = 0; i < ORDER; i++)                                                                            \
                for (int k = 0; k < ORDER; k++) {                                                                      \
                    double s = 0;                                                                                      \
                    for (int j = 0; j < ORDER; j++)                                                                    \
                        s += a[i][j] * b[j][k];                                                                        \
                    c[i][k] = c[i][k] * 0.5 + s;                                                                       \
                }                                                                                                      \
        return (uint32_t)(int32_t)(c[3][4] + 7 * c[40][41]);                                                           \
    }
MATRIX(matrix_387, X87, 20)
MATRIX(matrix_sse2, SSE2, 200)

/* Integers to floats and back with the control word's changes that C's truncation needs. */
#define CONVERT(name, attribute)                                                                                       \
    attribute static uint32_t name(void)                                                                               \
    {                                                                                                                  \
        uint32_t sum = 0;                                                                                              \
        double scale = 1.000001;                                                                                       \
        for (int i = 1; i < 150000; i++) {                                                                             \
            volatile float f = (float)(i * 3);                                                                         \
            volatile double d = i * scale;                                                                             \
            int64_t wide = (int64_t)(d * 65536.0);                                                                     \
            sum += (uint32_t)(int32_t)(f * 0.25f) + (uint32_t)(int32_t)(d * 0.5) + (uint32_t)wide +                    \
                   (uint32_t)(int16_t)(i / d);                                                                         \
            sum ^= (uint32_t)(double)(wide >> 3);                                                                      \
        }                                                                                                              \
        return sum;                                                                                                    \
    }
CONVERT(convert_387, X87)
CONVERT(convert_sse2, SSE2)

/* Comparisons that decide branches, square roots and absolute values: rays that meet spheres. */
#define RAYS(name, attribute, rays)                                                                                    \
    attribute static uint32_t name(void)                                                                               \
    {                                                                                                                  \
        uint32_t hits = 0;                                                                                             \
        for (int i = 0; i < rays; i++) {                                                                               \
            double dx = (i % 200 - 100) * 0.01, dy = (i / 400 % 100 - 50) * 0.02, near = 1e30;                         \
            for (int k = 0; k < 6; k++) {                                                                              \
                double cx = k - 2.5, cz = 3 + k * 0.5, a = dx * dx + dy * dy + 1, b = dx * cx + cz,                    \
                       c = cx * cx + cz * cz - 1;                                                                      \
                double d = b * b - a * c;                                                                              \
                if (d >= 0) {                                                                                          \
                    double t = (b - sqrt(d)) / a;                                                                      \
                    if (t > 0 && t < near)                                                                             \
                        near = t, hits += (uint32_t)k + 1;                                                             \
                }                                                                                                      \
            }                                                                                                          \
            if (fabs(near) < 100)                                                                                      \
                hits += near > 4 ? 3 : 5;                                                                              \
        }                                                                                                              \
        return hits;                                                                                                   \
    }
RAYS(rays_387, X87, 40000)
RAYS(rays_sse2, SSE2, 400000)

typedef int16_t v4s __attribute__((vector_size(8)));
typedef int v2i __attribute__((vector_size(8)));

/* Two pictures blended, as video code does it. */
SSE2 static uint32_t blend_sse2(void)
{
    enum { N = 256 };
    static union {
        uint8_t byte[N * 16];
        __m128i part[N];
    } a, b, c;
    const __m128i zero = _mm_setzero_si128();
    uint32_t sum = 0;
    for (int i = 0; i < N * 16; i++)
        a.byte[i] = (uint8_t)(rnd() >> 24), b.byte[i] = (uint8_t)(rnd() >> 24);
    for (int round = 0; round < 10000; round++) {
        __m128i weight = _mm_set1_epi16((short)(round & 127)), rest = _mm_sub_epi16(_mm_set1_epi16(128), weight);
        for (int i = 0; i < N; i++) {
            __m128i half[2];
            for (int k = 0; k < 2; k++) {
                __m128i p = k ? _mm_unpackhi_epi8(a.part[i], zero) : _mm_unpacklo_epi8(a.part[i], zero);
                __m128i q = k ? _mm_unpackhi_epi8(b.part[i], zero) : _mm_unpacklo_epi8(b.part[i], zero);
                half[k] = _mm_srli_epi16(_mm_add_epi16(_mm_mullo_epi16(p, weight), _mm_mullo_epi16(q, rest)), 7);
            }
            c.part[i] = _mm_packus_epi16(half[0], half[1]);
        }
        sum = sum * 31 + c.byte[round & 4095] + c.byte[4095];
        a.byte[round & 4095] ^= c.byte[(round + 7) & 4095];
    }
    return sum;
}

/* A filter in MMX registers, with EMMS and x87 code between. */
__attribute__((target("mmx,fpmath=387"), noinline)) static uint32_t filter_mmx(void)
{
    static int16_t x[512] __attribute__((aligned(8)));
    v4s taps = {3, -5, 7, 2};
    double level = 0;
    uint32_t sum = 0;
    for (int i = 0; i < 512; i++)
        x[i] = (int16_t)(rnd() >> 20);
    for (int round = 0; round < 8000; round++) {
        v2i total = {0, 0};
        for (int i = 0; i < 508; i += 4)
            total = __builtin_ia32_paddd(total, __builtin_ia32_pmaddwd(*(v4s *)(x + i), taps));
        int32_t parts[2];
        memcpy(parts, &total, 8);
        __builtin_ia32_emms();
        level = level * 0.5 + parts[0] * 0.25;
        sum = sum * 31 + (uint32_t)parts[1] + (uint32_t)(int32_t)level;
        x[round & 511] = (int16_t)sum;
    }
    return sum;
}

const struct program compute_programs[] = {
    {"arithmetic", "divide", divide},        {"arithmetic", "bits", bits},
    {"arithmetic", "carries", carries},      {"arithmetic", "bignum", bignum},
    {"arithmetic", "narrow", narrow},        {"x87", "matrix_387", matrix_387, 10},
    {"float", "matrix_sse2", matrix_sse2},   {"float", "convert_387", convert_387},
    {"float", "convert_sse2", convert_sse2}, {"float", "rays_387", rays_387},
    {"float", "rays_sse2", rays_sse2},       {"float", "blend_sse2", blend_sse2},
    {"float", "filter_mmx", filter_mmx},     {0},
};
