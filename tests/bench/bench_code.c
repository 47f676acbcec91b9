/* bench_code.c - control that goes to many places, and code that is made while the program runs. */
#define _GNU_SOURCE
#include "bench.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- jumps ---- */

static NOINLINE uint32_t choose(uint32_t op, uint32_t v)
{
    switch (op) {
    case 0:
        return v + 1;
    case 1:
        return v ^ 0x5555;
    case 2:
        return v << 3 | v >> 29;
    case 3:
        return v * 5;
    case 4:
        return v - 77;
    case 5:
        return ~v;
    case 6:
        return v >> 1 | v << 31;
    case 7:
        return v | 1;
    case 8:
        return v & 0xFFFFFF7F;
    case 9:
        return v * v + 3;
    case 10:
        return -v;
    case 11:
        return v + (v >> 16);
    case 12:
        return v ^ v >> 7;
    case 13:
        return v % 1000003;
    case 14:
        return v + op;
    default:
        return v * 33 + op;
    }
}

static uint32_t switches(void)
{
    uint32_t v = 1;
    for (uint32_t i = 0; i < 4000000; i++)
        v = choose(rnd() >> 28, v);
    return v;
}

struct shape {
    uint32_t (*area)(const struct shape *);
    void (*grow)(struct shape *, uint32_t);
    uint32_t a, b;
};
static uint32_t square_area(const struct shape *s)
{
    return s->a * s->a;
}
static uint32_t box_area(const struct shape *s)
{
    return s->a * s->b;
}
static uint32_t ring_area(const struct shape *s)
{
    return s->a * s->a * 3 - s->b * s->b * 3;
}
static uint32_t line_area(const struct shape *s)
{
    return s->a >> 3;
}
static void grow_both(struct shape *s, uint32_t by)
{
    s->a += by, s->b += by / 2;
}
static void grow_one(struct shape *s, uint32_t by)
{
    s->a ^= by;
}

/* Methods of objects in an order that no predictor learns. */
static uint32_t methods(void)
{
    enum { N = 1024 };
    static uint32_t (*const areas[])(const struct shape *) = {square_area, box_area, ring_area, line_area};
    struct shape *v = malloc(N * sizeof *v);
    uint32_t sum = 0;
    for (int i = 0; i < N; i++)
        v[i] = (struct shape){areas[rnd() >> 30], rnd() >> 31 ? grow_both : grow_one, (uint32_t)i, (uint32_t)i / 3};
    for (uint32_t round = 0; round < 3000; round++)
        for (int i = 0; i < N; i++) {
            struct shape *s = v + i;
            s->grow(s, round);
            sum = sum * 3 + s->area(s);
        }
    free(v);
    return sum;
}

static NOINLINE uint32_t ackermann(uint32_t m, uint32_t n)
{
    if (m == 0)
        return n + 1;
    uint32_t inner = n ? ackermann(m, n - 1) : 1;
    return ackermann(m - 1, inner) + (m > 100);
}

/* Returns from thousands of frames deep. */
static uint32_t deep(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 20; i++)
        sum = sum * 7 + ackermann(3, 7) + ackermann(2, 500);
    return sum;
}

static NOINLINE void thrower(jmp_buf back, int depth, int value)
{
    if (depth) {
        thrower(back, depth - 1, value);
        __asm__ volatile("" : : : "memory"); /* no loop in place of the call */
    } else if (value) {
        longjmp(back, value);
    }
}

static uint32_t jumps_far(void)
{
    volatile uint32_t sum = 0;
    for (volatile int i = 1; i < 600000; i++) {
        jmp_buf back;
        int value = setjmp(back);
        if (value == 0)
            thrower(back, i & 15, i);
        sum = sum * 31 + (uint32_t)value;
    }
    return sum;
}

