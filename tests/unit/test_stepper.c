/*
 * test_stepper.c - the stepper's machine: every kind of run ends where it should, says why, and knows what changed.
 */
#include "step_bench.h"
#include <errno.h>

static void run(struct bench *b, struct goal goal)
{
    assert_int_equal(stepper_start(&b->s, &goal), 0);
    for (unsigned i = 0; i < 1000; i++)
        if (!stepper_go(&b->s, 7)) /* slices may end anywhere */
            return;
    fail_msg("the run does not end");
}

static void step(struct bench *b, u64 n)
{
    run(b, (struct goal){.kind = GOAL_STEPS, .amount = n});
}

#define assert_at(b, off) assert_int_equal((b)->c->ip, BENCH_AT + (off))

static void assert_sentences(struct bench *b, const char *did, const char *next)
{
    char text[EXPLAIN_SIZE];
    stepper_last_sentence(&b->s, text, sizeof text);
    assert_string_equal(text, did);
    stepper_next_sentence(&b->s, text, sizeof text);
    assert_string_equal(text, next);
}

static void single_steps(void **state)
{
    struct bench b;
    BENCH(&b, "\xB8\x34\x12\x40\x50\xA2\x00\x05\xEB\xFE"); /* mov ax, 1234h; inc ax; push ax; mov [500h], al; jmp $ */
    step(&b, 1);
    assert_at(&b, 3);
    assert_sentences(&b, "EAX 0 -> 1234h.", "INC adds 1 to AX, which is 1234h; CF stays; sets OF SF ZF AF PF.");
    step(&b, 3);
    assert_at(&b, 8);
    assert_int_equal(b.s.last.lin, BENCH_AT + 5);
    assert_int_equal(b.s.before.r[R_AX], 0x1235); /* changes count from the last instruction on */
    assert_string_equal(b.s.why, "");
    u64 before = cpu_count(b.c);
    step(&b, 100);
    assert_int_equal(cpu_count(b.c) - before, 100);
    b.s.looking = false;
    step(&b, 1);
    assert_false(b.s.one);
    bench_close(&b);
}

static void over_and_out(void **state)
{
    struct bench b;
    BENCH(&b, "\xE8\x02\x00\xEB\xFE\xE8\x01\x00\xC3\xC3"); /* call 5; jmp $; 5: call 9; ret; 9: ret */
    assert_int_equal(stepper_start_over(&b.s), 0);
    while (stepper_go(&b.s, 1))
        ;
    assert_at(&b, 3);
    assert_int_equal(b.s.last.lin, BENCH_AT);
    b.c->ip = BENCH_AT;
    step(&b, 1);
    assert_at(&b, 5);
    run(&b, (struct goal){.kind = GOAL_OUT}); /* not at the inner return */
    assert_at(&b, 3);
    assert_int_equal((u16)b.c->r[R_SP], BENCH_STACK);
    assert_int_equal(stepper_start_to(&b.s, BENCH_AT + 3), 0); /* where it stands: once around */
    while (stepper_go(&b.s, 100))
        ;
    assert_at(&b, 3);
    assert_int_equal(b.c->stops.count, 0);
    bench_close(&b);
}

/* Recursion: over a call that comes by the place behind it further in. */
static void over_recursion(void **state)
{
    struct bench b;
    BENCH(&b, "\xB9\x03\x00\xE8\x02\x00\xEB\xFE\x49\x74\x03\xE8\xFA\xFF\xC3"); /* mov cx,3; call 8; jmp $; 8: dec cx; jz
                                                                                  ret; call 8; ret */
    step(&b, 2);
    assert_at(&b, 8);
    step(&b, 2);
    assert_at(&b, 11);
    assert_int_equal(stepper_start_over(&b.s), 0);
    while (stepper_go(&b.s, 3))
        ;
    assert_at(&b, 14);
    assert_int_equal((u16)b.c->r[R_CX], 0);
    assert_int_equal((u16)b.c->r[R_SP], BENCH_STACK - 2);
    bench_close(&b);
}

static int add(struct bench *b, u32 off, u32 len, enum stop_kind kind, const char *when)
{
    struct stepper_stop stop = {.at = {.addr = off, .len = len, .kind = kind}, .text = "here"};
    char error[EXPR_ERROR];
    if (when)
        assert_int_equal(expr_parse(&stop.when, when, NULL, NULL, error), 0);
    return stepper_add(&b->s, &stop);
}

