/*
 * test_pc_load.c - hostile states of whole machines that need no BIOS: what the fuzz targets found.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct field clock_fields[] = {FIELD(struct clock, offset), FIELD(struct clock, rate_ps), FIELD_END};

/* A state with a clock far in the future is refused, and the machine's time is what it was: as long a time would be
 * made up for second by second. */
static void test_refused_time(void **state)
{
    struct fuzz_machine m;
    struct state_buf good = {0}, bad = {0};
    const struct clock future = {.offset = (u64)1 << 62, .rate_ps = PC_RATE_PS};
    char error[256] = "";
    fuzz_machine_open(&m, cpu_model_find("p4"));
    fuzz_machine_run(&m, 2000, 2000, 1);
    assert_int_equal(pc_save(m.pc, &good), 0);
    u64 hash = pc_hash(m.pc), now = clock_now(pc_clock(m.pc));
    state_save(&bad, "clock", 1, clock_fields, &future); /* the first part of a name is the one that counts */
    bad.data = realloc(bad.data, bad.len + good.len);
    assert_non_null(bad.data);
    memcpy(bad.data + bad.len, good.data, good.len);
    bad.len += good.len;
    assert_int_not_equal(pc_load(m.pc, &bad, error, sizeof error), 0);
    assert_string_equal(error, "damaged: clock");
    assert_int_equal(clock_now(pc_clock(m.pc)), now);
    fuzz_machine_run(&m, 2000, 2000, 1);
    assert_int_equal(pc_load(m.pc, &good, error, sizeof error), 0);
    assert_true(pc_hash(m.pc) == hash);
    state_buf_free(&good);
    state_buf_free(&bad);
    fuzz_machine_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
