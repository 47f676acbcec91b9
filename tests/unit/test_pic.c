#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hw/pic.h"
#include "tests/unit/fake_bus.h"

#include <stdlib.h>

struct rig {
    struct fake_bus fb;
    struct pic pic;
    struct irq_line irq[16];
};

enum { INTR = 0, VECTOR0 = 0x20, VECTOR8 = 0x70 };

static void out(struct rig *r, u16 port, u8 v)
{
    fake_outb(&r->fb, port, v);
}

static u8 in(struct rig *r, u16 port)
{
    return fake_inb(&r->fb, port);
}

static void program(struct rig *r, u8 icw4_master, u8 icw4_slave)
{
    out(r, 0x20, 0x11);
    out(r, 0x21, VECTOR0);
    out(r, 0x21, 0x04);
    out(r, 0x21, icw4_master);
    out(r, 0xA0, 0x11);
    out(r, 0xA1, VECTOR8);
    out(r, 0xA1, 0x02);
    out(r, 0xA1, icw4_slave);
}

static int setup(void **ctx)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_bus_init(&r->fb);
    pic_init(&r->pic, &r->fb.bus, fake_line(&r->fb, INTR));
    for (unsigned i = 0; i < 16; i++)
        r->irq[i] = pic_line(&r->pic, i);
    program(r, 0x01, 0x01);
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

static void raise_irq(struct rig *r, unsigned n)
{
    irq_set(&r->irq[n], false);
    irq_set(&r->irq[n], true);
}

static bool intr(struct rig *r)
{
    return r->fb.line[INTR];
}

static u8 isr(struct rig *r, u16 port)
{
    out(r, port, 0x0B);
    u8 v = in(r, port);
    out(r, port, 0x0A);
    return v;
}

static void test_priority(void **ctx)
{
    struct rig *r = *ctx;

    assert_false(intr(r));
    raise_irq(r, 5);
    assert_true(intr(r));
    raise_irq(r, 1);
    assert_int_equal(in(r, 0x20), 0x22); /* IRR */
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 1);
    assert_int_equal(isr(r, 0x20), 0x02);
    assert_int_equal(in(r, 0x20), 0x20);
    assert_false(intr(r)); /* 5 waits for the end of 1 */
    raise_irq(r, 0);
    assert_true(intr(r)); /* 0 does not */
    assert_int_equal(pic_ack(&r->pic), VECTOR0);
    out(r, 0x20, 0x20);
    assert_int_equal(isr(r, 0x20), 0x02); /* the highest one has ended */
    out(r, 0x20, 0x20);
    assert_true(intr(r));
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 5);
    out(r, 0x20, 0x65); /* specific EOI */
    assert_int_equal(isr(r, 0x20), 0);
    assert_false(intr(r));
}

static void test_mask(void **ctx)
{
    struct rig *r = *ctx;

    out(r, 0x21, 0x08);
    assert_int_equal(in(r, 0x21), 0x08);
    raise_irq(r, 3);
    assert_false(intr(r));
    assert_int_equal(in(r, 0x20), 0x08);
    out(r, 0x21, 0x00);
    assert_true(intr(r));
}

static void test_slave(void **ctx)
{
    struct rig *r = *ctx;

    raise_irq(r, 14);
    assert_true(intr(r));
    assert_int_equal(in(r, 0x20), 0x04);
    raise_irq(r, 8);
    assert_int_equal(pic_ack(&r->pic), VECTOR8);
    assert_int_equal(isr(r, 0x20), 0x04);
    assert_int_equal(isr(r, 0xA0), 0x01);
    assert_false(intr(r));
    out(r, 0xA0, 0x20);
    out(r, 0x20, 0x20);
    assert_true(intr(r)); /* 14 makes a new edge on the cascade */
    assert_int_equal(pic_ack(&r->pic), VECTOR8 + 6);
    raise_irq(r, 3); /* below the cascade */
    assert_false(intr(r));
    raise_irq(r, 1);
    assert_true(intr(r));
}

