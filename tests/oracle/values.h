/*
 * values.h - the operand values where bugs live, from a generator of random numbers that gives the same
 * sequence on every host.
 */
#ifndef OMBRA_TESTS_ORACLE_VALUES_H
#define OMBRA_TESTS_ORACLE_VALUES_H

#include "base/types.h"

struct rng {
    u64 state;
};

u64 rng_next(struct rng *r);

/* 0 to N-1; N > 0. */
static inline u32 rng_below(struct rng *r, u32 n)
{
    return (u32)((rng_next(r) >> 32) * n >> 32);
}

/* True in PERCENT of 100 calls. */
static inline bool rng_percent(struct rng *r, u32 percent)
{
    return rng_below(r, 100) < percent;
}

/* An integer of W bytes (1 to 8): edges, single bits, small numbers, or anything. */
u64 value_int(struct rng *r, unsigned w);

/* Bits of a floating-point number: zeros, denormals, edges of the range, integers, infinities, NaNs of both kinds. */
u32 value_f32(struct rng *r);
u64 value_f64(struct rng *r);

/* The same in the 80-bit format, unsupported encodings included, to TO[10]. */
void value_f80(struct rng *r, u8 *to);

/* Ten bytes of packed decimal, sometimes with digits above 9. */
void value_bcd(struct rng *r, u8 *to);

/* What a memory or register operand holds. */
enum value_type { VALUE_INT, VALUE_F32, VALUE_F64, VALUE_F80, VALUE_BCD };

/* Fills N bytes at TO with values of TYPE, integers in elements of a random size. */
void value_fill(struct rng *r, enum value_type type, u8 *to, unsigned n);

#endif