static uint32_t hash(void)
{
    enum { N = 1 << 15 };
    struct item {
        struct item *next;
        uint32_t key, count;
    } **heads = calloc(N, sizeof *heads);
    uint32_t sum = 0;
    for (int i = 0; i < 400000; i++) {
        uint32_t key = rnd() >> 12 & 0xFFFF, slot = (key * 2654435761u) >> 17;
        struct item *at = heads[slot];
        while (at && at->key != key)
            at = at->next;
        if (!at) {
            at = malloc(sizeof *at);
            *at = (struct item){heads[slot], key, 0};
            heads[slot] = at;
        }
        sum = sum * 3 + ++at->count;
    }
    for (int i = 0; i < N; i++)
        for (struct item *at = heads[i], *next; at; at = next)
            next = at->next, free(at);
    free(heads);
    return sum;
}

static uint32_t place(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
    uint32_t count = 0;
    if (columns == all)
        return 1;
    for (uint32_t open = all & ~(columns | left | right); open; open &= open - 1) {
        uint32_t bit = open & -open;
        count += place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

static uint32_t queens(void)
{
    return place((1 << 13) - 1, 0, 0, 0);
}

/* ---- code that is made ---- */

static uint8_t *code_pages(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static uint8_t *put(uint8_t *p, const char *bytes, int n)
{
    memcpy(p, bytes, (size_t)n);
    return p + n;
}

static uint8_t *put_number(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

/* A function of EAX that does a dozen random things. */
static uint8_t *make_function(uint8_t *p)
{
    for (int i = 0; i < 12; i++)
        switch (rnd() >> 29) {
        case 0:
            p = put_number(put(p, "\x05", 1), rnd());
            break; /* add eax, imm32 */
        case 1:
            p = put_number(put(p, "\x35", 1), rnd());
            break; /* xor eax, imm32 */
        case 2:
            p = put(p, "\xC1\xC0\x05", 3);
            break; /* rol eax, 5 */
        case 3:
            p = put(p, "\xA8\x04\x74\x02\xF7\xD0", 6);
            break; /* test al, 4; jz +2; not eax */
        case 4:
            p = put(p, "\x89\xC1\xC1\xE9\x07\x29\xC8", 7);
            break; /* mov ecx, eax; shr ecx, 7; sub eax, ecx */
        case 5:
            p = put_number(put(p, "\x69\xC0", 2), rnd() | 1);
            break; /* imul eax, eax, imm32 */
        case 6:
            p = put(p, "\x50\x8D\x40\x09\x59\x31\xC8", 7);
            break; /* push eax; lea eax, [eax+9]; pop ecx; xor eax, ecx */
        default:
            p = put(p, "\x0F\xC8\x40", 3);
            break; /* bswap eax; inc eax */
        }
    return put(p, "\xC3", 1);
}

static uint32_t call_function(const uint8_t *p, uint32_t v)
{
    __asm__ volatile("call *%1" : "+a"(v) : "r"(p) : "ecx", "cc", "memory");
    return v;
}

/* Much code that runs few times: what starting a program is like. Each round makes all of it anew. */
static uint32_t code_once(void)
{
    enum { SIZE = 1 << 20, FUNCTIONS = 9000 };
    static uint8_t *functions[FUNCTIONS];
    uint8_t *pages = code_pages(SIZE);
    uint32_t v = 1;
    for (int round = 0; round < 2; round++) {
        uint8_t *p = pages;
        for (int i = 0; i < FUNCTIONS; i++)
            functions[i] = p, p = make_function(p);
        for (int run = 0; run < 5; run++)
            for (int i = 0; i < FUNCTIONS; i++)
                v = call_function(functions[i], v);
    }
    munmap(pages, SIZE);
    return v;
}

/* More hot code than caches of indirect jumps hold, called in random order. */
static uint32_t code_wide(void)
{
    enum { SIZE = 1 << 20, FUNCTIONS = 4096, CALLS = 300000 };
    static uint8_t *functions[FUNCTIONS];
    uint8_t *pages = code_pages(SIZE), *p = pages;
    uint32_t v = 1;
    for (int i = 0; i < FUNCTIONS; i++)
        functions[i] = p, p = make_function(p);
    for (int i = 0; i < CALLS; i++)
        v = call_function(functions[rnd() >> 20], v);
    munmap(pages, SIZE);
    return v;
}

/* A compiler inside a program: a function is appended to a page, called often, and the page stays writable. */
static uint32_t code_appended(void)
{
    enum { SIZE = 1 << 16 };
    uint8_t *pages = code_pages(SIZE), *p = pages;
    uint32_t v = 1;
    for (int i = 0; i < 3000; i++) {
        if (p > pages + SIZE - 128)
            p = pages;
        uint8_t *function = p;
        p = make_function(p);
        for (int k = 0; k < 40; k++)
            v = call_function(function, v);
    }
    munmap(pages, SIZE);
    return v;
}

/* The operand of an instruction in a loop is changed now and then, as blitters of games do it. */
static uint32_t code_patched(void)
{
    /* mov ecx, 400; 1: add eax, imm32; rol eax, 3; dec ecx; jnz 1b; ret */
    uint8_t *p = code_pages(4096);
    uint32_t v = 1;
    memcpy(p, "\xB9\x90\x01\x00\x00\x05\x00\x00\x00\x00\xC1\xC0\x03\x49\x75\xF5\xC3", 17);
    for (int i = 0; i < 30000; i++) {
        put_number(p + 6, v ^ (uint32_t)i);
        v = call_function(p, v);
    }
    munmap(p, 4096);
    return v;
}

/* Trampolines on the stack: a few instructions written right before they are called, beside the data of the frame. */
static NOINLINE uint32_t stack_frame(uint32_t v)
{
    uint8_t buffer[64] __attribute__((aligned(16)));
    volatile uint32_t local = v;
    put(put_number(put(buffer, "\x05", 1), 77), "\xC1\xC0\x03\xC3", 4);
    for (int i = 0; i < 20; i++)
        local = call_function(buffer, local);
    return local;
}

static uint32_t code_on_stack(void)
{
    uint8_t *page = (uint8_t *)((uintptr_t)__builtin_frame_address(0) & ~0xFFFul) - 0x1000;
    uint32_t v = 1;
    if (mprotect(page, 0x2000, PROT_READ | PROT_WRITE | PROT_EXEC))
        return 0;
    for (int i = 0; i < 20000; i++)
        v = stack_frame(v);
    mprotect(page, 0x2000, PROT_READ | PROT_WRITE);
    return v;
}

/* As compilers inside browsers do it: written while writable, called while executable. */
static uint32_t code_protected(void)
{
    uint8_t *pages = code_pages(1 << 14);
    uint32_t v = 1;
    for (int i = 0; i < 2500; i++) {
        uint8_t *function = pages + (i & 3) * 4096;
        mprotect(function, 4096, PROT_READ | PROT_WRITE);
        make_function(function);
        mprotect(function, 4096, PROT_READ | PROT_EXEC);
        for (int k = 0; k < 30; k++)
            v = call_function(function, v);
    }
    munmap(pages, 1 << 14);
    return v;
}

/* ---- stack frames by single instructions ---- */

static uint32_t frames(void)
{
    uint32_t sum = 1;
    for (uint32_t i = 0; i < 500000; i++)
        __asm__ volatile("pushal; addl %1, 28(%%esp); popal; enter $16, $0; movl %0, -4(%%ebp); addl $3, -4(%%ebp); movl -4(%%ebp), %0;"
                         "leave; enter $8, $1; leave; aam; aad"
                         : "+a"(sum)
                         : "r"(i)
                         : "cc", "memory");
    return sum;
}

const struct program code_programs[] = {
    {"jumps", "switches", switches},
    {"jumps", "methods", methods},
    {"jumps", "deep", deep},
    {"jumps", "longjmp", jumps_far},
    {"jumps", "hash", hash},
    {"jumps", "queens", queens}, {"jumps", "frames", frames},
    {"made code", "code_once", code_once},
    {"made code", "code_wide", code_wide},
    {"made code", "code_appended", code_appended},
    {"made code", "code_patched", code_patched},
    {"made code", "code_on_stack", code_on_stack},
    {"made code", "code_protected", code_protected},
    {0},
};
