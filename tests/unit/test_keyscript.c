/*
 * test_keyscript.c - the language of --keys: what parses and what does not, and what a run does when, against a sink
 * that writes down all it is told; the key map and the search of text screens on the way.
 */
#include "base/clock.h"
#include "frontend/keymap.h"
#include "frontend/keyscript.h"
#include "frontend/textdump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { MS = 1000000 };

struct guest {
    char log[4096]; /* "+1e@40 " = key 1Eh down at 40 ms */
    u64 now;
    unsigned room;
    struct display_text screen;
    bool text_mode;
    char sent[64];
    size_t sent_len;
    int quit;
    char file[64];
    struct input_sink input;
    struct display_source display;
    struct keyscript_env env;
};

static void note(struct guest *g, const char *fmt, ...)
{
    size_t len = strlen(g->log);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(g->log + len, sizeof g->log - len, fmt, ap);
    va_end(ap);
}

static void guest_key(void *ctx, enum key key, bool down)
{
    struct guest *g = ctx;

    note(g, "%c%02x@%u ", down ? '+' : '-', (unsigned)key, (unsigned)(g->now / MS));
}

static void guest_mouse(void *ctx, int dx, int dy, int dz, unsigned buttons)
{
    note(ctx, "m%d,%d,%d,%u ", dx, dy, dz, buttons);
}

static unsigned guest_room(void *ctx)
{
    return ((struct guest *)ctx)->room;
}

static bool guest_text(void *ctx, struct display_text *t)
{
    struct guest *g = ctx;

    *t = g->screen;
    return g->text_mode;
}

static int guest_file(void *ctx, const char *path, char *err, size_t err_len)
{
    struct guest *g = ctx;

    snprintf(g->file, sizeof g->file, "%s", path);
    snprintf(err, err_len, "disk full");
    return !strcmp(path, "bad") ? -1 : 0;
}

static size_t guest_send(void *ctx, const u8 *data, size_t len)
{
    struct guest *g = ctx;

    if (!len || g->sent_len >= sizeof g->sent - 1)
        return 0;
    g->sent[g->sent_len++] = (char)*data; /* one at a time */
    return 1;
}

static void guest_quit(void *ctx, int status)
{
    ((struct guest *)ctx)->quit = status;
}

static void guest_init(struct guest *g)
{
    *g = (struct guest){.room = 16, .quit = -1, .text_mode = true};
    g->screen.cols = 20;
    g->screen.rows = 3;
    for (unsigned i = 0; i < 60; i++)
        g->screen.cells[2 * i] = ' ';
    g->input = (struct input_sink){g, guest_key, guest_mouse, guest_room};
    g->display = (struct display_source){.ctx = g, .text = guest_text};
    g->env = (struct keyscript_env){&g->input, &g->display, g, guest_file, guest_file, guest_send, guest_quit};
}

static void guest_print(struct guest *g, unsigned row, const char *s)
{
    for (unsigned i = 0; s[i]; i++)
        g->screen.cells[(row * 20 + i) * 2] = (u8)s[i];
}

static struct keyscript *script(const char *text)
{
    struct keyscript *k;
    char err[300] = "";
    int rc = keyscript_open(text, &k, err, sizeof err);

    if (rc)
        fail_msg("%s", err);
    return k;
}

/* Polls until the script waits beyond UNTIL (ms) or is over. */
static enum keyscript_status run(struct keyscript *k, struct guest *g, u64 until)
{
    enum keyscript_status s = keyscript_poll(k, &g->env, g->now);

    while (s == KEYSCRIPT_RUNNING && keyscript_next(k) <= until * MS) {
        g->now = keyscript_next(k);
        s = keyscript_poll(k, &g->env, g->now);
    }
    if (s == KEYSCRIPT_RUNNING)
        g->now = until * MS;
    return s;
}

static void test_type(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k = script("type \"aB\\n\"; quit 3");

    guest_init(g);
    assert_int_equal(run(k, g, 1000), KEYSCRIPT_DONE);
    assert_string_equal(g->log, "+04@0 -04@20 +e1@40 +05@40 -05@60 -e1@60 +28@80 -28@100 ");
    assert_int_equal(g->quit, 3);
    assert_true(keyscript_next(k) == CLOCK_NEVER);
    keyscript_free(k);
    test_free(g);
}

static void test_room(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k = script("rate 10ms; type x");

    guest_init(g);
    g->room = 0;
    assert_int_equal(run(k, g, 100), KEYSCRIPT_RUNNING);
    assert_string_equal(g->log, "");
    g->room = 2;
    assert_int_equal(run(k, g, 200), KEYSCRIPT_DONE);
    assert_string_equal(g->log, "+1b@101 -1b@106 ");
    keyscript_free(k);
    test_free(g);
}