static void breakpoints(void **state)
{
    struct bench b;
    BENCH(&b, "\x31\xC0\x40\xA3\x00\x05\xEB\xFA"); /* xor ax, ax; 2: inc ax; 3: mov [500h], ax; jmp 2 */
    assert_int_equal(add(&b, BENCH_AT + 3, 1, STOP_EXEC, "ax == 3"), 1);
    assert_int_equal(add(&b, 0x500, 2, STOP_WRITE, "word [500] == 5"), 2);
    run(&b, (struct goal){.kind = GOAL_RUN});
    assert_at(&b, 3);
    assert_int_equal(b.c->r[R_AX], 3);
    assert_string_equal(b.s.why, "breakpoint 1: here");
    run(&b, (struct goal){.kind = GOAL_RUN});
    assert_at(&b, 6);
    assert_int_equal(b.c->r[R_AX], 5);
    assert_string_equal(b.s.why, "watchpoint 2: here");
    assert_true(stepper_delete(&b.s, 1));
    assert_false(stepper_delete(&b.s, 1));
    assert_true(stepper_delete(&b.s, 2));
    assert_int_equal(b.c->stops.count, 0);
    assert_int_equal(add(&b, BENCH_AT + 2, 1, STOP_EXEC, NULL), 1);
    step(&b, 50); /* many steps end at a breakpoint, too */
    assert_at(&b, 2);
    assert_string_equal(b.s.why, "breakpoint 1: here");
    assert_int_equal(add(&b, BENCH_AT + 2, 1, STOP_EXEC, "0"), 2);
    stepper_delete(&b.s, 2); /* does not take the other one along */
    run(&b, (struct goal){.kind = GOAL_RUN});
    assert_at(&b, 2);
    run(&b, (struct goal){.kind = GOAL_RUN, .amount = 2});
    assert_at(&b, 6);
    for (unsigned i = 0; i < STEPPER_STOPS - 1; i++)
        assert_true(add(&b, 0x600 + i, 1, STOP_EXEC, NULL) > 0);
    assert_int_equal(add(&b, 0x700, 1, STOP_EXEC, NULL), -ENOSPC);
    bench_close(&b);
}

static void until(void **state)
{
    struct bench b;
    char error[EXPR_ERROR];
    struct goal when = {.kind = GOAL_WHEN};
    /* xor ax, ax; 2: inc ax; cmp ax, 100h; jb 2; in al, 61h; out 80h, al; int 3; 12: mov eax, cr0; or al, 1; mov cr0,
     * eax; hlt */
    BENCH(&b, "\x31\xC0\x40\x3D\x00\x01\x72\xFA\xE4\x61\xE6\x80\xCC\x0F\x20\xC0\x0C\x01\x0F\x22\xC0\xF4");
    assert_int_equal(expr_parse(&when.when, "ax == 80 && zf == 0", NULL, NULL, error), 0);
    run(&b, when);
    assert_int_equal(b.c->r[R_AX], 0x80);
    run(&b, (struct goal){.kind = GOAL_PORT, .value = 0x80});
    assert_at(&b, 12);
    assert_memory_equal(b.s.why, "OUT port 080h <- ", 17);
    b.c->ip = BENCH_AT + 8;
    run(&b, (struct goal){.kind = GOAL_PORT, .value = -1});
    assert_at(&b, 10);
    run(&b, (struct goal){.kind = GOAL_EVENT, .value = -1});
    assert_int_equal(b.s.last.bits, 0); /* the run was not step by step */
    assert_memory_equal(b.s.why, "INT       03h", 13);
    const struct happening *h = witness_get(&b.s.witness, 0);
    assert_int_equal(h->kind, HAPPENED_EVENT);
    assert_int_equal(h->where, BENCH_AT + 12);
    assert_int_equal(witness_get(&b.s.witness, 1)->kind, HAPPENED_OUT);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(b.c, (enum seg_reg)i, 0);
    b.c->ip = BENCH_AT + 13;
    run(&b, (struct goal){.kind = GOAL_MODE});
    assert_at(&b, 21);
    char mode[64];
    stepper_mode(&b.s, mode, sizeof mode);
    assert_string_equal(mode, "protected mode, 16-bit, CPL 0");
    run(&b, (struct goal){.kind = GOAL_RUN});
    assert_string_equal(b.s.why, "the processor has halted with interrupts off, and nothing will wake it");
    bench_close(&b);
}

