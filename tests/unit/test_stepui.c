/*
 * test_stepui.c - the stepper's screen at 80x24 and any other size, and what keys do.
 */
#include "step_bench.h"
#include "frontend/step/stepui.h"
#include "frontend/step/view.h"

/* 7C00: mov cx, 3; 3: call 0Ah; loop 3; jmp $; 0Ah: inc ax; mov [500h], ax; ret */
#define CODE "\xB9\x03\x00\xE8\x04\x00\xE2\xFB\xEB\xFE\x40\xA3\x00\x05\xC3"

struct desk {
    struct bench b;
    struct stepui ui;
    struct grid g;
};

static void desk_open(struct desk *d)
{
    BENCH(&d->b, CODE);
    stepui_open(&d->ui, &d->b.s);
    d->b.s.look.code_top = BENCH_AT;
    assert_int_equal(grid_init(&d->g, VIEW_COLS, VIEW_ROWS), 0);
}

static void desk_close(struct desk *d)
{
    grid_free(&d->g);
    stepui_close(&d->ui);
    bench_close(&d->b);
}

/* Row ROW as it is now, in ASCII. */
static const char *row(struct desk *d, unsigned n)
{
    static char text[256];
    stepui_draw(&d->ui, &d->g);
    for (unsigned i = 0; i < d->g.cols; i++) {
        u32 ch = d->g.cell[n * d->g.cols + i].ch;
        text[i] = ch == 0        ? ' '
                  : ch < 0x80    ? (char)ch
                  : ch == 0x25B6 ? '>'
                  : ch == 0x25B7 ? '<'
                  : ch == 0x2502 ? '|'
                                 : '-';
    }
    size_t end = d->g.cols;
    while (end && text[end - 1] == ' ')
        end--;
    text[end] = 0;
    return text;
}

static unsigned style_at(struct desk *d, unsigned r, unsigned col)
{
    return d->g.cell[r * d->g.cols + col].style;
}

static void main_view(void **state)
{
    struct desk d;
    desk_open(&d);
    stepui_key(&d.ui, 's');
    assert_string_equal(row(&d, 1), " < 0000:7C00  B90300     mov   cx, 3               | EAX 00000000 ESI 00000000");
    assert_string_equal(row(&d, 2), " > 0000:7C03  E80400     call  0x7c0a              | EBX 00000000 EDI 00000000");
    assert_string_equal(row(&d, 3), "   0000:7C06  E2FB       loop  0x7c03              | ECX 00000003 EBP 00000000");
    assert_string_equal(row(&d, 5), "   0000:7C0A  40         inc   ax                  | EIP 00007C03 EFL 00000002");
    assert_string_equal(row(&d, 11), " did  ECX 0 -> 3.");
    assert_string_equal(row(&d, 13), " next CALL puts the address of the next instruction, 7C06h, on the stack at");
    assert_string_equal(row(&d, 14), "      SS:6FFEh and goes on at 7C0Ah.");
    assert_string_equal(row(&d, 16),
                        "-- memory ------------------------------------------ stack ---------------------");
    assert_string_equal(row(&d, 23), " s step b back n over o out c run k break v view x screen : cmd ? help q quit");
    assert_int_equal(style_at(&d, 1, 5), STYLE_LAST);
    assert_int_equal(style_at(&d, 2, 5), STYLE_NEXT);
    assert_int_equal(style_at(&d, 3, 57), STYLE_CHANGED); /* ECX */
    assert_int_equal(style_at(&d, 1, 57), STYLE_PLAIN);
    stepui_key(&d.ui, STEPKEY_RIGHT);
    assert_string_equal(row(&d, 2), " < 0000:7C03  E80400     call  0x7c0a              | EBX 00000000 EDI 00000000");
    assert_string_equal(row(&d, 5), " > 0000:7C0A  40         inc   ax                  | EIP 00007C0A EFL 00000002");
    d.b.s.look.code_top = BENCH_AT + 8; /* where it came from is not in the listing: it stands above */
    assert_string_equal(row(&d, 1), " < 0000:7C03  E80400     call  0x7c0a              | EAX 00000000 ESI 00000000");
    assert_string_equal(row(&d, 3), " > 0000:7C0A  40         inc   ax                  | ECX 00000003 EBP 00000000");
    assert_string_equal(row(&d, 17) + 53, "top 6FFE  7C06");
    assert_int_equal(style_at(&d, 17, 64), STYLE_CHANGED);
    desk_close(&d);
}

static void type(struct desk *d, const char *keys)
{
    for (; *keys; keys++)
        stepui_key(&d->ui, *keys);
}

