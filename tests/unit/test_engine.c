/*
 * test_engine.c - translations lead to each other, and are given up when what they were made from changes, and only then.
 */
#include "cpu/blocks.h"
#include "tests/unit/test_cpu_rig.h"
#include "translator/engine.h"

enum { THRESHOLD = 8, LOOPS = 100, B = CODE + 3, END = (CODE | (PAGE_SIZE - 1)) + 1 };

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

static void begin_real(struct machine *m, const char *code)
{
    *m = (struct machine){.observer = {.ctx = m, .translated = translated}};
    rig_new(&m->rig, "p4");
    struct engine_config config = {
        .backend = ENGINE_HOST, .threshold = THRESHOLD, .cache_bytes = ENGINE_CACHE_MIN, .observer = &m->observer};
    m->engine = engine_new(m->rig.cpu, &config);
    assert_non_null(m->engine);
    rig_real(&m->rig, code);
}

static void begin(struct machine *m, const char *code)
{
    begin_real(m, "");
    rig_protected(&m->rig, 0, code);
}

static void end(struct machine *m)
{
    engine_free(m->engine);
    rig_free(&m->rig);
}

static void again(struct machine *m, u32 ip, u32 turns)
{
    struct cpu *c = m->rig.cpu;
    c->ip = ip;
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
    c->r[R_CX] = turns;
    rig_run(&m->rig, 100 * turns);
    assert_int_equal(c->r[R_CX], 0);
}

/* A loop through an instruction that reaches into the next page stays in translated code; a change of either page is seen. */
static void crossing(void **state)
{
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "F4");
    const u8 code[] = {0xB8, 5, 0, 0, 0, /* MOV EAX,5 */ 0x49, 0x75, 0xF8, /* DEC ECX; JNZ */ 0xF4};
    phys_write(&m.rig.phys, END - 2, code, sizeof code);
    again(&m, END - 2, LOOPS);
    u64 entered = engine_stats(m.engine)->entered;
    again(&m, END - 2, LOOPS);
    assert_in_range(engine_stats(m.engine)->entered - entered, 1, LOOPS / 4);
    for (u8 n = 1; n < 4; n++) {
        phys_write(&m.rig.phys, n & 1 ? END : END - 1, &n, 1);
        again(&m, END - 2, LOOPS);
    }
    assert_int_equal(m.rig.cpu->r[R_AX], 0x302);
    end(&m);
}

/* A block that is hot in the middle of a trace only has no translation that begins with it. */
static void middle_of_a_trace_is_written(void **state)
{
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "49 74 07 " /* A: DEC ECX; JZ out */ "B8 05 00 00 00 " /* B: MOV EAX,5 */ "EB F6 " /* JMP A */ "F4");
    for (u8 n = 5; n < 8; n++) {
        phys_write(&m.rig.phys, B + 1, &n, 1);
        again(&m, CODE, LOOPS);
        assert_int_equal(m.rig.cpu->r[R_AX], n);
    }
    assert_true(m.longest > 1);
    end(&m);
}

/* Stores into a granule without code stay in translated code; once there is code in it, they are seen. */
static void stores_beside_code(void **state)
{
    enum { CELL = 0x100, TURNS = 1000 };
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "FF 05 00 01 01 00 " /* A: INC dword [CELL] */ "49 75 F7 " /* DEC ECX; JNZ A */ "F4");
    again(&m, CODE, TURNS);
    u64 left = engine_stats(m.engine)->left_access;
    assert_true(left < TURNS / 50);
    again(&m, CODE, TURNS);
    assert_true(engine_stats(m.engine)->left_access <= left + 1);
    assert_int_equal(ld32(phys_frame_host(&m.rig.phys, phys_read_frame(&m.rig.phys, CODE)) + CELL), 2 * TURNS);

    const u32 code = 0xF4909090; /* three NOPs, HLT */
    phys_write(&m.rig.phys, CODE + CELL, &code, sizeof code);
    m.rig.cpu->ip = CODE + CELL;
    m.rig.cpu->halt = HALT_NONE;
    m.rig.cpu->attention &= ~(u32)ATT_HALT;
    rig_run(&m.rig, 10);
    u32 granule = CELL >> GRANULE_BITS;
    struct frame *frame = &m.rig.phys.frames[phys_read_frame(&m.rig.phys, CODE)];
    assert_true(frame->code >> granule & 1);
    again(&m, CODE, TURNS);
    assert_false(frame->code >> granule & 1);
    assert_int_equal(ld32(phys_frame_host(&m.rig.phys, phys_read_frame(&m.rig.phys, CODE)) + CELL), code + TURNS);
    end(&m);
}

/* A loop that is written again and again is in a trace, turn behind turn, no more. */
static void written_again_and_again(void **state)
{
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "05 00 00 00 00 " /* A: ADD EAX, n */ "49 75 F8 " /* DEC ECX; JNZ A */ "F4");
    for (u32 n = 1; n < 10; n++) {
        phys_write(&m.rig.phys, CODE + 1, &n, sizeof n);
        m.rig.cpu->r[R_AX] = 0;
        m.longest = 0;
        again(&m, CODE, LOOPS);
        assert_int_equal(m.rig.cpu->r[R_AX], n * LOOPS);
        assert_true(n <= BLOCK_UNSTEADY ? m.longest > 1 : m.longest == 1);
    }
    end(&m);
}

/* What stops a far call from being done in translated code must be known before it pushes: here x87 pointers that name CS. */
static void far_call_behind_x87(void **state)
{
    struct machine m;
    if (!engine_has_host())
        skip();
    begin_real(&m, "DB E3 B9 40 00 " /* FNINIT; MOV CX,40h */ "D9 E8 DD D8 " /* FLD1; FSTP ST0 */
                   "9A 14 80 00 00 " /* CALL 0:8014h */ "E2 F5 F4 90 90 90 " /* LOOP; HLT */ "CB" /* RETF */);
    struct cpu *c = m.rig.cpu;
    u64 sp = c->r[R_SP];
    rig_run(&m.rig, 10000);
    assert_int_equal(c->r[R_CX], 0);
    assert_int_equal(c->r[R_SP], sp);
    assert_true(m.longest > 0);
    end(&m);
}

/* A shift by 0 is checked for writing and writes nothing: what it has looked up is not in the way of others. */
static void shift_by_nothing(void **state)
{
    enum { CELL = 0x12100 };
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "B1 18 " /* MOV CL,18h */ "C1 25 00 31 01 00 00 " /* A: SHL dword [13100h],0 */
              "C0 0D 00 41 01 00 20 " /* ROR byte [14100h],20h */ "D1 25 00 21 01 00 " /* SHL dword [CELL],1 */
              "D2 25 00 51 01 00 " /* SHL byte [15100h],CL */ "E2 E4 F4" /* LOOP A; HLT */);
    const u32 one = 1;
    phys_write(&m.rig.phys, CELL, &one, sizeof one);
    rig_run(&m.rig, 10000);
    assert_int_equal(m.rig.cpu->r[R_CX], 0);
    assert_int_equal(ld32(m.rig.ram + CELL), 1u << 0x18);
    assert_true(m.longest > 0);
    assert_int_equal(engine_stats(m.engine)->refused, 0);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crossing),
        cmocka_unit_test(middle_of_a_trace_is_written),
        cmocka_unit_test(stores_beside_code),
        cmocka_unit_test(written_again_and_again),
        cmocka_unit_test(far_call_behind_x87),
        cmocka_unit_test(shift_by_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
