/*
 * tally.h - how the cases of each row went, and what of the instruction table they cover.
 */
#ifndef OMBRA_TESTS_ORACLE_TALLY_H
#define OMBRA_TESTS_ORACLE_TALLY_H

#include "cpu/isa.h"
#include "tests/oracle/proto.h"

struct tally {
    struct {
        u32 cases[2]; /* in 16-bit and in 32-bit code */
        u32 faults, failures;
    } row[ISA_COUNT];
    u64 cases, failures;
    u32 *used; /* cases to which each known difference applied */
};

/* -1 without memory. */
int tally_init(struct tally *t);
void tally_free(struct tally *t);

void tally_case(struct tally *t, const struct oracle_case *c, const struct oracle_result *silicon);

/*
 * Prints the rows that failed and the sums, with COVERAGE every row and known difference. ROW: only the row of that
 * name, or NULL. Returns how many rows have neither cases nor a reason not to have any.
 */
u32 tally_print(const struct tally *t, const char *row, bool coverage);

#endif
