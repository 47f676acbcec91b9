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

enum { CACHE = 1 << 20 /* room for all that a test translates */ };

static void begin_real(struct machine *m, const char *code)
{
    *m = (struct machine){.observer = {.ctx = m, .translated = translated}};
    rig_new(&m->rig, "p4");
    struct engine_config config = {
        .backend = ENGINE_HOST, .threshold = THRESHOLD, .cache_bytes = CACHE, .observer = &m->observer};
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

enum { HERE = 0x30000, THERE = 0x31000, ELSEWHERE = 0x32000 };

static void map(struct machine *m, u32 lin, u32 phys)
{
    rig_put(&m->rig, PAGE_TAB + (lin >> PAGE_BITS) * 4, 4, phys | 7);
}

/* MOV EAX,n and a jump, at AT in the page THERE, to LIN. */
static void put_there(struct machine *m, u32 page, u32 at, u8 n, u32 lin)
{
    rig_hex(&m->rig, page + at, "B8 00 00 00 00 E9");
    rig_put(&m->rig, page + at + 1, 1, n);
    rig_put(&m->rig, page + at + 6, 4, lin - (THERE + at + 10));
}

/* Two pages that were one frame are none any more: a jump from one to the other is no jump on one page. */
static void frame_at_two_places(void **state)
{
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "F4");
    rig_paging(&m.rig);
    rig_hex(&m.rig, HERE, "49 74 05 E9 F8 10 00 00 F4"); /* DEC ECX; JZ out; JMP THERE + 100h; out: HLT */
    put_there(&m, HERE, 0x100, 5, HERE);
    put_there(&m, ELSEWHERE, 0x100, 6, HERE);
    map(&m, THERE, HERE);
    again(&m, HERE, LOOPS);
    assert_int_equal(m.rig.cpu->r[R_AX], 5);
    map(&m, THERE, ELSEWHERE);
    again(&m, HERE, LOOPS);
    assert_int_equal(m.rig.cpu->r[R_AX], 6);
    end(&m);
}

/* Where CS begins inside a page, offsets of one page are in two. */
static void base_inside_a_page(void **state)
{
    enum { BASE = 0x10, FROM = THERE - 0x20 };
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "F4");
    rig_paging(&m.rig);
    rig_gdt(&m.rig, SEL_FREE, BASE, 0xFFFFF, AR_CODE32);
    rig_seg(&m.rig, SEG_CS, SEL_FREE);
    rig_hex(&m.rig, FROM, "49 74 02 EB 1F F4"); /* DEC ECX; JZ out; JMP THERE + 4; out: HLT */
    put_there(&m, THERE, 4, 5, FROM);
    put_there(&m, ELSEWHERE, 4, 6, FROM);
    again(&m, FROM - BASE, LOOPS);
    assert_int_equal(m.rig.cpu->r[R_AX], 5);
    map(&m, THERE, ELSEWHERE);
    again(&m, FROM - BASE, LOOPS);
    assert_int_equal(m.rig.cpu->r[R_AX], 6);
    end(&m);
}

/* More modes than have a number: code of one that has none does not jump to that of the last one that has. */
static void more_modes_than_numbers(void **state)
{
    enum { NUMBERS = 256, MODES = 260, BELOW32 = STACK0 - 4, BELOW16 = (u16)BELOW32 };
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "49 74 04 53 58 FF E2 F4"); /* A: DEC ECX; JZ out; PUSH EBX; POP EAX; JMP EDX (A); out: HLT */
    rig_gdt(&m.rig, SEL_FREE + 8, 0, 0xFFFFF, AR_DATA32 & ~SEG_DB);
    m.rig.cpu->r[R_DX] = CODE;
    for (u32 n = 1; n <= MODES; n++) {
        rig_put(&m.rig, BELOW16, 4, 0);
        rig_put(&m.rig, BELOW32, 4, 0);
        rig_gdt(&m.rig, SEL_FREE, 0, CODE + 0x1000 + n, AR_CODE32 & ~SEG_G);
        rig_seg(&m.rig, SEG_CS, SEL_FREE);
        rig_seg(&m.rig, SEG_SS, n <= NUMBERS ? SEL_FREE + 8 : K_DATA);
        m.rig.cpu->r[R_BX] = n;
        again(&m, CODE, LOOPS);
        assert_int_equal(rig_get32(&m.rig, BELOW16), n <= NUMBERS ? n : 0);
        assert_int_equal(rig_get32(&m.rig, BELOW32), n <= NUMBERS ? 0 : n);
    }
    end(&m);
}

/* What is expected to come next may reach over the code segment's end, which was further away when it was decoded. */
static void end_of_segment_inside_a_trace(void **state)
{
    enum { CUT = CODE + 12 /* inside the second MOV */ };
    struct machine m;
    if (!engine_has_host())
        skip();
    begin(&m, "49 74 0E EB 00 " /* A: DEC ECX; JZ out; JMP B */
              "B8 05 00 00 00 BB 06 00 00 00 EB EF F4" /* B: MOV EAX,5; MOV EBX,6; JMP A */);
    again(&m, CODE, LOOPS);
    assert_int_equal(m.rig.cpu->r[R_BX], 6);
    m.rig.cpu->r[R_BX] = 0;
    rig_gdt(&m.rig, SEL_FREE, 0, CUT, AR_CODE32 & ~SEG_G);
    for (unsigned i = 0; i < 2 * THRESHOLD; i++) {
        rig_seg(&m.rig, SEG_CS, SEL_FREE);
        m.rig.cpu->ip = CODE;
        m.rig.cpu->r[R_CX] = LOOPS;
        m.rig.cpu->halt = HALT_NONE;
        m.rig.cpu->attention &= ~(u32)ATT_HALT;
        rig_run(&m.rig, 1000);
        assert_in_handler(&m.rig, VEC_GP);
        assert_int_equal(m.rig.cpu->r[R_BX], 0);
    }
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
        cmocka_unit_test(frame_at_two_places),
        cmocka_unit_test(base_inside_a_page),
        cmocka_unit_test(more_modes_than_numbers),
        cmocka_unit_test(end_of_segment_inside_a_trace),
        cmocka_unit_test(shift_by_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
