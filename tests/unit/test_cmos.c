#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hw/cmos.h"
#include "tests/unit/fake_bus.h"

#include <stdlib.h>

enum { IRQ8 = 0, NMI_MASKED = 1, MS = 1000000 };

/* Friday 1999-12-31 23:59:58 UTC */
static const s64 base = 946684798;

struct rig {
    struct fake_bus fb;
    struct cmos cmos;
};

static int setup(void **ctx)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_bus_init(&r->fb);
    cmos_init(&r->cmos, &r->fb.bus, fake_line(&r->fb, IRQ8), fake_line(&r->fb, NMI_MASKED), base);
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

static u8 rd(struct rig *r, u8 index)
{
    fake_outb(&r->fb, 0x70, index);
    return fake_inb(&r->fb, 0x71);
}

static void wr(struct rig *r, u8 index, u8 v)
{
    fake_outb(&r->fb, 0x70, index);
    fake_outb(&r->fb, 0x71, v);
}

static void assert_date(struct rig *r, const u8 want[8])
{
    static const u8 index[8] = {0x32, 9, 8, 7, 6, 4, 2, 0};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(rd(r, index[i]), want[i]);
}

/* Past the end of the update cycle that is due at SECONDS after power-on. */
static void run_to(struct rig *r, u64 seconds)
{
    fake_run_ns(&r->fb, seconds * NS_PER_SEC + 5 * MS - clock_now(&r->fb.clock));
}

static void test_date(void **ctx)
{
    struct rig *r = *ctx;

    assert_date(r, (u8[]){0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x58});
    run_to(r, 1);
    assert_int_equal(rd(r, 0), 0x59);
    run_to(r, 2);
    assert_date(r, (u8[]){0x20, 0x00, 0x01, 0x01, 7, 0x00, 0x00, 0x00});
    run_to(r, 2 + 31 * 86400 + 28 * 86400);
    assert_date(r, (u8[]){0x20, 0x00, 0x02, 0x29, 3, 0x00, 0x00, 0x00});
    run_to(r, 2 + 31 * 86400 + 29 * 86400 + 13 * 3600 + 62);
    assert_date(r, (u8[]){0x20, 0x00, 0x03, 0x01, 4, 0x13, 0x01, 0x02});
    cmos_set_time(&r->cmos, 0);
    assert_date(r, (u8[]){0x19, 0x70, 0x01, 0x01, 5, 0, 0, 0});
    cmos_set_time(&r->cmos, -1);
    assert_date(r, (u8[]){0x19, 0x69, 0x12, 0x31, 4, 0x23, 0x59, 0x59});
    cmos_set_time(&r->cmos, 1709208000);
    assert_date(r, (u8[]){0x20, 0x24, 0x02, 0x29, 5, 0x12, 0x00, 0x00});
}

static void test_formats(void **ctx)
{
    struct rig *r = *ctx;

    wr(r, 0x0B, 0x86); /* SET, binary, 24 h */
    wr(r, 0, 59);
    wr(r, 2, 59);
    wr(r, 4, 11);
    run_to(r, 10);
    assert_int_equal(rd(r, 0), 59); /* SET stops it */
    wr(r, 0x0B, 0x06);
    run_to(r, 11);
    assert_int_equal(rd(r, 4), 12);
    assert_int_equal(rd(r, 2), 0);
    /* 12 hours, BCD: 11 PM -> 12 AM of the next day, 12 PM -> 1 PM. */
    wr(r, 0x0B, 0x80);
    wr(r, 7, 0x14);
    wr(r, 0, 0x59), wr(r, 2, 0x59), wr(r, 4, 0x91);
    wr(r, 0x0B, 0x00);
    run_to(r, 12);
    assert_int_equal(rd(r, 4), 0x12);
    assert_int_equal(rd(r, 7), 0x15);
    wr(r, 0, 0x59), wr(r, 2, 0x59), wr(r, 4, 0x92);
    run_to(r, 13);
    assert_int_equal(rd(r, 4), 0x81);
    wr(r, 0, 0x59), wr(r, 2, 0x59), wr(r, 4, 0x11);
    run_to(r, 14);
    assert_int_equal(rd(r, 4), 0x92);
    assert_int_equal(rd(r, 7), 0x15);
}

static void test_uip(void **ctx)
{
    struct rig *r = *ctx;
    u64 rise = 0, fall = 0, change = 0;

    run_to(r, 1);
    u8 second = rd(r, 0);
    for (unsigned i = 0; i < 200000 && !fall; i++) {
        fake_run_ns(&r->fb, 5000);
        u64 now = clock_now(&r->fb.clock);
        bool uip = rd(r, 0x0A) & 0x80;
        if (uip && !rise)
            rise = now;
        if (!uip && rise)
            fall = now;
        if (rd(r, 0) != second && !change)
            change = now;
    }
    /* 244 us of warning and the 1984 us of the update itself. */
    assert_in_range(fall - rise, 2220000, 2236000);
    assert_true(change == fall);
    assert_true(rd(r, 0x0C) & 0x10);
}

