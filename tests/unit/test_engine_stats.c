/*
 * test_engine_stats.c - what the translating engine counts: parts add up to their sums, and each kind of event is counted.
 */
#include "cpu/blocks.h"
#include "tests/unit/test_cpu_rig.h"
#include "translator/engine.h"

struct counted {
    struct rig rig;
    struct engine *engine;
    const struct engine_stats *stats;
    u64 before; /* instruction count */
};

static void begin_with(struct counted *p, const struct engine_config *config, const char *code)
{
    memset(p, 0, sizeof *p);
    rig_new(&p->rig, "p4");
    p->engine = engine_new(p->rig.cpu, config);
    assert_non_null(p->engine);
    rig_protected(&p->rig, 0, code);
    p->before = cpu_count(p->rig.cpu);
}

static void begin(struct counted *p, enum engine_backend backend, unsigned threshold, const char *code)
{
    begin_with(p, &(struct engine_config){.backend = backend, .threshold = threshold, .cache_bytes = ENGINE_CACHE_MIN}, code);
}

static void add_up(const struct engine_stats *s)
{
    const struct stat_row *sum = stat_rows;
    u64 parts = 0;
    for (const struct stat_row *row = stat_rows + 1; row <= stat_rows + STAT_ROWS; row++) {
        bool ends = row == stat_rows + STAT_ROWS || row->kind == STAT_ALONE;
        if (ends && sum + 1 != row && stat_of(s, sum) != parts)
            fail_msg("%s is %llu, its parts are %llu", sum->name, (unsigned long long)stat_of(s, sum), (unsigned long long)parts);
        if (ends) {
            sum = row;
            parts = 0;
        } else if (row->kind == STAT_PART) {
            parts += stat_of(s, row);
        }
    }
}

static void run_all(struct counted *p)
{
    rig_run(&p->rig, 100000);
    assert_int_equal(p->rig.cpu->halt, HALT_HLT);
    p->stats = engine_stats(p->engine);
    add_up(p->stats);
    u64 all = cpu_count(p->rig.cpu) - p->before;
    assert_true(p->stats->run <= all); /* the sum alone may have wrapped around */
    assert_int_equal(p->stats->run + p->stats->interpreted, all);
}

static void end(struct counted *p)
{
    engine_free(p->engine);
    rig_free(&p->rig);
}

/* Each instruction is of one tier, whether it is done once more to compare or not; a REP's iterations too. */
static void tiers(void **state)
{
    static const char code[] = "B9 50 00 00 00 49 75 FD B9 20 00 00 00 BF 00 80 00 00 F3 AA F4"; /* a loop; REP STOSB; HLT */
    for (unsigned backend = ENGINE_IR; backend <= (engine_has_host() ? ENGINE_HOST : ENGINE_IR); backend++)
        for (unsigned i = 0; i < 8; i++) {
            struct counted p;
            struct engine_config config = {
                .backend = (enum engine_backend)backend, .threshold = i / 2 * 33, .cache_bytes = ENGINE_CACHE_MIN, .verify = i & 1};
            begin_with(&p, &config, code);
            run_all(&p);
            assert_int_equal(config.threshold == 99, p.stats->translated == 0);
            end(&p);
        }
}

/* Accesses: the first fills the TLB, one that crosses a page is its handler's, one of no page at all is a fault. */
static void accesses(void **state)
{
    struct counted p;
    if (!engine_has_host())
        skip();
    begin(&p, ENGINE_HOST, 0, "A1 00 80 00 00 A1 04 80 00 00 8B 1D FE 8F 00 00 A1 00 00 20 00 F4");
    rig_paging(&p.rig);
    run_all(&p);
    assert_in_handler(&p.rig, 14);
    assert_int_equal(p.stats->probes_fault, 1);
    assert_int_equal(p.stats->left_fault, 1);
    assert_int_equal(p.stats->probes_handler, p.stats->left_access);
    assert_true(p.stats->probes_filled > 0 && p.stats->probes_handler > 0);
    end(&p);
}

/* Loop of two blocks, the second of which is written into when it is but a part of the first one's trace. */
static void part_written(void **state)
{
    struct counted p;
    if (!engine_has_host())
        skip();
    begin(&p, ENGINE_HOST, ENGINE_THRESHOLD,
          "B9 1E 00 00 00 EB 00 49 EB 00 B0 01 00 C2 85 C9 75 F5 C6 05 0B 00 01 00 02 4B 79 E4 F4");
    p.rig.cpu->r[R_BX] = 1;
    p.rig.cpu->r[R_DX] = 0;
    run_all(&p);
    assert_int_equal(rig_reg(&p.rig, R_DX), 30 * 1 + 30 * 2);
    assert_true(p.stats->traces > 0);
    assert_true(p.stats->dropped_written > 0);
    end(&p);
}

/* Calls and returns: jumps to unknown targets, edges that get linked; all of it forgotten at once. */
static void links(void **state)
{
    struct counted p;
    if (!engine_has_host())
        skip();
    begin(&p, ENGINE_HOST, 0, "B9 08 00 00 00 E8 04 00 00 00 49 75 F8 F4 C3"); /* MOV ECX,8; L: CALL F; DEC; JNZ L; HLT; F: RET */
    run_all(&p);
    assert_true(p.stats->links_there > 0 && p.stats->left_edge > 0 && p.stats->left_jump > 0 && p.stats->jumps > 0);
    assert_true(p.stats->guest_bytes > 0 && p.stats->host_bytes > p.stats->guest_bytes);
    blocks_flush(p.rig.cpu->blocks);
    add_up(engine_stats(p.engine));
    assert_int_equal(p.stats->there, 0);
    assert_int_equal(p.stats->flushed_blocks, 1);
    end(&p);
}

/* Handlers in the middle and at the end of a block. */
static void handlers(void **state)
{
    struct counted p;
    if (!engine_has_host())
        skip();
    begin(&p, ENGINE_HOST, 0, "31 C0 0F A2 E4 60 F4"); /* XOR EAX,EAX; CPUID; IN AL,60h; HLT */
    run_all(&p);
    assert_int_equal(p.stats->calls_handler, 1);
    assert_int_equal(p.stats->calls_last, 2);
    assert_int_equal(p.stats->calls, 3);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tiers), cmocka_unit_test(accesses), cmocka_unit_test(part_written),
                                       cmocka_unit_test(links), cmocka_unit_test(handlers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
