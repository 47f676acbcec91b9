#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hw/kbc.h"
#include "hw/port92.h"
#include "tests/unit/fake_bus.h"

#include <stdio.h>
#include <stdlib.h>

enum { IRQ1, IRQ12, RESET, A20, MS = 1000000 };

struct rig {
    struct fake_bus fb;
    struct port92 port92;
    struct kbc kbc;
    struct input_sink in;
    u8 leds;
};

static void leds(void *ctx, u8 v)
{
    struct rig *r = ctx;
    r->leds = v;
}

static int setup(void **ctx)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_bus_init(&r->fb);
    port92_init(&r->port92, &r->fb.bus, fake_line(&r->fb, A20), fake_line(&r->fb, RESET));
    kbc_init(&r->kbc, &r->fb.bus, fake_line(&r->fb, IRQ1), fake_line(&r->fb, IRQ12), fake_line(&r->fb, RESET),
             &r->port92.a20);
    kbc_on_leds(&r->kbc, leds, r);
    r->in = kbc_input(&r->kbc);
    *ctx = r;
    return 0;
}

static int teardown(void **ctx)
{
    struct rig *r = *ctx;
    fake_bus_free(&r->fb);
    free(r);
    return 0;
}

static u8 status(struct rig *r)
{
    return fake_inb(&r->fb, 0x64);
}

static void cmd(struct rig *r, u8 v)
{
    fake_outb(&r->fb, 0x64, v);
}

static void data(struct rig *r, u8 v)
{
    fake_outb(&r->fb, 0x60, v);
}

static void set_mode(struct rig *r, u8 v)
{
    cmd(r, 0x60);
    data(r, v);
}

/* The next byte within a millisecond, or -1. From the mouse: 100h is added. */
static int next(struct rig *r)
{
    for (unsigned i = 0; i < 100 && !(status(r) & 1); i++)
        fake_run_ns(&r->fb, 10000);
    if (!(status(r) & 1))
        return -1;
    int aux = status(r) & 0x20 ? 0x100 : 0;
    return fake_inb(&r->fb, 0x60) | aux;
}

/* Everything that comes is WANT, in hexadecimal with mouse bytes as 1xx. */
static void assert_bytes(struct rig *r, const char *want)
{
    char got[400] = "";
    for (int v; (v = next(r)) >= 0 && strlen(got) < sizeof got - 8;)
        sprintf(got + strlen(got), "%s%02X", got[0] ? " " : "", v);
    assert_string_equal(got, want);
}

static void kbd(struct rig *r, u8 v, const char *want)
{
    data(r, v);
    assert_bytes(r, want);
}

static void mouse(struct rig *r, u8 v, const char *want)
{
    cmd(r, 0xD4);
    data(r, v);
    assert_bytes(r, want);
}

static void press(struct rig *r, enum key key)
{
    r->in.key(r->in.ctx, key, true);
}

static void release(struct rig *r, enum key key)
{
    r->in.key(r->in.ctx, key, false);
}

/* --- controller --- */

static void test_self_tests(void **ctx)
{
    struct rig *r = *ctx;

    assert_int_equal(status(r) & 0x04, 0);
    cmd(r, 0xAA);
    assert_int_equal(status(r) & 0x08, 0x08);
    assert_bytes(r, "55");
    assert_int_equal(status(r) & 0x04, 0x04);
    cmd(r, 0xAB);
    assert_bytes(r, "00");
    cmd(r, 0xA9);
    assert_bytes(r, "00");
    cmd(r, 0xA4);
    assert_bytes(r, "F1");
    cmd(r, 0xC0);
    assert_bytes(r, "A0");
    cmd(r, 0xE0);
    assert_bytes(r, "00");
}

static void test_command_byte(void **ctx)
{
    struct rig *r = *ctx;

    set_mode(r, 0x65);
    assert_int_equal(status(r) & 0x0C, 0x04); /* system flag; last was data */
    cmd(r, 0x20);
    assert_bytes(r, "65");
    cmd(r, 0xAD);
    cmd(r, 0xA8);
    cmd(r, 0x20);
    assert_bytes(r, "55");
    cmd(r, 0xAE);
    cmd(r, 0xA7);
    cmd(r, 0x20);
    assert_bytes(r, "65");
    cmd(r, 0x6A); /* the controller's RAM */
    data(r, 0x77);
    cmd(r, 0x2A);
    assert_bytes(r, "77");
}

