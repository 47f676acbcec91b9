/*
 * test_terminal.c - the terminal display on a pseudo-terminal: what is typed becomes keys, what is on the screen
 * becomes escapes, and the terminal is given back as it was.
 */
#include "frontend/terminal.h"
#include "frontend/terminal_int.h"

#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
    int master, slave;
    struct termios before;
    struct terminal *t;
    struct frontend_events ev;
    char keys[1024];
    unsigned quits, shots;
    char out[65536]; /* what the terminal was told in the last show */
    struct display_text text;
};

static void on_key(void *ctx, enum key key, bool down)
{
    struct rig *r = ctx;
    size_t len = strlen(r->keys);

    snprintf(r->keys + len, sizeof r->keys - len, "%c%02x ", down ? '+' : '-', (unsigned)key);
}

static void on_quit(void *ctx)
{
    ((struct rig *)ctx)->quits++;
}

static void on_screenshot(void *ctx)
{
    ((struct rig *)ctx)->shots++;
}

static const char *drain(struct rig *r)
{
    struct pollfd fd = {.fd = r->master, .events = POLLIN};
    size_t len = 0;

    /* The kernel hands a pseudo-terminal's output over a little later. */
    while (len < sizeof r->out - 1 && poll(&fd, 1, 30) > 0) {
        ssize_t got = read(r->master, r->out + len, sizeof r->out - 1 - len);

        if (got <= 0)
            break;
        len += (size_t)got;
    }
    r->out[len] = 0;
    return r->out;
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct winsize size = {.ws_row = 10, .ws_col = 40};
    char err[200];

    setenv("COLORTERM", "truecolor", 1);
    assert_int_equal(openpty(&r->master, &r->slave, NULL, NULL, &size), 0);
    tcgetattr(r->slave, &r->before);
    r->ev = (struct frontend_events){.ctx = r, .key = on_key, .quit = on_quit, .screenshot = on_screenshot};
    assert_int_equal(terminal_open(&(struct terminal_config){r->slave, r->slave, "test"}, &r->t, err, sizeof err), 0);
    r->text.cols = 20;
    r->text.rows = 4;
    r->text.cursor_row = 9;
    r->text.palette[7] = 0xAAAAAA;
    for (unsigned i = 0; i < 80; i++) {
        r->text.cells[2 * i] = ' ';
        r->text.cells[2 * i + 1] = 7;
    }
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    struct termios after;

    terminal_close(r->t);
    assert_non_null(strstr(drain(r), "\033[?1049l"));
    tcgetattr(r->slave, &after);
    assert_int_equal(after.c_lflag, r->before.c_lflag);
    assert_int_equal(after.c_iflag, r->before.c_iflag);
    close(r->master);
    close(r->slave);
    free(r);
    return 0;
}

static void type(struct rig *r, const char *bytes, size_t len)
{
    assert_int_equal(write(r->master, bytes, len), (ssize_t)len);
    for (unsigned i = 0; i < 12; i++)
        terminal_pump(r->t, &r->ev, 10);
}

static void test_keys(void **state)
{
    struct rig *r = *state;

    type(r, "A\r\033[A\033[3;5~", 11);
    assert_string_equal(r->keys, "+e1 +04 -04 -e1 +28 -28 +52 -52 +e0 +4c -4c -e0 ");
    r->keys[0] = 0;
    type(r, "\033x\033", 3); /* Alt+x, then ESC alone */
    assert_string_equal(r->keys, "+e2 +1b -1b -e2 +29 -29 ");
}

static void test_commands(void **state)
{
    struct rig *r = *state;

    type(r, "\035s", 2);
    assert_int_equal(r->shots, 1);
    type(r, "\035d", 2);
    assert_string_equal(r->keys, "+e0 +e2 +4c -4c -e2 -e0 ");
    r->keys[0] = 0;
    type(r, "\035", 1);
    drain(r);
    terminal_show_text(r->t, &r->text);
    assert_non_null(strstr(drain(r), "q quit"));
    type(r, "q", 1);
    assert_int_equal(r->quits, 1);
    assert_string_equal(r->keys, "");
}

