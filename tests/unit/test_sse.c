/*
 * test_sse.c - each SSE and SSE2 instruction from random states, here and on the host's own silicon.
 */
#include "tests/unit/test_sse_rig.h"

/* Hash of the results, taken where test_against_host passes. */
#define HASH 0x0ull

static bool sse_rows(const struct isa_row *row)
{
    return ((row->attrs & A_SSE) && !(row->attrs & A_MMX)) || row == &isa_rows[ISA_MOVNTI_MdGd];
}

static void test_hash(void **state)
{
    simd_check_hash(sse_rows, HASH);
}

#ifdef __x86_64__
static void test_against_host(void **state)
{
    simd_check_native(sse_rows, 480);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
#ifdef __x86_64__
        cmocka_unit_test(test_against_host),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
