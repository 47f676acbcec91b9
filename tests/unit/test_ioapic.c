/* The I/O APIC, with messages recorded instead of delivered, and once together with a local APIC. */
#include "hw/ioapic.h"
#include "hw/lapic.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
    struct fake_bus fb;
    struct ioapic io;
    struct apic_bus net;
    struct lapic lapic;
    bool refuse, wired;
    unsigned messages;
    struct apic_msg last;
};

static bool on_deliver(void *ctx, u8 dest, bool logical, u8 mode, u8 vector, bool level)
{
    struct fixture *t = ctx;
    t->last = (struct apic_msg){.dest = dest, .logical = logical, .mode = mode, .vector = vector, .level = level};
    t->messages++;
    return t->wired ? apic_bus_send(&t->net, &t->last) : !t->refuse;
}

static void on_eoi(void *ctx, u8 vector)
{
    struct fixture *t = ctx;
    ioapic_eoi(&t->io, vector);
}

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    struct ioapic_wiring w = {.ctx = &t, .deliver = on_deliver};
    ioapic_init(&t.io, &t.fb.bus, &w);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    return 0;
}

static u32 rd(struct fixture *t, u8 reg)
{
    fake_write(&t->fb, IOAPIC_BASE, reg, 4);
    return (u32)fake_read(&t->fb, IOAPIC_BASE + 0x10, 4);
}

static void wr(struct fixture *t, u8 reg, u32 v)
{
    fake_write(&t->fb, IOAPIC_BASE, reg, 4);
    fake_write(&t->fb, IOAPIC_BASE + 0x10, v, 4);
}

static void set_pin(struct fixture *t, unsigned pin, bool level)
{
    struct irq_line line = ioapic_pin(&t->io, pin);
    irq_set(&line, level);
}

static void test_registers(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(rd(t, 1), 0x00170011);
    assert_int_equal(rd(t, 0), 0);
    wr(t, 0, 0xFF000000);
    assert_int_equal(rd(t, 0), 0x0F000000);
    assert_int_equal(rd(t, 2), 0x0F000000);
    for (u8 i = 0; i < 24; i++) {
        assert_int_equal(rd(t, (u8)(0x10 + 2 * i)), 0x10000);
        assert_int_equal(rd(t, (u8)(0x11 + 2 * i)), 0);
    }
    assert_int_equal(rd(t, 0x40), 0);
    wr(t, 0x40, 0xFFFFFFFF);
    wr(t, 0x3F, 0xFFFFFFFF);
    assert_int_equal(rd(t, 0x3F), 0xFF000000);
    wr(t, 0x3E, 0xFFFFFFFF);
    assert_int_equal(rd(t, 0x3E), 0x1AFFF);
    assert_int_equal(fake_read(&t->fb, IOAPIC_BASE + 0x11, 1), 0xAF);
    fake_write(&t->fb, IOAPIC_BASE, 1, 1); /* the index takes bytes */
    assert_int_equal(fake_read(&t->fb, IOAPIC_BASE + 0x10, 4), 0x00170011);
}

static void test_edge(void **state)
{
    struct fixture *t = *state;
    set_pin(t, 4, true); /* masked: lost */
    wr(t, 0x19, 0x03000000);
    wr(t, 0x18, 0x0930); /* pin 4: lowest priority, logical, vector 30h */
    assert_int_equal(t->messages, 0);
    set_pin(t, 4, false);
    set_pin(t, 4, true);
    assert_int_equal(t->messages, 1);
    assert_int_equal(t->last.dest, 3);
    assert_true(t->last.logical);
    assert_int_equal(t->last.mode, APIC_LOWEST);
    assert_int_equal(t->last.vector, 0x30);
    assert_false(t->last.level);
    set_pin(t, 4, true);
    assert_int_equal(t->messages, 1);
    wr(t, 0x18, 0x0430); /* NMI */
    set_pin(t, 4, false);
    set_pin(t, 4, true);
    assert_int_equal(t->last.mode, APIC_NMI);
}