static void test_signal(void **state)
{
    struct rig *r = *state;

    raise(SIGTERM);
    terminal_pump(r->t, &r->ev, 0);
    assert_int_equal(r->quits, 1);
}

static void test_text(void **state)
{
    struct rig *r = *state;
    struct winsize size = {.ws_row = 2, .ws_col = 5};

    r->text.cells[2] = 0xC4;
    r->text.cells[3] = 0x17;
    r->text.palette[1] = 0x0000AA;
    drain(r);
    terminal_show_text(r->t, &r->text);
    assert_non_null(strstr(drain(r), "\033[38;2;170;170;170;48;2;0;0;170m─"));
    terminal_show_text(r->t, &r->text);
    assert_string_equal(drain(r), ""); /* nothing new, nothing written */
    r->text.cells[20 * 2 * 2] = 'Z';
    r->text.cursor_row = 2;
    r->text.cursor_col = 1;
    terminal_show_text(r->t, &r->text);
    assert_non_null(strstr(drain(r), "\033[3;1H"));
    assert_non_null(strstr(r->out, "Z\033[0m\033[3;2H\033[?25h"));
    assert_true(strlen(r->out) < 80);
    /* A terminal that is too small shows the rows around the cursor. */
    ioctl(r->master, TIOCSWINSZ, &size);
    terminal_show_text(r->t, &r->text);
    drain(r);
    assert_non_null(strstr(r->out, "\033[2J"));
    assert_non_null(strstr(r->out, "\033[2;1HZ"));
}

static void test_picture(void **state)
{
    struct rig *r = *state;
    struct display_frame f;

    assert_int_equal(display_frame_init(&f), 0);
    f.width = 320;
    f.height = 200;
    f.aspect_w = 4;
    f.aspect_h = 3;
    for (unsigned i = 0; i < 320 * 100; i++)
        f.pixels[i] = 0xFF8000;
    drain(r);
    terminal_show_frame(r->t, &f);
    /* 10 rows, one of them ours: 18 half rows, the border between the halves is that of the colours. */
    assert_non_null(strstr(drain(r), "\033[38;2;255;128;0;48;2;255;128;0m▀"));
    assert_non_null(strstr(r->out, "\033[38;2;255;128;0;48;2;0;0;0m▀"));
    f.width = f.height = 0;
    terminal_show_frame(r->t, &f);
    assert_null(strstr(drain(r), "▀"));
    display_frame_free(&f);
}

static void test_decode_anything(void **state)
{
    u32 seed = 3;

    for (unsigned i = 0; i < 200000; i++) {
        u8 bytes[12];
        struct keymap_press press;
        size_t n = i % 12 + 1, used;

        for (size_t k = 0; k < n; k++) {
            static const u8 usual[] = "\033\033[O0123456789;~ABHZ[\xC3\xF0";

            seed = seed * 1664525 + 1013904223;
            bytes[k] = (seed >> 30) ? usual[(seed >> 8) % sizeof usual] : (u8)(seed >> 16);
        }
        used = terminal_decode(bytes, n, true, &press);
        assert_in_range(used, 1, n);
        used = terminal_decode(bytes, n, false, &press);
        assert_true(used <= n || bytes[0] == 0x1B);
    }
}

static void test_colors(void **state)
{
    char s[TERMINAL_COLOR_LEN];

    terminal_color(TERMINAL_16, 0xFFFF55, 0x0000AA, s);
    assert_string_equal(s, "\033[93;44m");
    terminal_color(TERMINAL_256, 0xFFFFFF, 0x808080, s);
    assert_string_equal(s, "\033[38;5;231;48;5;244m");
}

static void test_no_terminal(void **state)
{
    struct terminal *t;
    char err[200] = "";
    int fd[2];

    assert_int_equal(pipe(fd), 0);
    assert_true(terminal_open(&(struct terminal_config){fd[0], fd[1], "x"}, &t, err, sizeof err) < 0);
    assert_null(t);
    assert_true(strlen(err) > 0);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_keys),
        T(test_commands),
        T(test_signal),
        T(test_text),
        T(test_picture),
        cmocka_unit_test(test_decode_anything),
        cmocka_unit_test(test_colors),
        cmocka_unit_test(test_no_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
