#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hw/pit.h"
#include "tests/unit/fake_bus.h"

#include <stdlib.h>

struct rig {
    struct fake_bus fb;
    struct pit pit;
    u64 pulse; /* CLK pulses so far */
};

static int setup(void **ctx)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_bus_init(&r->fb);
    pit_init(&r->pit, &r->fb.bus, fake_line(&r->fb, 0));
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

static void out(struct rig *r, u16 port, u8 v)
{
    fake_outb(&r->fb, port, v);
}

static u8 in(struct rig *r, u16 port)
{
    return fake_inb(&r->fb, port);
}

/* Lets N pulses pass. */
static void step(struct rig *r, u64 n)
{
    r->pulse += n;
    fake_run_ns(&r->fb, ticks_to_ns(r->pulse, PIT_HZ) - clock_now(&r->fb.clock));
}

static bool out2(struct rig *r)
{
    return in(r, 0x61) & 0x20;
}

static void gate2(struct rig *r, bool level)
{
    out(r, 0x61, level);
}

/* Programs counter 2 with both bytes. */
static void load2(struct rig *r, unsigned mode, u16 count)
{
    out(r, 0x43, 0xB0 | mode << 1);
    out(r, 0x42, count);
    out(r, 0x42, count >> 8);
}

static u16 count2(struct rig *r)
{
    out(r, 0x43, 0x80);
    u8 low = in(r, 0x42);
    return low | in(r, 0x42) << 8;
}

/* OUT 2 after each of the next pulses: one character for each, from the level now. */
static void assert_wave(struct rig *r, const char *wave)
{
    for (const char *p = wave; *p; p++) {
        if (out2(r) != (*p == '1'))
            fail_msg("OUT 2 is %d at %zu of %s", out2(r), (size_t)(p - wave), wave);
        step(r, 1);
    }
}

static void assert_counts(struct rig *r, const u16 *counts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(count2(r), counts[i]);
        step(r, 1);
    }
}

static void test_mode0(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    step(r, 10);
    load2(r, 0, 4); /* N + 1 pulses after the write OUT goes high */
    assert_wave(r, "000001111");
    load2(r, 0, 4);
    step(r, 1);
    assert_counts(r, (u16[]){4, 3, 2, 1, 0, 0xFFFF, 0xFFFE}, 7);
    /* A new count starts over; its first byte already stops it. */
    assert_true(out2(r));
    out(r, 0x42, 9);
    assert_false(out2(r));
    step(r, 100);
    assert_false(out2(r));
    out(r, 0x42, 0);
    assert_wave(r, "00000000001");
    /* GATE low stops the count. */
    load2(r, 0, 4);
    step(r, 3);
    assert_int_equal(count2(r), 2);
    gate2(r, false);
    step(r, 50);
    assert_int_equal(count2(r), 2);
    gate2(r, true);
    assert_wave(r, "0011");
}

static void test_mode1(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, false);
    load2(r, 1, 3);
    assert_wave(r, "1111");
    gate2(r, true);
    assert_wave(r, "1000111");
    gate2(r, false);
    gate2(r, true);
    assert_wave(r, "100");
    gate2(r, false); /* the level does not matter, and another edge starts over */
    gate2(r, true);
    assert_wave(r, "000011");
    /* A count written meanwhile waits for the next trigger. */
    gate2(r, false);
    gate2(r, true);
    step(r, 1);
    out(r, 0x42, 1);
    out(r, 0x42, 0);
    assert_wave(r, "00011");
    gate2(r, false);
    gate2(r, true);
    assert_wave(r, "1011");
}

static void test_mode2(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    load2(r, 2, 3);
    assert_wave(r, "11101101101");
    load2(r, 2, 3);
    step(r, 1);
    assert_counts(r, (u16[]){3, 2, 1, 3, 2, 1, 3}, 7);
    /* GATE low: OUT high at once, and a fresh period after it rises. */
    load2(r, 2, 3);
    step(r, 3);
    assert_false(out2(r));
    gate2(r, false);
    assert_true(out2(r));
    step(r, 20);
    assert_true(out2(r));
    gate2(r, true);
    assert_wave(r, "11101101");
    /* A new count takes over at the end of the period. */
    load2(r, 2, 4);
    step(r, 2);
    assert_int_equal(count2(r), 3);
    out(r, 0x42, 2);
    out(r, 0x42, 0);
    assert_wave(r, "110101010");
}

