/*
 * types.h - short names for fixed-width integers and the few helpers that
 * every file uses. Includes nothing of ours; everybody may include it.
 */
#ifndef OMBRA_BASE_TYPES_H
#define OMBRA_BASE_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define BIT(n) (1u << (n))
#define BIT64(n) ((u64)1 << (n))

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* a * b / c with a 128-bit product: exact for every clock conversion. */
static inline u64 muldiv64(u64 a, u64 b, u64 c)
{
    u64 product;
    if (LIKELY(!__builtin_mul_overflow(a, b, &product)))
        return product / c; /* by a constant without a division */
    return (u64)((unsigned __int128)a * b / c);
}

/* Unaligned loads and stores of little-endian guest data. Both host families
 * that Ombra supports are little-endian, so these are plain copies. */
static inline u16 ld16(const void *p)
{
    u16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline u32 ld32(const void *p)
{
    u32 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline u64 ld64(const void *p)
{
    u64 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void st16(void *p, u16 v)
{
    memcpy(p, &v, sizeof v);
}

static inline void st32(void *p, u32 v)
{
    memcpy(p, &v, sizeof v);
}

static inline void st64(void *p, u64 v)
{
    memcpy(p, &v, sizeof v);
}

#endif
