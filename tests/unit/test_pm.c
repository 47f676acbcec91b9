/* The PIIX4's power management function. */
#include "hw/piix4pm.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { DEVFN = 1 << 3 | 3, PM = 0x600, SMB = 0xB100, SCI = 9 };

struct fixture {
    struct fake_bus fb;
    struct pci_bus pci;
    struct piix4pm pm;
    int smis, sleeps;
    unsigned sus_typ;
};

static void on_smi(void *ctx)
{
    struct fixture *t = ctx;
    t->smis++;
}

static void on_sleep(void *ctx, unsigned sus_typ)
{
    struct fixture *t = ctx;
    t->sleeps++;
    t->sus_typ = sus_typ;
}

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    pci_bus_init(&t.pci, &t.fb.bus);
    struct piix4pm_wiring w = {.sci = fake_line(&t.fb, SCI), .ctx = &t, .smi = on_smi, .sleep = on_sleep};
    piix4pm_init(&t.pm, &t.pci, &w);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    return 0;
}

/* As SeaBIOS sets it up. */
static void firmware(struct fixture *t)
{
    pci_config_write(&t->pci, DEVFN, 0x40, PM | 1, 4);
    pci_config_write(&t->pci, DEVFN, 0x80, 1, 1);
    pci_config_write(&t->pci, DEVFN, 0x90, SMB | 1, 4);
    pci_config_write(&t->pci, DEVFN, 0xD2, 9, 1);
}

static void test_base_moves(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(pci_config_read(&t->pci, DEVFN, 0, 4), 0x71138086);
    assert_int_equal(pci_config_read(&t->pci, DEVFN, 0x40, 4), 1);
    assert_int_equal(fake_inl(&t->fb, PM + 8), 0xFFFFFFFF);
    fake_run_ns(&t->fb, 1000000);
    firmware(t);
    assert_int_equal(piix4pm_base(&t->pm), PM);
    assert_int_equal(fake_inl(&t->fb, PM + 8), 3579);
    pci_config_write(&t->pci, DEVFN, 0x40, 0xFFFFE43F, 4);
    assert_int_equal(pci_config_read(&t->pci, DEVFN, 0x40, 4), 0xE401);
    assert_int_equal(fake_inl(&t->fb, PM + 8), 0xFFFFFFFF);
    assert_int_equal(fake_inl(&t->fb, 0xE408), 3579);
    pci_config_write(&t->pci, DEVFN, 0x80, 0, 1);
    assert_int_equal(fake_inl(&t->fb, 0xE408), 0xFFFFFFFF);
    assert_int_equal(piix4pm_base(&t->pm), 0);
}

static void test_timer(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    fake_run_ns(&t->fb, NS_PER_SEC);
    assert_int_equal(fake_inl(&t->fb, PM + 8), 3579545);
    assert_int_equal(fake_inb(&t->fb, PM + 9), 3579545 >> 8 & 0xFF);
    fake_run_ns(&t->fb, 4 * NS_PER_SEC);
    assert_int_equal(fake_inl(&t->fb, PM + 8), (5 * 3579545) & 0xFFFFFF);
    fake_outl(&t->fb, PM + 8, 0); /* read only */
    assert_int_equal(fake_inl(&t->fb, PM + 8), (5 * 3579545) & 0xFFFFFF);
}

/* TMROF_STS at each change of bit 23, at the exact time; SCI only if enabled. */
static void test_overflow(void **state)
{
    struct fixture *t = *state;
    u64 half = ticks_to_ns(1u << 23, PIIX4PM_TIMER_HZ);
    firmware(t);
    fake_run_ns(&t->fb, half - 1);
    assert_int_equal(fake_inw(&t->fb, PM), 0);
    fake_run_ns(&t->fb, 1);
    assert_int_equal(fake_inw(&t->fb, PM), 1);
    assert_false(t->fb.line[SCI]);
    fake_outw(&t->fb, PM + 2, 1);
    assert_false(t->fb.line[SCI]); /* SCI_EN is still 0 */
    fake_outb(&t->fb, PIIX4PM_SMI_CMD, PIIX4PM_ACPI_ENABLE);
    assert_int_equal(fake_inw(&t->fb, PM + 4) & 1, 1);
    assert_true(t->fb.line[SCI]);
    fake_outw(&t->fb, PM, 1);
    assert_false(t->fb.line[SCI]);
    u64 second = ticks_to_ns(2u << 23, PIIX4PM_TIMER_HZ);
    fake_run_ns(&t->fb, second - clock_now(&t->fb.clock) - 1);
    assert_false(t->fb.line[SCI]);
    fake_run_ns(&t->fb, 1);
    assert_true(t->fb.line[SCI]);
    fake_outb(&t->fb, PIIX4PM_SMI_CMD, PIIX4PM_ACPI_DISABLE);
    assert_false(t->fb.line[SCI]);
}

