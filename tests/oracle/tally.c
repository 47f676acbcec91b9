/*
 * tally.c - sums and coverage, see tally.h.
 */
#include "tests/oracle/tally.h"
#include "tests/oracle/differences.h"
#include "tests/oracle/gen.h"
#include <stdio.h>
#include <stdlib.h>

int tally_init(struct tally *t)
{
    *t = (struct tally){.used = calloc(difference_count(), sizeof *t->used)};
    return t->used ? 0 : -1;
}

void tally_free(struct tally *t)
{
    free(t->used);
}

void tally_case(struct tally *t, const struct oracle_case *c, const struct oracle_result *silicon)
{
    t->row[c->row].cases[c->bits == 32]++;
    t->row[c->row].faults += silicon->vector >= 0 && silicon->vector != VEC_BP;
    t->cases++;
}

static bool has_cases(const struct tally *t, unsigned row)
{
    return t->row[row].cases[0] || t->row[row].cases[1];
}

static void print_row(const struct tally *t, unsigned row)
{
    printf("%-20s %8u cases  %8u in 16-bit code  %8u in 32-bit code  %8u faults  %8u failed\n", isa_rows[row].id,
           t->row[row].cases[0] + t->row[row].cases[1], t->row[row].cases[0], t->row[row].cases[1], t->row[row].faults,
           t->row[row].failures);
}

/* Rows without cases, each with the reason. Returns those that have none. */
static u32 print_without(const struct tally *t, const char *name, bool coverage, u32 *without)
{
    u32 unexplained = 0;
    for (unsigned row = 1; row < ISA_COUNT; row++) {
        const char *reason = gen_reason((enum isa_op)row);
        if (has_cases(t, row) || (name && strcmp(name, isa_rows[row].id) != 0))
            continue;
        (*without)++;
        unexplained += reason == NULL;
        if (coverage)
            printf("%-20s none: %s\n", isa_rows[row].id, reason ? reason : "NO REASON GIVEN");
    }
    return unexplained;
}

u32 tally_print(const struct tally *t, const char *name, bool coverage)
{
    u32 rows = 0, without = 0;
    for (unsigned row = 1; row < ISA_COUNT; row++) {
        rows += has_cases(t, row);
        if (has_cases(t, row) && (coverage || t->row[row].failures))
            print_row(t, row);
    }
    for (unsigned i = 0; coverage && i < difference_count(); i++)
        printf("known difference, %u cases: %s\n", t->used[i], difference_reason(i));
    u32 unexplained = print_without(t, name, coverage, &without);
    printf("%llu cases of %u rows, %u rows without cases (--coverage lists them), %u of those without a reason, "
           "%llu disagreements\n",
           (unsigned long long)t->cases, rows, without, unexplained, (unsigned long long)t->failures);
    return unexplained;
}