static void test_output_buffer(void **ctx)
{
    struct rig *r = *ctx;

    press(r, KEY_A);
    press(r, KEY_B);
    assert_int_equal(status(r) & 1, 0); /* it takes its time */
    assert_false(r->fb.line[IRQ1]);
    fake_run_ns(&r->fb, 300000);
    assert_int_equal(status(r) & 0x21, 1);
    assert_true(r->fb.line[IRQ1]);
    fake_run_ns(&r->fb, 10 * MS);
    assert_int_equal(r->fb.rises[IRQ1], 1); /* one interrupt for each byte */
    assert_int_equal(fake_inb(&r->fb, 0x60), 0x1C);
    assert_false(r->fb.line[IRQ1]);
    assert_int_equal(status(r) & 1, 0);
    assert_int_equal(fake_inb(&r->fb, 0x60), 0x1C); /* the old byte still stands there */
    fake_run_ns(&r->fb, 300000);
    assert_int_equal(r->fb.rises[IRQ1], 2);
    assert_int_equal(fake_inb(&r->fb, 0x60), 0x32);
    /* No interrupt where none is wanted. */
    set_mode(r, 0x00);
    release(r, KEY_A);
    assert_bytes(r, "F0 1C");
    assert_int_equal(r->fb.rises[IRQ1], 2);
}

static void test_disable(void **ctx)
{
    struct rig *r = *ctx;

    cmd(r, 0xAD);
    press(r, KEY_A);
    assert_bytes(r, "");
    cmd(r, 0x20); /* an answer while the keyboard is off does not interrupt */
    assert_bytes(r, "13");
    assert_int_equal(r->fb.rises[IRQ1], 0);
    cmd(r, 0xAE);
    assert_bytes(r, "1C");
    cmd(r, 0xAD);
    kbd(r, 0xEE, "EE"); /* a byte for the keyboard switches it on */
    cmd(r, 0xA7);
    r->in.mouse(r->in.ctx, 1, 1, 0, 0);
    mouse(r, 0xF2, "1FA 100");
}

static void test_loopback(void **ctx)
{
    struct rig *r = *ctx;

    set_mode(r, 0x03);
    cmd(r, 0xD2);
    data(r, 0x42);
    assert_bytes(r, "42");
    assert_int_equal(r->fb.rises[IRQ1], 1);
    cmd(r, 0xD3);
    data(r, 0x43);
    assert_bytes(r, "143");
    assert_int_equal(r->fb.rises[IRQ12], 1);
    assert_int_equal(r->fb.rises[IRQ1], 1);
}

static void test_a20(void **ctx)
{
    struct rig *r = *ctx;

    assert_true(r->fb.line[A20]);
    cmd(r, 0xD0);
    assert_bytes(r, "C3");
    cmd(r, 0xD1);
    data(r, 0xDD); /* A20 off */
    assert_false(r->fb.line[A20]);
    assert_int_equal(fake_inb(&r->fb, 0x92) & 2, 0);
    fake_outb(&r->fb, 0x92, 0x02);
    assert_true(r->fb.line[A20]);
    cmd(r, 0xD0);
    assert_bytes(r, "C3");
    cmd(r, 0xDD);
    assert_false(r->fb.line[A20]);
    cmd(r, 0xDF);
    assert_true(r->fb.line[A20]);
    assert_int_equal(fake_inb(&r->fb, 0x92) & 2, 2);
    assert_int_equal(r->fb.rises[RESET], 0);
}

static void test_reset_lines(void **ctx)
{
    struct rig *r = *ctx;

    cmd(r, 0xFF); /* pulses nothing */
    assert_int_equal(r->fb.rises[RESET], 0);
    cmd(r, 0xFE);
    assert_int_equal(r->fb.rises[RESET], 1);
    cmd(r, 0xD1);
    data(r, 0x02);
    assert_int_equal(r->fb.rises[RESET], 2);
    fake_outb(&r->fb, 0x92, 0x03);
    fake_outb(&r->fb, 0x92, 0x03); /* only the edge counts */
    assert_int_equal(r->fb.rises[RESET], 3);
    assert_true(fake_roundtrip(&port92_ops, &r->port92));
}

/* --- keyboard --- */