static void test_update_interrupt(void **ctx)
{
    struct rig *r = *ctx;

    wr(r, 0x0B, 0x12);
    run_to(r, 1);
    assert_true(r->fb.line[IRQ8]);
    run_to(r, 2);
    assert_int_equal(r->fb.rises[IRQ8], 1); /* held until register C is read */
    assert_int_equal(rd(r, 0x0C), 0xF0);    /* PF is always there, and the alarm stands at midnight */
    assert_false(r->fb.line[IRQ8]);
    assert_int_equal(rd(r, 0x0C), 0);
    run_to(r, 3);
    assert_true(r->fb.line[IRQ8]);
    wr(r, 0x0B, 0x92); /* SET clears UIE */
    assert_int_equal(rd(r, 0x0B), 0x82);
    assert_false(r->fb.line[IRQ8]);
}

static void test_alarm(void **ctx)
{
    struct rig *r = *ctx;

    rd(r, 0x0C);
    wr(r, 1, 0x01), wr(r, 3, 0x00), wr(r, 5, 0x00); /* 00:00:01, three seconds ahead */
    wr(r, 0x0B, 0x22);
    run_to(r, 2);
    assert_false(r->fb.line[IRQ8]);
    run_to(r, 3);
    assert_true(r->fb.line[IRQ8]);
    assert_int_equal(rd(r, 0x0C) & 0xB0, 0xB0);
    /* Every minute at :01. */
    wr(r, 3, 0xFF), wr(r, 5, 0xC0);
    run_to(r, 62);
    assert_int_equal(rd(r, 0x0C) & 0x20, 0);
    run_to(r, 63);
    assert_int_equal(rd(r, 0x0C) & 0xA0, 0xA0);
}

static void test_periodic(void **ctx)
{
    struct rig *r = *ctx;
    static const u32 hz[16] = {0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2};

    for (unsigned rate = 0; rate < 16; rate++) {
        wr(r, 0x0A, 0x20 | rate);
        wr(r, 0x0B, 0x42);
        rd(r, 0x0C);
        unsigned before = r->fb.rises[IRQ8];
        u64 end = clock_now(&r->fb.clock) + NS_PER_SEC;
        while (clock_next(&r->fb.clock) <= end) {
            fake_run_ns(&r->fb, clock_next(&r->fb.clock) - clock_now(&r->fb.clock));
            if (r->fb.line[IRQ8])
                assert_int_equal(rd(r, 0x0C) & 0xC0, 0xC0);
        }
        fake_run_ns(&r->fb, end - clock_now(&r->fb.clock));
        assert_in_range(r->fb.rises[IRQ8] - before, hz[rate] ? hz[rate] - 1 : 0, hz[rate] ? hz[rate] + 1 : 0);
    }
    /* PF is set without PIE too, and no timer is needed for it. */
    wr(r, 0x0B, 0x02);
    rd(r, 0x0C);
    fake_run_ns(&r->fb, 501 * MS);
    assert_int_equal(rd(r, 0x0C) & 0xC0, 0x40);
}

/* Linux sets the time with the divider in reset: half a second after its release the first update comes. */
static void test_divider_reset(void **ctx)
{
    struct rig *r = *ctx;

    fake_run_ns(&r->fb, 300 * MS);
    wr(r, 0x0A, 0x76);
    wr(r, 0, 0x10);
    fake_run_ns(&r->fb, 5 * NS_PER_SEC);
    assert_int_equal(rd(r, 0), 0x10);
    wr(r, 0x0A, 0x26);
    fake_run_ns(&r->fb, 495 * MS);
    assert_int_equal(rd(r, 0), 0x10);
    fake_run_ns(&r->fb, 10 * MS);
    assert_int_equal(rd(r, 0), 0x11);
}

static void test_ram(void **ctx)
{
    struct rig *r = *ctx;

    wr(r, 0x40, 0xAB);
    assert_int_equal(rd(r, 0x40), 0xAB);
    fake_outb(&r->fb, 0x72, 0x40);
    fake_outb(&r->fb, 0x73, 0xCD);
    assert_int_equal(rd(r, 0x40), 0xAB);
    assert_int_equal(fake_inb(&r->fb, 0x73), 0xCD);
    assert_int_equal(fake_inb(&r->fb, 0x70), 0xFF);
    assert_int_equal(rd(r, 0x0D), 0x80);
    wr(r, 0x0D, 0);
    assert_int_equal(rd(r, 0x0D), 0x80);
    assert_int_equal(rd(r, 0x80 | 0x40), 0xAB); /* bit 7 masks NMI */
    assert_true(r->fb.line[NMI_MASKED]);
    rd(r, 0x40);
    assert_false(r->fb.line[NMI_MASKED]);
}

