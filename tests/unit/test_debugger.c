/* The debugger's core: steps, ends by count, stops, memory; and that a guest under a debugger is the same guest. */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/debugger.h"
#include "cpu/sys.h"
#include "tests/fuzz/machine.h"
#include "tests/unit/pc_box.h"

#include <errno.h>

enum { AT = 0x7C00, STACK = 0x7000, COUNTS = 1000 };

struct bench {
    struct fuzz_machine m;
    struct debugger d;
    struct cpu *c;
};

/* A machine that stands at 0:7C00 in front of CODE, N bytes of it. */
static void open_bench(struct bench *b, const char *code, size_t n)
{
    fuzz_machine_open(&b->m, cpu_model_find("p3"));
    fuzz_machine_run(&b->m, 2000, 2000, 1); /* the BIOS's vectors */
    b->c = pc_cpu(b->m.pc);
    debugger_open(&b->d, b->m.pc);
    debugger_pause(&b->d);
    assert_int_equal(debugger_write(&b->d, AT, code, n), 0);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(b->c, (enum seg_reg)i, 0);
    cpu_set_eflags(b->c, 0);
    b->c->halt = HALT_NONE;
    b->c->attention &= ~(u32)ATT_HALT;
    b->c->ip = AT;
    b->c->r[R_SP] = STACK;
}

#define OPEN(b, code) open_bench(b, code, sizeof(code) - 1)

static void close_bench(struct bench *b)
{
    debugger_close(&b->d);
    fuzz_machine_close(&b->m);
}

/* Runs until it stops again, SLICE counts at a time; false if COUNTS did not do. */
static bool run(struct bench *b, u64 slice)
{
    u64 end = cpu_count(b->c) + COUNTS;
    while (cpu_count(b->c) < end) {
        enum pc_stop why = pc_run(b->m.pc, debugger_counts(&b->d, slice));
        if (debugger_ran(&b->d))
            return true;
        if (why != PC_BUDGET)
            return false;
    }
    return false;
}

static void add(struct bench *b, u32 addr, u32 len, enum stop_kind kind)
{
    assert_int_equal(debugger_add(&b->d, &(const struct stop){.addr = addr, .len = len, .kind = kind}), 0);
}

static void steps(void **state)
{
    struct bench b;
    OPEN(&b, "\x40\x41\x90\xF4");
    u64 count = cpu_count(b.c);
    for (unsigned i = 1; i <= 3; i++) {
        debugger_step(&b.d);
        assert_true(run(&b, COUNTS));
        assert_int_equal(b.d.why, DEBUGGER_STEPPED);
        assert_int_equal(debugger_here(&b.d), AT + i);
        assert_int_equal(cpu_count(b.c), count + i);
    }
    assert_int_equal(debugger_counts(&b.d, COUNTS), 0); /* it stands */
    close_bench(&b);
}

static void steps_into_the_handler(void **state)
{
    struct bench b;
    OPEN(&b, "\x90\x0F\x0B");
    st16(phys_frame_host(b.c->mmu.phys, phys_read_frame(b.c->mmu.phys, 0)) + 6 * 4, 0x1234);
    u64 count = cpu_count(b.c);
    debugger_step(&b.d);
    assert_true(run(&b, COUNTS));
    debugger_step(&b.d);
    assert_true(run(&b, COUNTS));
    assert_int_equal(b.d.why, DEBUGGER_STEPPED);
    assert_int_equal(debugger_here(&b.d), 0xF1234);
    assert_int_equal(cpu_count(b.c), count + 1);
    close_bench(&b);
}

static void steps_over(void **state)
{
    static const struct {
        char code[16];
        u32 behind, cx;
    } cases[] = {
        {"\xE8\x02\x00\xF4\xF4\x41\xC3", AT + 3, 1},                                 /* CALL +2: INC CX; RET */
        {"\xE8\x02\x00\xF4\xF4\x41\x83\xF9\x05\x74\x03\xE8\xF7\xFF\xC3", AT + 3, 5}, /* calls itself up to 5 */
        {"\xF3\xAA\xF4", AT + 2, 0},                                                 /* REP STOSB */
        {"\xCD\x50\xF4", AT + 2, 20},                                                /* INT 50h: only acknowledges */
        {"\x41\xF4", AT + 1, 21},                                                    /* INC CX: a plain step */
    };
    static const u32 cx[] = {0, 0, 20, 20, 20};
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
        for (u64 slice = 1; slice < 30; slice += 7) {
            struct bench b;
            open_bench(&b, cases[i].code, sizeof cases[i].code);
            b.c->r[R_CX] = cx[i];
            b.c->r[R_DI] = 0x5000;
            debugger_step_over(&b.d);
            assert_true(run(&b, slice));
            assert_int_equal(b.d.why, DEBUGGER_STEPPED);
            assert_int_equal(debugger_here(&b.d), cases[i].behind);
            assert_int_equal(b.c->r[R_CX], cases[i].cx);
            assert_int_equal(b.c->r[R_SP], STACK);
            assert_int_equal(b.c->stops.count, 0);
            close_bench(&b);
        }
}