static void test_power_button(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    assert_false(piix4pm_power_button(&t->pm)); /* nobody listens */
    fake_outw(&t->fb, PM, 0x100);
    fake_outb(&t->fb, PIIX4PM_SMI_CMD, PIIX4PM_ACPI_ENABLE);
    fake_outw(&t->fb, PM + 2, 0x100);
    assert_true(piix4pm_power_button(&t->pm));
    assert_true(t->fb.line[SCI]);
    assert_int_equal(fake_inw(&t->fb, PM), 0x100);
    fake_outw(&t->fb, PM, 0); /* write one to clear: zero does nothing */
    assert_true(t->fb.line[SCI]);
    fake_outw(&t->fb, PM, 0x100);
    assert_false(t->fb.line[SCI]);
}

static void test_sleep(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    fake_outw(&t->fb, PM + 4, 0x0401);
    assert_int_equal(t->sleeps, 0);
    fake_outw(&t->fb, PM + 4, 0x2401);
    assert_int_equal(t->sleeps, 1);
    assert_int_equal(t->sus_typ, 1);
    assert_int_equal(fake_inw(&t->fb, PM + 4), 0x0401); /* SUS_EN reads as 0 */
    fake_outw(&t->fb, PM + 4, 0x2001);
    assert_int_equal(t->sus_typ, PIIX4PM_SLEEP_SOFT_OFF);
}

static void test_smi(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    fake_outb(&t->fb, 0xB3, 0x5A);
    fake_outb(&t->fb, 0xB2, 0x77);
    assert_int_equal(fake_inb(&t->fb, 0xB3), 0x5A);
    assert_int_equal(fake_inb(&t->fb, 0xB2), 0x77);
    assert_int_equal(t->smis, 0);
    pci_config_write(&t->pci, DEVFN, 0x58, pci_config_read(&t->pci, DEVFN, 0x58, 4) | 1u << 25, 4);
    fake_outb(&t->fb, 0xB2, 0);
    assert_int_equal(t->smis, 1); /* GLBCTL's SMI_EN does not matter */
    assert_int_equal(fake_inw(&t->fb, PM + 0x18), 0x20);
    fake_outw(&t->fb, PM + 0x18, 0x20);
    assert_int_equal(fake_inw(&t->fb, PM + 0x18), 0);
}

static void test_gpe(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    fake_outb(&t->fb, PIIX4PM_SMI_CMD, PIIX4PM_ACPI_ENABLE);
    fake_outl(&t->fb, PIIX4PM_GPE_BASE, 0xFFFFFFFF);
    assert_int_equal(fake_inl(&t->fb, PIIX4PM_GPE_BASE), 0xFFFF0000);
    assert_false(t->fb.line[SCI]);
}

static void test_smbus(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    assert_int_equal(fake_inb(&t->fb, SMB), 0);
    fake_outb(&t->fb, SMB + 4, 0xA1);
    fake_outb(&t->fb, SMB + 2, 0x48); /* byte data, start */
    assert_int_equal(fake_inb(&t->fb, SMB), 0x04);
    assert_int_equal(fake_inb(&t->fb, SMB + 2), 0x08);
    assert_false(t->fb.line[SCI]);
    fake_outb(&t->fb, SMB, 0x04);
    assert_int_equal(fake_inb(&t->fb, SMB), 0);
    fake_outb(&t->fb, SMB + 2, 0x49); /* with interrupt; SMBHSTCFG routes it to IRQ 9 */
    assert_true(t->fb.line[SCI]);
    fake_outb(&t->fb, SMB, 0x1E);
    assert_false(t->fb.line[SCI]);
}

static void test_roundtrip(void **state)
{
    struct fixture *t = *state;
    firmware(t);
    fake_outb(&t->fb, PIIX4PM_SMI_CMD, PIIX4PM_ACPI_ENABLE);
    fake_outw(&t->fb, PM + 2, 0x101);
    fake_run_ns(&t->fb, 3 * NS_PER_SEC);
    fake_outw(&t->fb, PM, 1);
    fake_outb(&t->fb, 0xB3, 0x12);
    assert_true(fake_roundtrip(&piix4pm_ops, &t->pm));
    assert_int_equal(piix4pm_base(&t->pm), PM);
    assert_int_equal(fake_inb(&t->fb, 0xB3), 0x12);
    assert_false(t->fb.line[SCI]);
    fake_run_ns(&t->fb, 3 * NS_PER_SEC); /* the next overflow still comes */
    assert_true(t->fb.line[SCI]);
    memset(t->pm.pmio, 0xFF, sizeof t->pm.pmio); /* hostile */
    memset(t->pm.smb, 0xFF, sizeof t->pm.smb);
    t->pm.tmr_halves = ~(u64)0;
    t->pm.timer.when = 0;
    assert_int_equal(piix4pm_ops.loaded(&t->pm), 0);
    fake_run_ns(&t->fb, 10 * NS_PER_SEC);
    piix4pm_ops.reset(&t->pm);
    assert_int_equal(piix4pm_base(&t->pm), 0);
    assert_false(t->fb.line[SCI]);
    assert_false(timer_armed(&t->pm.timer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_button, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gpe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smbus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roundtrip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
