/*
 * bench.c - the benchmark programs, one static 32-bit binary with a subcommand each; prints a checksum. The subcommands
 * data and source write the input of the programs that programs.sh runs. Further programs are in the other bench_*.c.
 * Lengths are such that an interpreter of 200 million instructions a second needs a second or so.
 */
#define _GNU_SOURCE
#include "bench.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint32_t seed = 1;
uint32_t rnd(void)
{
    return seed = seed * 1664525 + 1013904223;
}

/* ---- integer ---- */

static uint32_t loop_alu(void)
{
    uint32_t a = 1, b = 2;
    for (uint32_t i = 0; i < 30000000; i++) {
        a += b ^ i;
        b = (b << 3 | b >> 29) - a;
    }
    return a ^ b;
}

static int compare(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return a < b ? -1 : a > b;
}

static uint32_t sort(void)
{
    enum { N = 150000 };
    uint32_t *v = malloc(N * sizeof *v), sum = 0;
    for (int i = 0; i < N; i++)
        v[i] = rnd();
    qsort(v, N, sizeof *v, compare);
    for (int i = 0; i < N; i++)
        sum = sum * 31 + v[i];
    return sum;
}

static uint32_t wide(void)
{
    uint64_t a = 0x123456789ABCDEF, b = 3;
    for (uint32_t i = 1; i < 4000000; i++) {
        a = a * b + i;
        b ^= a >> 17;
        if ((i & 63) == 0)
            a += b / (i | 1);
    }
    return (uint32_t)(a ^ a >> 32 ^ b);
}

/* ---- calls and jumps ---- */

static NOINLINE uint32_t fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint32_t calls(void)
{
    return fib(32);
}

static uint32_t bytecode(void)
{
    static const uint8_t code[] = {0, 1, 2, 3, 1, 4, 0, 2, 3, 5, 4, 1, 0, 6};
    uint32_t a = 1, b = 7, rounds = 1200000;
    const uint8_t *p = code;
    static const void *const labels[] = {&&add, &&xor, &&rot, &&sub, &&mul, &&swap, &&again};
    goto *labels[*p++];
add:
    a += b;
    goto *labels[*p++];
    xor : a ^= b << 1;
    goto *labels[*p++];
rot:
    a = a << 5 | a >> 27;
    goto *labels[*p++];
sub:
    b -= a;
    goto *labels[*p++];
mul:
    b *= 0x9E3779B1;
    goto *labels[*p++];
swap:;
    uint32_t t = a;
    a = b;
    b = t;
    goto *labels[*p++];
again:
    p = code;
    if (--rounds)
        goto *labels[*p++];
    return a ^ b;
}

/* ---- floating point ---- */

__attribute__((target("fpmath=387"))) static uint32_t nbody_387(void)
{
    volatile long double dt = 0.01L;
    long double x = 1, y = 0, vx = 0, vy = 1;
    for (int i = 0; i < 600000; i++) {
        long double r2 = x * x + y * y, r = sqrtl(r2), f = -dt / (r2 * r);
        vx += f * x;
        vy += f * y;
        x += dt * vx;
        y += dt * vy;
    }
    return (uint32_t)(int64_t)((x + y * 3) * 1e6L);
}

static uint32_t trig_387(void)
{
    long double s = 0;
    for (int i = 1; i < 60000; i++) {
        long double v = i * 0.001L, sine, cosine, arc;
        __asm__("fsincos" : "=t"(cosine), "=u"(sine) : "0"(v));
        __asm__("fpatan" : "=t"(arc) : "0"(cosine), "u"(sine) : "st(1)");
        s += sine * cosine + arc;
    }
    return (uint32_t)(int64_t)(s * 1e3L);
}

#define MANDEL(name, attribute)                                                                                        \
    attribute static uint32_t name(void)                                                                               \
    {                                                                                                                  \
        uint32_t sum = 0;                                                                                              \
        for (int py = 0; py < 60; py++)                                                                                \
            for (int px = 0; px < 90; px++) {                                                                          \
                double cx = px / 30.0 - 2, cy = py / 30.0 - 1, x = 0, y = 0;                                           \
                int n = 0;                                                                                             \
                while (n < 200 && x * x + y * y < 4) {                                                                 \
                    double t = x * x - y * y + cx;                                                                     \
                    y = 2 * x * y + cy;                                                                                \
                    x = t;                                                                                             \
                    n++;                                                                                               \
                }                                                                                                      \
                sum = sum * 3 + (uint32_t)n;                                                                           \
            }                                                                                                          \
        return sum;                                                                                                    \
    }
MANDEL(mandel_387, __attribute__((target("fpmath=387"))))
MANDEL(mandel_sse2, __attribute__((target("sse2,fpmath=sse"))))

typedef float v4f __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));