static void test_mode3(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    load2(r, 3, 4);
    assert_wave(r, "11100110011");
    load2(r, 3, 5);
    assert_wave(r, "111100111001110");
    load2(r, 3, 4);
    step(r, 1);
    assert_counts(r, (u16[]){4, 2, 4, 2, 4}, 5);
    load2(r, 3, 5);
    step(r, 1);
    assert_counts(r, (u16[]){4, 2, 0, 4, 2, 4, 2, 0, 4, 2}, 10);
    gate2(r, false);
    assert_true(out2(r));
    gate2(r, true);
    assert_wave(r, "111100111");
    /* A new count takes over at the end of the half cycle: here the high one. */
    load2(r, 3, 8);
    step(r, 2);
    out(r, 0x42, 4);
    out(r, 0x42, 0);
    assert_wave(r, "11100110011");
    /* And here the low one. */
    load2(r, 3, 8);
    step(r, 6);
    out(r, 0x42, 2);
    out(r, 0x42, 0);
    assert_wave(r, "000101010");
}

static void test_mode4(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    load2(r, 4, 3);
    assert_wave(r, "11110111111");
    load2(r, 4, 3);
    step(r, 2);
    gate2(r, false);
    assert_wave(r, "1111");
    gate2(r, true);
    assert_wave(r, "1101");
    load2(r, 4, 3);
    step(r, 2);
    out(r, 0x42, 2); /* a new count starts over */
    out(r, 0x42, 0);
    assert_wave(r, "11101");
}

static void test_mode5(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, false);
    load2(r, 5, 3);
    assert_wave(r, "111111");
    gate2(r, true);
    assert_wave(r, "111101111");
    gate2(r, false);
    gate2(r, true);
    step(r, 2);
    gate2(r, false);
    gate2(r, true); /* triggered again before it came */
    assert_wave(r, "111101");
}

/* Every mode with every small count: the timer's edges on IRQ 0 are those that a look at each pulse sees. */
static void test_irq0_edges(void **ctx)
{
    struct rig *r = *ctx;

    for (unsigned mode = 0; mode < 5; mode++) {
        for (unsigned count = 1; count <= 9; count++) {
            gate2(r, true);
            out(r, 0x43, 0x30 | mode << 1);
            out(r, 0x43, 0xB0 | mode << 1);
            out(r, 0x40, count);
            out(r, 0x42, count);
            out(r, 0x40, 0);
            out(r, 0x42, 0);
            for (unsigned i = 0; i < 40; i++) {
                assert_int_equal(r->fb.line[0], out2(r));
                step(r, 1);
            }
        }
    }
}

static void test_rates(void **ctx)
{
    struct rig *r = *ctx;

    out(r, 0x43, 0x34); /* mode 2, 65536: 18.2 Hz */
    out(r, 0x40, 0);
    out(r, 0x40, 0);
    unsigned before = r->fb.rises[0];
    step(r, 65536ull * 100 + 1);
    assert_int_equal(r->fb.rises[0] - before, 100);
    out(r, 0x43, 0x36); /* mode 3, 1193: 1000 Hz */
    out(r, 0x40, 1193 & 0xFF);
    out(r, 0x40, 1193 >> 8);
    before = r->fb.rises[0];
    step(r, 1193ull * 1000 + 1);
    assert_int_equal(r->fb.rises[0] - before, 1000);
}

/* Time that is steered forward over a whole period still shows a tick. */
static void test_jump(void **ctx)
{
    struct rig *r = *ctx;

    out(r, 0x43, 0x34);
    out(r, 0x40, 100);
    out(r, 0x40, 0);
    step(r, 51);
    unsigned before = r->fb.rises[0];
    clock_advance(&r->fb.clock, ticks_to_ns(100, PIT_HZ)); /* high again, with the low pulse in between */
    clock_run(&r->fb.clock);
    assert_int_equal(r->fb.rises[0] - before, 1);
    before = r->fb.rises[0];
    clock_advance(&r->fb.clock, 10 * NS_PER_SEC);
    clock_run(&r->fb.clock);
    assert_in_range(r->fb.rises[0] - before, 1, 10);
    assert_true(clock_next(&r->fb.clock) > clock_now(&r->fb.clock));
}