static void pauses(void **state)
{
    struct bench b;
    BENCH(&b, "\xEB\xFE"); /* jmp $ */
    assert_int_equal(stepper_start(&b.s, &(struct goal){.kind = GOAL_RUN}), 0);
    assert_true(stepper_go(&b.s, 100));
    stepper_pause(&b.s, "enough");
    stepper_pause(&b.s, "not again");
    assert_string_equal(b.s.why, "enough");
    assert_false(stepper_go(&b.s, 1));
    stepper_close(&b.s);
    assert_null(b.c->observer);
    assert_int_equal(b.c->stops.count, 0);
    fuzz_machine_close(&b.m);
}

static void ends(void **state)
{
    struct bench b;
    BENCH(&b, "\xEB\xFE");
    b.s.end = END_OFF;
    assert_int_equal(stepper_start(&b.s, &(struct goal){.kind = GOAL_RUN}), -EPERM);
    assert_string_equal(b.s.why, "the machine does not run any more");
    bench_close(&b);
}

static void back(void **state)
{
    struct bench b;
    BENCH(&b, "\x31\xC0\x40\xA3\x00\x05\xCD\x20\xEB\xF8"); /* xor ax, ax; 2: inc ax; mov [500h], ax; int 20h; jmp 2 */
    assert_int_equal(stepper_back(&b.s, 1), -EPERM);
    assert_string_equal(b.s.why, "this machine's past is not kept");
    assert_int_equal(stepper_remember(&b.s, NULL), 0);
    step(&b, 2);
    u64 hash = pc_hash(b.m.pc), count = cpu_count(b.c);
    assert_int_equal(add(&b, 0x500, 2, STOP_WRITE, "word [500] == 3"), 1);
    step(&b, 6);
    unsigned happened = (unsigned)b.s.witness.total;
    assert_true(happened > 0);
    step(&b, 1);
    assert_int_equal(stepper_back(&b.s, 7), 0);
    assert_true(pc_hash(b.m.pc) == hash);
    assert_at(&b, 3);
    assert_true(b.s.witness.total < happened); /* what has not happened yet */
    step(&b, 7);
    assert_int_equal(b.s.witness.total, happened);
    run(&b, (struct goal){.kind = GOAL_RUN});
    assert_string_equal(b.s.why, "watchpoint 1: here");
    run(&b, (struct goal){.kind = GOAL_RUN, .amount = 100});
    assert_int_equal(stepper_back_to_stop(&b.s, NULL), 0); /* in front of the instruction that wrote 3 */
    assert_at(&b, 3);
    assert_int_equal(b.c->r[R_AX], 3);
    assert_string_equal(b.s.why, "watchpoint 1: here");
    struct stepper_stop write = {.at = {.addr = 0x501, .len = 1, .kind = STOP_WRITE}, .once = true};
    assert_int_equal(stepper_back_to_stop(&b.s, &write), 0);
    assert_int_equal(b.c->r[R_AX], 2);
    assert_int_equal(b.c->stops.count, 1);
    assert_int_equal(stepper_back_to(&b.s, count), 0);
    assert_true(pc_hash(b.m.pc) == hash);
    assert_int_equal(stepper_back(&b.s, 10), 0);
    assert_string_equal(b.s.why, "this is the beginning: nothing before it is known");
    assert_at(&b, 0);
    assert_ptr_equal(b.c->observer, &b.s.witness.hook);
    bench_close(&b);
}

/* A guest that is stepped does what it does otherwise. */
static void same_guest(void **state)
{
    struct bench b[2];
    u64 hash[2], to = 0;
    for (unsigned i = 0; i < 2; i++) {
        BENCH(&b[i], "\x31\xC0\x40\xA3\x00\x05\xE4\x61\xCD\x20\xEB\xF6"); /* counts, reads a port, calls the BIOS */
        if (i)
            step(&b[i], 400);
        else
            run(&b[i], (struct goal){.kind = GOAL_RUN, .amount = 5});
        to = i ? to : 3000 + cpu_count(b[0].c);
        while (cpu_count(b[i].c) < to)
            run(&b[i], (struct goal){.kind = i ? GOAL_STEPS : GOAL_RUN, .amount = i ? 1 : to - cpu_count(b[i].c)});
        assert_int_equal(cpu_count(b[i].c), to);
        hash[i] = pc_hash(b[i].m.pc);
    }
    assert_true(hash[0] == hash[1]);
    for (unsigned i = 0; i < 2; i++)
        bench_close(&b[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_steps), cmocka_unit_test(over_and_out), cmocka_unit_test(over_recursion),
        cmocka_unit_test(breakpoints),  cmocka_unit_test(until),        cmocka_unit_test(pauses),
        cmocka_unit_test(back),         cmocka_unit_test(ends),         cmocka_unit_test(same_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