/* A stop inside of what is stepped over comes first, and nothing is left of the step. */
static void stops_inside_a_step_over(void **state)
{
    struct bench b;
    OPEN(&b, "\xE8\x02\x00\xF4\xF4\x41\xC3\0\0\0\0\0\0\0\0\0");
    add(&b, AT + 6, 1, STOP_EXEC);
    debugger_step_over(&b.d);
    assert_true(run(&b, COUNTS));
    assert_int_equal(b.d.why, DEBUGGER_HIT);
    assert_int_equal(b.d.at.addr, AT + 6);
    assert_int_equal(b.c->stops.count, 1);
    close_bench(&b);
}

static void ends_at_a_count(void **state)
{
    for (u64 n = 1; n < 40; n++) {
        struct bench b;
        OPEN(&b, "\x40\x40\xEB\xFC");
        u64 end = cpu_count(b.c) + n;
        debugger_limit(&b.d, end);
        debugger_continue(&b.d);
        assert_true(run(&b, 1 + n / 3));
        assert_int_equal(b.d.why, DEBUGGER_COUNT);
        assert_int_equal(cpu_count(b.c), end);
        debugger_continue(&b.d);
        assert_false(run(&b, 77)); /* once */
        close_bench(&b);
    }
}

static void tells_what_was_hit(void **state)
{
    struct bench b;
    OPEN(&b, "\x40\xA3\x00\x50\xEB\xFA");
    add(&b, AT + 1, 1, STOP_EXEC);
    add(&b, AT + 1, 1, STOP_EXEC);
    add(&b, 0x5001, 1, STOP_WRITE);
    assert_int_equal(b.c->stops.count, 2);
    for (unsigned i = 0; i < 6; i++) {
        debugger_continue(&b.d);
        assert_true(run(&b, COUNTS));
        assert_int_equal(b.d.why, DEBUGGER_HIT);
        assert_int_equal(b.d.at.kind, i % 2 ? STOP_WRITE : STOP_EXEC);
        assert_int_equal(debugger_here(&b.d), i % 2 ? AT + 4 : AT + 1);
    }
    debugger_remove(&b.d, &(const struct stop){.addr = AT + 1, .len = 1, .kind = STOP_EXEC});
    debugger_clear(&b.d);
    debugger_continue(&b.d);
    assert_false(run(&b, COUNTS));
    close_bench(&b);
}

static void refuses_stops(void **state)
{
    static const struct stop bad[] = {{.addr = 1, .len = 0, .kind = STOP_EXEC},
                                      {.addr = 1, .len = 1, .kind = STOP_EVENT},
                                      {.addr = 0xFFFFFFFF, .len = 2, .kind = STOP_READ},
                                      {.addr = (u64)1 << 32, .len = 1, .kind = STOP_WRITE}};
    struct bench b;
    OPEN(&b, "\x90");
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(debugger_add(&b.d, &bad[i]), -EINVAL);
    close_bench(&b);
}

/* ---- memory ---- */

static void refuses_what_is_no_memory(void **state)
{
    static const struct {
        u64 addr;
        bool readable, writable;
    } cases[] = {
        {0x500, true, true},          {0xFEE00020, false, false}, /* local APIC */
        {0xFFFFFFF0, true, false},                                /* BIOS */
        {0x80000000, false, false},                               /* nothing there */
        {(u64)1 << 32, false, false}, {~(u64)0, false, false},
    };
    struct bench b;
    OPEN(&b, "\x90");
    u64 hash = pc_hash(b.m.pc);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        u8 byte = 0x5A;
        assert_int_equal(debugger_read(&b.d, cases[i].addr, &byte, 1), cases[i].readable);
        assert_int_equal(debugger_write(&b.d, cases[i].addr, &byte, 1), cases[i].writable ? 0 : -EFAULT);
    }
    assert_true(pc_hash(b.m.pc) == hash);
    u8 pages[2 * PAGE_SIZE] = {1};
    u64 last = FUZZ_RAM - PAGE_SIZE; /* the second page does not exist: nothing is written */
    assert_int_equal(debugger_write(&b.d, last, pages, sizeof pages), -EFAULT);
    assert_int_equal(debugger_read(&b.d, last, pages, sizeof pages), PAGE_SIZE);
    assert_true(pc_hash(b.m.pc) == hash);
    close_bench(&b);
}

