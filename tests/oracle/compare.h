/*
 * compare.h - two results of one case: what differs that may not, and how a person reads it.
 */
#ifndef OMBRA_TESTS_ORACLE_COMPARE_H
#define OMBRA_TESTS_ORACLE_COMPARE_H

#include "base/types.h"
#include "tests/oracle/proto.h"
#include <stdio.h>

/*
 * Compares the silicon's result with ours. Undefined flags are masked from isa.def alone; known differences between
 * this host and the modelled processors by the table in differences.c, whose uses are counted in USED. True if they
 * agree. Otherwise, and if OUT is not NULL, the differences are written to it.
 */
bool compare_results(const struct oracle_case *c, const struct oracle_result *silicon, const struct oracle_result *ours,
                     u32 *used, FILE *out);

/* The case before it runs, as text. */
void compare_show_case(const struct oracle_case *c, FILE *out);

#endif