__attribute__((target("sse2"))) static uint32_t packed_sse2(void)
{
    v4f a = {1, 2, 3, 4}, b = {0.5f, 0.25f, 0.125f, 0.75f};
    v4i c = {1, 2, 3, 4}, d = {5, 6, 7, 8};
    for (int i = 0; i < 1500000; i++) {
        a = a * b + b;
        c = (c + d) ^ (d << 1);
        d -= c & 0x55;
    }
    v4i sum = c + d + (v4i)a;
    return (uint32_t)(sum[0] ^ sum[1] ^ sum[2] ^ sum[3]);
}

/* ---- memory ---- */

static uint32_t copy_libc(void)
{
    char *a = malloc(4 << 20), *b = malloc(4 << 20);
    memset(a, 1, 4 << 20);
    for (int i = 0; i < 60; i++)
        memcpy(i & 1 ? a : b, i & 1 ? b : a, 4 << 20);
    return (uint8_t)b[12345];
}

static uint32_t copy_rep(void)
{
    char *a = malloc(1 << 20), *b = malloc(1 << 20);
    memset(a, 3, 1 << 20);
    for (int i = 0; i < 200; i++) {
        void *d = b, *s = a;
        size_t n = 1 << 18;
        __asm__ volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    }
    return (uint8_t)b[54321];
}

static uint32_t chase(void)
{
    enum { N = 1 << 18 };
    uint32_t *next = malloc(N * 16), at = 0;
    for (uint32_t i = 0; i < N; i++)
        next[i * 4] = (i * 40503u + 12345) & (N - 1);
    for (int i = 0; i < 8000000; i++)
        at = next[at * 4];
    return at;
}

/* ---- code that is written ---- */

static uint32_t smc(void)
{
    uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 300000; i++) {
        p[0] = 0xB8; /* mov eax, imm32; ret */
        memcpy(p + 1, &i, 4);
        p[5] = 0xC3;
        sum += ((uint32_t(*)(void))p)();
    }
    return sum;
}

static uint32_t data_beside_code(void)
{
    uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    /* inc dword [p+800h]; loop; ret with the count in ECX */
    uint8_t code[] = {0xB9, 0x80, 0x84, 0x1E, 0x00, 0xFF, 0x05, 0, 0, 0, 0, 0x49, 0x75, 0xF7, 0xC3};
    uint32_t cell = (uint32_t)(uintptr_t)p + 0x800;
    memcpy(code + 7, &cell, 4);
    memcpy(p, code, sizeof code);
    __asm__ volatile("call *%0" : : "r"(p) : "ecx", "memory", "cc");
    return *(uint32_t *)(p + 0x800);
}

/* ---- the kernel ---- */

static uint32_t syscalls(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 120000; i++)
        sum += (uint32_t)getppid();
    return sum != 0;
}

static uint32_t faults(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 12; i++) {
        uint8_t *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int k = 0; k < 4 << 20; k += 4096)
            p[k] = 1, sum++;
        munmap(p, 4 << 20);
    }
    return sum;
}

static uint32_t forks(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 300; i++) {
        int status;
        if (fork() == 0)
            _exit(i & 7);
        wait(&status);
        sum += (uint32_t)WEXITSTATUS(status);
    }
    return sum;
}

static uint32_t pipes(void)
{
    int to[2], from[2];
    uint32_t sum = 0;
    if (pipe(to) || pipe(from))
        return 0;
    if (fork() == 0) {
        char c;
        close(to[1]);
        while (read(to[0], &c, 1) == 1)
            if (write(from[1], &c, 1) != 1)
                break;
        _exit(0);
    }
    for (int i = 0; i < 8000; i++) {
        char c = (char)i;
        if (write(to[1], &c, 1) == 1 && read(from[0], &c, 1) == 1)
            sum += (uint8_t)c;
    }
    close(to[1]);
    wait(NULL);
    return sum;
}

/* ---- what the programs of the distribution work on ---- */

enum { DATA_BLOCK = 4096, DATA_BLOCKS = 256, WORDS = 3000 };

static char words[WORDS][12];

static void make_words(void)
{
    static const char vowels[] = "aeiou", consonants[] = "bcdfghklmnprstvw";
    for (int i = 0; i < WORDS; i++) {
        int length = 2 + (int)(rnd() >> 24) % 6;
        for (int k = 0; k < length; k++)
            words[i][k] = k & 1 ? vowels[(rnd() >> 24) % 5] : consonants[(rnd() >> 24) % 16];
        if (i % 7 == 0)
            memcpy(words[i] + length, "ing", 3);
    }
}

/* Lines of words, the first of the list the most frequent. */
static void text_block(void)
{
    for (int n = 0; n < DATA_BLOCK;) {
        uint64_t skew = rnd() >> 16;
        int line = n / 64;
        n += printf("%s", words[(skew * skew * skew >> 32) * WORDS >> 16]);
        if (rnd() >> 24 < 8)
            n += printf(" %u", rnd() >> 20);
        n += printf("%s", n / 64 != line ? "\n" : rnd() >> 24 < 20 ? ", " : " ");
    }
}

