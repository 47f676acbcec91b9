/*
 * expr.h - addresses and conditions as a person types them: "7C00", "cs:ip+3", "word [es:di] == 0AA55", "ax > 5 && zf".
 *
 * Numbers are hexadecimal, as everywhere on the stepper's screen; "10." is decimal, 0x10 and 10h are as always. Names:
 * registers, parts of them, segments, control registers, flags, then symbols, then numbers (C000, FEE00000). "A:B" is a
 * linear address: A is a segment register, whose base counts, or a number, times 16. [A] reads a dword, byte [A] and
 * word [A] less. Operators as in C, without division.
 *
 * Parsed once; evaluating neither fails nor changes anything.
 */
#ifndef OMBRA_FRONTEND_STEP_EXPR_H
#define OMBRA_FRONTEND_STEP_EXPR_H

#include "cpu/cpu.h"
#include "frontend/step/peek.h"

enum { EXPR_OPS = 48, EXPR_ERROR = 120 };

struct expr {
    struct expr_op {
        u8 kind, arg;
        u64 value;
    } op[EXPR_OPS]; /* postfix */
    unsigned count; /* 0: none */
};

/* Where names come from that are none of the processor's; may be NULL. False: there is no such symbol. */
struct expr_names {
    bool (*find)(void *ctx, const char *name, u64 *value);
    void *ctx;
};

/* Parses TEXT up to its end, or up to what does not belong to it if END is not NULL, which then tells where. 0, or
 * -EINVAL with what is wrong in ERROR (EXPR_ERROR bytes). */
int expr_parse(struct expr *e, const char *text, const char **end, const struct expr_names *names, char *error);

/* False if memory that it names cannot be read; *VALUE is 0 then. */
bool expr_value(const struct expr *e, const struct cpu *c, const struct peek *peek, u64 *value);

#endif
