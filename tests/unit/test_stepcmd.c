/*
 * test_stepcmd.c - the stepper's commands and scripts: what they print, and that a mistake is told before anything is
 * done.
 */
#include "step_bench.h"
#include "frontend/step/stepcmd.h"
#include "frontend/step/view.h"
#include <errno.h>

/* 7C00: mov cx, 3; 3: call 0Ah; loop 3; jmp $; 0Ah: inc ax; mov [500h], ax; ret */
#define CODE "\xB9\x03\x00\xE8\x04\x00\xE2\xFB\xEB\xFE\x40\xA3\x00\x05\xC3"

static char *text;
static struct stepcmd_env env;

static int script(struct bench *b, const char *lines)
{
    size_t size;
    free(text);
    env = (struct stepcmd_env){.s = &b->s, .out = open_memstream(&text, &size)};
    int r = stepscript_run(&env, lines, strlen(lines), "x.step", 10000);
    fclose(env.out);
    stepcmd_close(&env);
    return r;
}

static void expect(struct bench *b, const char *lines, const char *want)
{
    if (script(b, lines))
        fail_msg("%s", env.error);
    assert_string_equal(text, want);
}

static void what_is_seen(void **state)
{
    struct bench b;
    BENCH(&b, CODE);
    expect(&b, "# a comment\n\n  step  \n",
           ">   step  \n"
           "did    ECX 0 -> 3.\n"
           "next   0000:7C03  call  0x7c0a\n"
           "       CALL puts the address of the next instruction, 7C06h, on the stack at\n"
           "       SS:6FFEh and goes on at 7C0Ah.\n");
    expect(&b, "s\nout",
           "> s\n"
           "did    ESP 7000h -> 6FFEh; on the stack now: 7C06h; went on at 0000h:7C0Ah.\n"
           "next   0000:7C0A  inc   ax\n"
           "       INC adds 1 to AX, which is 0; CF stays; sets OF SF ZF AF PF.\n"
           "> out\n"
           "next   0000:7C06  loop  0x7c03\n"
           "       LOOP counts CX down from 3 to 2, so it jumps to 7C03h.\n");
    expect(&b, "print word [500] + 1\nprint ax == 1\n",
           "> print word [500] + 1\nword [500] + 1 = 2h = 2\n> print ax == 1\nax == 1 = 1h = 1\n");
    expect(&b, "break 7c0a if ax == 2\nwatch 500 2\nc\ndelete 2\nstops\nquit\nstep\n",
           "> break 7c0a if ax == 2\nbreakpoint 1: 7c0a if ax == 2\n"
           "> watch 500 2\nwatchpoint 2: write to 500 2\n"
           "> c\nwatchpoint 2: write to 500 2\n"
           "next   0000:7C0E  ret\n"
           "       RET takes 7C06h (the word at SS:6FFEh) from the stack and goes on\n"
           "       there.\n"
           "> delete 2\n"
           "> stops\n 1  breakpoint 7c0a if ax == 2                          0 times\n"
           "> quit\n");
    expect(&b, "until write 500\n",
           "> until write 500\nbreakpoint 1: 7c0a if ax == 2\n"
           "next   0000:7C0A  inc   ax\n"
           "       INC adds 1 to AX, which is 2; CF stays; sets OF SF ZF AF PF.\n");
    expect(&b, "delete\nuntil write 500\n",
           "> delete\n> until write 500\nwrite to 500\n"
           "next   0000:7C0E  ret\n"
           "       RET takes 7C06h (the word at SS:6FFEh) from the stack and goes on\n"
           "       there.\n");
    assert_int_equal(b.c->stops.count, 0);
    bench_close(&b);
}

static void views(void **state)
{
    struct bench b;
    BENCH(&b, CODE);
    assert_int_equal(
        script(&b, "show code\nshow regs\nshow stack\nmemory 7c00\nshow memory\nsyntax\nshow code\nhelp step\n"), 0);
    assert_non_null(strstr(text, " ▶ 0000:7C00  B90300     mov   cx, 3\n   0000:7C03  E80400     call  0x7c0a\n"));
    assert_non_null(strstr(text, "\nEAX 00000000 ESI 00000000\n"));
    assert_non_null(strstr(text, "\ntop 7000  0000\n"));
    assert_non_null(strstr(text, "\n00007C00  B9 03 00 E8 04 00 E2 FB  EB FE 40 A3 00 05 C3 00  ..........@.....\n"));
    assert_non_null(strstr(text, " ▶ 0000:7C00  B90300     movw  $3, %cx\n"));
    assert_non_null(strstr(text, "\nstep [N]: execute one instruction, or N\n"));
    for (unsigned i = 0; i < VIEW_COUNT; i++) { /* all of them show something */
        char line[64];
        snprintf(line, sizeof line, "show %s", view_rows[i].name);
        assert_int_equal(script(&b, line), 0);
        assert_true(strlen(text) > strlen(line) + 20);
    }
    assert_int_equal(script(&b, "show device pic\nshow pages ds:10"), 0);
    assert_non_null(strstr(text, "> show device pic\npic\n"));
    assert_non_null(strstr(text, "linear 00000010h"));
    bench_close(&b);
}