static void test_sets(void **ctx)
{
    struct rig *r = *ctx;

    press(r, KEY_A), release(r, KEY_A), press(r, KEY_RCTRL), release(r, KEY_RCTRL);
    assert_bytes(r, "1C F0 1C E0 14 E0 F0 14");
    press(r, KEY_F7), release(r, KEY_F7);
    assert_bytes(r, "83 F0 83");
    set_mode(r, 0x45); /* translated */
    press(r, KEY_A), release(r, KEY_A), press(r, KEY_RCTRL), release(r, KEY_RCTRL);
    assert_bytes(r, "1E 9E E0 1D E0 9D");
    press(r, KEY_F7), release(r, KEY_F7);
    assert_bytes(r, "41 C1");
    set_mode(r, 0x05);
    kbd(r, 0xF0, "FA");
    kbd(r, 1, "FA");
    press(r, KEY_A), release(r, KEY_A), press(r, KEY_RCTRL), release(r, KEY_RCTRL);
    assert_bytes(r, "1E 9E E0 1D E0 9D");
    kbd(r, 0xF0, "FA");
    kbd(r, 3, "FA");
    kbd(r, 0xF0, "FA");
    kbd(r, 0, "FA 03");
    press(r, KEY_A), release(r, KEY_A), press(r, KEY_RCTRL), release(r, KEY_RCTRL);
    assert_bytes(r, "1C 58"); /* as set 3 starts, these have no break codes */
    press(r, KEY_LCTRL), release(r, KEY_LCTRL);
    assert_bytes(r, "11 F0 11");
    kbd(r, 0xF8, "FA");
    press(r, KEY_F1), release(r, KEY_F1);
    assert_bytes(r, "07 F0 07");
    kbd(r, 0xFD, "FA");
    kbd(r, 0x07, "FA");
    kbd(r, 0x0F, "FA");
    kbd(r, 0xF4, "FA"); /* ends the list */
    press(r, KEY_F1), release(r, KEY_F1), press(r, KEY_F3), release(r, KEY_F3);
    assert_bytes(r, "07 17 F0 17");
    kbd(r, 0xF6, "FA");
    kbd(r, 0xF0, "FA");
    kbd(r, 0, "FA 02");
    kbd(r, 0xF0, "FA");
    kbd(r, 4, "FE");
}

/* All keys of the table: make and break in set 2, translated, are the codes of set 1. */
static void test_translation(void **ctx)
{
    struct rig *r = *ctx;
    static const u16 keys[] = {
#define K(id, name, usage) KEY_##id,
        KEY_TABLE(K)
#undef K
    };

    for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
        char translated[100] = "";
        set_mode(r, 0x45);
        kbd(r, 0xF6, "FA");
        press(r, keys[i]), release(r, keys[i]);
        for (int v; (v = next(r)) >= 0;)
            sprintf(translated + strlen(translated), "%s%02X", translated[0] ? " " : "", v);
        set_mode(r, 0x05);
        kbd(r, 0xF0, "FA");
        kbd(r, 1, "FA");
        press(r, keys[i]), release(r, keys[i]);
        assert_true(translated[0] != 0);
        assert_bytes(r, translated);
    }
}

static void test_pause_and_print_screen(void **ctx)
{
    struct rig *r = *ctx;

    press(r, KEY_PAUSE);
    assert_bytes(r, "E1 14 77 E1 F0 14 F0 77");
    release(r, KEY_PAUSE);
    assert_bytes(r, "");
    press(r, KEY_PRINTSCREEN);
    assert_bytes(r, "E0 12 E0 7C");
    release(r, KEY_PRINTSCREEN);
    assert_bytes(r, "E0 F0 7C E0 F0 12");
    set_mode(r, 0x45);
    press(r, KEY_PAUSE), release(r, KEY_PAUSE);
    assert_bytes(r, "E1 1D 45 E1 9D C5");
    press(r, KEY_PRINTSCREEN), release(r, KEY_PRINTSCREEN);
    assert_bytes(r, "E0 2A E0 37 E0 B7 E0 AA");
    press(r, KEY_LALT);
    assert_bytes(r, "38");
    press(r, KEY_PRINTSCREEN), release(r, KEY_PRINTSCREEN), release(r, KEY_LALT);
    assert_bytes(r, "54 D4 B8");
    press(r, KEY_LCTRL), press(r, KEY_PAUSE), release(r, KEY_PAUSE);
    assert_bytes(r, "1D E0 46 E0 C6");
    press(r, KEY_PRINTSCREEN), release(r, KEY_PRINTSCREEN), release(r, KEY_LCTRL);
    assert_bytes(r, "E0 37 E0 B7 9D");
}