static void test_keys_and_mouse(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k =
        script("key Ctrl-Alt-Del f10\ndown shift; up shift # let go\n key kp-\nmouse -3 4; click right");

    guest_init(g);
    assert_int_equal(run(k, g, 5000), KEYSCRIPT_DONE);
    assert_string_equal(g->log, "+e0@0 +e2@0 +4c@0 -4c@20 -e2@20 -e0@20 +43@40 -43@60 +e1@80 -e1@100 "
                                "+56@120 -56@140 m-3,4,0,0 m0,0,0,2 m0,0,0,0 ");
    keyscript_free(k);
    test_free(g);
}

/* A chord goes through a keyboard that never has room for all of it. */
static void test_chord_in_small_room(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k = script("key ctrl-alt-del");

    guest_init(g);
    g->room = 1;
    assert_int_equal(run(k, g, 5000), KEYSCRIPT_DONE);
    assert_string_equal(g->log, "+e0@0 +e2@0 +4c@0 -4c@20 -e2@20 -e0@20 ");
    keyscript_free(k);
    test_free(g);
}

static void test_wait_screen(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k = script("timeout 2s; wait \"login: \"; key a; timeout none; wait never");

    guest_init(g);
    assert_int_equal(run(k, g, 1500), KEYSCRIPT_RUNNING);
    guest_print(g, 2, "host login:"); /* the blank after it is on the screen anyway */
    assert_int_equal(run(k, g, 3000), KEYSCRIPT_RUNNING);
    assert_int_equal(strncmp(g->log, "+04@15", 6), 0);
    g->text_mode = false;
    assert_int_equal(run(k, g, 100000), KEYSCRIPT_RUNNING);
    keyscript_free(k);

    k = script("timeout 2s\nwait \"no such\"");
    g->now = 0;
    assert_int_equal(run(k, g, 10000), KEYSCRIPT_FAILED);
    assert_int_equal(g->now / MS, 2000);
    assert_string_equal(keyscript_error(k), "--keys:2:1: waited 2 s in vain for \"no such\" on the screen");
    keyscript_free(k);
    test_free(g);
}

static void test_serial(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k = script("wait-serial \"# \"; send \"ls\\r\"; wait-serial \"# \"; quit");
    u8 flood[100000] = {0};

    guest_init(g);
    keyscript_serial(k, flood, sizeof flood);
    keyscript_serial(k, flood, 1000);
    keyscript_serial(k, (const u8 *)"boot\n#", 6);
    assert_int_equal(run(k, g, 100), KEYSCRIPT_RUNNING);
    assert_int_equal(g->sent_len, 0);
    keyscript_serial(k, (const u8 *)" ", 1);
    assert_int_equal(run(k, g, 300), KEYSCRIPT_RUNNING); /* one prompt serves one wait */
    assert_string_equal(g->sent, "ls\r");
    keyscript_serial(k, (const u8 *)"bin\n# ", 6);
    assert_int_equal(run(k, g, 500), KEYSCRIPT_DONE);
    assert_int_equal(g->quit, 0);
    keyscript_free(k);
    test_free(g);
}

static void test_files_and_sleep(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    struct keyscript *k = script("sleep 1500ms; screenshot out.png; dump \"a b\"; screenshot bad");

    guest_init(g);
    assert_int_equal(run(k, g, 1499), KEYSCRIPT_RUNNING);
    assert_string_equal(g->file, "");
    assert_int_equal(run(k, g, 1500), KEYSCRIPT_FAILED);
    assert_string_equal(g->file, "bad");
    assert_non_null(strstr(keyscript_error(k), ": disk full"));
    keyscript_free(k);
    test_free(g);
}

static void test_bad_scripts(void **state)
{
    static const char *const bad[][2] = {
        {"wait", ":1:5:"},
        {"tipe x", ":1:1: unknown statement 'tipe'"},
        {"sleep 2s\n  sleep 2", ":2:9:"},
        {"sleep 99999999999999999999s", ":1:7:"},
        {"type \"abc", ":1:6:"},
        {"type \"a\\q\"", ":1:9:"},
        {"type \"\xC3\xA9\"", ":1:6:"},
        {"key ctrl-bogus", ":1:10: there is no key named 'bogus'"},
        {"key ctrl-", ":1:5:"},
        {"key", ":1:4:"},
        {"key a-b-c-d-e-f-g-h-i", "more than 8"},
        {"mouse 1", ":1:8:"},
        {"mouse 1 99999999999999999999", ":1:9:"},
        {"click up", ":1:7:"},
        {"rate 0ms", ":1:6:"},
        {"wait \"a\\x00b\"", ":1:6:"},
        {"quit 1 2", ":1:8:"},
        {"wait a wait b", ":1:8:"},
    };

    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct keyscript *k;
        char err[300] = "";

        assert_true(keyscript_parse(bad[i][0], strlen(bad[i][0]), "x", &k, err, sizeof err) < 0);
        assert_null(k);
        if (!strstr(err, bad[i][1]) || strchr(err, '\n'))
            fail_msg("%s: %s", bad[i][0], err);
    }
    struct keyscript *k;
    char err[300];

    assert_true(keyscript_open("@/nonexistent/script", &k, err, sizeof err) < 0);
    assert_non_null(strstr(err, "/nonexistent/script"));
}