static void test_latch(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    load2(r, 2, 1000);
    step(r, 101);
    out(r, 0x43, 0x80);
    step(r, 10);
    out(r, 0x43, 0x80); /* ignored: the first one is still unread */
    assert_int_equal(in(r, 0x42), 900 & 0xFF);
    step(r, 10);
    assert_int_equal(in(r, 0x42), 900 >> 8);
    /* Not latched: each byte as it is when it is read. */
    assert_int_equal(in(r, 0x42), 880 & 0xFF);
    assert_int_equal(in(r, 0x42), 880 >> 8);
    /* One byte only. */
    out(r, 0x43, 0x94);
    out(r, 0x42, 200);
    step(r, 11);
    out(r, 0x43, 0x80);
    assert_int_equal(in(r, 0x42), 190);
    step(r, 1);
    assert_int_equal(in(r, 0x42), 189);
    out(r, 0x43, 0xA4);
    out(r, 0x42, 3);
    step(r, 2);
    assert_int_equal(in(r, 0x42), 0x02); /* 767 */
    assert_int_equal(in(r, 0x42), 0x02);
    assert_int_equal(in(r, 0x43), 0xFF);
}

static void test_read_back(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    out(r, 0x43, 0xE8); /* status of counter 2 */
    assert_int_equal(in(r, 0x42) & 0x40, 0x40);
    load2(r, 2, 500);
    out(r, 0x43, 0xE8);
    assert_int_equal(in(r, 0x42), 0xF4); /* OUT, null count, both bytes, mode 2 */
    step(r, 1);
    out(r, 0x43, 0xC8); /* status and count: the status comes first */
    step(r, 5);
    out(r, 0x43, 0xC8);
    assert_int_equal(in(r, 0x42), 0xB4);
    assert_int_equal(in(r, 0x42), 500 & 0xFF);
    assert_int_equal(in(r, 0x42), 500 >> 8);
    /* Several at once. */
    out(r, 0x43, 0x34);
    out(r, 0x40, 50);
    out(r, 0x40, 0);
    step(r, 3);
    out(r, 0x43, 0xDE); /* counts of all three */
    step(r, 7);
    assert_int_equal(in(r, 0x40), 48);
    assert_int_equal(in(r, 0x40), 0);
    assert_int_equal(in(r, 0x42), 492 & 0xFF);
}

static void test_bcd(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    out(r, 0x43, 0xB1);
    out(r, 0x42, 0x02);
    out(r, 0x42, 0x10); /* 1002 */
    step(r, 4);
    assert_int_equal(count2(r), 0x0999);
    out(r, 0x43, 0xB1);
    out(r, 0x42, 0);
    out(r, 0x42, 0); /* 10000 */
    step(r, 1);
    assert_int_equal(count2(r), 0);
    step(r, 1);
    assert_int_equal(count2(r), 0x9999);
    step(r, 9998);
    assert_false(out2(r));
    step(r, 1);
    assert_true(out2(r));
}

static void test_port61(void **ctx)
{
    struct rig *r = *ctx;
    unsigned toggles = 0;
    u8 last = in(r, 0x61) & 0x10;

    for (unsigned i = 0; i < 18 * 100; i++) {
        step(r, 1);
        u8 now = in(r, 0x61) & 0x10;
        toggles += now != last;
        last = now;
    }
    assert_int_equal(toggles, 100);
    out(r, 0x61, 0xFF);
    assert_int_equal(in(r, 0x61) & 0xCF, 0x0F);
    load2(r, 3, 100);
    assert_true(pit_speaker(&r->pit));
    step(r, 60);
    assert_false(pit_speaker(&r->pit));
    out(r, 0x61, 0x01);
    step(r, 50);
    assert_true(out2(r));
    assert_false(pit_speaker(&r->pit));
}

static void test_state(void **ctx)
{
    struct rig *r = *ctx;

    gate2(r, true);
    load2(r, 3, 1000);
    out(r, 0x43, 0x34);
    out(r, 0x40, 0x11);
    out(r, 0x40, 0x01);
    step(r, 500);
    out(r, 0x43, 0xC8);
    out(r, 0x42, 5); /* half a count */
    assert_true(fake_roundtrip(&pit_ops, &r->pit));
    assert_int_equal(in(r, 0x42), 0xB6);
    unsigned before = r->fb.rises[0];
    step(r, 273 * 10);
    assert_int_equal(r->fb.rises[0] - before, 10);

    r->pit.counter[1].initial = 0;
    assert_int_not_equal(pit_ops.loaded(&r->pit), 0);
    r->pit.counter[1].initial = 1;
    r->pit.counter[0].start = PIT_NEVER;
    assert_int_not_equal(pit_ops.loaded(&r->pit), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_mode0),     T(test_mode1),      T(test_mode2),  T(test_mode3), T(test_mode4),
        T(test_mode5),     T(test_irq0_edges), T(test_rates),  T(test_jump),  T(test_latch),
        T(test_read_back), T(test_bcd),        T(test_port61), T(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