static void test_spurious(void **ctx)
{
    struct rig *r = *ctx;

    irq_set(&r->irq[4], true);
    assert_true(intr(r));
    irq_set(&r->irq[4], false); /* gone before the acknowledge */
    assert_false(intr(r));
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 7);
    assert_int_equal(isr(r, 0x20), 0);

    /* The slave's: the master has put the cascade into service. */
    irq_set(&r->irq[10], true);
    struct pic_chip *slave = &r->pic.chip[1];
    slave->irr = 0; /* between the two INTA pulses */
    assert_int_equal(pic_ack(&r->pic), VECTOR8 + 7);
    assert_int_equal(isr(r, 0x20), 0x04);
    assert_int_equal(isr(r, 0xA0), 0);
}

static void test_edges_and_levels(void **ctx)
{
    struct rig *r = *ctx;

    /* A level that stays high is one edge. */
    raise_irq(r, 6);
    pic_ack(&r->pic);
    out(r, 0x20, 0x20);
    assert_false(intr(r));
    irq_set(&r->irq[6], true);
    assert_false(intr(r));

    out(&*r, 0x4D0, 0xFF);
    out(r, 0x4D1, 0xFF);
    assert_int_equal(in(r, 0x4D0), 0xF8);
    assert_int_equal(in(r, 0x4D1), 0xDE);
    assert_int_equal(fake_inw(&r->fb, 0x4D0), 0xDEF8);
    /* The line was high all the time, and now it counts as a request. */
    assert_true(intr(r));
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 6);
    out(r, 0x20, 0x20);
    assert_true(intr(r)); /* again, until the device lets go */
    irq_set(&r->irq[6], false);
    assert_false(intr(r));
}

/* After ICW1 an edge-triggered input has to fall and rise again. */
static void test_init_forgets_edges(void **ctx)
{
    struct rig *r = *ctx;

    raise_irq(r, 3);
    raise_irq(r, 12);
    out(r, 0x21, 0xFF);
    program(r, 1, 1);
    assert_int_equal(in(r, 0x21), 0); /* ICW1 clears the mask */
    assert_false(intr(r));
    assert_int_equal(in(r, 0x20), 0);
    raise_irq(r, 3);
    assert_true(intr(r));
    /* Not while it is being initialized. */
    out(r, 0x20, 0x11);
    raise_irq(r, 4);
    assert_false(intr(r));
    out(r, 0x21, VECTOR0);
    out(r, 0x21, 4);
    out(r, 0x21, 1);
    assert_true(intr(r));
}

static void test_short_init(void **ctx)
{
    struct rig *r = *ctx;

    out(r, 0x20, 0x12); /* single, no ICW4 */
    out(r, 0x21, 0x4F);
    out(r, 0x21, 0xFD); /* this is the mask already */
    assert_int_equal(in(r, 0x21), 0xFD);
    raise_irq(r, 1);
    assert_int_equal(pic_ack(&r->pic), 0x49);
}

static void test_auto_eoi(void **ctx)
{
    struct rig *r = *ctx;

    program(r, 0x03, 0x03);
    raise_irq(r, 9);
    raise_irq(r, 11);
    assert_int_equal(pic_ack(&r->pic), VECTOR8 + 1);
    assert_int_equal(isr(r, 0x20) | isr(r, 0xA0), 0);
    assert_true(intr(r)); /* nothing in service holds back 11 */
    assert_int_equal(pic_ack(&r->pic), VECTOR8 + 3);
    assert_false(intr(r));

    /* Rotating: the one just served becomes the last. */
    out(r, 0x20, 0x80);
    raise_irq(r, 0);
    raise_irq(r, 1);
    assert_int_equal(pic_ack(&r->pic), VECTOR0);
    raise_irq(r, 0);
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 1);
    assert_int_equal(pic_ack(&r->pic), VECTOR0);
    out(r, 0x20, 0x00);
}

