/* The PIIX3's interrupt steering. */
#include "hw/piix3.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { PIRQ_A = 0x60, IOAPIC_LINES = 16 };

struct fixture {
    struct fake_bus fb;
    struct pci_bus pci;
    struct piix3 p;
    struct pci_func card[4]; /* slots 2-5 */
};

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    pci_bus_init(&t.pci, &t.fb.bus);
    struct piix3_wiring w = {0};
    for (unsigned i = 0; i < 16; i++) {
        w.pic[i] = fake_line(&t.fb, i);
        w.ioapic[i] = fake_line(&t.fb, IOAPIC_LINES + i);
    }
    piix3_init(&t.p, &t.pci, &w);
    for (unsigned i = 0; i < 4; i++) {
        pci_func_init(&t.card[i], &t.pci, (2 + i) << 3, "card", NULL, 0x1234, 0x5678, 0x020000, 0);
        t.card[i].config[0x3D] = 1;
    }
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    return 0;
}

static void route(struct fixture *t, unsigned pirq, u8 v)
{
    pci_config_write(&t->pci, 8, PIRQ_A + pirq, v, 1);
}

static void test_reset_values(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(pci_config_read(&t->pci, 8, 0x60, 4), 0x80808080);
    assert_int_equal(pci_config_read(&t->pci, 8, 0x08, 4), 0x06010000);
    assert_int_equal(pci_config_read(&t->pci, 8, 0x0E, 1), 0x80);
    assert_int_equal(pci_config_read(&t->pci, 8, 0x04, 2), 0x0007);
    assert_int_equal(pci_config_read(&t->pci, 8, 0x4C, 4), 0x0003004D);
}

/* Slot 2 pin A is PIRQB#, slot 3 PIRQC#, and so on round. */
static void test_swizzle(void **state)
{
    struct fixture *t = *state;
    for (unsigned i = 0; i < 4; i++)
        route(t, i, (u8)(3 + i)); /* IRQ 3, 4, 5, 6 */
    for (unsigned slot = 2; slot <= 5; slot++) {
        unsigned irq = 3 + ((slot - 1) & 3);
        pci_func_intx(&t->card[slot - 2], true);
        for (unsigned n = 3; n < 7; n++)
            assert_int_equal(t->fb.line[n], n == irq);
        assert_true(t->fb.line[IOAPIC_LINES + irq]);
        pci_func_intx(&t->card[slot - 2], false);
        assert_false(t->fb.line[irq]);
    }
    t->card[0].config[0x3D] = 4; /* pin D of slot 2 is PIRQA# */
    pci_func_intx(&t->card[0], true);
    assert_true(t->fb.line[3]);
}

static void test_sharing(void **state)
{
    struct fixture *t = *state;
    for (unsigned i = 0; i < 4; i++)
        route(t, i, 11);
    pci_func_intx(&t->card[0], true);
    pci_func_intx(&t->card[0], true);
    pci_func_intx(&t->card[1], true);
    pci_func_intx(&t->card[0], false);
    assert_true(t->fb.line[11]);
    assert_int_equal(t->fb.rises[11], 1);
    pci_func_intx(&t->card[1], false);
    assert_false(t->fb.line[11]);
}

static void test_rerouting(void **state)
{
    struct fixture *t = *state;
    pci_func_intx(&t->card[0], true); /* PIRQB#, disabled */
    for (unsigned n = 0; n < 16; n++)
        assert_false(t->fb.line[n]);
    route(t, 1, 10);
    assert_true(t->fb.line[10]);
    route(t, 1, 5);
    assert_true(t->fb.line[5] && !t->fb.line[10]);
    route(t, 1, 0x85);
    assert_false(t->fb.line[5]);
    route(t, 1, 13); /* not steerable: 0, 1, 2, 8, 13 */
    assert_false(t->fb.line[13]);
    route(t, 1, 0x7A); /* bits 6-4 are reserved */
    assert_int_equal(pci_config_read(&t->pci, 8, 0x61, 1), 0x0A);
}

static void test_isa_and_sci_share(void **state)
{
    struct fixture *t = *state;
    struct irq_line isa = piix3_isa_irq(&t->p, 4), sci = piix3_sci(&t->p);
    irq_set(&isa, true);
    assert_true(t->fb.line[4] && t->fb.line[IOAPIC_LINES + 4]);
    irq_set(&isa, false);
    assert_false(t->fb.line[4]);
    irq_pulse(&isa);
    assert_int_equal(t->fb.rises[4], 2);

    route(t, 1, 9);
    pci_func_intx(&t->card[0], true);
    irq_set(&sci, true);
    pci_func_intx(&t->card[0], false);
    assert_true(t->fb.line[9]);
    irq_set(&sci, false);
    assert_false(t->fb.line[9]);
}

static void test_roundtrip(void **state)
{
    struct fixture *t = *state;
    struct irq_line isa = piix3_isa_irq(&t->p, 1);
    route(t, 1, 10);
    pci_func_intx(&t->card[0], true);
    pci_func_intx(&t->card[3], true);
    irq_set(&isa, true);
    assert_true(fake_roundtrip(&piix3_ops, &t->p));
    assert_true(t->fb.line[10] && t->fb.line[1]);
    pci_func_intx(&t->card[0], false);
    assert_false(t->fb.line[10]);
    memset(t->p.pins, 0xFF, sizeof t->p.pins); /* hostile */
    t->p.sci = 77;
    assert_int_equal(piix3_ops.loaded(&t->p), 0);
    assert_true(t->fb.line[9]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reset_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_swizzle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sharing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rerouting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_isa_and_sci_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roundtrip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