/* Code that is written over while it stands decoded. */
static void writes_code(void **state)
{
    struct bench b;
    OPEN(&b, "\x40\x40\xEB\xFC");
    debugger_continue(&b.d);
    assert_false(run(&b, COUNTS));
    debugger_pause(&b.d);
    assert_int_equal(debugger_write(&b.d, AT, "\x43\x43", 2), 0);
    u64 ax = b.c->r[R_AX];
    debugger_continue(&b.d);
    assert_false(run(&b, COUNTS));
    assert_true(b.c->r[R_AX] - ax <= 1);
    assert_in_range(b.c->r[R_BX], COUNTS / 3, COUNTS);
    close_bench(&b);
}

/* Through page tables, whose accessed and dirty bits stay. */
static void follows_page_tables(void **state)
{
    enum { DIR = 0x10000, TAB = 0x11000 };
    struct bench b;
    u8 data[8] = "visible", back[8] = {0};
    OPEN(&b, "\x90");
    struct physmem *p = b.c->mmu.phys;
    phys_write(p, DIR + 0x300 * 4, &(const u32){TAB | 1}, 4);
    phys_write(p, TAB + 5 * 4, &(const u32){0x20000 | 1}, 4); /* C0005000h, read-only for the guest */
    b.c->cr0 |= CR0_PE | CR0_PG | CR0_WP;
    b.c->cr3 = DIR;
    mmu_load_cr3(&b.c->mmu, DIR);
    cpu_update_mode(b.c);
    assert_int_equal(debugger_write(&b.d, 0xC0005FFC, data, 4), 0);
    assert_int_equal(debugger_write(&b.d, 0xC0005FFC, data, 5), -EFAULT);
    assert_int_equal(debugger_read(&b.d, 0xC0005FFC, back, 8), 4);
    assert_string_equal((char *)back, "visi");
    phys_read(p, 0x20FFC, back, 4);
    assert_string_equal((char *)back, "visi");
    u32 entry[2];
    phys_read(p, DIR + 0x300 * 4, &entry[0], 4);
    phys_read(p, TAB + 5 * 4, &entry[1], 4);
    assert_int_equal(entry[0], TAB | 1);
    assert_int_equal(entry[1], 0x20000 | 1);
    assert_int_equal(debugger_read(&b.d, AT, back, 1), 0);
    close_bench(&b);
}

/* ---- the guest does not notice ---- */

/* A boot, once alone, once with stops in its way and stretches of single steps; both end in the same state. */
static void leaves_the_guest_alone(void **state)
{
    enum { TOTAL = 30000000 };
    struct box alone, watched;
    struct debugger d;
    unsigned hits = 0;
    box_open(&alone, box_roms_or_skip(state), 'a');
    box_open(&watched, box_roms_or_skip(state), 'a');
    box_run(&alone, TOTAL);
    debugger_open(&d, watched.pc);
    debugger_add(&d, &(const struct stop){.addr = AT + 9, .len = 1, .kind = STOP_EXEC});
    debugger_add(&d, &(const struct stop){.addr = BOX_ROUNDS, .len = 2, .kind = STOP_WRITE});
    debugger_add(&d, &(const struct stop){.addr = 0x400, .len = 0x100, .kind = STOP_ACCESS}); /* the BIOS's data */
    while (cpu_count(pc_cpu(watched.pc)) < TOTAL) {
        u64 left = TOTAL - cpu_count(pc_cpu(watched.pc));
        enum pc_stop why = pc_run(watched.pc, debugger_counts(&d, left));
        if (debugger_ran(&d) && ++hits % 100 < 50)
            debugger_step(&d);
        else if (d.why != DEBUGGER_RUNS)
            debugger_continue(&d);
        else if (why == PC_IDLE)
            pc_skip_to(watched.pc, pc_next_event(watched.pc));
    }
    assert_in_range(hits, 100, ~0u);
    assert_true(box_rounds(&alone) > 0);
    debugger_close(&d);
    assert_true(pc_hash(alone.pc) == pc_hash(watched.pc));
    box_close(&alone);
    box_close(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps),
        cmocka_unit_test(steps_into_the_handler),
        cmocka_unit_test(steps_over),
        cmocka_unit_test(stops_inside_a_step_over),
        cmocka_unit_test(ends_at_a_count),
        cmocka_unit_test(tells_what_was_hit),
        cmocka_unit_test(refuses_stops),
        cmocka_unit_test(refuses_what_is_no_memory),
        cmocka_unit_test(writes_code),
        cmocka_unit_test(follows_page_tables),
        cmocka_unit_test(leaves_the_guest_alone),
    };
    return cmocka_run_group_tests(tests, box_group_setup, box_group_teardown);
}