/* The cursor block hides Shift and Num Lock from programs that ignore E0h. */
static void test_unshift(void **ctx)
{
    struct rig *r = *ctx;

    press(r, KEY_UP), release(r, KEY_UP);
    assert_bytes(r, "E0 75 E0 F0 75");
    press(r, KEY_LSHIFT), press(r, KEY_UP);
    assert_bytes(r, "12 E0 F0 12 E0 75");
    release(r, KEY_UP), release(r, KEY_LSHIFT);
    assert_bytes(r, "E0 F0 75 E0 12 F0 12");
    kbd(r, 0xED, "FA");
    kbd(r, 2, "FA"); /* Num Lock */
    press(r, KEY_UP);
    assert_bytes(r, "E0 12 E0 75");
    release(r, KEY_UP);
    assert_bytes(r, "E0 F0 75 E0 F0 12");
    press(r, KEY_RSHIFT), press(r, KEY_UP), release(r, KEY_UP);
    assert_bytes(r, "59 E0 75 E0 F0 75");
    press(r, KEY_KP_SLASH);
    assert_bytes(r, "E0 F0 59 E0 4A");
    release(r, KEY_KP_SLASH);
    assert_bytes(r, "E0 F0 4A E0 59");
}

static void test_keyboard_commands(void **ctx)
{
    struct rig *r = *ctx;

    kbd(r, 0xF2, "FA AB 83");
    kbd(r, 0xFE, "83");
    kbd(r, 0xEE, "EE");
    kbd(r, 0xED, "FA");
    kbd(r, 0x05, "FA");
    assert_int_equal(r->leds, 5);
    kbd(r, 0xED, "FA");
    kbd(r, 0xF4, "FA"); /* a command instead of the argument */
    assert_int_equal(r->leds, 5);
    kbd(r, 0x12, "FE");
    kbd(r, 0xF5, "FA");
    press(r, KEY_A), release(r, KEY_A);
    assert_bytes(r, "");
    kbd(r, 0xF4, "FA");
    press(r, KEY_A), release(r, KEY_A);
    assert_bytes(r, "1C F0 1C");
    kbd(r, 0xFF, "FA");
    assert_int_equal(r->leds, 0);
    fake_run_ns(&r->fb, 600ull * MS);
    assert_bytes(r, "AA");
    set_mode(r, 0x45);
    kbd(r, 0xF2, "FA AB 41"); /* translation does not spare answers */
}

static void test_typematic(void **ctx)
{
    struct rig *r = *ctx;

    kbd(r, 0xF3, "FA");
    kbd(r, 0x00, "FA"); /* 250 ms, 30 a second */
    press(r, KEY_A);
    assert_bytes(r, "1C");
    fake_run_ns(&r->fb, 240ull * MS);
    assert_bytes(r, "");
    unsigned repeats = 0;
    for (u64 end = clock_now(&r->fb.clock) + NS_PER_SEC; clock_now(&r->fb.clock) < end;)
        repeats += next(r) == 0x1C;
    assert_in_range(repeats, 28, 31);
    press(r, KEY_A); /* the host's own repeats are not wanted */
    press(r, KEY_B); /* another key takes over */
    assert_int_equal(next(r), 0x32);
    release(r, KEY_A);
    assert_bytes(r, "F0 1C");
    fake_run_ns(&r->fb, 300ull * MS);
    assert_int_equal(next(r), 0x32);
    release(r, KEY_B);
    while (next(r) >= 0)
        ;
    fake_run_ns(&r->fb, NS_PER_SEC);
    assert_bytes(r, "");
    /* A host that does not listen finds no flood later. */
    press(r, KEY_C);
    fake_run_ns(&r->fb, 100 * NS_PER_SEC);
    release(r, KEY_C);
    unsigned n = 0;
    while (next(r) >= 0)
        n++;
    assert_in_range(n, 2, 18);
}

static void test_overrun(void **ctx)
{
    struct rig *r = *ctx;

    cmd(r, 0xAD);
    assert_int_equal(r->in.room(r->in.ctx), 5);
    for (int i = 0; i < 26; i++)
        press(r, KEY_A + i);
    assert_int_equal(r->in.room(r->in.ctx), 0);
    cmd(r, 0xAE);
    unsigned n = 0;
    int last = -1;
    for (int v; (v = next(r)) >= 0; n++)
        last = v;
    assert_int_equal(n, 17);
    assert_int_equal(last, 0x00);
}

/* --- mouse --- */