static void keys(void **state)
{
    struct desk d;
    desk_open(&d);
    stepui_key(&d.ui, STEPKEY_DOWN);
    stepui_key(&d.ui, STEPKEY_DOWN);
    assert_string_equal(row(&d, 3), "   0000:7C06  E2FB       loop  0x7c03              | ECX 00000000 EBP 00000000");
    assert_int_equal(style_at(&d, 3, 5), STYLE_CURSOR);
    type(&d, "k");
    assert_string_equal(row(&d, 23), "breakpoint 1: 00007C06");
    assert_int_equal(style_at(&d, 3, 0), STYLE_STOP);
    stepui_key(&d.ui, STEPKEY_ENTER);
    assert_int_equal(d.b.c->ip, BENCH_AT + 6);
    assert_string_equal(row(&d, 11), " stop breakpoint 1: 00007C06");
    stepui_key(&d.ui, STEPKEY_UP);
    assert_int_equal(d.b.s.look.cursor, BENCH_AT + 3);
    type(&d, "k"); /* another, and away again */
    type(&d, "k");
    assert_string_equal(row(&d, 23), "breakpoint 2 is gone");
    type(&d, "u"); /* asks for the rest */
    assert_string_equal(row(&d, 23), ":until -");
    type(&d, "if ax == 33");
    stepui_key(&d.ui, STEPKEY_BACKSPACE);
    stepui_key(&d.ui, STEPKEY_ENTER);
    assert_string_equal(row(&d, 11), " stop breakpoint 1: 00007C06");
    stepui_key(&d.ui, ':');
    stepui_key(&d.ui, STEPKEY_UP); /* what was typed last */
    assert_string_equal(row(&d, 23), ":until if ax == 3-");
    stepui_key(&d.ui, STEPKEY_ESC);
    type(&d, ":fly\r");
    assert_string_equal(row(&d, 23), "there is no command 'fly'; 'help' lists all");
    type(&d, "z");
    assert_string_equal(row(&d, 23), " that key does nothing; ? lists those that do");
    type(&d, ":memory 7c00\r");
    assert_memory_equal(row(&d, 17), "00007C00  B9 03 00 E8 04 00 E2 FB", 33);
    stepui_key(&d.ui, STEPKEY_PGDN);
    assert_memory_equal(row(&d, 17), "00007C40 ", 9);
    type(&d, "q");
    assert_true(d.ui.env.quit);
    desk_close(&d);
}

static void other_views(void **state)
{
    struct desk d;
    desk_open(&d);
    type(&d, "r");
    assert_memory_equal(row(&d, 1), " EFLAGS 00000002h", 17);
    assert_string_equal(row(&d, 18), " > 0000:7C00  B90300     mov   cx, 3");
    type(&d, ":step 3\r");
    assert_memory_equal(row(&d, 1), " EFLAGS 00000002h", 17);
    type(&d, "r"); /* the same key goes back */
    assert_int_equal(d.b.s.look.view, VIEW_MAIN);
    type(&d, "i");
    stepui_key(&d.ui, STEPKEY_DOWN);
    assert_memory_equal(row(&d, 1), " 00h ", 5);
    stepui_key(&d.ui, STEPKEY_ESC);
    type(&d, "?");
    assert_non_null(strstr(row(&d, 4), "s Right"));
    type(&d, "v");
    for (unsigned i = 0; i < VIEW_CYCLE + 2; i++) {
        row(&d, 0);
        type(&d, "v");
    }
    desk_close(&d);
}

/* A run that does not end goes on until a key comes. */
static void running(void **state)
{
    struct desk d;
    desk_open(&d);
    type(&d, ":until 500\r");
    assert_true(stepui_runs(&d.ui));
    assert_non_null(strstr(row(&d, 0), "running"));
    assert_true(stepui_go(&d.ui, 100));
    type(&d, "s");
    assert_string_equal(row(&d, 11), " stop paused");
    assert_false(stepui_runs(&d.ui));
    desk_close(&d);
}

static void any_size(void **state)
{
    static const unsigned sizes[][2] = {{1, 1}, {2, 3}, {10, 5}, {40, 12}, {70, 24}, {80, 50}, {132, 43}, {300, 150}};
    struct desk d;
    desk_open(&d);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        grid_free(&d.g);
        assert_int_equal(grid_init(&d.g, sizes[i][0], sizes[i][1]), 0);
        for (d.b.s.look.view = 0; d.b.s.look.view < VIEW_COUNT; d.b.s.look.view++)
            stepui_draw(&d.ui, &d.g);
        d.b.s.look.view = VIEW_MAIN;
        stepui_key(&d.ui, 's');
    }
    desk_close(&d);
}

/* Any keys at all. */
static void hammering(void **state)
{
    static const int some[] = {'s',           'n',         'o', 'v',         'r',          'k',          'a',
                               'h',           '?',         'x', STEPKEY_UP,  STEPKEY_DOWN, STEPKEY_PGUP, STEPKEY_PGDN,
                               STEPKEY_ENTER, STEPKEY_ESC, ':', '1',         ' ',          'm',          'T',
                               'd',           'e',         'f', STEPKEY_LEFT};
    struct desk d;
    u64 seed = 5;
    desk_open(&d);
    for (unsigned i = 0; i < 20000; i++) {
        stepui_key(&d.ui, some[box_random(&seed, ARRAY_LEN(some))]);
        if (i % 8 == 0)
            stepui_draw(&d.ui, &d.g);
    }
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_view), cmocka_unit_test(keys),     cmocka_unit_test(other_views),
        cmocka_unit_test(running),   cmocka_unit_test(any_size), cmocka_unit_test(hammering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