static void st8_at(struct bench *b, u32 lin, u8 byte)
{
    assert_int_equal(debugger_write(&b->s.debugger, lin, &byte, 1), 0);
}

static void mistakes(void **state)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"fly", "x.step:3: there is no command 'fly'; 'help' lists all"},
        {"step x", "x.step:3: how often is a decimal number from 1 on, not 'x'"},
        {"step 0", "x.step:3: how often is a decimal number from 1 on, not '0'"},
        {"over 2", "x.step:3: this command takes no argument, not '2'"},
        {"until", "x.step:3: until wants to know: until ADDR | mode | int [VECTOR] | port [PORT] | write ADDR [LEN] | "
                  "if CONDITION"},
        {"until mode x", "x.step:3: what is 'x' doing there?"},
        {"until int 100", "x.step:3: a vector is from 0 to FFh"},
        {"until port 10000", "x.step:3: a port is from 0 to FFFFh"},
        {"until 100000000", "x.step:3: linear addresses end at FFFFFFFF"},
        {"until if", "x.step:3: a number or a name is missing at the end"},
        {"break 7c00 7c01", "x.step:3: what is '7c01' doing there?"},
        {"break 7c00 if nothing", "x.step:3: 'nothing' is no number, register or symbol"},
        {"view sky", "x.step:3: there is no view 'sky'; 'help view' lists them"},
        {"show gdt 5", "x.step:3: what is '5' doing there?"},
        {"show device none", "x.step:3: there is no device 'none'"},
        {"help none", "x.step:3: there is no command 'none'; 'help' lists all"},
        {"keys fly", "x.step:3: keys:1:1: "},
        {"screenshot /nosuch/x.png", "x.step:3: /nosuch/x.png: "},
    };
    struct bench b;
    BENCH(&b, CODE);
    u64 hash = pc_hash(b.m.pc);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        char lines[200];
        snprintf(lines, sizeof lines, "break 7c03\nstep\n%s\nstep\n", cases[i].line);
        assert_int_equal(script(&b, lines), -EINVAL);
        assert_memory_equal(env.error, cases[i].error, strlen(cases[i].error));
        assert_string_equal(text, ""); /* nothing was done */
        assert_int_equal(b.c->stops.count, 0);
        assert_true(pc_hash(b.m.pc) == hash);
    }
    assert_int_equal(stepscript_run(&env, "step\n\0step", 10, "x.step", 5), -EINVAL);
    assert_string_equal(env.error, "x.step:1: a script is text, without zero bytes");
    assert_int_equal(script(&b, "step\nuntil 500\n"), -EIO);
    assert_string_equal(env.error, "x.step:2: not reached within 10000 instructions and an hour");
    st8_at(&b, BENCH_AT + 8, 0xF4);
    assert_int_equal(script(&b, "until 500\n"), -EIO);
    assert_string_equal(env.error, "x.step:1: the processor has halted with interrupts off, and nothing will wake it");
    assert_int_equal(script(&b, "continue\n"), 0);
    assert_int_equal(script(&b, "print [100000000]"), -EIO);
    assert_string_equal(env.error, "x.step:1: the memory that '[100000000]' names cannot be read");
    assert_int_equal(script(&b, "delete 7"), -EIO);
    assert_string_equal(env.error, "x.step:1: there is no 7; 'stops' lists them");
    bench_close(&b);
}

/* Names, keys and texts of the table are what help and man page rely on. */
static void table(void **state)
{
    for (const struct stepcmd_row *r = stepcmd_rows; r->name; r++) {
        assert_true(*r->help && *r->group);
        assert_true(!r->needs || *r->shown);
        for (const struct stepcmd_row *q = stepcmd_rows; q < r; q++) {
            assert_string_not_equal(q->name, r->name);
            assert_true(!r->key || (q->key != r->key && q->other != r->key));
        }
        for (unsigned i = 0; i < VIEW_COUNT; i++)
            assert_true(!r->key || (view_rows[i].key != r->key && view_rows[i].key != r->other) || !view_rows[i].key);
    }
}

static int cleanup(void **state)
{
    free(text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen),
        cmocka_unit_test(views),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(table),
    };
    return cmocka_run_group_tests(tests, NULL, cleanup);
}