static void test_level(void **state)
{
    struct fixture *t = *state;
    wr(t, 0x26, 0x1A055); /* pin 11: level, active low, masked */
    set_pin(t, 11, true);
    assert_int_equal(t->messages, 0);
    wr(t, 0x26, 0xA055); /* unmasking shows that it is asserted */
    assert_int_equal(t->messages, 1);
    assert_true(t->last.level);
    assert_int_equal(rd(t, 0x26), 0xE055);
    set_pin(t, 11, false);
    set_pin(t, 11, true); /* Remote IRR holds it back */
    assert_int_equal(t->messages, 1);
    ioapic_eoi(&t->io, 0x54);
    assert_int_equal(t->messages, 1);
    ioapic_eoi(&t->io, 0x55);
    assert_int_equal(t->messages, 2);
    set_pin(t, 11, false);
    ioapic_eoi(&t->io, 0x55);
    assert_int_equal(t->messages, 2);
    assert_int_equal(rd(t, 0x26), 0xA055);
}

/* Remote IRR cannot be written, but turning the entry into an edge clears it. */
static void test_remote_irr(void **state)
{
    struct fixture *t = *state;
    wr(t, 0x10, 0x8060);
    set_pin(t, 0, true);
    set_pin(t, 0, false);
    wr(t, 0x10, 0x18060);
    assert_int_equal(rd(t, 0x10), 0x1C060);
    wr(t, 0x10, 0x10060);
    wr(t, 0x10, 0x18060);
    assert_int_equal(rd(t, 0x10), 0x18060);
    t->refuse = true; /* nobody took it: no EOI will come */
    wr(t, 0x10, 0x8060);
    set_pin(t, 0, true);
    assert_int_equal(rd(t, 0x10), 0x8060);
}

static void test_with_lapic(void **state)
{
    struct fixture *t = *state;
    struct cpu_port cpu = {0};
    t->net = (struct apic_bus){.ctx = t, .eoi = on_eoi};
    t->wired = true;
    lapic_init(&t->lapic, &t->fb.bus, &t->net, 0, &cpu);
    lapic_write(&t->lapic, 0xF0, 0x1FF);
    wr(t, 0x26, 0x8055);
    set_pin(t, 11, true);
    for (int i = 0; i < 3; i++) { /* as long as the device asks */
        assert_int_equal(lapic_ack(&t->lapic), 0x55);
        assert_int_equal(rd(t, 0x26), 0xC055);
        if (i == 2)
            set_pin(t, 11, false);
        lapic_write(&t->lapic, 0xB0, 0);
    }
    assert_int_equal(rd(t, 0x26), 0x8055);
    assert_int_equal(lapic_ack(&t->lapic), 0xFF);
}

static void test_roundtrip(void **state)
{
    struct fixture *t = *state;
    wr(t, 0, 0x05000000);
    wr(t, 0x26, 0x8055);
    wr(t, 0x27, 0x12000000);
    set_pin(t, 11, true);
    assert_true(fake_roundtrip(&ioapic_ops, &t->io));
    assert_int_equal(rd(t, 0x26), 0xC055);
    ioapic_eoi(&t->io, 0x55);
    assert_int_equal(t->messages, 2);
    assert_int_equal(t->last.dest, 0x12);
    t->io.pins = ~0u;
    t->io.redirection[3] = ~(u64)0;
    t->io.id = 0xFF;
    t->io.select = 0xFF;
    assert_int_equal(ioapic_ops.loaded(&t->io), 0);
    assert_int_equal(fake_read(&t->fb, IOAPIC_BASE + 0x10, 4), 0);
    fake_write(&t->fb, IOAPIC_BASE + 0x10, 0xFFFFFFFF, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remote_irr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_with_lapic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roundtrip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