static void test_configure(void **ctx)
{
    struct rig *r = *ctx;
    struct cmos_config c = {
        .ram_below_4g = 3072ull << 20,
        .ram_above_4g = 5120ull << 20,
        .cpus = 1,
        .floppy = {CMOS_FLOPPY_1440K, CMOS_FLOPPY_NONE},
        .disk = {{.present = true, .cylinders = 1023, .heads = 16, .sectors = 63, .translation = CMOS_CHS_LBA}},
        .boot = {CMOS_BOOT_CD, CMOS_BOOT_DISK, CMOS_BOOT_FLOPPY},
        .fpu = true,
        .mouse = true,
    };

    cmos_configure(&r->cmos, &c);
    assert_int_equal(rd(r, 0x15) | rd(r, 0x16) << 8, 640);
    assert_int_equal(rd(r, 0x17) | rd(r, 0x18) << 8, 0xFFFF);
    assert_int_equal(rd(r, 0x30) | rd(r, 0x31) << 8, 0xFFFF);
    assert_int_equal(rd(r, 0x34) | rd(r, 0x35) << 8, (3072 - 16) * 16);
    assert_int_equal(rd(r, 0x5B) | rd(r, 0x5C) << 8 | rd(r, 0x5D) << 16, 5120 * 16);
    assert_int_equal(rd(r, 0x10), 0x40);
    assert_int_equal(rd(r, 0x14), 0x07);
    assert_int_equal(rd(r, 0x3D), 0x23);
    assert_int_equal(rd(r, 0x38), 0x11);
    assert_int_equal(rd(r, 0x12), 0xF0);
    assert_int_equal(rd(r, 0x19), 47);
    assert_int_equal(rd(r, 0x1B) | rd(r, 0x1C) << 8, 1023);
    assert_int_equal(rd(r, 0x1D), 16);
    assert_int_equal(rd(r, 0x23), 63);
    assert_int_equal(rd(r, 0x39), 1);
    unsigned sum = 0;
    for (unsigned i = 0x10; i <= 0x2D; i++)
        sum += rd(r, i);
    assert_int_equal(rd(r, 0x2E) << 8 | rd(r, 0x2F), sum);

    c.ram_below_4g = 8 << 20;
    c.ram_above_4g = 0;
    cmos_configure(&r->cmos, &c);
    assert_int_equal(rd(r, 0x30) | rd(r, 0x31) << 8, 7168);
    assert_int_equal(rd(r, 0x34) | rd(r, 0x35) << 8, 0);
}

static void test_battery(void **ctx)
{
    struct rig *r = *ctx;
    u8 image[CMOS_BYTES];

    wr(r, 0x50, 0x99);
    cmos_save_ram(&r->cmos, image);
    assert_int_equal(image[0x50], 0x99);
    assert_int_equal(image[0], 0); /* no clock in the file */
    wr(r, 0x50, 0);
    image[0x32] = 0x77;
    cmos_load_ram(&r->cmos, image);
    assert_int_equal(rd(r, 0x50), 0x99);
    assert_date(r, (u8[]){0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x58});
}

static void test_reset_and_state(void **ctx)
{
    struct rig *r = *ctx;

    wr(r, 0x0B, 0x72);
    wr(r, 0x50, 0x12);
    run_to(r, 1);
    fake_outb(&r->fb, 0x70, 0x8F);
    assert_true(fake_roundtrip(&cmos_ops, &r->cmos));
    assert_true(r->fb.line[IRQ8] && r->fb.line[NMI_MASKED]);
    cmos_ops.reset(&r->cmos);
    assert_false(r->fb.line[IRQ8]);
    assert_int_equal(rd(r, 0x0B), 0x02);
    assert_int_equal(rd(r, 0x0C), 0);
    assert_int_equal(rd(r, 0x50), 0x12);
    assert_int_equal(rd(r, 0), 0x59);

    r->cmos.index[0] = 0x80;
    assert_int_not_equal(cmos_ops.loaded(&r->cmos), 0);
    r->cmos.index[0] = 0;
    r->cmos.next_update = 0; /* would count for years */
    assert_int_not_equal(cmos_ops.loaded(&r->cmos), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_date),
        T(test_formats),
        T(test_uip),
        T(test_update_interrupt),
        T(test_alarm),
        T(test_periodic),
        T(test_divider_reset),
        T(test_ram),
        T(test_configure),
        T(test_battery),
        T(test_reset_and_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