static void test_rotation(void **ctx)
{
    struct rig *r = *ctx;

    raise_irq(r, 3);
    pic_ack(&r->pic);
    out(r, 0x20, 0xA0); /* rotate on non-specific EOI: 3 is lowest, 4 highest */
    raise_irq(r, 0);
    raise_irq(r, 4);
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 4);
    out(r, 0x20, 0xE4); /* rotate on specific EOI: 5 is highest */
    raise_irq(r, 4);
    assert_int_equal(pic_ack(&r->pic), VECTOR0);
    out(r, 0x20, 0x20);
    out(r, 0x20, 0xC3); /* set priority: 4 is highest */
    raise_irq(r, 1);
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 4);
}

static void test_special_mask(void **ctx)
{
    struct rig *r = *ctx;

    raise_irq(r, 3);
    pic_ack(&r->pic);
    raise_irq(r, 5);
    assert_false(intr(r));
    out(r, 0x21, 0x08);
    out(r, 0x20, 0x68); /* special mask mode: 3 is in service and masked, so lower ones may come */
    assert_true(intr(r));
    assert_int_equal(pic_ack(&r->pic), VECTOR0 + 5);
    raise_irq(r, 6);
    assert_false(intr(r)); /* 5 is not masked */
    out(r, 0x20, 0x20);    /* ends 5, not the masked 3 */
    assert_int_equal(isr(r, 0x20), 0x08);
    out(r, 0x20, 0x48); /* off */
    assert_false(intr(r));
    out(r, 0x20, 0x63);
    assert_true(intr(r));
}

static void test_special_fully_nested(void **ctx)
{
    struct rig *r = *ctx;

    program(r, 0x11, 0x01);
    raise_irq(r, 12);
    assert_int_equal(pic_ack(&r->pic), VECTOR8 + 4);
    raise_irq(r, 9); /* a higher one on the same slave */
    assert_true(intr(r));
    assert_int_equal(pic_ack(&r->pic), VECTOR8 + 1);
    raise_irq(r, 3);
    assert_false(intr(r)); /* but nothing below */
    /* Without it the slave waits. */
    program(r, 0x01, 0x01);
    raise_irq(r, 12);
    pic_ack(&r->pic);
    raise_irq(r, 9);
    assert_false(intr(r));
}

static void test_poll(void **ctx)
{
    struct rig *r = *ctx;

    out(r, 0x20, 0x0C);
    assert_int_equal(in(r, 0x20) & 0x80, 0);
    raise_irq(r, 10);
    out(r, 0x20, 0x0C);
    assert_int_equal(in(r, 0x20), 0x82);
    out(r, 0xA0, 0x0C);
    assert_int_equal(in(r, 0xA1), 0x82);
    assert_int_equal(isr(r, 0x20), 0x04);
    assert_int_equal(isr(r, 0xA0), 0x04);
    assert_false(intr(r));
}

static void test_state(void **ctx)
{
    struct rig *r = *ctx;

    raise_irq(r, 12);
    raise_irq(r, 3);
    pic_ack(&r->pic);
    raise_irq(r, 4);
    out(r, 0x4D1, 0x0C);
    out(r, 0x20, 0x68);
    out(r, 0x21, 0x40);
    out(r, 0xA0, 0x11); /* in the middle of an initialization */
    assert_true(fake_roundtrip(&pic_ops, &r->pic));
    out(r, 0xA1, 0x50);
    out(r, 0xA1, 2);
    out(r, 0xA1, 1);
    assert_int_equal(in(r, 0x21), 0x40);
    r->pic.chip[0].lowest = 8;
    assert_int_not_equal(pic_ops.loaded(&r->pic), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_priority),
        T(test_mask),
        T(test_slave),
        T(test_spurious),
        T(test_edges_and_levels),
        T(test_init_forgets_edges),
        T(test_short_init),
        T(test_auto_eoi),
        T(test_rotation),
        T(test_special_mask),
        T(test_special_fully_nested),
        T(test_poll),
        T(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