/* Random rearrangements of valid text: no crash, and always either a script or one line. */
static void test_fuzz(void **state)
{
    static const char corpus[] =
        "wait \"a\\x41\";type \"b\\n\" key ctrl-alt-del kp-\n#c\nsleep 2s;timeout none mouse -1 2 3;"
        "click left;quit 1;rate 5ms;send \\\";dump f\0\xFF-;;";
    struct guest *g = test_malloc(sizeof *g);
    u32 seed = 7;

    guest_init(g);
    for (unsigned i = 0; i < 20000; i++) {
        char text[64], err[200] = "";
        size_t len = 0;
        struct keyscript *k;

        while (len < sizeof text) {
            seed = seed * 1664525 + 1013904223;
            size_t from = (seed >> 8) % sizeof corpus, n = MIN((seed >> 24) % 17 + 1, sizeof corpus - from);

            n = MIN(n, sizeof text - len);
            memcpy(text + len, corpus + from, n);
            len += n;
        }
        len = (seed >> 5) % sizeof text;
        if (keyscript_parse(text, len, "f", &k, err, sizeof err)) {
            assert_true(err[0] && !strchr(err, '\n'));
            continue;
        }
        g->now = 0;
        g->log[0] = 0;
        run(k, g, 10000);
        keyscript_free(k);
    }
    test_free(g);
}

/* A line of 400000 words takes a moment, not minutes: time grows with the line's length, not with its square. */
static void test_long_line(void **state)
{
    enum { WORDS = 400000 };
    char *text = malloc(4 + 2 * WORDS), err[256] = "";
    struct keyscript *k = NULL;
    clock_t start = clock();

    assert_non_null(text);
    memcpy(text, "key ", 4);
    for (size_t i = 0; i < WORDS; i++)
        memcpy(text + 4 + 2 * i, "a ", 2);
    assert_int_equal(keyscript_parse(text, 4 + 2 * WORDS, "long", &k, err, sizeof err), 0);
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
    keyscript_free(k);
    free(text);
}

static void test_keymap(void **state)
{
    struct keymap_press p;

    assert_true(keymap_char('~', &p));
    assert_int_equal(p.key, KEY_GRAVE);
    assert_int_equal(p.modifiers, KEYMAP_SHIFT);
    assert_true(keymap_char(3, &p));
    assert_int_equal(p.key, KEY_C);
    assert_int_equal(p.modifiers, KEYMAP_CTRL);
    for (unsigned c = 0x20; c < 0x7F; c++)
        assert_true(keymap_char((u8)c, &p));
    assert_false(keymap_char(0, &p));
    assert_false(keymap_char(0xE9, &p));
    assert_int_equal(keymap_name("PgUp", 4), KEY_PAGEUP);
    assert_int_equal(keymap_name(";", 1), KEY_SEMICOLON);
    assert_int_equal(keymap_name("k", 1), KEY_K);
    assert_true(keymap_known(KEY_RGUI));
    assert_false(keymap_known(0x9A));
}

static void test_text_screen(void **state)
{
    struct guest *g = test_malloc(sizeof *g);
    char *text;

    guest_init(g);
    guest_print(g, 0, "A\xC4\x80\xFE");
    assert_true(textdump_contains(&g->screen, "A─Ç■ "));
    assert_false(textdump_contains(&g->screen, "A-"));
    text = textdump_format(&g->screen, true);
    assert_string_equal(text, "A─Ç■\n\n\n");
    free(text);
    test_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_keys_and_mouse),
        cmocka_unit_test(test_chord_in_small_room),
        cmocka_unit_test(test_wait_screen),
        cmocka_unit_test(test_serial),
        cmocka_unit_test(test_files_and_sleep),
        cmocka_unit_test(test_bad_scripts),
        cmocka_unit_test(test_fuzz),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_keymap),
        cmocka_unit_test(test_text_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