static void move(struct rig *r, int dx, int dy, int dz, unsigned buttons, const char *want)
{
    r->in.mouse(r->in.ctx, dx, dy, dz, buttons);
    fake_run_ns(&r->fb, 20 * MS);
    assert_bytes(r, want);
}

static void rate(struct rig *r, u8 v)
{
    mouse(r, 0xF3, "1FA");
    mouse(r, v, "1FA");
}

static void test_mouse_reports(void **ctx)
{
    struct rig *r = *ctx;

    move(r, 5, 5, 0, 1, ""); /* off after power-on */
    mouse(r, 0xF4, "1FA");
    move(r, 0, 0, 0, 0, "");                     /* as the last report said, or would have */
    move(r, 5, 3, 0, MOUSE_LEFT, "129 105 1FD"); /* y counts upwards */
    move(r, -1, -2, 9, MOUSE_RIGHT | MOUSE_MIDDLE, "11E 1FF 102");
    move(r, 0, 0, 0, 6, "");
    move(r, 300, 0, 0, 0, "108 1FF 100 108 12D 100"); /* nine bits at a time */
    assert_true(r->fb.rises[IRQ12] > 9);
    assert_int_equal(r->fb.rises[IRQ1], 0);
    mouse(r, 0xE7, "1FA"); /* 2:1 */
    move(r, 3, -7, 0, 0, "108 103 10E");
    mouse(r, 0xF5, "1FA");
    move(r, 3, 3, 0, 0, "");
}

/* At most as many reports a second as the host asked for; motion in between adds up. */
static void test_mouse_rate(void **ctx)
{
    struct rig *r = *ctx;
    unsigned reports = 0;
    int x = 0;

    rate(r, 40);
    mouse(r, 0xF4, "1FA");
    for (unsigned i = 0; i < 1000; i++) {
        r->in.mouse(r->in.ctx, 1, 0, 0, 0);
        fake_run_ns(&r->fb, MS);
        if (status(r) & 1) {
            next(r);
            x += next(r) & 0xFF;
            next(r);
            reports++;
        }
    }
    assert_in_range(reports, 35, 42);
    assert_in_range(x, 950, 1000);
}

static void test_mouse_wheel(void **ctx)
{
    struct rig *r = *ctx;

    mouse(r, 0xF2, "1FA 100");
    rate(r, 200), rate(r, 100), rate(r, 80);
    mouse(r, 0xF2, "1FA 103");
    mouse(r, 0xF4, "1FA");
    move(r, 0, 0, 1, 0, "108 100 100 101");
    move(r, 0, 0, -1, 0, "108 100 100 1FF");
    move(r, 0, 0, 0, 8, ""); /* no fourth button yet */
    rate(r, 200), rate(r, 200), rate(r, 80);
    mouse(r, 0xF2, "1FA 104");
    move(r, 0, 0, -1, 0x18, "108 100 100 13F");
    mouse(r, 0xFF, "1FA");
    fake_run_ns(&r->fb, 600ull * MS);
    assert_bytes(r, "1AA 100");
    mouse(r, 0xF2, "1FA 100");
}

static void test_mouse_modes(void **ctx)
{
    struct rig *r = *ctx;

    mouse(r, 0xE8, "1FA");
    mouse(r, 3, "1FA");
    mouse(r, 0xE9, "1FA 100 103 164");
    mouse(r, 0xE8, "1FA");
    mouse(r, 4, "1FE");
    mouse(r, 0xF0, "1FA"); /* remote */
    mouse(r, 0xF4, "1FA");
    move(r, 4, -4, 0, MOUSE_LEFT, "");
    mouse(r, 0xEB, "1FA 109 104 104");
    mouse(r, 0xEB, "1FA 109 100 100");
    mouse(r, 0xE7, "1FA");
    mouse(r, 0xE9, "1FA 174 103 164");
    mouse(r, 0xEE, "1FA"); /* wrap */
    mouse(r, 0xF4, "1F4");
    mouse(r, 0x55, "155");
    mouse(r, 0xEC, "1FA");
    mouse(r, 0xEA, "1FA");
    move(r, 1, 0, 0, MOUSE_LEFT, "109 101 100");
    mouse(r, 0xF6, "1FA");
    mouse(r, 0xE9, "1FA 104 102 164");
    mouse(r, 0x33, "1FE");
}

