/* bench_strings.c - memory moved, filled, compared and searched in every size and at every alignment. */
#define _GNU_SOURCE
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT = 300, ALIGNMENTS = 16 };

/* Called through pointers that the compiler cannot see through, so that the library's versions run. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile fill)(void *, int, size_t) = memset;
static int (*volatile differ)(const void *, const void *, size_t) = memcmp;
static size_t (*volatile length)(const char *) = strlen;

static void fill_random(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(rnd() >> 24 | 1);
}

static uint32_t digest(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + p[i];
    return sum;
}

static uint32_t copy_sizes(void)
{
    static uint8_t from[SHORT + ALIGNMENTS], to[SHORT + ALIGNMENTS];
    uint32_t sum = 0;
    fill_random(from, sizeof from);
    for (int round = 0; round < 15; round++)
        for (int at = 0; at < ALIGNMENTS * ALIGNMENTS; at++)
            for (size_t n = 1; n <= SHORT; n++) {
                uint8_t *d = to + at % ALIGNMENTS;
                copy(d, from + at / ALIGNMENTS, n);
                sum = sum * 3 + d[n / 2] + d[n - 1];
            }
    return sum + digest(to, sizeof to);
}

static uint32_t copy_odd(void)
{
    enum { ROOM = 300000 };
    uint8_t *p = malloc(ROOM);
    fill_random(p, ROOM);
    for (uint32_t i = 0; i < 60000; i++) { /* overlapping both ways, from 300 bytes to 64 KiB, at odd places */
        size_t n = 300 + ((i * 40503u) & 0xFFFF) / (1 + (i & 7));
        move(p + rnd() % (ROOM - n), p + rnd() % (ROOM - n), n);
    }
    return digest(p, ROOM);
}

static uint32_t fill_sizes(void)
{
    static uint8_t to[SHORT + ALIGNMENTS];
    uint32_t sum = 0;
    memset(to, 0, sizeof to);
    for (int round = 0; round < 300; round++)
        for (size_t at = 0; at < ALIGNMENTS; at++)
            for (size_t n = 1; n <= SHORT; n++) {
                fill(to + at, (int)(n ^ at), n);
                sum = sum * 3 + to[at] + to[SHORT / 2];
            }
    return sum + digest(to, sizeof to);
}

static uint32_t search_sizes(void)
{
    static char a[SHORT + ALIGNMENTS + 1], b[SHORT + ALIGNMENTS + 1];
    uint32_t sum = 0;
    for (int round = 0; round < 20; round++)
        for (size_t at = 0; at < ALIGNMENTS; at++) {
            char *p = a + at, *q = b + (at * 7) % ALIGNMENTS;
            fill_random((uint8_t *)p, SHORT);
            memcpy(q, p, SHORT);
            for (size_t n = SHORT - 1; n > 0; n--) {
                p[n] = 0;
                sum = sum * 3 + (uint32_t)length(p) + (strchr(p, 2) != NULL) + (memchr(q, 3, n) != NULL);
                q[n] ^= 4;
                sum += (uint32_t)(differ(p, q, n) == 0) + (uint32_t)(strcmp(p, q) > 0);
            }
        }
    return sum;
}

/* The string instructions themselves: short counts as compilers inline them, all widths, both directions. */
static uint32_t rep_sizes(void)
{
    static uint8_t from[512], to[512];
    uint32_t sum = 0;
    fill_random(from, sizeof from);
    memset(to, 0, sizeof to);
    for (uint32_t i = 0; i < 500000; i++) {
        uint32_t n = i & 31, at = (i >> 5) & 15;
        uint8_t *s = from + at, *d = to + (i >> 9 & 15);
        __asm__ volatile("rep movsb" : "+S"(s), "+D"(d), "+c"(n) : : "memory");
        n = i & 15;
        __asm__ volatile("rep movsl" : "+S"(s), "+D"(d), "+c"(n) : : "memory");
        n = i % 7;
        __asm__ volatile("rep stosw" : "+D"(d), "+c"(n) : "a"(i) : "memory");
        n = i % 9;
        d--, s += 20;
        __asm__ volatile("std; rep movsb; cld" : "+S"(s), "+D"(d), "+c"(n) : : "memory");
        sum = sum * 3 + to[i & 255];
    }
    return sum + digest(to, sizeof to);
}

static uint32_t rep_scan(void)
{
    static uint8_t a[1024], b[1024];
    uint32_t sum = 0;
    fill_random(a, sizeof a);
    for (uint32_t i = 0; i < 150000; i++) {
        uint8_t *s = a + (i & 15), *d;
        uint32_t n = 900;
        __asm__ volatile("repne scasb" : "+D"(s), "+c"(n) : "a"(i >> 4 | 1) : "cc", "memory");
        sum = sum * 3 + n;
        n = i & 63, s = a, d = b;
        memcpy(b, a, 64);
        b[i % 61] ^= 1;
        __asm__ volatile("cmpl %%eax, %%eax; repe cmpsb" : "+S"(s), "+D"(d), "+c"(n) : : "cc", "memory");
        sum += n;
        for (n = 0, s = a + i % 64; n < 16; n++) {
            uint32_t value;
            __asm__ volatile("lodsl" : "+S"(s), "=a"(value) : : "memory");
            sum ^= value;
        }
    }
    return sum;
}

/* Numbers to text and back: what a C library's byte loops look like. */
static uint32_t format(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 40000; i++) {
        char line[80], *end;
        int n = snprintf(line, sizeof line, "%u %08x %-10s|%+d", rnd(), i, "word", (int)i - 20000);
        sum = sum * 31 + (uint32_t)n + (uint32_t)strtoul(line, &end, 10);
        sum += (uint32_t)strtoul(end, NULL, 16);
    }
    return sum;
}

const struct program string_programs[] = {
    {"strings", "copy_sizes", copy_sizes}, {"strings", "copy_odd", copy_odd},
    {"strings", "fill_sizes", fill_sizes}, {"strings", "search_sizes", search_sizes},
    {"strings", "rep_sizes", rep_sizes},   {"strings", "rep_scan", rep_scan},
    {"strings", "format", format},         {0},
};
