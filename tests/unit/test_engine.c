/*
 * test_engine.c - translations are given up when what they were made from changes.
 */
#include "tests/unit/test_cpu_rig.h"
#include "translator/engine.h"

enum { THRESHOLD = 8, LOOPS = 100, B = CODE + 3 };

struct machine {
    struct rig rig;
    struct engine *engine;
    struct engine_observer observer;
    unsigned longest; /* trace that was translated, in parts */
};

static void translated(void *ctx, const struct engine_view *v)
{
    struct machine *m = ctx;
    m->longest = MAX(m->longest, v->parts);
}

static void begin(struct machine *m, const char *code)
{
    *m = (struct machine){.observer = {.ctx = m, .translated = translated}};
    rig_new(&m->rig, "p4");
    struct engine_config config = {
        .backend = ENGINE_HOST, .threshold = THRESHOLD, .cache_bytes = ENGINE_CACHE_MIN, .observer = &m->observer};
    m->engine = engine_new(m->rig.cpu, &config);
    assert_non_null(m->engine);
    rig_protected(&m->rig, 0, code);
}

static void end(struct machine *m)
{
    engine_free(m->engine);
    rig_free(&m->rig);
}

/* A block that is hot in the middle of a trace only has no translation that begins with it. */
static void middle_of_a_trace_is_written(void **state)
{
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "49 74 07 " /* A: DEC ECX; JZ out */ "B8 05 00 00 00 " /* B: MOV EAX,5 */ "EB F6 " /* JMP A */ "F4");
    for (u8 n = 5; n < 8; n++) {
        struct cpu *c = m.rig.cpu;
        phys_write(&m.rig.phys, B + 1, &n, 1);
        c->ip = CODE;
        c->halt = HALT_NONE;
        c->attention &= ~(u32)ATT_HALT;
        c->r[R_CX] = LOOPS;
        rig_run(&m.rig, 100 * LOOPS);
        assert_int_equal(c->r[R_CX], 0);
        assert_int_equal(c->r[R_AX], n);
    }
    assert_true(m.longest > 1);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(middle_of_a_trace_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