/* A mouse report does not overwrite what the host has not read. */
static void test_both_devices(void **ctx)
{
    struct rig *r = *ctx;

    mouse(r, 0xF4, "1FA");
    r->in.mouse(r->in.ctx, 1, 0, 0, 0);
    press(r, KEY_A);
    fake_run_ns(&r->fb, NS_PER_SEC / 10);
    r->in.mouse(r->in.ctx, 2, 0, 0, 0);
    fake_run_ns(&r->fb, NS_PER_SEC / 10);
    cmd(r, 0x20);
    fake_run_ns(&r->fb, NS_PER_SEC / 10);
    assert_bytes(r, "1C 03 108 101 100 108 102 100");
}

/* --- state --- */

static void test_state(void **ctx)
{
    struct rig *r = *ctx;

    set_mode(r, 0x47);
    mouse(r, 0xF4, "1FA");
    press(r, KEY_LSHIFT), press(r, KEY_LEFT);
    r->in.mouse(r->in.ctx, 5, 6, 0, 1);
    assert_int_equal(next(r), 0x2A);
    assert_int_equal(next(r), 0xE0);
    kbd(r, 0xED, "FA AA E0 4B 129 105 1FA"); /* the answer overtakes the rest of the key */
    r->in.mouse(r->in.ctx, 1, 0, 0, 1);
    cmd(r, 0xD4);
    assert_true(fake_roundtrip(&kbc_ops, &r->kbc));
    data(r, 0xF2);
    for (int v; (v = next(r)) >= 0;)
        assert_true(v >= 0x100 || v == 0xE0 || v == 0x4B);
    data(r, 2);
    assert_int_equal(r->leds, 2);
}

/* A file may say anything. */
static void test_hostile_state(void **ctx)
{
    struct rig *r = *ctx;
    u8 *bytes = (u8 *)&r->kbc;
    static const struct {
        size_t at;
        u8 v;
    } bad[] = {
        {offsetof(struct kbc, reply_len), 5},        {offsetof(struct kbc, source), 3},
        {offsetof(struct kbc, command), 0x5F},       {offsetof(struct kbc, command), 0xD5},
        {offsetof(struct kbc, keyboard.len), 18},    {offsetof(struct kbc, keyboard.reply_len), 9},
        {offsetof(struct kbc, keyboard.set), 0},     {offsetof(struct kbc, keyboard.command), 0xFF},
        {offsetof(struct kbc, mouse.packet_len), 5}, {offsetof(struct kbc, mouse.reply_len), 9},
        {offsetof(struct kbc, mouse.rate), 0},       {offsetof(struct kbc, mouse.id), 1},
        {offsetof(struct kbc, mouse.dx) + 3, 0x7F},
    };

    assert_int_equal(kbc_ops.loaded(&r->kbc), 0);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        u8 good = bytes[bad[i].at];
        bytes[bad[i].at] = bad[i].v;
        assert_int_not_equal(kbc_ops.loaded(&r->kbc), 0);
        bytes[bad[i].at] = good;
    }
    assert_int_equal(kbc_ops.loaded(&r->kbc), 0);
}

/* Any bytes in any order, with keys and motion between them: the sanitizers watch. */
static void test_noise(void **ctx)
{
    struct rig *r = *ctx;
    u32 seed = 7;

    for (unsigned i = 0; i < 200000; i++) {
        seed = seed * 1664525u + 1013904223u;
        u8 v = seed >> 24, what = seed >> 16 & 7;
        if (what < 2)
            cmd(r, v);
        else if (what < 4)
            data(r, v);
        else if (what == 4)
            r->in.key(r->in.ctx, v, seed & 1);
        else if (what == 5)
            r->in.mouse(r->in.ctx, (s8)v * (s32)(seed & 0xFFFFF), -(s8)v, (s8)v, v);
        else
            fake_run_ns(&r->fb, v * 10000);
        if (seed & 0x100)
            fake_inb(&r->fb, 0x60);
    }
    assert_true(fake_roundtrip(&kbc_ops, &r->kbc));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_self_tests),
        T(test_command_byte),
        T(test_output_buffer),
        T(test_disable),
        T(test_loopback),
        T(test_a20),
        T(test_reset_lines),
        T(test_sets),
        T(test_translation),
        T(test_unshift),
        T(test_pause_and_print_screen),
        T(test_keyboard_commands),
        T(test_typematic),
        T(test_overrun),
        T(test_mouse_reports),
        T(test_mouse_rate),
        T(test_mouse_wheel),
        T(test_mouse_modes),
        T(test_both_devices),
        T(test_state),
        T(test_hostile_state),
        T(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
