/*
 * test_sse.c - the results of each MMX, SSE and SSE2 instruction from random states, condensed into a hash: the same on
 * every host. The hashes were taken where tests/oracle found no disagreement with the silicon.
 *
 * OMBRA_SSE_ROWS=1 prints the hash of each row, to find out which one is otherwise on another host.
 */
#include "tests/unit/test_sse_rig.h"

enum { CASES = 64 };

struct run {
    struct simd_rig s;
    u64 hash;
};

static bool mmx_rows(const struct isa_row *row)
{
    return row->attrs & A_MMX;
}

static bool sse_rows(const struct isa_row *row)
{
    return ((row->attrs & A_SSE) && !(row->attrs & A_MMX)) || row == &isa_rows[ISA_MOVNTI_MdGd];
}

static void mix(struct cases *c, const struct simd_state *s)
{
    for (unsigned at = 0; at < FX_XMM + 128; at += 8)
        if (at < 8 || at >= FX_MXCSR) /* not the x87's pointers */
            cases_mix(c, ld64(s->fx + at));
    for (unsigned at = 0; at < SIMD_MEM_BYTES; at += 8)
        cases_mix(c, ld64(s->mem + at));
    for (unsigned i = 0; i < SIMD_REGS; i++)
        cases_mix(c, s->gpr[i]);
    cases_mix(c, (u64)s->eflags << 8 | (u8)s->vector);
}

static void hash_row(void *ctx, const struct isa_row *row, bool mem)
{
    struct run *t = ctx;
    struct cases c = simd_cases(row, mem);
    for (unsigned n = 0; n < CASES; n++) {
        struct simd_insn i;
        struct simd_state s;
        simd_encode(&t->s, row, mem, &c, &i);
        simd_random(&c, row, &s);
        simd_ours(&t->s.r, &i, &s);
        mix(&c, &s);
    }
    if (getenv("OMBRA_SSE_ROWS"))
        print_message("%016llx %s%s\n", (unsigned long long)c.hash, row->id, mem ? ", memory" : "");
    t->hash += c.hash;
}

static void check(simd_filter filter, u64 expected)
{
    struct run t = {.hash = 0};
    simd_init(&t.s);
    simd_each(filter, hash_row, &t);
    simd_free(&t.s);
    if (t.hash != expected)
        fail_msg("the results' hash is 0x%016llx, not 0x%016llx", (unsigned long long)t.hash,
                 (unsigned long long)expected);
}

static void test_mmx(void **state)
{
    check(mmx_rows, 0xd1586bf20e8bece8ull);
}

static void test_sse(void **state)
{
    check(sse_rows, 0x6123ac730a66b456ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mmx), cmocka_unit_test(test_sse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