/* Records as tables of programs have them: a number that rises, a small one, a flag. */
static void record_block(void)
{
    for (uint32_t i = 0, offset = rnd(); i < DATA_BLOCK / 12; i++) {
        offset += rnd() >> 26;
        uint32_t record[3] = {offset, rnd() >> 28, i % 5 == 0};
        fwrite(record, sizeof record, 1, stdout);
    }
}

static void random_block(void)
{
    for (int i = 0; i < DATA_BLOCK; i++)
        putchar((int)(rnd() >> 24));
}

static int write_data(void)
{
    make_words();
    for (int i = 0; i < DATA_BLOCKS; i++) {
        if (i % 8 == 3)
            record_block();
        else if (i % 16 == 7)
            random_block();
        else
            text_block();
    }
    return fflush(stdout) != 0;
}

/* C of many small functions without headers: tables, loops, switches, structures, calls of what came before. */
static int write_source(void)
{
    enum { FUNCTIONS = 260, PART = 4 }; /* with -DPART only so many count: what an optimizing compiler gets */
    make_words();
    printf("struct node { int key, count; struct node *left, *right; };\nstatic unsigned table[256];\n");
    for (int i = 0; i < FUNCTIONS; i++) {
        uint32_t k = rnd() >> 16, other = i ? rnd() % (uint32_t)i : 0;
        if (i == PART)
            printf("#ifndef PART\n");
        printf("unsigned f%d(unsigned a, int b, struct node *p)\n{\n    unsigned v = a * %uu + %u, i;\n", i, k | 1,
               k & 255);
        printf(
            "    for (i = 0; i < %u; i++) {\n        v ^= table[(v + i) & 255] << %u;\n        if (v & %u && b > %d)\n"
            "            v -= i * %u;\n    }\n",
            3 + k % 50, k % 13, 1u << k % 17, (int)(k % 100) - 50, k % 77);
        switch (k % 3) {
        case 0:
            printf("    while (p && p->key != (int)v) {\n        p->count++;\n"
                   "        p = p->key < (int)v ? p->right : p->left;\n    }\n");
            break;
        case 1:
            printf("    switch (v %% %u) {\n", 5 + k % 9);
            for (uint32_t c = 0; c < 5 + k % 9; c++)
                printf("    case %u: v = v * %u + (unsigned)b; break;\n", c, (k ^ c * 37) % 1000);
            printf("    }\n");
            break;
        default:
            printf("    static const char text[] = \"%s %s %s\";\n    for (i = 0; text[i]; i++)\n        v = v * 31 + "
                   "text[i];\n",
                   words[k % WORDS], words[(k * 7) % WORDS], words[(k * 13) % WORDS]);
        }
        if (i)
            printf("    if (v > %uu)\n        v += f%u(v >> 3, b - 1, p ? p->left : 0) / %uu;\n", k << 12, other,
                   1 + k % 91);
        printf("    table[v & 255] += v;\n    return v %c (a >> %u);\n}\n\n", "+-^|"[k & 3], k % 31);
    }
    printf("#endif\n");
    return fflush(stdout) != 0;
}

const struct program basic_programs[] = {
    {"x87", "mandel_387", mandel_387, 10},
    {"integer", "alu", loop_alu},
    {"integer", "sort", sort},
    {"integer", "wide", wide},
    {"calls", "calls", calls},
    {"calls", "bytecode", bytecode},
    {"x87", "nbody", nbody_387, 3},
    {"x87", "trig", trig_387, 10},
    {"sse2", "mandel", mandel_sse2, 10},
    {"sse2", "packed", packed_sse2, 10},
    {"memory", "memcpy", copy_libc},
    {"memory", "rep_movs", copy_rep},
    {"memory", "chase", chase},
    {"written", "smc", smc},
    {"written", "data_beside", data_beside_code},
    {"kernel", "syscalls", syscalls},
    {"kernel", "faults", faults},
    {"kernel", "forks", forks},
    {"kernel", "pipes", pipes},
    {0},
};

static const struct program *const lists[] = {basic_programs, string_programs, compute_programs, code_programs,
                                              system_programs, float_programs};

int main(int argc, char **argv)
{
    const struct program *found = NULL;
    if (argc == 2 && strcmp(argv[1], "data") == 0)
        return write_data();
    if (argc == 2 && strcmp(argv[1], "source") == 0)
        return write_source();
    for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct program *p = lists[i]; p->name; p++) {
            if (argc < 2)
                printf("%s\t%s\n", p->group, p->name);
            else if (strcmp(argv[1], p->name) == 0)
                found = p;
        }
    /* More than once where the machine is too fast to be timed. */
    int rounds = argc > 2 ? atoi(argv[2]) : 1;
    for (int n = found ? rounds * (found->times ? found->times : 1) : 0; n > 0; n--) {
        seed = 1;
        uint32_t sum = found->run();
        if (n == 1)
            printf("%08x\n", sum);
    }
    return argc > 1 && !found;
}
